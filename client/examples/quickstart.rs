//! Sends ten messages and receives them: `cargo run -p remora-client --example quickstart`, beside
//! a server started with `cargo run --release -- standalone`.
use std::sync::Arc;
use std::time::Duration;

use remora_client::{ConsumeFrom, ConsumeOutcome, Message, Producer, PushConsumer};
use tokio::sync::Semaphore;

const NAMESERVER: &str = "127.0.0.1:9876";
const COUNT: u32 = 10;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let producer = Producer::builder("quickstart").nameserver(NAMESERVER).start().await?;
    for n in 0..COUNT {
        let message = Message::new("quickstart", format!("hello {n}")).tags("greeting");
        let receipt = producer.send(message).await?;
        println!("sent     {} to {} at {}", receipt.msg_id, receipt.queue, receipt.queue_offset);
    }

    let received = Arc::new(Semaphore::new(0));
    let count = Arc::clone(&received);
    let consumer = PushConsumer::builder("quickstart")
        .nameserver(NAMESERVER)
        .subscribe("quickstart", "greeting")
        .consume_from(ConsumeFrom::First)
        .handler(move |messages| {
            for message in &messages {
                let body = String::from_utf8_lossy(message.body());
                println!("received {} {body:?}", message.msg_id());
            }
            count.add_permits(messages.len());
            async { ConsumeOutcome::Success }
        })
        .start()
        .await?;
    tokio::time::timeout(Duration::from_secs(30), received.acquire_many(COUNT)).await??.forget();
    consumer.shutdown().await;
    producer.shutdown().await;
    Ok(())
}
