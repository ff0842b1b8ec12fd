use std::net::SocketAddr;

use remora_protocol::message_id::OffsetId;
use remora_protocol::record::{self, Draft, Record};
use remora_protocol::{batch, properties};
use serde_json::Value;

use crate::{each, unhex};

#[test]
fn records_read_as_apache_reads_them() {
    each("record", 11, |vector| {
        let bytes = vector.bytes();
        let expect = &vector.expect;
        let body = unhex(text(expect, "body"));
        let read = record::decode(&bytes).unwrap();
        let wanted = Record {
            total_bytes: u32::try_from(bytes.len()).unwrap(),
            body_crc: number(expect, "body_crc"),
            queue_id: number(expect, "queue_id"),
            flag: number(expect, "flag"),
            queue_offset: number(expect, "queue_offset"),
            physical_offset: number(expect, "physical_offset"),
            sys_flag: number(expect, "sys_flag"),
            born_timestamp_ms: number(expect, "born_timestamp_ms"),
            born_host: host(expect, "born_host"),
            store_timestamp_ms: number(expect, "store_timestamp_ms"),
            store_host: host(expect, "store_host"),
            reconsume_times: number(expect, "reconsume_times"),
            prepared_transaction_offset: number(expect, "prepared_transaction_offset"),
            body: &body,
            topic: text(expect, "topic"),
            properties: read.properties,
        };
        assert_eq!(read, wanted, "{}", vector.name);
        for (name, value) in expect["properties"].as_object().unwrap() {
            let found = properties::find(read.properties, name);
            assert_eq!(found, value.as_str(), "{}: {name}", vector.name);
        }
        record::verify(&bytes).unwrap_or_else(|error| panic!("{}: {error}", vector.name));
    });
}

#[test]
fn records_with_a_crc_property_are_written_byte_for_byte() {
    each("record", 11, |vector| {
        let bytes = vector.bytes();
        let read = record::decode(&bytes).unwrap();
        if vector.expect["crc_property"] != true {
            return;
        }
        let draft = Draft {
            topic: read.topic,
            queue_id: read.queue_id,
            flag: read.flag,
            sys_flag: read.sys_flag,
            born_timestamp_ms: read.born_timestamp_ms,
            born_host: read.born_host,
            store_host: read.store_host,
            reconsume_times: read.reconsume_times,
            prepared_transaction_offset: read.prepared_transaction_offset,
            body: read.body,
            properties: properties::without_crc(read.properties),
        };
        let mut written = Vec::new();
        draft.encode(&mut written);
        let (queue_offset, physical_offset) = (read.queue_offset, read.physical_offset);
        record::seal(&mut written, queue_offset, physical_offset, read.store_timestamp_ms);
        assert_eq!(written, bytes, "{}", vector.name);
    });
}

#[test]
fn offset_ids_of_records_are_apaches() {
    each("record", 11, |vector| {
        let store_host = host(&vector.expect, "store_host");
        let physical_offset = number(&vector.expect, "physical_offset");
        let id = OffsetId { store_host, physical_offset };
        assert_eq!(id.to_hex().as_str(), text(&vector.expect, "offset_id"), "{}", vector.name);
    });
}

#[test]
fn offset_ids_read_and_written_are_the_same() {
    each("offset_id", 2, |vector| {
        let id = String::from_utf8(vector.bytes()).unwrap();
        let wanted = OffsetId {
            store_host: host(&vector.expect, "host"),
            physical_offset: number(&vector.expect, "physical_offset"),
        };
        assert_eq!(OffsetId::parse(&id).unwrap(), wanted);
        assert_eq!(wanted.to_hex().as_str(), id);
    });
}

#[test]
fn batches_read_and_written_give_the_same_bytes() {
    each("batch", 1, |vector| {
        let bytes = vector.bytes();
        let items: Vec<_> = batch::items(&bytes).map(Result::unwrap).collect();
        let wanted = vector.expect["items"].as_array().unwrap();
        assert_eq!(items.len(), wanted.len());
        let mut written = Vec::new();
        for (item, wanted) in items.iter().zip(wanted) {
            assert_eq!(item.flag, number::<i32>(wanted, "flag"));
            assert_eq!(item.body, unhex(text(wanted, "body")));
            assert_eq!(item.properties, unhex(text(wanted, "properties")));
            item.append_to(&mut written).unwrap();
        }
        assert_eq!(written, bytes);
    });
}

fn number<N: TryFrom<i64>>(expect: &Value, name: &str) -> N {
    let number = expect[name].as_i64().unwrap_or_else(|| panic!("no number {name}"));
    N::try_from(number).unwrap_or_else(|_| panic!("{name} is out of range"))
}

fn text<'v>(expect: &'v Value, name: &str) -> &'v str {
    expect[name].as_str().unwrap_or_else(|| panic!("no text {name}"))
}

fn host(expect: &Value, name: &str) -> SocketAddr {
    text(expect, name).parse().unwrap()
}
