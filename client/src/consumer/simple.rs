//! The simple consumer: the application asks for messages and acknowledges each; no queues, no
//! rebalancing, any number of members.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use remora_protocol::body;
use tokio::task::JoinSet;

use super::subscription::{Filter, Subscription};
use super::{INFLATED_BYTES_MAX, running_info};
use crate::clock;
use crate::error::ClientError;
use crate::instance::{Client, ConsumerMember, MemberBuilder, MemberClient, PopRequest, Popped};
use crate::queue::MessageQueue;

/// Takes messages one request at a time. A message that is taken is hidden from the rest of the
/// group until it is acknowledged; if its time ends before, it is given again, and after the
/// group's limit of times it is among the dead letters.
///
/// ```no_run
/// # async fn example() -> Result<(), remora_client::ClientError> {
/// use std::time::Duration;
/// use remora_client::SimpleConsumer;
///
/// let consumer = SimpleConsumer::builder("billing")
///     .nameserver("127.0.0.1:9876")
///     .subscribe("order-events", "paid")
///     .start()
///     .await?;
/// for popped in consumer.receive(16, Duration::from_secs(30)).await? {
///     println!("{} of {}", popped.message.msg_id(), popped.topic);
///     consumer.acknowledge(&popped).await?;
/// }
/// consumer.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SimpleConsumer {
    member: Arc<Member>,
    client: Client,
    settings: SimpleSettings,
    /// Where the next receive looks first.
    turn: AtomicUsize,
    owns_client: bool,
}

/// The consumer as brokers know it.
#[derive(Debug)]
struct Member {
    group: String,
    subscriptions: Vec<Arc<Subscription>>,
    started_ms: i64,
}

/// Settings of a [`SimpleConsumer`]. A nameserver (or a client) and a subscription must be given.
pub type SimpleConsumerBuilder = MemberBuilder<SimpleSettings>;

/// What a [`SimpleConsumerBuilder`] sets.
#[derive(Clone, Debug)]
pub struct SimpleSettings {
    subscriptions: Vec<(String, Filter)>,
    await_duration: Duration,
}

impl SimpleConsumerBuilder {
    /// Which messages of a topic to take; once for each topic.
    #[must_use]
    pub fn subscribe(mut self, topic: impl Into<String>, filter: impl Into<Filter>) -> Self {
        self.own.subscriptions.push((topic.into(), filter.into()));
        self
    }

    /// How long a receive waits where there is nothing. Default 15 s, at most 60.
    #[must_use]
    pub fn await_duration(mut self, wait: Duration) -> Self {
        self.own.await_duration = wait;
        self
    }

    /// Connects and joins the group.
    ///
    /// # Errors
    /// `Setting` for an illegal group or address or without a subscription, `TopicNotFound`,
    /// `NameserverUnreachable`.
    pub async fn start(self) -> Result<SimpleConsumer, ClientError> {
        let (group, MemberClient { client, is_own }, settings) = self.connect().await?;
        if settings.subscriptions.is_empty() {
            return Err(ClientError::Setting {
                setting: "subscribe",
                value: String::new(),
                reason: "a simple consumer takes messages of the topics it subscribes to"
                    .to_owned(),
            });
        }
        let started_ms = clock::wall_ms();
        let subscriptions = settings.subscriptions.iter().map(|(topic, filter)| {
            Arc::new(Subscription::new(client.full_name(topic), filter.clone(), started_ms))
        });
        let member = Member { group, subscriptions: subscriptions.collect(), started_ms };
        for subscription in &member.subscriptions {
            client.route(&subscription.topic).await?;
        }
        let member = Arc::new(member);
        let as_member: Weak<dyn ConsumerMember> = Arc::<Member>::downgrade(&member);
        client.add_consumer(&member.group, as_member)?;
        client.heartbeat_now().await;
        Ok(SimpleConsumer {
            member,
            client,
            settings,
            turn: AtomicUsize::new(0),
            owns_client: is_own,
        })
    }
}

/// One topic on one broker.
#[derive(Clone, Debug)]
struct Place {
    subscription: Arc<Subscription>,
    broker_name: Arc<str>,
}

impl SimpleConsumer {
    /// Starts with the name of the consumer group.
    pub fn builder(group: impl Into<String>) -> SimpleConsumerBuilder {
        let own =
            SimpleSettings { subscriptions: Vec::new(), await_duration: Duration::from_secs(15) };
        SimpleConsumerBuilder::new(group.into(), own)
    }

