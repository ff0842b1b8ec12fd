//! Java's `.properties` format, as `java.util.Properties.load` reads it from a byte stream.
//!
//! ISO-8859-1 with `\uXXXX`; key and value parted by `=`, `:` or blanks; a backslash at the end of
//! a line continues it; lines that start with `#` or `!` are comments.
use std::borrow::Cow;

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while, take_while_m_n};
use nom::character::complete::one_of;
use nom::combinator::{eof, map, opt, recognize, value};
use nom::multi::many0_count;
use nom::sequence::preceded;
use nom::{IResult, Parser};

/// One assignment and the line that it starts on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Property {
    pub name: String,
    pub value: String,
    pub line: usize,
}

/// Why a file is not `.properties`.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PropertiesError {
    #[error("line {line}: \\u must be followed by four hexadecimal digits")]
    Unicode { line: usize },
}

/// Reads every assignment in file order; of a repeated key the last one counts.
pub fn read(input: &[u8]) -> Result<Vec<Property>, PropertiesError> {
    let mut properties = Vec::new();
    let mut rest = input;
    let mut line = 1;
    while !rest.is_empty() {
        let (after, logical) = logical_line(rest);
        if let Some(text) = logical {
            let (name, value) = split(&text);
            let unicode = PropertiesError::Unicode { line };
            let name = unescape(name).ok_or_else(|| unicode.clone())?;
            let value = unescape(value).ok_or(unicode)?;
            properties.push(Property { name, value, line });
        }
        line += line_ends(&rest[..rest.len() - after.len()]);
        rest = after;
    }
    Ok(properties)
}

/// Writes one assignment that `read` and Java give back unchanged.
pub fn write(out: &mut String, name: &str, value: &str) {
    escape(out, name, Part::Name);
    out.push('=');
    escape(out, value, Part::Value);
    out.push('\n');
}

type Parsed<'i, T> = IResult<&'i [u8], T>;

fn blanks(input: &[u8]) -> Parsed<'_, &[u8]> {
    take_while(|byte| matches!(byte, b' ' | b'\t' | 0x0c)).parse(input)
}

fn line_end(input: &[u8]) -> Parsed<'_, &[u8]> {
    alt((tag("\r\n"), tag("\n"), tag("\r"))).parse(input)
}

/// The rest of a natural line, its end not included.
fn natural_line(input: &[u8]) -> Parsed<'_, &[u8]> {
    take_while(|byte| !matches!(byte, b'\n' | b'\r')).parse(input)
}

/// One logical line with its continuations joined; `None` for comments and blank lines.
fn logical_line(input: &[u8]) -> (&[u8], Option<Cow<'_, [u8]>>) {
    let after_blanks = taken(blanks(input), input).0;
    let (after, first) = taken(natural_line(after_blanks), after_blanks);
    let mut rest = end_of_line(after);
    if first.is_empty() || matches!(first.first(), Some(b'#' | b'!')) {
        return (rest, None);
    }
    let Some(head) = continued(first) else { return (rest, Some(Cow::Borrowed(first))) };
    let mut joined = head.to_vec();
    while !rest.is_empty() {
        let start = taken(blanks(rest), rest).0;
        let (after, part) = taken(natural_line(start), start);
        rest = end_of_line(after);
        // Nothing before the continuation: this line counts as a first one.
        if joined.is_empty() && matches!(part.first(), None | Some(b'#' | b'!')) {
            return (rest, None);
        }
        match continued(part) {
            Some(head) => joined.extend_from_slice(head),
            None => {
                joined.extend_from_slice(part);
                break;
            }
        }
    }
    let nothing = joined.is_empty();
    (rest, (!nothing).then_some(Cow::Owned(joined)))
}

/// The line without its last backslash, where that one is not itself escaped.
fn continued(line: &[u8]) -> Option<&[u8]> {
    let backslashes = line.iter().rev().take_while(|byte| **byte == b'\\').count();
    if backslashes % 2 == 1 { line.split_last().map(|(_, head)| head) } else { None }
}

fn end_of_line(input: &[u8]) -> &[u8] {
    line_end(input).map_or(input, |(rest, _)| rest)
}

/// Parsers of `take_while` cannot fail; were one to, nothing is taken.
fn taken<'i>(parsed: Parsed<'i, &'i [u8]>, input: &'i [u8]) -> (&'i [u8], &'i [u8]) {
    parsed.unwrap_or((input, &[]))
}

fn line_ends(bytes: &[u8]) -> usize {
    let lone_cr = |(at, byte): (usize, &u8)| *byte == b'\r' && bytes.get(at + 1) != Some(&b'\n');
    let newlines = bytes.iter().filter(|byte| **byte == b'\n').count();
    newlines + bytes.iter().enumerate().filter(|pair| lone_cr(*pair)).count()
}

/// The key: up to the first separator that no backslash precedes.
fn key(input: &[u8]) -> Parsed<'_, &[u8]> {
    let plain = take_while_m_n(1, 1, |byte| !b"\\=: \t\x0c".contains(&byte));
    let escaped = recognize((tag("\\"), take_while_m_n(0, 1, |_| true)));
    recognize(many0_count(alt((plain, escaped)))).parse(input)
}

fn separator(input: &[u8]) -> Parsed<'_, ()> {
    value((), (blanks, opt(one_of("=:")), blanks)).parse(input)
}

fn split(line: &[u8]) -> (&[u8], &[u8]) {
    let (rest, name) = key(line).unwrap_or((&[], line));
    let (value, ()) = separator(rest).unwrap_or((rest, ()));
    (name, value)
}

/// One UTF-16 unit: Java's escapes are units, so that a pair of `\u` makes one character.
fn unit(input: &[u8]) -> Parsed<'_, Option<u16>> {
    let hex = take_while_m_n(4, 4, |byte: u8| byte.is_ascii_hexdigit());
    let unicode = preceded(
        tag("u"),
        map(opt(hex), |digits: Option<&[u8]>| {
            u16::from_str_radix(std::str::from_utf8(digits?).ok()?, 16).ok()
        }),
    );
    let named = map(one_of("tnrf"), |letter| match letter {
        't' => Some(9),
        'n' => Some(10),
        'r' => Some(13),
        _ => Some(12),
    });
    let latin1 =
        || map(take_while_m_n(1, 1, |_| true), |b: &[u8]| b.first().map(|b| u16::from(*b)));
    let nothing = map(eof, |_| None);
    alt((preceded(tag("\\"), alt((unicode, named, latin1(), nothing))), latin1())).parse(input)
}

fn unescape(text: &[u8]) -> Option<String> {
    let mut units = Vec::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        if rest == b"\\" {
            break; // A lone backslash at the end of the file: Java drops it.
        }
        let (after, unit) = unit(rest).ok()?;
        units.push(unit?);
        rest = after;
    }
    Some(String::from_utf16_lossy(&units))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Name,
    Value,
}

fn escape(out: &mut String, text: &str, part: Part) {
    for (at, character) in text.chars().enumerate() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\x0c' => out.push_str("\\f"),
            '=' | ':' | '#' | '!' if part == Part::Name => out.extend(['\\', character]),
            ' ' if part == Part::Name || at == 0 => out.push_str("\\ "),
            '=' | ':' if at == 0 => out.extend(['\\', character]),
            ' '..='~' => out.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04X}"));
                }
            }
        }
    }
}
