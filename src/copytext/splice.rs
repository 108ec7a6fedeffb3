//! Copies input to output but for the spans that are cut, and applies transforms that way.

use std::ops::Range;

use super::recipe::Transform;
use super::{array, padding, timestamp};

/// What is copied at least, in bytes.
const SHORT: usize = 32;

/// Copies `input` to the end of `out` but for the spans that are cut.
///
/// What lies between two cuts is copied in one piece, across fields and rows: few long copies are
/// what makes rewriting about as fast as copying.
pub(super) struct Splice<'a> {
    input: &'a [u8],
    /// How far the input is copied or cut.
    done: usize,
    out: &'a mut Vec<u8>,
}

impl<'a> Splice<'a> {
    pub(super) fn new(input: &'a [u8], out: &'a mut Vec<u8>) -> Self {
        Self {
            input,
            done: 0,
            out,
        }
    }

    /// Leaves out a span of the input; spans come in ascending order.
    #[inline]
    fn cut(&mut self, span: Range<usize>) {
        self.copy_to(span.start);
        self.done = span.end;
    }

    /// Copies up to this position of the input.
    #[inline]
    pub(super) fn copy_to(&mut self, end: usize) {
        let span = &self.input[self.done..end];
        // Two timestamps side by side leave a short span between their cuts. A copy of fixed length is
        // two instructions, one of any length is a call; so copy more, and forget the rest.
        match self.input[self.done..].first_chunk::<SHORT>() {
            Some(more) if span.len() <= SHORT => {
                let length = self.out.len() + span.len();
                self.out.extend_from_slice(more);
                self.out.truncate(length);
            }
            _ => self.out.extend_from_slice(span),
        }
        self.done = end;
    }

    /// Where this position of the input will be in `out`, if nothing more is cut before it.
    #[inline]
    pub(super) fn position_out(&self, at: usize) -> usize {
        self.out.len() + (at - self.done)
    }

    /// Applies `transform` to the field at `field` of the input. Answers whether it changed anything;
    /// `None`: the transform can not read the field.
    #[inline]
    pub(super) fn apply(&mut self, transform: Transform, field: Range<usize>) -> Option<bool> {
        let Range { start, end } = field;
        let text = &self.input[start..end];
        let span = match transform {
            Transform::CutTimestamp { digits } => match timestamp::excess(text, digits) {
                Some(span) => start + span.start..start + span.end,
                None => return (text == b"\\N").then_some(false),
            },
            Transform::CutTimestampArray { digits } => return self.cut_array(start..end, digits),
            Transform::TrimRight => start + padding::trimmed(text)?..end,
        };
        if span.is_empty() {
            return Some(false);
        }
        self.cut(span);
        Some(true)
    }

    fn cut_array(&mut self, field: Range<usize>, digits: u8) -> Option<bool> {
        let start = field.start;
        let text = &self.input[field];
        if text == b"\\N" {
            return Some(false);
        }
        let mut changed = false;
        array::excess(text, digits, |span| {
            changed = true;
            self.cut(start + span.start..start + span.end);
        })?;
        Some(changed)
    }
}
