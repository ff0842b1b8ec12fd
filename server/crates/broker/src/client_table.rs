//! Who is connected: producers and consumers by group. Pure: connections are numbers, time is
//! given.
//!
//! Every change of a consumer group's membership returns the connections to notify (code 40), so
//! that rebalances do not wait for the clients' own rounds.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ahash::AHashMap;
use remora_protocol::Language;
use remora_protocol::body::{ConsumeFromWhere, ConsumeType, MessageModel, SubscriptionData};

use crate::subscription::{ExpressionError, MessageFilter};

/// A client as its heartbeats describe it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientInfo {
    pub client_id: String,
    pub language: Language,
    pub version: i32,
}

/// One connection in one group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    pub connection_id: u64,
    pub client: ClientInfo,
    pub last_seen_ms: i64,
}

/// One topic of a group's subscription, with its filter compiled.
#[derive(Clone, PartialEq, Debug)]
pub struct Subscription {
    pub data: SubscriptionData,
    /// Pulls are told why there is none.
    pub filter: Result<MessageFilter, ExpressionError>,
}

impl Subscription {
    pub fn new(data: SubscriptionData) -> Self {
        let filter = MessageFilter::of(&data);
        Self { data, filter }
    }
}

/// How a group consumes, as its newest heartbeat says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GroupKind {
    pub consume_type: ConsumeType,
    pub message_model: MessageModel,
    pub consume_from_where: ConsumeFromWhere,
}

/// One consumer group of a heartbeat.
#[derive(Clone, PartialEq, Debug)]
pub struct ConsumerBeat {
    pub group: String,
    pub kind: GroupKind,
    /// `None` when the heartbeat came without subscriptions (V2, unchanged fingerprint).
    pub subscriptions: Option<Vec<SubscriptionData>>,
    /// The group's setting notifyConsumerIdsChangedEnable.
    pub notify: bool,
}

/// One heartbeat.
#[derive(Clone, PartialEq, Debug)]
pub struct Beat {
    pub connection_id: u64,
    pub client: ClientInfo,
    /// 0 in a V1 heartbeat.
    pub fingerprint: i32,
    pub producers: Vec<String>,
    pub consumers: Vec<ConsumerBeat>,
}

/// Connections to send code 40 to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notify {
    pub group: Arc<str>,
    pub connection_ids: Vec<u64>,
}

/// What a heartbeat changed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BeatOutcome {
    /// Reply field IS_SUB_CHANGE: the client must send its subscriptions again.
    pub subscriptions_changed: bool,
    pub notify: Vec<Notify>,
    /// Groups and their topics that are subscribed to by another expression than before.
    pub resubscribed: Vec<(Arc<str>, String)>,
    /// Members that want something else than this one, told once.
    pub clashes: Vec<Clash>,
}

/// Two members of a group that want different messages of a topic. The group has the newest
/// subscription: each of them consumes what the other one asked for as well, or misses its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clash {
    pub group: Arc<str>,
    pub topic: String,
    /// Both with what they subscribe to; `None` where it is not this topic.
    pub client_ids: [String; 2],
    pub expressions: [Option<String>; 2],
}

/// What the expiry removed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Expired {
    pub connection_ids: BTreeSet<u64>,
    pub notify: Vec<Notify>,
}

/// Topic to expression.
type Wishes = BTreeMap<String, String>;

/// A consumer group with at least one connection.
#[derive(Clone, Debug)]
pub struct ConsumerGroup {
    pub name: Arc<str>,
    pub kind: GroupKind,
    pub members: BTreeMap<u64, Member>,
    pub subscriptions: AHashMap<String, Arc<Subscription>>,
    pub updated_ms: i64,
    /// What each member subscribes to.
    expressions: BTreeMap<u64, Wishes>,
    fingerprint: i32,
    notify: bool,
}

