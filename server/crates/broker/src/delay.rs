//! Delayed messages: what their properties ask for, and the form in which they wait.
//!
//! A message with a level waits in the queue of its level under SCHEDULE_TOPIC_XXXX; one with a
//! time of its own waits in rmq_sys_wheel_timer. Both know the topic and queue that they are for,
//! as Apache stores them. A level wins over a time.
use remora_config::Settings;
use remora_protocol::names;
use remora_protocol::properties::{self, name};
use remora_remoting::Refusal;

use crate::refusals;

/// What delivery adds to the properties: `DELAYED_FROM`, and when stored again before it
/// `TIMER_FIRST`, `TIMER_ROLL_TIMES` and the other form of the time.
pub(crate) const PROPERTIES_BYTES_SPARE: usize = 160;

/// Properties that say when.
const ASKING: [&str; 4] =
    [name::DELAY, name::TIMER_DELAY_SEC, name::TIMER_DELAY_MS, name::TIMER_DELIVER_MS];

/// When a message is to be delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Delay {
    /// From 1 on; counted from the time of storing.
    Level(usize),
    /// Wall clock.
    Until { due_ms: i64 },
}

impl Delay {
    /// Levels past the last one mean the last; below 1, the first.
    pub fn level(level: i64, settings: &Settings) -> Self {
        let last = settings.message_delay_level.ms().len();
        Self::Level(usize::try_from(level.max(1)).unwrap_or(last).min(last))
    }
}

/// Where and with which properties a message waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Waiting {
    pub topic: &'static str,
    pub queue_id: i32,
    pub properties: Vec<u8>,
}

/// What properties as stored ask for; `None` where the message is for now.
///
/// A delivered timer message that is sent on with its properties is for now (Apache sees its
/// TIMER_OUT_MS, too). Unlike Apache's, values that are no time are refused by name, and a horizon
/// is refused with its limit.
pub(crate) fn asked(
    raw: &[u8],
    settings: &Settings,
    now_ms: i64,
) -> Result<Option<Delay>, Refusal> {
    if let Some(value) = properties::find(raw, name::DELAY) {
        let level: i64 = number(name::DELAY, value)?;
        if level > 0 {
            return Ok(Some(Delay::level(level, settings)));
        }
    }
    if properties::find(raw, name::TIMER_OUT_MS).is_some() {
        return Ok(None);
    }
    let Some((name, value)) =
        ASKING[1..].iter().find_map(|name| properties::find(raw, name).map(|value| (*name, value)))
    else {
        return Ok(None);
    };
    let number = number(name, value)?;
    if number < 0 {
        return Err(refusals::illegal(format!(
            "property '{name}' is {number}: a time to wait or to deliver at is not below 0"
        )));
    }
    let due_ms = match name {
        name::TIMER_DELAY_SEC => now_ms.saturating_add(number.saturating_mul(1_000)),
        name::TIMER_DELAY_MS => now_ms.saturating_add(number),
        _ => number,
    };
    let limit_ms = i64::try_from(settings.timer_max_delay_sec).unwrap_or(i64::MAX);
    let limit_ms = limit_ms.saturating_mul(1_000);
    if due_ms.saturating_sub(now_ms) > limit_ms {
        return Err(refusals::illegal(format!(
            "property '{name}' is {number}: the message would wait {} ms, the limit is {limit_ms} ms (timerMaxDelaySec)",
            due_ms.saturating_sub(now_ms)
        )));
    }
    if due_ms <= now_ms && properties::find(raw, name::TIMER_DEL_UNIQKEY).is_some() {
        return Err(refusals::illegal(format!(
            "property '{name}' is {number}: what is to be withdrawn was due {} ms ago",
            now_ms.saturating_sub(due_ms)
        )));
    }
    Ok((due_ms > now_ms).then_some(Delay::Until { due_ms }))
}

fn number(name: &str, value: &str) -> Result<i64, Refusal> {
    value.trim().parse().map_err(|_| {
        refusals::illegal(format!("property '{name}' is '{value}', not a whole number"))
    })
}

