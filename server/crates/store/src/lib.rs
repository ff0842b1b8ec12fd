//! CommitLog, ConsumeQueue and IndexFile: what was acknowledged is on disk, in Apache's formats.
//!
//! Read `store.rs` (what the broker calls), `commit_log.rs`, `consume_queue.rs`, `disk.rs`.
//! The only crate with `unsafe`, in `mmap.rs`.
pub mod append;
pub mod disk;
pub mod meta_log;
pub mod read;
pub mod store;

pub use append::{AppendBatch, AppendError, Appended};
pub use disk::{Disk, FileDisk};
pub use meta_log::MetaLog;
pub use read::{Boundary, ReadLimits, ReadOutcome, ReadStatus};
pub use store::{FlushMode, OpenError, QueueRef, RecoveryReport, Store, StoreConfig};
