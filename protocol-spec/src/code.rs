//! Open numbers of the wire: an unknown one keeps its value.

/// A request code. Constants are generated from `schema/`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct RequestCode(pub i32);

/// A response code. Constants are generated from `schema/responses.json`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ResponseCode(pub i32);

/// Language of the peer, as a number (JAVA 0, GO 9, RUST 12 …); JSON headers carry its name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Language(pub u8);

/// Which threads serve a request: `Send` and `Pull` run on the IO shard of the connection,
/// `Admin` on the slow lane so that a listing never delays a send.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Lane {
    Send,
    Pull,
    Client,
    Admin,
}
