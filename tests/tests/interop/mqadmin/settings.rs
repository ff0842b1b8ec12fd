//! Settings of brokers and nameservers.

use remora_tests::{Target, interop, target::unique};

use super::{broker_name, filled, mqadmin, value_of};

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn configuration_is_read_and_changed_at_run_time() {
    let (java, target) = (interop::java(), Target::shared());
    let broker = target.broker();
    let read = || mqadmin(java, &target, &["getBrokerConfig", "-b", &broker]);
    let before = read();
    for (name, expected) in [("brokerClusterName", "DefaultCluster"), ("fileReservedTime", "72")] {
        assert_eq!(value_of(&before, name), Some(expected), "{before}");
    }
    let change = ["updateBrokerConfig", "-b", &broker, "-k", "fileReservedTime", "-v", "71"];
    let changed = mqadmin(java, &target, &change);
    assert!(changed.contains(&format!("update broker config success, {broker}")), "{changed}");
    assert_eq!(value_of(&read(), "fileReservedTime"), Some("71"));
    let undo = ["updateBrokerConfig", "-b", &broker, "-k", "fileReservedTime", "-v", "72"];
    mqadmin(java, &target, &undo);

    let nameserver = mqadmin(java, &target, &["getNamesrvConfig"]);
    let port = target.nameserver().rsplit_once(':').map(|(_, port)| port.to_owned());
    assert_eq!(value_of(&nameserver, "listenPort").map(str::to_owned), port, "{nameserver}");
    let put = mqadmin(java, &target, &["updateKvConfig", "-s", "ns", "-k", "key", "-v", "value"]);
    assert!(put.contains("create or update kv config to namespace success"), "{put}");
    let deleted = mqadmin(java, &target, &["deleteKvConfig", "-s", "ns", "-k", "key"]);
    assert!(deleted.contains("delete kv config from namespace success"), "{deleted}");
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn setting_of_the_nameserver_is_changed_at_run_time() {
    let (java, target) = (interop::java(), Target::shared());
    let change = |value: &str| {
        ["updateNamesrvConfig", "-k", "orderMessageEnable", "-v", value].map(str::to_owned)
    };
    for value in ["true", "false"] {
        let args = change(value);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let changed = mqadmin(java, &target, &args);
        assert!(changed.contains("update name server config success!"), "{changed}");
        let shown = mqadmin(java, &target, &["getNamesrvConfig"]);
        assert_eq!(value_of(&shown, "orderMessageEnable"), Some(value), "{shown}");
    }
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn metadata_settings_and_figures_are_exported_to_files() {
    let (java, target) = (interop::java(), Target::shared());
    let (_, topic, _) = filled(java, &target, 3, 2);
    let group = unique("exported");
    mqadmin(java, &target, &["updateSubGroup", "-c", "DefaultCluster", "-g", &group, "-q", "2"]);
    let name = broker_name(java, &target);
    let folder = tempfile::tempdir().unwrap_or_else(|cause| panic!("{cause}"));
    let place = folder.path().display().to_string();
    let export = |command: &str, file: &str| {
        let args = [command, "-c", "DefaultCluster", "-f", &place];
        let said = mqadmin(java, &target, &args);
        assert!(said.contains(&format!("export {place}/{file} success")), "{said}");
        let text = std::fs::read_to_string(folder.path().join(file)).unwrap_or_default();
        serde_json::from_str::<serde_json::Value>(&text).unwrap_or_else(|e| panic!("{e} in {text}"))
    };
    let metadata = export("exportMetadata", "metadata.json");
    assert_eq!(metadata["topicConfigTable"][&topic]["readQueueNums"], 3, "{metadata}");
    assert_eq!(metadata["subscriptionGroupTable"][&group]["retryQueueNums"], 2, "{metadata}");
    let configs = export("exportConfigs", "configs.json");
    assert_eq!(configs["clusterScale"]["masterBrokerSize"], 1, "{configs}");
    assert_eq!(configs["brokerConfigs"][&name]["flushDiskType"], "ASYNC_FLUSH", "{configs}");
    let metrics = export("exportMetrics", "metrics.json");
    let quota = &metrics["evaluateReport"][&name]["runtimeQuota"];
    let count = |field: &str| quota[field].as_u64().unwrap_or(0);
    assert!(count("topicSize") > 0 && count("groupSize") > 0, "{metrics}");
    assert!(quota["tps"]["normalInTps"].is_number(), "{metrics}");
}
