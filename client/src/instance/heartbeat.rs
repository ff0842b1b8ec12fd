//! Heartbeats: brokers learn which groups this client belongs to and what they subscribe to.
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use remora_protocol::{RequestCode, body, header};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{Client, Inner};
use crate::route::MASTER_ID;

impl Client {
    /// Tells every known broker now, and waits for their answers. Goes on where the caller is
    /// dropped meanwhile: who unregisters has to wait for it.
    pub(crate) async fn heartbeat_now(&self) {
        let client = self.clone();
        let telling = self.inner.tasks.spawn(async move { client.tell_membership().await });
        let _is_told = telling.await;
    }

    async fn tell_membership(&self) {
        let _turn = self.inner.membership.lock().await;
        let consumers = self.inner.consumers();
        let data = body::HeartbeatData {
            client_id: self.inner.client_id.clone(),
            producer_data_set: self.producer_data(),
            consumer_data_set: consumers.iter().map(|consumer| consumer.heartbeat()).collect(),
            ..Default::default()
        };
        if data.producer_data_set.is_empty() && data.consumer_data_set.is_empty() {
            return;
        }
        // Slaves serve consumers only.
        let slaves_too = !data.consumer_data_set.is_empty();
        let body = Bytes::from(body::encode(&data));
        let mut sent = JoinSet::new();
        for (broker_name, id, addr) in self.inner.routes.all_brokers() {
            if id == MASTER_ID || slaves_too {
                let (client, body) = (self.clone(), body.clone());
                sent.spawn(async move {
                    let outcome = client
                        .ask_broker(
                            (&broker_name, &addr),
                            "heartbeat",
                            RequestCode::HEART_BEAT,
                            &(),
                            body,
                        )
                        .await;
                    if let Err(e) = outcome.and_then(super::Answer::success) {
                        tracing::warn!(broker = %broker_name, error = %e, "heartbeat failed");
                    }
                });
            }
        }
        while sent.join_next().await.is_some() {}
    }

    fn producer_data(&self) -> Vec<body::ProducerData> {
        let members = self.inner.members.read();
        members
            .producer_groups
            .iter()
            .map(|group| body::ProducerData { group_name: group.clone() })
            .collect()
    }

    /// Tells every known broker that this client has left a group; after every heartbeat that may
    /// still name it is answered. Brokers that handle requests side by side, as Apache's do, would
    /// else take it in again, and for as long as they believe in silent clients it would have its
    /// share of the queues.
    pub(super) async fn unregister(
        &self,
        producer_group: Option<&str>,
        consumer_group: Option<&str>,
    ) {
        let _turn = self.inner.membership.lock().await;
        let mut sent = JoinSet::new();
        for (broker_name, _, addr) in self.inner.routes.all_brokers() {
            let client = self.clone();
            let producer_group = producer_group.map(str::to_owned);
            let consumer_group = consumer_group.map(str::to_owned);
            sent.spawn(async move {
                let request = header::UnregisterClientHeader {
                    client_id: client.client_id().into(),
                    producer_group: producer_group.map(Into::into),
                    consumer_group: consumer_group.map(Into::into),
                };
                let code = RequestCode::UNREGISTER_CLIENT;
                let to = (&*broker_name, &addr);
                if let Err(e) =
                    client.ask_broker(to, "unregister", code, &request, Bytes::new()).await
                {
                    tracing::debug!(broker = %broker_name, error = %e, "not unregistered");
                }
            });
        }
        while sent.join_next().await.is_some() {}
    }
}

/// Sends heartbeats at the period, and when a connection was made, until the client closes. Holds
/// the client only while it sends, so that dropping the last handle ends it.
pub(super) async fn run(
    inner: Weak<Inner>,
    wanted: Arc<Notify>,
    period: Duration,
    closed: CancellationToken,
) {
    let mut tick = tokio::time::interval(period);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = closed.cancelled() => return,
            () = wanted.notified() => {}
            _ = tick.tick() => {}
        }
        let Some(inner) = inner.upgrade() else { return };
        Client { inner }.heartbeat_now().await;
    }
}
