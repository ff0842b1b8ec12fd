//! Bits of a message's `sysFlag`.

/// The body is compressed; see `compression`.
pub const COMPRESSED: i32 = 1;
/// TAGS holds several tags.
pub const MULTI_TAGS: i32 = 1 << 1;
/// Both transaction bits.
pub const TRANSACTION_MASK: i32 = 3 << 2;
pub const TRANSACTION_NOT: i32 = 0;
pub const TRANSACTION_PREPARED: i32 = 1 << 2;
pub const TRANSACTION_COMMIT: i32 = 2 << 2;
pub const TRANSACTION_ROLLBACK: i32 = 3 << 2;
/// The born host has 16 bytes of address.
pub const BORN_HOST_V6: i32 = 1 << 4;
/// The store host has 16 bytes of address.
pub const STORE_HOST_V6: i32 = 1 << 5;
/// The body is a batch that the consumer unwraps.
pub const NEED_UNWRAP: i32 = 1 << 6;
pub const INNER_BATCH: i32 = 1 << 7;
const COMPRESSION_SHIFT: i32 = 8;
const COMPRESSION_MASK: i32 = 7 << COMPRESSION_SHIFT;

/// How a compressed body was compressed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Compression {
    Lz4,
    Zstd,
    /// 3, and 0 from clients older than the choice.
    Zlib,
    /// A number that Apache does not know, with the value of its three bits.
    Unknown(u8),
}

/// The compression of a body; `None` where it is not compressed.
pub fn compression(sys_flag: i32) -> Option<Compression> {
    if sys_flag & COMPRESSED == 0 {
        return None;
    }
    Some(match (sys_flag & COMPRESSION_MASK) >> COMPRESSION_SHIFT {
        1 => Compression::Lz4,
        2 => Compression::Zstd,
        0 | 3 => Compression::Zlib,
        other => Compression::Unknown(u8::try_from(other).unwrap_or(u8::MAX)),
    })
}

/// `sys_flag` with the bits of a body compressed that way.
pub fn with_compression(sys_flag: i32, compression: Compression) -> i32 {
    let kind = match compression {
        Compression::Lz4 => 1,
        Compression::Zstd => 2,
        Compression::Zlib => 3,
        Compression::Unknown(bits) => i32::from(bits) & 7,
    };
    sys_flag & !COMPRESSION_MASK | COMPRESSED | kind << COMPRESSION_SHIFT
}

/// `sys_flag` of the body after it has been decompressed.
pub fn without_compression(sys_flag: i32) -> i32 {
    sys_flag & !(COMPRESSED | COMPRESSION_MASK)
}

/// The transaction bits, to compare with `TRANSACTION_*`.
pub fn transaction(sys_flag: i32) -> i32 {
    sys_flag & TRANSACTION_MASK
}

/// `sys_flag` with its transaction bits replaced by one of `TRANSACTION_*`.
pub fn with_transaction(sys_flag: i32, transaction: i32) -> i32 {
    sys_flag & !TRANSACTION_MASK | transaction & TRANSACTION_MASK
}
