//! Properties prepared from memory against those that go the full way.
use proptest::prelude::*;
use remora_protocol::shapes::SHAPES_MAX;

use super::*;

/// What is known of properties, or why they were refused. An id that was made for them differs
/// from one time to the next.
fn known(result: Result<&Prepared, PropertyRefusal>) -> Result<Prepared, PropertyRefusal> {
    result.map(|prepared| {
        let mut prepared = prepared.clone();
        let made = prepared.unique_id.end + 1 == prepared.properties.len();
        if made && let Some(id) = prepared.properties.get_mut(prepared.unique_id.clone()) {
            id.fill(b'0');
        }
        prepared
    })
}

const TRACED: &str = "MSG_REGION\u{1}r\u{2}TRACE_ON\u{1}true\u{2}";

fn the_full_way(text: Text<'_>, cluster: &str, traced: &str) -> Result<Prepared, PropertyRefusal> {
    let mut prepared = Prepared::default();
    let added = Added { cluster, traced };
    let result = prepare(text, added, &mut prepared, |_, _| {});
    known(result.map(|()| &prepared))
}

const NAMES: [&str; 16] = [
    "MSG_REGION",
    "TRACE_ON",
    "KEYS",
    "TAGS",
    "UNIQ_KEY",
    "WAIT",
    "a",
    "",
    "CLUSTER",
    "POP_CK",
    "__CRC32#",
    "DELAY",
    "TRAN_MSG",
    "TIMER_DELAY_MS",
    "TAGS\u{1}",
    "é",
];

const VALUES: [&str; 16] = [
    "",
    "0",
    "true",
    "false",
    "c1",
    "c2",
    "key-1",
    "a value of more bytes than most",
    "é😀",
    "\u{1}",
    "x\u{2}TAGS\u{1}y",
    "\"",
    "a\\u0001b",
    "\u{0}",
    "\n",
    "\u{2}",
];

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[0-9A-F]{1,40}",
        2 => proptest::sample::select(&VALUES[..]).prop_map(str::to_owned),
    ]
}

/// Properties in one of a few orders of names, of which most values are the same.
fn text(shapes: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    let values = proptest::collection::vec(proptest::option::weighted(0.3, value()), 6);
    let odd = (0..6_usize, proptest::sample::select(&NAMES[..]));
    (shapes, values, proptest::option::weighted(0.1, odd), 0..30_u8).prop_map(
        |(shape, values, odd, end)| {
            let mut names = match shape {
                0 | 1 => vec!["KEYS", "UNIQ_KEY", "WAIT", "TAGS"],
                2 => vec!["UNIQ_KEY", "TAGS", "TAGS", "a", "KEYS"],
                3 => vec!["UNIQ_KEY", "CLUSTER", "KEYS", "UNIQ_KEY", "DELAY"],
                _ => vec!["a", "WAIT", "TAGS"],
            };
            if let Some((at, name)) = odd
                && let Some(place) = names.get_mut(at)
            {
                *place = name;
            }
            let mut text = String::new();
            for (name, value) in names.iter().zip(&values) {
                let value = value.as_deref().unwrap_or(if *name == "WAIT" { "true" } else { "A0" });
                text.push_str(&format!("{name}\u{1}{value}\u{2}"));
            }
            match end {
                0 => drop(text.pop()),
                1 => text.push_str("KEYS"),
                2 => text.push_str("KEYS\u{1}"),
                _ => {}
            }
            text
        },
    )
}

/// As it comes in a binary header or in one of JSON.
fn escaped(text: &str) -> String {
    let json = serde_json::to_string(text).unwrap();
    json[1..json.len() - 1].to_owned()
}

/// Texts of mostly one order, each with how it comes.
fn texts() -> impl Strategy<Value = Vec<(String, u8)>> {
    (0..5_usize).prop_flat_map(|shape| {
        let text = prop_oneof![8 => text(shape..shape + 1), 1 => text(0..5)];
        proptest::collection::vec((text, 0..40_u8), 1..60)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn properties_of_a_known_shape_are_prepared_as_those_of_any_other(texts in texts()) {
        let mut memo = PropertyMemo::default();
        for (text, form) in &texts {
            let cluster = if *form == 0 { "c2" } else { "c1" };
            let traced = if *form % 7 == 0 { TRACED } else { "" };
            memo.set_added(cluster, traced);
            let escaped = escaped(text);
            let text = match form {
                0..=33 if *text != escaped => Text::escaped(&escaped),
                // Reads as something else.
                34 => Text::plain(&escaped),
                _ => Text::plain(text),
            };
            // Learns from every one.
            memo.shapes.pause = 0;
            prop_assert_eq!(known(memo.prepare(text)), the_full_way(text, cluster, traced));
        }
    }
}

#[test]
fn a_client_that_repeats_itself_is_recognized() {
    let mut memo = PropertyMemo::default();
    memo.set_added("c1", TRACED);
    for n in 0..200 {
        let text = format!(
            "KEYS\u{1}k{n}\u{2}UNIQ_KEY\u{1}{}\u{2}WAIT\u{1}true\u{2}TAGS\u{1}t{}\u{2}",
            n * 7,
            n % 3
        );
        let escaped = escaped(&text);
        let text = Text::escaped(&escaped);
        assert_eq!(known(memo.prepare(text)), the_full_way(text, "c1", TRACED));
    }
    let hits = memo.shapes.hits();
    assert!(matches!(hits[..], [196..200]), "{hits:?}");
}

#[test]
fn properties_that_never_repeat_are_soon_left_alone() {
    let mut memo = PropertyMemo::default();
    let mut learnt = 0;
    for n in 0..2000 {
        let text = format!("a{n}\u{1}b\u{2}UNIQ_KEY\u{1}A0\u{2}");
        let before = memo.shapes.pause;
        assert!(memo.prepare(Text::plain(&text)).is_ok());
        learnt += u32::from(memo.shapes.pause >= before);
    }
    assert!(learnt < 20, "{learnt}");
    assert_eq!(memo.shapes.hits(), [0; SHAPES_MAX]);
}

#[test]
fn long_properties_are_not_remembered() {
    let mut memo = PropertyMemo::default();
    let text = format!("UNIQ_KEY\u{1}{}\u{2}", "A".repeat(TEXT_BYTES_MAX));
    for _ in 0..3 {
        let text = Text::plain(&text);
        assert_eq!(known(memo.prepare(text)), the_full_way(text, "", ""));
    }
    assert!(memo.shapes.hits().is_empty());
}
