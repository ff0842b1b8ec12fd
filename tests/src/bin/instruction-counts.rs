//! Instructions per operation of the hot paths, held to what `tests/instruction-counts.json` has
//! recorded: a figure that a busy machine does not change.
//!
//! `cargo run -p remora-tests --bin instruction-counts` builds each crate's example
//! `instruction_counts` in release, counts under valgrind, points out where an operation takes over
//! 3 % more than recorded and fails over 10 %; with `--record` it writes the file anew.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser;

/// A workload runs twice; the difference leaves its start and its warm-up out.
const OPERATIONS: [u64; 2] = [1_000, 11_000];

/// The counts of one program repeat to 0.1 %, from one x86-64 to another too once `TUNABLES` are
/// set. The rest is room for what a change elsewhere does to inlining, which is worth a look.
const NOTED_PERCENT: u64 = 3;
const TOLERANCE_PERCENT: u64 = 10;

/// The C library picks its copies and comparisons by the CPU: here the same ones everywhere. Its
/// older releases know the second form of the names, and each skips those it does not know.
const TUNABLES: &str = "glibc.cpu.hwcaps=-AVX2,-AVX2_Usable,-AVX,-AVX_Usable,-ERMS,-FSRM,-EVEX,\
                        -AVX_Fast_Unaligned_Load,-AVX512VL,-AVX512VL_Usable,-SSSE3,-SSE4_1";

#[derive(Debug, Parser)]
struct Args {
    /// Writes the counts into the file, where smaller or larger.
    #[arg(long)]
    record: bool,
    /// Only workloads whose name contains this.
    #[arg(default_value = "")]
    filter: String,
}

/// Workload and instructions per operation, by crate.
type Counts = BTreeMap<String, BTreeMap<String, u64>>;

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    if !cfg!(target_arch = "x86_64") {
        println!("skipped: the counts are those of x86-64");
        return Ok(ExitCode::SUCCESS);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("instruction-counts.json");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let mut recorded: Counts = serde_json::from_str(&text)?;
    let mut sound = true;
    println!("{:28} {:>10} {:>10}", "instructions per operation", "counted", "recorded");
    for (package, limits) in &mut recorded {
        let program = build(package)?;
        let names = output(&mut Command::new(&program))?;
        let names: Vec<&str> = names.lines().filter(|name| name.contains(&args.filter)).collect();
        for name in names {
            let counted = per_operation(&program, name)?;
            let limit = limits.get(name).copied();
            println!(
                "{name:28} {counted:>10} {:>10}{}",
                limit.unwrap_or(0),
                verdict(counted, limit)
            );
            sound &= limit.is_some_and(|limit| !is_over(counted, limit, TOLERANCE_PERCENT));
            if args.record {
                limits.insert(name.to_owned(), counted);
            }
        }
    }
    if args.record {
        fs::write(&path, serde_json::to_string_pretty(&recorded)? + "\n")?;
        return Ok(ExitCode::SUCCESS);
    }
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn is_over(counted: u64, limit: u64, percent: u64) -> bool {
    counted * 100 > limit * (100 + percent)
}

fn verdict(counted: u64, limit: Option<u64>) -> &'static str {
    match limit {
        None => "  NOT RECORDED: run with --record",
        Some(limit) if is_over(counted, limit, TOLERANCE_PERCENT) => "  OVER",
        Some(limit) if is_over(counted, limit, NOTED_PERCENT) => "  more: find out why",
        Some(limit) if is_over(limit, counted, NOTED_PERCENT) => "  fewer: run with --record",
        Some(_) => "",
    }
}

/// Builds a crate's example; gives the program.
fn build(package: &str) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let messages = output(
        Command::new(cargo)
            .args(["build", "--release", "--locked", "--message-format", "json", "-p", package])
            .args(["--example", "instruction_counts"]),
    )?;
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "instruction_counts")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .with_context(|| format!("{package} has no example instruction_counts"))
}

fn per_operation(program: &Path, workload: &str) -> Result<u64> {
    let [few, many] = OPERATIONS;
    let (base, whole) = (count(program, workload, few)?, count(program, workload, many)?);
    ensure!(whole > base, "{workload}: {whole} instructions for {many}, {base} for {few}");
    Ok((whole - base) / (many - few))
}

/// Instructions of a whole run.
fn count(program: &Path, workload: &str, operations: u64) -> Result<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
        .arg(program)
        .args([workload, &operations.to_string()])
        .env("GLIBC_TUNABLES", TUNABLES);
    let run = valgrind.output().context("valgrind: is it installed?")?;
    let report = String::from_utf8_lossy(&run.stderr);
    ensure!(run.status.success(), "{workload}: {report}");
    let refs = report.lines().find_map(|line| line.split_once("refs:"));
    let Some((_, refs)) = refs else { bail!("{workload}: no count in {report}") };
    Ok(refs.trim().replace(',', "").parse()?)
}

fn output(command: &mut Command) -> Result<String> {
    let run = command.stderr(std::process::Stdio::inherit()).output()?;
    ensure!(run.status.success(), "{command:?}: {}", run.status);
    Ok(String::from_utf8(run.stdout)?)
}
