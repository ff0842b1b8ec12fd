//! Timer messages over a kill -9: all that wait do so afterwards, what was due meanwhile comes once
//! and not early, and the start does not read them all.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    campaign::read_to_end,
    clock::{Deadline, PATIENCE, Stopwatch, wall_ms},
    ports::Ports,
    record::Stored,
    remora::{RemoraPlace, RemoraServer},
    wire::{self, Wire},
};

const TOPIC: &str = "timer-campaign";
const SEND_MESSAGE: i32 = 10;
const LIST_TIMERS: i32 = 60_010;
/// The most that one listing gives.
const LIST_COUNT: u64 = 1_000;
/// Before the first of those that wait all is sent, killed, started and looked at.
const HEAD_MS: u64 = 3_600_000;
/// Those that are due soon are, within this time of their sending.
const SOON_MS: u64 = 4_000;
/// A prime, so that due times come in no order.
const STRIDE: u64 = 7_919;

/// What a campaign does.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server program.
    pub binary: PathBuf,
    /// Messages that wait.
    pub timers: u64,
    /// They are due within this time.
    pub span_ms: u64,
    /// Messages that are due about when the server is killed and started.
    pub due_soon: u64,
    /// Connections that send.
    pub connections: u64,
    /// Sends in flight on each.
    pub window: u64,
}

/// What came out of it.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// How long sending those that wait took.
    pub sending: Duration,
    /// From the start of the process after the kill to its line `ready`.
    pub ready: Duration,
    /// From there to the first answer to a client.
    pub first_answer: Duration,
    /// How many wait after the kill.
    pub waiting: u64,
    /// How many were due meanwhile and came.
    pub delivered: u64,
    /// Of these, before the kill.
    pub delivered_before_the_kill: u64,
    /// How much later than its time the latest came, the kill and the start included.
    pub late_ms_max: u64,
}

/// Numbered messages and when they are due.
struct Numbers<'p> {
    plan: &'p Plan,
    /// Wall clock of the campaign's start.
    start_ms: u64,
    /// Wall clock when those that are due soon are sent.
    soon_from_ms: AtomicU64,
}

impl Numbers<'_> {
    /// Wall clock; those from `timers` on are due soon.
    fn due_ms(&self, number: u64) -> u64 {
        let Plan { timers, span_ms, due_soon, .. } = *self.plan;
        match number.checked_sub(timers) {
            None => self.start_ms + HEAD_MS + number * STRIDE % timers * span_ms / timers,
            Some(soon) => {
                self.soon_from_ms.load(Ordering::Relaxed)
                    + 1
                    + soon * STRIDE % due_soon * SOON_MS / due_soon
            }
        }
    }
}

/// Runs the plan; fails with what was lost, early or twice.
pub fn run(plan: &Plan) -> Result<Outcome, String> {
    let dir = TempDir::new().map_err(|cause| cause.to_string())?;
    let place = RemoraPlace {
        binary: plan.binary.clone(),
        dir: dir.path().join("store"),
        ports: Ports::free("127.0.0.1"),
        args: Vec::new(),
    };
    let broker = format!("127.0.0.1:{}", place.ports.broker);
    let mut server = start(&place)?;
    wire::create_topic(&broker, TOPIC, 1);
    let numbers = Numbers { plan, start_ms: wall_ms(), soon_from_ms: AtomicU64::default() };
    let clock = Stopwatch::start();
    send_all(&broker, &numbers, 0..plan.timers)?;
    let sending = clock.elapsed();
    numbers.soon_from_ms.store(wall_ms(), Ordering::Relaxed);
    send_all(&broker, &numbers, plan.timers..plan.timers + plan.due_soon)?;
    let before = read_to_end(&broker, TOPIC, 0, 0)?.len();
    server.kill();

    let clock = Stopwatch::start();
    let mut server = start(&place)?;
    let first = Wire::connect(&broker).ask(LIST_TIMERS, &json!({ "maxNum": "1" }), &[]);
    let first_answer = clock.elapsed();
    if first.code() != 0 {
        return Err(format!("the first answer is {first:?}"));
    }
    let ready = server.ready_after;
    let waiting = check_waiting(&broker, &numbers)?;
    let (delivered, late_ms_max) = check_delivered(&broker, &numbers)?;
    let status = server.stop();
    if !status.success() {
        return Err(format!("the stop ended with {status}"));
    }
    let delivered_before_the_kill = u64::try_from(before).unwrap_or(u64::MAX);
    Ok(Outcome {
        sending,
        ready,
        first_answer,
        waiting,
        delivered,
        delivered_before_the_kill,
        late_ms_max,
    })
}

fn start(place: &RemoraPlace) -> Result<RemoraServer, String> {
    RemoraServer::try_start(place)
        .map_err(|failure| format!("no start ({:?}):\n{}", failure.status, failure.log))
}

/// Sends these numbers over all connections; all are acknowledged when it returns.
fn send_all(
    broker: &str,
    numbers: &Numbers<'_>,
    range: std::ops::Range<u64>,
) -> Result<(), String> {
    let Plan { connections, window, .. } = *numbers.plan;
    let next = AtomicU64::new(range.start);
    let next_number = || {
        let number = next.fetch_add(1, Ordering::Relaxed);
        (number < range.end).then_some(number)
    };
    thread::scope(|scope| {
        let senders: Vec<_> = (0..connections)
            .map(|_| scope.spawn(|| send_each(broker, numbers, window, &next_number)))
            .collect();
        let died = |_| Err("a sender panicked".to_owned());
        senders.into_iter().try_for_each(|sender| sender.join().unwrap_or_else(died))
    })
}

