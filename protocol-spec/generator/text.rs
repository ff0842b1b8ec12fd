//! Small pieces of text that both outputs need.
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Content by path.
pub type Files = BTreeMap<String, String>;

/// `SEND_MESSAGE_V2` or `broker` as `SendMessageV2`, `Broker`.
pub fn camel(name: &str) -> String {
    let mut out = String::new();
    for word in name.split('_') {
        let mut letters = word.chars();
        out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        out.extend(letters.map(|letter| letter.to_ascii_lowercase()));
    }
    out
}

/// A doc comment, wrapped at 100 columns.
pub fn doc(out: &mut String, indent: &str, text: &str) {
    for line in wrap(text, 96 - indent.len()) {
        _ = writeln!(out, "{indent}/// {line}");
    }
}

/// `use path::{a, b};`, wrapped at 100 columns; nothing for no names.
pub fn item_list<'n>(out: &mut String, path: &str, names: impl Iterator<Item = &'n str>) {
    let names: Vec<_> = names.collect();
    match names.as_slice() {
        [] => {}
        [one] => _ = writeln!(out, "{path}{one};"),
        _ => {
            let one_line = format!("{path}{{{}}};", names.join(", "));
            if one_line.len() <= 100 {
                _ = writeln!(out, "{one_line}");
                return;
            }
            _ = writeln!(out, "{path}{{");
            for line in wrap(&names.join(", "), 94) {
                let comma = if line.ends_with(',') { "" } else { "," };
                _ = writeln!(out, "    {line}{comma}");
            }
            out.push_str("};\n");
        }
    }
}

fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}
