//! Ports that are free now, below the range that the kernel takes for outgoing connections.

use std::{
    net::TcpListener,
    process,
    sync::atomic::{AtomicU32, Ordering},
};

const FIRST: u32 = 12_000;
const COUNT: u32 = 20_000;
/// A server takes its port, the one below by two (VIP) and the one above (HA).
const SPAN: u32 = 4;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// The ports of one standalone server. They stay the same over a restart, so that clients find it
/// again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// The nameserver's.
    pub nameserver: u16,
    /// The broker's; two below is the VIP channel, one above HA.
    pub broker: u16,
    /// Health and metrics.
    pub http: u16,
}

impl Ports {
    /// Three that are free on `address` (e.g. `127.0.0.1`). Each process looks in its own stretch
    /// first.
    pub fn free(address: &str) -> Self {
        Self { nameserver: free(address), broker: free(address), http: free(address) }
    }
}

fn free(address: &str) -> u16 {
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let slot = process::id().wrapping_mul(97).wrapping_add(step) % (COUNT / SPAN);
        let base = FIRST + slot * SPAN;
        let block: Vec<u16> = (base..base + SPAN).filter_map(|p| u16::try_from(p).ok()).collect();
        let all_free = block.iter().all(|port| TcpListener::bind((address, *port)).is_ok());
        if let (true, Some(port)) = (all_free, block.get(2)) {
            return *port;
        }
    }
}
