//! What the examples share: a store's settings, messages for it, and the one place where they read
//! a clock.
#![allow(dead_code)] // each example uses its part
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Instant;

use remora_protocol::record::Draft;
use remora_store::{FlushMode, QueueRef, StoreConfig};

pub fn now() -> Instant {
    Instant::now()
}

/// Apache's sizes, no retention, an index.
pub fn config(root: PathBuf) -> StoreConfig {
    StoreConfig {
        root,
        flush: FlushMode::Async,
        flush_interval_ms: 500,
        commit_log_segment_bytes: 1 << 30,
        consume_queue_file_bytes: 6_000_000,
        retention_ms: u64::MAX,
        retention_bytes: 0,
        delete_when: "04".to_owned(),
        disk_used_percent_max: 0,
        disk_used_percent_refuse: 95,
        message_index: true,
        queue_tails_bytes_max: 1 << 30,
        commit_log_cached_bytes_max: 1 << 30,
    }
}

/// A message as a client on this machine sends it.
pub fn draft<'d>(queue: &'d QueueRef, body: &'d [u8], properties: &'d [u8]) -> Draft<'d> {
    let host = SocketAddr::from(([127, 0, 0, 1], 10_911));
    Draft {
        topic: &queue.topic,
        queue_id: queue.queue_id,
        flag: 0,
        sys_flag: 0,
        born_timestamp_ms: 0,
        born_host: host,
        store_host: host,
        reconsume_times: 0,
        prepared_transaction_offset: 0,
        body,
        properties,
    }
}

/// Properties that official clients and the broker add, with a unique key to be counted on.
#[derive(Debug)]
pub struct Properties(Vec<u8>);

/// Where the unique key's last eight digits stand.
const DIGITS_AT: usize = 33;
/// The last letter of the tag.
const TAG_AT: usize = 60;

impl Default for Properties {
    fn default() -> Self {
        Self(
            b"UNIQ_KEY\x017F00000100002A139A3C000000000000\x02WAIT\x01true\x02TAGS\x01TagA\x02\
              CLUSTER\x01DefaultCluster\x02"
                .to_vec(),
        )
    }
}

impl Properties {
    /// Those of the message with this number.
    pub fn of(&mut self, number: u64) -> &[u8] {
        if let Some(place) = self.0.get_mut(DIGITS_AT..DIGITS_AT + 8) {
            place.copy_from_slice(&number.to_be_bytes().map(|byte| b'A' + byte % 16));
        }
        &self.0
    }

    /// The same, with the tag that ends with `letter`.
    pub fn tagged(&mut self, number: u64, letter: u8) -> &[u8] {
        if let Some(place) = self.0.get_mut(TAG_AT) {
            *place = letter;
        }
        self.of(number)
    }
}
