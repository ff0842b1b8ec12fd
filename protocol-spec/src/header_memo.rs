//! Remembers the JSON headers that a thread reads again and again.
//!
//! Clients send one shape of header all the time: the same keys in the same order, and most values
//! the same too. A shape knows its bytes and where they change; a header that fits is compared, not
//! scanned, and reads as the scanner reads it (a property test holds the two together). Any other
//! header is scanned, and now and then learnt from.
mod shape;

use crate::frame::{Frame, FrameError};
use crate::json_header;
use crate::shapes::Shapes;
use shape::Shape;

/// Longer headers are not remembered, so that a memo stays below 64 KiB.
const HEADER_BYTES_MAX: usize = 4096;

/// What a thread remembers of the JSON headers it has read; see `frame::decode_into`.
#[derive(Debug, Default)]
pub struct HeaderMemo(Shapes<Shape>);

impl HeaderMemo {
    /// As `json_header::decode`, faster where the header has a known shape. Sets what the header
    /// says of `frame`; nothing in particular where it is refused.
    #[inline]
    pub(crate) fn decode<'a>(
        &mut self,
        header: &'a [u8],
        frame: &mut Frame<'a>,
    ) -> Result<(), FrameError> {
        if self.0.recognize(|shape| shape.read(header, frame)).is_some() {
            return Ok(());
        }
        self.decode_other(header, frame)
    }

    #[inline(never)]
    fn decode_other<'a>(
        &mut self,
        header: &'a [u8],
        frame: &mut Frame<'a>,
    ) -> Result<(), FrameError> {
        let parts = json_header::decode(header)?;
        if self.0.may_learn() {
            let is_short = header.len() <= HEADER_BYTES_MAX;
            let new = if is_short { Shape::of(header, &parts) } else { None };
            self.0.learn(new, |known, new| known.admit(new));
        }
        frame.set_header(&parts);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
