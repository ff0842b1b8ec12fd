//! Values by namespace and key, and the nameserver's own settings.
#![expect(clippy::needless_pass_by_value, reason = "the routes fix the shape of a handler")]

use std::sync::Arc;

use remora_config::properties::{self, Property};
use remora_config::{ConfigError, UpdateError};
use remora_protocol::ResponseCode;
use remora_protocol::body::{self, KvTable};
use remora_protocol::header::{
    DeleteKVConfigHeader, GetKVConfigHeader, GetKVListByNamespaceHeader, PutKVConfigHeader,
};
use remora_remoting::routes::Request;
use remora_remoting::{Refusal, Reply};

use crate::kv_config::KvError;
use crate::nameserver::Nameserver;

type Answer = Result<Reply, Refusal>;

fn refuse_kv(error: &KvError) -> Refusal {
    let code = match error {
        KvError::TooLarge { .. } => ResponseCode::SYSTEM_BUSY,
        KvError::Io { .. } | KvError::Format { .. } => ResponseCode::SYSTEM_ERROR,
    };
    tracing::error!(%error, "KV configuration not changed");
    Refusal::new(code, error.to_string())
}

/// 100.
pub(crate) fn put_kv(
    nameserver: &Arc<Nameserver>,
    _: &Request<'_>,
    header: PutKVConfigHeader<'_>,
) -> Answer {
    nameserver
        .kv
        .lock()
        .put(&header.namespace, &header.key, &header.value)
        .map_err(|error| refuse_kv(&error))?;
    Ok(Reply::success())
}

/// 101.
pub(crate) fn find_kv(
    nameserver: &Arc<Nameserver>,
    _: &Request<'_>,
    header: GetKVConfigHeader<'_>,
) -> Answer {
    let kv = nameserver.kv.lock();
    match kv.find(&header.namespace, &header.key) {
        Some(value) => Ok(Reply::success().field("value", value)),
        None => {
            let remark =
                format!("No config item, Namespace: {} Key: {}", header.namespace, header.key);
            Err(Refusal::new(ResponseCode::QUERY_NOT_FOUND, remark))
        }
    }
}

/// 102.
pub(crate) fn delete_kv(
    nameserver: &Arc<Nameserver>,
    _: &Request<'_>,
    header: DeleteKVConfigHeader<'_>,
) -> Answer {
    nameserver
        .kv
        .lock()
        .delete(&header.namespace, &header.key)
        .map_err(|error| refuse_kv(&error))?;
    Ok(Reply::success())
}

/// 219.
pub(crate) fn kv_namespace(
    nameserver: &Arc<Nameserver>,
    _: &Request<'_>,
    header: GetKVListByNamespaceHeader<'_>,
) -> Answer {
    let kv = nameserver.kv.lock();
    match kv.namespace(&header.namespace) {
        Some(values) => Ok(Reply::success().body(body::encode(&KvTable { table: values.clone() }))),
        None => {
            let remark = format!("No config item, Namespace: {}", header.namespace);
            Err(Refusal::new(ResponseCode::QUERY_NOT_FOUND, remark))
        }
    }
}

/// 318.
pub(crate) fn update(nameserver: &Arc<Nameserver>, request: &Request<'_>, _: ()) -> Answer {
    let changes: Vec<(String, String)> = properties::read(request.frame.body)
        .map_err(|error| Refusal::new(ResponseCode::SYSTEM_ERROR, error.to_string()))?
        .into_iter()
        .map(|Property { name, value, .. }| (name, value))
        .collect();
    let updated = nameserver.config.update_nameserver(&changes).map_err(|error| {
        let code = match error {
            UpdateError::Fixed { .. } => ResponseCode::NO_PERMISSION,
            UpdateError::Rejected(ConfigError::Value { .. }) => ResponseCode::INVALID_PARAMETER,
            _ => ResponseCode::SYSTEM_ERROR,
        };
        Refusal::new(code, error.to_string())
    })?;
    tracing::info!(peer = %request.conn.peer, ?updated, "nameserver settings changed");
    Ok(Reply::success())
}

/// 319. The port stands apart as well: Apache has no other name for where it listens.
pub(crate) fn show(nameserver: &Arc<Nameserver>, request: &Request<'_>, _: ()) -> Answer {
    let mut text = String::new();
    properties::write(&mut text, "listenPort", &request.conn.local.port().to_string());
    for (name, value) in nameserver.config.nameserver_properties() {
        properties::write(&mut text, &name, &value);
    }
    Ok(Reply::success().body(text.into_bytes()))
}
