// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Configuration, figures and housekeeping of a broker.
use std::borrow::Cow;

use crate::field_writer::FieldWriter;
use crate::fields::{EncodeHeader, Fields, HeaderError};
use crate::field_value::{long, required};

/// Reply header `GetBrokerConfigResponseHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetBrokerConfigReply<'a> {
    /// Data version as JSON.
    pub version: Cow<'a, str>,
}

impl<'a> GetBrokerConfigReply<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "version",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut version = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "version" => version = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            version: required("version", version)?,
        })
    }
}

impl EncodeHeader for GetBrokerConfigReply<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("version", &self.version);
    }
}

/// Request header `ViewBrokerStatsDataRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ViewBrokerStatsDataHeader<'a> {
    /// Name of a statistic, e.g. TOPIC_PUT_NUMS.
    pub stats_name: Cow<'a, str>,
    /// Key of the statistic, e.g. the topic.
    pub stats_key: Cow<'a, str>,
}

impl<'a> ViewBrokerStatsDataHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "statsName",
        "statsKey",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut stats_name = None;
        let mut stats_key = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "statsName" => stats_name = Some(raw.to_str()),
                "statsKey" => stats_key = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            stats_name: required("statsName", stats_name)?,
            stats_key: required("statsKey", stats_key)?,
        })
    }
}

impl EncodeHeader for ViewBrokerStatsDataHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("statsName", &self.stats_name);
        out.str("statsKey", &self.stats_key);
    }
}

/// Request header `CheckRocksdbCqWriteProgressRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CheckRocksdbCqWriteProgressHeader<'a> {
    /// Topic name.
    pub topic: Cow<'a, str>,
    /// Compare from this store time on. In ms since 1970.
    pub check_store_time: Option<i64>,
}

impl<'a> CheckRocksdbCqWriteProgressHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "topic",
        "checkStoreTime",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut topic = None;
        let mut check_store_time = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "topic" => topic = Some(raw.to_str()),
                "checkStoreTime" => check_store_time = Some(long("checkStoreTime", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            topic: required("topic", topic)?,
            check_store_time,
        })
    }
}

impl EncodeHeader for CheckRocksdbCqWriteProgressHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("topic", &self.topic);
        if let Some(value) = self.check_store_time {
            out.int("checkStoreTime", value);
        }
    }
}

/// Request header `ExportRocksDBConfigToJsonRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ExportRocksDBConfigToJsonHeader<'a> {
    /// Which tables to export.
    pub config_type: Cow<'a, str>,
}

impl<'a> ExportRocksDBConfigToJsonHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "configType",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut config_type = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "configType" => config_type = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            config_type: required("configType", config_type)?,
        })
    }
}

impl EncodeHeader for ExportRocksDBConfigToJsonHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("configType", &self.config_type);
    }
}
