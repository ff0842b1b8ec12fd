//! Signs that a send is a producer's own retry of one that it got no answer to.
//!
//! A producer makes the unique id (UNIQ_KEY) right before its first attempt, and the id holds the
//! time. Most clients stamp each attempt with a new `bornTimestamp` (Java's sync sends, Go, ours):
//! how far it is behind the id is the age of the message. Java's async sends repeat the request as
//! it was, over a new connection: they were born before their connection was. Both cost a few
//! instructions on the header alone, so that no send pays for a table of ids; whether a message
//! with a sign is stored already is then looked up (`first_answer`).

use remora_protocol::Language;
use remora_protocol::batch;
use remora_protocol::header::SendMessageHeader;
use remora_protocol::properties::{self, name};

use crate::message_properties::Prepared;
use crate::send::{Origin, Retry, Shape};

/// Id and `bornTimestamp` of a first attempt are less than this apart. Chosen: compressing a body
/// comes between the two.
const FIRST_ATTEMPT_MS: i64 = 6;
/// The Go client's ids know the second alone.
const SECOND_MS: i64 = 1_000;
/// Over the connection of the first attempt a retry comes after a timeout only: that of Go's
/// attempts, and of ours.
pub(crate) const ATTEMPT_TIMEOUT_MS: i64 = 3_000;
/// How far the clock of a client may be ahead for what was born before its connection to be seen
/// as such. Chosen: hosts with NTP differ by less.
const CLOCKS_DIFFER_MS: i64 = 100;
/// An id counts from the start of a month in the client's time zone; all zones' offsets are
/// multiples of this.
const ZONE_STEP_MS: i64 = 900_000;

/// Whether a send shows a sign of being a retry. With a window of 0 none does.
#[inline]
pub(crate) fn seen(
    prepared: &Prepared,
    header: &SendMessageHeader<'_>,
    origin: Origin<'_>,
    retry: Retry,
    window_ms: i64,
) -> bool {
    let Retry::LookFor { connected_ms, language } = retry else { return false };
    let unique_id =
        if prepared.unique_id_made { first_items_id(origin) } else { prepared.unique_id() };
    let born_ms = header.born_timestamp;
    Attempt { unique_id, born_ms, connected_ms, language }.may_be_retry(window_ms)
}

/// The Java client closes a connection over which an answer has not come in time.
#[inline]
pub(crate) fn retries_over_one_connection(language: Language) -> bool {
    language != Language::JAVA
}

/// Our client's batches have ids in their items alone. Empty where there is none.
#[cold]
fn first_items_id(origin: Origin<'_>) -> &[u8] {
    let first = match origin.shape {
        Shape::Single => None,
        Shape::Batch => batch::items(origin.body).next(),
    };
    let id = first
        .and_then(Result::ok)
        .and_then(|item| properties::find(item.properties, name::UNIQ_KEY));
    id.unwrap_or_default().as_bytes()
}

/// What of a send is looked at. Times are milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Attempt<'a> {
    /// As the client made it.
    pub unique_id: &'a [u8],
    /// By the client's clock.
    pub born_ms: i64,
    /// Since when there is the connection it came over, by our clock.
    pub connected_ms: i64,
    pub language: Language,
}

impl Attempt<'_> {
    /// Whether the message may be one that was sent before, at most `window_ms` ago.
    #[inline]
    pub fn may_be_retry(&self, window_ms: i64) -> bool {
        let connected_for_ms = self.born_ms.wrapping_sub(self.connected_ms);
        // Not where a clock is so far off that the two say nothing about each other.
        let is_young = (-window_ms..window_ms).contains(&connected_for_ms);
        if !is_young && !retries_over_one_connection(self.language) {
            return false;
        }
        let Some(id_ms) = id_time_ms(self.unique_id) else { return false };
        if is_young && connected_for_ms < CLOCKS_DIFFER_MS {
            return true;
        }
        let age_ms = self.born_ms.wrapping_sub(id_ms.into()).rem_euclid(ZONE_STEP_MS);
        let in_seconds = i64::from(id_ms) % SECOND_MS == 0;
        let age_ms_min = match is_young {
            true if in_seconds => FIRST_ATTEMPT_MS + SECOND_MS,
            true => FIRST_ATTEMPT_MS,
            false => ATTEMPT_TIMEOUT_MS,
        };
        (age_ms_min..=window_ms).contains(&age_ms)
    }
}

