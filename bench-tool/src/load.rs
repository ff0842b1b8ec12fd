//! Runs one load: generator threads, warm-up, measured window, live line.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::anyhow;
use remora_protocol::SerializeType;

use crate::clock;
use crate::payload::{Faults, Verifier};
use crate::progress::Progress;
use crate::puller::{self, Ask, PullerPlan, Until};
use crate::report::Report;
use crate::sender::{self, ReadBack, SenderPlan, Sent};
use crate::stats::LoadStats;
use crate::target::Target;
use crate::template::{Template, TemplateSpec};
use crate::usage::Usage;

/// The load to put on a target.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    pub connections: usize,
    pub in_flight: usize,
    pub body_bytes: usize,
    pub batch: usize,
    pub ask: Ask,
    /// Requests a second over all connections, open loop; `None` = closed loop.
    pub rate: Option<f64>,
    pub warmup: Duration,
    pub duration: Duration,
    pub threads: usize,
    pub serialize: SerializeType,
    pub run: u32,
    /// Consumer groups of `end_to_end`, each of which receives everything.
    pub groups: usize,
}

/// What one connection has to say in the end.
enum Outcome {
    Sent(Sent),
    Received(Verifier),
}

type Job = std::pin::Pin<Box<dyn Future<Output = anyhow::Result<Outcome>> + Send>>;

/// Generator threads with a current-thread runtime each.
struct Workers {
    threads: Vec<JoinHandle<anyhow::Result<Vec<Outcome>>>>,
    stop: Arc<AtomicBool>,
}

impl Workers {
    fn start(threads: usize, jobs: Vec<Job>, stop: Arc<AtomicBool>) -> anyhow::Result<Self> {
        let mut shares: Vec<Vec<Job>> = (0..threads.max(1)).map(|_| Vec::new()).collect();
        let count = shares.len();
        for (n, job) in jobs.into_iter().enumerate() {
            shares[n % count].push(job);
        }
        let spawn = |(n, jobs): (usize, Vec<Job>)| {
            std::thread::Builder::new().name(format!("load-{n}")).spawn(move || run_jobs(jobs))
        };
        let threads = shares.into_iter().enumerate().map(spawn).collect::<Result<_, _>>()?;
        Ok(Self { threads, stop })
    }

    fn failed(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }

    fn all_done(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    fn finish(self) -> anyhow::Result<Finished> {
        self.stop.store(true, Ordering::Relaxed);
        let mut finished = Finished::default();
        for thread in self.threads {
            let outcomes = thread.join().map_err(|_| anyhow!("a generator thread panicked"))?;
            for outcome in outcomes? {
                match outcome {
                    Outcome::Sent(sent) => finished.sent.push(sent),
                    Outcome::Received(verifier) => finished.received.push(verifier),
                }
            }
        }
        Ok(finished)
    }
}

/// What all connections of a load had to say.
#[derive(Default)]
struct Finished {
    sent: Vec<Sent>,
    received: Vec<Verifier>,
}

fn run_jobs(jobs: Vec<Job>) -> anyhow::Result<Vec<Outcome>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for job in jobs {
            tasks.spawn(job);
        }
        let mut outcomes = Vec::new();
        while let Some(task) = tasks.join_next().await {
            outcomes.push(task??);
        }
        Ok(outcomes)
    })
}

/// Acknowledged sends (or batches) as fast as the window or the rate allows.
pub fn send(target: &Target, options: &LoadOptions, label: &str) -> anyhow::Result<Report> {
    let stats = LoadStats::new(options.connections, options.threads);
    let stop = Arc::new(AtomicBool::new(false));
    let jobs = sender_jobs(target, options, &stats, &stop, ReadBack::No);
    let workers = Workers::start(options.threads, jobs, stop)?;
    let mut report = measure(target, options, label, &stats, &workers)?;
    workers.finish()?;
    report.unanswered = stats.unanswered();
    Ok(report)
}

