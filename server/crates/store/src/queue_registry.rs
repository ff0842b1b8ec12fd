//! (topic, queue id) → consume queue. Names are read at start, queues are loaded when first used.
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use ahash::AHashMap;
use parking_lot::{Mutex, RwLock};

use crate::consume_queue::{ConsumeQueue, Stale};
use crate::disk::Disk;
use crate::queue_files::{ENTRY_BYTES, QueueDisk};
use crate::segment::start_of;

pub(crate) const CONSUME_QUEUE_DIR: &str = "consumequeue";
/// Chosen: with sockets and segments well below the usual limit of 20,000 and up.
const OPEN_FILES_MAX: usize = 2_048;

type Topics = AHashMap<Arc<str>, BTreeMap<i32, Arc<ConsumeQueue>>>;

/// All queues of a store.
#[derive(Debug)]
pub(crate) struct QueueRegistry {
    shared: Arc<QueueDisk>,
    topics: RwLock<Topics>,
    /// How a queue finds its end when it is first used.
    load_rule: RwLock<LoadRule>,
    /// Queues with entries that are not in files yet.
    listed: Mutex<Vec<Arc<ConsumeQueue>>>,
    directory_was_missing: bool,
}

/// Entries of records at or past `bound` do not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LoadRule {
    pub bound: u64,
    pub stale: Stale,
}

