//! CommitLog, ConsumeQueue and IndexFile: what was acknowledged is on disk, in Apache's formats.
//!
//! Read `store.rs` (what the broker calls), `commit_log.rs`, `consume_queue.rs`, `disk.rs`.
//! The only crate with `unsafe`, in `mmap.rs`.
pub mod apache_json;
pub mod append;
mod checkpoint;
pub mod clock;
mod commit_log;
mod consume_queue;
pub mod disk;
pub mod dispatch;
mod due_syncs;
mod file_disk;
mod flush;
mod formats;
mod index;
mod index_feed;
mod index_file;
mod lock;
mod log_ahead;
mod log_cache;
mod log_scan;
pub mod meta_log;
mod mmap;
mod open;
mod queue_files;
mod queue_registry;
mod queue_tails;
mod queue_writer;
pub mod read;
mod recovery;
mod replay;
mod residence;
pub mod retention;
mod segment;
mod served;
mod signal;
pub mod sim_disk;
mod sim_file;
mod status;
pub mod store;

pub use append::{AppendBatch, AppendError, Appended};
pub use disk::{Disk, FileDisk};
pub use dispatch::Named;
pub use meta_log::MetaLog;
pub use queue_files::QueueEntry;
pub use read::{Boundary, ReadLimits, ReadOutcome, ReadStatus, Selects};
pub use residence::Waiting;
pub use retention::RetentionRules;
pub use store::{Environment, FlushMode, OpenError, QueueRef, RecoveryReport, Store, StoreConfig};
