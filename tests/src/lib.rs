//! What the tests are made with: servers started on free ports, official clients driven over pipes,
//! a recording proxy.
//!
//! Tests live in `tests/`, one module a concept. A test asks [`target`] for a server: Remora's, or
//! (with
//! `REMORA_TEST_TARGET=apache`) Apache's own, against which every interop program was proved first.

pub mod apache;
pub mod campaign;
pub mod clock;
pub mod driver;
pub mod http;
pub mod interop;
pub mod ports;
pub mod record;
pub mod recording_proxy;
pub mod remora;
pub mod target;
pub mod timer_campaign;
pub mod wire;

pub use driver::{Driver, Stream};
pub use target::{Kind, Options, Target};
