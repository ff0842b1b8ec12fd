//! One round of one load on one server.
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use remora_protocol::SerializeType;

use crate::compare::figures::{Measured, Unit};
use crate::compare::idle;
use crate::compare::loads::{Load, Shape, Work};
use crate::compare::servers::Server;
use crate::load::{self, LoadOptions};
use crate::profile::CpuProfile;
use crate::puller::Ask;
use crate::report::Report;
use crate::target::Target;
use crate::usage::Usage;
use crate::{clock, cpu};

/// How long the windows of a round are.
#[derive(Clone, Copy, Debug)]
pub struct Windows {
    pub warmup: Duration,
    pub duration: Duration,
    /// Of the loads that measure latency end to end.
    pub push: Duration,
}

/// Apache's broker needs minutes to create more.
const APACHE_TOPICS_MAX: usize = 1_000;
const QUEUES: u32 = 8;
/// Each has a pull in flight for every queue of its share.
const PULLING_CONNECTIONS: usize = 2;
const SETTLE_LOOK: Duration = Duration::from_millis(200);
/// Half seconds without an answer or with refusals alone: a server may be busy with what it took.
const FRUITLESS_FILLS_MAX: usize = 20;
/// Bytes in flight of one connection at most, with large bodies.
const IN_FLIGHT_BYTES: usize = 4 * 1024 * 1024;

/// A server with what this comparison has prepared on it.
#[derive(Debug)]
pub struct Bench<'a> {
    pub server: &'a Server,
    pub prepared: &'a RefCell<HashMap<String, Target>>,
    pub windows: Windows,
    pub label: String,
}

