//! Queues as keys: Java's library writes the whole object where JSON has a string.
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

/// One queue of a topic on one broker.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MessageQueue {
    pub broker_name: String,
    pub queue_id: i32,
    pub topic: String,
}

/// A table by queue. The key arrives as the text of the object once a body has been normalised.
pub type QueueTable<V> = BTreeMap<MessageQueue, V>;

/// `#[serde(deserialize_with = "queue_table")]` for a `QueueTable`.
pub(super) fn queue_table<'de, D, V>(deserializer: D) -> Result<QueueTable<V>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
{
    deserializer.deserialize_map(TableVisitor(PhantomData))
}

/// The same for a map of such tables.
pub(super) fn queue_tables<'de, D, V>(
    deserializer: D,
) -> Result<BTreeMap<String, QueueTable<V>>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
{
    struct Table<V>(QueueTable<V>);

    impl<'de, V: Deserialize<'de>> Deserialize<'de> for Table<V> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            queue_table(deserializer).map(Table)
        }
    }

    let tables: BTreeMap<String, Table<V>> = Deserialize::deserialize(deserializer)?;
    Ok(tables.into_iter().map(|(name, table)| (name, table.0)).collect())
}

struct TableVisitor<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for TableVisitor<V> {
    type Value = QueueTable<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object whose keys are queues")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<QueueTable<V>, A::Error> {
        let mut table = QueueTable::new();
        while let Some(queue) = access.next_key_seed(QueueKey)? {
            table.insert(queue, access.next_value()?);
        }
        Ok(table)
    }
}

struct QueueKey;

impl<'de> DeserializeSeed<'de> for QueueKey {
    type Value = MessageQueue;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<MessageQueue, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for QueueKey {
    type Value = MessageQueue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text of a queue object")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<MessageQueue, E> {
        serde_json::from_str(text).map_err(E::custom)
    }
}
