//! The nameserver: which broker serves which topic, and where.
//!
//! State is in memory and comes from the brokers' registrations alone: a nameserver never writes to
//! disk besides `kvConfig.json`. Read `route_table.rs` (what happens), `route_lookup.rs` (what is
//! answered), `routes.rs` (the codes), then the handlers.
mod advertised;
mod broker_handlers;
mod clock;
mod config_handlers;
mod kv_config;
mod nameserver;
pub mod route_lookup;
pub mod route_table;
mod routes;
mod topic_handlers;

pub use advertised::{Advertised, AdvertisedError, EmbeddedBroker};
pub use kv_config::KvError;
pub use nameserver::{Nameserver, NameserverFigures};
