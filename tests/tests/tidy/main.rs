//! What a machine can hold of our own style: see `CONTRIBUTING.md`. Each rule names the file and
//! the line.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

const LINE_CHARS_MAX: usize = 100;
const FILE_LINES_MAX: usize = 600;

/// What each crate may depend on of ours. Arrows point one way; store and remoting never meet.
const DEPENDENCIES: [(&str, &str, &[&str]); 10] = [
    ("remora-protocol", "protocol-spec", &[]),
    ("remora-remoting", "protocol-spec/remoting", &["remora-protocol"]),
    ("remora-config", "server/crates/config", &[]),
    ("remora-store", "server/crates/store", &["remora-protocol"]),
    (
        "remora-broker",
        "server/crates/broker",
        &["remora-protocol", "remora-remoting", "remora-store", "remora-config"],
    ),
    (
        "remora-nameserver",
        "server/crates/nameserver",
        &["remora-protocol", "remora-remoting", "remora-config"],
    ),
    ("remora-client", "client", &["remora-protocol", "remora-remoting"]),
    (
        "remora-server",
        "server",
        &[
            "remora-protocol",
            "remora-remoting",
            "remora-store",
            "remora-config",
            "remora-broker",
            "remora-nameserver",
            "remora-client",
        ],
    ),
    (
        "remora-bench",
        "bench-tool",
        &["remora-protocol", "remora-remoting", "remora-config", "remora-client", "remora-server"],
    ),
    ("remora-tests", "tests", &["remora-server"]),
];

/// One Rust file of ours.
struct Source {
    /// From the top of the repository.
    path: String,
    text: String,
}

impl Source {
    /// Made by a program from the schema.
    fn is_generated(&self) -> bool {
        self.path.contains("/generated/")
    }

    /// Tests and what tests are made with.
    fn is_test(&self) -> bool {
        self.path.starts_with("tests/") || self.path.contains("/tests/")
    }

    /// The part before the unit tests, which stand at the end.
    fn program_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        lines.take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
    }

    fn test_lines(&self) -> Vec<(usize, &str)> {
        let skip = if self.is_test() { 0 } else { self.program_lines().count() };
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line)).skip(skip).collect()
    }
}

fn top() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().map_or_else(|| tests.to_owned(), Path::to_owned)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()))
}

/// All Rust files of the workspace.
fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    collect(&top(), &mut sources);
    assert!(sources.len() > 50, "only {} files found", sources.len());
    sources
}

fn collect(folder: &Path, sources: &mut Vec<Source>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules" {
            collect(&path, sources);
        } else if name.ends_with(".rs") {
            let relative = path.strip_prefix(top()).unwrap_or(&path).display().to_string();
            sources.push(Source { path: relative, text: read(&path) });
        }
    }
}

/// The lines of a file without what stands in quotes; comments stay.
fn without_texts(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let (kept, skipped) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), 0)
        } else {
            match quoted_bytes(rest) {
                0 => (next.len_utf8(), 0),
                bytes => (0, bytes),
            }
        };
        let (piece, after) = rest.split_at(kept + skipped);
        for (index, line) in piece.split('\n').enumerate() {
            if index > 0 {
                lines.push(String::new());
            }
            if let (1.., Some(last)) = (kept, lines.last_mut()) {
                last.push_str(line);
            }
        }
        rest = after;
    }
    lines
}

/// How many bytes the string or character literal takes that begins here; 0 if none does.
fn quoted_bytes(rest: &str) -> usize {
    if let Some(raw) = rest.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if let Some(body) = raw[hashes..].strip_prefix('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let body_bytes = body.find(&end).map_or(body.len(), |at| at + end.len());
            return 1 + hashes + 1 + body_bytes;
        }
        return 0;
    }
    let (quote, is_char) = if rest.starts_with('"') { ('"', false) } else { ('\'', true) };
    let Some(body) = rest.strip_prefix(quote) else { return 0 };
    let mut escaped = false;
    for (count, (at, each)) in body.char_indices().enumerate() {
        if is_char && count > 1 && !body.starts_with('\\') {
            // A lifetime.
            return 0;
        }
        match each {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if each == quote => return 1 + at + 1,
            _ => {}
        }
    }
    0
}

/// What of a line is code.
fn code(line: &str) -> String {
    let line = without_texts(line).concat();
    line.split("//").next().unwrap_or_default().to_owned()
}

#[track_caller]
fn none(rule: &str, mut broken: Vec<String>) {
    broken.sort();
    assert!(broken.is_empty(), "{rule}:\n{}", broken.join("\n"));
}

#[test]
fn lines_are_at_most_100_characters_wide() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| !source.is_generated()) {
        // A text in quotes may be longer: broken, it could not be searched for.
        for (number, line) in without_texts(&source.text).iter().enumerate() {
            if line.chars().count() > LINE_CHARS_MAX {
                broken.push(format!("{}:{}", source.path, number + 1));
            }
        }
    }
    none("lines over 100 characters", broken);
}

#[test]
fn files_hold_one_concept_and_at_most_600_lines() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        let lines = source.program_lines().count();
        if lines > FILE_LINES_MAX {
            broken.push(format!("{}: {lines}", source.path));
        }
    }
    none("files over 600 lines", broken);
}

#[test]
fn unsafe_code_stands_in_one_file_and_each_block_says_why_it_is_sound() {
    let mut broken = Vec::new();
    for source in sources() {
        let lines: Vec<&str> = source.text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let code = code(line);
            let found =
                ["unsafe {", "unsafe fn", "unsafe impl"].iter().any(|word| code.contains(word));
            if !found {
                continue;
            }
            let before = lines[index.saturating_sub(8)..=index].join("\n");
            if source.path != "server/crates/store/src/mmap.rs" || !before.contains("SAFETY:") {
                broken.push(format!("{}:{}", source.path, index + 1));
            }
        }
    }
    none("unsafe outside mmap.rs, or without its SAFETY comment", broken);
}

