//! Unique message ids (property UNIQ_KEY), made as the Java client makes them.
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, AtomicU16, AtomicU32, Ordering};

use remora_protocol::message_id::{HexId, UniqueId};

const DAY_MS: i64 = 86_400_000;

/// Makes ids that differ from every other generator's, and among themselves for 65,536 ids a
/// millisecond.
#[derive(Debug)]
pub(crate) struct UniqueIds {
    /// Any id: only time and counter differ.
    first: HexId,
    counter: AtomicU16,
    month_start_ms: AtomicI64,
    month_end_ms: AtomicI64,
}

impl UniqueIds {
    /// `seed` is any number that two starts of the same process id are unlikely to share.
    pub(crate) fn new(ip: IpAddr, process_id: u32, seed: u32) -> Self {
        static GENERATORS: AtomicU32 = AtomicU32::new(0);
        let [_, _, high, low] = process_id.to_be_bytes();
        let first = UniqueId {
            ip,
            process_id: u16::from_be_bytes([high, low]),
            loader_hash: seed.wrapping_add(GENERATORS.fetch_add(1, Ordering::Relaxed)),
            month_ms: 0,
            counter: 0,
        };
        Self {
            first: first.to_hex(),
            counter: AtomicU16::new(0),
            month_start_ms: AtomicI64::new(0),
            month_end_ms: AtomicI64::new(0),
        }
    }

    /// A new id: 32 characters, 56 where the host's address is IPv6.
    pub(crate) fn next(&self, now_ms: i64) -> HexId {
        // Readers allow half a day for clients in other time zones, so UTC months serve.
        let since_month = now_ms.saturating_sub(self.month_start(now_ms)).max(0);
        let since_month = u32::try_from(since_month).unwrap_or(u32::MAX);
        let [t0, t1, t2, t3] = since_month.to_be_bytes();
        let [c0, c1] = self.counter.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        self.first.ending_in(&[t0, t1, t2, t3, c0, c1])
    }

    fn month_start(&self, now_ms: i64) -> i64 {
        if now_ms >= self.month_end_ms.load(Ordering::Relaxed) {
            let (start, end) = month_of(now_ms);
            self.month_start_ms.store(start, Ordering::Relaxed);
            self.month_end_ms.store(end, Ordering::Relaxed);
        }
        self.month_start_ms.load(Ordering::Relaxed)
    }
}

/// First millisecond of the UTC month of `now_ms`, and of the next one.
fn month_of(now_ms: i64) -> (i64, i64) {
    let day = now_ms.div_euclid(DAY_MS);
    let day_of_month = civil_day_of_month(day);
    let start = day - (day_of_month - 1);
    // The 1st plus 31 days always lies in the next month, at most on its 4th.
    let next = start + 31;
    let end = next - (civil_day_of_month(next) - 1);
    (start * DAY_MS, end * DAY_MS)
}

/// Day of the month (1 to 31) of a day counted from 1970-01-01, in the Gregorian calendar: 400
/// years are 146,097 days, and counting years from March puts the leap day last.
fn civil_day_of_month(day: i64) -> i64 {
    let day_of_era = (day + 719_468).rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    day_of_year - (153 * month_from_march + 2) / 5 + 1
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    const JAN_1_2026_MS: i64 = 1_767_225_600_000;

    #[test]
    fn ids_are_ip_process_generator_time_and_counter_in_hex() {
        let ids = UniqueIds::new(Ipv4Addr::new(10, 0, 0, 255).into(), 0x1_2345, 7);
        let first = ids.next(JAN_1_2026_MS + 0x0A_BCDE).to_string();
        let second = ids.next(JAN_1_2026_MS + 0x0A_BCDE).to_string();
        assert_eq!((first.len(), &first[..12], &first[20..]), (32, "0A0000FF2345", "000ABCDE0000"));
        assert_eq!(&second[20..], "000ABCDE0001");

        let v6 = UniqueIds::new(Ipv6Addr::LOCALHOST.into(), 1, 1).next(JAN_1_2026_MS).to_string();
        assert_eq!(v6.len(), 56);
    }

    #[test]
    fn two_generators_of_one_process_never_make_the_same_id() {
        let made: HashSet<String> = (0..50)
            .map(|_| UniqueIds::new(Ipv4Addr::LOCALHOST.into(), 1, 1).next(JAN_1_2026_MS))
            .map(|id| id.to_string())
            .collect();
        assert_eq!(made.len(), 50);
    }

    #[test]
    fn months_start_at_their_first_day_leap_years_included() {
        let day = |n: i64| JAN_1_2026_MS + n * DAY_MS;
        assert_eq!(month_of(day(0)), (day(0), day(31)));
        assert_eq!(month_of(day(31) - 1), (day(0), day(31)));
        assert_eq!(month_of(day(58)), (day(31), day(59)));
        // 2028 is a leap year: February is days 761 to 789.
        assert_eq!(month_of(day(789)), (day(761), day(790)));
        assert_eq!(month_of(0), (0, 31 * DAY_MS));
    }
}