impl QueueRegistry {
    /// Reads the directory names. The size of the first file found wins over `file_bytes`.
    pub(crate) fn open(disk: &Arc<dyn Disk>, file_bytes: u64) -> io::Result<Self> {
        let mut names = Vec::new();
        for topic in disk.list(CONSUME_QUEUE_DIR)?.into_iter().filter(|entry| entry.is_dir) {
            let dir = format!("{CONSUME_QUEUE_DIR}/{}", topic.name);
            for queue in disk.list(&dir)?.into_iter().filter(|entry| entry.is_dir) {
                if let Ok(queue_id) = queue.name.parse::<i32>() {
                    names.push((topic.name.clone(), queue_id));
                }
            }
        }
        let file_bytes = found_file_bytes(disk.as_ref(), &names)?.unwrap_or(file_bytes);
        if file_bytes == 0 || file_bytes % ENTRY_BYTES != 0 {
            let text = format!("consume queue files of {file_bytes} bytes: not a multiple of 20");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let shared = Arc::new(QueueDisk {
            disk: disk.clone(),
            file_bytes,
            open_files: AtomicUsize::new(0),
            open_files_max: OPEN_FILES_MAX,
        });
        let registry = Self {
            shared,
            topics: RwLock::new(Topics::default()),
            load_rule: RwLock::new(LoadRule { bound: u64::MAX, stale: Stale::None }),
            listed: Mutex::new(Vec::new()),
            directory_was_missing: disk.entry(CONSUME_QUEUE_DIR)?.is_none(),
        };
        for (topic, queue_id) in names {
            registry.insert(&decode_name(&topic), queue_id);
        }
        Ok(registry)
    }

    pub(crate) fn set_load_rule(&self, rule: LoadRule) {
        *self.load_rule.write() = rule;
    }

    /// The queue, loaded, made if new.
    pub(crate) fn queue(&self, topic: &str, queue_id: i32) -> io::Result<Arc<ConsumeQueue>> {
        let queue = match self.find(topic, queue_id) {
            Some(queue) => queue,
            None => self.insert(topic, queue_id),
        };
        self.load(&queue)?;
        Ok(queue)
    }

    /// The queue without its end: for references of a store that failed and takes nothing.
    pub(crate) fn unloaded(&self, topic: &str, queue_id: i32) -> Arc<ConsumeQueue> {
        self.insert(topic, queue_id)
    }

    /// The queue, loaded, if it is known.
    pub(crate) fn existing(
        &self,
        topic: &str,
        queue_id: i32,
    ) -> io::Result<Option<Arc<ConsumeQueue>>> {
        let Some(queue) = self.find(topic, queue_id) else { return Ok(None) };
        self.load(&queue)?;
        Ok(Some(queue))
    }

    pub(crate) fn names(&self) -> Vec<(Arc<str>, i32)> {
        let topics = self.topics.read();
        topics
            .iter()
            .flat_map(|(topic, queues)| queues.keys().map(|queue_id| (topic.clone(), *queue_id)))
            .collect()
    }

    pub(crate) fn all(&self) -> Vec<Arc<ConsumeQueue>> {
        self.topics.read().values().flat_map(|queues| queues.values().cloned()).collect()
    }

    /// True if the whole directory was not there at the start: it is built again from the log.
    pub(crate) fn directory_was_missing(&self) -> bool {
        self.directory_was_missing
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.topics.read().is_empty()
    }

    pub(crate) fn load(&self, queue: &ConsumeQueue) -> io::Result<()> {
        let rule = *self.load_rule.read();
        queue.load(rule.bound, rule.stale)
    }

    /// Puts a queue on the list of those with entries to write.
    pub(crate) fn list(&self, queue: &Arc<ConsumeQueue>) {
        self.listed.lock().push(queue.clone());
    }

    /// Takes the list.
    pub(crate) fn take_listed(&self) -> Vec<Arc<ConsumeQueue>> {
        std::mem::take(&mut *self.listed.lock())
    }

    /// Forgets a topic and removes its files.
    pub(crate) fn delete_topic(&self, topic: &str) -> io::Result<()> {
        let Some(queues) = self.topics.write().remove(topic) else { return Ok(()) };
        for queue in queues.values() {
            queue.delete()?;
        }
        self.shared.disk.remove_dir(&format!("{CONSUME_QUEUE_DIR}/{}", encode_name(topic)))
    }

    /// Forgets all queues and removes their files, to build them again.
    pub(crate) fn clear(&self) -> io::Result<()> {
        self.topics.write().clear();
        self.listed.lock().clear();
        self.shared.disk.remove_dir(CONSUME_QUEUE_DIR)
    }

    /// True if so many files are open that idle ones should be closed.
    pub(crate) fn wants_closing(&self) -> bool {
        let open = self.shared.open_files.load(std::sync::atomic::Ordering::Relaxed);
        open * 4 > self.shared.open_files_max * 3
    }

    fn find(&self, topic: &str, queue_id: i32) -> Option<Arc<ConsumeQueue>> {
        self.topics.read().get(topic)?.get(&queue_id).cloned()
    }

    fn insert(&self, topic: &str, queue_id: i32) -> Arc<ConsumeQueue> {
        let mut topics = self.topics.write();
        let key = match topics.get_key_value(topic) {
            Some((key, _)) => key.clone(),
            None => Arc::from(topic),
        };
        let queues = topics.entry(key.clone()).or_default();
        let make = || {
            let dir = format!("{CONSUME_QUEUE_DIR}/{}/{queue_id}", encode_name(topic));
            Arc::new(ConsumeQueue::new(key, queue_id, self.shared.clone(), dir))
        };
        queues.entry(queue_id).or_insert_with(make).clone()
    }
}

/// The size of any queue file; all have the same.
fn found_file_bytes(disk: &dyn Disk, names: &[(String, i32)]) -> io::Result<Option<u64>> {
    for (topic, queue_id) in names {
        let entries = disk.list(&format!("{CONSUME_QUEUE_DIR}/{topic}/{queue_id}"))?;
        let mut files = entries.iter().filter(|entry| start_of(&entry.name).is_some());
        if let Some(file) = files.find(|entry| entry.bytes > 0) {
            return Ok(Some(file.bytes));
        }
    }
    Ok(None)
}

/// A topic as a directory name. The broker takes only names that need no change; a foreign log may
/// hold others, which must not lead out of the directory.
fn encode_name(topic: &str) -> String {
    if topic.starts_with('.') || topic.is_empty() || topic.contains(['/', '\0']) {
        let escaped = topic.replace('/', "%2F").replace('\0', "%00").replace('.', "%2E");
        return format!("%{escaped}");
    }
    topic.to_owned()
}

fn decode_name(name: &str) -> String {
    match name.strip_prefix('%') {
        Some(rest) if rest.is_empty() || rest.contains("%2F") || rest.contains("%2E") => {
            rest.replace("%2F", "/").replace("%00", "\0").replace("%2E", ".")
        }
        _ => name.to_owned(),
    }
}
