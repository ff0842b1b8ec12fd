//! Apache's `config/*.json`: imported where they are not what we exported, exported at a clean
//! stop.
use std::path::Path;

use remora_protocol::body::{
    self, ConsumerOffsetSerializeWrapper, DelayOffsetSerializeWrapper, MessageRequestModes,
    SubscriptionGroupWrapper, TopicConfigSerializeWrapper,
};
use remora_store::meta_log::{Durability, MetaError};
use remora_store::{FileDisk, MetaLog, apache_json};

use crate::broker::Broker;
use crate::meta::{self, Change};
use crate::registration::java_crc32;
use crate::request_modes;
use crate::timer::Checkpoint;

const TOPICS: &str = "topics.json";
const GROUPS: &str = "subscriptionGroup.json";
const OFFSETS: &str = "consumerOffset.json";
const DELAYS: &str = "delayOffset.json";
const REQUEST_MODES: &str = "messageRequestMode.json";
/// Binary: lastReadTimeMs, and what its timer wheel needs.
const TIMERS: &str = "timercheck";

/// `exported/FILE` → CRC of the file as we wrote it. A file that differs was written by Apache.
const EXPORTED: &str = "exported/";

/// Why the configuration could not be taken over or handed back.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    #[error("{file}: {source}; restore the file, or remove it to start without it")]
    Io { file: &'static str, source: std::io::Error },
    #[error("{file}: {source}; restore the file, or remove it to start without it")]
    Body { file: &'static str, source: body::BodyError },
    #[error(transparent)]
    Meta(#[from] MetaError),
}

/// Takes over what Apache left: at the first open of its directory, and whenever it has run on
/// ours.
pub(crate) fn import(store_path: &Path, meta: &MetaLog) -> Result<bool, JsonError> {
    let disk = FileDisk::new(store_path);
    let mut changes: Vec<Change> = Vec::new();
    if let Some((bytes, topics)) = foreign::<TopicConfigSerializeWrapper>(&disk, meta, TOPICS)? {
        drop_all(meta, meta::TOPIC, &mut changes);
        for (name, config) in &topics.topic_config_table {
            changes.push((format!("{}{name}", meta::TOPIC), Some(meta::to_json(config))));
        }
        changes.push((meta::VERSION_TOPICS.into(), Some(meta::to_json(&topics.data_version))));
        changes.push(exported(TOPICS, &bytes));
    }
    if let Some((bytes, groups)) = foreign::<SubscriptionGroupWrapper>(&disk, meta, GROUPS)? {
        drop_all(meta, meta::GROUP, &mut changes);
        drop_all(meta, meta::FORBIDDEN, &mut changes);
        for (name, config) in &groups.subscription_group_table {
            changes.push((format!("{}{name}", meta::GROUP), Some(meta::to_json(config))));
        }
        for (name, topics) in &groups.forbidden_table {
            changes.push((format!("{}{name}", meta::FORBIDDEN), Some(meta::to_json(topics))));
        }
        changes.push((meta::VERSION_GROUPS.into(), Some(meta::to_json(&groups.data_version))));
        changes.push(exported(GROUPS, &bytes));
    }
    if let Some((bytes, offsets)) = foreign::<ConsumerOffsetSerializeWrapper>(&disk, meta, OFFSETS)?
    {
        drop_all(meta, meta::OFFSET, &mut changes);
        for (key, queues) in &offsets.offset_table {
            changes.push((format!("{}{key}", meta::OFFSET), Some(meta::to_json(queues))));
        }
        changes.push((meta::VERSION_OFFSETS.into(), Some(meta::to_json(&offsets.data_version))));
        changes.push(exported(OFFSETS, &bytes));
    }
    import_delays(store_path, &disk, meta, &mut changes)?;
    if let Some((bytes, modes)) = foreign::<MessageRequestModes>(&disk, meta, REQUEST_MODES)? {
        drop_all(meta, meta::REQUEST_MODE, &mut changes);
        changes.extend(request_modes::written(&modes));
        changes.push(exported(REQUEST_MODES, &bytes));
    }
    let imported = !changes.is_empty();
    meta::write(meta, &changes, Durability::Disk)?;
    if imported {
        tracing::info!(changes = changes.len(), "configuration of Apache RocketMQ imported");
    }
    Ok(imported)
}

/// How far delayed messages have been delivered, of levels and of times.
fn import_delays(
    store_path: &Path,
    disk: &FileDisk,
    meta: &MetaLog,
    changes: &mut Vec<Change>,
) -> Result<(), JsonError> {
    let mut levels = None;
    if let Some((bytes, delays)) = foreign::<DelayOffsetSerializeWrapper>(disk, meta, DELAYS)? {
        let offset = |level: i32| delays.offset_table.get(&level).copied();
        let last = delays.offset_table.keys().next_back().copied().unwrap_or(0);
        let next = (1..=last).map(|level| u64::try_from(offset(level).unwrap_or(0)).unwrap_or(0));
        levels = Some(next.collect());
        changes.push(exported(DELAYS, &bytes));
    }
    let timers = timer_check(store_path, meta)?;
    if levels.is_some() || timers.is_some() {
        let read_ms = timers.as_ref().map(|(_, read_ms)| *read_ms);
        changes.push(Checkpoint::taken_over(meta, levels, read_ms));
        changes.extend(timers.map(|(seen, _)| seen));
    }
    Ok(())
}

/// Writes the files as Apache's broker reads them, after the offsets have been persisted.
pub(crate) fn export(store_path: &Path, broker: &Broker) -> Result<(), JsonError> {
    let disk = FileDisk::new(store_path);
    let topics = broker.topics.all();
    let topics = TopicConfigSerializeWrapper {
        data_version: broker.topics.version(),
        topic_config_table: topics
            .values()
            .map(|topic| (topic.config.topic_name.clone(), topic.config.clone()))
            .collect(),
    };
    let groups = broker.groups.all();
    let groups = SubscriptionGroupWrapper {
        data_version: broker.groups.version(),
        forbidden_table: broker.groups.all_forbidden(),
        subscription_group_table: groups
            .values()
            .map(|config| (config.group_name.clone(), config.as_ref().clone()))
            .collect(),
    };
    let offsets = ConsumerOffsetSerializeWrapper {
        data_version: broker.offsets_version(),
        offset_table: broker.offsets.all(),
    };
    let files = [
        (TOPICS, body::encode(&topics)),
        (GROUPS, body::encode(&groups)),
        (OFFSETS, body::encode(&offsets)),
        (DELAYS, body::encode(&broker.timers.level_offsets())),
        (REQUEST_MODES, body::encode(&broker.request_modes.all())),
    ];
    // Recorded first: killed in between, we would otherwise take our own export for Apache's.
    let changes: Vec<Change> = files.iter().map(|(file, bytes)| exported(file, bytes)).collect();
    meta::write(&broker.meta, &changes, Durability::Disk)?;
    for (file, bytes) in files {
        apache_json::write(&disk, file, &bytes).map_err(|source| JsonError::Io { file, source })?;
    }
    Ok(())
}

/// What Apache's `timercheck` says, unless it is as it was: before that time all timer messages
/// were delivered. We do not write it.
fn timer_check(store_path: &Path, meta: &MetaLog) -> Result<Option<(Change, i64)>, JsonError> {
    let bytes = match std::fs::read(store_path.join("config").join(TIMERS)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(JsonError::Io { file: TIMERS, source }),
    };
    let (key, value) = exported(TIMERS, &bytes);
    if meta.entries().get(&key) == value.as_ref() {
        return Ok(None);
    }
    let Some(read_ms) = bytes.first_chunk().map(|word| i64::from_be_bytes(*word)) else {
        let what = format!("{} bytes, lastReadTimeMs takes 8", bytes.len());
        let source = std::io::Error::new(std::io::ErrorKind::InvalidData, what);
        return Err(JsonError::Io { file: TIMERS, source });
    };
    Ok(Some(((key, value), read_ms)))
}

/// The file, decoded, unless it is missing or the one that we exported.
fn foreign<T: serde::de::DeserializeOwned>(
    disk: &FileDisk,
    meta: &MetaLog,
    file: &'static str,
) -> Result<Option<(Vec<u8>, T)>, JsonError> {
    let accept = |bytes: &[u8]| body::decode::<T>(bytes).is_ok();
    let read = apache_json::read(disk, file, &accept);
    let Some(bytes) = read.map_err(|source| JsonError::Io { file, source })? else {
        return Ok(None);
    };
    let (key, value) = exported(file, &bytes);
    if value.is_some() && meta.entries().get(&key) == value.as_ref() {
        return Ok(None);
    }
    let decoded = body::decode(&bytes).map_err(|source| JsonError::Body { file, source })?;
    Ok(Some((bytes, decoded)))
}

fn exported(file: &str, bytes: &[u8]) -> Change {
    (format!("{EXPORTED}{file}"), Some(java_crc32(bytes).to_string().into_bytes()))
}

/// Deletes what the log has under a prefix: the import replaces it.
fn drop_all(meta: &MetaLog, prefix: &str, changes: &mut Vec<Change>) {
    let known = meta.entries().keys().filter(|key| key.starts_with(prefix));
    changes.extend(known.map(|key| (key.clone(), None)));
}