impl Bench<'_> {
    /// `None` where the server cannot take such a load.
    pub fn perform(&self, load: &Load) -> anyhow::Result<Option<Measured>> {
        if load.needs_store() && self.server.is_ceiling() {
            return Ok(None);
        }
        Ok(Some(match load.work {
            Work::Send(shape) => self.send_figures(load.name, shape)?,
            Work::Overload => self.overload()?,
            Work::Topics(points) => self.topics(points)?,
            Work::Connections(points) => {
                let shape = |connections| Shape::new(connections, 8);
                kept_at_the_end(self.curve("curve", QUEUES, points, shape)?)
            }
            Work::Producers(points) => {
                let shape = |producers| Shape::new(producers, 32);
                kept_at_the_end(self.curve("one-queue", 1, points, shape)?)
            }
            Work::Sizes(points) => self.curve("curve", QUEUES, points, sized)?,
            Work::Idle { connections } => {
                let target = self.target("idle", 1, QUEUES)?;
                let mut measured = idle::memory(&target, connections)?;
                if self.server.is_apache() {
                    let warning = "connections take room that the JVM's heap had before";
                    measured.warnings.push(warning.to_owned());
                }
                measured
            }
            Work::Pull { backlog } => self.pull_figures("pull", backlog)?,
            Work::Push { rate } => self.push(rate)?,
            Work::Mixed { rate, backlog } => self.mixed(rate, backlog)?,
            Work::Groups { rate, points } => self.groups(rate, points)?,
            Work::Backlogs(points) => kept_at_the_end(self.backlogs(points)?),
            // On servers of its own, see `start`.
            Work::Start => return Ok(None),
        }))
    }

    fn target(&self, prefix: &str, count: usize, queues: u32) -> anyhow::Result<Target> {
        if let Some(target) = self.prepared.borrow().get(prefix) {
            return Ok(target.clone());
        }
        let target = self.server.target(prefix, count, queues)?;
        self.prepared.borrow_mut().insert(prefix.to_owned(), target.clone());
        Ok(target)
    }

    fn options(&self, shape: Shape) -> LoadOptions {
        LoadOptions {
            connections: shape.connections,
            in_flight: shape.in_flight,
            body_bytes: shape.body_bytes,
            batch: shape.batch,
            ask: Ask::USUAL,
            rate: None,
            warmup: self.windows.warmup,
            duration: self.windows.duration,
            threads: 1,
            serialize: SerializeType::Json,
            run: clock::run_id(),
            groups: 1,
        }
    }

    fn send(&self, target: &Target, shape: Shape) -> anyhow::Result<Report> {
        load::send(target, &self.options(shape), &self.label)
    }

    fn send_figures(&self, name: &str, shape: Shape) -> anyhow::Result<Measured> {
        let report = self.send(&self.target(name, 1, QUEUES)?, shape)?;
        let mut measured = Measured::default();
        measured.put("msg/s", Unit::MessagesPerSecond, report.messages_per_second);
        latencies(&mut measured, &report);
        cpu_figures(&mut measured, &report);
        note(&mut measured, &report);
        measured.latency = report.latency;
        Ok(measured)
    }

    fn overload(&self) -> anyhow::Result<Measured> {
        let target = self.target("overload", 1, QUEUES)?;
        let mut measured = Measured::default();
        let peak = self.send(&target, Shape::new(64, 32))?;
        measured.disturbed(peak.other_cores, peak.stalled_s);
        measured.put("peak msg/s", Unit::MessagesPerSecond, peak.messages_per_second);
        measured.profiled("64 x 32", peak.server_cpu.as_ref());
        let (mut unanswered, mut refused) = (peak.unanswered, peak.refused);
        for (name, part, shape) in [
            ("accepted of peak, 64 x 256", "64 x 256", Shape::new(64, 256)),
            ("accepted of peak, 2,000 x 32", "2,000 x 32", Shape::new(2_000, 32)),
        ] {
            let report = self.send(&target, shape)?;
            measured.disturbed(report.other_cores, report.stalled_s);
            measured.profiled(part, report.server_cpu.as_ref());
            refused += report.refused;
            let share = report.messages_per_second / peak.messages_per_second.max(1.0);
            measured.put(name, Unit::Share, share);
            unanswered += report.unanswered;
        }
        measured.put("refused", Unit::Count, refused as f64);
        measured.put("unanswered", Unit::Count, unanswered as f64);
        Ok(measured)
    }

    fn topics(&self, points: &[usize]) -> anyhow::Result<Measured> {
        let mut measured = Measured::default();
        for count in points {
            if self.server.is_apache() && *count > APACHE_TOPICS_MAX {
                measured.warnings.push(format!("creating {count} topics takes minutes: left out"));
                continue;
            }
            let target = self.target(&format!("topics-{count}"), *count, QUEUES)?;
            let report = self.send(&target, Shape::new(8, 32))?;
            point(&mut measured, *count, &report);
        }
        let rates = rates(&measured);
        if let [first, .., last] = rates.as_slice()
            && rates.len() == points.len()
        {
            measured.put("kept with most topics", Unit::Share, last / first);
        }
        Ok(measured)
    }

    fn curve(
        &self,
        topic: &str,
        queues: u32,
        points: &[usize],
        shape: fn(usize) -> Shape,
    ) -> anyhow::Result<Measured> {
        let target = self.target(topic, 1, queues)?;
        let mut measured = Measured::default();
        for at in points {
            let report = self.send(&target, shape(*at))?;
            point(&mut measured, *at, &report);
            if shape(*at).body_bytes == *at {
                let bytes = report.messages_per_second * *at as f64;
                measured.put_at("B/s", *at as u64, Unit::BytesPerSecond, bytes);
            }
        }
        Ok(measured)
    }

    fn push(&self, rate: u32) -> anyhow::Result<Measured> {
        let target = self.fresh(&format!("push-{rate}"))?;
        let mut options = self.options(Shape::new(4, 128));
        (options.rate, options.duration) = (Some(rate.into()), self.windows.push);
        let report = load::end_to_end(&target, &options, &self.label)?;
        let mut measured = Measured::default();
        latencies(&mut measured, &report);
        measured.put("msg/s", Unit::MessagesPerSecond, report.messages_per_second);
        cpu_figures(&mut measured, &report);
        note(&mut measured, &report);
        measured.stolen_s = report.stolen_s;
        measured.latency = report.latency;
        Ok(measured)
    }

    /// A consumer that reads `backlog` from its start, again and again, stands beside.
    fn mixed(&self, rate: u32, backlog: u64) -> anyhow::Result<Measured> {
        let cold = self.filled("mixed-cold", backlog)?;
        let options = LoadOptions { connections: 1, ..self.options(Shape::new(1, 1)) };
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let reading = scope.spawn(|| {
                let mut read = 0;
                while !stop.load(Ordering::Relaxed) {
                    read += load::consume_beside(&cold, &options, &stop)?.messages;
                }
                anyhow::Ok(read)
            });
            let measured = self.push(rate);
            stop.store(true, Ordering::Relaxed);
            let read = reading.join().map_err(|_| anyhow::anyhow!("the reader panicked"))??;
            let mut measured = measured?;
            let seconds = (self.windows.push + self.windows.warmup).as_secs_f64();
            let rate = read as f64 / seconds;
            measured.put("backlog read beside", Unit::MessagesPerSecond, rate);
            Ok(measured)
        })
    }

    /// Every group receives every message.
    fn groups(&self, rate: u32, points: &[usize]) -> anyhow::Result<Measured> {
        let mut measured = Measured::default();
        for groups in points {
            let target = self.fresh("groups")?;
            let mut options = LoadOptions { groups: *groups, ..self.options(Shape::new(4, 128)) };
            options.rate = Some(rate.into());
            let report = load::end_to_end(&target, &options, &self.label)?;
            point(&mut measured, *groups, &report);
            for (name, quantile) in [("p50", 0.5), ("p99", 0.99)] {
                if let Some(us) = report.latency_us(quantile) {
                    measured.put_at(name, *groups as u64, Unit::Micros, us);
                }
            }
        }
        let last = measured.figures.iter().rfind(|(key, _)| key.name == "p99");
        if let Some(us) = last.map(|(_, us)| *us) {
            measured.put("p99 with most groups", Unit::Micros, us);
        }
        Ok(measured)
    }

    fn backlogs(&self, points: &[u64]) -> anyhow::Result<Measured> {
        let mut measured = Measured::default();
        for backlog in points {
            let one = self.pull_figures(&format!("backlog-{backlog}"), *backlog)?;
            measured.disturbed(one.other_cores, one.stalled_s);
            measured.warnings.extend(one.warnings);
            for (_, profile) in &one.profiles {
                measured.profiled(&backlog.to_string(), Some(profile));
            }
            for (key, value) in one.figures.iter().filter(|(key, _)| key.name != "generator") {
                measured.put_at(key.name, *backlog, key.unit, *value);
            }
        }
        Ok(measured)
    }

    /// Passes over the backlog until the window is full.
    fn pull_figures(&self, prefix: &str, backlog: u64) -> anyhow::Result<Measured> {
        let target = self.filled(prefix, backlog)?;
        let shape = Shape::new(PULLING_CONNECTIONS, 1);
        let options = LoadOptions { ask: Ask::MOST, ..self.options(shape) };
        // The first pass brings both sides to speed.
        load::consume(&target, &options, &self.label)?;
        let mut measured = Measured::default();
        let (mut sum, mut own_us) = ((0, 0, 0.0), 0.0);
        // A pass may be too short to tell what others took.
        let before = Usage::now(&target);
        while sum.2 < options.duration.as_secs_f64() {
            let pass = load::consume(&target, &options, &self.label)?;
            sum = (sum.0 + pass.messages, sum.1 + pass.bytes, sum.2 + pass.seconds);
            measured.profiled("", pass.server_cpu.as_ref());
            own_us += pass.generator_cpu_us_per_message.unwrap_or(0.0) * pass.messages as f64;
            note(&mut measured, &pass);
            if pass.messages == 0 {
                anyhow::bail!("the backlog of {backlog} messages reads as empty");
            }
        }
        measured.disturbed(Usage::now(&target).other_cores_since(&before), 0.0);
        let (messages, bytes, seconds) = (sum.0 as f64, sum.1 as f64, sum.2);
        measured.put("records/s", Unit::BytesPerSecond, bytes / seconds);
        measured.put("msg/s", Unit::MessagesPerSecond, messages / seconds);
        if let [(_, profile)] = measured.profiles.as_slice() {
            let us = profile.total_us();
            measured.put("server", Unit::MicrosPerMessage, us);
        }
        measured.put("generator", Unit::MicrosPerMessage, own_us / messages);
        Ok(measured)
    }

    /// A topic whose present end is known.
    fn fresh(&self, prefix: &str) -> anyhow::Result<Target> {
        self.server.target(prefix, 1, QUEUES)
    }

    /// A topic and how many messages it has, once that has stopped growing: a broker that queues
    /// what it has stored later than it acknowledges would be measured while it catches up.
    fn settled(&self, prefix: &str) -> anyhow::Result<(Target, u64)> {
        let mut before = None;
        loop {
            let target = self.fresh(prefix)?;
            let offsets = target.brokers.iter().flat_map(|broker| &broker.queue_offsets_max);
            let stored = u64::try_from(offsets.sum::<i64>()).unwrap_or(0);
            if stored == 0 || before == Some(stored) {
                return Ok((target, stored));
            }
            before = Some(stored);
            std::thread::sleep(SETTLE_LOOK);
        }
    }

    /// A topic with at least `backlog` messages.
    fn filled(&self, prefix: &str, backlog: u64) -> anyhow::Result<Target> {
        let mut fruitless = 0;
        loop {
            let (target, stored) = self.settled(prefix)?;
            if stored >= backlog {
                return Ok(target);
            }
            let shape = Shape { batch: 32, ..Shape::new(8, 2) };
            let mut options = self.options(shape);
            (options.warmup, options.duration) = (Duration::ZERO, Duration::from_millis(500));
            let requests = (backlog - stored).max(3_200) / 32;
            options.rate = Some(2.0 * requests as f64);
            let sent = load::send(&target, &options, &format!("{}, filling", self.label))?;
            fruitless = if sent.messages == 0 { fruitless + 1 } else { 0 };
            if fruitless == FRUITLESS_FILLS_MAX {
                let refusal = sent.first_refusal.as_deref().unwrap_or("no answers");
                anyhow::bail!("the backlog cannot be filled: {refusal}");
            }
        }
    }
}

