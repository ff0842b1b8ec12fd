//! Which round comes next, and whether the last one counts.
use crate::compare::figures::{Measured, Round};

/// When a round is void, and how often it may be repeated.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Patience {
    pub rounds: usize,
    /// Void is a round during which others used more cores than this.
    pub other_cores_max: f64,
    /// Repeats of one round of one target.
    pub repeats_max: usize,
}

/// A round during which the machine stood still for longer is void as well. Chosen: two busy cores
/// wake a thread within a tenth of that.
const STALLED_S_MAX: f64 = 1.0;

/// Void is also a round whose slowest message is judged, if the machine's host took a core away for
/// longer: what waits for that core is as late. Chosen: two of the ticks that Linux counts it in.
const STOLEN_S_MAX: f64 = 0.015;

/// What the machine did that makes a round void whatever others used; `None` where it ran.
pub fn standstill(measured: &Measured) -> Option<String> {
    let Measured { stalled_s, stolen_s, .. } = *measured;
    if stalled_s > STALLED_S_MAX {
        return Some(format!("the machine stood still for {stalled_s:.1} s"));
    }
    (stolen_s > STOLEN_S_MAX)
        .then(|| format!("the host took a core away for {:.0} ms", stolen_s * 1e3))
}

/// The next thing to measure: one round of one target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Turn {
    pub target: usize,
    /// From 1.
    pub round: usize,
    /// 0 = the first try.
    pub repeat: usize,
}

/// A B, B A, A B …: each target once a round, and another one first each time, since whoever is
/// first finds the machine as the memory filler left it, or rested. A void try is repeated at once,
/// so that a pair of rounds stays close together.
#[derive(Debug)]
pub struct Schedule {
    patience: Patience,
    targets: usize,
    round: usize,
    /// How many targets this round has had.
    place: usize,
    repeat: usize,
}

impl Schedule {
    pub fn new(patience: Patience, targets: usize) -> Self {
        Self { patience, targets, round: 1, place: 0, repeat: 0 }
    }

    /// `None` once all rounds are over.
    pub fn turn(&self) -> Option<Turn> {
        let Self { round, repeat, .. } = *self;
        let is_on = self.targets > 0 && round <= self.patience.rounds;
        is_on.then(|| Turn { target: (self.place + round - 1) % self.targets, round, repeat })
    }

    /// Judges what the turn measured and moves on. `may_repeat` is false when time is up.
    pub fn judge(&mut self, measured: Measured, may_repeat: bool) -> Round {
        let busy = measured.other_cores.is_some_and(|cores| cores > self.patience.other_cores_max);
        let void = busy || standstill(&measured).is_some();
        if void && may_repeat && self.repeat < self.patience.repeats_max {
            self.repeat += 1;
        } else {
            self.skip();
        }
        Round { measured, void }
    }

    /// Moves on without a result.
    pub fn skip(&mut self) {
        let is_last = self.place + 1 == self.targets;
        self.place = if is_last { 0 } else { self.place + 1 };
        self.round += usize::from(is_last);
        self.repeat = 0;
    }

    /// Rounds of targets still to come, this one included, repeats not.
    pub fn left(&self) -> usize {
        let whole = (self.patience.rounds + 1).saturating_sub(self.round);
        (whole * self.targets).saturating_sub(self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience { rounds: 2, other_cores_max: 0.3, repeats_max: 2 };

    fn measured(other_cores: f64) -> Measured {
        Measured { other_cores: Some(other_cores), ..Measured::default() }
    }

    fn run(noise: &[f64], may_repeat: bool) -> Vec<(usize, usize, usize, bool)> {
        let mut schedule = Schedule::new(PATIENCE, 2);
        let mut noise = noise.iter().copied().chain(std::iter::repeat(0.0));
        let mut seen = Vec::new();
        while let (Some(turn), Some(cores)) = (schedule.turn(), noise.next()) {
            let round = schedule.judge(measured(cores), may_repeat);
            seen.push((turn.round, turn.target, turn.repeat, round.void));
        }
        seen
    }

    #[test]
    fn targets_take_turns_and_another_one_begins_each_round() {
        let quiet = vec![(1, 0, 0, false), (1, 1, 0, false), (2, 1, 0, false), (2, 0, 0, false)];
        assert_eq!(run(&[], true), quiet);
    }

    #[test]
    fn a_void_round_is_repeated_at_once_and_a_bounded_number_of_times() {
        let disturbed = run(&[0.31, 0.3, 9.0, 9.0, 9.0, 0.0], true);
        let expected = vec![
            (1, 0, 0, true),
            (1, 0, 1, false),
            (1, 1, 0, true),
            (1, 1, 1, true),
            (1, 1, 2, true),
            (2, 1, 0, false),
            (2, 0, 0, false),
        ];
        assert_eq!(disturbed, expected);
    }

    #[test]
    fn a_void_round_stays_void_when_time_is_up() {
        assert_eq!(run(&[9.0], false)[..2], [(1, 0, 0, true), (1, 1, 0, false)]);
    }

    fn is_void(measured: Measured) -> bool {
        Schedule::new(PATIENCE, 1).judge(measured, true).void
    }

    #[test]
    fn a_round_during_which_the_machine_stood_still_is_void() {
        let stalled = |stalled_s| Measured { stalled_s, ..measured(0.0) };
        assert_eq!([1.5, 0.2].map(|seconds| is_void(stalled(seconds))), [true, false]);
    }

    #[test]
    fn a_round_during_which_the_host_took_a_core_away_is_void() {
        let stolen = |stolen_s| Measured { stolen_s, ..measured(0.0) };
        assert_eq!([0.02, 0.01].map(|seconds| is_void(stolen(seconds))), [true, false]);
    }

    #[test]
    fn an_unknown_machine_is_not_called_noisy() {
        assert!(!is_void(Measured::default()));
    }

    #[test]
    fn what_is_left_shrinks_to_nothing() {
        let mut schedule = Schedule::new(PATIENCE, 2);
        assert_eq!(schedule.left(), 4);
        schedule.skip();
        schedule.skip();
        assert_eq!(schedule.left(), 2);
        schedule.skip();
        schedule.skip();
        assert_eq!((schedule.left(), schedule.turn()), (0, None));
    }
}
