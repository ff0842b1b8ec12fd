//! Sends that no IO shard may wait for, done elsewhere in the order in which they came.
//!
//! A send to a topic that does not exist yet: the topic is created first, as durable as its message
//! will be and known to the nameservers. And a send that may be the retry of one whose message is
//! stored already: that is looked up first.
use std::collections::BTreeMap;
use std::sync::Arc;

use remora_protocol::body::TopicConfig;
use remora_protocol::header::SendMessageHeader;
use remora_protocol::{
    Frame, OwnedFrame, RequestCode, RequestHeader, ResponseCode, names, request,
};
use remora_remoting::{Call, Paused, Refusal, Reserved, Responder};
use remora_store::meta_log::MetaError;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::broker::Broker;
use crate::first_answer::{self, FirstAnswer};
use crate::made_topics;
use crate::refusals;
use crate::retry;
use crate::send::{Origin, Retry, Shape, check_new_topic, stage, target};
use crate::send_turn::{SendTurn, Staged};
use crate::topic_table::Template;

/// Chosen: the stop waits for at most one round.
const SENDS_PER_ROUND: usize = 256;

/// Refuses at once what needs no disk, defers the rest.
pub(crate) fn create_topic_then_send<'a>(
    broker: &Broker,
    turn: &mut SendTurn<'a>,
    call: Call<'_, 'a>,
    header: &SendMessageHeader<'_>,
    shape: Shape,
) {
    if let Err(refusal) = check_new_topic(header) {
        broker.metrics.rejections.send_refused.add(1);
        return call.refuse(refusal);
    }
    defer(turn, call, shape, None);
}

/// Looks up whether the message is stored already, and reads nothing more from the connection until
/// that is known: what follows a send must not overtake it.
#[cold]
pub(crate) fn look_up_then_send<'a>(turn: &mut SendTurn<'a>, call: Call<'_, 'a>, shape: Shape) {
    let paused = call.conn.pause();
    defer(turn, call, shape, Some(paused));
}

/// Has a send done after the turn's append, on another thread.
fn defer<'a>(turn: &mut SendTurn<'a>, call: Call<'_, 'a>, shape: Shape, paused: Option<Paused>) {
    let memory = match call.conn.reserve(call.frame.raw.len()) {
        Ok(memory) => memory,
        Err(refusal) => return call.refuse(refusal),
    };
    let frame = call.frame.to_owned_frame();
    turn.later.push(LaterSend {
        frame,
        responder: call.defer(),
        shape,
        _memory: memory,
        _paused: paused,
    });
}

/// A send that waits.
#[derive(Debug)]
pub(crate) struct LaterSend {
    frame: OwnedFrame,
    responder: Responder,
    shape: Shape,
    _memory: Reserved,
    _paused: Option<Paused>,
}

/// Sends that wait. Bounded by what connections may have in flight.
#[derive(Debug)]
pub(crate) struct LaterSends(UnboundedSender<LaterSend>);

impl LaterSends {
    pub(crate) fn new() -> (Self, UnboundedReceiver<LaterSend>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Takes a turn's, in order.
    #[cold]
    pub(crate) fn take(&self, sends: &mut Vec<LaterSend>) {
        for later in sends.drain(..) {
            if let Err(unsent) = self.0.send(later) {
                let refusal = Refusal::new(ResponseCode::SERVICE_NOT_AVAILABLE, "the broker stops");
                unsent.0.responder.refuse(&refusal);
            }
        }
    }
}

/// The task: one batch at a time on a blocking thread, in the order of arrival, until the stop.
pub(crate) async fn send_all(broker: Arc<Broker>, mut waiting: UnboundedReceiver<LaterSend>) {
    loop {
        let mut batch = Vec::new();
        tokio::select! {
            () = broker.stopping.cancelled() => break,
            _ = waiting.recv_many(&mut batch, SENDS_PER_ROUND) => {}
        }
        let sender = broker.clone();
        let sent = tokio::task::spawn_blocking(move || create_and_send(&sender, batch));
        if let Err(error) = sent.await {
            tracing::error!(%error, "deferred sends failed");
        }
    }
    waiting.close();
    while let Ok(unsent) = waiting.try_recv() {
        let refusal = Refusal::new(ResponseCode::SERVICE_NOT_AVAILABLE, "the broker stops");
        unsent.responder.refuse(&refusal);
    }
}

/// Creates the topics of a batch in one write and one round to the nameservers, then
/// sends.
fn create_and_send(broker: &Arc<Broker>, batch: Vec<LaterSend>) {
    let mut new_topics = BTreeMap::new();
    let refusals: Vec<Option<Refusal>> = batch
        .iter()
        .map(|later| match later.new_topics(broker) {
            Ok(configs) => {
                let named = |config: TopicConfig| (config.topic_name.clone(), config);
                new_topics.extend(configs.into_iter().map(named));
                None
            }
            Err(refusal) => Some(refusal),
        })
        .collect();
    if new_topics.is_empty() {
        return batch.into_iter().zip(refusals).for_each(|(later, refusal)| {
            later.send(broker, refusal, None);
        });
    }
    // Its topics are then missing, which each send finds out.
    let created =
        broker.topics.create(new_topics.into_values().collect(), broker.create_durability());
    if let Err(error) = &created {
        tracing::error!(%error, "topics not created");
    }
    broker.registration.wait_until_told(broker);
    for (later, refusal) in batch.into_iter().zip(refusals) {
        later.send(broker, refusal, created.as_ref().err());
    }
}

impl LaterSend {
    /// The topics to create: some may have come to be since.
    fn new_topics(&self, broker: &Broker) -> Result<Vec<TopicConfig>, Refusal> {
        let header = header(&self.frame.view())?;
        let mut missing = Vec::new();
        if !broker.topics.contains(&header.topic) {
            missing.push(new_topic(broker, &header)?);
        }
        if names::is_retry_topic(&header.topic)
            && let Some(dead_letters) = retry::dead_letter_target(broker, &header)
            && !broker.topics.contains(&dead_letters)
        {
            missing.push(made_topics::dead_letters(&dead_letters));
        }
        Ok(missing)
    }

