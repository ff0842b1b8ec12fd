//! Bytes that are no frames: a precise end of the connection that sent them, and nobody else
//! disturbed.

use std::fs;

use remora_tests::{
    Kind, Options, Target,
    target::unique,
    wire::{self, Wire, frame, frame_with_header, request, send_fields},
};
use serde_json::json;

const UNKNOWN_CODE: i32 = 9999;
const NOT_SUPPORTED: i64 = 3;
const FRAME_BYTES_MAX: u32 = 16 * 1024 * 1024;

/// A client that did nothing wrong: what it sends is still stored, in order.
struct Bystander {
    wire: Wire,
    topic: String,
    next: i64,
}

impl Bystander {
    #[track_caller]
    fn new(target: &Target) -> Self {
        let topic = unique("bystander");
        wire::create_topic(&target.broker(), &topic, 1);
        Self { wire: Wire::connect(&target.broker()), topic, next: 0 }
    }

    #[track_caller]
    fn sends_undisturbed(&mut self) {
        let reply = self.wire.ask(10, &send_fields(&self.topic), b"undisturbed");
        assert_eq!(reply.code(), 0, "{reply:?}");
        assert_eq!(reply.header["extFields"]["queueOffset"], self.next.to_string());
        self.next += 1;
    }
}

/// What the server still says before it closes the connection, which it must.
#[track_caller]
fn last_words(wire: &mut Wire, what: &str) -> String {
    match wire.read_until_closed() {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(cause) => panic!("{what}: the connection was not closed: {cause}"),
    }
}

#[test]
fn an_unknown_code_is_answered_with_its_opaque_and_the_connection_lives_on() {
    let target = Target::shared();
    for address in [target.broker(), target.nameserver()] {
        let mut wire = Wire::connect(&address);
        for opaque in [1, 77, i32::MAX] {
            let sent = wire.send(&frame(&request(UNKNOWN_CODE, opaque, &json!({})), &[]));
            sent.unwrap_or_else(|cause| panic!("{cause}"));
            let reply = wire.read().ok().flatten().unwrap_or_else(|| panic!("no answer"));
            assert_eq!(reply.code(), NOT_SUPPORTED);
            assert_eq!(reply.header["opaque"], opaque);
            assert!(reply.remark().contains("9999"), "{}", reply.remark());
        }
    }
}

#[test]
fn bytes_that_are_no_frame_close_their_connection_and_no_other() {
    let target = Target::shared();
    let mut bystander = Bystander::new(&target);
    let header = request(UNKNOWN_CODE, 1, &json!({})).to_string();
    let header_bytes = u32::try_from(header.len()).unwrap_or_default();
    let with_word = |total: u32, word: u32| {
        [&total.to_be_bytes()[..], &word.to_be_bytes(), header.as_bytes()].concat()
    };
    let cases: Vec<(&str, &str, Vec<u8>)> = vec![
        ("negative length", "length", with_word(u32::MAX, header_bytes)),
        ("length over the limit", "16777217", with_word(FRAME_BYTES_MAX + 1, header_bytes)),
        ("length of nothing", "length 0", 0_u32.to_be_bytes().to_vec()),
        ("length under a header word", "length 3", vec![0, 0, 0, 3, 1, 2, 3]),
        ("header longer than its frame", "header", with_word(4 + header_bytes, header_bytes + 1)),
        ("unknown serialize type", "9", with_word(4 + header_bytes, 9 << 24 | header_bytes)),
        ("header that is no JSON", "header", frame_with_header(b"{\"code\":", &[])),
        ("header that is no object", "header", frame_with_header(b"[1,2,3]", &[])),
        ("header that is no text", "header", frame_with_header(&[0xFF, 0xFE, 0x00], &[])),
        ("empty header", "header", frame_with_header(b"", &[])),
        ("binary header cut short", "header", with_word(4 + 5, 1 << 24 | 5)),
        ("HTTP", "HTTP", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
        ("line noise", "", (0..255).cycle().take(4096).collect()),
    ];
    for address in [target.broker(), target.nameserver()] {
        for (what, reason, bytes) in &cases {
            let mut wire = Wire::connect(&address);
            // The server may hang up before it has taken everything.
            let _ = wire.send(bytes);
            let words = last_words(&mut wire, what);
            if target.kind() == Kind::Remora {
                assert!(words.contains(reason), "{what}: '{reason}' is not in {words:?}");
            }
            bystander.sends_undisturbed();
        }
    }
}

#[test]
fn frames_cut_short_disturb_nobody() {
    let target = Target::shared();
    let mut bystander = Bystander::new(&target);
    let whole = frame(&request(10, 1, &send_fields(&bystander.topic)), b"never stored");
    for cut in [1, 4, 7, 8, 40, whole.len() - 1] {
        let mut wire = Wire::connect(&target.broker());
        let _ = wire.send(&whole[..cut]);
        wire.half_close();
        assert_eq!(last_words(&mut wire, "cut short"), "");
        bystander.sends_undisturbed();
    }
}

#[test]
fn a_frame_that_arrives_byte_by_byte_is_answered() {
    let target = Target::shared();
    let mut wire = Wire::connect(&target.broker());
    for byte in frame(&request(UNKNOWN_CODE, 5, &json!({})), b"body") {
        wire.send(&[byte]).unwrap_or_else(|cause| panic!("{cause}"));
    }
    let reply = wire.read().ok().flatten().unwrap_or_else(|| panic!("no answer"));
    assert_eq!(reply.header["opaque"], 5);
}

#[test]
fn announced_but_unsent_frames_take_no_memory() {
    const CONNECTIONS: usize = 64;
    const RESIDENT_GROWTH_KIB_MAX: u64 = 64 * 1024;
    let target = Target::fresh(&Options::default());
    let Some(pid) = target.pid() else { return };
    let mut bystander = Bystander::new(&target);
    bystander.sends_undisturbed();
    let before = resident_kib(pid);
    let announced: Vec<u8> =
        [&FRAME_BYTES_MAX.to_be_bytes()[..], &100_u32.to_be_bytes(), b"{"].concat();
    let waiting: Vec<Wire> = (0..CONNECTIONS)
        .map(|_| {
            let mut wire = Wire::connect(&target.broker());
            let _ = wire.send(&announced);
            wire
        })
        .collect();
    // Answered after the others' bytes were there to be read.
    bystander.sends_undisturbed();
    let grown = resident_kib(pid).saturating_sub(before);
    assert!(grown < RESIDENT_GROWTH_KIB_MAX, "{grown} KiB for {CONNECTIONS} announcements");
    drop(waiting);
    bystander.sends_undisturbed();
}

fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
