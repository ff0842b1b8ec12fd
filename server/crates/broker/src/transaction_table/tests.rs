use super::*;

const RULES: Rules =
    Rules { first_check_ms: 6_000, check_interval_ms: 30_000, checks_max: 2, pending_max: 3 };

fn half(table: &mut TransactionTable, queue_offset: u64) -> Half {
    Half {
        queue_offset,
        physical_offset: 1_000 + queue_offset,
        group: table.name("g"),
        topic: table.name("orders"),
        stored_ms: 0,
        born_ms: 0,
        immunity_ms: None,
        checks: 0,
    }
}

fn begun(table: &mut TransactionTable, queue_offset: u64) -> Half {
    let admission = table.admit(&RULES).unwrap();
    let half = half(table, queue_offset);
    table.begin(0, half.clone(), admission);
    half
}

fn end(queue_offset: u64, decision: Decision) -> End<'static> {
    let physical_offset = 1_000 + queue_offset;
    End { queue_offset, physical_offset, group: "g", decision, from_check: false }
}

#[test]
fn the_first_decision_wins_and_later_ones_are_told_of_it() {
    let mut table = TransactionTable::default();
    let half = begun(&mut table, 0);
    let commit = end(0, Decision::Commit);
    assert_eq!(table.end(0, &RULES, &commit), Ended::Decide(half));
    let rollback = end(0, Decision::Rollback);
    assert_eq!(table.end(0, &RULES, &rollback), Ended::BeingDecided(Decision::Commit));
    table.settled(0, 0);
    assert_eq!(table.end(0, &RULES, &rollback), Ended::Decided(Decision::Commit));
    assert_eq!(table.end(0, &RULES, &commit), Ended::Decided(Decision::Commit));
    assert_eq!(table.end(0, &RULES, &end(1, Decision::Commit)), Ended::NotPending);
    assert!(table.is_empty());
}

#[test]
fn a_decision_that_was_not_stored_leaves_the_half_message_waiting() {
    let mut table = TransactionTable::default();
    let half = begun(&mut table, 0);
    assert_eq!(table.end(0, &RULES, &end(0, Decision::Commit)), Ended::Decide(half.clone()));
    table.failed(0, 0);
    assert_eq!(table.end(0, &RULES, &end(0, Decision::Rollback)), Ended::Decide(half));
}

#[test]
fn an_end_must_name_the_group_and_the_place() {
    let mut table = TransactionTable::default();
    begun(&mut table, 0);
    let wrong = End { group: "other", ..end(0, Decision::Commit) };
    assert_eq!(table.end(0, &RULES, &wrong), Ended::WrongGroup("g".into()));
    let wrong = End { physical_offset: 7, ..end(0, Decision::Commit) };
    assert_eq!(table.end(0, &RULES, &wrong), Ended::WrongPhysicalOffset(1_000));
}

#[test]
fn after_the_time_that_a_producer_asked_for_only_checks_decide() {
    let mut table = TransactionTable::default();
    let half = Half { immunity_ms: Some(10_000), ..half(&mut table, 0) };
    let admission = table.admit(&RULES).unwrap();
    table.begin(0, half.clone(), admission);
    assert_eq!(table.due(9_999, &RULES, 9), []);
    assert_eq!(table.due(10_000, &RULES, 9), [Due::Check(half.clone())]);
    let commit = end(0, Decision::Commit);
    let late = Ended::TooLate { age_ms: 10_001, immunity_ms: 10_000 };
    assert_eq!(table.end(10_001, &RULES, &commit), late);
    let checked = End { from_check: true, ..commit };
    assert_eq!(table.end(10_001, &RULES, &checked), Ended::Decide(half));
}

#[test]
fn checks_come_by_schedule_and_count_only_where_somebody_was_asked() {
    let mut table = TransactionTable::default();
    let mut half = begun(&mut table, 0);
    assert_eq!(table.due(5_999, &RULES, 9), []);
    assert_eq!(table.due(6_000, &RULES, 9), [Due::Check(half.clone())]);
    table.checked(6_000, 0, Asked::Nobody);
    assert_eq!(table.due(11_999, &RULES, 9), []);
    assert_eq!(table.due(12_000, &RULES, 9), [Due::Check(half.clone())]);
    table.checked(12_000, 0, Asked::Somebody);
    half.checks = 1;
    assert_eq!(table.due(41_999, &RULES, 9), []);
    assert_eq!(table.due(42_000, &RULES, 9), [Due::Check(half.clone())]);
    table.checked(42_000, 0, Asked::Somebody);
    half.checks = 2;
    assert_eq!(table.due(72_000, &RULES, 9), [Due::GiveUp(half.clone())]);
    assert_eq!(table.due(72_000, &RULES, 9), [], "it is decided");
    let commit = table.end(0, &RULES, &end(0, Decision::Commit));
    assert_eq!(commit, Ended::BeingDecided(Decision::GiveUp));
    table.failed(72_000, 0);
    assert!(table.check_again(0, 1_000));
    half.checks = 0;
    assert_eq!(table.due(72_000, &RULES, 9), [Due::Check(half)]);
}

