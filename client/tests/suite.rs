//! What the client must do against any server that speaks the protocol: Remora or Apache RocketMQ.
//!
//! `REMORA_TEST_NAMESERVER=127.0.0.1:9876 cargo test -p remora-client --test suite` runs the
//! scenarios against that server, those whose name holds an argument if there is one. Without the
//! variable they count as ignored. Other crates include the scenarios and run them against servers
//! that they start.
use std::process::ExitCode;

#[path = "suite/scenarios.rs"]
mod scenarios;

fn main() -> ExitCode {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let is_wanted = |name: &&str| wanted.is_empty() || wanted.iter().any(|w| name.contains(&**w));
    let names = scenarios::NAMES.iter().copied().filter(is_wanted);
    let Ok(nameserver) = std::env::var("REMORA_TEST_NAMESERVER") else {
        let ignored = names.count();
        println!("\nREMORA_TEST_NAMESERVER is not set");
        println!("test result: ok. 0 passed; 0 failed; {ignored} ignored\n");
        return ExitCode::SUCCESS;
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.unwrap_or_else(|cause| panic!("no runtime: {cause}"));
    let (mut passed, mut failed) = (0, 0);
    for name in names {
        let nameserver = nameserver.clone();
        let run = runtime.spawn(async move { scenarios::run(name, &nameserver).await });
        let is_passed = runtime.block_on(run).is_ok();
        println!("test {name} ... {}", if is_passed { "ok" } else { "FAILED" });
        *if is_passed { &mut passed } else { &mut failed } += 1;
    }
    let result = if failed == 0 { "ok" } else { "FAILED" };
    println!("\ntest result: {result}. {passed} passed; {failed} failed; 0 ignored\n");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
