// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! The names of the headers that come with every message.
use crate::field_order::Names;
use crate::generated::header;

pub(crate) const PULL_MESSAGE: Names = Names {
    id: 1,
    list: header::PullMessageHeader::FIELDS,
};

pub(crate) const SEND_MESSAGE: Names = Names {
    id: 2,
    list: header::SendMessageHeader::FIELDS,
};

pub(crate) const SEND_MESSAGE_SHORT: Names = Names {
    id: 3,
    list: &[
        "a",
        "b",
        "c",
        "d",
        "e",
        "f",
        "g",
        "h",
        "i",
        "j",
        "k",
        "m",
        "l",
        "n",
    ],
};

/// The names that requests of this code have, where they come with every message.
pub(crate) fn names_of(code: i32) -> Option<&'static Names> {
    Some(match code {
        11 | 361 => &PULL_MESSAGE,
        10 | 324 => &SEND_MESSAGE,
        310 | 320 | 325 => &SEND_MESSAGE_SHORT,
        _ => return None,
    })
}
