//! What commands print: tables for people, JSON for programs.
use std::io::{BufRead, IsTerminal, Write};

use comfy_table::{CellAlignment, Table};
use remora_client::MessageView;
use remora_config::nearest;
use serde_json::{Value, json};

use super::CommandError;

/// Columns without lines around them, as wide as their content.
pub(crate) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(head.iter().copied());
    let mut numeric = vec![true; head.len()];
    for row in rows {
        for (numeric, cell) in numeric.iter_mut().zip(&row) {
            *numeric &= cell.parse::<f64>().is_ok();
        }
        table.add_row(row);
    }
    for (at, numeric) in numeric.into_iter().enumerate() {
        if let Some(column) = table.column_mut(at).filter(|_| numeric) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// Milliseconds since 1970 as UTC: 2026-11-22T06:16:20.123Z.
pub(crate) fn utc(timestamp_ms: i64) -> String {
    let (days, ms) = (timestamp_ms.div_euclid(86_400_000), timestamp_ms.rem_euclid(86_400_000));
    // Civil calendar from days, after Howard Hinnant's `civil_from_days`.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_shifted + 2) / 5 + 1;
    let month = if month_shifted < 10 { month_shifted + 3 } else { month_shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1_000)
}

/// What a message of a missing thing ends with, where something is named alike.
pub(crate) fn did_you_mean<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    nearest(name, known).map(|name| format!("; did you mean '{name}'?")).unwrap_or_default()
}

/// Asks on a terminal; a program has to say --yes.
pub(crate) fn confirmed(question: &str) -> Result<bool, CommandError> {
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    eprint!("{question} Type yes: ");
    std::io::stderr().flush().map_err(CommandError::Input)?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(CommandError::Input)?;
    Ok(answer.trim() == "yes")
}

/// One message as a line for people.
pub(crate) fn message_line(message: &MessageView) -> String {
    let body = String::from_utf8_lossy(message.body());
    let tags = message.tags().map(|tags| format!(" [{tags}]")).unwrap_or_default();
    format!(
        "{} {}/{} @{}{tags} {body}",
        utc(message.store_timestamp_ms),
        message.queue.broker_name,
        message.queue.queue_id,
        message.queue_offset
    )
}

/// One message as JSON; a body that is not UTF-8 as hexadecimal digits.
pub(crate) fn message_json(message: &MessageView) -> Value {
    let properties: serde_json::Map<String, Value> =
        message.properties().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
    let mut value = json!({
        "topic": message.topic(),
        "broker": &*message.queue.broker_name,
        "queueId": message.queue.queue_id,
        "queueOffset": message.queue_offset,
        "msgId": message.msg_id(),
        "offsetMsgId": message.offset_msg_id(),
        "bornTimestampMs": message.born_timestamp_ms,
        "storeTimestampMs": message.store_timestamp_ms,
        "reconsumeTimes": message.reconsume_times,
        "tags": message.tags(),
        "keys": message.keys().collect::<Vec<_>>(),
        "properties": properties,
    });
    let (field, body) = match std::str::from_utf8(message.body()) {
        Ok(text) => ("body", text.to_owned()),
        Err(_) => ("bodyHex", message.body().iter().map(|byte| format!("{byte:02x}")).collect()),
    };
    if let Value::Object(fields) = &mut value {
        fields.insert(field.to_owned(), Value::from(body));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_over_leap_days_and_before_1970() {
        assert_eq!(utc(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(utc(1_709_164_800_123), "2024-02-29T00:00:00.123Z");
        assert_eq!(utc(4_102_444_799_999), "2099-12-31T23:59:59.999Z");
        assert_eq!(utc(-1), "1969-12-31T23:59:59.999Z");
    }
}
