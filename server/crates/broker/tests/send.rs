//! Messages sent in every form come back as they were sent.
mod common;

use common::{Node, bodies, pull_header, send_header, until};
use remora_protocol::batch::BatchItem;
use remora_protocol::header::{SendMessageHeader, SendMessageV2};
use remora_protocol::message_id::OffsetId;
use remora_protocol::{RequestCode, ResponseCode, Text};
use remora_remoting::Body;

#[tokio::test(flavor = "multi_thread")]
async fn message_sent_with_either_header_comes_back_whole() {
    let node = Node::start();
    let client = node.client().await;
    let header = SendMessageHeader {
        flag: 42,
        properties: Text::plain("KEYS\u{1}k1 k2\u{2}TAGS\u{1}TagA\u{2}UNIQ_KEY\u{1}0A0B\u{2}"),
        ..send_header("orders")
    };
    client.ask(RequestCode::SEND_MESSAGE, &header, Body::from(b"long".to_vec())).await.ok();
    let answer = client.send(&header, "short").await.ok();

    let reply = answer.send_reply();
    let id = OffsetId::parse(&reply.msg_id).unwrap();
    assert_eq!(id.store_host.to_string(), node.addr);
    assert_eq!((reply.queue_id, reply.queue_offset), (0, 1));
    assert_eq!(reply.transaction_id.as_deref(), Some("0A0B"));
    assert_eq!(answer.field("MSG_REGION").as_deref(), Some("DefaultRegion"));
    assert_eq!(answer.field("TRACE_ON").as_deref(), Some("true"));

    let messages = client.pull(&pull_header("orders", 0)).await.ok().messages();
    assert_eq!(bodies(&messages), ["long", "short"]);
    let property = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let expected = common::Message {
        topic: "orders".into(),
        queue_id: 0,
        queue_offset: 1,
        body: "short".into(),
        flag: 42,
        properties: vec![
            property("KEYS", "k1 k2"),
            property("TAGS", "TagA"),
            property("UNIQ_KEY", "0A0B"),
            property("CLUSTER", "DefaultCluster"),
        ],
    };
    assert_eq!(messages[1], expected);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn message_without_a_unique_id_gets_one_in_record_and_reply() {
    let node = Node::start();
    let client = node.client().await;
    let header = SendMessageHeader { properties: Text::plain(""), ..send_header("orders") };
    let answer = client.send(&header, "x").await.ok();
    let given = answer.send_reply().transaction_id.unwrap().into_owned();
    let messages = client.pull(&pull_header("orders", 0)).await.ok().messages();
    assert_eq!(messages[0].property("UNIQ_KEY"), Some(given.as_str()));
    assert_eq!(given.len(), 32);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_becomes_records_with_consecutive_offsets_and_joined_ids() {
    let node = Node::start();
    let client = node.client().await;
    client.send_ok("orders", "first").await;
    let mut body = Vec::new();
    for (flag, text) in [(1, "a"), (2, "b"), (3, "c")] {
        let properties = format!("TAGS\u{1}{text}\u{2}");
        let item = BatchItem { flag, body: text.as_bytes(), properties: properties.as_bytes() };
        item.append_to(&mut body).unwrap();
    }
    let header = SendMessageHeader { batch: Some(true), ..send_header("orders") };
    let code = RequestCode::SEND_BATCH_MESSAGE;
    let answer = client.ask(code, &SendMessageV2(&header), body).await.ok();
    let reply = answer.send_reply();
    assert_eq!(reply.queue_offset, 1);
    let ids: Vec<_> = reply.msg_id.split(',').map(|id| OffsetId::parse(id).unwrap()).collect();
    assert_eq!(ids.len(), 3);
    assert!(ids.is_sorted_by_key(|id| id.physical_offset));

    let messages = client.pull(&pull_header("orders", 0)).await.ok().messages();
    assert_eq!(bodies(&messages), ["first", "a", "b", "c"]);
    let told: Vec<_> = messages
        .iter()
        .skip(1)
        .map(|message| (message.queue_offset, message.flag, message.property("TAGS")))
        .collect();
    assert_eq!(told, [(1, 1, Some("a")), (2, 2, Some("b")), (3, 3, Some("c"))]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_way_sends_are_stored_in_order_without_an_answer() {
    let node = Node::start();
    let client = node.client().await;
    client.send_ok("orders", "0").await;
    for number in 1..100 {
        let header = send_header("orders");
        let body = Body::from(number.to_string().into_bytes());
        client.conn.oneway(RequestCode::SEND_MESSAGE_V2, &SendMessageV2(&header), body).unwrap();
    }
    client.send_ok("orders", "100").await;
    let mut bodies = Vec::new();
    while bodies.len() <= 100 {
        let next = i64::try_from(bodies.len()).unwrap();
        let messages = client.pull(&pull_header("orders", next)).await.ok().messages();
        bodies.extend(messages.into_iter().map(|message| message.body));
    }
    assert_eq!(bodies, (0..=100).map(|number| number.to_string()).collect::<Vec<_>>());
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn negative_queue_id_spreads_over_the_writable_queues() {
    let node = Node::start();
    let client = node.client().await;
    let mut used = Vec::new();
    for _ in 0..8 {
        let header = SendMessageHeader { queue_id: -1, ..send_header("orders") };
        used.push(client.send(&header, "x").await.ok().send_reply().queue_id);
    }
    used.sort_unstable();
    assert_eq!(used, [0, 0, 1, 1, 2, 2, 3, 3]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn topic_is_created_from_the_template_with_the_smaller_number_of_queues() {
    let node = Node::start();
    let client = node.client().await;
    let header = SendMessageHeader { default_topic_queue_nums: 100, ..send_header("many") };
    client.send(&header, "x").await.ok();
    client.send_ok("few", "x").await;
    let config = |name: &str| node.broker.topics.find(name).unwrap().config.clone();
    assert_eq!((config("many").write_queue_nums, config("many").perm), (8, 6));
    assert_eq!((config("few").write_queue_nums, config("few").read_queue_nums), (4, 4));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_first_sends_create_one_topic_and_all_arrive() {
    let node = Node::start();
    let client = node.client().await;
    let header = send_header("orders");
    let code = RequestCode::SEND_MESSAGE_V2;
    let pending: Vec<_> = (0..50)
        .map(|number: i32| {
            let body = Body::from(number.to_string().into_bytes());
            client.conn.send(code, &SendMessageV2(&header), body, common::PATIENCE).unwrap()
        })
        .collect();
    let mut offsets = Vec::new();
    for answer in pending {
        let answer = common::answer(answer.await.unwrap()).ok();
        offsets.push(answer.send_reply().queue_offset);
    }
    offsets.sort_unstable();
    assert_eq!(offsets, (0..50).collect::<Vec<_>>());
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_flush_acknowledges_what_is_on_disk_and_at_once_where_not_waited_for() {
    let node = Node::start_with(|settings| settings.flush = remora_config::FlushDisk::Sync);
    let client = node.client().await;
    client.send_ok("orders", "first").await;
    let flushed = || node.broker.store.log_status().flushed_offset;
    for number in 0..20 {
        let answer = client.send_ok("orders", &number.to_string()).await;
        let id = OffsetId::parse(&answer.send_reply().msg_id).unwrap();
        assert!(flushed() > u64::try_from(id.physical_offset).unwrap());
    }
    let header = SendMessageHeader {
        properties: Text::plain("WAIT\u{1}false\u{2}"),
        ..send_header("orders")
    };
    client.send(&header, "unwaited").await.ok();
    until(|| {
        let status = node.broker.store.log_status();
        status.flushed_offset == status.physical_offset_max
    })
    .await;
    let messages = client.pull(&pull_header("orders", 21)).await.ok().messages();
    assert_eq!(bodies(&messages), ["unwaited"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_topic_of_a_group_is_created_by_the_send() {
    let node = Node::start();
    let client = node.client().await;
    client.send_ok("%RETRY%workers", "again").await;
    let config = node.broker.topics.find("%RETRY%workers").unwrap().config.clone();
    assert_eq!((config.write_queue_nums, config.perm), (1, 6));
    assert!(node.broker.groups.find("workers").is_some());
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_store_refuses_with_service_not_available() {
    let node = Node::start();
    let client = node.client().await;
    client.send_ok("orders", "x").await;
    node.broker.stop().await;
    let answer = client.send(&send_header("orders"), "late").await;
    answer.refused(ResponseCode::SERVICE_NOT_AVAILABLE, &["closed"]);
}
