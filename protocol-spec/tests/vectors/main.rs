//! Every golden vector, read and written: bytes made by Apache's own classes (`vectors/java`), and
//! frames recorded from official clients (`vectors/recorded-*.json`).
mod bodies;
mod frames;
mod recorded;
mod records;

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

/// One entry of a file of `vectors/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    /// `frame` where it is absent: recorded vectors are all frames.
    #[serde(default = "frame")]
    kind: String,
    #[expect(dead_code, reason = "for people")]
    meaning: String,
    #[expect(dead_code, reason = "for people")]
    produced_by: String,
    /// What a reader must find in the bytes; may be absent for recorded frames.
    #[serde(default)]
    expect: Value,
    hex: String,
}

fn frame() -> String {
    "frame".into()
}

impl Vector {
    fn bytes(&self) -> Vec<u8> {
        unhex(&self.hex)
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| u8::try_from(digit.to_digit(16).expect("hex")).expect("one digit"))
        .collect();
    assert!(digits.len().is_multiple_of(2), "odd number of hex digits");
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn vectors() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let mut vectors = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let text = fs::read_to_string(&path).unwrap();
            let read: Vec<Vector> = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            vectors.extend(read);
        }
    }
    vectors
}

/// Runs `check` over all vectors of one kind; there must be at least `count_min`.
fn each(kind: &str, count_min: usize, check: impl Fn(&Vector)) {
    let mut count = 0;
    for vector in vectors().iter().filter(|vector| vector.kind == kind) {
        check(vector);
        count += 1;
    }
    assert!(count >= count_min, "only {count} vectors of kind {kind}");
}

#[test]
fn every_vector_is_of_a_kind_that_is_tested() {
    let known = ["frame", "record", "batch", "body", "register_compressed", "offset_id"];
    for vector in vectors() {
        assert!(known.contains(&vector.kind.as_str()), "{}: {}", vector.name, vector.kind);
    }
}
