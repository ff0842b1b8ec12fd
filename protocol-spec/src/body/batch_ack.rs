//! Acknowledgements of several popped messages.
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Body of request 200151.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BatchAckMessageRequest {
    pub acks: Vec<BatchAck>,
    pub broker_name: String,
}

/// Acknowledgements of messages that were popped together from one queue.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BatchAck {
    /// Which messages, counted from `start_offset`.
    #[serde(rename = "b", alias = "bitSet")]
    pub bits: BitSet,
    #[serde(rename = "c", alias = "consumerGroup")]
    pub consumer_group: String,
    #[serde(rename = "it", alias = "invisibleTime")]
    pub invisible_time: i64,
    #[serde(rename = "pt", alias = "popTime")]
    pub pop_time: i64,
    #[serde(rename = "q", alias = "queueId")]
    pub queue_id: i32,
    /// `0` the topic itself, `1` its retry topic, `2` that of the second version.
    #[serde(rename = "r", alias = "retry")]
    pub retry: String,
    #[serde(rename = "rq", alias = "reviveQueueId")]
    pub revive_queue_id: i32,
    #[serde(rename = "so", alias = "startOffset")]
    pub start_offset: i64,
    #[serde(rename = "t", alias = "topic")]
    pub topic: String,
}

/// Java's BitSet: base64 of its bytes, the lowest bit of the first byte first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BitSet {
    bytes: Vec<u8>,
}

impl BitSet {
    /// Positions of the bits that are set, ascending.
    pub fn ones(&self) -> impl Iterator<Item = u64> {
        self.bytes.iter().zip(0_u64..).flat_map(|(byte, at)| {
            (0..8).filter(move |bit| byte & (1 << bit) != 0).map(move |bit| at * 8 + bit)
        })
    }

    pub fn set(&mut self, position: usize) {
        let at = position / 8;
        if self.bytes.len() <= at {
            self.bytes.resize(at + 1, 0);
        }
        if let Some(byte) = self.bytes.get_mut(at) {
            *byte |= 1 << (position % 8);
        }
    }
}

impl FromIterator<usize> for BitSet {
    fn from_iter<I: IntoIterator<Item = usize>>(positions: I) -> Self {
        let mut bits = Self::default();
        positions.into_iter().for_each(|position| bits.set(position));
        bits
    }
}

impl Serialize for BitSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&to_base64(&self.bytes))
    }
}

impl<'de> Deserialize<'de> for BitSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
        let bytes = from_base64(&text);
        bytes.map(|bytes| Self { bytes }).ok_or_else(|| D::Error::custom("bit set is not base64"))
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A few bytes of a rare body: no reason for a dependency.
fn to_base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let padded = [0, 1, 2].map(|at| u32::from(chunk.get(at).copied().unwrap_or(0)));
        let word = padded[0] << 16 | padded[1] << 8 | padded[2];
        for (at, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let letter = ALPHABET.get((word >> shift & 63) as usize);
            text.push(if at > chunk.len() {
                '='
            } else {
                letter.map_or('=', |at| char::from(*at))
            });
        }
    }
    text
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut word, mut bits) = (0_u32, 0);
    for letter in text.trim_end_matches('=').bytes() {
        let value = ALPHABET.iter().position(|known| *known == letter)?;
        word = word << 6 | u32::try_from(value).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(word >> bits & 0xff).ok()?);
            word &= (1 << bits) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_as_java_writes_them() {
        let bits: BitSet = [0, 1, 5, 8, 31].into_iter().collect();
        assert_eq!(serde_json::to_string(&bits).unwrap(), r#""IwEAgA==""#);
        let read: BitSet = serde_json::from_str(r#""IwEAgA==""#).unwrap();
        assert_eq!(read.ones().collect::<Vec<u64>>(), [0, 1, 5, 8, 31]);
        for count in 0..70 {
            let bits: BitSet = (0..count).collect();
            let text = serde_json::to_string(&bits).unwrap();
            assert_eq!(serde_json::from_str::<BitSet>(&text).unwrap(), bits, "{text}");
        }
        assert_eq!(serde_json::from_str::<BitSet>("null").unwrap(), BitSet::default());
        assert!(serde_json::from_str::<BitSet>(r#""*""#).is_err());
    }

    #[test]
    fn body_of_a_java_client_is_read() {
        let json = br#"{"acks":[{"b":"Aw==","c":"g","it":60000,"pt":17,"q":3,"r":"0","rq":0,"so":40,"t":"t"}],"brokerName":"a"}"#;
        let expected = BatchAckMessageRequest {
            acks: vec![BatchAck {
                bits: [0, 1].into_iter().collect(),
                consumer_group: "g".into(),
                invisible_time: 60_000,
                pop_time: 17,
                queue_id: 3,
                retry: "0".into(),
                revive_queue_id: 0,
                start_offset: 40,
                topic: "t".into(),
            }],
            broker_name: "a".into(),
        };
        assert_eq!(crate::body::decode::<BatchAckMessageRequest>(json).unwrap(), expected);
    }
}
