//! Unique ids for messages whose client gave none.
use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

use remora_protocol::message_id::{HexId, UniqueId};

use crate::time;

static COUNTER: AtomicU16 = AtomicU16::new(0);
/// Tells two starts of one process id apart, where Java puts its class loader's hash.
static START: LazyLock<u32> =
    LazyLock::new(|| u32::try_from(time::wall_ms() & 0xffff_ffff).unwrap_or(0));

/// Java counts from the start of the month; a fixed 30 days keeps the field's range without a
/// calendar, and only uniqueness matters here.
const MONTH_MS: i64 = 30 * 24 * 3_600_000;

/// The next id. No address: as Java where the host's is not known, the time stands in its place.
pub(crate) fn next() -> HexId {
    let start = *START;
    UniqueId {
        ip: IpAddr::V4(Ipv4Addr::from(start)),
        process_id: u16::try_from(std::process::id() & 0xffff).unwrap_or(0),
        loader_hash: start,
        month_ms: i32::try_from(time::wall_ms() % MONTH_MS).unwrap_or(0),
        counter: COUNTER.fetch_add(1, Ordering::Relaxed),
    }
    .to_hex()
}
