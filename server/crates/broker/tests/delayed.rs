//! Delayed messages over a socket: levels and times, with a clock that the tests move.
mod common;

use std::sync::Arc;

use common::{
    Answer, BASE_PROPERTIES, Client, Message, Node, SUSPEND, bodies, pull_header, send_header,
};
use remora_protocol::body::{self, DelayOffsetSerializeWrapper, TimerList, TimerPlace};
use remora_protocol::header::{
    ListTimersHeader, MoveTimerHeader, PullMessageHeader, RecallMessageHeader, SendMessageHeader,
};
use remora_protocol::{RequestCode, ResponseCode, Text};
use remora_remoting::Body;
use remora_store::Environment;
use remora_store::clock::{Clock, ManualClock};
use tempfile::TempDir;

const NOW_MS: i64 = 1_763_793_360_000;

/// A broker whose store and timers go by `clock`.
fn start_in(dir: Arc<TempDir>, clock: &Arc<ManualClock>) -> Node {
    let environment = Environment { clock: clock.clone(), ..Environment::of_machine(dir.path()) };
    Node::start_on(dir, environment, |_| ())
}

fn start(clock: &Arc<ManualClock>) -> Node {
    start_in(Arc::new(tempfile::tempdir().unwrap()), clock)
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(NOW_MS))
}

async fn send(client: &Client, topic: &str, body: &str, asks: &[(&str, &str)]) -> Answer {
    let mut properties = BASE_PROPERTIES.to_owned();
    for (name, value) in asks {
        properties.push_str(&format!("{name}\u{1}{value}\u{2}"));
    }
    let properties = Text::plain(&properties);
    client.send(&SendMessageHeader { properties, ..send_header(topic) }, body).await
}

/// Waits for what comes next in queue 0.
async fn next(client: &Client, topic: &str, queue_offset: i64) -> Vec<Message> {
    loop {
        let header = PullMessageHeader {
            sys_flag: SUSPEND,
            suspend_timeout_millis: 5_000,
            ..pull_header(topic, queue_offset)
        };
        let answer = client.pull(&header).await;
        if answer.code == ResponseCode::SUCCESS {
            return answer.messages();
        }
    }
}

async fn nothing_at(client: &Client, topic: &str, queue_offset: i64) {
    let answer = client.pull(&pull_header(topic, queue_offset)).await;
    assert_eq!(answer.code, ResponseCode::PULL_NOT_FOUND, "{}", answer.remark);
}

#[tokio::test]
async fn messages_come_to_their_topic_and_queue_when_due_and_not_before() {
    let clock = clock();
    let node = start(&clock);
    let client = node.client().await;
    client.send_ok("T", "now").await;
    send(&client, "T", "level", &[("DELAY", "2"), ("TIMER_DELAY_MS", "1")]).await.ok();
    send(&client, "T", "at", &[("TIMER_DELIVER_MS", &(NOW_MS + 2_001).to_string())]).await.ok();
    send(&client, "T", "in", &[("TIMER_DELAY_MS", "999")]).await.ok();
    send(&client, "T", "week", &[("TIMER_DELAY_SEC", "604800")]).await.ok();
    send(&client, "T", "at once", &[("TIMER_DELAY_MS", "0")]).await.ok();
    assert_eq!(bodies(&next(&client, "T", 0).await), ["now", "at once"]);
    clock.advance(998);
    nothing_at(&client, "T", 2).await;
    clock.advance(1);
    assert_eq!(bodies(&next(&client, "T", 2).await), ["in"]);
    clock.advance(1_002);
    let at = next(&client, "T", 3).await;
    assert_eq!(bodies(&at), ["at"]);
    assert_eq!(at[0].property("TIMER_OUT_MS"), Some("1763793362001"));
    assert_eq!((at[0].property("TAGS"), at[0].queue_id), (None, 0));
    clock.advance(2_999);
    let level = next(&client, "T", 4).await;
    assert_eq!(bodies(&level), ["level"]);
    assert_eq!(level[0].property("TIMER_DELAY_MS"), None);
    clock.set(NOW_MS + 604_800_000);
    assert_eq!(bodies(&next(&client, "T", 5).await), ["week"]);
    node.stop().await;
}

#[tokio::test]
async fn what_waits_survives_a_stop_and_is_delivered_once() {
    let clock = clock();
    let node = start(&clock);
    let client = node.client().await;
    for second in ["1", "3", "2"] {
        send(&client, "T", second, &[("TIMER_DELAY_SEC", second)]).await.ok();
    }
    send(&client, "T", "level", &[("DELAY", "3")]).await.ok();
    clock.advance(1_000);
    assert_eq!(bodies(&next(&client, "T", 0).await), ["1"]);
    let dir = node.stop().await;

    let node = start_in(dir, &clock);
    let client = node.client().await;
    nothing_at(&client, "T", 1).await;
    clock.advance(2_000);
    assert_eq!(bodies(&next(&client, "T", 1).await), ["2", "3"]);
    clock.advance(7_000);
    assert_eq!(bodies(&next(&client, "T", 3).await), ["level"]);
    nothing_at(&client, "T", 4).await;
    node.stop().await;
}

