//! Where a server's CPU goes: by thread name, user and system.
use std::collections::HashMap;

use serde_json::{Value, json};

use crate::compare::figures::Unit;
use crate::cpu::{CpuTime, Thread};

/// CPU that a server used for a number of messages.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CpuProfile {
    pub messages: u64,
    /// All of it, that of threads which have ended included.
    pub all: CpuTime,
    /// Threads whose names differ in their numbers alone, together.
    groups: Vec<(String, CpuTime)>,
}

/// Groups that are told one by one.
const GROUPS_MAX: usize = 5;
/// Smaller shares of the whole are told together.
const SHARE_MIN: f64 = 0.02;

impl CpuProfile {
    /// What was used from `before` to `after`. A thread that was not there before has used nothing
    /// until then.
    pub fn between(before: &[Thread], after: &[Thread], all: CpuTime, messages: u64) -> Self {
        let then: HashMap<u32, CpuTime> = before.iter().map(|t| (t.id, t.cpu)).collect();
        let mut profile = Self { messages, all, groups: Vec::new() };
        for Thread { id, name, cpu } in after {
            let used = cpu.since(then.get(id).copied().unwrap_or_default());
            profile.add(group_of(name), used);
        }
        profile
    }

    /// Both together.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        self.messages += other.messages;
        self.all = self.all.plus(other.all);
        for (name, cpu) in &other.groups {
            self.add(name, *cpu);
        }
        self
    }

    fn add(&mut self, name: &str, cpu: CpuTime) {
        match self.groups.iter_mut().find(|(own, _)| own == name) {
            Some((_, sum)) => *sum = sum.plus(cpu),
            None => self.groups.push((name.to_owned(), cpu)),
        }
    }

    fn each(&self, us: u64) -> f64 {
        us as f64 / self.messages.max(1) as f64
    }

    /// Microseconds a message.
    pub fn total_us(&self) -> f64 {
        self.each(self.all.total_us())
    }

    /// Microseconds a message, user and system.
    pub fn split_us(&self) -> (f64, f64) {
        (self.each(self.all.user_us), self.each(self.all.system_us))
    }

    /// The threads that used most and their microseconds a message, user and system; then `other`.
    pub fn threads_us(&self) -> Vec<(&str, f64, f64)> {
        let least_us = self.all.total_us() as f64 * SHARE_MIN;
        let mut told: Vec<&(String, CpuTime)> = self.groups.iter().collect();
        told.retain(|(_, cpu)| cpu.total_us() > 0 && cpu.total_us() as f64 >= least_us);
        told.sort_by_key(|(_, cpu)| std::cmp::Reverse(cpu.total_us()));
        told.truncate(GROUPS_MAX);
        let sum = told.iter().fold(CpuTime::default(), |sum, (_, cpu)| sum.plus(*cpu));
        let other = self.all.since(sum);
        let us = |cpu: CpuTime| (self.each(cpu.user_us), self.each(cpu.system_us));
        let mut threads: Vec<_> =
            told.iter().map(|(name, cpu)| (name.as_str(), us(*cpu).0, us(*cpu).1)).collect();
        if other.total_us() > 0 {
            threads.push(("other", us(other).0, us(other).1));
        }
        threads
    }

    /// `broker-io 1.20, store-flush 0.31, other 0.02`: microseconds a message.
    pub fn threads(&self) -> String {
        let threads = self.threads_us().into_iter();
        let us = |us: f64| Unit::MicrosPerMessage.show(us);
        let told: Vec<String> =
            threads.map(|(name, user, system)| format!("{name} {}", us(user + system))).collect();
        told.join(", ")
    }

    pub fn to_json(&self) -> Value {
        let threads = self.threads_us().into_iter();
        let threads: Vec<Value> = threads
            .map(|(name, user_us, system_us)| {
                json!({ "name": name, "user_us": user_us, "system_us": system_us })
            })
            .collect();
        let (user_us, system_us) = self.split_us();
        json!({ "messages": self.messages, "user_us": user_us, "system_us": system_us,
                "threads": threads })
    }
}

/// The name without what tells threads of one kind apart: `broker-io-1` is `broker-io`.
fn group_of(name: &str) -> &str {
    let kind = name.trim_end_matches(|c: char| c.is_ascii_digit() || "-_#. ".contains(c));
    if kind.is_empty() { name } else { kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(id: u32, name: &str, user_us: u64, system_us: u64) -> Thread {
        Thread { id, name: name.to_owned(), cpu: CpuTime { user_us, system_us } }
    }

    #[test]
    fn threads_of_one_kind_count_together_and_the_rest_is_other() {
        let before = [thread(1, "broker-io-0", 100, 10), thread(2, "store-flush", 500, 500)];
        let after = [
            thread(1, "broker-io-0", 1_100, 1_010),
            thread(2, "store-flush", 500, 1_500),
            thread(3, "broker-io-1", 1_000, 0),
            thread(4, "idle", 1, 0),
        ];
        let all = CpuTime { user_us: 2_101, system_us: 2_100 };
        let profile = CpuProfile::between(&before, &after, all, 100);
        assert_eq!(profile.threads(), "broker-io 30.0, store-flush 10.0, other 2.01");
        let twice = profile.clone().plus(&profile);
        assert_eq!((twice.threads(), twice.split_us()), (profile.threads(), (21.01, 21.0)));
    }

    #[test]
    fn a_name_of_digits_alone_is_kept() {
        let names = ["broker-io-1", "SendMessageThre", "GC Thread#0", "123"].map(group_of);
        assert_eq!(names, ["broker-io", "SendMessageThre", "GC Thread", "123"]);
    }
}
