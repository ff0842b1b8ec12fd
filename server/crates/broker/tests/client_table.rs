//! Who is in which group, and who is told of a change.
use std::collections::BTreeSet;

use remora_broker::client_table::{
    Beat, BeatOutcome, Clash, ClientInfo, ClientTable, ConsumerBeat, Expired, GroupKind, Notify,
};
use remora_protocol::Language;
use remora_protocol::body::{ConsumeFromWhere, ConsumeType, MessageModel, SubscriptionData};

const KIND: GroupKind = GroupKind {
    consume_type: ConsumeType::ConsumePassively,
    message_model: MessageModel::Clustering,
    consume_from_where: ConsumeFromWhere::ConsumeFromLastOffset,
};

fn subscription(topic: &str, sub_version: i64) -> SubscriptionData {
    SubscriptionData {
        topic: topic.into(),
        sub_string: "*".into(),
        sub_version,
        ..SubscriptionData::default()
    }
}

fn consumer(group: &str, topics: &[&str]) -> ConsumerBeat {
    ConsumerBeat {
        group: group.into(),
        kind: KIND,
        subscriptions: Some(topics.iter().map(|topic| subscription(topic, 1)).collect()),
        notify: true,
    }
}

fn beat(connection_id: u64, fingerprint: i32, consumers: Vec<ConsumerBeat>) -> Beat {
    Beat {
        connection_id,
        client: ClientInfo {
            client_id: format!("client-{connection_id}"),
            language: Language::JAVA,
            version: 493,
        },
        fingerprint,
        producers: Vec::new(),
        consumers,
    }
}

fn told(group: &str, connection_ids: &[u64]) -> Notify {
    Notify { group: group.into(), connection_ids: connection_ids.to_vec() }
}

fn outcome(subscriptions_changed: bool, notify: Vec<Notify>) -> BeatOutcome {
    BeatOutcome { subscriptions_changed, notify, ..BeatOutcome::default() }
}

#[test]
fn joining_tells_every_member_once_and_repeating_tells_nobody() {
    let mut table = ClientTable::default();
    let first = table.beat(0, beat(1, 0, vec![consumer("g", &["t"])]));
    assert_eq!(first, outcome(true, vec![told("g", &[1])]));
    let second = table.beat(0, beat(2, 0, vec![consumer("g", &["t"])]));
    assert_eq!(second, outcome(true, vec![told("g", &[1, 2])]));
    let again = table.beat(1, beat(2, 0, vec![consumer("g", &["t"])]));
    assert_eq!(again, outcome(true, vec![]));
    assert_eq!(table.client_ids("g"), BTreeSet::from(["client-1", "client-2"]));
}

#[test]
fn client_that_reconnected_is_listed_once() {
    let mut table = ClientTable::default();
    table.beat(0, beat(1, 0, vec![consumer("g", &["t"])]));
    let mut again = beat(2, 0, vec![consumer("g", &["t"])]);
    again.client.client_id = "client-1".into();
    table.beat(0, again);
    assert_eq!(table.client_ids("g"), BTreeSet::from(["client-1"]));
}

#[test]
fn changed_topics_tell_the_group_but_a_newer_version_does_not() {
    let mut table = ClientTable::default();
    table.beat(0, beat(1, 0, vec![consumer("g", &["t"])]));
    let mut newer = consumer("g", &[]);
    newer.subscriptions = Some(vec![subscription("t", 2)]);
    assert_eq!(table.beat(0, beat(1, 0, vec![newer])), outcome(true, vec![]));
    let version = |table: &ClientTable| {
        table
            .group("g")
            .and_then(|group| group.subscription("t"))
            .map(|found| found.data.sub_version)
    };
    assert_eq!(version(&table), Some(2));
    // An older one, from a member that has not caught up, does not win.
    table.beat(0, beat(1, 0, vec![consumer("g", &["t"])]));
    assert_eq!(version(&table), Some(2));
    let more = table.beat(0, beat(1, 0, vec![consumer("g", &["t", "u"])]));
    assert_eq!(more, outcome(true, vec![told("g", &[1])]));
    let fewer = table.beat(0, beat(1, 0, vec![consumer("g", &["u"])]));
    assert_eq!(fewer, outcome(true, vec![told("g", &[1])]));
    assert_eq!(version(&table), None);
}