#[tokio::test]
async fn store_times_are_never_before_the_due_time() {
    let clock = clock();
    let node = start(&clock);
    let client = node.client().await;
    client.send_ok("T", "first").await;
    for (body, delay_ms) in [("a", "10"), ("b", "20"), ("c", "30")] {
        send(&client, "T", body, &[("TIMER_DELAY_MS", delay_ms)]).await.ok();
    }
    // Whoever sends after the clock was set back counts from the time before.
    clock.advance(25);
    assert_eq!(bodies(&next(&client, "T", 1).await), ["a", "b"]);
    clock.set(NOW_MS);
    send(&client, "T", "d", &[("TIMER_DELAY_MS", "1")]).await.ok();
    nothing_at(&client, "T", 3).await;
    clock.set(NOW_MS + 30);
    assert_eq!(bodies(&next(&client, "T", 3).await), ["d", "c"]);
    assert!(node.broker.store.now_ms() >= clock.now_ms());
    node.stop().await;
}

#[tokio::test]
async fn what_is_no_time_is_refused_and_nothing_is_stored() {
    let clock = clock();
    let node = start(&clock);
    let client = node.client().await;
    client.send_ok("T", "first").await;
    for (asks, parts) in [
        (("TIMER_DELAY_MS", "-1"), ["TIMER_DELAY_MS", "-1", "below 0"]),
        (("TIMER_DELIVER_MS", "tomorrow"), ["TIMER_DELIVER_MS", "tomorrow", "number"]),
        (("TIMER_DELAY_SEC", "99999999"), ["TIMER_DELAY_SEC", "99999999", "timerMaxDelaySec"]),
        (("DELAY", "3s"), ["DELAY", "3s", "number"]),
        (("DELAY", "99999999999999999999"), ["DELAY", "99999999999999999999", "number"]),
        (("TIMER_DELAY_MS", "31622400001"), ["TIMER_DELAY_MS", "31622400001", "31622400000 ms"]),
        (("TIMER_DELIVER_MS", "9223372036854775807"), ["9223372036854775807", "wait", "limit"]),
        (("TIMER_DELIVER_MS", "-5"), ["TIMER_DELIVER_MS", "-5", "below 0"]),
    ] {
        let answer = send(&client, "T", "never", &[asks]).await;
        answer.refused(ResponseCode::MESSAGE_ILLEGAL, &parts);
    }
    nothing_at(&client, "T", 1).await;
    assert_eq!(node.dropped_calls(), 0);
    // What was due long ago comes at once; a level past the last one is the last.
    send(&client, "T", "past", &[("TIMER_DELIVER_MS", "1")]).await.ok();
    assert_eq!(bodies(&next(&client, "T", 1).await), ["past"]);
    send(&client, "T", "level", &[("DELAY", "99")]).await.ok();
    clock.advance(2 * 3_600_000 - 1);
    nothing_at(&client, "T", 2).await;
    clock.advance(1);
    assert_eq!(bodies(&next(&client, "T", 2).await), ["level"]);
    node.stop().await;
}

/// base64url of a text, digit by digit.
fn forged(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits: Vec<u8> =
        text.bytes().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let digits = bits.chunks(6).map(|chunk| {
        let padded = chunk.iter().chain(std::iter::repeat(&0)).take(6);
        let index = padded.fold(0, |sum: usize, bit| sum * 2 + usize::from(*bit));
        char::from(DIGITS[index])
    });
    digits.collect()
}

