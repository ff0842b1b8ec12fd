//! What a send's reply gives for withdrawing a timer message: base64url of
//! `v1 topic broker due-ms unique-id`, as Apache's, whose time is a millisecond later than due.

const VERSION: &str = "v1";
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Names one waiting timer message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecallHandle<'a> {
    pub topic: &'a str,
    pub broker_name: &'a str,
    /// Wall clock, milliseconds since 1970.
    pub due_ms: i64,
    pub unique_id: &'a str,
}

impl<'a> RecallHandle<'a> {
    /// As replies to sends carry it.
    pub fn encode(&self) -> String {
        let Self { topic, broker_name, due_ms, unique_id } = self;
        to_base64(format!("{VERSION} {topic} {broker_name} {due_ms} {unique_id}").as_bytes())
    }

    /// Reads a handle's text (see `text_of`); `None` where it is none.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(' ');
        let version = parts.next()?;
        let (topic, broker_name) = (parts.next()?, parts.next()?);
        let due_ms = parts.next()?.parse().ok()?;
        let unique_id = parts.next()?;
        let is_whole = version == VERSION && !unique_id.is_empty() && !topic.is_empty();
        is_whole.then_some(Self { topic, broker_name, due_ms, unique_id })
    }
}

/// What a handle says, decoded; `None` where it is no base64url of text.
pub fn text_of(handle: &str) -> Option<String> {
    String::from_utf8(from_base64(handle.trim_end_matches('='))?).ok()
}

fn to_base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let index = word >> (18 - 6 * digit) & 63;
            let known = ALPHABET.get(index as usize).filter(|_| digit <= chunk.len());
            out.push(known.map_or('=', |digit| char::from(*digit)));
        }
    }
    out
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut word, mut bits) = (0_u32, 0);
    for digit in text.bytes() {
        let value = ALPHABET.iter().position(|known| *known == digit)?;
        word = word << 6 | u32::try_from(value).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from(word >> bits & 0xFF).ok()?);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handle_reads_as_apache_writes_it_and_back() {
        let handle = RecallHandle { topic: "T", broker_name: "b", due_ms: 7, unique_id: "id" };
        // base64 -w0 <<< of the text, by another program.
        assert_eq!(handle.encode(), "djEgVCBiIDcgaWQ=");
        let text = text_of("djEgVCBiIDcgaWQ=").unwrap();
        assert_eq!(RecallHandle::parse(&text), Some(handle));
        assert_eq!(text_of("djEgVCBiIDcgaWQ"), Some(text));
    }

    #[test]
    fn what_is_no_handle_is_none() {
        for text in ["", "v1", "v2 T b 7 id", "v1 T b x id", "v1 T b 7", "v1 T b 7 "] {
            assert_eq!(RecallHandle::parse(text), None, "{text}");
        }
        assert_eq!(text_of("+/"), None);
    }
}