#[test]
fn members_that_subscribe_differently_are_named_once_each_time_one_changes() {
    let wanting = |connection_id: u64, wanted: &[(&str, &str)]| {
        let data = wanted.iter().map(|(topic, expression)| SubscriptionData {
            sub_string: (*expression).into(),
            ..subscription(topic, 1)
        });
        let subscriptions = Some(data.collect());
        beat(connection_id, 0, vec![ConsumerBeat { subscriptions, ..consumer("g", &[]) }])
    };
    let clash = |topic: &str, one: Option<&str>, other: Option<&str>| Clash {
        group: "g".into(),
        topic: topic.into(),
        client_ids: ["client-2".into(), "client-1".into()],
        expressions: [one.map(Into::into), other.map(Into::into)],
    };
    let mut table = ClientTable::default();
    assert_eq!(table.beat(0, wanting(1, &[("t", "A"), ("u", "*")])).clashes, []);
    let both = [clash("t", Some("B"), Some("A")), clash("u", None, Some("*"))];
    assert_eq!(table.beat(1, wanting(2, &[("t", "B")])).clashes, both);
    assert_eq!(table.beat(2, wanting(2, &[("t", "B")])).clashes, [], "known");
    let standing = |table: &ClientTable| table.group("g").unwrap().clashes();
    let turned = both.map(|clash| {
        let ([b, a], [of_b, of_a]) = (clash.client_ids.clone(), clash.expressions.clone());
        Clash { client_ids: [a, b], expressions: [of_a, of_b], ..clash }
    });
    assert_eq!(standing(&table), turned, "told for as long as it lasts");
    let one = [clash("t", Some("B"), Some("A"))];
    assert_eq!(table.beat(3, wanting(2, &[("t", "B"), ("u", "*")])).clashes, one);
    assert_eq!(table.beat(4, wanting(2, &[("t", "A"), ("u", "*")])).clashes, [], "alike again");
    assert_eq!(standing(&table), []);
    table.closed(1);
    assert_eq!(table.beat(5, wanting(2, &[("t", "C")])).clashes, [], "alone");
}

#[test]
fn broadcasting_groups_and_silenced_groups_are_not_told() {
    let mut table = ClientTable::default();
    let mut broadcasting = consumer("b", &["t"]);
    broadcasting.kind.message_model = MessageModel::Broadcasting;
    let mut silenced = consumer("s", &["t"]);
    silenced.notify = false;
    assert_eq!(table.beat(0, beat(1, 0, vec![broadcasting, silenced])), outcome(true, vec![]));
    assert_eq!(table.closed(1), vec![]);
}

#[test]
fn fingerprint_that_differs_asks_for_the_subscriptions() {
    let mut table = ClientTable::default();
    let first = table.beat(0, beat(1, 77, vec![consumer("g", &["t"])]));
    assert_eq!(first, outcome(false, vec![told("g", &[1])]));
    let mut short = consumer("g", &[]);
    short.subscriptions = None;
    let same = table.beat(0, beat(1, 77, vec![short.clone()]));
    assert_eq!(same, outcome(false, vec![]));
    assert!(table.group("g").is_some_and(|group| group.subscription("t").is_some()));
    let other = table.beat(0, beat(1, 78, vec![short]));
    assert_eq!(other, outcome(true, vec![]));
}

#[test]
fn short_heartbeat_to_a_broker_that_restarted_asks_for_the_subscriptions() {
    let mut table = ClientTable::default();
    let mut short = consumer("g", &[]);
    short.subscriptions = None;
    let first = table.beat(0, beat(1, 77, vec![short]));
    assert_eq!(first, outcome(true, vec![told("g", &[1])]));
}

#[test]
fn leaving_and_closing_tell_those_who_stay() {
    let mut table = ClientTable::default();
    for connection_id in 1..=3 {
        let mut beat = beat(connection_id, 0, vec![consumer("g", &["t"])]);
        beat.producers = vec!["p".into()];
        table.beat(0, beat);
    }
    assert_eq!(table.connection_counts(), (3, 3));
    assert_eq!(table.unregister(1, Some("p"), Some("g")), [told("g", &[2, 3])]);
    assert_eq!(table.unregister(1, Some("p"), Some("g")), []);
    assert_eq!(table.closed(2), [told("g", &[3])]);
    assert_eq!(table.closed(3), []);
    assert!(table.group("g").is_none());
    assert_eq!(table.producers("p").count(), 0);
    assert_eq!(table.connection_counts(), (0, 0));
}

#[test]
fn silent_clients_expire_and_the_others_are_told() {
    let mut table = ClientTable::default();
    table.beat(0, beat(1, 0, vec![consumer("g", &["t"])]));
    table.beat(60_000, beat(2, 0, vec![consumer("g", &["t"])]));
    let mut producer = beat(3, 0, vec![]);
    producer.producers = vec!["p".into()];
    table.beat(0, producer);
    assert_eq!(table.expire(120_000, 120_000), Expired::default());
    let expired = Expired { connection_ids: BTreeSet::from([1, 3]), notify: vec![told("g", &[2])] };
    assert_eq!(table.expire(120_001, 120_000), expired);
    assert_eq!(table.client_ids("g"), BTreeSet::from(["client-2"]));
    assert_eq!(table.groups_of_topic("t"), BTreeSet::from(["g".into()]));
}
