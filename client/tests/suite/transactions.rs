//! Transactional messages.
use remora_client::{Admin, ClientError, Message, Producer, TransactionProducer, TransactionState};
use tokio::sync::mpsc;

use super::support::{PATIENCE, stored, text, topic, unique};

pub async fn only_committed_transactions_are_seen(nameserver: &str) {
    let admin = Admin::connect(nameserver).await.unwrap();
    let topic = topic(&admin, 1).await;
    let (asked, mut questions) = mpsc::unbounded_channel();
    let settings = Producer::builder(unique("suite_tx")).nameserver(nameserver);
    let producer = TransactionProducer::start(settings, move |message| {
        asked.send(text(&message)).unwrap();
        async { TransactionState::Commit }
    })
    .await
    .unwrap();
    let states = [
        ("paid", TransactionState::Commit),
        ("cancelled", TransactionState::Rollback),
        ("asked about", TransactionState::Unknown),
    ];
    for (body, state) in states {
        let message = Message::new(topic.as_str(), body);
        let sent = producer.send(message, async |_half| state).await.unwrap();
        assert!(sent.end_error.is_none(), "{sent:?}");
        assert_eq!(sent.state, state);
    }
    let delayed = Message::new(topic.as_str(), "later").delay_level(1);
    let refused = producer.send(delayed, async |_half| TransactionState::Commit).await;
    assert!(matches!(refused, Err(ClientError::MessageIllegal { .. })), "{refused:?}");

    // Six seconds after it was sent.
    let question = tokio::time::timeout(PATIENCE, questions.recv()).await.unwrap();
    assert_eq!(question.as_deref(), Some("asked about"));
    let bodies: Vec<String> = stored(nameserver, &topic, 2).await.iter().map(text).collect();
    assert_eq!(bodies, ["paid", "asked about"]);
    producer.shutdown().await;
    admin.shutdown().await;
}
