//! The `.properties` reader against `java.util.Properties`.
use std::collections::BTreeMap;

use proptest::prelude::*;
use remora_config::properties::{PropertiesError, read, write};

type Case = (&'static [u8], &'static [(&'static str, &'static str)]);

/// Inputs and what OpenJDK 17's `Properties.load` made of them.
const JAVA: &[Case] = &[
    (b"a=b", &[("a", "b")]),
    (b"a:b", &[("a", "b")]),
    (b"a b", &[("a", "b")]),
    (b"a   =   b", &[("a", "b")]),
    (b"a = : b", &[("a", ": b")]),
    (b"  a=b  ", &[("a", "b  ")]),
    (b"a\\=b=c", &[("a=b", "c")]),
    (b"a\\:b\\ c=d", &[("a:b c", "d")]),
    (b"a=b\\\x0a   c", &[("a", "bc")]),
    (b"a=b\\\\\x0ac=d", &[("a", "b\\"), ("c", "d")]),
    (b"#x=y\x0aa=b", &[("a", "b")]),
    (b"!x\x0a\x0a  # y\x0a a=b", &[("a", "b")]),
    (b"a", &[("a", "")]),
    (b"a=", &[("a", "")]),
    (b"=b", &[("", "b")]),
    (b":b", &[("", "b")]),
    (b"a=\\u0041\\u00e9", &[("a", "A\u{e9}")]),
    (b"a=\\t\\n\\r\\f\\q\\\\", &[("a", "\u{9}\u{a}\u{d}\u{c}q\\")]),
    (b"a=b\\", &[("a", "b")]),
    (b"a=b\\\x0a", &[("a", "b")]),
    (b"a=b\\\x0a\x0ac=d", &[("a", "b"), ("c", "d")]),
    (b"\\\x0a\x0ac=d", &[("c", "d")]),
    (b"\\\x0a#a=b", &[]),
    (b"a=b\x0d\x0ac=d\x0de=f", &[("a", "b"), ("c", "d"), ("e", "f")]),
    (b"a\x09b", &[("a", "b")]),
    (b"a\x0cb", &[("a", "b")]),
    (b"a=\xe9", &[("a", "\u{e9}")]),
    (
        b"namesrvAddr=127.0.0.1:9876;127.0.0.2:9876",
        &[("namesrvAddr", "127.0.0.1:9876;127.0.0.2:9876")],
    ),
    (b"path=C\\:\\\\x\\\\y", &[("path", "C:\\x\\y")]),
    (b"a=1\x0aa=2", &[("a", "2")]),
    (b"a=b\\\x0a#c", &[("a", "b#c")]),
    (b"a==b", &[("a", "=b")]),
    (b"a= b = c", &[("a", "b = c")]),
    (b"\\u0061=1", &[("a", "1")]),
    (b"a=\\uD83D\\uDE00", &[("a", "\u{1f600}")]),
    (b"a=b\\\x0d\x0a  c\\\x0d\x0a d", &[("a", "bcd")]),
    (b" \\\x0a a=b", &[("a", "b")]),
    (b"a\\\x0a =b", &[("a", "b")]),
    (b"\x00=1", &[("\u{0}", "1")]),
];

#[test]
fn every_case_reads_as_java_reads_it() {
    for (input, expected) in JAVA {
        let found: BTreeMap<String, String> = read(input)
            .expect("sound input")
            .into_iter()
            .map(|property| (property.name, property.value))
            .collect();
        let expected: BTreeMap<String, String> =
            expected.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        assert_eq!(found, expected, "input {:?}", String::from_utf8_lossy(input));
    }
}

#[test]
fn a_bad_unicode_escape_names_its_line() {
    let input = b"a=1\r\nb=2\\\n  3\nc=\\u00g1\n";
    assert_eq!(read(input), Err(PropertiesError::Unicode { line: 4 }));
}

#[test]
fn lines_are_counted_over_comments_and_continuations() {
    let lines: Vec<_> = read(b"# x\n\na=1\\\n2\\\n3\nb=4\n")
        .expect("sound input")
        .into_iter()
        .map(|property| (property.name, property.value, property.line))
        .collect();
    assert_eq!(lines, [("a".into(), "123".into(), 3), ("b".into(), "4".into(), 6)]);
}

proptest! {
    #[test]
    fn what_is_written_reads_back(name in "[^\u{0}]{1,20}", value in "\\PC{0,40}|[ \t\n\r\\\\=:#!]{0,8}") {
        let mut text = String::new();
        write(&mut text, &name, &value);
        let found = read(text.as_bytes()).expect("own output");
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!((&found[0].name, &found[0].value), (&name, &value));
    }

    #[test]
    fn no_bytes_make_it_panic(input in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&input);
    }
}
