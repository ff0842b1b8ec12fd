//! The sources of a configuration, each read into plain assignments.
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{ConfigError, Notice};
use crate::nearest::nearest;
use crate::origin::Origin;
use crate::properties;
use crate::settings::KEYS;

/// What a configuration is read from; later ones win.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// Our own format.
    pub toml: Option<PathBuf>,
    /// Apache's `broker.conf`.
    pub broker_conf: Option<PathBuf>,
    /// Keep changes of code 25 in `config/runtime.properties` of the data directory, and read them.
    pub keep_changes: bool,
    /// The environment, as (name, value); only `REMORA_*` and `NAMESRV_ADDR` are looked at.
    pub env: Vec<(String, String)>,
    pub flags: Vec<Flag>,
}

/// A flag of the command line that sets a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flag {
    /// As typed: `--data-dir`.
    pub flag: &'static str,
    /// TOML name of the key.
    pub key: &'static str,
    pub value: String,
}

/// One key set by one source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Assignment {
    pub name: String,
    pub value: String,
    pub origin: Origin,
}

/// Reads our TOML: tables are sections, arrays become lists.
pub(crate) fn read_toml(path: &Path) -> Result<Vec<Assignment>, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::File { path: path.to_owned(), source })?;
    let table = DeTable::parse(&text).map_err(|error| ConfigError::Toml {
        path: path.to_owned(),
        message: error.to_string().trim_end().to_owned(),
    })?;
    let mut found = Vec::new();
    collect(table.get_ref(), "", &mut |name, value: &Spanned<DeValue<'_>>| {
        let before = text.get(..value.span().start).unwrap_or_default();
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let origin = Origin::Toml { path: path.to_owned(), line };
        found.push(Assignment { name, value: scalar(value.get_ref()), origin });
    });
    Ok(found)
}

/// Calls `found` with the dotted name of every value that is not a table.
fn collect(
    table: &DeTable<'_>,
    prefix: &str,
    found: &mut dyn FnMut(String, &Spanned<DeValue<'_>>),
) {
    for (name, value) in table {
        let name = format!("{prefix}{}", name.get_ref());
        match value.get_ref() {
            DeValue::Table(inner) => collect(inner, &format!("{name}."), found),
            _ => found(name, value),
        }
    }
}

/// The text that the key's kind parses.
fn scalar(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => match i128::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => number.to_string(),
            Err(_) => number.to_string(),
        },
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(items) => {
            items.iter().map(|item| scalar(item.get_ref())).collect::<Vec<_>>().join(";")
        }
        DeValue::Table(_) => "a table".into(),
    }
}

/// Reads Apache's format.
pub(crate) fn read_broker_conf(path: &Path) -> Result<Vec<Assignment>, ConfigError> {
    let bytes = std::fs::read(path)
        .map_err(|source| ConfigError::File { path: path.to_owned(), source })?;
    let properties = properties::read(&bytes)
        .map_err(|source| ConfigError::Properties { path: path.to_owned(), source })?;
    let assignment = |property: properties::Property| Assignment {
        name: property.name,
        value: property.value,
        origin: Origin::BrokerConf { path: path.to_owned(), line: property.line },
    };
    Ok(properties.into_iter().map(assignment).collect())
}

/// Reads changes kept by an earlier run; a missing file holds none.
pub(crate) fn read_runtime(path: &Path) -> Result<Vec<Assignment>, ConfigError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(ConfigError::File { path: path.to_owned(), source }),
    };
    let properties = properties::read(&bytes)
        .map_err(|source| ConfigError::Properties { path: path.to_owned(), source })?;
    let assignment = |property: properties::Property| Assignment {
        name: property.name,
        value: property.value,
        origin: Origin::Runtime,
    };
    Ok(properties.into_iter().map(assignment).collect())
}

/// Names that are not made from a TOML name.
const ENV_ALIASES: &[(&str, &str)] =
    &[("NAMESRV_ADDR", "broker.nameservers"), ("REMORA_LOG", "log.level")];

/// Picks our variables from the environment.
pub(crate) fn read_env(env: &[(String, String)]) -> (Vec<Assignment>, Vec<Notice>) {
    let mut found = Vec::new();
    let mut notices = Vec::new();
    for (name, value) in env {
        let origin = Origin::Env { name: name.clone() };
        let alias = ENV_ALIASES.iter().find(|(alias, _)| alias == name).map(|(_, key)| *key);
        let key = alias.or_else(|| KEYS.iter().find(|key| key.env() == *name).map(|key| key.toml));
        if let Some(key) = key {
            found.push(Assignment { name: key.to_owned(), value: value.clone(), origin });
        } else if let Some(rest) = name.strip_prefix("REMORA_") {
            // Orchestrators make variables like REMORA_PORT_10911_TCP of a service's name: only a
            // likely slip is worth a word.
            if let Some(nearest) = nearest(rest, KEYS.iter().map(|key| key.toml)) {
                notices.push(Notice::Unknown {
                    name: name.clone(),
                    origin,
                    nearest: Some(nearest),
                });
            }
        }
    }
    (found, notices)
}
