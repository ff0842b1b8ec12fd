//! Questions and replies.
use std::collections::BTreeSet;
use std::time::Duration;

use remora_client::{Admin, ClientError, ConsumeFrom, ConsumeOutcome, Message, PushConsumer};

use super::support::{PATIENCE, producer, text, topic, unique};

pub async fn each_request_gets_the_reply_to_it(nameserver: &str) {
    let admin = Admin::connect(nameserver).await.unwrap();
    let (topic, group) = (topic(&admin, 2).await, unique("suite_replier"));
    let (asker, replier) = (producer(nameserver).await, producer(nameserver).await);
    let consumer = PushConsumer::builder(group.as_str())
        .nameserver(nameserver)
        .subscribe(topic.as_str(), "*")
        .consume_from(ConsumeFrom::First)
        .handler({
            let replier = replier.clone();
            move |messages| {
                let replier = replier.clone();
                async move {
                    for message in &messages {
                        let answer = format!("re: {}", text(message));
                        replier.reply(message, answer).await.unwrap();
                    }
                    ConsumeOutcome::Success
                }
            }
        })
        .start()
        .await
        .unwrap();

    let long = "long and easily compressed ".repeat(400);
    let questions: Vec<String> = (0..20).map(|n| format!("question {n}")).chain([long]).collect();
    let mut asked = tokio::task::JoinSet::new();
    for question in &questions {
        let (asker, message) = (asker.clone(), Message::new(topic.as_str(), question.clone()));
        let question = question.clone();
        asked.spawn(async move { (question, asker.request(message, PATIENCE).await.unwrap()) });
    }
    let mut correlations = BTreeSet::new();
    for (question, reply) in asked.join_all().await {
        assert_eq!(text(&reply), format!("re: {question}"));
        assert!(reply.topic().ends_with("_REPLY_TOPIC"), "{}", reply.topic());
        assert_eq!(reply.property("REPLY_TO_CLIENT"), Some(asker.client().client_id()));
        correlations.insert(reply.property("CORRELATION_ID").unwrap_or_default().to_owned());
    }
    assert_eq!(correlations.len(), questions.len());
    consumer.shutdown().await;

    let alone = asker.request(Message::new(topic.as_str(), "?"), Duration::from_millis(200)).await;
    assert!(matches!(alone, Err(ClientError::NoReply { timeout_ms: 200, .. })), "{alone:?}");
    for producer in [asker, replier] {
        producer.shutdown().await;
    }
    admin.shutdown().await;
}
