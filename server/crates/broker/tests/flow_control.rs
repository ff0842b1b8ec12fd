//! Quotas of topics and groups, and sends while the disk is slow.
mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::{Node, bodies, pull_header, until};
use remora_config::FlushDisk;
use remora_protocol::header::PullMessageHeader;
use remora_protocol::{RequestCode, ResponseCode};
use remora_store::Environment;
use remora_store::sim_disk::SimDisk;
use tempfile::TempDir;

/// Bytes a second that one message uses up for minutes.
const LOW: &str = "1";
const HIGH: &str = "1000000000";

#[tokio::test]
async fn a_send_over_its_topics_quota_is_told_the_figures_until_the_quota_is_raised() {
    let node = Node::start();
    let client = node.client().await;
    client.topic_with("metered", 1, &format!("+remora.quota.in.bytes={LOW}")).await.ok();
    client.send_ok("metered", "first").await;
    let refused = client.send(&common::send_header("metered"), "second").await;
    refused.refused(
        ResponseCode::SYSTEM_BUSY,
        &["topic 'metered'", "remora.quota.in.bytes", "the limit is 1 a second", "send again in"],
    );
    client.send_ok("free", "of another topic").await;
    client.topic_with("metered", 1, &format!("+remora.quota.in.bytes={HIGH}")).await.ok();
    client.send_ok("metered", "third").await;
    client
        .topic_with("metered", 1, "-remora.quota.in.bytes,+remora.quota.in.messages=7")
        .await
        .ok();
    let topic = node.broker.topics.find("metered").unwrap();
    let expected = BTreeMap::from([("remora.quota.in.messages".to_owned(), "7".to_owned())]);
    assert_eq!(topic.config.attributes, expected);
    assert_eq!(node.broker.metrics().rejections["over_quota"], 1);
}

#[tokio::test]
async fn a_send_that_is_refused_anyway_does_not_use_the_quota_up() {
    let node = Node::start();
    let client = node.client().await;
    client.topic_with("metered", 1, &format!("+remora.quota.in.bytes={LOW}")).await.ok();
    let mut wrong = common::send_header("metered");
    wrong.queue_id = 9;
    client.send(&wrong, "nowhere").await.refused(ResponseCode::INVALID_PARAMETER, &["queueId"]);
    client.send_ok("metered", "first").await;
}

#[tokio::test]
async fn a_quota_that_is_no_number_is_refused_and_nothing_is_changed() {
    let node = Node::start();
    let client = node.client().await;
    let refused = client.topic_with("metered", 1, "+remora.quota.in.messages=few").await;
    let parts = ["'remora.quota.in.messages'", "'few'", "from 1 to"];
    refused.refused(ResponseCode::INVALID_PARAMETER, &parts);
    assert!(node.broker.topics.find("metered").is_none());
    let refused = client.group_with("readers", "+remora.quota.out.bytes", "0").await;
    refused.refused(ResponseCode::INVALID_PARAMETER, &["'remora.quota.out.bytes'", "'0'"]);
    assert!(node.broker.groups.find("readers").is_none());
}

fn pull_of<'h>(topic: &'h str, queue_offset: i64) -> PullMessageHeader<'h> {
    PullMessageHeader {
        consumer_group: "readers".into(),
        sys_flag: common::SUSPEND,
        suspend_timeout_millis: 15_000,
        ..pull_header(topic, queue_offset)
    }
}

#[tokio::test]
async fn a_pull_over_its_groups_quota_is_held_and_one_that_may_not_be_finds_nothing() {
    let node = Node::start();
    let client = node.client().await;
    for body in ["m0", "m1", "m2"] {
        client.send_ok("metered", body).await;
    }
    let name = "+remora.quota.out.bytes";
    client.group_with("readers", name, LOW).await.ok();
    // A reply holds a second's worth: one message, as it is more than that.
    let first = client.pull(&pull_of("metered", 0)).await.ok();
    assert_eq!(bodies(&first.messages()), ["m0"]);

    let now = PullMessageHeader { sys_flag: 4, ..pull_of("metered", 1) };
    let missed = client.pull(&now).await;
    assert_eq!(missed.code, ResponseCode::PULL_NOT_FOUND);
    let reply = missed.pull_reply();
    assert_eq!((reply.next_begin_offset, reply.max_offset), (1, 3));

    // Held until it leaves with its connection: a minute would not be enough.
    let other = node.client().await;
    let waiting = other.ask_later(RequestCode::PULL_MESSAGE, &pull_of("metered", 1));
    until(|| node.broker.hold.len() == 1).await;
    client.send_ok("metered", "m3").await;
    assert_eq!(node.broker.hold.len(), 1, "what arrives does not wake it");
    drop(waiting);
    other.close().await;
    until(|| node.broker.hold.is_empty()).await;

    client.group_with("readers", name, HIGH).await.ok();
    let rest = client.pull(&pull_of("metered", 1)).await.ok();
    assert_eq!(bodies(&rest.messages()), ["m1", "m2", "m3"]);
    assert_eq!(node.broker.metrics().pulls_over_quota, 2);
}

#[tokio::test]
async fn a_pull_that_waited_for_its_quota_gets_its_messages() {
    let node = Node::start();
    let client = node.client().await;
    for body in ["m0", "m1", "m2"] {
        client.send_ok("metered", body).await;
    }
    client.group_with("readers", "+remora.quota.out.messages", "1").await.ok();
    for (queue_offset, body) in (0_i64..).zip(["m0", "m1", "m2"]) {
        let answer = client.pull(&pull_of("metered", queue_offset)).await.ok();
        assert_eq!(bodies(&answer.messages()), [body]);
    }
}

#[tokio::test]
async fn sends_are_refused_with_the_cause_while_a_flush_takes_too_long_and_taken_after_it() {
    let disk = SimDisk::new();
    let dir = Arc::new(TempDir::new().unwrap());
    let machine = Environment::of_machine(dir.path());
    let environment = Environment { disk: Arc::new(disk.clone()), ..machine };
    let node = Node::start_on(dir, environment, |settings| {
        settings.flush = FlushDisk::Sync;
        settings.send_busy_after_ms = 300;
    });
    let client = node.client().await;
    client.send_ok("orders", "before").await;
    disk.hold_syncs();
    let other = node.client().await;
    let waiting = tokio::spawn(async move { other.send_ok("orders", "meanwhile").await });
    until(|| node.broker.admission.busy().is_some()).await;
    let refused = client.send(&common::send_header("orders"), "refused").await;
    refused.refused(
        ResponseCode::SYSTEM_BUSY,
        &["flush", "the limit is 300 ms", "osPageCacheBusyTimeOutMills", "send again in"],
    );
    disk.release_syncs();
    waiting.await.unwrap();
    until(|| node.broker.admission.busy().is_none()).await;
    client.send_ok("orders", "after").await;
    let pulled = client.pull(&pull_of("orders", 0)).await.ok();
    assert_eq!(bodies(&pulled.messages()), ["before", "meanwhile", "after"]);
    assert_eq!(node.broker.metrics().rejections["send_busy"], 1);
}