    fn send(self, broker: &Arc<Broker>, refusal: Option<Refusal>, failed: Option<&MetaError>) {
        // The connection is read again after the append.
        let Self { frame, responder, shape, _memory, _paused } = self;
        let mut turn = SendTurn::new(broker);
        let view = frame.view();
        let conn = &responder.conn;
        let retry = Retry::LookFor { connected_ms: conn.since_ms, language: view.language };
        let origin = Origin { body: view.body, peer: conn.peer, shape };
        let send = |turn: &mut SendTurn<'_>| done(broker, turn, &view, (origin, retry), failed);
        match refusal.map_or_else(|| send(&mut turn), Err) {
            Ok(Done::Staged(staged)) => turn.finish_one(broker, responder, &staged),
            Ok(Done::Before { first, unique_id }) => {
                turn.answer_again(broker, responder, (&first, &unique_id));
            }
            Err(refusal) => {
                turn.scratch.properties.take_asker();
                broker.metrics.rejections.send_refused.add(1);
                responder.refuse(&refusal);
            }
        }
    }
}

/// What became of a send.
enum Done {
    Staged(Staged),
    /// Its message was stored by an earlier one.
    Before {
        first: FirstAnswer,
        unique_id: String,
    },
}

fn done(
    broker: &Broker,
    turn: &mut SendTurn<'_>,
    frame: &Frame<'_>,
    (origin, retry): (Origin<'_>, Retry),
    failed: Option<&MetaError>,
) -> Result<Done, Refusal> {
    let header = header(frame)?;
    let topic = target(broker, turn, &header).ok_or_else(|| match failed {
        Some(error) => not_created(&header.topic, error),
        None => refusals::topic_missing(&header.topic),
    })?;
    let found = first_answer::find(broker, turn, topic, &header, origin, retry);
    turn.scratch.properties.take_asker();
    if let Some((first, unique_id)) = found {
        return Ok(Done::Before { first, unique_id });
    }
    stage(broker, turn, topic, &header, origin).map(Done::Staged)
}

fn header<'f>(frame: &Frame<'f>) -> Result<SendMessageHeader<'f>, Refusal> {
    let header = if frame.code == RequestCode::SEND_MESSAGE.0 {
        request::SendMessage::decode(&frame.fields)
    } else {
        request::SendMessageV2::decode(&frame.fields)
    };
    header.map_err(|error| refusals::illegal(error.to_string()))
}

/// The topic in the image of its template; a retry topic of a known group is made without one.
fn new_topic(broker: &Broker, header: &SendMessageHeader<'_>) -> Result<TopicConfig, Refusal> {
    let name = header.topic.as_ref();
    let unit_mode = header.unit_mode == Some(true);
    if names::is_retry_topic(name) {
        let group = names::group_of_topic(name).unwrap_or(name);
        let config = broker.groups.find_or_create(group, broker.auto_create_group());
        let config = config.ok_or_else(|| refusals::group_missing(group))?;
        return Ok(made_topics::retry(name, config.retry_queue_nums, unit_mode));
    }
    let settings = broker.config.settings();
    if header.default_topic == names::AUTO_CREATE_TOPIC {
        if !settings.auto_create_topic {
            return Err(missing(header));
        }
        // Switched on at run time: the template is not there yet.
        let template = crate::system_names::auto_create_topic(&settings);
        broker
            .topics
            .put_if_absent(template, broker.create_durability())
            .map_err(|error| not_created(name, &error))?;
    }
    let template = Template {
        default_topic: &header.default_topic,
        queue_count_asked: header.default_topic_queue_nums,
        topic_sys_flag: if unit_mode { made_topics::FLAG_UNIT } else { 0 },
    };
    broker.topics.in_image_of(name, &template).ok_or_else(|| missing(header))
}

fn missing(header: &SendMessageHeader<'_>) -> Refusal {
    let remark = format!(
        "topic '{}' does not exist and was not created from '{}': create it first (mqadmin updateTopic, remora topic create), or set autoCreateTopicEnable=true",
        header.topic, header.default_topic
    );
    Refusal::new(ResponseCode::TOPIC_NOT_EXIST, remark)
}

fn not_created(topic: &str, error: &MetaError) -> Refusal {
    Refusal::new(
        ResponseCode::SERVICE_NOT_AVAILABLE,
        format!("topic '{topic}' could not be created: {error}"),
    )
}
