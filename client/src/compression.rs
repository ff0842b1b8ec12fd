//! Bodies compressed by producers and inflated by consumers; brokers never look inside.
use std::io::{self, Read, Write};

use bytes::Bytes;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use remora_protocol::sys_flag;

/// How bodies are compressed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Compression {
    /// LZ4 frame format: least work. Needs readers of RocketMQ 5.
    Lz4,
    /// Zstandard: best ratio for its speed. Needs readers of RocketMQ 5.
    Zstd,
    /// Zlib: what every client reads.
    #[default]
    Zlib,
}

impl Compression {
    /// The sysFlag bits that say so.
    pub(crate) fn sys_flag(self) -> i32 {
        let kind = match self {
            Self::Lz4 => sys_flag::Compression::Lz4,
            Self::Zstd => sys_flag::Compression::Zstd,
            Self::Zlib => sys_flag::Compression::Zlib,
        };
        sys_flag::with_compression(0, kind)
    }

    /// How a body with this sysFlag is compressed; `None` when it is not.
    pub(crate) fn of_sys_flag(flag: i32) -> Option<Result<Self, CompressionError>> {
        Some(match sys_flag::compression(flag)? {
            sys_flag::Compression::Zlib => Ok(Self::Zlib),
            sys_flag::Compression::Lz4 => Ok(Self::Lz4),
            sys_flag::Compression::Zstd => Ok(Self::Zstd),
            sys_flag::Compression::Unknown(kind) => Err(CompressionError::UnknownKind(kind)),
        })
    }

    /// Compresses a body. `level` is zlib's 0 to 9, as in Java; the others use their own default.
    pub(crate) fn compress(self, body: &[u8], level: u32) -> Result<Vec<u8>, CompressionError> {
        self.compress_io(body, level)
            .map_err(|e| CompressionError::Broken { kind: self, reason: e.to_string() })
    }

    fn compress_io(self, body: &[u8], level: u32) -> io::Result<Vec<u8>> {
        match self {
            Self::Zlib => {
                let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::new(level));
                encoder.write_all(body)?;
                encoder.finish()
            }
            Self::Lz4 => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
                encoder.write_all(body)?;
                encoder.finish().map_err(io::Error::from)
            }
            Self::Zstd => zstd::stream::encode_all(body, zstd::DEFAULT_COMPRESSION_LEVEL),
        }
    }

    /// Inflates a body to at most `limit_bytes`: a peer's few bytes must not fill this process.
    pub(crate) fn inflate(
        self,
        body: &[u8],
        limit_bytes: usize,
    ) -> Result<Bytes, CompressionError> {
        let broken = |e: io::Error| CompressionError::Broken { kind: self, reason: e.to_string() };
        let read: Box<dyn Read + '_> = match self {
            Self::Zlib => Box::new(ZlibDecoder::new(body)),
            Self::Lz4 => Box::new(lz4_flex::frame::FrameDecoder::new(body)),
            Self::Zstd => Box::new(zstd::stream::read::Decoder::new(body).map_err(broken)?),
        };
        let mut inflated = Vec::with_capacity(limit_bytes.min(body.len().saturating_mul(3)));
        let one_more = u64::try_from(limit_bytes).unwrap_or(u64::MAX).saturating_add(1);
        read.take(one_more).read_to_end(&mut inflated).map_err(broken)?;
        if inflated.len() > limit_bytes {
            return Err(CompressionError::TooLarge { kind: self, limit_bytes });
        }
        Ok(inflated.into())
    }
}

/// Why a body could not be compressed or inflated.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CompressionError {
    #[error("body is not sound {kind:?}: {reason}")]
    Broken { kind: Compression, reason: String },
    #[error("body ({kind:?}) inflates to more than {limit_bytes} bytes")]
    TooLarge { kind: Compression, limit_bytes: usize },
    #[error("compression type {0} is not known: 1 is LZ4, 2 is zstd, 3 is zlib")]
    UnknownKind(u8),
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Compression; 3] = [Compression::Lz4, Compression::Zstd, Compression::Zlib];

    #[test]
    fn every_kind_inflates_what_it_compressed_and_says_so_in_sys_flag() {
        let body = "a body that repeats itself, ".repeat(400).into_bytes();
        for kind in ALL {
            let packed = kind.compress(&body, 5).unwrap();
            assert!(packed.len() < body.len() / 4, "{kind:?}");
            assert_eq!(Compression::of_sys_flag(kind.sys_flag()), Some(Ok(kind)));
            assert_eq!(kind.inflate(&packed, body.len()), Ok(Bytes::from(body.clone())));
        }
    }

    #[test]
    fn a_body_that_inflates_past_the_limit_is_refused() {
        let body = vec![0; 100_000];
        for kind in ALL {
            let packed = kind.compress(&body, 5).unwrap();
            assert_eq!(
                kind.inflate(&packed, body.len() - 1),
                Err(CompressionError::TooLarge { kind, limit_bytes: body.len() - 1 })
            );
        }
    }

    #[test]
    fn rubbish_is_an_error_and_old_clients_mean_zlib() {
        for kind in ALL {
            assert!(matches!(
                kind.inflate(b"no such thing", 1000),
                Err(CompressionError::Broken { .. })
            ));
        }
        assert_eq!(Compression::of_sys_flag(1), Some(Ok(Compression::Zlib)));
        assert_eq!(Compression::of_sys_flag(0), None);
        assert_eq!(
            Compression::of_sys_flag(1 | 5 << 8),
            Some(Err(CompressionError::UnknownKind(5)))
        );
    }
}
