//! How far a queue's records are known, where they become known out of order.
use std::collections::BTreeSet;

/// Every queue offset below `next` has been passed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Frontier {
    next: u64,
    ahead: BTreeSet<u64>,
}

impl Frontier {
    pub fn at(next: u64) -> Self {
        Self { next, ahead: BTreeSet::new() }
    }

    pub fn next(&self) -> u64 {
        self.next
    }

    pub fn pass(&mut self, queue_offset: u64) {
        if queue_offset > self.next {
            self.ahead.insert(queue_offset);
        } else if queue_offset == self.next {
            self.next += 1;
            while self.ahead.remove(&self.next) {
                self.next += 1;
            }
        }
    }

    /// Everything below was removed from the queue, or never there.
    pub fn skip_to(&mut self, next: u64) {
        if next > self.next {
            self.ahead = self.ahead.split_off(&next);
            self.next = next;
            while self.ahead.remove(&self.next) {
                self.next += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_passed_out_of_order_counts_once_nothing_is_missing_before_it() {
        let mut frontier = Frontier::at(3);
        let next: Vec<u64> = [4, 6, 1, 3, 3, 5]
            .map(|queue_offset| {
                frontier.pass(queue_offset);
                frontier.next()
            })
            .into();
        assert_eq!(next, [3, 3, 3, 5, 5, 7]);
        frontier.pass(9);
        frontier.skip_to(9);
        assert_eq!(frontier, Frontier::at(10));
        frontier.skip_to(2);
        assert_eq!(frontier, Frontier::at(10));
    }
}
