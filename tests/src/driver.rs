//! Drives a program of another language over its standard input and output.
//!
//! A call is one JSON line `{id, op, …}`; the program answers with lines `{id, event, …}` and ends
//! each call with `done` or `failed`. Calls run side by side, so one program serves many tests.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
};

use serde_json::{Value, json};

use crate::clock::{Deadline, PATIENCE};

type Calls = Arc<Mutex<Option<Table>>>;

/// The calls still open; gone when the program has ended.
#[derive(Debug, Default)]
struct Table {
    next_id: u64,
    open: HashMap<u64, Sender<Value>>,
}

/// A running program. It ends when its input is closed: also when the test process dies.
#[derive(Debug)]
pub struct Driver {
    name: &'static str,
    child: Mutex<Child>,
    input: Mutex<Option<ChildStdin>>,
    calls: Calls,
}

impl Driver {
    /// Starts `command`; `name` is for messages.
    pub fn start(name: &'static str, mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child =
            command.spawn().unwrap_or_else(|cause| panic!("cannot start {name}: {cause}"));
        let input = child.stdin.take();
        let output = child.stdout.take().map(BufReader::new);
        let calls: Calls = Arc::new(Mutex::new(Some(Table::default())));
        let routed = Arc::clone(&calls);
        thread::spawn(move || {
            for line in output.into_iter().flat_map(BufRead::lines).map_while(Result::ok) {
                route(name, &routed, &line);
            }
            lock(&routed).take();
        });
        Self { name, child: Mutex::new(child), input: Mutex::new(input), calls }
    }

    /// Starts the operation `op` with `args` (an object) and gives the stream of its events.
    #[track_caller]
    pub fn call(&self, op: &str, args: &Value) -> Stream {
        let (sender, events) = mpsc::channel();
        let id = {
            let mut calls = lock(&self.calls);
            let table = calls.as_mut().unwrap_or_else(|| panic!("{} has ended", self.name));
            table.next_id += 1;
            table.open.insert(table.next_id, sender);
            table.next_id
        };
        let mut request = args.clone();
        request["id"] = json!(id);
        request["op"] = json!(op);
        let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        let pipe = input.as_mut().unwrap_or_else(|| panic!("{} was closed", self.name));
        writeln!(pipe, "{request}").unwrap_or_else(|cause| panic!("{}: {cause}", self.name));
        Stream { what: format!("{}: {op} {args}", self.name), events }
    }

    /// Runs `op` to its end and gives all its events, the last being `done`.
    #[track_caller]
    pub fn run(&self, op: &str, args: &Value) -> Vec<Value> {
        self.call(op, args).to_end()
    }

    /// Runs `op` to its end and gives the `done` event.
    #[track_caller]
    pub fn ask(&self, op: &str, args: &Value) -> Value {
        self.run(op, args).pop().unwrap_or(Value::Null)
    }

    /// Closes the program's input and waits until it has ended by itself.
    pub fn close(&self) {
        self.input.lock().unwrap_or_else(PoisonError::into_inner).take();
        let _ = self.child.lock().unwrap_or_else(PoisonError::into_inner).wait();
    }

    /// Ends the program at once, as `kill -9` does.
    pub fn kill(&self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.kill();
    }
}

fn lock(calls: &Calls) -> std::sync::MutexGuard<'_, Option<Table>> {
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands one line to the call it belongs to; a line that is no event is the program's own talk.
fn route(name: &str, calls: &Calls, line: &str) {
    let Some((id, event)) = serde_json::from_str::<Value>(line)
        .ok()
        .and_then(|event| Some((event.get("id")?.as_u64()?, event)))
    else {
        eprintln!("{name}: {line}");
        return;
    };
    let mut calls = lock(calls);
    let Some(table) = calls.as_mut() else { return };
    let last = matches!(event["event"].as_str(), Some("done" | "failed"));
    if let Some(sender) = table.open.get(&id) {
        let _ = sender.send(event);
    }
    if last {
        table.open.remove(&id);
    }
}

/// The events of one call, in the order in which the program told them.
#[derive(Debug)]
pub struct Stream {
    what: String,
    events: Receiver<Value>,
}

impl Stream {
    /// The next event. Fails the test when the call failed, the program ended or nothing came for
    /// long.
    #[track_caller]
    pub fn next(&self) -> Value {
        match self.next_before(Deadline::after(PATIENCE)) {
            Some(event) => event,
            None => panic!("{}: nothing came within {PATIENCE:?}", self.what),
        }
    }

    /// The next event before `deadline`, if there is one.
    #[track_caller]
    pub fn next_before(&self, deadline: Deadline) -> Option<Value> {
        match self.events.recv_timeout(deadline.left()) {
            Ok(event) if event["event"] == "failed" => {
                let trace = event["trace"].as_str().unwrap_or_default();
                panic!("{} failed: {} {trace}", self.what, event["message"]);
            }
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => panic!("{}: the program ended", self.what),
        }
    }

    /// The failure in which the call must end, whatever it said before.
    #[track_caller]
    pub fn failure(&self) -> Value {
        loop {
            match self.events.recv_timeout(PATIENCE) {
                Ok(event) if event["event"] == "failed" => return event,
                Ok(event) if event["event"] == "done" => panic!("{} should have failed", self.what),
                Ok(_) => {}
                Err(cause) => panic!("{}: {cause}", self.what),
            }
        }
    }

    /// The next event, which must be of this kind.
    #[track_caller]
    pub fn expect(&self, event: &str) -> Value {
        let next = self.next();
        assert_eq!(next["event"], event, "{}: {next}", self.what);
        next
    }

    /// The next `count` events, each of which must be of this kind.
    #[track_caller]
    pub fn take(&self, event: &str, count: usize) -> Vec<Value> {
        (0..count).map(|_| self.expect(event)).collect()
    }

    /// All events to the end of the call, `done` included.
    #[track_caller]
    pub fn to_end(&self) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            let event = self.next();
            let done = event["event"] == "done";
            events.push(event);
            if done {
                return events;
            }
        }
    }

    /// All events of this kind to the end of the call.
    #[track_caller]
    pub fn all(&self, event: &str) -> Vec<Value> {
        self.to_end().into_iter().filter(|each| each["event"] == event).collect()
    }
}
