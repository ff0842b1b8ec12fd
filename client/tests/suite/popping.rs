//! Taking messages and acknowledging each.
use std::collections::BTreeSet;
use std::time::Duration;

use remora_client::{Admin, ClientError, Message, Popped, SimpleConsumer};

use super::support::{PATIENCE, eventually, numbered, producer, text, topic, unique};

const LONG: Duration = Duration::from_secs(300);
const SHORT: Duration = Duration::from_secs(1);

async fn consumer(
    nameserver: &str,
    group: &str,
    topics: &[&str],
    wait: Duration,
) -> SimpleConsumer {
    let builder = SimpleConsumer::builder(group).nameserver(nameserver).await_duration(wait);
    let builder = topics.iter().fold(builder, |builder, topic| builder.subscribe(*topic, "red"));
    builder.start().await.unwrap()
}

/// Receives until there are so many.
async fn take(consumer: &SimpleConsumer, count: usize, hidden: Duration) -> Vec<Popped> {
    let mut taken = Vec::new();
    let all = async {
        while taken.len() < count {
            taken.extend(consumer.receive(32, hidden).await.unwrap());
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, all).await.is_ok();
    assert!(in_time, "{} of {count} messages arrived", taken.len());
    taken
}

fn texts(taken: &[Popped]) -> BTreeSet<String> {
    taken.iter().map(|popped| text(&popped.message)).collect()
}

pub async fn what_was_taken_comes_again_unless_it_was_acknowledged(nameserver: &str) {
    let admin = Admin::connect(nameserver).await.unwrap();
    let (topic, group) = (topic(&admin, 4).await, unique("suite_simple"));
    let producer = producer(nameserver).await;
    for n in 0..20 {
        let message = Message::new(topic.as_str(), format!("m{n}")).tags("red");
        producer.send(message).await.unwrap();
        let other = Message::new(topic.as_str(), format!("other{n}")).tags("green");
        producer.send(other).await.unwrap();
    }
    let first = consumer(nameserver, &group, &[&topic], SHORT).await;
    let second = consumer(nameserver, &group, &[&topic], SHORT).await;
    let mut taken = take(&first, 20, LONG).await;
    assert_eq!(texts(&taken), numbered("m", 0..20));
    assert!(taken.iter().all(|popped| *popped.topic == *topic), "{taken:?}");
    assert_eq!(second.receive(32, LONG).await.unwrap(), [], "all is hidden");

    let mut given_back = taken.split_off(17);
    for popped in &taken {
        first.acknowledge(popped).await.unwrap();
    }
    for popped in &mut given_back {
        first.change_invisible(popped, SHORT).await.unwrap();
    }
    let again = take(&second, 3, LONG).await;
    assert_eq!(texts(&again), texts(&given_back));
    for popped in &again {
        assert_eq!((&*popped.topic, popped.message.reconsume_times), (&*topic, 1));
        second.acknowledge(popped).await.unwrap();
    }
    let mut forged = again[0].clone();
    forged.handle = "no handle".to_owned();
    let refused = second.acknowledge(&forged).await;
    assert!(matches!(refused, Err(ClientError::Refused { .. })), "{refused:?}");
    assert_eq!(first.receive(32, LONG).await.unwrap(), [], "nothing is left");
    for consumer in [first, second] {
        consumer.shutdown().await;
    }
    producer.shutdown().await;
    admin.shutdown().await;
}

pub async fn a_receive_waits_for_whichever_topic_has_something(nameserver: &str) {
    let admin = Admin::connect(nameserver).await.unwrap();
    let (one, two) = (topic(&admin, 1).await, topic(&admin, 1).await);
    let group = unique("suite_simple");
    let waiting = consumer(nameserver, &group, &[&one, &two], PATIENCE).await;
    let producer = producer(nameserver).await;
    for topic in [&two, &one] {
        let receiving = waiting.receive(1, LONG);
        let sending = async {
            eventually("the receive waits", || async {
                let members = admin.consumer_connection(&group).await.ok()?;
                (!members.connection_set.is_empty()).then_some(())
            })
            .await;
            let message = Message::new(topic.as_str(), format!("to {topic}")).tags("red");
            producer.send(message).await.unwrap();
        };
        let (received, ()) = tokio::join!(receiving, sending);
        let received = match received.unwrap() {
            // Apache's notification comes before the message may be taken.
            none if none.is_empty() => take(&waiting, 1, LONG).await,
            received => received,
        };
        let [popped] = &received[..] else { panic!("{received:?}") };
        assert_eq!((&*popped.topic, text(&popped.message)), (&**topic, format!("to {topic}")));
        waiting.acknowledge(popped).await.unwrap();
    }
    waiting.shutdown().await;
    producer.shutdown().await;
    admin.shutdown().await;
}
