//! How much a shard has to do, as far as it decides who gets the next connection.
use std::sync::atomic::{AtomicUsize, Ordering};

/// Idle connections cost next to nothing, so the busy ones count: those with a byte in or out in
/// the last second, looked at by every sweep. A new connection is taken for a busy one.
#[derive(Debug, Default)]
pub(crate) struct ShardLoad {
    /// Assigned, those on the way included.
    connections: AtomicUsize,
    /// As of the last sweep, and all assigned since.
    busy: AtomicUsize,
}

impl ShardLoad {
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// The least is given the next connection.
    pub(crate) fn weight(&self) -> (usize, usize) {
        (self.busy.load(Ordering::Relaxed), self.connections())
    }

    pub(crate) fn assign(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.busy.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn leave(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    /// Takes what a sweep over the `served` connections has found; the others are on the way.
    pub(crate) fn swept(&self, served: usize, busy: usize) {
        let on_the_way = self.connections().saturating_sub(served);
        self.busy.store(busy + on_the_way, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_connection_goes_where_fewest_are_busy_then_where_fewest_are() {
        let (idle, busy) = (ShardLoad::default(), ShardLoad::default());
        for _ in 0..10 {
            idle.assign();
        }
        idle.swept(10, 1);
        for _ in 0..4 {
            busy.assign();
        }
        busy.swept(4, 4);
        assert!(idle.weight() < busy.weight());
        for _ in 0..3 {
            idle.assign();
        }
        assert!(busy.weight() < idle.weight(), "as many are busy, fewer are connected");
        idle.swept(10, 1);
        assert_eq!(idle.weight(), (4, 13), "three are on the way");
    }
}
