//! Pulls of records that are not in memory, on a disk that keeps those who wait for it waiting.
mod common;

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use common::{Answer, Client, Node, bodies, pull_header, send_header, until};
use parking_lot::{Condvar, Mutex};
use remora_protocol::header::{PullMessageHeader, SendMessageHeader};
use remora_protocol::{RequestCode, ResponseCode};
use remora_remoting::Class;
use remora_store::disk::{Access, Disk, DiskFile, Entry, LockError, LockGuard, Region};
use remora_store::{Environment, FileDisk};
use tempfile::TempDir;

const QUEUES: i32 = 4;
const MESSAGES: i64 = 8;
/// More than the broker reads at the same time, and enough to be accounted.
const PULLS: i64 = 100;

/// Of whose files nothing is in memory, until the store's end of what it wrote itself.
#[derive(Clone, Debug)]
struct ColdDisk {
    files: Arc<dyn Disk>,
    gate: Arc<Gate>,
}

#[derive(Debug, Default)]
struct Gate {
    state: Mutex<GateState>,
    opened: Condvar,
}

#[derive(Debug, Default)]
struct GateState {
    open: bool,
    waiting: usize,
}

impl Gate {
    fn pass(&self) {
        let mut state = self.state.lock();
        state.waiting += 1;
        self.opened.wait_while(&mut state, |state| !state.open);
        state.waiting -= 1;
    }

    fn open(&self) {
        self.state.lock().open = true;
        self.opened.notify_all();
    }

    fn waiting(&self) -> usize {
        self.state.lock().waiting
    }
}

impl Disk for ColdDisk {
    fn share(&self) -> Arc<dyn Disk> {
        Arc::new(self.clone())
    }
    fn display(&self, path: &str) -> String {
        self.files.display(path)
    }
    fn create_dir(&self, dir: &str) -> io::Result<()> {
        self.files.create_dir(dir)
    }
    fn create_dir_unsynced(&self, dir: &str) -> io::Result<()> {
        self.files.create_dir_unsynced(dir)
    }
    fn list(&self, dir: &str) -> io::Result<Vec<Entry>> {
        self.files.list(dir)
    }
    fn entry(&self, path: &str) -> io::Result<Option<Entry>> {
        self.files.entry(path)
    }
    fn open(&self, path: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.files.open(path, access)?;
        Ok(Arc::new(ColdFile { file, gate: self.gate.clone() }))
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.files.rename(from, to)
    }
    fn remove(&self, path: &str) -> io::Result<()> {
        self.files.remove(path)
    }
    fn remove_dir(&self, dir: &str) -> io::Result<()> {
        self.files.remove_dir(dir)
    }
    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.files.sync_dir(dir)
    }
    fn sync_root(&self) -> io::Result<()> {
        self.files.sync_root()
    }
    fn sync_all(&self) -> io::Result<()> {
        self.files.sync_all()
    }
    fn lock(&self, path: &str) -> Result<LockGuard, LockError> {
        self.files.lock(path)
    }
    fn used_percent(&self) -> io::Result<u8> {
        self.files.used_percent()
    }
}

#[derive(Debug)]
struct ColdFile {
    file: Arc<dyn DiskFile>,
    gate: Arc<Gate>,
}

impl DiskFile for ColdFile {
    fn resident(&self, _: u64, _: u64) -> io::Result<u64> {
        Ok(0)
    }
    fn read_ahead(&self, offset: u64, len: u64) -> io::Result<()> {
        self.gate.pass();
        self.file.read_ahead(offset, len)
    }
    fn len(&self) -> u64 {
        self.file.len()
    }
    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_at(offset, data)
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, buf)
    }
    fn slice(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        self.file.slice(offset, len)
    }
    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        self.file.allocate(offset, len)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }
    fn zero(&self, offset: u64, len: u64) -> io::Result<()> {
        self.file.zero(offset, len)
    }
    fn next_data(&self, from: u64) -> io::Result<Option<u64>> {
        self.file.next_data(from)
    }
    fn forget_clean(&self, offset: u64, len: u64) -> io::Result<()> {
        self.file.forget_clean(offset, len)
    }
    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
    fn region(&self, len: usize) -> io::Result<Box<dyn Region>> {
        self.file.region(len)
    }
}

fn body(queue_id: i32, queue_offset: i64) -> String {
    format!("{queue_id}/{queue_offset}")
}

/// `MESSAGES` in each queue of "orders", left by a broker that has stopped.
async fn backlog() -> Arc<TempDir> {
    let node = Node::start();
    let client = node.client().await;
    for queue_offset in 0..MESSAGES {
        for queue_id in 0..QUEUES {
            let header = SendMessageHeader { queue_id, ..send_header("orders") };
            client.send(&header, &body(queue_id, queue_offset)).await.ok();
        }
    }
    node.stop().await
}

