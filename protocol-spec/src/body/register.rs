//! A broker's registration (request 103): plain JSON, or a compressed binary form.
//!
//! The compressed form is a zlib stream of: the data version as JSON, the topics as text, the
//! filter servers as JSON, and (brokers since 5.0) the static mappings as JSON; every piece behind
//! its int32 length, lists behind an int32 count.
use std::collections::BTreeMap;
use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};

use super::route::TopicQueueMappingInfo;
use super::topic::{TopicConfig, TopicConfigAndMappingSerializeWrapper, TopicFilterType};
use super::{BodyError, decode, encode};

/// Inflated size that is believed; chosen: 100 000 topics with attributes are about 20 MB.
const INFLATED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// MQVersion V5_0_0: from here on the mappings follow.
const MAPPING_VERSION_MIN: i32 = 413;

/// Body of request 103.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RegisterBrokerBody {
    pub filter_server_list: Vec<String>,
    pub topic_config_serialize_wrapper: TopicConfigAndMappingSerializeWrapper,
}

impl RegisterBrokerBody {
    /// Reads either form. `version` is the broker's, from the frame's header.
    pub fn decode(body: &[u8], compressed: bool, version: i32) -> Result<Self, BodyError> {
        if !compressed {
            return decode(body);
        }
        let inflated = inflate(body)?;
        let mut pieces = Pieces { rest: &inflated };
        let mut wrapper = TopicConfigAndMappingSerializeWrapper {
            data_version: decode(pieces.bytes("dataVersion")?)?,
            ..Default::default()
        };
        for _ in 0..pieces.count("topics")? {
            let topic = topic_from_text(pieces.bytes("topic")?)?;
            wrapper.topic_config_table.insert(topic.topic_name.clone(), topic);
        }
        let filter_server_list = decode(pieces.bytes("filterServerList")?)?;
        if version >= MAPPING_VERSION_MIN {
            for _ in 0..pieces.count("mappings")? {
                let mapping: TopicQueueMappingInfo = decode(pieces.bytes("mapping")?)?;
                wrapper.topic_queue_mapping_info_map.insert(mapping.topic.clone(), mapping);
            }
        }
        Ok(Self { filter_server_list, topic_config_serialize_wrapper: wrapper })
    }

    /// Writes the JSON form.
    pub fn encode_json(&self) -> Vec<u8> {
        encode(self)
    }

    /// Writes the compressed form, mappings included.
    pub fn encode_compressed(&self) -> Result<Vec<u8>, BodyError> {
        let wrapper = &self.topic_config_serialize_wrapper;
        let mut out = Vec::new();
        put_bytes(&mut out, "dataVersion", &encode(&wrapper.data_version))?;
        put_count(&mut out, "topics", wrapper.topic_config_table.len())?;
        for topic in wrapper.topic_config_table.values() {
            put_bytes(&mut out, "topic", topic_to_text(topic).as_bytes())?;
        }
        put_bytes(&mut out, "filterServerList", &encode(&self.filter_server_list))?;
        put_count(&mut out, "mappings", wrapper.topic_queue_mapping_info_map.len())?;
        for mapping in wrapper.topic_queue_mapping_info_map.values() {
            put_bytes(&mut out, "mapping", &encode(mapping))?;
        }
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&out)?;
        Ok(encoder.finish()?)
    }
}

fn inflate(body: &[u8]) -> Result<Vec<u8>, BodyError> {
    let mut inflated = Vec::new();
    let limit = INFLATED_BYTES_MAX as u64 + 1;
    ZlibDecoder::new(body).take(limit).read_to_end(&mut inflated)?;
    if inflated.len() > INFLATED_BYTES_MAX {
        return Err(BodyError::TooLarge { limit: INFLATED_BYTES_MAX });
    }
    Ok(inflated)
}

struct Pieces<'a> {
    rest: &'a [u8],
}

impl<'a> Pieces<'a> {
    fn int(&mut self, field: &'static str) -> Result<i32, BodyError> {
        let (value, rest) = self.rest.split_first_chunk().ok_or(BodyError::Truncated { field })?;
        self.rest = rest;
        Ok(i32::from_be_bytes(*value))
    }

    /// Not bounded otherwise: each item takes at least the four bytes of its length.
    fn count(&mut self, field: &'static str) -> Result<usize, BodyError> {
        let value = self.int(field)?;
        let count = usize::try_from(value).map_err(|_| BodyError::Length { field, value })?;
        if count > self.rest.len() / 4 {
            return Err(BodyError::Length { field, value });
        }
        Ok(count)
    }

