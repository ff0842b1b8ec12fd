//! The table of all request codes, for documentation and for the test that none is forgotten.
use crate::code::{Lane, RequestCode};
pub use crate::generated::ALL;

/// What is known about a request code. The full facts are in `schema/*.json`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CodeInfo {
    pub code: RequestCode,
    pub name: &'static str,
    pub lane: Lane,
    /// Who serves it.
    pub receivers: &'static [Role],
    pub status: Status,
    /// Wire names of the header's fields, in their long form.
    pub fields: &'static [&'static str],
}

/// A party of the protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Client,
    Broker,
    Nameserver,
    Controller,
}

/// Whether this implementation serves a code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    Handled,
    /// Answered with REQUEST_CODE_NOT_SUPPORTED, for this reason.
    Unsupported(&'static str),
}

/// Looks a code up; `None` where Apache knows none of that number either.
pub fn find(code: RequestCode) -> Option<&'static CodeInfo> {
    let at = ALL.binary_search_by_key(&code, |info| info.code).ok()?;
    ALL.get(at)
}

impl RequestCode {
    /// Its name in Apache RocketMQ; `None` for a number without one.
    pub fn name(self) -> Option<&'static str> {
        find(self).map(|info| info.name)
    }
}

pub(crate) const fn handled(
    code: i32,
    name: &'static str,
    lane: Lane,
    receivers: &'static [Role],
    fields: &'static [&'static str],
) -> CodeInfo {
    CodeInfo { code: RequestCode(code), name, lane, receivers, status: Status::Handled, fields }
}

pub(crate) const fn unsupported(
    code: i32,
    name: &'static str,
    lane: Lane,
    receivers: &'static [Role],
    fields: &'static [&'static str],
    reason: &'static str,
) -> CodeInfo {
    let status = Status::Unsupported(reason);
    CodeInfo { code: RequestCode(code), name, lane, receivers, status, fields }
}
