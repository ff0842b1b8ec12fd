//! What a push consumer does when handlers and brokers fail, and what it answers brokers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::fake::{Fake, Say, Seen, refuse, route, say, soon};
use remora_client::consumer::FlowLimits;
use remora_client::{
    Admin, ConsumeFrom, ConsumeOutcome, Filter, MessageView, PullConsumer, PushConsumer,
};
use remora_protocol::record::{Draft, seal};
use remora_protocol::{RequestCode, ResponseCode, body, header};
use remora_remoting::{Body, Reply};
use tokio::sync::{Notify, mpsc};

const PULL: RequestCode = RequestCode::PULL_MESSAGE;
const COMMIT: RequestCode = RequestCode::UPDATE_CONSUMER_OFFSET;
const SEND_BACK: RequestCode = RequestCode::CONSUMER_SEND_MSG_BACK;

fn record(queue_offset: i64) -> Vec<u8> {
    let mut out = Vec::new();
    Draft {
        topic: "T",
        queue_id: 0,
        flag: 0,
        sys_flag: 0,
        born_timestamp_ms: 1,
        born_host: "127.0.0.1:5".parse().unwrap(),
        store_host: "127.0.0.1:10911".parse().unwrap(),
        reconsume_times: 0,
        prepared_transaction_offset: 0,
        body: format!("m{queue_offset}").as_bytes(),
        properties: b"",
    }
    .encode(&mut out);
    seal(&mut out, queue_offset, queue_offset * 1_000, 9);
    out
}

/// A pull's answer with the messages from `first` to before `end`.
fn found(first: i64, end: i64) -> Option<Say> {
    let records: Vec<u8> = (first..end).flat_map(record).collect();
    say(offsets(Reply::success(), end, end).body(records))
}

fn offsets(reply: Reply, next: i64, max: i64) -> Reply {
    let reply = reply.field("suggestWhichBrokerId", 0).field("nextBeginOffset", next);
    reply.field("minOffset", 0).field("maxOffset", max)
}

/// A broker of topic T with one queue that holds `count` messages.
fn broker_with(count: i64, more: impl Fn(&Seen) -> Option<Say> + Send + Sync + 'static) -> Fake {
    let fake = Fake::start(move |seen| {
        let of_topic = seen.field("topic") == "T";
        match (seen.code, seen.field("queueOffset").parse::<i64>()) {
            (RequestCode::GET_ROUTEINFO_BY_TOPIC, _) if !of_topic => {
                refuse(ResponseCode::TOPIC_NOT_EXIST)
            }
            (PULL, Ok(offset)) if offset < count => found(offset, count),
            _ => more(seen),
        }
    });
    *fake.state.route.lock() = Some(route(&[("a", fake.addr())], 1));
    fake
}

fn consumer(fake: &Fake) -> remora_client::consumer::PushConsumerBuilder {
    PushConsumer::builder("g")
        .nameserver(fake.addr())
        .subscribe("T", "*")
        .consume_from(ConsumeFrom::First)
        .local_retry_after(Duration::from_millis(1))
}

fn body_of(message: &MessageView) -> String {
    String::from_utf8_lossy(message.body()).into_owned()
}

#[tokio::test]
async fn a_panic_sends_the_message_back_and_the_rest_go_on() {
    let fake = broker_with(3, |_| None);
    let consumer = consumer(&fake)
        .handler(|messages| async move {
            assert_ne!(body_of(&messages[0]), "m1", "the handler panics here, as the test wants");
            ConsumeOutcome::Success
        })
        .start()
        .await
        .unwrap();
    let back = fake.first(SEND_BACK).await;
    let said = ["offset", "group", "delayLevel", "originTopic", "maxReconsumeTimes"];
    assert_eq!(said.map(|name| back.field(name)), ["1000", "g", "0", "T", "16"]);
    consumer.shutdown().await;
    assert_eq!(fake.first(COMMIT).await.field("commitOffset"), "3");
}