/// The form in which a message for a topic and queue waits. `raw` are its properties as stored.
pub(crate) fn waiting(topic: &str, queue_id: i32, raw: &[u8], delay: Delay) -> Waiting {
    let mut out = Vec::with_capacity(raw.len() + 96);
    let raw = properties::without_crc(raw);
    let place = [name::REAL_TOPIC, name::REAL_QID, name::DELAYED_FROM];
    let (to, to_queue_id) = match delay {
        Delay::Level(level) => {
            properties::append_without(&mut out, raw, &[&ASKING[..], &place[..]].concat());
            let level = i32::try_from(level.max(1)).unwrap_or(i32::MAX);
            properties::append_i64(&mut out, name::DELAY, level.into());
            (names::SCHEDULE_TOPIC, level - 1)
        }
        Delay::Until { due_ms } => {
            let time = [name::DELAY, name::TIMER_OUT_MS];
            properties::append_without(&mut out, raw, &[&time[..], &place[..]].concat());
            properties::append_i64(&mut out, name::TIMER_OUT_MS, due_ms);
            (names::TIMER_TOPIC, 0)
        }
    };
    properties::append(&mut out, name::REAL_TOPIC, topic);
    properties::append_i64(&mut out, name::REAL_QID, queue_id.into());
    Waiting { topic: to, queue_id: to_queue_id, properties: out }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_763_793_360_000;

    fn raw(text: &str) -> Vec<u8> {
        text.replace('=', "\x01").replace(';', "\x02").into_bytes()
    }

    fn asks(text: &str) -> Result<Option<Delay>, String> {
        asked(&raw(text), &Settings::default(), NOW_MS).map_err(|refusal| refusal.remark)
    }

    #[test]
    fn level_wins_and_is_at_most_the_last_and_times_are_taken_to_the_millisecond() {
        let until = |after_ms| Ok(Some(Delay::Until { due_ms: NOW_MS + after_ms }));
        for (text, expected) in [
            ("a=b;", Ok(None)),
            ("DELAY=3;TIMER_DELAY_MS=x;", Ok(Some(Delay::Level(3)))),
            ("DELAY=99;", Ok(Some(Delay::Level(18)))),
            ("DELAY=0;TIMER_DELAY_MS=7;", until(7)),
            ("DELAY=-1;", Ok(None)),
            ("TIMER_DELAY_SEC=2;TIMER_DELAY_MS=7;", until(2_000)),
            ("TIMER_DELIVER_MS=1763793360001;", until(1)),
            ("TIMER_DELIVER_MS=1763793360000;", Ok(None)),
            ("TIMER_DELAY_MS=0;", Ok(None)),
            ("TIMER_DELAY_MS=9;TIMER_OUT_MS=1;", Ok(None)),
        ] {
            assert_eq!(asks(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_or_too_far_is_refused_with_name_value_and_limit() {
        for (text, parts) in [
            ("DELAY=soon;", ["'DELAY'", "'soon'", "number"]),
            ("TIMER_DELAY_MS=-5;", ["'TIMER_DELAY_MS'", "-5", "below 0"]),
            ("TIMER_DELAY_SEC=1e3;", ["'TIMER_DELAY_SEC'", "'1e3'", "number"]),
            ("TIMER_DELAY_SEC=40000000;", ["40000000000 ms", "31622400000 ms", "timerMaxDelaySec"]),
            ("TIMER_DELAY_SEC=9223372036854775807;", ["TIMER_DELAY_SEC", "limit", "31622400000"]),
            ("TIMER_DELIVER_MS=5;TIMER_DEL_UNIQKEY=T+a;", ["TIMER_DELIVER_MS", "withdrawn", "ago"]),
        ] {
            let remark = asks(text).unwrap_err();
            assert!(parts.iter().all(|part| remark.contains(part)), "{text}: {remark}");
        }
    }

    #[test]
    fn waiting_message_knows_its_place_and_has_one_time_only() {
        let shown = |waiting: Waiting| {
            let text = String::from_utf8(waiting.properties).unwrap();
            let text = text.replace('\x01', "=").replace('\x02', ";");
            (waiting.topic, waiting.queue_id, text)
        };
        let properties = raw("TAGS=a;DELAY=3;TIMER_DELAY_MS=5;REAL_TOPIC=x;__DELAYED_FROM=7;");
        assert_eq!(
            shown(waiting("T", 2, &properties, Delay::Level(4))),
            (names::SCHEDULE_TOPIC, 3, "TAGS=a;DELAY=4;REAL_TOPIC=T;REAL_QID=2;".to_owned())
        );
        assert_eq!(
            shown(waiting("T", 2, &properties, Delay::Until { due_ms: 9 })),
            (names::TIMER_TOPIC, 0, {
                "TAGS=a;TIMER_DELAY_MS=5;TIMER_OUT_MS=9;REAL_TOPIC=T;REAL_QID=2;".to_owned()
            })
        );
    }
}
