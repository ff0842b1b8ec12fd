//! Body of a frame.
use bytes::Bytes;

/// Body of a frame to send. Slices of the commit log go to the socket uncopied.
#[derive(Clone, Debug, Default)]
pub enum Body {
    #[default]
    Empty,
    Bytes(Bytes),
    Slices(Vec<Bytes>),
}

impl Body {
    pub fn bytes(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Bytes(bytes) => bytes.len(),
            Self::Slices(slices) => slices.iter().map(Bytes::len).sum(),
        }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Vec<Bytes>> for Body {
    fn from(slices: Vec<Bytes>) -> Self {
        Self::Slices(slices)
    }
}
