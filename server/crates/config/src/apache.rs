//! Apache's keys that are not rows of our table.
use std::sync::OnceLock;

/// Names of every field of Apache's BrokerConfig, MessageStoreConfig, NettyServerConfig,
/// NettyClientConfig, NamesrvConfig and AuthConfig, one a line.
const NAMES: &str = include_str!("apache_names.txt");

/// Whether Apache RocketMQ has a key of this name.
pub fn is_apache_name(name: &str) -> bool {
    static SORTED: OnceLock<Vec<&str>> = OnceLock::new();
    let sorted = SORTED.get_or_init(|| {
        let mut names: Vec<_> = apache_names().collect();
        names.sort_unstable();
        names
    });
    sorted.binary_search(&name).is_ok()
}

/// Every name, for suggestions.
pub fn apache_names() -> impl Iterator<Item = &'static str> {
    NAMES.lines().filter(|line| !line.is_empty())
}

/// What a value asks for that this version does not have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Missing {
    pub apache: &'static str,
    /// Values that ask for the feature; empty: every value but these of `harmless`.
    asks: &'static [&'static str],
    harmless: &'static [&'static str],
    pub severity: Severity,
    pub consequence: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// Running without it would break a promise (security, durability): refuse to start.
    Refuse,
    /// Running without it is safe; say so once.
    Warn,
}

const TRUE: &[&str] = &["true"];

/// One row a feature.
pub static MISSING: &[Missing] = &[
    refuse("aclEnable", TRUE, "access control is not there yet: the broker would serve everybody"),
    refuse(
        "authenticationEnabled",
        TRUE,
        "authentication is not there yet: the broker would serve everybody",
    ),
    refuse(
        "authorizationEnabled",
        TRUE,
        "authorization is not there yet: the broker would let everybody do everything",
    ),
    refuse(
        "brokerRole",
        &["sync_master", "sync-master"],
        "replication is not there yet: an acknowledgement would not mean two copies; use ASYNC_MASTER",
    ),
    refuse(
        "brokerRole",
        &["slave"],
        "replication is not there yet: nothing would be copied from the master",
    ),
    refuse(
        "enableControllerMode",
        TRUE,
        "the controller is not there yet: no master would be elected",
    ),
    refuse(
        "enableDLegerCommitLog",
        TRUE,
        "the DLedger format is not supported: export to a plain commit log first",
    ),
    Missing {
        harmless: &["default"],
        ..refuse(
            "storeType",
            &[],
            "only the file store is supported, not RocksDB: set storeType=default; queues are rebuilt from the commit log",
        )
    },
    Missing {
        harmless: &["", "0", "1"],
        ..refuse(
            "inSyncReplicas",
            &[],
            "replication is not there yet: an acknowledgement would not mean that many copies",
        )
    },
    Missing {
        harmless: &["", "0", "1"],
        ..refuse(
            "minInSyncReplicas",
            &[],
            "replication is not there yet: an acknowledgement would not mean that many copies",
        )
    },
    Missing {
        harmless: &[""],
        ..refuse(
            "readOnlyCommitLogStorePaths",
            &[],
            "several commit log directories are not supported: move the files into one",
        )
    },
    warn(
        "transientStorePoolEnable",
        TRUE,
        "has no effect: an acknowledged message is never in process memory alone",
    ),
    warn("slaveReadEnable", TRUE, "there are no slaves yet to read from"),
    warn("duplicationEnable", TRUE, "has no effect"),
    warn("enableSlaveActingMaster", TRUE, "replication is not there yet"),
    warn("enableLmq", TRUE, "light message queues are not there yet"),
    warn("enableMultiDispatch", TRUE, "light message queues are not there yet"),
    warn("enableConsumeQueueExt", TRUE, "has no effect: queue entries have no extension"),
    warn(
        "fetchNamesrvAddrByAddressServer",
        TRUE,
        "address servers are not supported: set namesrvAddr",
    ),
    warn("fetchNameSrvAddrByDnsLookup", TRUE, "every name is looked up when connecting"),
    warn("coldDataFlowControlEnable", TRUE, "cold data flow control is not there yet"),
    warn("useTLS", TRUE, "TLS is not there yet: connections are not encrypted"),
    warn("enableControllerInNamesrv", TRUE, "the controller is not there yet"),
    warn("notifyMinBrokerIdChanged", TRUE, "replication is not there yet"),
];

const fn refuse(
    apache: &'static str,
    asks: &'static [&'static str],
    consequence: &'static str,
) -> Missing {
    Missing { apache, asks, harmless: &[], severity: Severity::Refuse, consequence }
}

const fn warn(
    apache: &'static str,
    asks: &'static [&'static str],
    consequence: &'static str,
) -> Missing {
    Missing { apache, asks, harmless: &[], severity: Severity::Warn, consequence }
}

/// The feature that this assignment asks for, if we lack it.
pub fn missing(apache_name: &str, value: &str) -> Option<&'static Missing> {
    let value = value.trim().to_ascii_lowercase();
    let asks = |row: &&Missing| {
        row.apache == apache_name
            && if row.asks.is_empty() {
                !row.harmless.contains(&value.as_str())
            } else {
                row.asks.contains(&value.as_str())
            }
    };
    MISSING.iter().find(asks)
}