#[test]
fn past_the_limit_nothing_is_admitted() {
    let mut table = TransactionTable::default();
    for queue_offset in 0..2 {
        begun(&mut table, queue_offset);
    }
    let third = table.admit(&RULES).unwrap();
    assert_eq!(table.admit(&RULES), Err(Full { pending: 3, pending_max: 3 }));
    table.release(third);
    assert!(table.admit(&RULES).is_ok());
}

#[test]
fn a_position_never_leaves_out_what_is_stored_but_not_begun() {
    let mut table = TransactionTable::default();
    let (first, second) = (table.admit(&RULES).unwrap(), table.admit(&RULES).unwrap());
    let (one, two) = (half(&mut table, 0), half(&mut table, 1));
    table.begin(0, two, second);
    assert_eq!(table.position(), Position::default());
    table.begin(0, one, first);
    let saved = |physical_offset| Saved { physical_offset, checks: 0 };
    let pending = BTreeMap::from([(0, saved(1_000)), (1, saved(1_001))]);
    assert_eq!(table.position(), Position { pending, half_next: 2, op_next: 0, op_floor: 0 });
    // The op message of another thread's decision is stored, and not yet settled.
    table.end(0, &RULES, &end(0, Decision::Commit));
    table.end(0, &RULES, &end(1, Decision::Commit));
    table.settled(1, 1);
    let pending = BTreeMap::from([(0, saved(1_000))]);
    assert_eq!(table.position(), Position { pending, half_next: 2, op_next: 0, op_floor: 0 });
}

mod model {
    //! Random histories of a broker that is killed and loses power, over a log that is a list.
    use super::*;

    const RULES: Rules =
        Rules { first_check_ms: 10, check_interval_ms: 10, checks_max: 2, pending_max: 8 };

    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    enum Record {
        Half {
            queue_offset: u64,
        },
        /// A commit or the copy in the topic of those given up.
        Outcome {
            half_at: u64,
            decision: Decision,
        },
        Op {
            half: u64,
            decision: Decision,
        },
    }

    struct Random(u64);

    impl Random {
        fn below(&mut self, limit: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % limit
        }
    }

    struct World {
        random: Random,
        now_ms: i64,
        log: Vec<Record>,
        /// Where the newest batch of the log begins: a kill may cut it.
        batch_at: usize,
        flushed: usize,
        table: TransactionTable,
        /// Stored and not yet begun.
        stored: Vec<(Half, Admission)>,
        /// Stored and not yet settled.
        unsettled: Vec<(u64, u64)>,
        taken: Option<(Position, usize)>,
        saved: (Position, usize),
    }

    impl World {
        fn count(&self, of: impl Fn(&Record) -> bool) -> u64 {
            self.log.iter().filter(|record| of(record)).count() as u64
        }

        fn append(&mut self, records: &[Record]) {
            self.batch_at = self.log.len();
            self.log.extend_from_slice(records);
        }

        fn store_half(&mut self) {
            let Ok(admission) = self.table.admit(&RULES) else { return };
            if self.random.below(10) == 0 {
                return self.table.release(admission);
            }
            let queue_offset = self.count(|record| matches!(record, Record::Half { .. }));
            let half = self.half(queue_offset, self.log.len() as u64);
            self.append(&[Record::Half { queue_offset }]);
            self.stored.push((half, admission));
        }

        fn half(&mut self, queue_offset: u64, physical_offset: u64) -> Half {
            Half { physical_offset, ..half(&mut self.table, queue_offset) }
        }

        fn begin(&mut self) {
            if !self.stored.is_empty() {
                let at = self.random.below(self.stored.len() as u64);
                let (half, admission) = self.stored.swap_remove(usize::try_from(at).unwrap());
                self.table.begin(self.now_ms, half, admission);
            }
        }

        fn end(&mut self) {
            let halves = self.count(|record| matches!(record, Record::Half { .. }));
            if halves == 0 {
                return;
            }
            let queue_offset = self.random.below(halves);
            let is_it = |record: &Record| *record == Record::Half { queue_offset };
            let physical_offset = self.log.iter().position(is_it).unwrap() as u64;
            let decision =
                if self.random.below(2) == 0 { Decision::Commit } else { Decision::Rollback };
            let end = End { queue_offset, physical_offset, group: "g", decision, from_check: true };
            if let Ended::Decide(half) = self.table.end(self.now_ms, &RULES, &end) {
                self.store_decision(&half, decision);
            }
        }

        fn store_decision(&mut self, half: &Half, decision: Decision) {
            if self.random.below(8) == 0 {
                return self.table.failed(self.now_ms, half.queue_offset);
            }
            let op_offset = self.count(|record| matches!(record, Record::Op { .. }));
            let outcome = Record::Outcome { half_at: half.physical_offset, decision };
            let op = Record::Op { half: half.queue_offset, decision };
            match decision {
                Decision::Rollback => self.append(&[op]),
                Decision::Commit | Decision::GiveUp => self.append(&[outcome, op]),
            }
            self.unsettled.push((half.queue_offset, op_offset));
        }