fn send_each(
    broker: &str,
    numbers: &Numbers<'_>,
    window: u64,
    next_number: &dyn Fn() -> Option<u64>,
) -> Result<(), String> {
    let mut wire = Wire::connect(broker);
    let mut fields = wire::send_fields(TOPIC);
    let mut in_flight = 0;
    loop {
        let mut frames = Vec::new();
        while in_flight < window
            && let Some(number) = next_number()
        {
            let due_ms = numbers.due_ms(number);
            let properties =
                format!("UNIQ_KEY\u{1}{number}\u{2}TIMER_DELIVER_MS\u{1}{due_ms}\u{2}");
            fields["properties"] = json!(properties);
            let opaque = i32::try_from(number & 0x3FFF_FFFF).unwrap_or_default();
            let request = wire::request(SEND_MESSAGE, opaque, &fields);
            frames.extend(wire::frame(&request, number.to_string().as_bytes()));
            in_flight += 1;
        }
        wire.send(&frames).map_err(|cause| format!("a send: {cause}"))?;
        if in_flight == 0 {
            return Ok(());
        }
        // Half a window at a time, so that requests go out together.
        let answers = (in_flight / 2).max(1);
        for _ in 0..answers {
            match wire.read() {
                Ok(Some(reply)) if reply.code() == 0 => in_flight -= 1,
                other => return Err(format!("a send was answered {other:?}")),
            }
        }
    }
}

/// Lists all that wait, page by page; gives how many do.
fn check_waiting(broker: &str, numbers: &Numbers<'_>) -> Result<u64, String> {
    let mut wire = Wire::connect(broker);
    let mut seen = vec![false; usize::try_from(numbers.plan.timers).unwrap_or(usize::MAX)];
    let mut count = 0;
    let (mut from_due_ms, mut from_offset) = (numbers.start_ms + HEAD_MS, 0);
    loop {
        let fields = json!({
            "fromDueMs": from_due_ms.to_string(), "fromOffset": from_offset.to_string(),
            "maxNum": LIST_COUNT.to_string(),
        });
        let reply = wire.ask(LIST_TIMERS, &fields, &[]);
        let list: Value = serde_json::from_slice(&reply.body)
            .map_err(|cause| format!("a listing: {cause}: {reply:?}"))?;
        for timer in list["timers"].as_array().into_iter().flatten() {
            let number = timer["uniqueId"].as_str().and_then(|id| id.parse::<u64>().ok());
            let place = number.and_then(|number| usize::try_from(number).ok());
            let known = place.and_then(|place| seen.get_mut(place));
            let (Some(number), Some(seen)) = (number, known) else {
                return Err(format!("nobody sent {timer}"));
            };
            if std::mem::replace(seen, true) {
                return Err(format!("{number} waits twice"));
            }
            if timer["dueMs"].as_u64() != Some(numbers.due_ms(number)) {
                return Err(format!("{number} is due {}: {timer}", numbers.due_ms(number)));
            }
            count += 1;
        }
        let next = &list["next"];
        match (next["dueMs"].as_u64(), next["physicalOffset"].as_u64()) {
            (Some(due_ms), Some(offset)) => (from_due_ms, from_offset) = (due_ms, offset),
            _ => break,
        }
    }
    match seen.iter().position(|seen| !seen) {
        Some(number) => Err(format!("{number} does not wait any more")),
        None => Ok(count),
    }
}

/// Reads what came until nothing more is due; gives how many and the greatest delay.
fn check_delivered(broker: &str, numbers: &Numbers<'_>) -> Result<(u64, u64), String> {
    let Plan { timers, due_soon, .. } = *numbers.plan;
    let deadline = Deadline::after(PATIENCE);
    let mut came: BTreeMap<u64, u64> = BTreeMap::new();
    let (mut begin, mut late_ms_max) = (0, 0);
    while u64::try_from(came.len()).unwrap_or(u64::MAX) < due_soon {
        if deadline.left().is_zero() {
            return Err(format!("{} of {due_soon} came", came.len()));
        }
        for record in read_to_end(broker, TOPIC, 0, begin)? {
            begin = record.queue_offset + 1;
            let (number, late_ms) = delivered(&record, numbers)?;
            late_ms_max = late_ms_max.max(late_ms);
            if let Some(before) = came.insert(number, record.queue_offset) {
                let at = record.queue_offset;
                return Err(format!("{number} came twice, at {before} and {at}"));
            }
        }
    }
    match came.keys().find(|number| !(timers..timers + due_soon).contains(number)) {
        Some(number) => Err(format!("{number} came, and is due in an hour at the earliest")),
        None => Ok((due_soon, late_ms_max)),
    }
}

/// The number of a message that came, and how late it was.
fn delivered(record: &Stored, numbers: &Numbers<'_>) -> Result<(u64, u64), String> {
    let text = String::from_utf8_lossy(&record.body);
    let number = text.parse().map_err(|_| format!("a body that nobody sent: {text:?}"))?;
    let (due_ms, stored_ms) = (numbers.due_ms(number), record.store_timestamp_ms);
    let late_ms = stored_ms.checked_sub(due_ms);
    let late_ms =
        late_ms.ok_or_else(|| format!("{number} came {} ms early", due_ms - stored_ms))?;
    Ok((number, late_ms))
}
