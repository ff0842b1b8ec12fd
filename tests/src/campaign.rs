//! Kill -9 under load, again and again: nothing acknowledged is lost, the order of each queue
//! stays.
//!
//! Each connection sends numbered messages to a queue of its own, many in flight. After a random
//! number of acknowledgements the server is killed; it starts again over the same directory, and
//! every queue is read on from where the last round ended.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Sender},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    clock::PATIENCE,
    ports::Ports,
    record::{Stored, records},
    remora::{RemoraPlace, RemoraServer},
    wire::{self, Wire},
};

const TOPIC: &str = "campaign";
const PULL_COUNT_MAX: u64 = 1024;
const SUCCESS: i64 = 0;
const PULL_NOT_FOUND: i64 = 19;
const PULL_RETRY: i64 = 20;

/// What a campaign does.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server program.
    pub binary: PathBuf,
    /// How often it is killed.
    pub rounds: u32,
    /// From which all random numbers come.
    pub seed: u64,
    /// `sync` or `async`.
    pub flush: String,
    /// Connections, each with a queue of its own.
    pub connections: u32,
    /// Sends in flight on each connection.
    pub window: u64,
    /// A round's kill comes after up to so many acknowledgements.
    pub acks_max: u64,
}

/// What came out of one round.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    /// Acknowledged before the kill.
    pub acknowledged: u64,
    /// Found afterwards, not acknowledged: sent, stored, and killed before the answer.
    pub unacknowledged: u64,
    /// From the start of the process to `ready`.
    pub restart: Duration,
}

/// One queue: what must be in it, and how far it was read.
#[derive(Debug, Default, Clone)]
struct Queue {
    /// The number of the next message that its connection sends.
    next_number: u64,
    /// All below was read in earlier rounds.
    read_offset: u64,
    /// The number of the last message read; messages come in the order in which they were sent.
    last_number: Option<u64>,
}

/// The number of each acknowledged message by its queue offset.
type Acknowledged = BTreeMap<u64, u64>;

/// Runs the plan; `report` hears of each round. Fails with what was lost or out of order.
pub fn run(plan: &Plan, mut report: impl FnMut(u32, Round)) -> Result<(), String> {
    let dir = TempDir::new().map_err(|cause| cause.to_string())?;
    let place = RemoraPlace {
        binary: plan.binary.clone(),
        dir: dir.path().join("store"),
        ports: Ports::free("127.0.0.1"),
        args: vec!["--flush".to_owned(), plan.flush.clone()],
    };
    let broker = format!("127.0.0.1:{}", place.ports.broker);
    let mut random = Random(plan.seed);
    let mut server = start(&place)?;
    let queue_count = usize::try_from(plan.connections).unwrap_or(usize::MAX);
    wire::create_topic(&broker, TOPIC, queue_count);
    let mut queues = vec![Queue::default(); queue_count];
    for round in 0..plan.rounds {
        let target = 1 + random.below(plan.acks_max);
        let acknowledged = load_until(&broker, plan, &mut queues, target, || server.kill())?;
        server = start(&place)?;
        let mut outcome = Round { acknowledged: 0, unacknowledged: 0, restart: server.ready_after };
        for (queue, (state, acknowledged)) in queues.iter_mut().zip(&acknowledged).enumerate() {
            let found = verify(&broker, queue, state, acknowledged)
                .map_err(|what| format!("round {round}, queue {queue}: {what}"))?;
            let acknowledged = u64::try_from(acknowledged.len()).unwrap_or(u64::MAX);
            outcome.acknowledged += acknowledged;
            outcome.unacknowledged += found - acknowledged;
        }
        report(round, outcome);
    }
    let status = server.stop();
    if status.success() { Ok(()) } else { Err(format!("the last stop ended with {status}")) }
}

fn start(place: &RemoraPlace) -> Result<RemoraServer, String> {
    RemoraServer::try_start(place)
        .map_err(|failure| format!("no start ({:?}):\n{}", failure.status, failure.log))
}

/// Sends on all connections; calls `kill` once `target` messages have been acknowledged. Gives what
/// was, by queue.
fn load_until(
    broker: &str,
    plan: &Plan,
    queues: &mut [Queue],
    target: u64,
    kill: impl FnOnce(),
) -> Result<Vec<Acknowledged>, String> {
    let count = Arc::new(AtomicU64::new(0));
    let (reached, wait) = mpsc::channel();
    thread::scope(|scope| {
        let senders: Vec<_> = queues
            .iter_mut()
            .enumerate()
            .map(|(queue, state)| {
                let (count, reached) = (Arc::clone(&count), reached.clone());
                scope.spawn(move || {
                    send_until_killed(broker, queue, state, plan.window, |_| {
                        if count.fetch_add(1, Ordering::Relaxed) + 1 == target {
                            tell(&reached);
                        }
                    })
                })
            })
            .collect();
        drop(reached);
        let _ = wait.recv_timeout(PATIENCE);
        kill();
        let died = |_| Err("a sender panicked".to_owned());
        senders.into_iter().map(|sender| sender.join().unwrap_or_else(died)).collect()
    })
}

fn tell(reached: &Sender<()>) {
    let _ = reached.send(());
}

