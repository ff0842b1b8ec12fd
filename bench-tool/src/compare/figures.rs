//! The numbers of a comparison: one round's, and their spread over rounds.
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::profile::CpuProfile;

/// What a number counts, which says how it is printed and which way is better.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    MessagesPerSecond,
    BytesPerSecond,
    Micros,
    Millis,
    MicrosPerMessage,
    Bytes,
    /// 0 to 1.
    Share,
    Count,
}

impl Unit {
    pub fn higher_is_better(self) -> bool {
        matches!(self, Self::MessagesPerSecond | Self::BytesPerSecond | Self::Share)
    }

    pub fn suffix(self) -> &'static str {
        match self {
            Self::MessagesPerSecond => "msg/s",
            Self::BytesPerSecond => "B/s",
            Self::Micros => "us",
            Self::Millis => "ms",
            Self::MicrosPerMessage => "us/msg",
            Self::Bytes => "B",
            Self::Share => "%",
            Self::Count => "",
        }
    }

    /// Three digits, as a person reads them: 1.23M, 45.6k, 7.89.
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Share => format!("{:.0}", value * 100.0),
            Self::Bytes | Self::BytesPerSecond => scaled(value, 1024.0, &["", "Ki", "Mi", "Gi"]),
            _ => scaled(value, 1000.0, &["", "k", "M", "G"]),
        }
    }
}

fn scaled(value: f64, step: f64, prefixes: &[&str]) -> String {
    let (mut value, mut at) = (value, 0);
    while value.abs() >= step && at + 1 < prefixes.len() {
        value /= step;
        at += 1;
    }
    let decimals = match value.abs() {
        v if v >= 99.95 || v == 0.0 => 0,
        v if v >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}{}", prefixes.get(at).unwrap_or(&""))
}

/// Which number of a load: its name and, on a growth curve, the point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key {
    pub name: &'static str,
    pub at: Option<u64>,
    pub unit: Unit,
}

impl Key {
    /// Name, unit and point: `p50 us`, `msg/s at 1000 topics`.
    pub fn title(&self, axis: Option<&str>) -> String {
        let unit = self.unit.suffix();
        // Rates are named after their unit.
        let unit = if self.name.contains(unit) { "" } else { unit };
        let name = format!("{} {unit}", self.name);
        match (self.at, axis) {
            (Some(at), Some(axis)) => format!("{} at {at} {axis}", name.trim_end()),
            _ => name.trim_end().to_owned(),
        }
    }
}

/// What one round on one target showed.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    pub figures: Vec<(Key, f64)>,
    pub latency: Option<Histogram<u64>>,
    /// CPU cores that neither the server nor the generator used, at most at any moment looked at.
    pub other_cores: Option<f64>,
    /// How long the machine stood still at most, seconds.
    pub stalled_s: f64,
    /// How much of one core the machine's host took within a tenth of a second, at most, seconds; 0
    /// where the slowest message is not judged.
    pub stolen_s: f64,
    /// Memory that held nothing, not even a cached file, before the round.
    pub free_memory_bytes: Option<u64>,
    /// Where the server's CPU went; with the part of the round, where it has several.
    pub profiles: Vec<(String, CpuProfile)>,
    /// What must not be overlooked: refusals, lost messages.
    pub warnings: Vec<String>,
}

impl Measured {
    pub fn put(&mut self, name: &'static str, unit: Unit, value: f64) {
        self.figures.push((Key { name, at: None, unit }, value));
    }

    pub fn put_at(&mut self, name: &'static str, at: u64, unit: Unit, value: f64) {
        self.figures.push((Key { name, at: Some(at), unit }, value));
    }

    /// The machine was as busy as in the busiest of its parts.
    pub fn disturbed(&mut self, other_cores: Option<f64>, stalled_s: f64) {
        self.stalled_s = self.stalled_s.max(stalled_s);
        if let Some(cores) = other_cores {
            self.other_cores = Some(self.other_cores.map_or(cores, |most| most.max(cores)));
        }
    }

    /// Adds to the profile of that part.
    pub fn profiled(&mut self, part: &str, profile: Option<&CpuProfile>) {
        let Some(profile) = profile else { return };
        match self.profiles.iter_mut().find(|(own, _)| own == part) {
            Some((_, sum)) => *sum = std::mem::take(sum).plus(profile),
            None => self.profiles.push((part.to_owned(), profile.clone())),
        }
    }

    fn value(&self, key: Key) -> Option<f64> {
        self.figures.iter().find(|(own, _)| *own == key).map(|(_, value)| *value)
    }
}

/// Least, middle and greatest of the rounds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Spread {
    pub min: f64,
    pub median: f64,
    pub max: f64,
}

