//! Admin.
use std::collections::BTreeSet;
use std::time::Duration;

use remora_client::admin::{QueueProgress, TimeSpan, TopicSpec, Where};
use remora_client::{Admin, ConsumeFrom, Message, PushConsumer};

use super::support::{
    eventually, numbered, producer, receive, reporting, text, texts, topic, unique,
};

pub async fn admin_sees_and_changes_topics_groups_and_brokers(nameserver: &str) {
    let admin = Admin::connect(nameserver).await.unwrap();
    let topic = topic(&admin, 3).await;
    assert!(admin.topics().await.unwrap().contains(&topic));
    let masters = admin.masters(&Where::Everywhere).await.unwrap();
    let route = admin.topic_route(&topic).await.unwrap();
    assert_eq!(route.queue_datas.len(), masters.len());
    assert!(route.queue_datas.iter().all(|queues| queues.read_queue_nums == 3));
    let spans: Vec<(i64, i64)> = admin
        .topic_stats(&topic)
        .await
        .unwrap()
        .iter()
        .map(|queue| (queue.min_offset, queue.max_offset))
        .collect();
    assert_eq!(spans, vec![(0, 0); 3 * masters.len()]);
    let change = async |spec: TopicSpec| {
        admin.create_topic(&spec.queues(3), &Where::Everywhere).await.unwrap();
        admin.topic_attributes(&topic).await.unwrap().into_iter().collect::<Vec<_>>()
    };
    let typed = change(TopicSpec::new(&topic).attribute("message.type", "DELAY")).await;
    assert_eq!(typed, [("message.type".to_owned(), "DELAY".to_owned())]);
    assert_eq!(change(TopicSpec::new(&topic).without_attribute("message.type")).await, []);
    // Apache's broker fails in its first second, before it has counted anything.
    let runtime = eventually("the broker tells how it is", || async {
        admin.broker_runtime(&masters[0]).await.ok()
    })
    .await;
    assert!(runtime.contains_key("bootTimestamp"), "{runtime:?}");
    let config = admin.broker_config(&masters[0]).await.unwrap();
    assert_eq!(config["brokerName"], *masters[0].broker_name);
    let hours = config["fileReservedTime"].clone();
    admin.update_broker_config(&masters[0], &[("fileReservedTime", &hours)]).await.unwrap();
    assert_eq!(admin.broker_config(&masters[0]).await.unwrap()["fileReservedTime"], hours);

    let group = remora_protocol::body::SubscriptionGroupConfig {
        group_name: unique("suite_admin"),
        retry_max_times: 5,
        ..Default::default()
    };
    admin.create_group(&group, &Where::Everywhere).await.unwrap();
    let groups = admin.groups(&Where::Everywhere).await.unwrap();
    assert_eq!(groups[&group.group_name].retry_max_times, 5);
    admin.delete_group(&group.group_name, &Where::Everywhere).await.unwrap();
    assert!(!admin.groups(&Where::Everywhere).await.unwrap().contains_key(&group.group_name));

    admin.delete_topic(&topic, &Where::Everywhere).await.unwrap();
    eventually("the end of the topic", || async {
        (!admin.topic_exists(&topic).await.unwrap()).then_some(())
    })
    .await;
    let unknown = admin.masters(&Where::Broker("nobody".into())).await.unwrap_err().to_string();
    assert!(
        unknown.contains("'nobody'") && unknown.contains(&*masters[0].broker_name),
        "{unknown}"
    );
    admin.shutdown().await;
}

pub async fn messages_are_found_by_key_unique_id_and_place(nameserver: &str) {
    let admin = Admin::connect(nameserver).await.unwrap();
    let topic = topic(&admin, 2).await;
    let producer = producer(nameserver).await;
    let message = Message::new(topic.as_str(), "wanted").keys(["k1", "k2"]);
    let receipt = producer.send(message).await.unwrap();
    producer.send(Message::new(topic.as_str(), "other").keys(["k3"])).await.unwrap();
    for key in ["k1", "k2"] {
        // The index is built a little after the append.
        let found = eventually("the key in the index", || async {
            let found = admin.messages_by_key(&topic, key, 32, TimeSpan::ALL).await.unwrap();
            (!found.is_empty()).then_some(found)
        })
        .await;
        assert_eq!(texts(&found), BTreeSet::from(["wanted".to_owned()]));
    }
    let found = admin.message_by_unique_key(&topic, &receipt.msg_id).await.unwrap().unwrap();
    assert_eq!((text(&found), found.queue_offset), ("wanted".to_owned(), receipt.queue_offset));
    let found = admin.message_by_offset_id(&topic, &receipt.offset_msg_id).await.unwrap();
    assert_eq!((text(&found), found.msg_id()), ("wanted".to_owned(), receipt.msg_id.to_string()));
    let none = admin.messages_by_key(&topic, "nothing", 32, TimeSpan::ALL).await.unwrap();
    assert_eq!(none, []);
    producer.shutdown().await;
    admin.shutdown().await;
}

pub async fn progress_and_members_of_a_group_are_shown_and_reset(nameserver: &str) {
    let admin = Admin::connect(nameserver).await.unwrap();
    let (topic, group) = (topic(&admin, 1).await, unique("suite_progress"));
    let producer = producer(nameserver).await;
    for n in 0..5 {
        producer.send(Message::new(topic.as_str(), format!("m{n}"))).await.unwrap();
    }
    let (handler, mut receiver) = reporting();
    let consumer = PushConsumer::builder(group.as_str())
        .nameserver(nameserver)
        .subscribe(topic.as_str(), "*")
        .consume_from(ConsumeFrom::First)
        .persist_period(Duration::from_millis(200))
        .handler(handler)
        .start()
        .await
        .unwrap();
    receive(&mut receiver, 5).await;
    eventually("no lag", || async {
        let progress = admin.consume_stats(&group, Some(&topic)).await.unwrap();
        let done = |q: &QueueProgress| q.consumer_offset == 5;
        (progress.lag() == 0 && progress.queues.iter().all(done)).then_some(())
    })
    .await;
    let connection = admin.consumer_connection(&group).await.unwrap();
    let members: Vec<&str> =
        connection.connection_set.iter().map(|member| member.client_id.as_str()).collect();
    assert_eq!(members, [consumer.client().client_id()]);
    assert!(connection.subscription_table.contains_key(&topic));
    assert!(admin.topic_groups(&topic).await.unwrap().contains(&group));

    admin.reset_offsets(&group, &topic, 0).await.unwrap();
    let again = receive(&mut receiver, 5).await;
    assert_eq!(texts(&again), numbered("m", 0..5));
    consumer.shutdown().await;
    producer.shutdown().await;
    admin.shutdown().await;
}
