//! The configuration: one table of keys (`settings.rs`) and the layers that fill it.
//!
//! Defaults < TOML file < Apache's `broker.conf` < changes kept from earlier runs < environment <
//! flags; every value remembers where it came from. Read `settings.rs` first, then `config.rs`.
pub mod apache;
mod config;
mod error;
mod key;
mod kind;
mod layers;
mod nearest;
mod origin;
pub mod properties;
mod settings;
mod value;

pub use config::{Config, Updated};
pub use error::{ConfigError, Notice, Rejected, UpdateError};
pub use key::{Change, Key, Scope};
pub use kind::Kind;
pub use layers::{Flag, Layers};
pub use nearest::nearest;
pub use origin::Origin;
pub use settings::{KEYS, Settings, key_by_toml, key_by_wire_name};
pub use value::{BrokerRole, DelayLevels, FlushDisk, LogFormat, RequestMode, Value};
