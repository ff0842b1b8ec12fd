//! No command of the tool is forgotten.

use std::collections::BTreeSet;

use remora_tests::interop;
use serde_json::json;

/// What the tests of the commands are written in.
const SOURCES: [&str; 9] = [
    include_str!("broker.rs"),
    include_str!("groups.rs"),
    include_str!("measure.rs"),
    include_str!("messages.rs"),
    include_str!("mod.rs"),
    include_str!("offsets.rs"),
    include_str!("refused.rs"),
    include_str!("settings.rs"),
    include_str!("topics.rs"),
];

/// Commands that no test runs, by the reason.
const NOT_RUN: [(&str, &[&str]); 4] = [
    ("pop consumption", &["setConsumeMode", "exportPopRecord"]),
    (
        "authentication arrives with a later version",
        &[
            "createUser",
            "updateUser",
            "deleteUser",
            "getUser",
            "listUser",
            "copyUser",
            "createAcl",
            "updateAcl",
            "deleteAcl",
            "getAcl",
            "listAcl",
            "copyAcl",
        ],
    ),
    (
        "lite topics arrive with a later version",
        &[
            "getBrokerLiteInfo",
            "getParentTopicInfo",
            "getLiteTopicInfo",
            "getLiteClientInfo",
            "getLiteGroupInfo",
            "triggerLiteDispatch",
        ],
    ),
    ("reads files of RocksDB, speaks to no server", &["exportMetadataInRocksDB"]),
];

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn every_command_of_the_tool_is_run_or_has_a_reason() {
    let answer = interop::java().ask("mqadmin", &json!({ "args": [] }));
    let help = answer["stdout"].as_str().unwrap_or_default();
    let commands: BTreeSet<&str> = help
        .lines()
        .filter(|line| line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let (run, not_run): (Vec<&str>, Vec<&str>) = commands
        .into_iter()
        .partition(|command| SOURCES.iter().any(|text| text.contains(&format!("\"{command}\""))));
    assert!(run.len() >= 60, "{} commands are run: {run:?}", run.len());
    let with_reason: BTreeSet<&str> =
        NOT_RUN.iter().flat_map(|(_, commands)| commands.iter().copied()).collect();
    assert_eq!(BTreeSet::from_iter(not_run), with_reason);
}
