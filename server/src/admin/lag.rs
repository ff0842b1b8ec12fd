//! `remora group lag`: how far a group is in each queue, who has it, and what is wrong.
use std::collections::BTreeMap;

use remora_client::admin::{ConsumeProgress, QueueProgress};
use remora_client::{Admin, MessageQueue};
use remora_protocol::body::{ConsumerConnection, ProcessQueueInfo, QueueTrouble};
use serde_json::{Value, json};

use super::group::{clash_line, must_exist, on_line};
use super::{CommandError, print};
use crate::cli::{ClusterArgs, Output};

/// The member that says a queue is its own, and what it says of it.
type Owners = BTreeMap<MessageQueue, (String, ProcessQueueInfo)>;

/// One queue: what the broker says, and what its member says, if it answers.
struct Row<'r> {
    at: &'r QueueProgress,
    member: Option<&'r (String, ProcessQueueInfo)>,
}

pub(crate) async fn run(
    cluster: &ClusterArgs,
    group: &str,
    topic: Option<&str>,
) -> Result<(), CommandError> {
    let admin = Admin::connect(&cluster.nameserver).await?;
    must_exist(&admin, group).await?;
    let progress = admin.consume_stats(group, topic).await?;
    let members = on_line(&admin, group).await?.unwrap_or_default();
    let owners = owners(&admin, group, &members).await;
    let rows: Vec<Row<'_>> =
        progress.queues.iter().map(|at| Row { at, member: owners.get(&at.queue) }).collect();
    match cluster.output {
        Output::Json => {
            let queues: Vec<Value> = rows.iter().map(Row::json).collect();
            let (lag, tps) = (progress.lag(), progress.consume_tps);
            let clashes = &members.clashes;
            let shown = json!({
                "group": group, "lag": lag, "tps": tps, "queues": queues, "clashes": clashes
            });
            println!("{shown}");
        }
        Output::Table => print_table(&progress, &rows, &members),
    }
    admin.shutdown().await;
    Ok(())
}

/// Asks every member; one that does not answer owns nothing that is known.
async fn owners(admin: &Admin, group: &str, members: &ConsumerConnection) -> Owners {
    let mut owners = Owners::new();
    for member in &members.connection_set {
        let Ok(info) = admin.consumer_running_info(group, &member.client_id).await else {
            continue;
        };
        for (queue, state) in info.mq_table {
            if !state.droped {
                let queue = MessageQueue::new(queue.topic, queue.broker_name, queue.queue_id);
                owners.insert(queue, (member.client_id.clone(), state));
            }
        }
    }
    owners
}

fn print_table(progress: &ConsumeProgress, rows: &[Row<'_>], members: &ConsumerConnection) {
    let head = [
        "TOPIC",
        "BROKER",
        "QUEUE",
        "COMMITTED",
        "END",
        "BEHIND",
        "OWNER",
        "LAST PULL",
        "LAST COMMIT",
        "CONSUMED UP TO",
    ];
    println!("{}", print::table(&head, rows.iter().map(Row::cells)));
    println!("behind by {} messages, consuming {:.1}/s", progress.lag(), progress.consume_tps);
    for warning in troubles(&progress.queues) {
        println!("{warning}");
    }
    for clash in &members.clashes {
        println!("{}", clash_line(clash));
    }
}

/// What is wrong with how many queues.
fn troubles(queues: &[QueueProgress]) -> Vec<String> {
    let count = |wanted: &dyn Fn(&QueueProgress) -> bool| {
        queues.iter().filter(|queue| wanted(queue)).count()
    };
    // A consumer that never commits begins anew whenever it starts.
    let never = count(&|queue| queue.consumer_offset == 0 && queue.pull_offset > 0);
    let unread = count(&|queue| queue.trouble == Some(QueueTrouble::Unread));
    let stuck = count(&|queue| {
        queue.trouble == Some(QueueTrouble::Uncommitted) && queue.consumer_offset > 0
    });
    [
        (never, "pulled, and nothing is committed there"),
        (stuck, "pulled, and nothing was committed for five minutes"),
        (unread, "pulled by nobody, although members of the group are connected"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{count} of the queues are {what}"))
    .collect()
}

impl Row<'_> {
    fn lag(&self) -> i64 {
        (self.at.broker_offset - self.at.consumer_offset).max(0)
    }

    fn owner(&self) -> Option<&String> {
        self.member.map(|(client_id, _)| client_id).or(self.at.owner.as_ref())
    }

    fn last_pull_ms(&self) -> Option<i64> {
        let told = self.member.map(|(_, state)| state.last_pull_timestamp);
        told.or(self.at.last_pull_ms)
    }

    fn cells(&self) -> Vec<String> {
        let time = |ms: Option<i64>| ms.filter(|ms| *ms > 0).map_or("-".to_owned(), print::utc);
        let Row { at, .. } = self;
        vec![
            at.queue.topic.to_string(),
            at.queue.broker_name.to_string(),
            at.queue.queue_id.to_string(),
            at.consumer_offset.to_string(),
            at.broker_offset.to_string(),
            self.lag().to_string(),
            self.owner().cloned().unwrap_or_else(|| "-".to_owned()),
            time(self.last_pull_ms()),
            time(at.last_commit_ms),
            time(Some(at.last_timestamp_ms)),
        ]
    }

    fn json(&self) -> Value {
        let Row { at, member } = self;
        let state = member.map(|(_, state)| state);
        json!({
            "topic": &*at.queue.topic,
            "broker": &*at.queue.broker_name,
            "queueId": at.queue.queue_id,
            "committedOffset": at.consumer_offset,
            "pulledOffset": at.pull_offset,
            "endOffset": at.broker_offset,
            "lag": self.lag(),
            "owner": self.owner(),
            "lastPullMs": self.last_pull_ms(),
            "lastCommitMs": at.last_commit_ms,
            "lastConsumeMs": state.map(|state| state.last_consume_timestamp),
            "ownerCommitOffset": state.map(|state| state.commit_offset),
            "cachedMessages": state.map(|state| state.cached_msg_count),
            "consumedUpToMs": at.last_timestamp_ms,
            "trouble": at.trouble,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(
        consumer_offset: i64,
        pull_offset: i64,
        trouble: Option<QueueTrouble>,
    ) -> QueueProgress {
        QueueProgress {
            queue: MessageQueue::new("orders", "broker-a", 0),
            broker_offset: 9,
            consumer_offset,
            pull_offset,
            last_timestamp_ms: 0,
            owner: None,
            last_pull_ms: None,
            last_commit_ms: None,
            trouble,
        }
    }

    #[test]
    fn queues_in_trouble_are_counted() {
        let uncommitted = Some(QueueTrouble::Uncommitted);
        assert!(troubles(&[queue(0, 0, None), queue(3, 9, None)]).is_empty());
        let never = "1 of the queues are pulled, and nothing is committed there";
        assert_eq!(troubles(&[queue(0, 5, uncommitted), queue(3, 9, None)]), [never]);
        let stuck = "2 of the queues are pulled, and nothing was committed for five minutes";
        let unread =
            "1 of the queues are pulled by nobody, although members of the group are connected";
        let unread_one = queue(3, 3, Some(QueueTrouble::Unread));
        let found = troubles(&[queue(3, 9, uncommitted), unread_one, queue(4, 9, uncommitted)]);
        assert_eq!(found, [stuck, unread]);
    }
}
