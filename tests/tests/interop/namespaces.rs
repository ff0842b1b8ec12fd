//! Namespaces: with the older kind clients put `namespace%` before topics and groups, with the
//! newer one they name it in a header field that brokers leave alone.

use std::time::Duration;

use remora_client::{ClientError, Message, Producer, PullConsumer};
use remora_tests::{Driver, Stream, Target, interop, target::unique, wire};
use serde_json::{Value, json};

use crate::common::{
    drain, numbered, numbered_bodies, producer, push, send, sorted_texts, stop_push, texts, with,
};
use crate::mqadmin::mqadmin;
use crate::retry::letters_of;

/// Starts a consumer that refuses always and is given each message twice.
#[track_caller]
fn refusing(
    driver: &Driver,
    target: &Target,
    consumer: &str,
    (topic, group): (&str, &str),
    more: &Value,
) -> Stream {
    let refuses = json!({
        "group": group, "tags": "*", "failures": 1_000, "delayLevel": 1, "maxReconsumeTimes": 1,
    });
    push(driver, target, consumer, topic, &with(refuses, more))
}

/// Asserts that three messages came twice, each as one of this topic: Java's consumer strips the
/// namespace, Go's does not.
#[track_caller]
fn assert_came_twice(stream: &Stream, prefix: &str, topic: &str) {
    let received = stream.take("received", 6);
    let each: Vec<String> =
        numbered_bodies(prefix, 3).into_iter().flat_map(|body| [body.clone(), body]).collect();
    assert_eq!(sorted_texts(&received, "body"), each);
    assert_eq!(texts(&received, "topic"), vec![topic; 6]);
}

/// Two namespaces, the same topic and the same group in both.
struct Two {
    spaces: [String; 2],
    topic: String,
    group: String,
}

impl Two {
    fn new() -> Self {
        let spaces = [unique("blue"), unique("green")];
        Self { spaces, topic: unique("spaced"), group: unique("cg") }
    }

    fn space(&self, n: usize) -> Value {
        json!({ "namespace": self.spaces[n] })
    }

