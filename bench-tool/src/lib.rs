//! The load generator: how fast, how evenly, and was every message there.
//!
//! Read `cli.rs`, `load.rs` (one load), `sender.rs` and `puller.rs` (one connection), `report.rs`.
pub mod ceiling;
pub mod cli;
pub mod clock;
pub mod compare;
pub mod cpu;
pub mod demo;
pub mod load;
pub mod pacer;
pub mod payload;
pub mod profile;
pub mod progress;
pub mod puller;
pub mod report;
pub mod sender;
pub mod stats;
pub mod target;
pub mod template;
pub mod usage;
pub mod wire;
