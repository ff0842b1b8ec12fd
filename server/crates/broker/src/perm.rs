//! Permission bits of a topic, and of the whole broker.

pub const READ: i32 = 4;
pub const WRITE: i32 = 2;
/// Topics may be created in this one's image.
pub const INHERIT: i32 = 1;

pub fn is_readable(perm: i32) -> bool {
    perm & READ != 0
}

pub fn is_writable(perm: i32) -> bool {
    perm & WRITE != 0
}

pub fn is_inherited(perm: i32) -> bool {
    perm & INHERIT != 0
}