/// The registry.
#[derive(Debug, Default)]
pub struct ClientTable {
    consumers: AHashMap<Arc<str>, ConsumerGroup>,
    producers: AHashMap<Arc<str>, BTreeMap<u64, Member>>,
    /// The groups of each connection, so that one that closes is not looked for in all of them.
    joined: AHashMap<u64, Joined>,
}

/// The groups that a connection is in.
#[derive(Debug, Default)]
struct Joined {
    consumers: BTreeSet<Arc<str>>,
    producers: BTreeSet<Arc<str>>,
}

impl ClientTable {
    /// Takes a heartbeat of one connection.
    pub fn beat(&mut self, now_ms: i64, beat: Beat) -> BeatOutcome {
        // A V1 heartbeat is always answered "changed", as Apache does: it carries everything
        // anyway.
        let mut outcome =
            BeatOutcome { subscriptions_changed: beat.fingerprint == 0, ..BeatOutcome::default() };
        let member =
            Member { connection_id: beat.connection_id, client: beat.client, last_seen_ms: now_ms };
        for group in beat.producers {
            let name: Arc<str> = group.into();
            let members = self.producers.entry(name.clone()).or_default();
            if members.insert(member.connection_id, member.clone()).is_none() {
                self.joined.entry(member.connection_id).or_default().producers.insert(name);
            }
        }
        for consumer in beat.consumers {
            self.consumer_beat(now_ms, &member, beat.fingerprint, consumer, &mut outcome);
        }
        outcome
    }

    fn consumer_beat(
        &mut self,
        now_ms: i64,
        member: &Member,
        fingerprint: i32,
        beat: ConsumerBeat,
        outcome: &mut BeatOutcome,
    ) {
        let is_new = !self.consumers.contains_key(beat.group.as_str());
        let name: Arc<str> = beat.group.as_str().into();
        let group = self.consumers.entry(name.clone()).or_insert_with(|| ConsumerGroup {
            name,
            kind: beat.kind,
            members: BTreeMap::new(),
            subscriptions: AHashMap::new(),
            updated_ms: now_ms,
            expressions: BTreeMap::new(),
            fingerprint,
            notify: beat.notify,
        });
        // Unlike Apache, a heartbeat without subscriptions to a group that has none (we restarted)
        // asks for them; pulls would fail until the client's subscriptions change otherwise.
        let unknown = beat.subscriptions.is_none() && group.subscriptions.is_empty();
        if fingerprint != 0 && ((!is_new && group.fingerprint != fingerprint) || unknown) {
            outcome.subscriptions_changed = true;
        }
        group.fingerprint = fingerprint;
        group.kind = beat.kind;
        group.notify = beat.notify;
        group.updated_ms = now_ms;
        let joined = group.members.insert(member.connection_id, member.clone()).is_none();
        if joined {
            let name = group.name.clone();
            self.joined.entry(member.connection_id).or_default().consumers.insert(name);
        }
        if let Some(list) = &beat.subscriptions {
            outcome.clashes.extend(group.news(member, list));
        }
        let changed = match beat.subscriptions {
            Some(list) => group.resubscribe(list, &mut outcome.resubscribed),
            None => false,
        };
        if joined || changed {
            outcome.notify.extend(group.notification());
        }
    }

    /// Removes a connection from the groups it names (code 35).
    pub fn unregister(
        &mut self,
        connection_id: u64,
        producer_group: Option<&str>,
        consumer_group: Option<&str>,
    ) -> Vec<Notify> {
        if let Some(group) = producer_group {
            self.leave_producers(group, connection_id);
        }
        consumer_group.and_then(|group| self.leave(group, connection_id)).into_iter().collect()
    }

    /// Removes a closed connection from every group.
    pub fn closed(&mut self, connection_id: u64) -> Vec<Notify> {
        let Some(Joined { consumers, producers }) = self.joined.remove(&connection_id) else {
            return Vec::new();
        };
        for group in &producers {
            self.leave_producers(group, connection_id);
        }
        consumers.iter().filter_map(|group| self.leave(group, connection_id)).collect()
    }