/// The rates of a curve, point by point.
fn rates(measured: &Measured) -> Vec<f64> {
    let rates = measured.figures.iter().filter(|(key, _)| key.name == "msg/s");
    rates.map(|(_, rate)| *rate).collect()
}

/// Adds how much of the curve's best rate its last point has.
fn kept_at_the_end(mut measured: Measured) -> Measured {
    let rates = rates(&measured);
    let best = rates.iter().copied().fold(0.0, f64::max);
    if let Some(last) = rates.last().filter(|_| best > 0.0) {
        measured.put("last of best", Unit::Share, last / best);
    }
    measured
}

fn sized(body_bytes: usize) -> Shape {
    let in_flight = (IN_FLIGHT_BYTES / body_bytes).clamp(1, 32);
    Shape { body_bytes, ..Shape::new(4, in_flight) }
}

fn point(measured: &mut Measured, at: usize, report: &Report) {
    let at = at as u64;
    measured.put_at("msg/s", at, Unit::MessagesPerSecond, report.messages_per_second);
    if let Some(cpu) = &report.server_cpu {
        measured.put_at("server", at, Unit::MicrosPerMessage, cpu.total_us());
    }
    measured.profiled(&at.to_string(), report.server_cpu.as_ref());
    note(measured, report);
}

fn latencies(measured: &mut Measured, report: &Report) {
    if report.messages == 0 {
        measured.warnings.push("nothing came during the window".to_owned());
        return;
    }
    for (name, quantile) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)] {
        if let Some(us) = report.latency_us(quantile) {
            measured.put(name, Unit::Micros, us);
        }
    }
}

fn cpu_figures(measured: &mut Measured, report: &Report) {
    for (name, us) in [
        ("server", report.server_cpu.as_ref().map(CpuProfile::total_us)),
        ("generator", report.generator_cpu_us_per_message),
    ] {
        if let Some(us) = us {
            measured.put(name, Unit::MicrosPerMessage, us);
        }
    }
    measured.profiled("", report.server_cpu.as_ref());
}

/// What must not be overlooked beside the figures.
fn note(measured: &mut Measured, report: &Report) {
    measured.disturbed(report.other_cores, report.stalled_s);
    if report.refused > 0 {
        let first = report.first_refusal.as_deref().unwrap_or("");
        measured.warnings.push(format!("{} refused, the first with {first}", report.refused));
    }
    if report.unanswered > 0 {
        measured.warnings.push(format!("{} requests were never answered", report.unanswered));
    }
    if let Some(faults) = report.faults.filter(|faults| faults.any()) {
        measured.warnings.push(format!("verification: {}", faults.describe()));
    }
}

/// Resident memory without mapped files, of a server that has just started.
pub fn anonymous_bytes(pid: u32) -> Option<f64> {
    cpu::tree_anonymous_bytes(pid).map(|bytes| bytes as f64)
}