    fn bytes(&mut self, field: &'static str) -> Result<&'a [u8], BodyError> {
        let value = self.int(field)?;
        let length = usize::try_from(value).map_err(|_| BodyError::Length { field, value })?;
        let (bytes, rest) =
            self.rest.split_at_checked(length).ok_or(BodyError::Truncated { field })?;
        self.rest = rest;
        Ok(bytes)
    }
}

fn put_count(out: &mut Vec<u8>, field: &'static str, count: usize) -> Result<(), BodyError> {
    let count = i32::try_from(count).map_err(|_| BodyError::Length { field, value: i32::MAX })?;
    out.extend_from_slice(&count.to_be_bytes());
    Ok(())
}

fn put_bytes(out: &mut Vec<u8>, field: &'static str, bytes: &[u8]) -> Result<(), BodyError> {
    put_count(out, field, bytes.len())?;
    out.extend_from_slice(bytes);
    Ok(())
}

/// `name read write perm filterType attributes`; system flag and order are not carried.
fn topic_to_text(topic: &TopicConfig) -> String {
    let attributes = String::from_utf8(encode(&topic.attributes)).unwrap_or_else(|_| "{}".into());
    format!(
        "{} {} {} {} {} {attributes}",
        topic.topic_name,
        topic.read_queue_nums,
        topic.write_queue_nums,
        topic.perm,
        topic.topic_filter_type
    )
}

fn topic_from_text(text: &[u8]) -> Result<TopicConfig, BodyError> {
    let wrong = || BodyError::TopicEntry {
        entry: String::from_utf8_lossy(text).chars().take(128).collect(),
    };
    let words = std::str::from_utf8(text).map_err(|_| wrong())?;
    let mut words = words.splitn(6, ' ');
    let mut word = || words.next().ok_or_else(wrong);
    let number = |text: &str| text.parse::<i32>().map_err(|_| wrong());
    let topic_name = word()?.to_owned();
    let read_queue_nums = number(word()?)?;
    let write_queue_nums = number(word()?)?;
    let perm = number(word()?)?;
    let topic_filter_type = TopicFilterType::from_name(word()?).ok_or_else(wrong)?;
    // Brokers of version 4 send no attributes.
    let attributes: BTreeMap<String, String> = match word() {
        Ok(attributes) if !attributes.is_empty() => decode(attributes.as_bytes())?,
        _ => BTreeMap::new(),
    };
    Ok(TopicConfig {
        attributes,
        perm,
        read_queue_nums,
        topic_filter_type,
        topic_name,
        write_queue_nums,
        ..Default::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body() -> RegisterBrokerBody {
        let mut wrapper = TopicConfigAndMappingSerializeWrapper::default();
        wrapper.data_version.counter = 7;
        for name in ["orders", "%RETRY%g"] {
            let topic = TopicConfig {
                topic_name: name.into(),
                read_queue_nums: 3,
                attributes: BTreeMap::from([("message.type".into(), "NORMAL".into())]),
                ..Default::default()
            };
            wrapper.topic_config_table.insert(name.into(), topic);
        }
        let mapping = TopicQueueMappingInfo {
            topic: "static".into(),
            curr_id_map: BTreeMap::from([(0, 1)]),
            ..Default::default()
        };
        wrapper.topic_queue_mapping_info_map.insert("static".into(), mapping);
        RegisterBrokerBody {
            filter_server_list: vec!["f:1".into()],
            topic_config_serialize_wrapper: wrapper,
        }
    }

    #[test]
    fn compressed_registration_reads_back() {
        let compressed = body().encode_compressed().unwrap();
        assert_eq!(RegisterBrokerBody::decode(&compressed, true, 493).unwrap(), body());
    }

    #[test]
    fn registration_of_a_version_4_broker_has_no_mappings() {
        let mut wanted = body();
        wanted.topic_config_serialize_wrapper.topic_queue_mapping_info_map.clear();
        let compressed = body().encode_compressed().unwrap();
        assert_eq!(RegisterBrokerBody::decode(&compressed, true, 401).unwrap(), wanted);
    }

    #[test]
    fn broken_registrations_are_refused_not_believed() {
        let sound = body().encode_compressed().unwrap();
        let cut = sound.get(..sound.len() / 2).unwrap();
        let error = RegisterBrokerBody::decode(cut, true, 493).unwrap_err();
        assert!(matches!(error, BodyError::Inflate(_) | BodyError::Truncated { .. }), "{error}");
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&i32::MAX.to_be_bytes()).unwrap();
        let huge = encoder.finish().unwrap();
        let error = RegisterBrokerBody::decode(&huge, true, 493).unwrap_err();
        assert!(matches!(error, BodyError::Truncated { field: "dataVersion" }), "{error}");
        let bomb = {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
            let zeros = vec![0; 1024 * 1024];
            for _ in 0..65 {
                encoder.write_all(&zeros).unwrap();
            }
            encoder.finish().unwrap()
        };
        let error = RegisterBrokerBody::decode(&bomb, true, 493).unwrap_err();
        assert!(matches!(error, BodyError::TooLarge { .. }), "{error}");
    }
}
