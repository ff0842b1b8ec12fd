//! The types a setting can have, each read from text and written back as text.
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use crate::kind::{Kind, delay_ms};

/// A setting's type. `parse` gives `None` where the text is not what `kind` expects.
pub trait Value: Sized {
    fn parse(text: &str, kind: &Kind) -> Option<Self>;
    fn render(&self) -> String;
}

/// When an acknowledged message is on disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum FlushDisk {
    /// Acknowledge after the write; fdatasync every `flush_interval_ms`.
    #[default]
    Async,
    /// Acknowledge after an fdatasync shared by all that wait.
    Sync,
}

/// The broker's part in replication.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum BrokerRole {
    #[default]
    AsyncMaster,
    SyncMaster,
    Slave,
}

/// How a group consumes a topic.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RequestMode {
    #[default]
    Pull,
    Pop,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// The delays of levels 1, 2, …: `ms()[0]` is level 1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DelayLevels {
    text: String,
    ms: Vec<u64>,
}

impl DelayLevels {
    /// Delay of each level in milliseconds; level `n` is at index `n - 1`.
    pub fn ms(&self) -> &[u64] {
        &self.ms
    }
}

impl Default for DelayLevels {
    fn default() -> Self {
        let text = "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h";
        Self { ms: text.split(' ').filter_map(delay_ms).collect(), text: text.into() }
    }
}

impl Value for DelayLevels {
    fn parse(text: &str, _kind: &Kind) -> Option<Self> {
        let ms: Vec<u64> = text.split_whitespace().map(delay_ms).collect::<Option<_>>()?;
        (!ms.is_empty()).then(|| Self { text: text.trim().into(), ms })
    }

    fn render(&self) -> String {
        self.text.clone()
    }
}

impl Value for bool {
    fn parse(text: &str, _kind: &Kind) -> Option<Self> {
        match text.trim() {
            t if t.eq_ignore_ascii_case("true") => Some(true),
            t if t.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    fn render(&self) -> String {
        self.to_string()
    }
}

macro_rules! number_value {
    ($($number:ty),+) => {$(
        impl Value for $number {
            fn parse(text: &str, kind: &Kind) -> Option<Self> {
                kind.number(text).and_then(|value| Self::try_from(value).ok())
            }

            fn render(&self) -> String {
                self.to_string()
            }
        }
    )+};
}
number_value!(u8, u16, u32, u64, usize);

impl Value for String {
    fn parse(text: &str, kind: &Kind) -> Option<Self> {
        let text = text.trim();
        if text.contains(['\n', '\r', '\0']) {
            return None;
        }
        let sound = match kind {
            Kind::HoursOfDay => text
                .split(';')
                .all(|hour| hour.len() <= 2 && hour.parse().is_ok_and(|h: u8| h < 24)),
            _ => !text.is_empty(),
        };
        sound.then(|| text.to_owned())
    }

    fn render(&self) -> String {
        self.clone()
    }
}

impl Value for PathBuf {
    fn parse(text: &str, _kind: &Kind) -> Option<Self> {
        let text = text.trim();
        let sound = !text.is_empty() && !text.contains('\0');
        // Apache's configuration files are full of `~/store`; nobody else expands it for us.
        sound.then(|| match (text.strip_prefix("~/"), std::env::home_dir()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => Self::from(text),
        })
    }

    fn render(&self) -> String {
        self.display().to_string()
    }
}

impl Value for IpAddr {
    fn parse(text: &str, _kind: &Kind) -> Option<Self> {
        text.trim().parse().ok()
    }

    fn render(&self) -> String {
        self.to_string()
    }
}

impl Value for SocketAddr {
    fn parse(text: &str, _kind: &Kind) -> Option<Self> {
        let text = text.trim();
        match text.strip_prefix("localhost:") {
            Some(port) => Some(Self::from(([127, 0, 0, 1], port.parse().ok()?))),
            None => text.parse().ok(),
        }
    }

    fn render(&self) -> String {
        self.to_string()
    }
}

/// An empty text means "not set".
impl<T: Value> Value for Option<T> {
    fn parse(text: &str, kind: &Kind) -> Option<Self> {
        if text.trim().is_empty() { Some(None) } else { T::parse(text, kind).map(Some) }
    }

    fn render(&self) -> String {
        self.as_ref().map(T::render).unwrap_or_default()
    }
}

impl Value for Vec<String> {
    fn parse(text: &str, _kind: &Kind) -> Option<Self> {
        let items = text.split(';').map(str::trim).filter(|item| !item.is_empty());
        Some(items.map(str::to_owned).collect())
    }

    fn render(&self) -> String {
        self.join(";")
    }
}

/// Our own word first, Apache's last: `render` writes Apache's, which tools read.
macro_rules! word_value {
    ($type:ty { $($variant:path = $own:literal | $apache:literal),+ $(,)? }) => {
        impl Value for $type {
            fn parse(text: &str, _kind: &Kind) -> Option<Self> {
                let text = text.trim();
                $(if text.eq_ignore_ascii_case($own) || text.eq_ignore_ascii_case($apache) {
                    return Some($variant);
                })+
                None
            }

            fn render(&self) -> String {
                match self {
                    $($variant => $apache.to_owned()),+
                }
            }
        }
    };
}
word_value!(FlushDisk {
    FlushDisk::Async = "async" | "ASYNC_FLUSH",
    FlushDisk::Sync = "sync" | "SYNC_FLUSH",
});
word_value!(BrokerRole {
    BrokerRole::AsyncMaster = "async-master" | "ASYNC_MASTER",
    BrokerRole::SyncMaster = "sync-master" | "SYNC_MASTER",
    BrokerRole::Slave = "slave" | "SLAVE",
});
word_value!(RequestMode {
    RequestMode::Pull = "pull" | "PULL",
    RequestMode::Pop = "pop" | "POP",
});
word_value!(LogFormat {
    LogFormat::Text = "text" | "text",
    LogFormat::Json = "json" | "json",
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delay_levels_are_milliseconds_in_order() {
        let levels = DelayLevels::default();
        assert_eq!(levels.ms().len(), 18);
        assert_eq!((levels.ms()[0], levels.ms()[17]), (1_000, 7_200_000));
        assert_eq!(DelayLevels::parse("1s 5 10m", &Kind::Delays), None);
    }

    #[test]
    fn words_are_taken_in_ours_and_in_apaches_spelling() {
        let kind = Kind::OneOf(&["async", "sync"]);
        assert_eq!(FlushDisk::parse("SYNC_FLUSH", &kind), Some(FlushDisk::Sync));
        assert_eq!(FlushDisk::parse("sync", &kind), Some(FlushDisk::Sync));
        assert_eq!(FlushDisk::parse("fsync", &kind), None);
    }
}
