//! Reading again, and skipping: offsets of a group reset, skipped or cloned, its consumer connected
//! or not; and where its consumers say they stand.

use remora_tests::{Driver, Options, Stream, Target, clock, interop, target::unique};
use serde_json::{Value, json};

use crate::common::{numbered, producer, push, send, stop_push, topic};
use crate::go_client;

/// A group that consumes one queue in order, and two lots of messages with a time in between.
#[derive(Clone)]
struct Replay {
    java: &'static Driver,
    producer: String,
    topic: String,
    group: String,
}

impl Replay {
    fn new(target: &Target) -> Self {
        let java = interop::java();
        let producer = producer(java, target, &json!({}));
        let topic = topic(java, &producer, 1);
        Self { java, producer, topic, group: unique("cg") }
    }

    #[track_caller]
    fn consume(&self, target: &Target) -> (String, Stream) {
        let consumer = unique("push");
        let more = json!({ "group": self.group, "orderly": true });
        let stream = push(self.java, target, &consumer, &self.topic, &more);
        (consumer, stream)
    }

    #[track_caller]
    fn send(&self, prefix: &str) {
        send(self.java, &self.producer, &self.topic, &numbered(prefix, 3), &json!({}));
    }

    /// Sends three, and three more; gives a time that the first are before and the others are not.
    #[track_caller]
    fn send_around_a_time(&self, before: &str, after: &str) -> i64 {
        self.send(before);
        let between_ms = clock::wall_ms() + 1;
        while clock::wall_ms() < between_ms {
            std::hint::spin_loop();
        }
        self.send(after);
        i64::try_from(between_ms).unwrap_or(i64::MAX)
    }

    #[track_caller]
    fn reset(&self, target: &Target, to: &str) {
        self.mqadmin(
            target,
            &["resetOffsetByTime", "-g", &self.group, "-t", &self.topic, "-s", to],
        );
    }

    #[track_caller]
    fn mqadmin(&self, target: &Target, args: &[&str]) {
        let nameserver = target.nameserver();
        let args = [args, &["-n", &nameserver]].concat();
        let answer = self.java.ask("mqadmin", &json!({ "args": args }));
        assert_eq!(answer["stderr"], "", "{answer}");
    }
}