async fn cold_node() -> (Node, Arc<Gate>) {
    let dir = backlog().await;
    let gate = Arc::<Gate>::default();
    let files = Arc::new(FileDisk::new(dir.path()));
    let disk = Arc::new(ColdDisk { files, gate: gate.clone() });
    let environment = Environment { disk, ..Environment::of_machine(dir.path()) };
    (Node::start_on(dir, environment, |_| ()), gate)
}

/// The pull with a number asks for three messages, and what they are.
fn pull(number: i64) -> (PullMessageHeader<'static>, Vec<String>) {
    let queue_id = i32::try_from(number % i64::from(QUEUES)).unwrap();
    let from = number % MESSAGES;
    let header = PullMessageHeader { queue_id, max_msg_nums: 3, ..pull_header("orders", from) };
    (header, (from..MESSAGES.min(from + 3)).map(|offset| body(queue_id, offset)).collect())
}

type Asked = Vec<(std::pin::Pin<Box<dyn Future<Output = Answer> + Send>>, Vec<String>)>;

/// Asks `PULLS` times, and waits until all of them wait for the disk.
async fn ask_all(node: &Node, gate: &Gate, client: &Client) -> Asked {
    let ask = |number| {
        let (header, expected) = pull(number);
        (client.ask_later(RequestCode::PULL_MESSAGE, &header), expected)
    };
    let asked = (0..PULLS).map(ask).collect();
    until(|| node.broker.metrics().cold_reads == u64::try_from(PULLS).unwrap()).await;
    until(|| gate.waiting() > 0).await;
    asked
}

fn in_flight_bytes(node: &Node) -> usize {
    node.budget.usage(Class::InFlight).used_bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn pulls_that_wait_for_the_disk_keep_nobody_else_waiting_and_all_get_their_messages() {
    let (node, gate) = cold_node().await;
    let client = node.client().await;
    let asked = ask_all(&node, &gate, &client).await;
    assert!(in_flight_bytes(&node) > 0);
    // On the same connection, so on the same shard.
    client.send_ok("fresh", "just appended").await;
    let fresh = client.pull(&pull_header("fresh", 0)).await.ok();
    assert_eq!(bodies(&fresh.messages()), ["just appended"]);

    gate.open();
    for (answer, expected) in asked {
        assert_eq!(bodies(&answer.await.ok().messages()), expected);
    }
    until(|| in_flight_bytes(&node) == 0).await;
    assert_eq!((client.unexpected_answers(), node.dropped_calls()), (0, 0));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn consumer_of_a_cold_queue_gets_every_message_once_in_order() {
    let (node, gate) = cold_node().await;
    gate.open();
    let client = node.client().await;
    client.send_ok("orders", "after the start").await;
    let (mut seen, mut from) = (Vec::new(), 0);
    while from <= MESSAGES {
        let header = PullMessageHeader { max_msg_nums: 3, ..pull_header("orders", from) };
        let answer = client.pull(&header).await.ok();
        seen.extend(answer.messages().into_iter().map(|message| message.body));
        from = answer.pull_reply().next_begin_offset;
    }
    let old = (0..MESSAGES).map(|queue_offset| body(0, queue_offset));
    let expected: Vec<String> = old.chain(["after the start".to_owned()]).collect();
    assert_eq!(seen, expected);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_connection_gives_back_what_its_cold_pulls_held() {
    let (node, gate) = cold_node().await;
    let client = node.client().await;
    let asked = ask_all(&node, &gate, &client).await;
    assert!(in_flight_bytes(&node) > 0);
    drop(asked);
    client.close().await;
    gate.open();
    until(|| in_flight_bytes(&node) == 0).await;
    assert_eq!(node.dropped_calls(), 0);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_answers_pulls_that_wait_for_the_disk() {
    let (node, gate) = cold_node().await;
    let client = node.client().await;
    let asked = ask_all(&node, &gate, &client).await;
    let broker = node.broker.clone();
    let stopping = tokio::spawn(async move { broker.stop().await });
    gate.open();
    for (answer, expected) in asked {
        let answer = answer.await;
        match answer.code {
            ResponseCode::SUCCESS => assert_eq!(bodies(&answer.messages()), expected),
            code => assert_eq!(code, ResponseCode::PULL_NOT_FOUND),
        }
    }
    stopping.await.unwrap();
    assert_eq!(node.dropped_calls(), 0);
}