    /// Removes members that have been silent for longer than `expire_ms`.
    pub fn expire(&mut self, now_ms: i64, expire_ms: i64) -> Expired {
        let silent = |member: &Member| now_ms - member.last_seen_ms > expire_ms;
        let mut expired = Expired::default();
        let mut leaving: Vec<(Arc<str>, u64)> = Vec::new();
        for group in self.consumers.values() {
            for member in group.members.values().filter(|member| silent(member)) {
                leaving.push((group.name.clone(), member.connection_id));
            }
        }
        for (group, connection_id) in leaving {
            expired.connection_ids.insert(connection_id);
            expired.notify.extend(self.leave(&group, connection_id));
        }
        let mut leaving: Vec<(Arc<str>, u64)> = Vec::new();
        for (group, members) in &self.producers {
            for member in members.values().filter(|member| silent(member)) {
                leaving.push((group.clone(), member.connection_id));
            }
        }
        for (group, connection_id) in leaving {
            expired.connection_ids.insert(connection_id);
            self.leave_producers(&group, connection_id);
        }
        expired
    }

    fn leave(&mut self, group: &str, connection_id: u64) -> Option<Notify> {
        self.forget(connection_id, |joined| joined.consumers.remove(group));
        let members = self.consumers.get_mut(group)?;
        members.expressions.remove(&connection_id);
        members.members.remove(&connection_id)?;
        let notification = members.notification();
        if members.members.is_empty() {
            self.consumers.remove(group);
            return None;
        }
        notification
    }

    fn leave_producers(&mut self, group: &str, connection_id: u64) {
        self.forget(connection_id, |joined| joined.producers.remove(group));
        let Some(members) = self.producers.get_mut(group) else { return };
        members.remove(&connection_id);
        if members.is_empty() {
            self.producers.remove(group);
        }
    }

    /// Takes a group off a connection's list.
    fn forget(&mut self, connection_id: u64, from: impl FnOnce(&mut Joined) -> bool) {
        let Some(joined) = self.joined.get_mut(&connection_id) else { return };
        from(joined);
        if joined.consumers.is_empty() && joined.producers.is_empty() {
            self.joined.remove(&connection_id);
        }
    }

    pub fn group(&self, group: &str) -> Option<&ConsumerGroup> {
        self.consumers.get(group)
    }

    pub fn groups(&self) -> impl Iterator<Item = &ConsumerGroup> {
        self.consumers.values()
    }

    /// Client ids of a group, sorted, each once: every member must compute the same allocation,
    /// also while a reconnected client's old connection still lingers.
    pub fn client_ids(&self, group: &str) -> BTreeSet<&str> {
        let members =
            self.consumers.get(group).into_iter().flat_map(|group| group.members.values());
        members.map(|member| member.client.client_id.as_str()).collect()
    }

    pub fn producers(&self, group: &str) -> impl Iterator<Item = &Member> {
        self.producers.get(group).into_iter().flat_map(BTreeMap::values)
    }

    /// Every producer group with its members.
    pub fn producer_groups(&self) -> impl Iterator<Item = (&Arc<str>, &BTreeMap<u64, Member>)> {
        self.producers.iter()
    }

    /// Groups with a live subscription to a topic.
    pub fn groups_of_topic(&self, topic: &str) -> BTreeSet<Arc<str>> {
        let subscribed = |group: &&ConsumerGroup| group.subscriptions.contains_key(topic);
        self.consumers.values().filter(subscribed).map(|group| group.name.clone()).collect()
    }

    /// Connections that are a producer or a consumer, each once.
    pub fn connection_counts(&self) -> (usize, usize) {
        let producers: BTreeSet<u64> =
            self.producers.values().flat_map(|members| members.keys().copied()).collect();
        let consumers: BTreeSet<u64> =
            self.consumers.values().flat_map(|group| group.members.keys().copied()).collect();
        (producers.len(), consumers.len())
    }
}

