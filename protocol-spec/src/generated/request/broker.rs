// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Configuration, figures and housekeeping of a broker.
use crate::code::{Lane, RequestCode};
use crate::fields::{Fields, HeaderError, RequestHeader};
use crate::generated::header::{
    CheckRocksdbCqWriteProgressHeader, ExportRocksDBConfigToJsonHeader, ViewBrokerStatsDataHeader,
};

/// Code 25. Changes configuration keys of a running broker; body as Java properties.
#[derive(Clone, Copy, Debug)]
pub struct UpdateBrokerConfig;

impl RequestHeader for UpdateBrokerConfig {
    const CODE: RequestCode = RequestCode::UPDATE_BROKER_CONFIG;
    const NAME: &'static str = "UPDATE_BROKER_CONFIG";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 26. The broker's configuration as Java properties.
#[derive(Clone, Copy, Debug)]
pub struct GetBrokerConfig;

impl RequestHeader for GetBrokerConfig {
    const CODE: RequestCode = RequestCode::GET_BROKER_CONFIG;
    const NAME: &'static str = "GET_BROKER_CONFIG";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 28. Runtime figures of the broker by name.
#[derive(Clone, Copy, Debug)]
pub struct GetBrokerRuntimeInfo;

impl RequestHeader for GetBrokerRuntimeInfo {
    const CODE: RequestCode = RequestCode::GET_BROKER_RUNTIME_INFO;
    const NAME: &'static str = "GET_BROKER_RUNTIME_INFO";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 315. Counts of one statistic over the last minute, hour and day.
#[derive(Clone, Copy, Debug)]
pub struct ViewBrokerStatsData;

impl RequestHeader for ViewBrokerStatsData {
    const CODE: RequestCode = RequestCode::VIEW_BROKER_STATS_DATA;
    const NAME: &'static str = "VIEW_BROKER_STATS_DATA";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ViewBrokerStatsDataHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<ViewBrokerStatsDataHeader<'a>, HeaderError> {
        ViewBrokerStatsDataHeader::decode(fields)
    }
}

/// Code 306. Deletes consume queue files that point below the log.
#[derive(Clone, Copy, Debug)]
pub struct CleanExpiredConsumequeue;

impl RequestHeader for CleanExpiredConsumequeue {
    const CODE: RequestCode = RequestCode::CLEAN_EXPIRED_CONSUMEQUEUE;
    const NAME: &'static str = "CLEAN_EXPIRED_CONSUMEQUEUE";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 329. Deletes expired commit log files now.
#[derive(Clone, Copy, Debug)]
pub struct DeleteExpiredCommitlog;

impl RequestHeader for DeleteExpiredCommitlog {
    const CODE: RequestCode = RequestCode::DELETE_EXPIRED_COMMITLOG;
    const NAME: &'static str = "DELETE_EXPIRED_COMMITLOG";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 2001. Sets read limits for groups that read cold data.
#[derive(Clone, Copy, Debug)]
pub struct UpdateColdDataFlowCtrConfig;

impl RequestHeader for UpdateColdDataFlowCtrConfig {
    const CODE: RequestCode = RequestCode::UPDATE_COLD_DATA_FLOW_CTR_CONFIG;
    const NAME: &'static str = "UPDATE_COLD_DATA_FLOW_CTR_CONFIG";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 2002. Removes such a limit; body is the group's name.
#[derive(Clone, Copy, Debug)]
pub struct RemoveColdDataFlowCtrConfig;

impl RequestHeader for RemoveColdDataFlowCtrConfig {
    const CODE: RequestCode = RequestCode::REMOVE_COLD_DATA_FLOW_CTR_CONFIG;
    const NAME: &'static str = "REMOVE_COLD_DATA_FLOW_CTR_CONFIG";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 2003. Lists such limits.
#[derive(Clone, Copy, Debug)]
pub struct GetColdDataFlowCtrInfo;

impl RequestHeader for GetColdDataFlowCtrInfo {
    const CODE: RequestCode = RequestCode::GET_COLD_DATA_FLOW_CTR_INFO;
    const NAME: &'static str = "GET_COLD_DATA_FLOW_CTR_INFO";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 2004. Sets the read-ahead mode of the commit log.
#[derive(Clone, Copy, Debug)]
pub struct SetCommitlogReadMode;

impl RequestHeader for SetCommitlogReadMode {
    const CODE: RequestCode = RequestCode::SET_COMMITLOG_READ_MODE;
    const NAME: &'static str = "SET_COMMITLOG_READ_MODE";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 354. Progress of building consume queues in RocksDB.
#[derive(Clone, Copy, Debug)]
pub struct CheckRocksdbCqWriteProgress;

impl RequestHeader for CheckRocksdbCqWriteProgress {
    const CODE: RequestCode = RequestCode::CHECK_ROCKSDB_CQ_WRITE_PROGRESS;
    const NAME: &'static str = "CHECK_ROCKSDB_CQ_WRITE_PROGRESS";
    const LANE: Lane = Lane::Admin;
    type View<'a> = CheckRocksdbCqWriteProgressHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<CheckRocksdbCqWriteProgressHeader<'a>, HeaderError> {
        CheckRocksdbCqWriteProgressHeader::decode(fields)
    }
}

/// Code 355. Writes the configuration kept in RocksDB as JSON.
#[derive(Clone, Copy, Debug)]
pub struct ExportRocksdbConfigToJson;

impl RequestHeader for ExportRocksdbConfigToJson {
    const CODE: RequestCode = RequestCode::EXPORT_ROCKSDB_CONFIG_TO_JSON;
    const NAME: &'static str = "EXPORT_ROCKSDB_CONFIG_TO_JSON";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ExportRocksDBConfigToJsonHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<ExportRocksDBConfigToJsonHeader<'a>, HeaderError> {
        ExportRocksDBConfigToJsonHeader::decode(fields)
    }
}
