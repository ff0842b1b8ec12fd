//! How much of the log a start reads besides the store's recovery.
mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use common::{BASE_PROPERTIES, Client, Node, send_header};
use remora_protocol::Text;
use remora_protocol::header::SendMessageHeader;
use remora_store::Environment;
use remora_store::clock::ManualClock;
use tempfile::TempDir;

const NOW_MS: i64 = 1_763_793_360_000;

/// Timers go by a clock that stands still.
fn start_in(dir: Arc<TempDir>) -> Node {
    let clock = Arc::new(ManualClock::at(NOW_MS));
    let environment = Environment { clock, ..Environment::of_machine(dir.path()) };
    Node::start_on(dir, environment, |_| ())
}

async fn send(client: &Client, count: usize, properties: &str) {
    let properties = format!("{BASE_PROPERTIES}{properties}");
    let properties = Text::plain(&properties);
    for _ in 0..count {
        client.send(&SendMessageHeader { properties, ..send_header("T") }, "x").await.ok();
    }
}

fn searched(node: &Node) -> u64 {
    node.broker.records_searched.load(Ordering::Relaxed)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_the_log_is_searched_once_and_only_for_what_waits() {
    let node = start_in(Arc::new(tempfile::tempdir().unwrap()));
    let client = node.client().await;
    send(&client, 200, "").await;
    let dir = node.killed();
    client.close().await;
    node.stop().await;

    let node = start_in(dir);
    assert_eq!(searched(&node), 0, "nothing waits");
    let client = node.client().await;
    send(&client, 1, "TRAN_MSG\u{1}true\u{2}PGROUP\u{1}producers\u{2}").await;
    send(&client, 1, "TIMER_DELAY_SEC\u{1}604800\u{2}").await;
    send(&client, 50, "").await;
    let dir = node.killed();
    client.close().await;
    node.stop().await;

    let node = start_in(dir);
    // Less where what waits was noted meanwhile.
    assert!(searched(&node) <= 52, "{}", searched(&node));
    assert_eq!(node.broker.transactions.table.lock().len(), 1);
    node.stop().await;
}
