//! This client and another one in turn, each in a process of its own, on the same server.
use std::process::{Command, Stdio};

use crate::options::Options;

pub fn run(options: &Options) -> Result<(), String> {
    if options.other.is_empty() {
        return Err("--other: the other client's command is missing".to_owned());
    }
    let own = std::env::current_exe().map_err(|e| e.to_string())?;
    let load = options.load_args();
    let mut ratios = Vec::new();
    for round in 1..=options.rounds {
        let ours = rate(Command::new(&own).arg("send").args(&load))?;
        // A shell splits the command as its author expects.
        let line = format!("{} \"$@\"", options.other);
        let theirs = rate(Command::new("sh").args(["-c", &line, "sh"]).args(&load))?;
        println!("round {round}: remora {ours:.0} msg/s, other {theirs:.0} msg/s");
        ratios.push(ours / theirs);
    }
    ratios.sort_by(f64::total_cmp);
    let at = |index: usize| ratios.get(index).copied().unwrap_or(f64::NAN);
    let (min, median, max) = (at(0), at(ratios.len() / 2), at(ratios.len().saturating_sub(1)));
    println!("remora / other, min / median / max: {min:.2} / {median:.2} / {max:.2}");
    Ok(())
}

/// Runs a client; its last line of JSON says how fast it was.
fn rate(command: &mut Command) -> Result<f64, String> {
    let output = command.stderr(Stdio::inherit()).output().map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().rev().find_map(|line| line.split_once("\"perSecond\":"));
    let (_, rest) = last.ok_or_else(|| format!("{command:?} did not say its rate: {text}"))?;
    let digits: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    digits.parse().map_err(|_| format!("{command:?}: perSecond {digits}"))
}
