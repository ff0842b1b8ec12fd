//! A nameserver and broker that acknowledges every send and stores nothing.
use std::sync::Arc;
use std::time::Duration;

use remora_protocol::body::{self, BrokerData, QueueData, TopicRouteData};
use remora_protocol::{FrameLimits, RequestCode, ResponseCode, batch, header};
use remora_remoting::{Body, Call, Server, ServerConfig, Service, Turn};

const QUEUES: i32 = 8;
const OFFSET_ID: &str = "7F00000100002A9F0000000000000000";

pub fn serve(listen: &str) -> Result<(), String> {
    let config = ServerConfig {
        name: "answer",
        listen: vec![listen.parse().map_err(|e| format!("--listen {listen}: {e}"))?],
        io_shards: 1,
        frame: FrameLimits::default(),
        connections_max: 1_000,
        in_flight_max: 65_536,
        outbound_bytes_max: 1 << 26,
        budget: Arc::default(),
        partial_frame_timeout: Duration::ZERO,
        idle_timeout: Duration::ZERO,
        version: 493,
    };
    let server = Server::start(config, Arc::new(AnswerOnly)).map_err(|e| e.to_string())?;
    for addr in server.local_addrs() {
        println!("{addr}");
    }
    loop {
        std::thread::park();
    }
}

struct AnswerOnly;

impl Service for AnswerOnly {
    fn turn(&self, turn: &mut Turn<'_>) {
        while let Some(call) = turn.next_call() {
            match RequestCode(call.frame.code) {
                RequestCode::SEND_MESSAGE_V2 | RequestCode::SEND_MESSAGE => stored(call, OFFSET_ID),
                RequestCode::SEND_BATCH_MESSAGE => {
                    let count = batch::items(call.frame.body).count();
                    stored(call, &vec![OFFSET_ID; count].join(","));
                }
                RequestCode::GET_ROUTEINFO_BY_TOPIC => {
                    let body = body::encode(&route(&call.conn.local.to_string()));
                    call.reply(ResponseCode::SUCCESS, &(), body.into());
                }
                _ => call.reply(ResponseCode::SUCCESS, &(), Body::Empty),
            }
        }
    }
}

fn stored(call: Call<'_, '_>, offset_ids: &str) {
    let reply = header::SendMessageReply {
        msg_id: offset_ids.into(),
        queue_id: 0,
        queue_offset: 0,
        ..Default::default()
    };
    call.reply(ResponseCode::SUCCESS, &reply, Body::Empty);
}

/// Every topic has its queues here.
fn route(addr: &str) -> TopicRouteData {
    TopicRouteData {
        queue_datas: vec![QueueData {
            broker_name: "answer".to_owned(),
            read_queue_nums: QUEUES,
            write_queue_nums: QUEUES,
            perm: 6,
            ..QueueData::default()
        }],
        broker_datas: vec![BrokerData {
            broker_name: "answer".to_owned(),
            cluster: "answer".to_owned(),
            broker_addrs: [(0, addr.to_owned())].into(),
            ..BrokerData::default()
        }],
        ..TopicRouteData::default()
    }
}