/// Keeps `window` sends in flight until the connection breaks.
fn send_until_killed(
    broker: &str,
    queue: usize,
    state: &mut Queue,
    window: u64,
    acknowledged: impl Fn(u64),
) -> Result<Acknowledged, String> {
    let mut acks = Acknowledged::new();
    let mut fields = wire::send_fields(TOPIC);
    fields["queueId"] = json!(queue.to_string());
    let Ok(mut wire) = Wire::try_connect(broker) else { return Ok(acks) };
    let mut in_flight = BTreeMap::new();
    loop {
        while u64::try_from(in_flight.len()).unwrap_or(u64::MAX) < window {
            let number = state.next_number;
            let opaque = i32::try_from(number & 0x3FFF_FFFF).unwrap_or_default();
            let frame = wire::frame(&wire::request(10, opaque, &fields), &body(queue, number));
            if wire.send(&frame).is_err() {
                return Ok(acks);
            }
            state.next_number += 1;
            in_flight.insert(opaque, number);
        }
        let Ok(Some(reply)) = wire.read() else { return Ok(acks) };
        let opaque = reply.header["opaque"].as_i64().and_then(|opaque| i32::try_from(opaque).ok());
        let number = opaque.and_then(|opaque| in_flight.remove(&opaque));
        let offset = reply.header["extFields"]["queueOffset"].as_str();
        let offset = offset.and_then(|offset| offset.parse().ok());
        let (SUCCESS, Some(number), Some(offset)) = (reply.code(), number, offset) else {
            return Err(format!("queue {queue}: a send was answered {reply:?}"));
        };
        acks.insert(offset, number);
        acknowledged(number);
    }
}

fn body(queue: usize, number: u64) -> Vec<u8> {
    let mut body = format!("{queue}:{number}:").into_bytes();
    // Lengths of all kinds, so that records end anywhere in a page.
    let fill = usize::try_from(number.wrapping_mul(0x9E37_79B9) % 700).unwrap_or_default();
    body.resize(body.len() + fill, b'.');
    body
}

/// Reads the queue on, and checks it; gives how many messages were found.
fn verify(
    broker: &str,
    queue: usize,
    state: &mut Queue,
    acknowledged: &Acknowledged,
) -> Result<u64, String> {
    let begin = state.read_offset;
    let mut found = BTreeMap::new();
    for record in read_to_end(broker, TOPIC, queue, begin)? {
        if record.queue_offset != state.read_offset {
            return Err(format!(
                "offset {} where {} belongs",
                record.queue_offset, state.read_offset
            ));
        }
        state.read_offset += 1;
        let text = String::from_utf8_lossy(&record.body);
        let number = text.split(':').nth(1).and_then(|number| number.parse::<u64>().ok());
        let number = number.ok_or_else(|| format!("a body that nobody sent: {text:?}"))?;
        if record.body != body(queue, number) {
            return Err(format!("the body of message {number} is not what was sent"));
        }
        if state.last_number.is_some_and(|last| number <= last) {
            return Err(format!("message {number} comes after {:?}", state.last_number));
        }
        state.last_number = Some(number);
        found.insert(record.queue_offset, number);
    }
    for (offset, number) in acknowledged {
        if found.get(offset) != Some(number) {
            return Err(format!(
                "message {number} was acknowledged at offset {offset}, where {:?} is; the queue was read from {begin} to {}",
                found.get(offset),
                state.read_offset
            ));
        }
    }
    Ok(u64::try_from(found.len()).unwrap_or(u64::MAX))
}

/// Pulls what a queue has from an offset on.
pub(crate) fn read_to_end(
    broker: &str,
    topic: &str,
    queue: usize,
    begin: u64,
) -> Result<Vec<Stored>, String> {
    let mut wire = Wire::connect(broker);
    let mut all: Vec<Stored> = Vec::new();
    let mut offset = begin;
    loop {
        let reply = wire.ask(11, &pull_fields(topic, queue, offset), &[]);
        let next = reply.header["extFields"]["nextBeginOffset"].as_str();
        let next = next.and_then(|next| next.parse::<u64>().ok());
        match reply.code() {
            SUCCESS => {
                all.extend(
                    records(&reply.body)
                        .map_err(|broken| format!("at offset {offset}: {broken:?}"))?,
                );
            }
            PULL_NOT_FOUND => return Ok(all),
            PULL_RETRY => {}
            code => return Err(format!("pull at {offset} gave {code} {}", reply.remark())),
        }
        offset = next
            .filter(|next| *next > offset)
            .ok_or_else(|| format!("no way on from {offset}: {reply:?}"))?;
    }
}

fn pull_fields(topic: &str, queue: usize, offset: u64) -> Value {
    // 4: the request brings its own subscription, and does not wait.
    json!({
        "consumerGroup": "campaign-group", "topic": topic, "queueId": queue.to_string(),
        "queueOffset": offset.to_string(), "maxMsgNums": PULL_COUNT_MAX.to_string(), "sysFlag": "4",
        "commitOffset": "0", "suspendTimeoutMillis": "0", "subscription": "*", "subVersion": "0",
        "expressionType": "TAG",
    })
}

/// SplitMix64: a seed replays a campaign's decisions.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound.max(1)
    }
}