        fn settle(&mut self) {
            if !self.unsettled.is_empty() {
                let at = self.random.below(self.unsettled.len() as u64);
                let (half, op) = self.unsettled.swap_remove(usize::try_from(at).unwrap());
                self.table.settled(half, op);
            }
        }

        fn check(&mut self) {
            self.now_ms += 10;
            for due in self.table.due(self.now_ms, &RULES, 3) {
                match due {
                    Due::Check(half) => {
                        self.table.checked(self.now_ms, half.queue_offset, Asked::Somebody);
                    }
                    Due::GiveUp(half) => self.store_decision(&half, Decision::GiveUp),
                }
            }
        }

        /// A position is written once all that it knows of is flushed.
        fn save(&mut self) {
            match self.taken.take() {
                Some((position, end)) if end <= self.flushed => self.saved = (position, end),
                Some(waiting) => self.taken = Some(waiting),
                None => self.taken = Some((self.table.position(), self.log.len())),
            }
        }

        fn crash(&mut self) {
            // A kill cuts the batch being written at most, a loss of power what was not flushed.
            let from = if self.random.below(2) == 0 { self.flushed } else { self.batch_at };
            let from = from.max(self.flushed);
            let lost_most = (self.log.len() - from) as u64;
            let kept = self.log.len() - usize::try_from(self.random.below(lost_most + 1)).unwrap();
            self.log.truncate(kept);
            self.batch_at = kept;
            self.flushed = kept;
            (self.stored, self.unsettled, self.taken) = (Vec::new(), Vec::new(), None);
            self.restart();
        }

        fn restart(&mut self) {
            let (position, end) = self.saved.clone();
            self.table = TransactionTable::starting_at(
                position.half_next,
                position.op_next,
                position.op_floor,
            );
            for (queue_offset, saved) in &position.pending {
                let half = self.half(*queue_offset, saved.physical_offset);
                self.table.restore(self.now_ms, Half { checks: saved.checks, ..half });
            }
            for (at, record) in self.log.clone().iter().enumerate() {
                if let Record::Half { queue_offset } = record
                    && *queue_offset >= position.half_next
                {
                    let half = self.half(*queue_offset, at as u64);
                    self.table.restore(self.now_ms, half);
                }
            }
            let is_op = |record: &&Record| matches!(record, Record::Op { .. });
            for (at, record) in self.log.iter().filter(is_op).enumerate() {
                if let Record::Op { half, decision } = record
                    && at as u64 >= position.op_next
                {
                    self.table.restore_op(at as u64, &[*half], Some(*decision));
                }
            }
            let waiting = self.table.by_physical_offset();
            for record in self.log.get(end..).unwrap().to_vec() {
                if let Record::Outcome { half_at, decision } = record
                    && let Some(half) = waiting.get(&half_at)
                    && self.table.ended_by(*half, decision)
                {
                    let op_offset = self.count(|record| matches!(record, Record::Op { .. }));
                    self.append(&[Record::Op { half: *half, decision }]);
                    self.table.settled(*half, op_offset);
                }
            }
        }

        fn step(&mut self) {
            match self.random.below(20) {
                0..=4 => self.store_half(),
                5..=8 => self.begin(),
                9..=12 => self.end(),
                13..=15 => self.settle(),
                16 => self.check(),
                17 => self.flushed = self.log.len(),
                18 => self.save(),
                _ => self.crash(),
            }
        }

        fn run_out(&mut self) {
            while !self.stored.is_empty() || !self.unsettled.is_empty() || !self.table.is_empty() {
                self.begin();
                self.settle();
                self.check();
            }
        }

        fn judge(&self, seed: u64) {
            for (at, record) in self.log.iter().enumerate() {
                let Record::Half { queue_offset } = record else { continue };
                let outcomes = self.count(
                    |one| matches!(one, Record::Outcome { half_at, .. } if *half_at == at as u64),
                );
                let ops: Vec<Decision> = self
                    .log
                    .iter()
                    .filter_map(|one| match one {
                        Record::Op { half, decision } if half == queue_offset => Some(*decision),
                        _ => None,
                    })
                    .collect();
                let [decision] = *ops else {
                    panic!("seed {seed}: half message {queue_offset} was decided by {ops:?}")
                };
                let expected = u64::from(decision != Decision::Rollback);
                assert_eq!(outcomes, expected, "seed {seed}: half message {queue_offset}");
            }
        }
    }

    #[test]
    fn whatever_happens_each_half_message_is_decided_exactly_once() {
        let mut decided: u64 = 0;
        for seed in 1..=2_000_u64 {
            let mut world = World {
                random: Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
                now_ms: 0,
                log: Vec::new(),
                batch_at: 0,
                flushed: 0,
                table: TransactionTable::default(),
                stored: Vec::new(),
                unsettled: Vec::new(),
                taken: None,
                saved: Default::default(),
            };
            for _ in 0..200 {
                world.step();
            }
            world.run_out();
            world.judge(seed);
            decided += world.count(|record| matches!(record, Record::Half { .. }));
        }
        assert!(decided > 20_000, "{decided} half messages are few for a proof");
    }
}