#[test]
fn nothing_is_left_unfinished() {
    let mut broken = Vec::new();
    for source in sources() {
        for (number, line) in source.text.lines().enumerate() {
            let code = code(line);
            if ["todo!(", "unimplemented!(", "dbg!("].iter().any(|word| code.contains(word)) {
                broken.push(format!("{}:{}", source.path, number + 1));
            }
        }
    }
    none("unfinished", broken);
}

#[test]
fn clocks_are_read_in_one_place_a_crate() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| !source.path.contains("/examples/")) {
        let is_clock = source.path.ends_with("/clock.rs") || source.path.ends_with("/time.rs");
        if is_clock || source.path.contains("/tests/") || source.path.ends_with("build.rs") {
            continue;
        }
        for (number, line) in source.program_lines() {
            let code = code(line);
            if code.contains("SystemTime::now") || code.contains("Instant::now") {
                broken.push(format!("{}:{number}", source.path));
            }
        }
    }
    none("clocks read outside clock.rs or time.rs", broken);
}

#[test]
fn tests_wait_for_events_and_never_sleep() {
    let mut broken = Vec::new();
    for source in sources() {
        for (number, line) in source.test_lines() {
            let code = code(line);
            if code.contains("thread::sleep(") || code.contains("time::sleep(") {
                broken.push(format!("{}:{number}", source.path));
            }
        }
    }
    none("sleeps in tests", broken);
}

#[test]
fn tests_are_neither_ignored_nor_expected_to_panic() {
    let mut broken = Vec::new();
    for source in sources() {
        for (number, line) in source.text.lines().enumerate() {
            let line = line.trim();
            // A missing tool of another language is the one reason, and it is counted: see
            // build.rs.
            if line.starts_with("#[ignore") || line.starts_with("#[should_panic") {
                broken.push(format!("{}:{}", source.path, number + 1));
            }
        }
    }
    none("ignored or panicking tests", broken);
}

#[test]
fn crates_depend_on_each_other_in_one_direction() {
    let mut broken = Vec::new();
    for (name, folder, allowed) in DEPENDENCIES {
        let manifest: toml::Table = toml::from_str(&read(&top().join(folder).join("Cargo.toml")))
            .unwrap_or_else(|cause| panic!("{folder}: {cause}"));
        let named = manifest.get("package").and_then(|package| package.get("name"));
        assert_eq!(named.and_then(toml::Value::as_str), Some(name), "{folder}");
        let table = manifest.get("dependencies").and_then(toml::Value::as_table);
        for dependency in table.into_iter().flat_map(toml::Table::keys) {
            if dependency.starts_with("remora-") && !allowed.contains(&dependency.as_str()) {
                broken.push(format!("{name} depends on {dependency}"));
            }
        }
    }
    none("dependencies against the direction", broken);
}

#[test]
fn every_crate_of_the_workspace_has_its_place_in_the_order() {
    let manifest: toml::Table = toml::from_str(&read(&top().join("Cargo.toml")))
        .unwrap_or_else(|cause| panic!("Cargo.toml: {cause}"));
    let members = manifest.get("workspace").and_then(|workspace| workspace.get("members"));
    let mut members: Vec<&str> = members
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(toml::Value::as_str)
        .collect();
    let mut known: Vec<&str> = DEPENDENCIES.iter().map(|(_, folder, _)| *folder).collect();
    members.sort_unstable();
    known.sort_unstable();
    assert_eq!(members, known);
}

#[test]
fn the_readme_shows_the_two_commands_and_the_changelog_the_version() {
    let readme = read(&top().join("README.md"));
    let first_screen: String = readme.lines().take(40).map(|line| format!("{line}\n")).collect();
    for command in ["cargo run --release -- standalone", "cargo test --workspace"] {
        assert!(first_screen.contains(command), "'{command}' is not on README's first screen");
    }
    let changelog = read(&top().join("CHANGELOG.md"));
    let manifest = read(&top().join("Cargo.toml"));
    let version = manifest.lines().find_map(|line| line.strip_prefix("version = \""));
    let version = version.and_then(|version| version.strip_suffix('"')).unwrap_or_default();
    assert!(
        changelog.contains(version) || changelog.contains("Unreleased"),
        "{version}: {changelog}"
    );
}

#[test]
fn names_of_tests_say_what_behaviour_is_expected() {
    const WORDS_MIN: usize = 3;
    let mut broken = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for source in sources() {
        let mut is_test = false;
        for (number, line) in source.text.lines().enumerate() {
            let line = line.trim();
            if line == "#[test]" || line.starts_with("#[tokio::test(") || line == "#[tokio::test]" {
                is_test = true;
            } else if let (true, Some((_, rest))) = (is_test, line.split_once("fn ")) {
                is_test = false;
                let name = rest.split('(').next().unwrap_or_default();
                *seen.entry(source.path.clone()).or_default() += 1;
                // In a macro the name comes from its caller.
                if name.starts_with('$') {
                    continue;
                }
                if name.starts_with("test_") || name.split('_').count() < WORDS_MIN {
                    broken.push(format!("{}:{}: {name}", source.path, number + 1));
                }
            }
        }
    }
    assert!(seen.values().sum::<usize>() > 100, "{seen:?}");
    none("test names that say no behaviour", broken);
}
