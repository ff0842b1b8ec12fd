//! Bytes on their way to a peer: small frames in one buffer, large bodies as slices beside it.
use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};
use remora_protocol::frame::encode_head;
use remora_protocol::{EncodeHeader, Head};

use crate::body::Body;

/// A body part up to this size is copied beside its header: cheaper than a slice of its own in the
/// write. Chosen: half a page, a copy of some 50 ns.
const COPIED_BYTES_MAX: usize = 2048;

/// Slices in one write. Chosen: 16 KiB of headers and bodies or many MiB of mapped log; the kernel
/// would take 1024.
pub(crate) const SLICES_MAX: usize = 64;

/// What is still to be written, in order: `segments`, then `tail`.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    segments: VecDeque<Bytes>,
    segment_bytes: usize,
    tail: BytesMut,
}

impl Outgoing {
    pub(crate) fn bytes(&self) -> usize {
        self.segment_bytes + self.tail.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes() == 0
    }

    /// Memory kept for reuse.
    pub(crate) fn capacity_bytes(&self) -> usize {
        self.tail.capacity() + self.segments.capacity() * size_of::<Bytes>()
    }

    /// Appends one frame.
    pub(crate) fn frame(
        &mut self,
        head: &Head<'_>,
        header: &(impl EncodeHeader + ?Sized),
        body: Body,
    ) {
        let mut whole = Whole { start: self.tail.len(), tail: &mut self.tail, done: false };
        encode_head(whole.tail, head, header, body.bytes());
        whole.done = true;
        drop(whole);
        match body {
            Body::Empty => {}
            Body::Bytes(bytes) => self.append_bytes(bytes),
            Body::Slices(slices) => slices.into_iter().for_each(|slice| self.append_bytes(slice)),
        }
    }

    /// Appends bytes that are (part of) frames already.
    pub(crate) fn append_bytes(&mut self, bytes: Bytes) {
        if bytes.len() <= COPIED_BYTES_MAX {
            self.tail.extend_from_slice(&bytes);
        } else {
            self.seal_tail();
            self.segment_bytes += bytes.len();
            self.segments.push_back(bytes);
        }
    }

    /// Appends everything of `other`, which is left empty.
    pub(crate) fn append(&mut self, other: &mut Self) {
        if self.is_empty() {
            std::mem::swap(self, other);
            return;
        }
        if other.segments.is_empty() && other.tail.len() <= COPIED_BYTES_MAX {
            self.tail.extend_from_slice(&other.tail);
            other.clear();
            return;
        }
        self.seal_tail();
        self.segments.append(&mut other.segments);
        self.segment_bytes += std::mem::take(&mut other.segment_bytes);
        std::mem::swap(&mut self.tail, &mut other.tail);
    }

    fn seal_tail(&mut self) {
        if !self.tail.is_empty() {
            let sealed = self.tail.split().freeze();
            self.segment_bytes += sealed.len();
            self.segments.push_back(sealed);
        }
    }

    /// The buffer of small frames: all that is queued, where no large body was.
    pub(crate) fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// Everything, where no large body was queued: mostly so.
    pub(crate) fn one_slice(&self) -> Option<&[u8]> {
        self.segments.is_empty().then_some(&self.tail)
    }

    /// The next slices to write.
    pub(crate) fn slices<'s>(&'s self, into: &mut [IoSlice<'s>; SLICES_MAX]) -> usize {
        let parts = self.segments.iter().map(Bytes::as_ref).chain(Some(self.tail.as_ref()));
        let mut count = 0;
        for (place, part) in into.iter_mut().zip(parts.filter(|part| !part.is_empty())) {
            *place = IoSlice::new(part);
            count += 1;
        }
        count
    }

    /// Forgets the first `written_bytes`.
    pub(crate) fn advance(&mut self, mut written_bytes: usize) {
        while written_bytes > 0 {
            let Some(first) = self.segments.front_mut() else { break };
            let taken = written_bytes.min(first.len());
            first.advance(taken);
            self.segment_bytes -= taken;
            written_bytes -= taken;
            if first.is_empty() {
                self.segments.pop_front();
            }
        }
        assert!(written_bytes <= self.tail.len(), "more written than was queued");
        if written_bytes == self.tail.len() {
            self.tail.clear();
        } else {
            self.tail.advance(written_bytes);
        }
    }

    /// Drops what is queued, keeps the buffers.
    pub(crate) fn clear(&mut self) {
        self.segments.clear();
        self.segment_bytes = 0;
        self.tail.clear();
    }
}

/// Takes back a header whose encoding panicked, so that the stream stays a row of whole frames.
struct Whole<'o> {
    tail: &'o mut BytesMut,
    start: usize,
    done: bool,
}

impl Drop for Whole<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.tail.truncate(self.start);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(out: &Outgoing) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let count = out.slices(&mut slices);
        slices.iter().take(count).flat_map(|slice| slice.to_vec()).collect()
    }

    #[test]
    fn small_parts_share_one_slice_and_large_ones_stay_uncopied() {
        let large = Bytes::from(vec![7; COPIED_BYTES_MAX + 1]);
        let mut out = Outgoing::default();
        out.append_bytes(Bytes::from_static(b"ab"));
        out.append_bytes(Bytes::from_static(b"cd"));
        out.append_bytes(large.clone());
        out.append_bytes(Bytes::from_static(b"ef"));

        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        assert_eq!(out.slices(&mut slices), 3);
        assert_eq!(&*slices[0], b"abcd");
        assert_eq!(slices[1].as_ptr(), large.as_ptr());
        assert_eq!(&*slices[2], b"ef");
        assert_eq!(out.bytes(), large.len() + 6);
    }

    #[test]
    fn advancing_by_any_amount_leaves_exactly_the_rest() {
        let large = Bytes::from(vec![7; COPIED_BYTES_MAX + 1]);
        let mut whole = b"head".to_vec();
        whole.extend_from_slice(&large);
        whole.extend_from_slice(b"tail");
        for written_bytes in [0, 1, 4, 5, large.len() + 4, large.len() + 6, whole.len()] {
            let mut out = Outgoing::default();
            out.append_bytes(Bytes::from_static(b"head"));
            out.append_bytes(large.clone());
            out.append_bytes(Bytes::from_static(b"tail"));
            out.advance(written_bytes);
            assert_eq!(written(&out), whole[written_bytes..]);
            assert_eq!(out.bytes(), whole.len() - written_bytes);
        }
    }

    #[test]
    fn appending_a_queue_keeps_the_order() {
        for other_bytes in [3, COPIED_BYTES_MAX + 1] {
            let mut out = Outgoing::default();
            out.append_bytes(Bytes::from_static(b"first"));
            let mut other = Outgoing::default();
            other.append_bytes(Bytes::from(vec![1; other_bytes]));
            other.append_bytes(Bytes::from_static(b"last"));
            out.append(&mut other);
            out.append_bytes(Bytes::from_static(b"after"));

            let mut expected = b"first".to_vec();
            expected.extend_from_slice(&vec![1; other_bytes]);
            expected.extend_from_slice(b"lastafter");
            assert_eq!(written(&out), expected);
            assert!(other.is_empty());
        }
    }
}
