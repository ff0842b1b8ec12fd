//! What the examples `instruction_counts` of all crates share.
//!
//! `instruction_counts` names its workloads; `instruction_counts NAME OPERATIONS` runs one. Counted
//! by `cargo run --release -p remora-tests --bin instruction-counts`.

/// Does something that many times.
pub type Workload = fn(operations: u64);

/// Does what the command line says.
pub fn run(workloads: &[(&str, Workload)]) {
    let mut args = std::env::args().skip(1);
    let Some(wanted) = args.next() else {
        return workloads.iter().for_each(|(name, _)| println!("{name}"));
    };
    let operations = args.next().and_then(|count| count.parse().ok()).expect("how many");
    let (_, run) = workloads.iter().find(|(name, _)| *name == wanted).expect("a known workload");
    run(operations);
}
