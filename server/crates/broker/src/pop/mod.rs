//! POP: consumers take messages for a time, and acknowledge them one by one.
//!
//! Read `flight.rs` (what a group has in flight of a queue: the core), `table.rs` (all flights, and
//! the consumer offsets that follow them), `take.rs` (reading for a pop), `hold.rs` with `wait.rs`
//! (pops that wait), `ack.rs`, `revive.rs` (what was not acknowledged in time).
//!
//! No record of a pop or an acknowledgement goes into the log, as Apache's do by way of its revive
//! topic and timer (two records a pop, read back and matched): the group's consumer offset is the
//! lowest message that is not settled, and what is above it is kept with the offsets, in the
//! metadata log, every few seconds and at the stop. A crash delivers again what it forgets. So an
//! acknowledgement costs one short lock, and neither the log nor its readers see POP at all.
mod ack;
mod course;
pub mod flight;
pub mod hold;
mod message;
mod notice;
mod peek;
mod revive;
pub mod table;
mod take;
pub mod wait;

use std::sync::atomic::AtomicU64;

pub(crate) use ack::{ack_message, batch_ack_message, change_invisible_time};
pub(crate) use course::check_priority_factor;
pub(crate) use message::pop_message;
pub(crate) use notice::{notification, polling_info};
pub(crate) use peek::peek_message;
pub(crate) use revive::revive_due;
pub(crate) use wait::expire_held;

use crate::pop::table::FlightTable;
use crate::pop::wait::PopWait;

/// What POP keeps.
#[derive(Debug, Default)]
pub struct Pops {
    pub flights: FlightTable,
    pub wait: PopWait,
    /// Counts pops: each begins with another queue, and some with the retry topic.
    turn: AtomicU64,
}
