//! Connected clients, and what they say of themselves.
use std::collections::BTreeMap;

use bytes::Bytes;
use remora_protocol::{RequestCode, body, header};

use super::{Admin, Where};
use crate::error::ClientError;

impl Admin {
    /// What one member of a consumer group is doing, asked of the member itself.
    ///
    /// # Errors
    /// `Refused` with code 206 when it is not online, 207 when it does not answer in 10 s.
    pub async fn consumer_running_info(
        &self,
        group: &str,
        client_id: &str,
    ) -> Result<body::ConsumerRunningInfo, ClientError> {
        let request = header::GetConsumerRunningInfoHeader {
            consumer_group: group.into(),
            client_id: client_id.into(),
            jstack_enable: Some(false),
        };
        let code = RequestCode::GET_CONSUMER_RUNNING_INFO;
        self.ask_about_members(group, "consumer running info", code, &request).await?.json()
    }

    /// Every connected producer, by group.
    pub async fn producers(
        &self,
        place: &Where,
    ) -> Result<BTreeMap<String, Vec<body::ProducerInfo>>, ClientError> {
        let code = RequestCode::GET_ALL_PRODUCER_INFO;
        let mut producers: BTreeMap<String, Vec<body::ProducerInfo>> = BTreeMap::new();
        for broker in self.masters(place).await? {
            let answer = self.ask(&broker, "producer list", code, &(), Bytes::new()).await?;
            for (group, members) in answer.json::<body::ProducerTableInfo>()?.data {
                let known = producers.entry(group).or_default();
                for member in members {
                    // A client is connected to every broker.
                    if known.iter().all(|other| other.client_id != member.client_id) {
                        known.push(member);
                    }
                }
            }
        }
        Ok(producers)
    }
}
