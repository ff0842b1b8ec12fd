//! What a connection says to well-formed requests.
mod common;

use common::*;
use remora_protocol::{Flags, RequestHeader, ResponseCode, SerializeType};
use remora_remoting::{Body, Refusal, RouteCounts};

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_in_one_turn() {
    let rig = Rig::start(server_config());
    let mut peer = rig.peer().await;
    let bodies: Vec<String> = (0..32).map(|number| format!("body {number}")).collect();
    let burst: Vec<u8> = (0..)
        .zip(&bodies)
        .flat_map(|(opaque, body)| request(10, opaque, body.as_bytes()))
        .collect();
    peer.send(&burst).await;

    let expected: Vec<_> = (0..)
        .zip(&bodies)
        .map(|(opaque, body)| Answered {
            serialize: SerializeType::Json,
            code: 0,
            opaque,
            remark: None,
            turn: Some("0".to_owned()),
            body: body.as_bytes().to_vec(),
        })
        .collect();
    assert_eq!(peer.answers(32).await, expected);
}

#[tokio::test]
async fn a_request_is_answered_in_its_own_form() {
    let rig = Rig::start(server_config());
    let mut peer = rig.peer().await;
    for serialize in [SerializeType::Binary, SerializeType::Json] {
        peer.send(&frame(serialize, Flags::REQUEST, 34, -7, &[], b"12345")).await;
        let answer = peer.frame().await.unwrap();
        let view = answer.view();
        assert_eq!((view.serialize, view.code, view.opaque), (serialize, 0, -7));
        assert_eq!(view.fields.find("bytes").as_deref(), Some("5"));
    }
}

#[tokio::test]
async fn a_oneway_request_gets_no_answer_of_any_kind() {
    let mut rig = Rig::start(server_config());
    let mut peer = rig.peer().await;
    // Answered, unknown, malformed, dropped, panicking, deferred, slow.
    for code in [10, 9999, 12, 13, 14, 11, 200, 201] {
        peer.send(&frame(SerializeType::Json, Flags::ONEWAY, code, code, &[], b"")).await;
    }
    let fields = [("malformed", "")];
    peer.send(&frame(SerializeType::Json, Flags::ONEWAY, 10, 5, &fields, b"")).await;
    let parked = rig.parked().await;
    assert!(parked.oneway);
    parked.reply(ResponseCode::SUCCESS, &(), Body::Empty);
    rig.service.routes.drained().await;
    peer.echoes(77).await;
}

#[tokio::test]
async fn an_unknown_code_is_answered_3_with_its_number_and_what_is_known_of_it() {
    let rig = Rig::start(server_config());
    let mut peer = rig.peer().await;
    for code in [9999, 100_000, -1, i32::MAX] {
        peer.send(&request(code, 1, b"")).await;
        let answer = peer.answer().await;
        assert_eq!(answer.code, 3);
        assert_eq!(answer.remark(), format!(" request type {code} not supported"));
    }
    for (code, why) in [
        (22, ": GET_TOPIC_CONFIG_LIST: no client sends it and Apache answers it with 3 as well"),
        (105, " here: GET_ROUTEINFO_BY_TOPIC: ask another kind of server"),
    ] {
        peer.send(&request(code, 1, b"")).await;
        let answer = peer.answer().await;
        assert_eq!(answer.code, 3);
        assert_eq!(answer.remark(), format!(" request type {code} not supported{why}"));
    }
}

#[tokio::test]
async fn a_header_that_does_not_decode_is_answered_1_with_the_fields_name() {
    let rig = Rig::start(server_config());
    let mut peer = rig.peer().await;
    for code in [10, 34, 200] {
        let fields = [("malformed", "")];
        peer.send(&frame(SerializeType::Json, Flags::REQUEST, code, 1, &fields, b"")).await;
        let answer = peer.answer().await;
        assert_eq!((answer.code, answer.remark()), (1, "required field 'topic' is missing"));
    }
}

#[tokio::test]
async fn a_dropped_request_is_answered_1_and_counted() {
    let rig = Rig::start(server_config());
    let mut peer = rig.peer().await;
    for (code, opaque) in [(12, 1), (13, 2)] {
        peer.send(&request(code, opaque, b"")).await;
        let answer = peer.answer().await;
        assert_eq!((answer.code, answer.opaque), (1, opaque));
        assert_eq!(answer.remark(), "handler gave no answer");
    }
    assert_eq!(rig.server.counts().dropped_calls, 2);
}

#[tokio::test]
async fn a_panic_in_a_handler_costs_its_request_only() {
    let rig = Rig::start(server_config());
    let mut peer = rig.peer().await;
    for code in [14, 201, 200_050] {
        peer.send(&request(code, code, b"")).await;
        let answer = peer.answer().await;
        assert_eq!((answer.code, answer.opaque), (1, code));
        assert_eq!(answer.remark(), "the handler panicked, see the server's log");
        peer.echoes(1).await;
    }
    rig.service.routes.drained().await;
    let counts = rig.service.routes.counts();
    let panicked: Vec<_> =
        counts.iter().filter(|row| row.panics == 1).map(|row| row.code).collect();
    assert_eq!(panicked, [14, 201, 200_050]);
}

