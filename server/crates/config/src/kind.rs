//! What a value may be: its unit, its range, and how it is written.

/// Unit and bounds of a key. From it come the parsing of numbers and the words of an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `true` or `false`.
    Flag,
    /// A plain number.
    Count {
        min: u64,
        max: u64,
    },
    /// Bytes: a plain number, or one with KiB, MiB, GiB (or K, M, G).
    Bytes {
        min: u64,
        max: u64,
    },
    /// Milliseconds: a plain number, or one with ms, s, m, h.
    Ms {
        min: u64,
        max: u64,
    },
    Seconds {
        min: u64,
        max: u64,
    },
    Hours {
        min: u64,
        max: u64,
    },
    Percent,
    /// Any text, on one line.
    Text,
    /// A path; relative ones are relative to the working directory.
    Path,
    /// An IP address, without a port.
    Ip,
    /// IP:PORT; port 0 takes a free one.
    Socket,
    /// Texts separated by `;` (in TOML: an array as well).
    List,
    /// One of these words, in any case.
    OneOf(&'static [&'static str]),
    /// Hours of the day such as "04", separated by `;`.
    HoursOfDay,
    /// Delays such as "1s 5s 10m 2h", separated by blanks.
    Delays,
}

impl Kind {
    /// What to write, for an error's sentence and the docs page.
    pub fn expected(&self) -> String {
        match self {
            Self::Flag => "true or false".into(),
            Self::Count { min, max } => format!("a number, {}", range(*min, *max)),
            Self::Bytes { min, max } => {
                format!("bytes, {} (plain, or with KiB, MiB, GiB)", range(*min, *max))
            }
            Self::Ms { min, max } => {
                format!("milliseconds, {} (plain, or with ms, s, m, h)", range(*min, *max))
            }
            Self::Seconds { min, max } => format!("seconds, {}", range(*min, *max)),
            Self::Hours { min, max } => format!("hours, {}", range(*min, *max)),
            Self::Percent => "percent, from 1 to 100".into(),
            Self::Text => "text on one line, not empty".into(),
            Self::Path => "a path".into(),
            Self::Ip => "an IP address without a port, such as 0.0.0.0".into(),
            Self::Socket => "IP:PORT, such as 127.0.0.1:10911".into(),
            Self::List => "values separated by ';'".into(),
            Self::OneOf(words) => words.join(" or "),
            Self::HoursOfDay => {
                "hours of the day from 00 to 23 separated by ';', such as 04".into()
            }
            Self::Delays => "delays separated by blanks, such as \"1s 5s 10m 2h\"".into(),
        }
    }

    /// Reads a number in this unit; `None` where it is none or out of range.
    pub fn number(&self, text: &str) -> Option<u64> {
        let (min, max, suffixes): (u64, u64, &[(&str, u64)]) = match *self {
            Self::Count { min, max } | Self::Seconds { min, max } | Self::Hours { min, max } => {
                (min, max, &[])
            }
            Self::Percent => (1, 100, &[]),
            Self::Bytes { min, max } => (min, max, BYTE_SUFFIXES),
            Self::Ms { min, max } => (min, max, TIME_SUFFIXES),
            _ => return None,
        };
        let value = scaled(text.trim(), suffixes)?;
        (min..=max).contains(&value).then_some(value)
    }
}

const BYTE_SUFFIXES: &[(&str, u64)] = &[
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
    ("k", 1 << 10),
    ("m", 1 << 20),
    ("g", 1 << 30),
];
const TIME_SUFFIXES: &[(&str, u64)] =
    &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// A number with one of `suffixes`, in any case, blanks between allowed.
pub(crate) fn scaled(text: &str, suffixes: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, suffix) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let suffix = suffix.trim().to_ascii_lowercase();
    if suffix.is_empty() {
        return Some(number);
    }
    let (_, factor) = suffixes.iter().find(|(name, _)| *name == suffix)?;
    number.checked_mul(*factor)
}

/// A delay such as "10m", in milliseconds. A plain number is refused: its unit would be a guess.
pub(crate) fn delay_ms(text: &str) -> Option<u64> {
    text.ends_with(|c: char| c.is_ascii_alphabetic()).then(|| scaled(text, TIME_SUFFIXES))?
}

fn range(min: u64, max: u64) -> String {
    if max == u64::MAX { format!("at least {min}") } else { format!("from {min} to {max}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_carry_units_and_keep_their_range() {
        let bytes = Kind::Bytes { min: 1, max: 1 << 40 };
        assert_eq!(bytes.number("4194304"), Some(4_194_304));
        assert_eq!(bytes.number("4 MiB"), Some(4_194_304));
        assert_eq!(bytes.number("1g"), Some(1 << 30));
        assert_eq!(bytes.number("0"), None);
        assert_eq!(bytes.number("99999999999999999999"), None);
        assert_eq!(bytes.number("-1"), None);
        assert_eq!(bytes.number("4 parsecs"), None);
        let ms = Kind::Ms { min: 0, max: u64::MAX };
        assert_eq!(ms.number("30s"), Some(30_000));
        assert_eq!(ms.number("18446744073709551615h"), None);
        assert_eq!(Kind::Percent.number("101"), None);
    }
}
