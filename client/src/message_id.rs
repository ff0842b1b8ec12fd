//! A message's id as text.
use std::fmt;
use std::ops::Deref;

use remora_protocol::message_id::HexId;
use serde::{Serialize, Serializer};

/// An id of a message: a `str` that is cheap to make and to copy.
#[derive(Clone, Eq)]
pub struct MessageId(Repr);

#[derive(Clone, PartialEq, Eq)]
enum Repr {
    Short(HexId),
    /// An application's own id, longer than those that clients and brokers make.
    Long(Box<str>),
}

impl MessageId {
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Short(id) => id.as_str(),
            Repr::Long(id) => id,
        }
    }
}

impl From<HexId> for MessageId {
    fn from(id: HexId) -> Self {
        Self(Repr::Short(id))
    }
}

impl From<&str> for MessageId {
    fn from(text: &str) -> Self {
        Self(HexId::copy_of(text.as_bytes()).map_or_else(|| Repr::Long(text.into()), Repr::Short))
    }
}

impl Deref for MessageId {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for MessageId {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl PartialEq<MessageId> for String {
    fn eq(&self, other: &MessageId) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Serialize for MessageId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_any_length_keep_their_text() {
        for text in ["", "7F00000100002A9F0000000000000000", "é", &"x".repeat(57)] {
            let id = MessageId::from(text);
            assert_eq!((id.as_str(), id.to_string()), (text, text.to_owned()));
        }
    }
}
