//! The tokio transport: connections that carry requests in both directions, for servers and
//! clients.
//!
//! Read `service.rs` (what a role implements), `turn.rs` (the calls it gets), `connection.rs`,
//! `conn_task.rs` (the loop), `server.rs`, `client.rs`, `routes.rs`.
mod account;
mod answers;
mod body;
pub mod budget;
pub mod client;
mod clock;
mod conn_task;
pub mod connection;
mod counters;
mod errand;
mod listener;
mod malformed;
mod outgoing;
pub mod pending;
pub mod port_owner;
mod reply_shape;
mod responder;
mod route_stats;
mod route_table;
pub mod routes;
mod scratch;
pub mod server;
pub mod service;
mod shard;
mod shard_load;
mod slow_lane;
mod sweep;
mod transport;
mod turn;

pub use answers::{SendAnswer, StoredReply};
pub use body::Body;
pub use budget::{Budget, Class, Reserved};
pub use client::{ClientConfig, Connector, Peer};
pub use connection::{Connection, HeldReplies, Paused, RequestError, Responder};
pub use counters::Counts;
pub use errand::Errand;
pub use listener::bind as bind_listener;
pub use pending::{Answer, SendWait};
pub use routes::{Request, Role, RouteCounts, Routes, SlowLimits};
pub use server::{Counting, Server, ServerConfig};
pub use service::{Call, NoService, Owed, Refusal, Reply, Service, Turn};
