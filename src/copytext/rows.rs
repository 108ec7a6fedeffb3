//! Whole rows, ready to be sent, and their frames.

use super::digest::Digest;
use super::sums::Parts;

/// Whole rewritten rows, ready to be sent.
#[derive(Clone, Default)]
pub struct Rows {
    /// The rows with their newlines.
    pub bytes: Vec<u8>,
    /// End offsets in `bytes` of the frames: row ends, at most one frame size apart where rows allow.
    /// A row above the frame size stands alone. The last is the end of `bytes`.
    pub frames: Vec<usize>,
    /// Count and sum of the rows as they are in `bytes`.
    pub digest: Digest,
    /// Values changed, per transform of the recipe. An array counts once.
    pub changed: Vec<u64>,
    /// Count and sum of the rows as they were read; `None`: as `digest`, since nothing is transformed. A row's
    /// hash is made of the hash of it as sent and of the text of the fields that are transformed, as read.
    pub read: Option<Digest>,
    /// Sums of the rows as they are in `bytes`, by part.
    pub parts: Parts,
}

impl Rows {
    /// No rows yet, with room for `bytes` bytes of them.
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            ..Self::default()
        }
    }

    /// Whether no row is held.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Forgets all rows and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.frames.clear();
        self.digest = Digest::default();
        self.changed.clear();
        self.read = None;
        self.parts = Parts::default();
    }
}

// Rows are never printed, only their sizes.
impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows")
            .field("bytes", &self.bytes.len())
            .field("frames", &self.frames)
            .field("digest", &self.digest)
            .field("changed", &self.changed)
            .finish()
    }
}

/// Cuts rows into frames while they are appended.
///
/// The last frame stays open: as long as it has room, its end moves with each row, so that the frames
/// do not depend on how the input was cut.
pub(super) struct Framing<'a> {
    frames: &'a mut Vec<usize>,
    start: usize,
    end: usize,
    size: usize,
}

impl<'a> Framing<'a> {
    /// Goes on with the frames that there are; `size` is what a frame aims at, in bytes.
    pub(super) fn new(frames: &'a mut Vec<usize>, size: usize) -> Self {
        let end = frames.pop().unwrap_or(0);
        let start = frames.last().copied().unwrap_or(0);
        Self {
            frames,
            start,
            end,
            size,
        }
    }

    /// Takes the row that ends at `end`.
    #[inline]
    pub(super) fn row(&mut self, end: usize) {
        if end - self.start > self.size && self.end > self.start {
            self.frames.push(self.end);
            self.start = self.end;
        }
        self.end = end;
    }

    /// Closes the open frame for now.
    pub(super) fn finish(self) {
        if self.end > self.start {
            self.frames.push(self.end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(size: usize, calls: &[&[usize]]) -> Vec<usize> {
        let mut frames = Vec::new();
        for ends in calls {
            let mut framing = Framing::new(&mut frames, size);
            ends.iter().for_each(|end| framing.row(*end));
            framing.finish();
        }
        frames
    }

    #[test]
    fn frames_end_at_row_ends_and_hold_at_most_their_size() {
        assert_eq!(frames(10, &[&[4, 8, 12, 16, 20, 21]]), [8, 16, 21]);
        assert_eq!(frames(10, &[&[10, 20]]), [10, 20]);
        assert_eq!(frames(0, &[&[1, 2]]), [1, 2]);
        assert!(frames(10, &[&[]]).is_empty());
    }

    #[test]
    fn a_row_above_the_frame_size_stands_alone() {
        assert_eq!(frames(10, &[&[3, 30, 33]]), [3, 30, 33]);
        assert_eq!(frames(10, &[&[30, 33]]), [30, 33]);
    }

    #[test]
    fn frames_do_not_depend_on_the_calls() {
        assert_eq!(
            frames(10, &[&[4], &[], &[8, 12], &[16, 20, 21]]),
            [8, 16, 21]
        );
    }

    #[test]
    fn debug_prints_no_row() {
        let rows = Rows {
            bytes: b"secret\n".to_vec(),
            ..Rows::default()
        };
        assert!(format!("{rows:?}").starts_with("Rows { bytes: 7"));
    }
}
