//! Open numbers of the wire: an unknown one keeps its value.
use std::fmt;

/// A request code. Constants are generated from `schema/`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct RequestCode(pub i32);

/// A response code. Constants are generated from `schema/responses.json`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ResponseCode(pub i32);

impl ResponseCode {
    /// Whether the answer to a send says that the message is stored, if perhaps less safely than
    /// asked for: not flushed or not replicated in time.
    pub fn is_stored(self) -> bool {
        matches!(
            self,
            Self::SUCCESS
                | Self::FLUSH_DISK_TIMEOUT
                | Self::FLUSH_SLAVE_TIMEOUT
                | Self::SLAVE_NOT_AVAILABLE
        )
    }
}

/// Language of the peer, as a number (JAVA 0, GO 9, RUST 12 …); JSON headers carry its name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Language(pub u8);

/// Names by number, as in Apache's `LanguageCode`.
const LANGUAGE_NAMES: [&str; 14] = [
    "JAVA", "CPP", "DOTNET", "PYTHON", "DELPHI", "ERLANG", "RUBY", "OTHER", "HTTP", "GO", "PHP",
    "OMS", "RUST", "NODE_JS",
];

impl Language {
    pub const JAVA: Self = Self(0);
    pub const CPP: Self = Self(1);
    pub const DOTNET: Self = Self(2);
    pub const PYTHON: Self = Self(3);
    pub const OTHER: Self = Self(7);
    pub const HTTP: Self = Self(8);
    pub const GO: Self = Self(9);
    pub const RUST: Self = Self(12);
    pub const NODE_JS: Self = Self(13);

    /// Its name in a JSON header. A number without a name is written OTHER, as Java refuses names
    /// that it does not know.
    pub fn name(self) -> &'static str {
        LANGUAGE_NAMES.get(usize::from(self.0)).copied().unwrap_or("OTHER")
    }

    /// A name that Apache does not know reads as OTHER.
    pub fn from_name(name: &str) -> Self {
        let known = LANGUAGE_NAMES.iter().position(|&known| known == name);
        known.and_then(|number| u8::try_from(number).ok()).map_or(Self::OTHER, Self)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which threads serve a request: `Send` and `Pull` run on the IO shard of the connection,
/// `Admin` on the slow lane so that a listing never delays a send.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Lane {
    Send,
    Pull,
    Client,
    Admin,
}

/// Request codes above 32 767 lose their high bits in the int16 of a binary header: 200050 arrives
/// as 3442. None of the truncated numbers is a code of its own, so they are mapped back.
pub(crate) fn restore_truncated(code: i32) -> i32 {
    match code {
        3442..=3448 | 3462..=3471 | 3543 => code + (3 << 16),
        _ => code,
    }
}
