//! Values by namespace and key, kept in `kvConfig.json`: all that a nameserver writes to disk.
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Names, keys and values together, at most. Chosen: order configurations of 100,000 topics.
const KV_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The file's shape, Apache's.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Table {
    #[serde(default)]
    config_table: BTreeMap<String, BTreeMap<String, String>>,
}

/// The table and its file.
#[derive(Debug)]
pub struct KvConfig {
    table: Table,
    path: PathBuf,
}

/// Why the table was not read, or a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum KvError {
    #[error("{path}: {source}", path = .path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{path} is not a KV configuration: {source}; mend or delete it", path = .path.display())]
    Format { path: PathBuf, source: remora_protocol::body::BodyError },
    #[error("the KV configuration would take {bytes} bytes, the limit is {bytes_max}")]
    TooLarge { bytes: usize, bytes_max: usize },
}

impl KvConfig {
    /// Reads the file; a missing one is an empty table.
    pub fn open(path: PathBuf) -> Result<Self, KvError> {
        let table = match std::fs::read(&path) {
            Ok(bytes) if bytes.is_empty() => Table::default(),
            Ok(bytes) => remora_protocol::body::decode(&bytes)
                .map_err(|source| KvError::Format { path: path.clone(), source })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Table::default(),
            Err(source) => return Err(KvError::Io { path, source }),
        };
        Ok(Self { table, path })
    }

    pub fn find(&self, namespace: &str, key: &str) -> Option<&str> {
        self.table.config_table.get(namespace)?.get(key).map(String::as_str)
    }

    /// All keys of a namespace; `None` where it never had one.
    pub fn namespace(&self, namespace: &str) -> Option<&BTreeMap<String, String>> {
        self.table.config_table.get(namespace)
    }

    /// Sets a value and keeps it on disk; on an error nothing is changed.
    pub fn put(&mut self, namespace: &str, key: &str, value: &str) -> Result<(), KvError> {
        let mut next = self.table.clone();
        let values = next.config_table.entry(namespace.to_owned()).or_default();
        values.insert(key.to_owned(), value.to_owned());
        self.replace(next)
    }

    /// Removes a value; removing none is no error.
    pub fn delete(&mut self, namespace: &str, key: &str) -> Result<(), KvError> {
        let mut next = self.table.clone();
        if let Some(values) = next.config_table.get_mut(namespace)
            && values.remove(key).is_some()
        {
            return self.replace(next);
        }
        Ok(())
    }

    fn replace(&mut self, next: Table) -> Result<(), KvError> {
        let bytes = serde_json::to_vec(&next)
            .map_err(|source| KvError::Io { path: self.path.clone(), source: source.into() })?;
        if bytes.len() > KV_BYTES_MAX {
            return Err(KvError::TooLarge { bytes: bytes.len(), bytes_max: KV_BYTES_MAX });
        }
        write_whole(&self.path, &bytes)
            .map_err(|source| KvError::Io { path: self.path.clone(), source })?;
        self.table = next;
        Ok(())
    }
}

/// A crash leaves the old file or the new one.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let next = path.with_extension("json.tmp");
    let mut file = std::fs::File::create(&next)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&next, path)?;
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_there_after_a_restart_and_a_bad_file_is_refused() {
        let folder = tempfile::tempdir().expect("temporary directory");
        let path = folder.path().join("namesrv").join("kvConfig.json");
        let mut kv = KvConfig::open(path.clone()).expect("no file is an empty table");
        kv.put("ORDER_TOPIC_CONFIG", "t", "broker-a:4").expect("written");
        kv.put("n", "k", "v").expect("written");
        kv.delete("n", "k").expect("written");
        kv.delete("n", "absent").expect("no error");
        let kv = KvConfig::open(path.clone()).expect("own file");
        assert_eq!(kv.find("ORDER_TOPIC_CONFIG", "t"), Some("broker-a:4"));
        assert_eq!(kv.find("n", "k"), None);
        assert_eq!(kv.namespace("n"), Some(&BTreeMap::new()));
        std::fs::write(&path, b"{\"configTable\":7}").expect("written");
        let error = KvConfig::open(path).expect_err("refused").to_string();
        assert!(error.contains("kvConfig.json is not a KV configuration"), "{error}");
    }
}