/// Takes the three messages of each lot, in order and without others between them.
#[track_caller]
fn take_lots(stream: &Stream, lots: &[(&str, i64)]) {
    let received: Vec<(Value, Value)> = stream
        .take("received", lots.len() * 3)
        .into_iter()
        .map(|event| (event["body"].clone(), event["offset"].clone()))
        .collect();
    let expected: Vec<(Value, Value)> = lots
        .iter()
        .flat_map(|(lot, first)| {
            (0..3).map(move |n| (json!(format!("{lot}-{n}")), json!(first + n)))
        })
        .collect();
    assert_eq!(received, expected);
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn consumer_goes_back_and_forth_with_its_group_connected_or_not() {
    let target = Target::shared();
    let replay = Replay::new(&target);
    let (consumer, stream) = replay.consume(&target);
    let first_ms = replay.send_around_a_time("a", "b");
    take_lots(&stream, &[("a", 0), ("b", 3)]);

    // Connected: told to go back, and no commit of the time before undoes it.
    replay.reset(&target, &first_ms.to_string());
    take_lots(&stream, &[("b", 3)]);
    stop_push(replay.java, &consumer);
    assert_eq!(stream.all("received"), Vec::<Value>::new());

    // Away: skips what came before a time, forwards.
    let second_ms = replay.send_around_a_time("c", "d");
    replay.reset(&target, &second_ms.to_string());
    let (consumer, stream) = replay.consume(&target);
    take_lots(&stream, &[("d", 9)]);
    stop_push(replay.java, &consumer);
    assert_eq!(stream.all("received"), Vec::<Value>::new());

    // Away, and back over everything.
    replay.reset(&target, &first_ms.to_string());
    let (consumer, stream) = replay.consume(&target);
    take_lots(&stream, &[("b", 3), ("c", 6), ("d", 9)]);
    replay.send("e");
    take_lots(&stream, &[("e", 12)]);
    stop_push(replay.java, &consumer);
    assert_eq!(stream.all("received"), Vec::<Value>::new());
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn reset_kept_by_the_server_moves_a_connected_consumer_by_its_pulls() {
    let options = Options {
        remora_args: ["--set", "group.server_side_reset=true"].map(str::to_owned).into(),
        apache_config: json!({ "useServerSideResetOffset": true }),
        ..Options::default()
    };
    let target = Target::fresh(&options);
    let replay = Replay::new(&target);
    let (consumer, stream) = replay.consume(&target);
    let between_ms = replay.send_around_a_time("a", "b");
    take_lots(&stream, &[("a", 0), ("b", 3)]);
    replay.reset(&target, &between_ms.to_string());
    take_lots(&stream, &[("b", 3)]);
    replay.reset(&target, "0");
    take_lots(&stream, &[("a", 0), ("b", 3)]);
    replay.send("c");
    take_lots(&stream, &[("c", 6)]);
    stop_push(replay.java, &consumer);
    assert_eq!(stream.all("received"), Vec::<Value>::new());
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn group_skips_its_backlog_and_another_goes_on_where_it_stood() {
    let target = Target::shared();
    let replay = Replay::new(&target);
    let (consumer, stream) = replay.consume(&target);
    replay.send("a");
    take_lots(&stream, &[("a", 0)]);
    stop_push(replay.java, &consumer);
    replay.send("b");

    let other = Replay { group: unique("cg"), ..replay.clone() };
    let broker = target.broker();
    other.mqadmin(&target, &["updateSubGroup", "-b", &broker, "-g", &other.group]);
    let (from, to, topic) = (&replay.group, &other.group, &replay.topic);
    other.mqadmin(&target, &["cloneGroupOffset", "-s", from, "-d", to, "-t", topic, "-o", "true"]);
    replay.mqadmin(&target, &["skipAccumulatedMessage", "-g", from, "-t", topic]);
    replay.send("c");

    let (consumer, stream) = replay.consume(&target);
    take_lots(&stream, &[("c", 6)]);
    stop_push(replay.java, &consumer);
    assert_eq!(stream.all("received"), Vec::<Value>::new());
    let (consumer, stream) = other.consume(&target);
    take_lots(&stream, &[("b", 3), ("c", 6)]);
    stop_push(replay.java, &consumer);
    assert_eq!(stream.all("received"), Vec::<Value>::new());
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn consumers_say_where_they_stand_in_each_queue() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 2);
    let (group, consumer) = (unique("cg"), unique("push"));
    let stream = push(java, &target, &consumer, &topic, &json!({ "group": group }));
    send(java, &producer, &topic, &numbered("m", 3), &json!({ "queue": 0 }));
    send(java, &producer, &topic, &numbered("n", 2), &json!({ "queue": 1 }));
    stream.take("received", 5);
    let args = json!({
        "nameserver": target.nameserver(), "topic": topic, "group": group, "sum": 5,
    });
    let status = java.ask("replay.status", &args);
    let clients = status["clients"].as_object().cloned().unwrap_or_default();
    let (client, queues) = clients.iter().next().expect("a client");
    assert_eq!((clients.len(), queues), (1, &json!({ "0": 3, "1": 2 })), "{status}");
    assert!(client.ends_with(&consumer), "{status}");
    let one = crate::common::with(args.clone(), &json!({ "client": client }));
    assert_eq!(java.ask("replay.status", &one)["clients"], status["clients"]);
    let nobody = crate::common::with(args, &json!({ "client": "nobody@1" }));
    let refused = java.call("replay.status", &nobody).failure();
    let message = refused["message"].as_str().unwrap_or_default();
    assert!(message.contains("CODE: 206") && message.contains("nobody@1"), "{refused}");
    stop_push(java, &consumer);
}

#[test]
#[cfg_attr(any(no_java, no_go), ignore = "skipped: no JDK or Maven, or no Go")]
fn go_consumer_goes_back_where_it_is_told() {
    let (go, target) = (interop::go(), Target::shared());
    let replay = Replay::new(&target);
    let consumer = unique("go-push");
    let group = json!({ "group": replay.group });
    let stream = go_client::push(go, &target, &consumer, &replay.topic, &group);
    let between_ms = replay.send_around_a_time("a", "b");
    let bodies = |count| crate::common::sorted_texts(&stream.take("received", count), "body");
    assert_eq!(bodies(6), ["a-0", "a-1", "a-2", "b-0", "b-1", "b-2"]);
    replay.reset(&target, &between_ms.to_string());
    assert_eq!(bodies(3), ["b-0", "b-1", "b-2"]);
    go.ask("push.stop", &json!({ "consumer": consumer }));
    assert_eq!(stream.all("received"), Vec::<Value>::new());
}