#[tokio::test]
async fn forged_handles_are_refused_with_what_is_wrong_and_withdraw_nothing() {
    let clock = clock();
    let node = start(&clock);
    let client = node.client().await;
    timer(&client, "A1", "50").await;
    let due = NOW_MS + 50;
    let illegal = ResponseCode::ILLEGAL_OPERATION;
    for (text, code, parts) in [
        (format!("v1 T broker-b {due} A1"), illegal, ["broker", "'broker-b'"]),
        (format!("v1 U broker-a {due} A1"), illegal, ["topic", "'U'"]),
        (format!("v2 T broker-a {due} A1"), illegal, ["recallHandle", "v2"]),
        (format!("v1 T broker-a {due}"), illegal, ["recallHandle", "v1 T"]),
        ("v1 T broker-a soon A1".to_owned(), illegal, ["recallHandle", "soon"]),
        (format!("v1 T broker-a {} A1", i64::MIN), illegal, ["was due", "'A1'"]),
        (
            format!("v1 T broker-a {} A1", i64::MAX),
            ResponseCode::QUERY_NOT_FOUND,
            ["'A1'", "waits"],
        ),
        (format!("v1 T broker-a {due} B1"), ResponseCode::QUERY_NOT_FOUND, ["'B1'", "waits"]),
        ("x".repeat(10_000), illegal, ["recallHandle", "xxx"]),
    ] {
        recall(&client, "T", &forged(&text)).await.refused(code, &parts);
    }
    let header = MoveTimerHeader {
        topic: "T".into(),
        recall_handle: forged(&format!("v1 T broker-a {due} B1")).into(),
        due_ms: due + 1,
    };
    let moved = client.ask(RequestCode::MOVE_TIMER, &header, Body::Empty).await;
    moved.refused(ResponseCode::QUERY_NOT_FOUND, &["'B1'"]);
    clock.advance(50);
    assert_eq!(bodies(&next(&client, "T", 0).await), ["A1"]);
    assert_eq!(node.dropped_calls(), 0);
    node.stop().await;
}

#[tokio::test]
async fn reply_of_a_timer_message_carries_a_handle_and_other_replies_do_not() {
    let clock = clock();
    let node = start(&clock);
    let client = node.client().await;
    let timer = send(&client, "T", "a", &[("TIMER_DELAY_MS", "5")]).await.ok();
    // v1 T broker-a 1763793360005 7F00000100002A9F0000000000000001
    let handle = timer.send_reply().recall_handle.map(|handle| handle.into_owned());
    let expected =
        "djEgVCBicm9rZXItYSAxNzYzNzkzMzYwMDA1IDdGMDAwMDAxMDAwMDJBOUYwMDAwMDAwMDAwMDAwMDAx";
    assert_eq!(handle.as_deref(), Some(expected));
    // The topic is there now: not the way of first sends.
    let timer = send(&client, "T", "a", &[("TIMER_DELAY_MS", "5")]).await.ok();
    assert_eq!(timer.send_reply().recall_handle.as_deref(), Some(expected));
    let level = send(&client, "T", "a", &[("DELAY", "1")]).await.ok();
    assert_eq!(level.send_reply().recall_handle, None);
    assert_eq!(client.send_ok("T", "b").await.send_reply().recall_handle, None);
    node.stop().await;
}

fn handle_of(answer: &Answer) -> String {
    answer.send_reply().recall_handle.unwrap().into_owned()
}

/// A timer message with an id of its own.
async fn timer(client: &Client, id: &str, delay_ms: &str) -> String {
    let properties =
        format!("UNIQ_KEY\u{1}{id}\u{2}KEYS\u{1}key {id}\u{2}TIMER_DELAY_MS\u{1}{delay_ms}\u{2}");
    let properties = Text::plain(&properties);
    let header = SendMessageHeader { properties, ..send_header("T") };
    handle_of(&client.send(&header, id).await.ok())
}

async fn recall(client: &Client, topic: &str, handle: &str) -> Answer {
    let header = RecallMessageHeader {
        topic: topic.into(),
        recall_handle: handle.into(),
        ..RecallMessageHeader::default()
    };
    client.ask(RequestCode::RECALL_MESSAGE, &header, Body::Empty).await
}

async fn list(client: &Client, header: &ListTimersHeader<'_>) -> TimerList {
    let answer = client.ask(RequestCode::LIST_TIMERS, header, Body::Empty).await.ok();
    body::decode(answer.frame.body().as_ref()).unwrap()
}

#[tokio::test]
async fn recalled_message_is_not_delivered_and_a_second_recall_says_why_not() {
    let clock = clock();
    let node = start(&clock);
    let client = node.client().await;
    let first = timer(&client, "A1", "50").await;
    let second = timer(&client, "A2", "50").await;
    assert_eq!(recall(&client, "T", &first).await.ok().field("msgId").as_deref(), Some("A1"));
    let unknown = ResponseCode::QUERY_NOT_FOUND;
    recall(&client, "T", &first).await.refused(unknown, &["'A1'", "'T'", "1763793360050"]);
    clock.advance(50);
    assert_eq!(bodies(&next(&client, "T", 0).await), ["A2"]);
    nothing_at(&client, "T", 1).await;
    let illegal = ResponseCode::ILLEGAL_OPERATION;
    recall(&client, "T", &second).await.refused(illegal, &["'A2'", "was due", "0 ms ago"]);
    recall(&client, "T", "bm8=").await.refused(illegal, &["recallHandle", "no"]);
    recall(&client, "T", "?").await.refused(illegal, &["recallHandle", "'?'"]);
    client.send_ok("other", "x").await;
    recall(&client, "other", &second).await.refused(illegal, &["topic", "'T'", "'other'"]);
    recall(&client, "none", &second).await.refused(ResponseCode::TOPIC_NOT_EXIST, &["'none'"]);
    node.stop().await;
}