#[tokio::test]
async fn a_message_that_cannot_be_sent_back_is_kept_and_handled_again_here() {
    let fake = broker_with(1, |seen| match seen.code {
        SEND_BACK => refuse(ResponseCode::SYSTEM_ERROR),
        _ => None,
    });
    let (tried, mut tries) = mpsc::unbounded_channel();
    let consumer = consumer(&fake)
        .handler(move |messages| {
            let times = messages[0].reconsume_times;
            let _ = tried.send((body_of(&messages[0]), times));
            let done = times == 2;
            async move { if done { ConsumeOutcome::Success } else { ConsumeOutcome::RetryLater } }
        })
        .start()
        .await
        .unwrap();
    for times in 0..3 {
        assert_eq!(soon(tries.recv()).await, Some(("m0".to_owned(), times)));
    }
    consumer.shutdown().await;
    assert_eq!(fake.count(SEND_BACK), 2);
    assert_eq!(fake.first(COMMIT).await.field("commitOffset"), "1");
}

#[tokio::test]
async fn what_is_still_being_handled_at_shutdown_is_not_committed() {
    let fake = broker_with(3, |_| None);
    let handled = Arc::new(AtomicUsize::new(0));
    let (counted, changed) = (Arc::clone(&handled), Arc::new(Notify::new()));
    let notify = Arc::clone(&changed);
    let consumer = consumer(&fake)
        .shutdown_timeout(Duration::from_millis(1))
        .handler(move |messages| {
            let stuck = body_of(&messages[0]) == "m1";
            let (counted, notify) = (Arc::clone(&counted), Arc::clone(&notify));
            async move {
                if stuck {
                    std::future::pending::<()>().await;
                }
                counted.fetch_add(1, Ordering::Relaxed);
                notify.notify_one();
                ConsumeOutcome::Success
            }
        })
        .start()
        .await
        .unwrap();
    while handled.load(Ordering::Relaxed) < 2 {
        soon(changed.notified()).await;
    }
    consumer.shutdown().await;
    let committed = fake.first(COMMIT).await;
    assert_eq!((committed.field("commitOffset"), fake.count(SEND_BACK)), ("1", 0));
    let left = fake
        .until("leaving the group", |seen| {
            let leave = |s: &&Seen| s.code == RequestCode::UNREGISTER_CLIENT;
            seen.iter().find(leave).cloned()
        })
        .await;
    assert_eq!(left.field("consumerGroup"), "g");
}

/// Else a broker that handles both at once may take the member in again.
#[tokio::test]
async fn a_member_leaves_once_its_heartbeats_are_answered() {
    let is_slow = Arc::new(AtomicBool::new(false));
    let slow = Arc::clone(&is_slow);
    let fake = broker_with(1, move |seen| {
        let is_kept = seen.code == RequestCode::HEART_BEAT && slow.load(Ordering::SeqCst);
        is_kept.then_some(Say::Nothing)
    });
    let consumer = consumer(&fake).handler(|_| async { ConsumeOutcome::Success });
    let consumer = Arc::new(consumer.start().await.unwrap());
    fake.first(PULL).await;
    is_slow.store(true, Ordering::SeqCst);
    let before = fake.count(RequestCode::HEART_BEAT);
    let subscribing = Arc::clone(&consumer);
    // Given up while its heartbeat is on the way.
    let subscribing =
        tokio::spawn(async move { subscribing.subscribe("T", Filter::from("A")).await });
    let another = |seen: &[Seen]| {
        let heartbeats = seen.iter().filter(|seen| seen.code == RequestCode::HEART_BEAT);
        (heartbeats.count() > before).then_some(())
    };
    fake.until("another heartbeat", another).await;
    subscribing.abort();
    let leaving = tokio::spawn(async move { consumer.shutdown().await });
    // Time enough to leave, for one that does not wait.
    let other = Admin::connect(&fake.addr()).await.unwrap();
    for _ in 0..50 {
        other.client().refresh_route("T").await.unwrap();
    }
    assert_eq!(fake.count(RequestCode::UNREGISTER_CLIENT), 0);
    fake.answer_all();
    soon(leaving).await.unwrap();
    assert_eq!(fake.count(RequestCode::UNREGISTER_CLIENT), 1);
}

#[tokio::test]
async fn an_offset_outside_the_queue_is_moved_and_committed() {
    let fake = broker_with(0, |seen| {
        let moved = || {
            let fields = offsets(Reply::success(), 100, 200).fields;
            let refusal = Reply { code: ResponseCode::PULL_OFFSET_MOVED, ..Reply::success() };
            say(fields.into_iter().fold(refusal, |reply, (name, value)| reply.field(name, value)))
        };
        match (seen.code, seen.field("queueOffset")) {
            (PULL, "0") => moved(),
            _ => None,
        }
    });
    let consumer =
        consumer(&fake).handler(|_| async { ConsumeOutcome::Success }).start().await.unwrap();
    assert_eq!(fake.first(COMMIT).await.field("commitOffset"), "100");
    consumer.shutdown().await;
}

