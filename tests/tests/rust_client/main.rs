//! Our own client against our server and against Apache's: the same scenarios, the same outcome.

use remora_tests::{Kind, Options, Target};
use tempfile::TempDir;

#[path = "../../../client/tests/suite/scenarios.rs"]
mod suite;

/// Measures how much the log grows: nobody else may write meanwhile.
const ALONE: &str = "large_bodies_travel_compressed_and_arrive_as_sent";

/// Runs every scenario, all but one at once, as many programs use one server; all that failed are
/// named.
#[track_caller]
fn all_scenarios(target: &Target) {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build();
    let runtime = runtime.unwrap_or_else(|cause| panic!("no runtime: {cause}"));
    let start = |name: &'static str| {
        let nameserver = target.nameserver();
        (name, runtime.spawn(async move { suite::run(name, &nameserver).await }))
    };
    let wait = |(name, task): (&'static str, tokio::task::JoinHandle<()>)| {
        runtime.block_on(task).is_err().then_some(name)
    };
    let mut failed: Vec<&str> = wait(start(ALONE)).into_iter().collect();
    let together = suite::NAMES.iter().copied().filter(|name| *name != ALONE);
    let running: Vec<_> = together.map(start).collect();
    failed.extend(running.into_iter().filter_map(wait));
    assert_eq!(failed, Vec::<&str>::new());
}

#[test]
fn our_client_does_all_scenarios_against_our_server() {
    all_scenarios(&Target::fresh(&Options::default()));
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn our_client_does_all_scenarios_against_apaches_server() {
    let dir = TempDir::new().unwrap_or_else(|cause| panic!("no temporary folder: {cause}"));
    // A cold JVM on a busy machine would refuse what waits for longer than 200 ms.
    let patient = serde_json::json!({ "waitTimeMillsInSendQueue": 20_000 });
    let options = Options { apache_config: patient, ..Options::default() };
    all_scenarios(&Target::at(Kind::Apache, dir, &options));
}