    /// Takes up to `count_max` (brokers: 32) messages and hides them for `invisible`; waits for
    /// them as long as `await_duration` says. None where none came.
    ///
    /// # Errors
    /// What the brokers say of the group, the topics or the filter.
    pub async fn receive(
        &self,
        count_max: i32,
        invisible: Duration,
    ) -> Result<Vec<Popped>, ClientError> {
        let places = self.places().await?;
        // The only one gives messages as they come. Of several, whichever has some says so.
        let wait = self.settings.await_duration;
        let hold = if places.len() == 1 { wait } else { Duration::ZERO };
        let popped = self.pop_in_turn(&places, count_max, invisible, hold).await?;
        if !popped.is_empty() || places.len() == 1 || !self.any_has_messages(&places).await? {
            return Ok(popped);
        }
        self.pop_in_turn(&places, count_max, invisible, Duration::ZERO).await
    }

    /// Takes from the first place that has something, each time beginning with the next.
    async fn pop_in_turn(
        &self,
        places: &[Place],
        count_max: i32,
        invisible: Duration,
        hold: Duration,
    ) -> Result<Vec<Popped>, ClientError> {
        let first = self.turn.fetch_add(1, Ordering::Relaxed) % places.len().max(1);
        let (before, from) = places.split_at(first);
        for place in from.iter().chain(before) {
            let request = PopRequest { count_max, invisible, ..self.member.request(place, hold) };
            let popped = self.client.pop(&request).await?;
            if !popped.is_empty() {
                return Ok(popped);
            }
        }
        Ok(Vec::new())
    }

    /// Says that a message is done with: the group does not get it again.
    ///
    /// # Errors
    /// `Refused` where its time was over and it was given to someone again.
    pub async fn acknowledge(&self, popped: &Popped) -> Result<(), ClientError> {
        self.client.acknowledge(&self.member.group, popped).await
    }

    /// Hides a message for this long from now on: longer to work on it, or zero to give it back.
    /// From then on it is acknowledged by its new handle, which this sets.
    ///
    /// # Errors
    /// As [`SimpleConsumer::acknowledge`].
    pub async fn change_invisible(
        &self,
        popped: &mut Popped,
        invisible: Duration,
    ) -> Result<(), ClientError> {
        let handle = self.client.change_invisible(&self.member.group, popped, invisible).await?;
        popped.handle = handle;
        Ok(())
    }

    /// The client below.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Leaves the group. What was taken and not acknowledged comes again when its time is over.
    pub async fn shutdown(&self) {
        self.client.remove_consumer(&self.member.group).await;
        if self.owns_client {
            self.client.shutdown().await;
        }
    }

    async fn places(&self) -> Result<Vec<Place>, ClientError> {
        let mut places = Vec::new();
        for subscription in &self.member.subscriptions {
            let route = self.client.route(&subscription.topic).await?;
            let mut brokers: Vec<&Arc<str>> =
                route.readable.iter().map(|queue| &queue.broker_name).collect();
            brokers.dedup();
            places.extend(brokers.into_iter().map(|broker_name| Place {
                subscription: Arc::clone(subscription),
                broker_name: Arc::clone(broker_name),
            }));
        }
        Ok(places)
    }

    /// Waits until one of the places has something to take.
    async fn any_has_messages(&self, places: &[Place]) -> Result<bool, ClientError> {
        let mut asked = JoinSet::new();
        for place in places {
            let (client, member) = (self.client.clone(), Arc::clone(&self.member));
            let (place, wait) = (place.clone(), self.settings.await_duration);
            asked.spawn(async move { client.has_messages(&member.request(&place, wait)).await });
        }
        let mut last = Ok(false);
        while let Some(answer) = asked.join_next().await {
            match answer {
                Ok(Ok(true)) => return Ok(true),
                Ok(Ok(false)) | Err(_) => {}
                Ok(Err(error)) => last = Err(error),
            }
        }
        last
    }
}

impl Member {
    /// Asks a place for one message and hides nothing, unless said otherwise.
    fn request<'a>(&'a self, place: &'a Place, hold: Duration) -> PopRequest<'a> {
        PopRequest {
            group: &self.group,
            broker_name: &place.broker_name,
            subscription: &place.subscription,
            count_max: 1,
            invisible: Duration::ZERO,
            hold,
            inflated_bytes_max: INFLATED_BYTES_MAX,
        }
    }
}

impl ConsumerMember for Member {
    fn heartbeat(&self) -> body::ConsumerData {
        body::ConsumerData {
            group_name: self.group.clone(),
            consume_type: body::ConsumeType::ConsumePop,
            subscription_data_set: self.subscriptions.iter().map(|s| s.to_wire()).collect(),
            ..Default::default()
        }
    }

    /// Members share every queue.
    fn rebalance_now(&self) {}

    fn running_info(&self) -> body::ConsumerRunningInfo {
        running_info::of_pull_consumer(self.started_ms, self.heartbeat())
    }

    fn offsets(&self, _topic: &str) -> Vec<(MessageQueue, i64)> {
        Vec::new()
    }

    /// The broker alone knows where it gives messages from.
    fn reset_offsets(&self, _topic: &str, _offsets: Vec<(MessageQueue, i64)>) {}
}