#[tokio::test]
async fn brokers_are_answered_and_their_notification_rebalances() {
    let fake = broker_with(0, |_| None);
    let consumer = consumer(&fake)
        .rebalance_period(Duration::from_secs(3_600))
        .handler(|_| async { ConsumeOutcome::Success })
        .start()
        .await
        .unwrap();
    fake.first(PULL).await;
    let heartbeat = fake.first(RequestCode::HEART_BEAT).await;
    let data: body::HeartbeatData = body::decode(&heartbeat.body).unwrap();
    let topics: Vec<&str> = data.consumer_data_set[0]
        .subscription_data_set
        .iter()
        .map(|subscription| subscription.topic.as_str())
        .collect();
    assert_eq!(
        (data.client_id.as_str(), topics),
        (consumer.client().client_id(), vec!["%RETRY%g", "T"])
    );

    let conn = fake.connection();
    let ask = async |code, header: &(dyn remora_protocol::EncodeHeader + Sync)| {
        conn.request(code, header, Body::Empty, Duration::from_secs(10)).await.unwrap()
    };
    let request = header::GetConsumerRunningInfoHeader {
        consumer_group: "g".into(),
        client_id: "any".into(),
        ..Default::default()
    };
    let answer = ask(RequestCode::GET_CONSUMER_RUNNING_INFO, &request).await;
    let info: body::ConsumerRunningInfo = body::decode(answer.view().body).unwrap();
    assert_eq!(info.mq_table.len(), 1);
    assert_eq!(info.properties["PROP_CONSUME_TYPE"], "CONSUME_PASSIVELY");
    let answer = ask(RequestCode::CONSUME_MESSAGE_DIRECTLY, &()).await;
    assert_eq!(ResponseCode(answer.view().code), ResponseCode::REQUEST_CODE_NOT_SUPPORTED);

    // A member that sorts before us takes the only queue.
    fake.state.members.lock().push("0".to_owned());
    let notify = header::NotifyConsumerIdsChangedHeader { consumer_group: "g".into() };
    conn.oneway(RequestCode::NOTIFY_CONSUMER_IDS_CHANGED, &notify, Body::Empty).unwrap();
    let lists = |seen: &[Seen]| {
        let list = RequestCode::GET_CONSUMER_LIST_BY_GROUP;
        (seen.iter().filter(|s| s.code == list).count() >= 2).then_some(())
    };
    fake.until("another rebalance", lists).await;
    consumer.shutdown().await;
    assert_eq!(consumer.queues(), []);
}

#[tokio::test]
async fn a_reset_by_an_operator_moves_the_reader() {
    let fake = broker_with(0, |_| None);
    let consumer =
        consumer(&fake).handler(|_| async { ConsumeOutcome::Success }).start().await.unwrap();
    fake.first(PULL).await;
    let reset = body::ResetOffsetBody {
        offset_table: [(
            body::MessageQueue { broker_name: "a".into(), queue_id: 0, topic: "T".into() },
            77,
        )]
        .into(),
    };
    let fields: &[(&str, &str)] = &[("group", "g"), ("topic", "T"), ("timestamp", "0")];
    let code = RequestCode::RESET_CONSUMER_CLIENT_OFFSET;
    fake.connection().oneway(code, fields, Body::from(body::encode(&reset))).unwrap();
    fake.until("a pull at the new offset", |seen| {
        let there = |s: &Seen| s.code == PULL && s.field("queueOffset") == "77";
        seen.iter().any(there).then_some(())
    })
    .await;
    consumer.shutdown().await;
}

#[tokio::test]
async fn an_sql_filter_that_the_broker_cannot_read_fails_the_start() {
    let fake = broker_with(0, |seen| match seen.code {
        RequestCode::CHECK_CLIENT_CONFIG => refuse(ResponseCode::SUBSCRIPTION_PARSE_FAILED),
        _ => None,
    });
    let started = PushConsumer::builder("g")
        .nameserver(fake.addr())
        .subscribe("T", Filter::Sql92("a >".to_owned()))
        .handler(|_| async { ConsumeOutcome::Success })
        .start()
        .await;
    assert_eq!(started.unwrap_err().code(), Some(ResponseCode::SUBSCRIPTION_PARSE_FAILED));
    assert_eq!(fake.count(RequestCode::HEART_BEAT), 0);
}

