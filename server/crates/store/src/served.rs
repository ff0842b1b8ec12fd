//! Whether a stored record may be given to a consumer.
use remora_protocol::record::{
    MAGIC_V1, MAGIC_V2, PHYSICAL_OFFSET_AT, QUEUE_OFFSET_AT, RecordError, SYS_FLAG_AT,
    body_length_at,
};
use remora_protocol::record_crc;

use crate::recovery::checked;
use crate::store::QueueRef;

const TOTAL_BYTES_AT: usize = 0;
const MAGIC_AT: usize = 4;
const QUEUE_ID_AT: usize = 12;
/// One past the last field whose place is the same in every record.
const FIXED_END: usize = SYS_FLAG_AT + 4;

/// Soundness, and that this record is the one that the entry means.
pub(crate) fn check(
    bytes: &[u8],
    queue: &QueueRef,
    queue_offset: u64,
    physical_offset: u64,
    crc_from: u64,
) -> Result<(), RecordError> {
    if is_plainly_sound(bytes, queue, queue_offset, physical_offset).unwrap_or(false) {
        return Ok(());
    }
    let found = checked(bytes, physical_offset, crc_from)?;
    if usize::try_from(found.total_bytes) != Ok(bytes.len()) {
        return Err(misplaced("TOTALSIZE", i64::from(found.total_bytes)));
    }
    if found.queue_offset != queue_offset.cast_signed() {
        return Err(misplaced("QUEUEOFFSET", found.queue_offset));
    }
    if found.queue_id != queue.queue_id || *found.topic != *queue.topic {
        return Err(misplaced("QUEUEID", i64::from(found.queue_id)));
    }
    Ok(())
}

fn misplaced(field: &'static str, length: i64) -> RecordError {
    RecordError::FieldLength { field, length }
}

/// True for a record with `__CRC32#` of which all is well: it is the one that is meant, its lengths
/// add up to its size, and every byte, body and body CRC included, is as it was sealed. Anything
/// else proves nothing yet: the closer look says what is wrong.
fn is_plainly_sound(
    bytes: &[u8],
    queue: &QueueRef,
    queue_offset: u64,
    physical_offset: u64,
) -> Option<bool> {
    // Of constant places in a chunk of known size nothing is checked while it runs.
    let fixed: &[u8] = bytes.first_chunk::<FIXED_END>()?;
    let magic = u32::from_be_bytes(field(fixed, MAGIC_AT)?);
    let meant = u32::from_be_bytes(field(fixed, TOTAL_BYTES_AT)?) as usize == bytes.len()
        && matches!(magic, MAGIC_V1 | MAGIC_V2)
        && i32::from_be_bytes(field(fixed, QUEUE_ID_AT)?) == queue.queue_id
        && u64::from_be_bytes(field(fixed, QUEUE_OFFSET_AT)?) == queue_offset
        && u64::from_be_bytes(field(fixed, PHYSICAL_OFFSET_AT)?) == physical_offset;
    if !meant {
        return Some(false);
    }
    let at = body_length_at(i32::from_be_bytes(field(fixed, SYS_FLAG_AT)?));
    let (body_bytes, after_length) = bytes.get(at..)?.split_first_chunk()?;
    let after_body = after_length.get(u32::from_be_bytes(*body_bytes) as usize..)?;
    let (topic_bytes, after_topic_length) = match after_body {
        [length, rest @ ..] if magic == MAGIC_V1 => (usize::from(*length), rest),
        [high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        _ => return Some(false),
    };
    let (topic, rest) = after_topic_length.split_at_checked(topic_bytes)?;
    let (properties_bytes, properties) = rest.split_first_chunk()?;
    let fits = usize::from(u16::from_be_bytes(*properties_bytes)) == properties.len()
        && properties.len() >= record_crc::CRC_PROPERTY_BYTES;
    Some(fits && *topic == *queue.topic.as_bytes() && record_crc::is_sealed(bytes))
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use remora_protocol::record::{self, Draft};

    use super::*;
    use crate::consume_queue::ConsumeQueue;
    use crate::disk::Disk as _;
    use crate::queue_files::QueueDisk;
    use crate::sim_disk::SimDisk;

    const AT: (u64, u64) = (5, 9_000);

    fn queue(topic: &str, queue_id: i32) -> QueueRef {
        let disk = QueueDisk {
            disk: SimDisk::new().share(),
            file_bytes: 200,
            open_files: Default::default(),
            open_files_max: 1,
        };
        let dir = format!("consumequeue/{topic}/{queue_id}");
        QueueRef::new(Arc::new(ConsumeQueue::new(topic.into(), queue_id, Arc::new(disk), dir)))
    }

    fn sealed(queue: &QueueRef, born: &str, store: &str) -> Vec<u8> {
        let host = |host: &str| host.parse::<SocketAddr>().expect("an address");
        let draft = Draft {
            topic: &queue.topic,
            queue_id: queue.queue_id,
            flag: 7,
            sys_flag: 0,
            born_timestamp_ms: 1,
            born_host: host(born),
            store_host: host(store),
            reconsume_times: 0,
            prepared_transaction_offset: 0,
            body: b"a body",
            properties: b"TAGS\x01TagA\x02",
        };
        let mut bytes = Vec::new();
        draft.encode(&mut bytes);
        record::seal(&mut bytes, AT.0.cast_signed(), AT.1.cast_signed(), 3);
        bytes
    }

    fn plainly(
        bytes: &[u8],
        queue: &QueueRef,
        (queue_offset, physical_offset): (u64, u64),
    ) -> bool {
        is_plainly_sound(bytes, queue, queue_offset, physical_offset).unwrap_or(false)
    }

    #[test]
    fn sealed_records_of_every_shape_are_sound_at_the_first_look() {
        let hosts = ["127.0.0.1:1", "[2001:db8::1]:2"];
        for topic in ["T".to_owned(), "long".repeat(50)] {
            for (born, store) in hosts.iter().flat_map(|born| hosts.map(|store| (born, store))) {
                let queue = queue(&topic, 3);
                let bytes = sealed(&queue, born, store);
                assert!(plainly(&bytes, &queue, AT), "{topic} {born} {store}");
                assert_eq!(check(&bytes, &queue, AT.0, AT.1, 0), Ok(()));
            }
        }
    }

    #[test]
    fn any_flipped_bit_is_found_at_both_looks() {
        let queue = queue("orders", 3);
        let sound = sealed(&queue, "127.0.0.1:1", "127.0.0.1:2");
        for bit in 0..sound.len() * 8 {
            let mut bytes = sound.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(!plainly(&bytes, &queue, AT), "bit {bit}");
            assert!(check(&bytes, &queue, AT.0, AT.1, 0).is_err(), "bit {bit}");
        }
        for length in 0..sound.len() {
            assert!(!plainly(&sound[..length], &queue, AT), "{length} bytes");
        }
    }

    #[test]
    fn a_sound_record_that_is_not_meant_is_refused() {
        let meant = queue("orders", 3);
        let bytes = sealed(&meant, "127.0.0.1:1", "127.0.0.1:2");
        for other in [queue("orderz", 3), queue("orders", 4)] {
            assert!(check(&bytes, &other, AT.0, AT.1, 0).is_err());
        }
        for (queue_offset, physical_offset) in [(6, 9_000), (5, 9_001)] {
            assert!(check(&bytes, &meant, queue_offset, physical_offset, 0).is_err());
        }
    }
}