impl ConsumerGroup {
    /// The client of a member's connection.
    pub fn client_id(&self, connection_id: u64) -> Option<&str> {
        self.members.get(&connection_id).map(|member| member.client.client_id.as_str())
    }

    /// A topic's subscription.
    pub fn subscription(&self, topic: &str) -> Option<&Arc<Subscription>> {
        self.subscriptions.get(topic)
    }

    /// Notes what a member subscribes to; where that is news, the other members that want something
    /// else.
    fn news(&mut self, member: &Member, list: &[SubscriptionData]) -> Vec<Clash> {
        let expression = |data: &SubscriptionData| (data.topic.clone(), data.sub_string.clone());
        let wanted: Wishes = list.iter().map(expression).collect();
        let before = self.expressions.insert(member.connection_id, wanted.clone());
        if before.as_ref() == Some(&wanted) {
            return Vec::new();
        }
        let client_id = member.client.client_id.as_str();
        let others = self.wishes().filter(|(other, _)| *other != client_id);
        others.flat_map(|other| self.between((client_id, &wanted), other)).collect()
    }

    /// The members that want different messages now: of those that want the same, one.
    pub fn clashes(&self) -> Vec<Clash> {
        let mut different: Vec<(&str, &Wishes)> = Vec::new();
        for (client_id, wishes) in self.wishes() {
            if different.iter().all(|(_, known)| *known != wishes) {
                different.push((client_id, wishes));
            }
        }
        let pairs = different.iter().enumerate().flat_map(|(at, one)| {
            let others = different.iter().skip(at + 1);
            others.flat_map(|other| self.between(*one, *other))
        });
        pairs.collect()
    }

    /// What each member wants, by client id.
    fn wishes(&self) -> impl Iterator<Item = (&str, &Wishes)> {
        let wishes = self.expressions.iter();
        wishes.filter_map(|(connection_id, wishes)| Some((self.client_id(*connection_id)?, wishes)))
    }

    fn between(&self, one: (&str, &Wishes), other: (&str, &Wishes)) -> Vec<Clash> {
        let topics: BTreeSet<&String> = one.1.keys().chain(other.1.keys()).collect();
        let differ = topics.into_iter().filter(|topic| one.1.get(*topic) != other.1.get(*topic));
        let clash = |topic: &String| Clash {
            group: self.name.clone(),
            topic: topic.clone(),
            client_ids: [one.0.to_owned(), other.0.to_owned()],
            expressions: [one.1.get(topic).cloned(), other.1.get(topic).cloned()],
        };
        differ.map(clash).collect()
    }

    /// Takes the newest list; true when topics came or went. An older version of a topic's
    /// subscription never replaces a newer one.
    fn resubscribe(
        &mut self,
        list: Vec<SubscriptionData>,
        resubscribed: &mut Vec<(Arc<str>, String)>,
    ) -> bool {
        let topics: BTreeSet<String> = list.iter().map(|data| data.topic.clone()).collect();
        let before = self.subscriptions.len();
        self.subscriptions.retain(|topic, _| topics.contains(topic));
        let mut changed = self.subscriptions.len() != before;
        for data in list {
            match self.subscriptions.get(&data.topic) {
                Some(known) if known.data.sub_version >= data.sub_version => {}
                known => {
                    changed |= known.is_none();
                    let topic = data.topic.clone();
                    let new = Subscription::new(data);
                    if known.is_some_and(|known| known.filter != new.filter) {
                        resubscribed.push((self.name.clone(), topic.clone()));
                    }
                    self.subscriptions.insert(topic, new.into());
                }
            }
        }
        changed
    }

    /// Whom to tell that membership changed: nobody in broadcasting groups, which do not rebalance.
    pub fn notification(&self) -> Option<Notify> {
        let wanted = self.notify && self.kind.message_model != MessageModel::Broadcasting;
        wanted.then(|| Notify {
            group: self.name.clone(),
            connection_ids: self.members.keys().copied().collect(),
        })
    }
}
