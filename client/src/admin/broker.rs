//! Brokers: runtime figures and configuration.
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use remora_protocol::{RequestCode, body};

use super::Admin;
use crate::error::ClientError;

/// A broker's master.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct BrokerAddr {
    pub cluster: String,
    pub broker_name: Arc<str>,
    /// `host:port`, as registered.
    pub addr: Arc<str>,
}

impl BrokerAddr {
    /// A broker known by its address alone.
    pub fn at(addr: impl Into<Arc<str>>) -> Self {
        let addr = addr.into();
        Self { cluster: String::new(), broker_name: Arc::clone(&addr), addr }
    }
}

impl Admin {
    /// Figures of a running broker, by Apache's names (`putTps`, `bootTimestamp` …).
    pub async fn broker_runtime(
        &self,
        broker: &BrokerAddr,
    ) -> Result<BTreeMap<String, String>, ClientError> {
        let code = RequestCode::GET_BROKER_RUNTIME_INFO;
        let answer = self.ask(broker, "broker runtime", code, &(), Bytes::new()).await?;
        Ok(answer.json::<body::KvTable>()?.table)
    }

    /// The configuration of a broker, by Apache's names.
    pub async fn broker_config(
        &self,
        broker: &BrokerAddr,
    ) -> Result<BTreeMap<String, String>, ClientError> {
        let code = RequestCode::GET_BROKER_CONFIG;
        let answer = self.ask(broker, "broker config", code, &(), Bytes::new()).await?;
        let text = answer.body();
        let text = std::str::from_utf8(&text).map_err(|e| answer.not_understood(&e))?;
        Ok(read_properties(text))
    }

    /// Changes keys of a broker's configuration while it runs.
    pub async fn update_broker_config(
        &self,
        broker: &BrokerAddr,
        changes: &[(&str, &str)],
    ) -> Result<(), ClientError> {
        let text = Bytes::from(write_properties(changes));
        let code = RequestCode::UPDATE_BROKER_CONFIG;
        self.ask(broker, "update broker config", code, &(), text).await?;
        Ok(())
    }
}

/// Brokers write `name=value` lines without escapes.
fn read_properties(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect()
}

/// Brokers read `java.util.Properties`, in which a backslash escapes.
fn write_properties(changes: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in changes {
        let value = value.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name}={value}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_read_raw_and_written_escaped() {
        let text = "# comment\nflushDiskType = ASYNC_FLUSH\nstorePathRootDir=C:\\x=y\n\nbroken\n";
        let expected = BTreeMap::from([
            ("flushDiskType".to_owned(), "ASYNC_FLUSH".to_owned()),
            ("storePathRootDir".to_owned(), "C:\\x=y".to_owned()),
        ]);
        assert_eq!(read_properties(text), expected);
        assert_eq!(write_properties(&[("a", "b\\c"), ("d", "1\n2")]), "a=b\\\\c\nd=1\\n2\n");
    }
}
