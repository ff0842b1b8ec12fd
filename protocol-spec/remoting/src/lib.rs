//! The tokio transport: connections that carry requests in both directions, for servers and clients.
//!
//! Read `service.rs` (what a role implements), `connection.rs`, `server.rs`, `client.rs`, `routes.rs`.
pub mod client;
pub mod connection;
pub mod routes;
pub mod server;
pub mod service;

pub use client::{ClientConfig, Connector};
pub use connection::{Body, Connection, RequestError, Responder};
pub use routes::{Role, Routes};
pub use server::{Server, ServerConfig};
pub use service::{Call, Refusal, Reply, Service, Turn};