/// Sends at a rate and receives by long-polling pulls; the latencies are from due time to receipt.
/// What counts are the messages received, those of every consumer group.
pub fn end_to_end(target: &Target, options: &LoadOptions, label: &str) -> anyhow::Result<Report> {
    let sent = LoadStats::new(options.connections, options.threads);
    let received = LoadStats::new(target.brokers.len() * options.groups, 1);
    let stop_sending = Arc::new(AtomicBool::new(false));
    let stop_pulling = Arc::new(AtomicBool::new(false));
    let pullers = puller_jobs(target, options, &received, &stop_pulling, Until::Stopped);
    let pulling = Workers::start(1, pullers, stop_pulling)?;
    let senders = sender_jobs(target, options, &sent, &stop_sending, ReadBack::Yes);
    let sending = Workers::start(options.threads, senders, stop_sending)?;
    let mut report = measure(target, options, label, &received, &pulling)?;
    let senders = sending.finish()?.sent;
    let acknowledged: u64 = senders.iter().map(|sent| sent.acknowledged_messages).sum();
    let acknowledged = acknowledged * options.groups as u64;
    wait_for_the_last(acknowledged, &received);
    report.faults = Some(faults_beside(acknowledged, senders, pulling.finish()?.received));
    report.refused = sent.refused();
    report.first_refusal = sent.first_refusal();
    report.unanswered = sent.unanswered();
    Ok(report)
}

/// Reads what the queues of the topic hold, once.
pub fn consume(target: &Target, options: &LoadOptions, label: &str) -> anyhow::Result<Report> {
    let reading = Reading::start(target, options)?;
    let before = Usage::now(target);
    let progress = Progress::start(label, &reading.stats, None);
    while !reading.workers.all_done() {
        progress.tick_after(LOOK_AGAIN);
    }
    let mut report = before.report(target, label, &reading.stats);
    progress.finish(&mut report);
    reading.finish(report)
}

/// The same unseen, beside another load, until it is through or told to stop.
pub fn consume_beside(
    target: &Target,
    options: &LoadOptions,
    stop: &AtomicBool,
) -> anyhow::Result<Report> {
    let reading = Reading::start(target, options)?;
    let before = Usage::now(target);
    while !reading.workers.all_done() && !stop.load(Ordering::Relaxed) {
        std::thread::sleep(LOOK_AGAIN);
    }
    let report = before.report(target, "", &reading.stats);
    reading.finish(report)
}

/// Connecting, or reading a backlog, may take less than a tenth of a second.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Pullers at work on what is there.
struct Reading {
    stats: LoadStats,
    workers: Workers,
}

impl Reading {
    fn start(target: &Target, options: &LoadOptions) -> anyhow::Result<Self> {
        let stats = LoadStats::new(target.brokers.len() * options.connections, options.threads);
        let stop = Arc::new(AtomicBool::new(false));
        let jobs = puller_jobs(target, options, &stats, &stop, Until::End);
        Ok(Self { stats, workers: Workers::start(options.threads, jobs, stop)? })
    }

    fn finish(self, mut report: Report) -> anyhow::Result<Report> {
        // A backlog's age says nothing about speed.
        report.latency = None;
        let received = self.workers.finish()?.received;
        report.foreign = received.iter().map(Verifier::foreign).sum();
        let faults = received.iter().map(Verifier::faults).fold(Faults::default(), Faults::plus);
        report.faults = Some(faults);
        Ok(report)
    }
}

/// What is wrong with what arrived, when `acknowledged` messages had to.
fn faults_beside(acknowledged: u64, senders: Vec<Sent>, mut received: Vec<Verifier>) -> Faults {
    let refused: Vec<_> = senders.into_iter().flat_map(|sent| sent.refused).collect();
    let mut faults = Faults::default();
    let mut arrived = 0;
    for verifier in &mut received {
        verifier.refused(refused.iter().copied());
        faults = faults.plus(verifier.faults());
        arrived += verifier.taken();
    }
    // The newest of a queue have nothing after them that would show that they are missing.
    let short = acknowledged.saturating_sub(arrived - faults.duplicated);
    Faults { lost: faults.lost.max(short), ..faults }
}

/// Gives receivers the time to see what was still under way: 10 s after the last that came.
fn wait_for_the_last(acknowledged: u64, received: &LoadStats) {
    let mut seen = received.messages_ever();
    let mut last_ns = clock::now_ns();
    while seen < acknowledged && clock::now_ns() < last_ns + 10_000_000_000 {
        std::thread::sleep(Duration::from_millis(50));
        let now = received.messages_ever();
        if now > seen {
            (seen, last_ns) = (now, clock::now_ns());
        }
    }
}

