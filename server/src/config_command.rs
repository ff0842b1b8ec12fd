//! `remora config`: what is set, from where, and what can be set.
use std::process::ExitCode;

use remora_config::{Change, Config, KEYS, Settings};

use crate::admin::print;
use crate::cli::ConfigCommand;
use crate::exit;

pub(crate) fn run(command: &ConfigCommand) -> ExitCode {
    match command {
        ConfigCommand::Keys => {
            println!("{}", keys());
            ExitCode::SUCCESS
        }
        ConfigCommand::Show { origin, serve } => {
            let loaded = serve
                .layers()
                .map_err(|error| error.to_string())
                .and_then(|layers| Config::load(&layers).map_err(|rejected| rejected.to_string()));
            match loaded {
                Ok((config, notices)) => {
                    for notice in notices {
                        eprintln!("remora: {notice}");
                    }
                    println!("{}", show(&config, *origin));
                    ExitCode::SUCCESS
                }
                Err(reason) => {
                    eprintln!("remora: configuration: {reason}");
                    ExitCode::from(exit::CONFIG)
                }
            }
        }
    }
}

fn show(config: &Config, with_origin: bool) -> String {
    let head: &[&str] = if with_origin { &["KEY", "VALUE", "FROM"] } else { &["KEY", "VALUE"] };
    let settings = config.settings();
    let rows = KEYS.iter().map(|key| {
        let mut row = vec![key.toml.to_owned(), key.value(&settings)];
        if with_origin {
            row.push(config.origin(key.toml).map(|origin| origin.to_string()).unwrap_or_default());
        }
        row
    });
    print::table(head, rows)
}

fn keys() -> String {
    let defaults = Settings::default();
    let rows = KEYS.iter().map(|key| {
        let change = match key.change {
            Change::Runtime => "running",
            Change::Restart => "restart",
            Change::Fixed => "file only",
        };
        let expected = key.kind.expected();
        [key.toml, key.apache, &key.value(&defaults), &expected, change, key.meaning]
            .map(str::to_owned)
            .to_vec()
    });
    print::table(&["KEY", "APACHE", "DEFAULT", "EXPECTS", "CHANGE", "MEANING"], rows)
}
