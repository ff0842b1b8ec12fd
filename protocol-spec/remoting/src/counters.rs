//! What the transport counts. One set an IO shard, so that they do not contend; summed when read.
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// On cache lines of its own.
        #[derive(Debug, Default)]
        #[repr(align(128))]
        pub(crate) struct Counters {
            $(pub(crate) $name: AtomicU64,)*
        }

        /// A reading of the counters, all since the start.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct Counts {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            pub(crate) fn add_to(&self, sum: &mut Counts) {
                $(sum.$name = sum.$name.wrapping_add(self.$name.load(Ordering::Relaxed));)*
            }
        }
    };
}

counters! {
    /// Connections accepted or made.
    connections_opened,
    /// Of those, how many have ended.
    connections_closed,
    /// Connections refused because `connections_max` were open.
    connections_refused,
    /// Bytes read from peers.
    bytes_in,
    /// Bytes that the kernel has taken.
    bytes_out,
    /// Requests handed to the service, one-way ones included.
    requests,
    /// Requests that no handler answered; each was answered SYSTEM_ERROR.
    dropped_calls,
    /// Connections closed because what they sent is not a frame.
    malformed_frames,
    /// Connections closed because a frame stayed half sent.
    partial_frame_timeouts,
    /// Connections closed because nothing went either way.
    idle_timeouts,
    /// Connections closed because the peer did not read what it had asked for.
    slow_readers,
    /// Answers to no request of ours: late, or invented.
    unexpected_answers,
    /// Panics of a service outside its routes.
    panics,
}

impl Counts {
    /// Connections open now.
    pub fn connections(&self) -> u64 {
        self.connections_opened.saturating_sub(self.connections_closed)
    }
}

pub(crate) fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
