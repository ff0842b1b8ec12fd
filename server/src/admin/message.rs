//! `remora message`, `remora send`, `remora tail`.
use std::io::{BufRead, IsTerminal, Write};
use std::time::Duration;

use remora_client::admin::TimeSpan;
use remora_client::{Admin, Client, Message, MessageView, Producer, SendReceipt, Tail, TailFrom};
use remora_protocol::message_id;
use serde_json::json;

use super::topic::await_route;
use super::{CommandError, print, timeline, timers};
use crate::cli::{MessageCommand, Output, QueryArgs, SendArgs, TailArgs};

/// Producer group of what is sent by hand.
const GROUP: &str = "remora-cli";
/// With --no-wait, silence that means the end. Chosen: far above one pull's time.
const END_SILENCE: Duration = Duration::from_secs(1);

pub(crate) async fn run(command: MessageCommand) -> Result<(), CommandError> {
    match command {
        MessageCommand::Send(args) => send(&args).await,
        MessageCommand::Tail(args) => tail(&args).await,
        MessageCommand::Query(args) => query(&args).await,
        MessageCommand::Timeline { topic, id, cluster } => {
            timeline::run(&cluster, &topic, &id).await
        }
        MessageCommand::Timers(command) => timers::run(command).await,
    }
}

async fn send(args: &SendArgs) -> Result<(), CommandError> {
    let producer = Producer::builder(GROUP).nameserver(&args.cluster.nameserver).start().await?;
    let admin = Admin::new(producer.client());
    let is_new = !admin.topic_exists(&args.topic).await?;
    let sent = match &args.body {
        Some(body) => send_one(&producer, args, body.clone().into_bytes()).await,
        None => send_lines(&producer, args).await,
    };
    if is_new && matches!(sent, Ok(1..)) {
        await_route(&admin, &args.topic).await?;
        if args.cluster.output == Output::Table {
            eprintln!("topic {} was new and has been created", args.topic);
        }
    }
    producer.shutdown().await;
    sent.map(|_| ())
}

async fn send_lines(producer: &Producer, args: &SendArgs) -> Result<u64, CommandError> {
    if std::io::stdin().is_terminal() {
        eprintln!("one message a line; end with Ctrl-D");
    }
    let mut count = 0;
    for line in std::io::stdin().lock().split(b'\n') {
        let mut line = line.map_err(CommandError::Input)?;
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        count += send_one(producer, args, line).await?;
    }
    Ok(count)
}

async fn send_one(
    producer: &Producer,
    args: &SendArgs,
    body: Vec<u8>,
) -> Result<u64, CommandError> {
    let mut message = Message::new(args.topic.as_str(), body);
    if let Some(tags) = &args.tags {
        message = message.tags(tags);
    }
    if let Some(keys) = &args.keys {
        message = message.keys(keys.split_whitespace());
    }
    for property in &args.property {
        let (name, value) = property.split_once('=').ok_or_else(|| {
            CommandError::Usage(format!("--property is '{property}', expected NAME=VALUE"))
        })?;
        message = message.property(name, value);
    }
    let started = crate::clock::instant();
    let receipt = producer.send(message).await?;
    print_receipt(&receipt, started.elapsed(), args.cluster.output);
    Ok(1)
}

fn print_receipt(receipt: &SendReceipt, elapsed: Duration, output: Output) {
    let status = match receipt.status {
        remora_client::SendStatus::Ok => "SEND_OK",
        remora_client::SendStatus::FlushDiskTimeout => "FLUSH_DISK_TIMEOUT",
        remora_client::SendStatus::FlushSlaveTimeout => "FLUSH_SLAVE_TIMEOUT",
        remora_client::SendStatus::SlaveNotAvailable => "SLAVE_NOT_AVAILABLE",
    };
    let queue = &receipt.queue;
    match output {
        Output::Json => {
            let line = json!({
                "status": status,
                "msgId": receipt.msg_id,
                "offsetMsgId": receipt.offset_msg_id,
                "topic": &*queue.topic,
                "broker": &*queue.broker_name,
                "queueId": queue.queue_id,
                "queueOffset": receipt.queue_offset,
                "elapsedMs": elapsed.as_secs_f64() * 1_000.0,
            });
            println!("{line}");
        }
        Output::Table => println!(
            "{status} msgId={} queue={}/{}/{} offset={} {:.1} ms",
            receipt.msg_id,
            queue.topic,
            queue.broker_name,
            queue.queue_id,
            receipt.queue_offset,
            elapsed.as_secs_f64() * 1_000.0
        ),
    }
}

async fn tail(args: &TailArgs) -> Result<(), CommandError> {
    let client = Client::builder().nameserver(&args.cluster.nameserver).start().await?;
    let from = if args.from_start { TailFrom::Beginning } else { TailFrom::End };
    let mut tail = client.tail(&args.topic, args.tags.as_str(), from).await?;
    let mut left = args.max.unwrap_or(u64::MAX);
    while left > 0 {
        let Some(message) = next(&mut tail, args.no_wait).await? else { break };
        if !print_message(&message, args.cluster.output) {
            break;
        }
        left -= 1;
    }
    client.shutdown().await;
    Ok(())
}

/// `None` at the end, where the end was asked for.
async fn next(tail: &mut Tail, no_wait: bool) -> Result<Option<MessageView>, CommandError> {
    if !no_wait {
        return Ok(Some(tail.next().await?));
    }
    match tokio::time::timeout(END_SILENCE, tail.next()).await {
        Ok(message) => Ok(Some(message?)),
        Err(_) => Ok(None),
    }
}

/// Gives whether anybody still reads: `remora tail t | head -1` must end.
fn print_message(message: &MessageView, output: Output) -> bool {
    let line = match output {
        Output::Json => print::message_json(message).to_string(),
        Output::Table => print::message_line(message),
    };
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush()).is_ok()
}

async fn query(args: &QueryArgs) -> Result<(), CommandError> {
    let admin = Admin::connect(&args.cluster.nameserver).await?;
    let max = i32::try_from(args.max).unwrap_or(i32::MAX);
    let (name, found) = match (&args.key, &args.id) {
        (Some(key), _) => (key, admin.messages_by_key(&args.topic, key, max, TimeSpan::ALL).await?),
        (None, Some(id)) => (id, by_id(&admin, &args.topic, id).await?),
        (None, None) => return Err(CommandError::Usage("give --key or --id".to_owned())),
    };
    if found.is_empty() {
        let hint = format!(" in topic {}", args.topic);
        return Err(CommandError::NotFound { what: "message", name: name.clone(), hint });
    }
    for message in &found {
        if !print_message(message, args.cluster.output) {
            break;
        }
    }
    admin.shutdown().await;
    Ok(())
}

/// Unique ids and offset ids look alike; an offset id names a place where a message of this topic
/// stands.
pub(super) async fn by_id(
    admin: &Admin,
    topic: &str,
    id: &str,
) -> Result<Vec<MessageView>, CommandError> {
    if let Some(message) = admin.message_by_unique_key(topic, id).await? {
        return Ok(vec![message]);
    }
    if message_id::OffsetId::parse(id).is_err() {
        return Ok(Vec::new());
    }
    match admin.message_by_offset_id(topic, id).await {
        Ok(message) if message.topic() == topic => Ok(vec![message]),
        // An address in an id that was never an offset id leads nowhere.
        _ => Ok(Vec::new()),
    }
}
