//! What Remora does not offer: the tool is told what was asked for and why it is refused.

use remora_tests::{Target, interop};

use super::{broker_name, mqadmin_fails};

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn commands_that_nobody_serves_say_why() {
    let (java, target) = (interop::java(), Target::shared());
    let broker = target.broker();
    let name = broker_name(java, &target);
    let cold = "cold-data flow control is not planned";
    let container = "there is no broker container: start another process";
    let rocks_db = "there is no RocksDB in this broker";
    let removed = format!("DefaultCluster:{name}:0");
    let cases: [(&[&str], [&str; 2]); 11] = [
        (&["getColdDataFlowCtrInfo", "-b", &broker], ["GET_COLD_DATA_FLOW_CTR_INFO", cold]),
        (
            &["updateColdDataFlowCtrGroupConfig", "-b", &broker, "-g", "g", "-v", "9"],
            ["UPDATE_COLD_DATA_FLOW_CTR_CONFIG", cold],
        ),
        (
            &["removeColdDataFlowCtrGroupConfig", "-b", &broker, "-g", "g"],
            ["REMOVE_COLD_DATA_FLOW_CTR_CONFIG", cold],
        ),
        (
            &["setCommitLogReadAheadMode", "-b", &broker, "-m", "0"],
            ["SET_COMMITLOG_READ_MODE", cold],
        ),
        (&["addBroker", "-c", &broker, "-b", "/broker.conf"], ["ADD_BROKER", container]),
        (&["removeBroker", "-c", &broker, "-b", &removed], ["REMOVE_BROKER", container]),
        (
            &["updateStaticTopic", "-t", "static", "-qn", "4", "-b", &name],
            [
                "UPDATE_AND_CREATE_STATIC_TOPIC",
                "static topics (logical queues over several brokers)",
            ],
        ),
        (
            &["remappingStaticTopic", "-t", "static", "-b", &name],
            ["RemappingStaticTopicSubCommand command failed", "No topic route"],
        ),
        (
            &["checkRocksdbCqWriteProgress", "-c", "DefaultCluster", "-t", "t"],
            ["CHECK_ROCKSDB_CQ_WRITE_PROGRESS", rocks_db],
        ),
        (
            &["rocksDBConfigToJson", "-c", "DefaultCluster"],
            ["EXPORT_ROCKSDB_CONFIG_TO_JSON", rocks_db],
        ),
        (&["switchTimerEngine", "-b", &broker, "-e", "F"], ["SWITCH_TIMER_ENGINE", rocks_db]),
    ];
    for (command, expected) in cases {
        let said = mqadmin_fails(java, &target, command);
        assert!(expected.iter().all(|part| said.contains(part)), "{command:?}: {said}");
    }
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn commands_of_the_controller_and_of_replication_say_what_is_missing() {
    let (java, target) = (interop::java(), Target::shared());
    let (broker, nameserver) = (target.broker(), target.nameserver());
    let name = broker_name(java, &target);
    let controller = "the controller arrives with a later version";
    let replication = "replication arrives with a later version";
    let at: &[&str] = &["-a", &nameserver];
    let cases: [(&[&str], [&str; 2]); 8] = [
        (
            &[&["getSyncStateSet", "-b", &name], at].concat(),
            ["CONTROLLER_GET_METADATA_INFO", controller],
        ),
        (&[&["getControllerMetaData"], at].concat(), ["CONTROLLER_GET_METADATA_INFO", controller]),
        (&[&["getControllerConfig"], at].concat(), ["GET_CONTROLLER_CONFIG", controller]),
        (
            &[&["updateControllerConfig", "-k", "key", "-v", "value"], at].concat(),
            ["UPDATE_CONTROLLER_CONFIG", controller],
        ),
        (
            &[&["electMaster", "-b", "0", "-bn", &name, "-c", "DefaultCluster"], at].concat(),
            ["CONTROLLER_GET_METADATA_INFO", controller],
        ),
        (
            &[&["cleanBrokerMetadata", "-b", "1", "-bn", &name, "-c", "DefaultCluster"], at]
                .concat(),
            ["CONTROLLER_GET_METADATA_INFO", controller],
        ),
        (&["getBrokerEpoch", "-b", &name], ["GET_BROKER_EPOCH_CACHE", replication]),
        (
            &["resetMasterFlushOffset", "-b", &broker, "-o", "0"],
            ["RESET_MASTER_FLUSH_OFFSET", replication],
        ),
    ];
    for (command, expected) in cases {
        let said = mqadmin_fails(java, &target, command);
        assert!(expected.iter().all(|part| said.contains(part)), "{command:?}: {said}");
    }
}
