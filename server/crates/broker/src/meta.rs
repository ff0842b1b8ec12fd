//! Keys of the metadata log, and the version that travels with a table.
use std::sync::Arc;
use std::time::Duration;

use remora_protocol::body::DataVersion;
use remora_store::MetaLog;
use remora_store::meta_log::{Durability, MetaError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::broker::Broker;
use crate::time;

/// `topic/NAME` → TopicConfig as JSON.
pub const TOPIC: &str = "topic/";
/// `group/NAME` → SubscriptionGroupConfig as JSON.
pub const GROUP: &str = "group/";
/// `forbidden/GROUP` → topic to forbidden bits, as JSON.
pub const FORBIDDEN: &str = "forbidden/";
/// `offset/TOPIC@GROUP` → queue id to queue offset, as JSON.
pub const OFFSET: &str = "offset/";
/// `half/QUEUE OFFSET` → a half message that waits, as JSON.
pub const HALF: &str = "half/";
/// What half messages that wait are derived from, as JSON.
pub const TRANSACTIONS: &str = "transactions";
/// `pop/TOPIC@GROUP` → queue id to what is in flight, as JSON.
pub const POP: &str = "pop/";
/// `mode/TOPIC@GROUP` → SetMessageRequestModeRequest as JSON.
pub const REQUEST_MODE: &str = "mode/";
/// `version/TABLE` → DataVersion as JSON.
pub const VERSION: &str = "version/";

/// Versions of the three tables.
pub const VERSION_TOPICS: &str = "version/topics";
pub const VERSION_GROUPS: &str = "version/groups";
pub const VERSION_OFFSETS: &str = "version/offsets";

/// One change: `None` deletes.
pub type Change = (String, Option<Vec<u8>>);

/// The next version of a table: nameservers and slaves take the newer one.
pub fn bump(version: &DataVersion) -> DataVersion {
    version.next(time::wall_ms())
}

/// A value as it is kept in the log.
pub fn to_json<T: Serialize>(value: &T) -> Vec<u8> {
    // Our tables have string or integer keys and no foreign Serialize: nothing here can fail.
    serde_json::to_vec(value).unwrap_or_default()
}

/// Every entry under a prefix, decoded; one that cannot be read is logged and left out.
pub fn load<T: DeserializeOwned>(meta: &MetaLog, prefix: &str) -> Vec<(String, T)> {
    let mut found = Vec::new();
    for (key, value) in meta.entries() {
        let Some(name) = key.strip_prefix(prefix) else { continue };
        match serde_json::from_slice(value) {
            Ok(decoded) => found.push((name.to_owned(), decoded)),
            Err(error) => tracing::error!(key, %error, "metadata entry cannot be read, left out"),
        }
    }
    found
}

/// Makes what was written for the page cache alone durable, as often as the log is flushed.
pub async fn sync_regularly(broker: Arc<Broker>) {
    loop {
        let period = Duration::from_millis(broker.config.peek().flush_interval_ms.max(1));
        tokio::select! {
            () = broker.stopping.cancelled() => return,
            () = tokio::time::sleep(period) => {}
        }
        if !broker.meta.wants_sync() {
            continue;
        }
        let meta = broker.meta.clone();
        match tokio::task::spawn_blocking(move || meta.sync()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "metadata not on disk"),
            Err(error) => tracing::error!(%error, "syncing the metadata failed"),
        }
    }
}

/// Writes changes; an error is for the caller to answer, since memory is then ahead of the disk.
pub fn write(meta: &MetaLog, changes: &[Change], durability: Durability) -> Result<(), MetaError> {
    if changes.is_empty() {
        return Ok(());
    }
    meta.put(changes, durability)
}
