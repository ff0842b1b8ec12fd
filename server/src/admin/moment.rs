//! Moments as people write them: start, end, a UTC time, ms since 1970, how long ago.

/// Where a reset goes; what the broker is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Moment {
    End,
    /// Milliseconds since 1970.
    At(i64),
}

impl Moment {
    /// `None` where the text is none of the forms.
    pub fn parse(text: &str, now_ms: i64) -> Option<Self> {
        match text {
            "start" => return Some(Self::At(0)),
            "end" => return Some(Self::End),
            "now" => return Some(Self::At(now_ms)),
            _ => {}
        }
        if let Ok(timestamp_ms) = text.parse::<i64>() {
            return (timestamp_ms >= 0).then_some(Self::At(timestamp_ms));
        }
        duration_ms(text).map(|ms| Self::At(now_ms.saturating_sub(ms).max(0))).or_else(|| utc(text))
    }

    /// As field `timestamp` of a reset.
    pub fn timestamp_ms(self) -> i64 {
        match self {
            Self::End => -1,
            Self::At(timestamp_ms) => timestamp_ms,
        }
    }
}

/// `90s`, `15m`, `2h`, `3d`.
pub(crate) fn duration_ms(text: &str) -> Option<i64> {
    let unit = text.chars().next_back()?;
    let unit_ms = match unit {
        's' => 1_000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        _ => return None,
    };
    let count: i64 = text.strip_suffix(unit)?.parse().ok()?;
    count.checked_mul(unit_ms).filter(|ms| *ms >= 0)
}

/// `2026-11-22`, `2026-11-22T06:16`, `…:20`, `….123`, each with or without Z.
fn utc(text: &str) -> Option<Moment> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00"));
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (time, ms) = time.split_once('.').unwrap_or((time, "0"));
    let ms: i64 = format!("{ms:0<3}").parse().ok().filter(|ms| *ms < 1_000)?;
    let mut time = time.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hour, minute) = (time.next()??, time.next()??);
    let second = time.next().unwrap_or(Some(0))?;
    let in_range = (1970..10_000).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..60).contains(&second);
    if !in_range {
        return None;
    }
    // Days from the civil calendar, after Howard Hinnant's `days_from_civil`.
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    let seconds = (days * 24 + hour) * 3_600 + minute * 60 + second;
    Some(Moment::At(seconds * 1_000 + ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_every_form() {
        let now_ms = 1_709_164_800_123;
        let cases = [
            ("start", Some(Moment::At(0))),
            ("end", Some(Moment::End)),
            ("now", Some(Moment::At(now_ms))),
            ("1709164800000", Some(Moment::At(1_709_164_800_000))),
            ("90s", Some(Moment::At(now_ms - 90_000))),
            ("2h", Some(Moment::At(now_ms - 7_200_000))),
            ("2024-02-29", Some(Moment::At(1_709_164_800_000))),
            ("2024-02-29T00:00:00.12Z", Some(Moment::At(1_709_164_800_120))),
            ("2024-02-29 01:02", Some(Moment::At(1_709_168_520_000))),
            ("2024-13-01", None),
            ("2024-02-29T24:00", None),
            ("-1", None),
            ("-3m", None),
            ("99999999999999999d", None),
            ("yesterday", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(Moment::parse(text, now_ms), expected, "{text}");
        }
        assert_eq!(Moment::End.timestamp_ms(), -1);
    }
}
