//! Numbers that some clients send as strings: the C++ client quotes every long.
use std::fmt;

use serde::de::{Deserializer, Error, Visitor};

/// An int64 or its decimal text.
pub(super) fn long<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    deserializer.deserialize_any(Long)
}

/// A list of int32 or of their decimal texts.
pub(super) fn ints<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<i32>, D::Error> {
    struct Item(i32);

    impl<'de> serde::Deserialize<'de> for Item {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let value = long(deserializer)?;
            i32::try_from(value).map(Item).map_err(|_| D::Error::custom("not a 32-bit integer"))
        }
    }

    let items: Vec<Item> = serde::Deserialize::deserialize(deserializer)?;
    Ok(items.into_iter().map(|item| item.0).collect())
}

struct Long;

impl Visitor<'_> for Long {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer or its decimal text")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<i64, E> {
        Ok(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<i64, E> {
        i64::try_from(value).map_err(|_| E::custom("integer above the range of a long"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<i64, E> {
        value.parse().map_err(|_| E::invalid_value(serde::de::Unexpected::Str(value), &self))
    }
}
