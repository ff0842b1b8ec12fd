//! The broker: topics, groups and offsets, and a handler for every request that clients send it.
//!
//! Read `broker.rs` (the state, start and stop), `routes.rs` (code to handler), `send.rs` with
//! `send_turn.rs`, `pull.rs` with `pull_hold.rs` and `pull_wait.rs`, `client_table.rs`. The cores
//! `pull_hold.rs`, `client_table.rs` and `offset_table.rs` know no clock and no IO.
mod admin_broker;
mod admin_clients;
mod admin_consume;
mod admin_group;
mod admin_reset;
mod admin_topic;
mod admin_transaction;
pub mod admission;
pub mod askers;
mod assignment;
mod attributes;
pub mod broker;
pub mod client_table;
pub mod clients;
mod cold_reads;
mod compaction;
pub mod counter;
mod delay;
mod end_transaction;
mod first_answer;
pub mod group_table;
mod half_messages;
pub mod hand_over;
mod heartbeat;
pub mod json_files;
mod lock_queues;
mod message_properties;
pub mod meta;
pub mod metrics;
pub mod offset_table;
mod offsets;
mod own_messages;
pub mod perm;
pub mod pop;
mod property_memo;
mod pull;
pub mod pull_hold;
pub mod pull_wait;
pub mod put_times;
mod query;
pub mod queue_locks;
pub mod queue_owners;
pub mod quota;
pub mod rates;
#[allow(dead_code, reason = "recall follows")]
mod recall_handle;
mod refusals;
pub mod registration;
mod reply;
pub mod request_modes;
mod retry;
mod retry_signs;
mod routes;
mod runtime_info;
mod send;
mod send_delayed;
mod send_later;
pub mod send_turn;
mod service;
pub mod sql;
pub mod subscription;
mod system_names;
mod time;
#[allow(dead_code, reason = "recall and listing follow")]
pub mod timer;
mod topic_routes;
mod topic_rules;
pub mod topic_table;
mod transaction_check;
mod transaction_state;
pub mod transaction_table;
pub mod transactions;
mod unique_id;

pub use broker::{Addresses, Broker, BrokerError};
pub use metrics::{Lag, MetricsSnapshot, TopicTotals};
pub use transactions::TransactionFigures;
