//! Reading again, and skipping: offsets of a group reset by time, its consumer connected or not.

use remora_tests::{Driver, Options, Stream, Target, clock, interop, target::unique};
use serde_json::{Value, json};

use crate::common::{numbered, producer, push, send, stop_push, topic};

/// A group that consumes one queue in order, and two lots of messages with a time in between.
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
        let nameserver = target.nameserver();
        let args = ["resetOffsetByTime", "-g", &self.group, "-t", &self.topic, "-s", to];
        let args = [&args[..], &["-n", &nameserver]].concat();
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
