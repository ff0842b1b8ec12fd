//! The file in which a broadcasting consumer keeps its offsets, as the Java client does.
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use remora_protocol::body;

use crate::error::ClientError;
use crate::queue::MessageQueue;

/// `<dir>/<client id>/<group>/offsets.json`: Java's place below `~/.rocketmq_offsets`.
pub(super) fn path(dir: &Path, client_id: &str, group: &str) -> PathBuf {
    dir.join(client_id).join(group).join("offsets.json")
}

/// Where Java keeps them: `~/.rocketmq_offsets`, or the working directory without a home.
pub(super) fn default_dir() -> PathBuf {
    std::env::home_dir().unwrap_or_default().join(".rocketmq_offsets")
}

/// Reads the file; empty when there is none yet.
pub(super) fn read(path: &Path) -> Result<HashMap<MessageQueue, i64>, ClientError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(source) => return Err(file_error(path, source)),
    };
    let table: body::ResetOffsetBody = body::decode(&bytes)
        .map_err(|e| file_error(path, io::Error::new(io::ErrorKind::InvalidData, e.to_string())))?;
    Ok(table
        .offset_table
        .iter()
        .map(|(queue, offset)| (MessageQueue::from_wire(queue), *offset))
        .collect())
}

/// Replaces the file whole: a crash leaves the old or the new one.
pub(super) fn write(path: &Path, offsets: &HashMap<MessageQueue, i64>) -> Result<(), ClientError> {
    let table = body::ResetOffsetBody {
        offset_table: offsets.iter().map(|(queue, offset)| (queue.to_wire(), *offset)).collect(),
    };
    let replace = || {
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir)?;
        }
        let new = path.with_extension("json.new");
        fs::write(&new, body::encode(&table))?;
        fs::rename(&new, path)
    };
    replace().map_err(|source| file_error(path, source))
}

fn file_error(path: &Path, source: io::Error) -> ClientError {
    ClientError::OffsetsFile { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_survive_a_restart_and_are_read_as_java_wrote_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(dir.path(), "10.0.0.1@DEFAULT", "group");
        assert_eq!(read(&path).unwrap(), HashMap::new());
        let offsets = HashMap::from([
            (MessageQueue::new("T", "b", 0), 7),
            (MessageQueue::new("T", "b", 1), 1 << 40),
        ]);
        write(&path, &offsets).unwrap();
        assert_eq!(read(&path).unwrap(), offsets);

        // fastjson's way: an object as the key of a map.
        let java = r#"{"offsetTable":{{"brokerName":"b","queueId":3,"topic":"T"}:12}}"#;
        fs::write(&path, java).unwrap();
        let expected = HashMap::from([(MessageQueue::new("T", "b", 3), 12)]);
        assert_eq!(read(&path).unwrap(), expected);
    }

    #[test]
    fn a_broken_file_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(dir.path(), "c", "g");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "{offset").unwrap();
        let problem = read(&path).unwrap_err().to_string();
        assert!(problem.contains("offsets.json"), "{problem}");
    }
}