#[tokio::test]
async fn moved_message_comes_at_its_new_time_only() {
    let clock = clock();
    let node = start(&clock);
    let client = node.client().await;
    let handle = timer(&client, "A1", "50").await;
    let header = |recall_handle: &str, due_ms| MoveTimerHeader {
        topic: "T".into(),
        recall_handle: recall_handle.to_owned().into(),
        due_ms,
    };
    let ask = async |header: MoveTimerHeader<'_>| {
        client.ask(RequestCode::MOVE_TIMER, &header, Body::Empty).await
    };
    let moved = ask(header(&handle, NOW_MS + 20)).await.ok();
    let moved = moved.field("recallHandle").unwrap();
    ask(header(&handle, NOW_MS + 30)).await.refused(ResponseCode::QUERY_NOT_FOUND, &["'A1'"]);
    let illegal = ResponseCode::MESSAGE_ILLEGAL;
    ask(header(&moved, NOW_MS)).await.refused(illegal, &["dueMs", "later than now"]);
    clock.advance(20);
    assert_eq!(bodies(&next(&client, "T", 0).await), ["A1"]);
    clock.advance(1_000);
    let last = timer(&client, "A2", "1").await;
    clock.advance(1);
    assert_eq!(bodies(&next(&client, "T", 1).await), ["A2"]);
    assert_ne!(last, moved);
    node.stop().await;
}

#[tokio::test]
async fn waiting_messages_are_listed_in_order_a_page_at_a_time() {
    let clock = clock();
    let node = start(&clock);
    let client = node.client().await;
    for (id, delay_ms) in [("A3", "30"), ("A1", "10"), ("A4", "40"), ("A2", "20")] {
        timer(&client, id, delay_ms).await;
    }
    let wanted = ListTimersHeader { unique_id: Some("A4".into()), ..Default::default() };
    let fourth = list(&client, &wanted).await.timers.remove(0);
    assert_eq!((fourth.topic.as_str(), fourth.due_ms, fourth.body_bytes), ("T", NOW_MS + 40, 2));
    assert_eq!((fourth.stored_ms, fourth.keys.as_str()), (NOW_MS, "key A4"));
    recall(&client, "T", &fourth.recall_handle).await.ok();

    let ids = |list: &TimerList| -> Vec<String> {
        list.timers.iter().map(|timer| timer.unique_id.clone()).collect()
    };
    let page = list(&client, &ListTimersHeader { max_num: Some(2), ..Default::default() }).await;
    assert_eq!(ids(&page), ["A1", "A2"]);
    let TimerPlace { due_ms, physical_offset } = page.next.unwrap();
    let header = ListTimersHeader {
        from_due_ms: Some(due_ms),
        from_offset: Some(physical_offset),
        ..Default::default()
    };
    let page = list(&client, &header).await;
    assert_eq!((ids(&page), page.next), (vec!["A3".to_owned()], None));
    let other = ListTimersHeader { topic: Some("U".into()), ..Default::default() };
    assert_eq!(list(&client, &other).await.timers, []);
    node.stop().await;
}

#[tokio::test]
async fn offsets_of_levels_are_told_and_exported_as_apache_reads_them() {
    let clock = clock();
    let node = start(&clock);
    let client = node.client().await;
    send(&client, "T", "a", &[("DELAY", "1")]).await.ok();
    send(&client, "T", "b", &[("DELAY", "2")]).await.ok();
    clock.advance(1_000);
    assert_eq!(bodies(&next(&client, "T", 0).await), ["a"]);
    let answer = client.ask(RequestCode::GET_ALL_DELAY_OFFSET, &(), Body::Empty).await.ok();
    let told: DelayOffsetSerializeWrapper = body::decode(answer.frame.body().as_ref()).unwrap();
    assert_eq!((told.offset_table.len(), told.offset_table[&1], told.offset_table[&2]), (18, 1, 0));
    let point = client.ask(RequestCode::GET_TIMER_CHECK_POINT, &(), Body::Empty).await.ok();
    assert_eq!(point.frame.body().len(), 56);
    let dir = node.stop().await;
    let exported = std::fs::read(dir.path().join("config/delayOffset.json")).unwrap();
    assert_eq!(body::decode::<DelayOffsetSerializeWrapper>(&exported).unwrap(), told);
}