fn sender_jobs(
    target: &Target,
    options: &LoadOptions,
    stats: &LoadStats,
    stop: &Arc<AtomicBool>,
    read_back: ReadBack,
) -> Vec<Job> {
    let interval = |rate: f64| Duration::from_secs_f64(options.connections as f64 / rate);
    let interval_ns = options.rate.map(|rate| nanos(interval(rate)));
    stats
        .connections
        .iter()
        .enumerate()
        .map(|(n, stats)| {
            let broker = &target.brokers[n % target.brokers.len()];
            let producer = u32::try_from(n).unwrap_or(u32::MAX);
            let spec = |topic, queue| TemplateSpec {
                topic,
                broker_name: &broker.name,
                queue,
                body_bytes: options.body_bytes,
                batch: options.batch,
                serialize: options.serialize,
                run: options.run,
                producer,
            };
            let plan = SenderPlan {
                addr: broker.addr.clone(),
                templates: target
                    .topics_of(n, options.connections)
                    .flat_map(|topic| (0..broker.queues).map(move |queue| (topic, queue)))
                    .map(|(topic, queue)| Template::new(&spec(topic, queue)))
                    .collect(),
                in_flight: options.in_flight,
                interval_ns,
                serialize: options.serialize,
                run: options.run,
                producer,
                body_bytes: options.body_bytes,
                read_back,
            };
            let (stats, stop) = (stats.clone(), stop.clone());
            let job: Job =
                Box::pin(async move { sender::run(plan, stats, stop).await.map(Outcome::Sent) });
            job
        })
        .collect()
}

fn puller_jobs(
    target: &Target,
    options: &LoadOptions,
    stats: &LoadStats,
    stop: &Arc<AtomicBool>,
    until: Until,
) -> Vec<Job> {
    let per_broker = (stats.connections.len() / target.brokers.len()).max(1);
    stats
        .connections
        .iter()
        .enumerate()
        .map(|(n, stats)| {
            let broker = &target.brokers[n / per_broker % target.brokers.len()];
            // A backlog is shared out; of what comes, every group gets all.
            let (sharers, group) = match until {
                Until::End => (per_broker, "remora-bench".to_owned()),
                Until::Stopped => (1, format!("remora-bench-{}", n % per_broker)),
            };
            let mine = |queue: &u32| *queue as usize % sharers == n % sharers;
            let from = |queue: u32| match until {
                Until::End => (queue, 0),
                Until::Stopped => (queue, broker.queue_offsets_max[queue as usize]),
            };
            let queues: Vec<_> = (0..broker.queues).filter(mine).map(from).collect();
            let plan = PullerPlan {
                addr: broker.addr.clone(),
                group,
                topic: target.topic().to_owned(),
                queues,
                ask: options.ask,
                until,
                run: (until == Until::Stopped).then_some(options.run),
            };
            let (stats, stop) = (stats.clone(), stop.clone());
            let job: Job =
                Box::pin(
                    async move { puller::run(plan, stats, stop).await.map(Outcome::Received) },
                );
            job
        })
        .collect()
}

fn measure(
    target: &Target,
    options: &LoadOptions,
    label: &str,
    stats: &LoadStats,
    workers: &Workers,
) -> anyhow::Result<Report> {
    let wait = |until_ns: u64, progress: &Progress| {
        while clock::now_ns() < until_ns && !workers.failed() {
            progress.tick();
        }
    };
    let total = options.warmup + options.duration;
    let progress = Progress::start(label, stats, Some(total));
    // The window of a load with thousands of connections is not spent on connecting them.
    while !stats.all_connected() && !workers.failed() {
        progress.tick_after(LOOK_AGAIN);
    }
    let start_ns = clock::now_ns();
    wait(start_ns + nanos(options.warmup), &progress);
    stats.reset();
    let before = Usage::now(target);
    wait(before.at_ns + nanos(options.duration), &progress);
    let mut report = before.report(target, label, stats);
    progress.finish(&mut report);
    Ok(report)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