#[tokio::test]
async fn requests_are_counted_by_code() {
    let rig = Rig::start(server_config());
    let mut peer = rig.peer().await;
    let burst = [request(10, 1, b""), request(10, 2, b""), request(34, 3, b""), request(9, 4, b"")];
    peer.send(&burst.concat()).await;
    peer.answers(4).await;
    // The turn's counters are written before its answers.
    let served: Vec<(i32, u64)> = rig
        .service
        .routes
        .counts()
        .iter()
        .filter(|row| row.requests > 0)
        .map(|&RouteCounts { code, requests, .. }| (code, requests))
        .collect();
    assert_eq!(served, [(10, 2), (34, 1), (-1, 1)]);
    let counts = rig.server.counts();
    assert_eq!((counts.requests, counts.connections()), (4, 1));
}

#[tokio::test]
async fn a_check_before_the_handlers_refuses_for_them() {
    let rig = Rig::start_with(server_config(), |routes| {
        routes.before(|_, request| match request.frame.body {
            b"secret" => Ok(()),
            _ => Err(Refusal::new(ResponseCode::NO_PERMISSION, "the body must be the secret")),
        })
    });
    let mut peer = rig.peer().await;
    peer.send(&request(10, 1, b"secret")).await;
    assert_eq!(peer.answer().await.code, 0);
    peer.send(&request(10, 2, b"guess")).await;
    let answer = peer.answer().await;
    assert_eq!((answer.code, answer.remark()), (16, "the body must be the secret"));
}

#[tokio::test]
async fn a_full_slow_lane_refuses_with_its_limit_and_delays_nobody() {
    use remora_remoting::SlowLimits;
    let limits = SlowLimits { admitted_max: 2, running_max: 1 };
    let mut rig = Rig::start_with(server_config(), |routes| routes.slow_limits(limits));
    let service = std::sync::Arc::clone(&rig.service);
    let mut peer = rig.peer().await;
    let gate = service.role.gate.lock().await;
    let burst = [request(200, 1, b"a"), request(200, 2, b"b"), request(200, 3, b"c")];
    peer.send(&burst.concat()).await;
    let refused = peer.answer().await;
    assert_eq!((refused.code, refused.opaque), (2, 3));
    assert_eq!(
        refused.remark(),
        "2 admin requests are already being served, the limit is 2; try again later"
    );
    rig.event(|event| matches!(event, Event::Slow).then_some(())).await;
    peer.echoes(4).await;
    drop(gate);
    let answers = peer.answers(2).await;
    assert_eq!(answers.iter().map(|answer| answer.opaque).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test]
async fn held_answers_leave_together_when_released() {
    let mut rig = Rig::start(server_config());
    let mut peer = rig.peer().await;
    let held = |event| match event {
        Event::Held(held) => Some(held),
        _ => None,
    };
    let burst = [request(16, 1, b""), request(10, 2, b""), request(16, 3, b"")];
    for (outcome, code) in [("release", 0), ("refuse", 10), ("drop", 1)] {
        peer.send(&burst.concat()).await;
        let held = rig.event(held).await;
        assert_eq!(held.len(), 2);
        assert_eq!(peer.answer().await.opaque, 2, "{outcome}: not held up by the others");
        match outcome {
            "release" => held.release(),
            "refuse" => held.refuse(Refusal::new(ResponseCode::FLUSH_DISK_TIMEOUT, "not on disk")),
            _ => drop(held),
        }
        let answers = peer.answers(2).await;
        let codes: Vec<_> = answers.iter().map(|answer| (answer.opaque, answer.code)).collect();
        assert_eq!(codes, [(1, code), (3, code)], "{outcome}");
    }
}

#[tokio::test]
async fn frames_cut_anywhere_are_put_together() {
    let rig = Rig::start(server_config());
    let mut peer = rig.peer().await;
    let small = request(10, 1, b"small");
    let middle = request(10, 2, &[2; 9_000]);
    let large = request(10, 3, &[3; 200_000]);
    let burst = [small.clone(), middle.clone(), large, small, middle].concat();
    for cut in [1, 3, 4, 5, 9, 150, 9_000, 9_400, 100_000, 209_000, burst.len() - 1] {
        let (first, second) = burst.split_at(cut);
        peer.send(first).await;
        // Another connection's round trip: the server has seen the first part by then.
        rig.peer().await.echoes(9).await;
        peer.send(second).await;
        let answers = peer.answers(5).await;
        let seen: Vec<_> =
            answers.iter().map(|answer| (answer.opaque, answer.body.len())).collect();
        assert_eq!(seen, [(1, 5), (2, 9_000), (3, 200_000), (1, 5), (2, 9_000)], "cut at {cut}");
    }
}

#[test]
fn codes_lists_every_row() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _entered = runtime.enter();
    let (service, _events) = echo_service(|routes| routes);
    let codes = service.routes.codes();
    assert_eq!(codes.len(), 12);
    assert!(codes.contains(&LaterPanic::CODE.0));
}