/// Milliseconds in an id of 32 or 56 digits: its eight digits before the last four. Of what is not
/// hexadecimal it is any number, which looks like an age once in a while and is then not found.
#[inline]
fn id_time_ms(unique_id: &[u8]) -> Option<u32> {
    if !matches!(unique_id.len(), 32 | 56) {
        return None;
    }
    let (_, [time @ .., _, _, _, _]) = unique_id.split_last_chunk::<12>()?;
    let digits = u64::from_be_bytes(*time);
    // A letter's low bits count from 1 and have bit 6.
    let low = digits & 0x0F0F_0F0F_0F0F_0F0F;
    let letters = (digits >> 6) & 0x0101_0101_0101_0101;
    let nibbles = low.wrapping_add(letters.wrapping_mul(9));
    // Each step joins neighbours: digits to bytes, bytes to pairs, pairs to the number.
    let bytes = (nibbles | (nibbles >> 4)) & 0x00FF_00FF_00FF_00FF;
    let pairs = (bytes | (bytes >> 8)) & 0x0000_FFFF_0000_FFFF;
    u32::try_from((pairs | (pairs >> 16)) & 0xFFFF_FFFF).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW_MS: i64 = 30_000;
    /// Since long before the messages below.
    const OLD: i64 = 1_795_000_000_000;

    /// Recorded first attempts: who, unique id, `bornTimestamp`. Java on a host with IPv6, in sync,
    /// one-way and batch sends; Go; our client.
    const FIRST: [(&str, &str, i64); 5] = [
        ("Java", "FD0000000000000000000000000000020C064E0E2F2A6DA5C6B10000", 1_795_330_780_850),
        ("one-way", "FD0000000000000000000000000000020C064E0E2F2A6DA5C7780002", 1_795_330_781_048),
        ("batch", "FD0000000000000000000000000000020C064E0E2F2A6DA5C7820006", 1_795_330_781_058),
        ("Go", "C00002020F5E000000006da63c780001", 1_795_330_811_290),
        ("Rust", "7F00000159CD73C8F27D722C25EB0000", 1_795_406_695_915),
    ];

    fn attempt(unique_id: &str, born_ms: i64, connected_ms: i64) -> bool {
        let (unique_id, language) = (unique_id.as_bytes(), Language::GO);
        Attempt { unique_id, born_ms, connected_ms, language }.may_be_retry(WINDOW_MS)
    }

    /// The clients whose message looks like a retry when it was born so much later.
    fn suspects(after_ms: i64, connected_ms: impl Fn(i64) -> i64) -> Vec<&'static str> {
        FIRST
            .into_iter()
            .filter(|(_, id, born_ms)| attempt(id, born_ms + after_ms, connected_ms(*born_ms)))
            .map(|(client, ..)| client)
            .collect()
    }

    #[test]
    fn first_attempts_of_the_official_clients_show_no_sign() {
        assert_eq!(suspects(0, |_| OLD), [""; 0]);
        assert_eq!(suspects(0, |born_ms| born_ms - 1_000), [""; 0]);
    }

    #[test]
    fn message_that_ages_before_it_comes_over_a_new_connection_may_be_a_retry() {
        let soon = suspects(20, |born_ms| born_ms - 200);
        assert_eq!(soon, ["Java", "one-way", "batch", "Rust"]);
        // Go's ids know the second alone.
        let later = suspects(1_000, |born_ms| born_ms - 200);
        assert_eq!(later, ["Java", "one-way", "batch", "Go", "Rust"]);
    }

    #[test]
    fn message_born_before_its_connection_may_be_a_retry() {
        let all = ["Java", "one-way", "batch", "Go", "Rust"];
        assert_eq!(suspects(0, |born_ms| born_ms + 40), all);
        assert_eq!(suspects(0, |born_ms| born_ms + WINDOW_MS), all);
        // A clock that is behind.
        assert_eq!(suspects(0, |born_ms| born_ms + 3_600_000), [""; 0]);
    }

    #[test]
    fn over_the_same_connection_a_retry_comes_after_a_timeout() {
        assert_eq!(suspects(2_000, |_| OLD), [""; 0]);
        assert_eq!(suspects(3_000, |_| OLD).len(), FIRST.len());
        // Java's come over a new one.
        let [(_, unique_id, born_ms), ..] = FIRST;
        let (unique_id, language) = (unique_id.as_bytes(), Language::JAVA);
        let java = |connected_ms| {
            let attempt = Attempt { unique_id, born_ms: born_ms + 3_000, connected_ms, language };
            attempt.may_be_retry(WINDOW_MS)
        };
        assert_eq!([java(OLD), java(born_ms)], [false, true]);
    }

    #[test]
    fn older_messages_than_the_window_are_no_retries() {
        assert_eq!(suspects(WINDOW_MS - 1_000, |_| OLD).len(), FIRST.len());
        assert_eq!(suspects(WINDOW_MS + 1_000, |_| OLD), [""; 0]);
        let off = |(_, id, born_ms): (&str, &str, i64)| {
            let unique_id = id.as_bytes();
            let language = Language::GO;
            Attempt { unique_id, born_ms, connected_ms: born_ms, language }.may_be_retry(0)
        };
        assert!(!FIRST.into_iter().any(off));
    }

    #[test]
    fn ids_of_other_forms_are_never_looked_up() {
        let now_ms = 1_795_330_780_850;
        for id in ["", "0A0B", "order-4711", "3d6f9f0e-4f43-4d9a-8a43-0a8f4f6a4a35"] {
            assert!(!attempt(id, now_ms, now_ms), "{id}");
        }
    }

    #[test]
    fn time_is_read_from_digits_in_either_case() {
        for (digits, expected) in [("6DA5C6B1", 0x6DA5_C6B1), ("6da63c78", 0x6DA6_3C78)] {
            let id = format!("FD0000000000000020C0{digits}0000");
            assert_eq!((id.len(), id_time_ms(id.as_bytes())), (32, Some(expected)));
        }
        assert!(id_time_ms(&[0xff; 32]).is_some());
    }

    #[test]
    fn times_that_no_clock_shows_are_no_fault() {
        let seen = [i64::MIN, i64::MAX].map(|born_ms| attempt(FIRST[0].1, born_ms, -1));
        assert_eq!(seen, [false; 2]);
    }
}
