//! The broker itself: clusters, status, housekeeping.

use remora_tests::{Target, interop};

use super::{filled, mqadmin, rows, value_of};

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn cluster_list_and_broker_status_show_the_broker() {
    let (java, target) = (interop::java(), Target::shared());
    filled(java, &target, 1, 3);
    let clusters = mqadmin(java, &target, &["clusterList"]);
    let row = &rows(&clusters)[0];
    assert_eq!(
        (row[0], row[2], row[3]),
        ("DefaultCluster", "0", target.broker().as_str()),
        "{clusters}"
    );
    assert!(row[4].starts_with("V5_"), "{clusters}");

    let status = mqadmin(java, &target, &["brokerStatus", "-b", &target.broker()]);
    assert!(
        value_of(&status, "brokerVersionDesc").is_some_and(|v| v.starts_with("V5_")),
        "{status}"
    );
    let number = |name| value_of(&status, name).and_then(|value| value.parse::<u64>().ok());
    assert!(number("bootTimestamp").is_some_and(|ms| ms > 1_700_000_000_000), "{status}");
    assert!(number("msgPutTotalTodayNow").is_some_and(|count| count >= 3), "{status}");
    assert!(number("commitLogMaxOffset").is_some_and(|offset| offset > 300), "{status}");
    assert_eq!(number("commitLogMinOffset"), Some(0), "{status}");
    for name in
        ["putTps", "getTotalTps", "commitLogDiskRatio", "runtime", "sendThreadPoolQueueSize"]
    {
        assert!(value_of(&status, name).is_some(), "{name} in {status}");
    }
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn housekeeping_is_done_on_request() {
    let (java, target) = (interop::java(), Target::shared());
    let broker = target.broker();
    for command in [
        &["cleanExpiredCQ", "-b", &broker][..],
        &["deleteExpiredCommitLog", "-c", "DefaultCluster"],
        &["cleanUnusedTopic", "-b", &broker],
    ] {
        assert_eq!(mqadmin(java, &target, command).trim(), "success", "{command:?}");
    }
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn ha_status_shows_a_master_without_slaves() {
    let (java, target) = (interop::java(), Target::shared());
    filled(java, &target, 1, 3);
    let status = mqadmin(java, &target, &["haStatus", "-b", &target.broker()]);
    let values: Vec<Vec<&str>> =
        status.lines().map(|line| line.split_whitespace().collect()).collect();
    let of = |name: &str| {
        values.iter().find(|line| line.first() == Some(&name)).and_then(|line| line.get(1).copied())
    };
    assert_eq!(of("#MasterAddr"), Some(target.broker().as_str()), "{status}");
    assert_eq!(of("#SlaveNum"), Some("0"), "{status}");
    let end = of("#MasterCommitLogMaxOffset").and_then(|end| end.parse::<u64>().ok());
    assert!(end.is_some_and(|end| end > 300), "{status}");
}
