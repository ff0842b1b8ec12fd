//! A client for RocketMQ and Remora over the Remoting protocol.
//!
//! [`Producer`] sends, [`TransactionProducer`] sends what consumers see once it is committed,
//! [`PushConsumer`] receives into a handler, [`SimpleConsumer`] takes messages and acknowledges
//! each, [`PullConsumer`] reads the queues it is told to,
//! [`Admin`] manages topics, groups and brokers. Each makes its own [`Client`] (connections,
//! routes, heartbeats) unless it is given one to share.
//!
//! [`Producer`] sends singly unless its builder's `auto_batch` lets callers share requests. How
//! fast that is, alone and beside the official Java client: `cargo run --release -p remora-client
//! --example client_rate -- --help`.
//!
//! Decisions are made in pure code that takes the time as a number: `route.rs`,
//! `consumer/rebalance.rs`, `consumer/process_queue.rs`, `producer/latency_fault.rs`. The rest is a
//! thin shell of tokio tasks.
pub mod admin;
mod clock;
mod compression;
pub mod consumer;
pub mod error;
pub mod instance;
mod limits;
pub mod message;
mod message_id;
mod namespace;
pub mod producer;
pub mod queue;
pub mod route;
mod unique_id;
pub mod view;

pub use admin::Admin;
pub use compression::{Compression, CompressionError};
pub use consumer::{
    AllocateStrategy, ConsumeFrom, ConsumeOutcome, Filter, MessageModel, PullConsumer,
    PushConsumer, SimpleConsumer, Tail, TailFrom,
};
pub use error::ClientError;
pub use instance::{Client, ClientBuilder, Popped, PullStatus, Pulled};
pub use limits::BODY_BYTES_MAX;
pub use message::Message;
pub use message_id::MessageId;
pub use producer::{
    BatchPolicy, Producer, SendReceipt, SendStatus, TransactionProducer, TransactionReceipt,
    TransactionState,
};
pub use queue::MessageQueue;
pub use route::TopicRoute;
pub use view::MessageView;
