//! The checked-in types and tables are what the schema says.
//!
//! `REMORA_REGENERATE=1 cargo test -p remora-protocol --test generated_is_fresh` rewrites them.
#[path = "../generator/mod.rs"]
mod generator;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const HOW: &str =
    "run `REMORA_REGENERATE=1 cargo test -p remora-protocol --test generated_is_fresh`";

#[test]
fn generated_files_match_the_schema() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let wanted = generator::generate(root).unwrap();
    let mut present = files_below(&root.join("src/generated"));
    present.extend(files_below(&root.join("spec/requests")));
    let obsolete: Vec<_> = present
        .iter()
        .filter(|path| !wanted.keys().any(|name| root.join(name) == **path))
        .collect();
    if std::env::var_os("REMORA_REGENERATE").is_some() {
        for path in obsolete {
            fs::remove_file(path).unwrap();
        }
        for (name, content) in &wanted {
            let path = root.join(name);
            if fs::read_to_string(&path).ok().as_ref() != Some(content) {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content).unwrap();
            }
        }
        return;
    }
    assert!(obsolete.is_empty(), "not made from the schema any more: {obsolete:?}; {HOW}");
    for (name, content) in &wanted {
        let stored = fs::read_to_string(root.join(name)).unwrap_or_default();
        assert!(stored == *content, "{name} is not what the schema says: {HOW}");
    }
}

fn files_below(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries.flatten() {
        if entry.path().is_dir() {
            found.extend(files_below(&entry.path()));
        } else {
            found.insert(entry.path());
        }
    }
    found
}
