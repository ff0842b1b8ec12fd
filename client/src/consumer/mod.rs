//! Receiving messages: pushed to a handler, or pulled.
mod consume;
mod local_offsets;
mod offsets;
mod ordered;
mod process_queue;
mod pull;
mod push;
mod push_builder;
mod queue_locks;
mod queue_reader;
mod readers;
mod rebalance;
mod rebalancing;
mod running_info;
mod simple;
mod subscription;
mod tail;

pub use self::consume::ConsumeOutcome;
pub use self::process_queue::{FlowControl, FlowLimits, ProcessQueue};
pub use self::pull::{PullConsumer, PullConsumerBuilder};
pub use self::push::{ConsumeFrom, MessageModel, PushConsumer};
pub use self::push_builder::PushConsumerBuilder;
pub use self::rebalance::{AllocateStrategy, Change};
pub use self::simple::{SimpleConsumer, SimpleConsumerBuilder};
pub use self::subscription::Filter;
pub use self::tail::{Tail, TailFrom};

pub(crate) use self::subscription::Subscription;

/// Most bytes that a compressed body may become. Chosen: four times the longest body that brokers
/// take, so that four of the longest fit where one was sent compressed.
pub(crate) const INFLATED_BYTES_MAX: usize = 16 * 1024 * 1024;