    /// What the broker has: each namespace's own messages under its own names, nothing else.
    #[track_caller]
    fn assert_kept_apart(&self, target: &Target) {
        let java = interop::java();
        for space in &self.spaces {
            let full = format!("{space}%{}", self.topic);
            let dead = letters_of(target, &format!("{space}%{}", self.group), 3);
            assert_eq!(sorted_texts(&dead, "body"), numbered_bodies(space, 3));
            for letter in &dead {
                assert_eq!(letter["props"]["RETRY_TOPIC"], full, "{letter}");
                assert_eq!(letter["reconsume"], 2, "{letter}");
            }
            assert_eq!(
                sorted_texts(&drain(java, target, &full), "body"),
                numbered_bodies(space, 3)
            );
        }
        let printed = mqadmin(java, target, &["topicList"]);
        let mut made: Vec<&str> = printed
            .lines()
            .map(str::trim)
            .filter(|name| name.contains(&self.topic) || name.contains(&self.group))
            .collect();
        made.sort_unstable();
        let mut expected: Vec<String> = self
            .spaces
            .iter()
            .flat_map(|space| {
                let group = format!("{space}%{}", self.group);
                let topic = format!("{space}%{}", self.topic);
                [topic, format!("%RETRY%{group}"), format!("%DLQ%{group}")]
            })
            .collect();
        expected.sort();
        assert_eq!(made, expected);
    }
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn java_namespaces_keep_messages_retries_and_dead_letters_apart() {
    let (java, target) = (interop::java(), Target::shared());
    let two = Two::new();
    for (n, space) in two.spaces.iter().enumerate() {
        let producer = producer(java, &target, &two.space(n));
        send(java, &producer, &two.topic, &numbered(space, 3), &json!({}));
    }
    let names = [unique("push"), unique("push")];
    let streams = [0, 1].map(|n| {
        let place = (two.topic.as_str(), two.group.as_str());
        refusing(java, &target, &names[n], place, &two.space(n))
    });
    for (n, stream) in streams.iter().enumerate() {
        assert_came_twice(stream, &two.spaces[n], &two.topic);
    }
    for (name, stream) in names.iter().zip(streams) {
        stop_push(java, name);
        assert_eq!(stream.all("received"), Vec::<Value>::new());
    }
    two.assert_kept_apart(&target);
}

#[test]
#[cfg_attr(any(no_java, no_go), ignore = "skipped: no JDK, Maven or Go")]
fn go_namespaces_keep_messages_retries_and_dead_letters_apart() {
    let (go, target) = (interop::go(), Target::shared());
    let two = Two::new();
    for (n, space) in two.spaces.iter().enumerate() {
        wire::create_topic(&target.broker(), &format!("{space}%{}", two.topic), 1);
        let producer = unique("go-producer");
        let args = json!({
            "producer": producer, "group": unique("pg"), "nameserver": target.nameserver(),
        });
        go.ask("producer", &with(args, &two.space(n)));
        send(go, &producer, &two.topic, &numbered(space, 3), &json!({}));
        go.ask("producer.stop", &json!({ "producer": producer }));
    }
    let names = [unique("go-push"), unique("go-push")];
    let streams = [0, 1].map(|n| {
        let place = (two.topic.as_str(), two.group.as_str());
        refusing(go, &target, &names[n], place, &two.space(n))
    });
    for (n, stream) in streams.iter().enumerate() {
        let full = format!("{}%{}", two.spaces[n], two.topic);
        assert_came_twice(stream, &two.spaces[n], &full);
    }
    for (name, stream) in names.iter().zip(streams) {
        stop_push(go, name);
        assert_eq!(stream.all("received"), Vec::<Value>::new());
    }
    two.assert_kept_apart(&target);
}

#[test]
#[cfg_attr(any(no_java, no_node), ignore = "skipped: no JDK, Maven, Node.js or npm")]
fn node_and_java_meet_in_a_namespace() {
    let (node, java, target) = (interop::node(), interop::java(), Target::shared());
    let (space, topic, sender) = (unique("blue"), unique("spaced"), unique("node-producer"));
    let spaced = json!({ "namespace": space, "nameserver": target.nameserver() });
    let full = format!("{space}%{topic}");
    wire::create_topic(&target.broker(), &full, 1);
    node.ask(
        "producer",
        &with(spaced.clone(), &json!({ "producer": sender, "group": unique("pg") })),
    );
    send(node, &sender, &topic, &numbered("node", 5), &json!({}));
    let producer = producer(java, &target, &spaced);
    send(java, &producer, &topic, &numbered("java", 5), &json!({}));

    let all = [numbered_bodies("java", 5), numbered_bodies("node", 5)].concat();
    let consumer = unique("node-push");
    let args = json!({ "consumer": consumer, "group": unique("cg"), "topic": topic });
    let stream = node.call("push", &with(spaced, &args));
    stream.expect("started");
    assert_eq!(sorted_texts(&stream.take("received", 10), "body"), all);
    node.ask("stop", &json!({ "name": consumer }));
    assert_eq!(stream.all("received"), Vec::<Value>::new());
    node.ask("stop", &json!({ "name": sender }));
    assert_eq!(sorted_texts(&drain(java, &target, &full), "body"), all);
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn java_pull_consumers_read_the_topic_of_their_namespace() {
    let (java, target) = (interop::java(), Target::shared());
    let two = Two::new();
    for (n, space) in two.spaces.iter().enumerate() {
        let producer = producer(java, &target, &two.space(n));
        send(java, &producer, &two.topic, &numbered(space, 4), &json!({}));
    }
    for (n, space) in two.spaces.iter().enumerate() {
        let consumer = unique("puller");
        let args = json!({
            "consumer": consumer, "group": two.group, "nameserver": target.nameserver(),
        });
        java.ask("pull.start", &with(args.clone(), &two.space(n)));
        let drained = java.call("pull.drain", &json!({ "consumer": consumer, "topic": two.topic }));
        assert_eq!(sorted_texts(&drained.all("received"), "body"), numbered_bodies(space, 4));
        java.ask("pull.stop", &json!({ "consumer": consumer }));

        let subscribed = with(args, &json!({ "topic": two.topic }));
        java.ask("lite", &with(subscribed, &two.space(n)));
        let polled = java.call("lite.poll", &json!({ "consumer": consumer, "count": 4 }));
        let received = polled.all("received");
        java.ask("lite.stop", &json!({ "consumer": consumer }));
        assert_eq!(sorted_texts(&received, "body"), numbered_bodies(space, 4));
        assert_eq!(texts(&received, "topic"), vec![two.topic.as_str(); 4]);
    }
}

/// As at Apache, whose broker takes the header's namespace for granted: it is for proxies.
#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn namespace_in_the_header_changes_no_name() {
    let (java, target) = (interop::java(), Target::shared());
    let named = |space: &str| json!({ "namespaceV2": space });
    let producer = producer(java, &target, &named("blue"));
    let (topic, group, consumer) = (unique("spaced"), unique("cg"), unique("push"));
    send(java, &producer, &topic, &numbered("v2", 3), &json!({}));
    let stream = refusing(java, &target, &consumer, (&topic, &group), &named("green"));
    assert_came_twice(&stream, "v2", &topic);
    stop_push(java, &consumer);
    assert_eq!(stream.all("received"), Vec::<Value>::new());
    let dead = letters_of(&target, &group, 3);
    assert_eq!(sorted_texts(&dead, "body"), numbered_bodies("v2", 3));
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn our_client_and_java_meet_in_a_namespace() {
    let (java, target) = (interop::java(), Target::shared());
    let (space, topic) = (unique("blue"), unique("spaced"));
    let full = format!("{space}%{topic}");
    wire::create_topic(&target.broker(), &full, 1);
    let producer = producer(java, &target, &json!({ "namespace": space }));
    send(java, &producer, &topic, &numbered("java", 3), &json!({}));
    let runtime = tokio::runtime::Runtime::new().unwrap_or_else(|cause| panic!("{cause}"));
    let pulled = runtime.block_on(async {
        let ours = Producer::builder(unique("pg")).nameserver(target.nameserver());
        let ours = ours.namespace(&space).start().await?;
        for body in numbered_bodies("rust", 3) {
            ours.send(Message::new(topic.as_str(), body)).await?;
        }
        ours.shutdown().await;
        let reader = PullConsumer::builder(unique("cg")).nameserver(target.nameserver());
        let reader = reader.namespace(&space).start().await?;
        let queues = reader.queues(&topic).await?;
        let pulled = reader.pull(&queues[0], 0, 32, Duration::ZERO).await?;
        reader.shutdown().await;
        Ok::<_, ClientError>(pulled.messages)
    });
    let pulled = pulled.unwrap_or_else(|cause| panic!("{cause}"));
    let all = [numbered_bodies("java", 3), numbered_bodies("rust", 3)].concat();
    let read: Vec<_> =
        pulled.iter().map(|m| (String::from_utf8_lossy(m.body()), m.topic())).collect();
    let expected: Vec<_> = all.iter().map(|body| (body.as_str().into(), topic.as_str())).collect();
    assert_eq!(read, expected);

    let consumer = unique("push");
    let stream = push(java, &target, &consumer, &topic, &json!({ "namespace": space }));
    let received = stream.take("received", 6);
    stop_push(java, &consumer);
    assert_eq!(sorted_texts(&received, "body"), all);
    assert_eq!(stream.all("received"), Vec::<Value>::new());
}
