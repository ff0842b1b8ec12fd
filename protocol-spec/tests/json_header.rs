//! The JSON header scanner against serde_json: whatever strict JSON says, both read alike.
use proptest::prelude::*;
use proptest::sample::Index;
use remora_protocol::frame::decode;
use remora_protocol::{Decoded, FrameLimits, Language};
use serde_json::{Map, Value};

/// What both readers make of a header.
#[derive(PartialEq, Debug)]
struct Header {
    code: i32,
    version: i32,
    opaque: i32,
    flag: i32,
    language: Language,
    remark: Option<String>,
    fields: Vec<(String, String)>,
}

fn frame(header: &str) -> Vec<u8> {
    let length = u32::try_from(4 + header.len()).unwrap();
    let word = u32::try_from(header.len()).unwrap();
    [&length.to_be_bytes()[..], &word.to_be_bytes(), header.as_bytes()].concat()
}

/// As our scanner reads it; fields sorted by name, the last of repeated ones.
fn scanned(header: &str) -> Option<Header> {
    let bytes = frame(header);
    let Ok(Decoded::Complete { frame, .. }) = decode(&bytes, &FrameLimits::default()) else {
        return None;
    };
    let mut fields = std::collections::BTreeMap::new();
    for (name, value) in frame.fields {
        fields.insert(name.to_str().into_owned(), value.to_str().into_owned());
    }
    for (name, value) in &fields {
        assert_eq!(frame.fields.find(name).as_deref(), Some(value.as_str()));
    }
    Some(Header {
        code: frame.code,
        version: frame.version,
        opaque: frame.opaque,
        flag: frame.flags.0,
        language: frame.language,
        remark: frame.remark.map(|remark| remark.to_str().into_owned()),
        fields: fields.into_iter().collect(),
    })
}

/// As serde_json reads it; `None` where it is not JSON or not a header.
fn parsed(header: &str) -> Option<Header> {
    let Value::Object(object) = serde_json::from_str(header).ok()? else {
        return None;
    };
    let language = match object.get("language") {
        None | Some(Value::Null) => Language::JAVA,
        Some(Value::String(name)) => Language::from_name(name),
        Some(Value::Number(number)) => {
            number.as_u64().and_then(|n| u8::try_from(n).ok()).map_or(Language::OTHER, Language)
        }
        Some(_) => Language::OTHER,
    };
    let fields = match object.get("extFields") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Object(fields)) => {
            let text = fields.iter().filter_map(|(name, value)| Some((name, text(value)?)));
            text.map(|(name, value)| (name.clone(), value)).collect()
        }
        Some(_) => return None,
    };
    Some(Header {
        code: int(&object, "code")?,
        version: int(&object, "version")?,
        opaque: int(&object, "opaque")?,
        flag: int(&object, "flag")?,
        language,
        remark: object.get("remark").and_then(text),
        fields,
    })
}

fn int(object: &Map<String, Value>, key: &str) -> Option<i32> {
    match object.get(key) {
        None | Some(Value::Null) => Some(0),
        Some(Value::String(digits)) => digits.parse().ok(),
        Some(other) => other.as_i64().and_then(|value| i32::try_from(value).ok()),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn nested() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[A-Za-z0-9\u{1}\u{2}\"\\\\/é😀]{0,12}".prop_map(Value::from),
    ]
}

fn member() -> impl Strategy<Value = (String, Value)> {
    let key =
        |keys: &'static [&'static str]| proptest::sample::select(keys).prop_map(str::to_owned);
    let fields = proptest::collection::btree_map(any::<String>(), nested(), 0..6)
        .prop_map(|map| Value::Object(map.into_iter().collect()));
    let languages = vec!["JAVA", "GO", "CPP", "NODE_JS", "COBOL", ""];
    prop_oneof![
        4 => (key(&["code", "version", "opaque", "flag"]), any::<i32>().prop_map(Value::from)),
        1 => (key(&["code", "version", "opaque", "flag"]),
              any::<i32>().prop_map(|number| Value::from(number.to_string()))),
        1 => (key(&["code", "version", "language", "remark", "extFields"]), Just(Value::Null)),
        2 => (key(&["remark"]), scalar()),
        2 => (key(&["language"]), proptest::sample::select(languages).prop_map(Value::from)),
        3 => (key(&["extFields"]), fields),
        2 => (any::<String>(), nested()),
    ]
}

/// Members in any order, keys perhaps repeated, with whitespace in places where JSON allows it.
fn header_text() -> impl Strategy<Value = String> {
    (proptest::collection::vec(member(), 0..8), "[ \t\r\n]{0,2}").prop_map(|(members, blank)| {
        let members: Vec<String> = members
            .iter()
            .map(|(key, value)| {
                let key = Value::from(key.as_str());
                format!("{blank}{key}{blank}:{blank}{value:#}{blank}")
            })
            .collect();
        format!("{blank}{{{}}}{blank}", members.join(","))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_strict_header_reads_as_serde_json_reads_it(text in header_text()) {
        prop_assert_eq!(printed_alike(scanned(&text)), printed_alike(parsed(&text)));
    }

    #[test]
    fn a_damaged_header_that_is_still_json_reads_alike(
        text in header_text(),
        at in any::<Index>(),
        with in "[\\[\\]{}\",:\\\\0-9a-u]{0,3}",
        remove in 0..3_usize,
    ) {
        let mut characters: Vec<char> = text.chars().collect();
        let at = at.index(characters.len());
        let end = (at + remove).min(characters.len());
        characters.splice(at..end, with.chars());
        let damaged: String = characters.into_iter().collect();
        let scanned = scanned(&damaged);
        // The scanner is the more lenient one: it may read what serde_json refuses.
        if let Some(parsed) = parsed(&damaged)
            && !repeats_a_key(&damaged)
        {
            prop_assert_eq!(printed_alike(scanned), printed_alike(Some(parsed)), "{}", damaged);
        }
    }
}

/// Nested values and numbers keep the text they came as; serde_json prints them its own way.
fn printed_alike(mut header: Option<Header>) -> Option<Header> {
    let print = |text: &mut String| {
        if text.starts_with(|first: char| "{[-".contains(first) || first.is_ascii_digit())
            && let Ok(value) = serde_json::from_str::<Value>(text)
        {
            *text = value.to_string();
        }
    };
    if let Some(header) = &mut header {
        header.fields.iter_mut().for_each(|(_, value)| print(value));
        header.remark.iter_mut().for_each(print);
    }
    header
}

/// serde_json forgets the first of two values before anyone looks whether it was sound.
fn repeats_a_key(header: &str) -> bool {
    let keys = ["code", "version", "opaque", "flag", "extFields"];
    keys.iter().any(|key| header.matches(&format!("\"{key}\"")).count() > 1)
}
