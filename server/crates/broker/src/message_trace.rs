//! What clients that trace messages need of the broker: its region, in the messages themselves.
//!
//! Traces are messages that clients write. Java's consumers trace nothing but messages that name a
//! region. Apache writes it, and whether to trace at all, into every message; this broker does once
//! it has seen a client that traces, and from its start where the topic of the traces exists or
//! `message.trace_always` is set.
use std::sync::OnceLock;

use remora_config::Settings;
use remora_protocol::properties::{self, name};

/// How the producers' groups begin that Java's clients send their traces by.
const TRACE_PRODUCER_PREFIX: &str = "_INNER_TRACE_PRODUCER";

/// Whether anybody traces.
#[derive(Debug, Default)]
pub struct MessageTrace {
    written: OnceLock<Written>,
}

/// The properties that messages get, by whether `message.trace_on` is set.
#[derive(Debug)]
struct Written {
    on: String,
    off: String,
}

impl MessageTrace {
    /// From here on messages name the region.
    pub fn begin(&self, region: &str) {
        self.written.get_or_init(|| {
            tracing::info!(region, "messages name their region: they are traced");
            Written { on: properties_of(region, "true"), off: properties_of(region, "false") }
        });
    }

    /// A producer group has a client.
    pub(crate) fn producer_seen(&self, group: &str, settings: &Settings) {
        if group.starts_with(TRACE_PRODUCER_PREFIX) {
            self.begin(&settings.region_id);
        }
    }

    /// What is added to the properties of a message; empty where nobody traces.
    #[inline]
    pub(crate) fn properties(&self, settings: &Settings) -> &str {
        match self.written.get() {
            None => "",
            Some(written) if settings.trace_on => &written.on,
            Some(written) => &written.off,
        }
    }
}

fn properties_of(region: &str, trace_on: &str) -> String {
    let mut raw = Vec::new();
    properties::append(&mut raw, name::MSG_REGION, region);
    properties::append(&mut raw, name::TRACE_ON, trace_on);
    String::from_utf8(raw).unwrap_or_default()
}
