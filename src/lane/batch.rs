//! A batch on its way from reader to writer, and the pieces in which it is committed.

use std::ops::Range;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use crate::copytext::{Digest, Parts, Rows, Spread};

use super::Work;

/// Whole rows of one chunk, kept until their COMMIT is answered.
pub(super) struct Batch {
    pub(super) work: Arc<Work>,
    pub(super) rows: Rows,
    /// Position of the first row in the chunk, from 0.
    pub(super) first_row: u64,
    /// Bytes of COPY text as read.
    pub(super) read_bytes: u64,
    /// Whether the chunk ends with it; only then may it be empty.
    pub(super) last: bool,
    /// Held while a row above the batch limit is in memory: such rows pass one at a time.
    pub(super) alone: Option<OwnedSemaphorePermit>,
}

/// A part of a batch that is committed by one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) bytes: Range<usize>,
    pub(super) first_row: u64,
    pub(super) digest: Digest,
    /// Whether the batch ends with it. Values changed and bytes read are counted with this piece.
    pub(super) ends_batch: bool,
}

/// The next piece of at most `limit` bytes (one row, if that is larger), from byte `from` on.
pub(super) fn piece(rows: &Rows, from: usize, first_row: u64, limit: usize) -> Piece {
    let rest = &rows.bytes[from..];
    if from == 0 && rest.len() <= limit {
        let bytes = 0..rest.len();
        return Piece {
            bytes,
            first_row,
            digest: rows.digest,
            ends_batch: true,
        };
    }
    let end = if rest.len() <= limit {
        rest.len()
    } else {
        let within = memchr::memrchr(b'\n', &rest[..limit]);
        within
            .or_else(|| memchr::memchr(b'\n', rest))
            .map_or(rest.len(), |at| at + 1)
    };
    let digest = digest(&rest[..end]);
    Piece {
        bytes: from..from + end,
        first_row,
        digest,
        ends_batch: end == rest.len(),
    }
}

/// The digest of whole rows.
pub(super) fn digest(rows: &[u8]) -> Digest {
    let mut digest = Digest::default();
    for row in each_row(rows) {
        digest.add_row(row);
    }
    digest
}

/// The sums of whole rows by part.
pub(super) fn parts(rows: &[u8], spread: &Spread) -> Parts {
    let mut parts = Parts::default();
    for row in each_row(rows) {
        let hash = Digest::default().add_row(row);
        parts.add(spread.part(row, || hash), hash);
    }
    parts
}

/// Whole rows without their newlines.
fn each_row(rows: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut from = 0;
    memchr::memchr_iter(b'\n', rows).map(move |end| {
        let row = &rows[from..end];
        from = end + 1;
        row
    })
}

/// The frames of a piece: end offsets of the batch's frames that lie within, and its own end.
pub(super) fn frames<'a>(rows: &'a Rows, piece: &'a Piece) -> impl Iterator<Item = &'a [u8]> {
    let Range { start, end } = piece.bytes;
    let inner = rows
        .frames
        .iter()
        .copied()
        .filter(move |&f| f > start && f < end);
    let mut from = start;
    inner.chain((start < end).then_some(end)).map(move |to| {
        let frame = &rows.bytes[from..to];
        from = to;
        frame
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, frames: &[usize]) -> Rows {
        Rows {
            bytes: text.as_bytes().to_vec(),
            frames: frames.to_vec(),
            digest: digest(text.as_bytes()),
            ..Rows::default()
        }
    }

    #[test]
    fn pieces_end_at_rows_and_tile_the_batch() {
        let rows = rows("aa\nbbbb\nc\n\ndddddddddd\ne\n", &[3, 11, 24]);
        for limit in 1..30 {
            let (mut at, mut row, mut sum) = (0, 0, Digest::default());
            loop {
                let piece = piece(&rows, at, row, limit);
                assert_eq!(piece.bytes.start, at);
                let bytes = &rows.bytes[piece.bytes.clone()];
                assert!(bytes.ends_with(b"\n"));
                assert!(
                    bytes.len() <= limit || piece.digest.rows == 1,
                    "limit {limit}"
                );
                let frames: Vec<u8> = frames(&rows, &piece).flatten().copied().collect();
                assert_eq!(frames, bytes);
                sum.merge(piece.digest);
                row += piece.digest.rows;
                at = piece.bytes.end;
                if piece.ends_batch {
                    break;
                }
            }
            assert_eq!((at, row, sum), (24, 6, rows.digest), "limit {limit}");
        }
    }

    #[test]
    fn an_empty_batch_is_one_empty_piece() {
        let rows = rows("", &[]);
        let piece = piece(&rows, 0, 7, 100);
        assert_eq!(piece.digest.rows, 0);
        assert!(piece.ends_batch);
        assert_eq!(frames(&rows, &piece).count(), 0);
    }
}
