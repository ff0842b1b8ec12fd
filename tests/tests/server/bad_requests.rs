//! Requests that are well-formed and wrong: a precise answer that names the field, and the limit
//! where there is one.

use remora_tests::{
    Kind, Target,
    target::unique,
    wire::{self, Reply, Wire, send_fields},
};
use serde_json::{Value, json};

const SYSTEM_ERROR: i64 = 1;
const MESSAGE_ILLEGAL: i64 = 13;
const NO_PERMISSION: i64 = 16;
const TOPIC_NOT_EXIST: i64 = 17;
const INVALID_PARAMETER: i64 = 29;
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
const PROPERTIES_BYTES_MAX: usize = 32_767;

fn set(mut fields: Value, name: &str, value: &str) -> Value {
    fields[name] = json!(value);
    fields
}

/// Refused with this code, and the remark names all of this. The connection stays usable.
#[track_caller]
fn refused(target: &Target, request: i32, fields: &Value, body: &[u8], code: i64, names: &[&str]) {
    let mut wire = Wire::connect(&target.broker());
    let reply = wire.ask(request, fields, body);
    assert_eq!(reply.code(), code, "{}", reply.header);
    // Apache's remarks name less; that is what is better here.
    if target.kind() == Kind::Remora {
        for name in names {
            assert!(reply.remark().contains(name), "'{name}' is not in: {}", reply.remark());
        }
    }
    let after: Reply = wire.ask(9999, &json!({}), &[]);
    assert_eq!(after.code(), 3, "{after:?}");
}

#[test]
fn sends_over_a_limit_are_refused_with_the_value_and_the_limit() {
    let target = Target::shared();
    let topic = unique("limits");
    wire::create_topic(&target.broker(), &topic, 1);
    let body = vec![b'x'; BODY_BYTES_MAX + 1];
    let (value, limit) = (body.len().to_string(), BODY_BYTES_MAX.to_string());
    refused(&target, 10, &send_fields(&topic), &body, MESSAGE_ILLEGAL, &["body", &value, &limit]);

    let properties = format!("long\u{1}{}\u{2}", "p".repeat(PROPERTIES_BYTES_MAX));
    let fields = set(send_fields(&topic), "properties", &properties);
    // The value counts what the broker itself would add.
    let limit = PROPERTIES_BYTES_MAX.to_string();
    refused(&target, 10, &fields, b"x", MESSAGE_ILLEGAL, &["properties", "bytes", &limit]);

    let largest = &body[..BODY_BYTES_MAX];
    let reply = Wire::connect(&target.broker()).ask(10, &send_fields(&topic), largest);
    assert_eq!(reply.code(), 0, "{}", reply.header);
}

#[test]
fn illegal_topic_names_are_refused_in_send_and_create() {
    let target = Target::shared();
    let long = "t".repeat(128);
    for (topic, names) in [
        (long.as_str(), &["topic", "128", "127"][..]),
        ("has space", &["topic", "has space"]),
        ("sla/sh", &["topic", "sla/sh"]),
        ("", &["topic"]),
    ] {
        let code = if target.kind() == Kind::Apache { INVALID_PARAMETER } else { MESSAGE_ILLEGAL };
        refused(&target, 10, &send_fields(topic), b"x", code, names);
        let create = json!({
            "topic": topic, "defaultTopic": "TBW102", "readQueueNums": "1", "writeQueueNums": "1", "perm": "6",
            "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false",
        });
        refused(&target, 17, &create, &[], INVALID_PARAMETER, names);
    }
}

#[test]
fn missing_and_malformed_fields_are_named() {
    let target = Target::shared();
    let topic = unique("fields");
    wire::create_topic(&target.broker(), &topic, 1);
    let mut fields = send_fields(&topic);
    fields.as_object_mut().map(|fields| fields.remove("queueId"));
    refused(&target, 10, &fields, b"x", SYSTEM_ERROR, &["queueId"]);
    let fields = set(send_fields(&topic), "queueId", "first");
    refused(&target, 10, &fields, b"x", SYSTEM_ERROR, &["queueId", "first"]);
    let fields = set(send_fields(&topic), "sysFlag", "99999999999");
    refused(&target, 10, &fields, b"x", SYSTEM_ERROR, &["sysFlag"]);
    refused(&target, 11, &json!({ "topic": topic }), &[], SYSTEM_ERROR, &["consumerGroup"]);
}

#[test]
fn a_queue_or_topic_that_does_not_exist_is_named() {
    let target = Target::shared();
    let topic = unique("queues");
    wire::create_topic(&target.broker(), &topic, 2);
    let fields = set(send_fields(&topic), "queueId", "7");
    refused(&target, 10, &fields, b"x", INVALID_PARAMETER, &["queueId", "7", &topic]);
    let absent = unique("absent");
    let pull = json!({
        "consumerGroup": "wire-group", "topic": absent, "queueId": "0", "queueOffset": "0", "maxMsgNums": "32",
        "sysFlag": "4", "commitOffset": "0", "suspendTimeoutMillis": "0", "subscription": "*", "subVersion": "0",
    });
    refused(&target, 11, &pull, &[], TOPIC_NOT_EXIST, &["topic", &absent]);
    let pull = set(set(pull, "topic", &topic), "queueId", "9");
    let code = if target.kind() == Kind::Apache { SYSTEM_ERROR } else { INVALID_PARAMETER };
    refused(&target, 11, &pull, &[], code, &["queueId", "9", &topic]);
    let schedule = send_fields("SCHEDULE_TOPIC_XXXX");
    refused(&target, 10, &schedule, b"x", NO_PERMISSION, &["SCHEDULE_TOPIC_XXXX"]);
}
