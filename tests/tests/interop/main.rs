//! Unmodified official clients and tools against the server: exact content, count and order.

mod apache_store;
mod common;
mod compaction;
mod consume_from;
mod delayed;
mod filters;
mod flow_control;
mod go_client;
mod hand_over;
mod java_pull;
mod java_push;
mod java_send;
mod lossy_proxy;
mod lost_answers;
mod mqadmin;
mod namespaces;
mod node_client;
mod ordered;
mod pops;
mod priority;
mod replay;
mod replies;
mod retry;
mod traces;
mod transactions;