#[tokio::test]
async fn a_consumer_that_is_dropped_closes_its_connections() {
    let fake = broker_with(0, |_| None);
    let consumer =
        consumer(&fake).handler(|_| async { ConsumeOutcome::Success }).start().await.unwrap();
    fake.first(PULL).await;
    drop(consumer);
    soon(fake.state.closed.notified()).await;
}

#[tokio::test]
async fn a_broker_that_lost_its_connections_hears_of_the_group_again_at_once() {
    let fake = broker_with(0, |_| None);
    let consumer =
        consumer(&fake).handler(|_| async { ConsumeOutcome::Success }).start().await.unwrap();
    fake.first(PULL).await;
    let old = fake.connection();
    old.close("as the test wants");
    fake.until("a heartbeat on a new connection", |seen| {
        let there = |s: &Seen| s.code == RequestCode::HEART_BEAT && s.conn != old.id;
        seen.iter().any(there).then_some(())
    })
    .await;
    consumer.shutdown().await;
}

/// Where the pulls so far began, once one began at `offset`.
async fn pulls_up_to(fake: &Fake, offset: &str) -> Vec<String> {
    fake.until("the next pull", |seen| {
        let pulls = seen.iter().filter(|seen| seen.code == PULL);
        let offsets: Vec<_> = pulls.map(|seen| seen.field("queueOffset").to_owned()).collect();
        offsets.iter().any(|began| began == offset).then_some(offsets)
    })
    .await
}

/// A broker whose pulls each bring one message, ten in all.
fn one_by_one() -> Fake {
    broker_with(0, |seen| match (seen.code, seen.field("queueOffset").parse::<i64>()) {
        (PULL, Ok(offset)) if offset < 10 => found(offset, offset + 1),
        _ => None,
    })
}

#[tokio::test]
async fn the_next_pull_leaves_while_the_handler_still_works_as_far_as_flow_control_allows() {
    // Each message has two bytes.
    let none = FlowLimits::default();
    for (limits, pulls) in [
        (FlowLimits { count_max: 3, ..none }, vec!["0", "1", "2"]),
        (FlowLimits { bytes_max: 4, ..none }, vec!["0", "1"]),
        (FlowLimits { span_max: 1, ..none }, vec!["0", "1", "2"]),
        (FlowLimits { topic_count_max: Some(2), ..none }, vec!["0", "1"]),
        (FlowLimits { topic_bytes_max: Some(1), ..none }, vec!["0"]),
    ] {
        check_pulls_within(limits, &pulls).await;
    }
}

/// Exactly these offsets are pulled while no handler ends.
async fn check_pulls_within(limits: FlowLimits, pulls: &[&str]) {
    let fake = one_by_one();
    let (started, mut starts) = mpsc::unbounded_channel();
    let consumer = consumer(&fake)
        .flow_limits(limits)
        .shutdown_timeout(Duration::ZERO)
        .handler(move |_| {
            let _ = started.send(());
            std::future::pending()
        })
        .start()
        .await
        .unwrap();
    for _ in pulls {
        assert_eq!(soon(starts.recv()).await, Some(()));
    }
    assert_eq!(pulls_up_to(&fake, pulls[pulls.len() - 1]).await, pulls);
    consumer.shutdown().await;
    assert_eq!(fake.count(PULL), pulls.len(), "none past the limit: {limits:?}");
    assert_eq!(fake.count(COMMIT), 0, "none was handled");
}

#[tokio::test]
async fn a_pull_consumer_reads_ahead_and_commits_only_what_it_gave() {
    let fake = one_by_one();
    let consumer = PullConsumer::builder("g")
        .nameserver(fake.addr())
        .consume_from(ConsumeFrom::First)
        .start()
        .await
        .unwrap();
    consumer.assign(&consumer.queues("T").await.unwrap()).await.unwrap();
    let messages = consumer.poll(Duration::from_secs(30)).await.unwrap();
    assert_eq!(messages.iter().map(body_of).collect::<Vec<_>>(), ["m0"]);
    // Eight portions ahead, one on its way to them, and one being pulled.
    assert_eq!(pulls_up_to(&fake, "9").await.len(), 10);
    consumer.commit().await.unwrap();
    assert_eq!(fake.first(COMMIT).await.field("commitOffset"), "1");
}
