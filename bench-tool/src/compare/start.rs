//! How long a server takes from its start to its first accepted message.
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpStream;

use crate::clock;
use crate::compare::figures::{Measured, Unit};
use crate::compare::idle::one_message;
use crate::compare::loads::Flush;
use crate::compare::servers::{Contender, Source};
use crate::compare::work::anonymous_bytes;
use crate::usage::Usage;

const RETRY: Duration = Duration::from_millis(1);
/// A server that is not up yet may keep a request without an answer.
const ANSWER_WAIT: Duration = Duration::from_secs(2);
/// By then a server has settled down after its first message.
const SETTLE: Duration = Duration::from_secs(1);

/// `None` for what is not started here.
pub fn measure(contender: &Contender, parent: &Path) -> anyhow::Result<Option<Measured>> {
    let (Source::Remora { program } | Source::Apache { program }) = &contender.source else {
        return Ok(None);
    };
    let mut measured = Measured::default();
    if matches!(contender.source, Source::Remora { .. }) {
        let binary = std::fs::metadata(program).with_context(|| program.display().to_string())?;
        measured.put("binary", Unit::Bytes, binary.len() as f64);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let before = Usage::of(None);
    let started_ns = clock::now_ns();
    let server = contender.launch(Flush::Async, parent)?;
    runtime.block_on(async {
        let mut message = one_message("first-message");
        loop {
            let attempt = async {
                let mut stream = TcpStream::connect(server.broker()).await?;
                message.accepted(&mut stream).await
            };
            if let Ok(Ok(true)) = tokio::time::timeout(ANSWER_WAIT, attempt).await {
                return anyhow::Ok(());
            }
            server.still_runs()?;
            tokio::time::sleep(RETRY).await;
        }
    })?;
    let millis = (clock::now_ns() - started_ns) as f64 / 1e6;
    measured.put("first accepted message", Unit::Millis, millis);
    measured.disturbed(Usage::of(Some(server.pid())).other_cores_since(&before), 0.0);
    std::thread::sleep(SETTLE);
    if let Some(bytes) = anonymous_bytes(server.pid()) {
        measured.put("memory", Unit::Bytes, bytes);
    }
    Ok(Some(measured))
}