impl Spread {
    /// The median of an even number is the mean of the two in the middle.
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let (low, high) = ((values.len() - 1) / 2, values.len() / 2);
        Some(Self { min, median: (values.get(low)? + values.get(high)?) / 2.0, max })
    }

    pub fn show(&self, unit: Unit) -> String {
        let [min, median, max] = [self.min, self.median, self.max].map(|value| unit.show(value));
        if min == max { median } else { format!("{min} / {median} / {max}") }
    }
}

/// How many times better `own` is than `other`, by their medians; below 1 it is worse.
pub fn times_better(own: Spread, other: Spread, unit: Unit) -> Option<f64> {
    let (over, under) = if unit.higher_is_better() { (own, other) } else { (other, own) };
    (under.median > 0.0).then(|| over.median / under.median)
}

/// A round that was measured; void ones are kept to be shown, and count only when accepted.
#[derive(Clone, Debug)]
pub struct Round {
    pub measured: Measured,
    pub void: bool,
}

/// One load on one target.
#[derive(Clone, Debug)]
pub struct Column {
    pub target: String,
    pub rounds: Vec<Round>,
    /// Why there is nothing.
    pub absent: Option<String>,
}

/// Whether void rounds count, marked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Noise {
    Refused,
    Accepted,
}

impl Column {
    fn counted(&self, noise: Noise) -> impl Iterator<Item = &Measured> {
        let counts = move |round: &&Round| !round.void || noise == Noise::Accepted;
        self.rounds.iter().filter(counts).map(|round| &round.measured)
    }

    pub fn spread(&self, key: Key, noise: Noise) -> Option<Spread> {
        Spread::of(self.counted(noise).filter_map(|measured| measured.value(key)).collect())
    }

    /// All figures, in the order in which they were first seen.
    pub fn keys(&self) -> Vec<Key> {
        let mut keys = Vec::new();
        for (key, _) in self.rounds.iter().flat_map(|round| &round.measured.figures) {
            if !keys.contains(key) {
                keys.push(*key);
            }
        }
        keys
    }

    /// Latencies of all rounds that count.
    pub fn latency(&self, noise: Noise) -> Option<Histogram<u64>> {
        let mut sum: Option<Histogram<u64>> = None;
        for one in self.counted(noise).filter_map(|measured| measured.latency.as_ref()) {
            match &mut sum {
                // Same bounds on both sides: adding cannot fail.
                Some(sum) => drop(sum.add(one)),
                None => sum = Some(one.clone()),
            }
        }
        sum
    }

    /// For each part the profile of the round whose CPU is the median: a mean would mix in what
    /// disturbed one of them.
    pub fn profiles(&self, noise: Noise) -> Vec<(&str, &CpuProfile)> {
        let mut parts: Vec<(&str, Vec<&CpuProfile>)> = Vec::new();
        for (part, profile) in self.counted(noise).flat_map(|measured| &measured.profiles) {
            match parts.iter_mut().find(|(own, _)| own == part) {
                Some((_, rounds)) => rounds.push(profile),
                None => parts.push((part, vec![profile])),
            }
        }
        let parts = parts.into_iter();
        parts
            .filter_map(|(part, mut rounds)| {
                rounds.sort_by(|a, b| a.total_us().total_cmp(&b.total_us()));
                Some((part, *rounds.get((rounds.len() - 1) / 2)?))
            })
            .collect()
    }

    pub fn void_count(&self) -> usize {
        self.rounds.iter().filter(|round| round.void).count()
    }

    /// Whether a figure of it stems from a void round, or there is none but void rounds.
    pub fn is_marked(&self, noise: Noise) -> bool {
        noise == Noise::Accepted && self.void_count() > 0
    }

    pub fn to_json(&self, noise: Noise) -> Value {
        let figures: Vec<Value> = self
            .keys()
            .into_iter()
            .filter_map(|key| {
                let Spread { min, median, max } = self.spread(key, noise)?;
                let unit = key.unit.suffix();
                Some(json!({ "name": key.name, "at": key.at, "unit": unit,
                             "min": min, "median": median, "max": max }))
            })
            .collect();
        let rounds: Vec<Value> = self
            .rounds
            .iter()
            .map(|Round { measured, void }| {
                let figures = measured.figures.iter();
                let figures: Vec<Value> = figures
                    .map(|(key, value)| json!({ "name": key.name, "at": key.at, "value": value }))
                    .collect();
                let profiles = measured.profiles.iter();
                let profiles: Vec<Value> = profiles
                    .map(|(part, profile)| json!({ "part": part, "cpu": profile.to_json() }))
                    .collect();
                json!({ "void": void, "other_cores": measured.other_cores,
                        "stalled_s": measured.stalled_s, "stolen_s": measured.stolen_s,
                        "free_memory_bytes": measured.free_memory_bytes,
                        "warnings": measured.warnings, "figures": figures,
                        "server_cpu": profiles })
            })
            .collect();
        json!({ "target": self.target, "not_measured": self.absent,
                "figures": figures, "rounds": rounds })
    }
}
