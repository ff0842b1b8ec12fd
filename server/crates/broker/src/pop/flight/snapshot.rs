//! A flight as it is kept in the metadata log, from one persisting of the offsets to the next.
use serde::{Deserialize, Serialize};

use super::{Flight, InFlight};

/// One flight. Messages that were popped together share an entry.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct FlightSnapshot {
    #[serde(rename = "to")]
    popped_to: u64,
    #[serde(rename = "o", default, skip_serializing_if = "std::ops::Not::not")]
    ordered: bool,
    #[serde(rename = "a", default, skip_serializing_if = "String::is_empty")]
    attempt_id: String,
    #[serde(rename = "in", default, skip_serializing_if = "Vec::is_empty")]
    in_flight: Vec<Popped>,
}

/// Messages with the same times.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Popped {
    #[serde(rename = "p")]
    pop_time_ms: i64,
    #[serde(rename = "v")]
    visible_ms: i64,
    #[serde(rename = "r", default, skip_serializing_if = "is_zero")]
    redelivered: u32,
    /// Runs: the first queue offset, and how many follow one another from it.
    #[serde(rename = "q")]
    runs: Vec<(u64, u64)>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Flight {
    pub fn snapshot(&self) -> FlightSnapshot {
        let mut in_flight: Vec<Popped> = Vec::new();
        for (queue_offset, message) in &self.in_flight {
            let InFlight { pop_time_ms, visible_ms, redelivered } = *message;
            let same = in_flight.last_mut().filter(|popped| {
                (popped.pop_time_ms, popped.visible_ms, popped.redelivered)
                    == (pop_time_ms, visible_ms, redelivered)
            });
            let Some(same) = same else {
                let runs = vec![(*queue_offset, 1)];
                in_flight.push(Popped { pop_time_ms, visible_ms, redelivered, runs });
                continue;
            };
            match same.runs.last_mut() {
                Some((first, count)) if first.checked_add(*count) == Some(*queue_offset) => {
                    *count += 1;
                }
                _ => same.runs.push((*queue_offset, 1)),
            }
        }
        FlightSnapshot {
            popped_to: self.popped_to,
            ordered: self.ordered,
            attempt_id: self.attempt_id.clone(),
            in_flight,
        }
    }

    /// The flight again. What does not fit together, or is more than `in_flight_max`, is left out
    /// from the highest offset down, and is popped again.
    pub fn restore(snapshot: FlightSnapshot, in_flight_max: usize) -> Self {
        let mut flight = Self::at(snapshot.popped_to);
        flight.ordered = snapshot.ordered;
        flight.attempt_id = snapshot.attempt_id;
        for popped in snapshot.in_flight {
            let Popped { pop_time_ms, visible_ms, redelivered, runs } = popped;
            let message = InFlight { pop_time_ms, visible_ms, redelivered };
            for (first, count) in runs {
                for queue_offset in first..first.saturating_add(count).min(snapshot.popped_to) {
                    if flight.in_flight.len() >= in_flight_max {
                        flight.popped_to = flight.popped_to.min(queue_offset);
                        break;
                    }
                    flight.insert(queue_offset, message);
                }
            }
        }
        let popped_to = flight.popped_to;
        flight.remove_range(popped_to, u64::MAX);
        flight
    }
}
