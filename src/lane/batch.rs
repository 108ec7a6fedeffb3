//! A batch on its way from reader to writer, and the pieces in which it is committed.

use std::ops::Range;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use crate::copytext::{Digest, Parts, RowErrorKind, Rows, Spread};

use super::Work;
use super::rejects::Reason;

/// Whole rows of one chunk, kept until their COMMIT is answered.
pub(super) struct Batch {
    pub(super) work: Arc<Work>,
    pub(super) rows: Rows,
    /// Rows among them that can not be sent, in their order.
    pub(super) unfit: Vec<Unfit>,
    /// Position of the first row in the chunk, from 0.
    pub(super) first_row: u64,
    /// Bytes of COPY text as read.
    pub(super) read_bytes: u64,
    /// Whether the chunk ends with it; only then may it be empty.
    pub(super) last: bool,
    /// Held while a row above the batch limit is in memory: such rows pass one at a time.
    pub(super) alone: Option<OwnedSemaphorePermit>,
    /// Where rows that were rejected before stood then: chunk and position from 1, one for each row of the
    /// batch. Empty for rows of the source.
    pub(super) origins: Vec<(u32, u64)>,
}

/// A row that can not be sent.
pub(super) struct Unfit {
    /// Byte of the batch's rows before which it stood.
    pub(super) at: usize,
    /// As it was read, with its newline.
    pub(super) row: Vec<u8>,
    /// What is wrong with it.
    pub(super) kind: RowErrorKind,
}

/// A row that is rejected with the next transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    /// Its position in the chunk, from 0.
    pub(super) position: u64,
    pub(super) text: Text,
    pub(super) reason: Reason,
}

/// Where in a batch the text of a row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Text {
    /// Bytes of its rows.
    Sent(Range<usize>),
    /// Number of an unfit row.
    Unfit(usize),
}

/// A part of a batch that is committed by one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// Bytes that are loaded.
    pub(super) bytes: Range<usize>,
    pub(super) first_row: u64,
    /// Of the rows that are loaded.
    pub(super) digest: Digest,
    /// Rows that are rejected, before, between and behind those that are loaded.
    pub(super) refused: Vec<Refused>,
    /// Whether the batch ends with it. Values changed and bytes read are counted with this piece.
    pub(super) ends_batch: bool,
}

impl Piece {
    /// Rows that it decides.
    pub(super) fn rows(&self) -> u64 {
        self.digest.rows + self.refused.len() as u64
    }
}

impl Batch {
    /// The text of a row, with its newline.
    pub(super) fn text(&self, text: &Text) -> &[u8] {
        match text {
            Text::Sent(range) => &self.rows.bytes[range.clone()],
            Text::Unfit(number) => &self.unfit[*number].row,
        }
    }

    /// How many rows there are.
    pub(super) fn count(&self) -> u64 {
        self.rows.digest.rows + self.unfit.len() as u64
    }

    /// All its rows, as they are counted when the chunk is read again.
    pub(super) fn digest(&self) -> Digest {
        let mut sum = self.rows.digest;
        self.unfit
            .iter()
            .for_each(|unfit| sum.merge(digest(&unfit.row)));
        sum
    }

    /// The digest of rejected rows.
    pub(super) fn digest_of(&self, refused: &[Refused]) -> Digest {
        let mut sum = Digest::default();
        refused
            .iter()
            .for_each(|row| sum.merge(digest(self.text(&row.text))));
        sum
    }

    /// Bytes of the rows in memory.
    pub(super) fn weight(&self) -> usize {
        self.rows.bytes.len() + self.unfit.iter().map(|u| u.row.len()).sum::<usize>()
    }
}

/// How far a batch is committed.
#[derive(Debug)]
pub(super) struct Cursor {
    /// The byte from which on nothing is decided.
    at: usize,
    /// Position in the chunk of the first row that is not committed.
    first_row: u64,
    /// Unfit rows that are committed or among `refused`.
    unfit: usize,
    /// Rows before `at` that are to be rejected with the next transaction.
    refused: Vec<Refused>,
    done: bool,
}

impl Cursor {
    pub(super) fn new(batch: &Batch) -> Self {
        Self {
            at: 0,
            first_row: batch.first_row,
            unfit: 0,
            refused: Vec::new(),
            done: false,
        }
    }

    /// Whether all of the batch is committed.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// The next piece: at most `limit` bytes (one row, if that is larger) and `most` rows to be loaded.
    pub(super) fn piece(&self, batch: &Batch, limit: usize, most: Option<u64>) -> Piece {
        let (bytes, digest) = extent(&batch.rows, self.at, limit, most);
        let ends_batch = bytes.end == batch.rows.bytes.len();
        let mut refused = self.refused.clone();
        let mut counted = self.at;
        let mut position = self.first_row + refused.len() as u64;
        for (number, unfit) in batch.unfit.iter().enumerate().skip(self.unfit) {
            if unfit.at >= bytes.end && !ends_batch && unfit.at > self.at {
                break;
            }
            let between = memchr::memchr_iter(b'\n', &batch.rows.bytes[counted..unfit.at]);
            position += between.count() as u64;
            counted = unfit.at;
            refused.push(Refused {
                position,
                text: Text::Unfit(number),
                reason: Reason::of_row(&unfit.kind, &batch.work.columns),
            });
            position += 1;
        }
        Piece {
            bytes,
            first_row: self.first_row,
            digest,
            refused,
            ends_batch,
        }
    }

    /// Position in the chunk of the row that was refused last.
    pub(super) fn last_refused(&self) -> u64 {
        self.refused
            .last()
            .map_or(self.first_row, |row| row.position)
    }

    /// A piece is committed.
    pub(super) fn committed(&mut self, piece: &Piece) {
        self.at = piece.bytes.end;
        self.first_row += piece.rows();
        let unfit = piece.refused.iter().rev().find_map(|row| match row.text {
            Text::Unfit(number) => Some(number + 1),
            Text::Sent(_) => None,
        });
        self.unfit = unfit.unwrap_or(self.unfit).max(self.unfit);
        self.refused.clear();
        self.done = piece.ends_batch;
    }

    /// The one row of a piece is refused.
    pub(super) fn refuse(&mut self, batch: &Batch, piece: &Piece, reason: Reason) {
        // Unfit rows that stood before it come first.
        let before = |row: &Refused| match row.text {
            Text::Unfit(number) => batch.unfit[number].at <= piece.bytes.start,
            Text::Sent(_) => true,
        };
        self.refused = piece
            .refused
            .iter()
            .filter(|row| before(row))
            .cloned()
            .collect();
        let unfit = batch
            .unfit
            .iter()
            .filter(|unfit| unfit.at <= piece.bytes.start);
        self.unfit = unfit.count();
        self.refused.push(Refused {
            position: self.first_row + self.refused.len() as u64,
            text: Text::Sent(piece.bytes.clone()),
            reason,
        });
        self.at = piece.bytes.end;
    }
}

/// The next rows of at most `limit` bytes (one row, if that is larger) and `most` rows, from byte `from`
/// on.
fn extent(rows: &Rows, from: usize, limit: usize, most: Option<u64>) -> (Range<usize>, Digest) {
    let rest = &rows.bytes[from..];
    let most = most.unwrap_or(u64::MAX);
    if from == 0 && rest.len() <= limit && rows.digest.rows <= most {
        return (0..rest.len(), rows.digest);
    }
    let end = if rest.len() <= limit {
        rest.len()
    } else {
        let within = memchr::memrchr(b'\n', &rest[..limit]);
        within
            .or_else(|| memchr::memchr(b'\n', rest))
            .map_or(rest.len(), |at| at + 1)
    };
    // A row has a byte at least.
    let end = match usize::try_from(most) {
        Ok(most) if most < end => memchr::memchr_iter(b'\n', &rest[..end])
            .nth(most.saturating_sub(1))
            .map_or(end, |at| at + 1),
        _ => end,
    };
    (from..from + end, digest(&rest[..end]))
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
    use std::collections::BTreeMap;

    use super::*;
    use crate::catalog::TableName;
    use crate::copytext::Recipe;
    use crate::plan::Bounds;

    fn batch(text: &str, frames: &[usize], unfit: &[usize]) -> Batch {
        let name = TableName::new("s", "t");
        let work = Work {
            table: 0,
            source: name.clone(),
            oid: 1,
            target: name,
            columns: vec![("a".to_owned(), "a".to_owned())],
            expressions: BTreeMap::new(),
            recipe: Recipe::default(),
            spread: Spread::default(),
            condition: None,
            chunk: 0,
            bounds: Bounds::Whole,
            done: Vec::new(),
        };
        let unfit = unfit.iter().map(|&at| Unfit {
            at,
            row: b"\xff\n".to_vec(),
            kind: RowErrorKind::InvalidUtf8 { at: 0 },
        });
        Batch {
            work: Arc::new(work),
            rows: Rows {
                bytes: text.as_bytes().to_vec(),
                frames: frames.to_vec(),
                digest: digest(text.as_bytes()),
                ..Rows::default()
            },
            unfit: unfit.collect(),
            first_row: 7,
            read_bytes: 0,
            last: true,
            alone: None,
            origins: Vec::new(),
        }
    }

    /// A batch that the target does not take at once has the sums of its pieces in the ledger.
    #[test]
    fn the_sums_of_pieces_are_those_of_the_batch_as_it_was_read() {
        use crate::copytext::Rewriter;
        let spread = Spread::new(&[0], &Recipe::default());
        let recipe = Recipe {
            fields: 1,
            transforms: Vec::new(),
        };
        let mut rows = Rows::default();
        let mut rewriter = Rewriter::new(recipe, 1000, 1000).spread(spread.clone());
        let taken = rewriter.rewrite(TEXT.as_bytes(), &mut rows, usize::MAX);
        assert_eq!(taken, Ok(TEXT.len()));
        let (one, other) = TEXT.as_bytes().split_at(8);
        let mut sum = parts(one, &spread);
        assert!(!sum.differing(&rows.parts).is_empty(), "a piece is not all");
        sum.merge(&parts(other, &spread));
        assert!(sum.differing(&rows.parts).is_empty());
    }

    const TEXT: &str = "aa\nbbbb\nc\n\ndddddddddd\ne\n";

    #[test]
    fn pieces_end_at_rows_and_tile_the_batch() {
        let batch = batch(TEXT, &[3, 11, 24], &[]);
        for limit in 1..30 {
            for most in [None, Some(1), Some(2), Some(100)] {
                let mut cursor = Cursor::new(&batch);
                let (mut at, mut row, mut sum) = (0, 7, Digest::default());
                while !cursor.is_done() {
                    let piece = cursor.piece(&batch, limit, most);
                    assert_eq!((piece.bytes.start, piece.first_row), (at, row));
                    let bytes = &batch.rows.bytes[piece.bytes.clone()];
                    assert!(bytes.ends_with(b"\n"));
                    assert!(
                        bytes.len() <= limit || piece.digest.rows == 1,
                        "limit {limit}"
                    );
                    assert!(most.is_none_or(|most| piece.digest.rows <= most));
                    let frames: Vec<u8> = frames(&batch.rows, &piece).flatten().copied().collect();
                    assert_eq!(frames, bytes);
                    sum.merge(piece.digest);
                    row += piece.rows();
                    at = piece.bytes.end;
                    cursor.committed(&piece);
                }
                assert_eq!((at, row, sum), (24, 13, batch.rows.digest), "limit {limit}");
            }
        }
    }

    #[test]
    fn an_empty_batch_is_one_empty_piece() {
        let batch = batch("", &[], &[]);
        let piece = Cursor::new(&batch).piece(&batch, 100, None);
        assert_eq!(piece.rows(), 0);
        assert!(piece.ends_batch);
        assert_eq!(frames(&batch.rows, &piece).count(), 0);
    }

    /// Commits a batch, refusing the rows of these letters; answers the positions of rejected rows and
    /// the loaded text.
    fn through(batch: &Batch, limit: usize, guilty: &str) -> (Vec<u64>, String) {
        let mut cursor = Cursor::new(batch);
        let (mut rejected, mut loaded, mut next) = (Vec::new(), String::new(), batch.first_row);
        while !cursor.is_done() {
            let piece = cursor.piece(batch, limit, Some(1));
            let text = batch.text(&Text::Sent(piece.bytes.clone()));
            let text = std::str::from_utf8(text).expect("it is ASCII");
            if !text.trim().is_empty() && guilty.contains(&text[..1]) {
                let error = crate::wire::ServerError::default();
                let reason = Reason::of_target(&crate::wire::Error::Server(Box::new(error)));
                cursor.refuse(batch, &piece, reason);
                continue;
            }
            assert_eq!(piece.first_row, next, "no gap and no overlap");
            next += piece.rows();
            rejected.extend(piece.refused.iter().map(|row| row.position));
            loaded.push_str(text);
            cursor.committed(&piece);
        }
        let all = batch.rows.digest.rows + batch.unfit.len() as u64;
        assert_eq!(next, batch.first_row + all);
        (rejected, loaded)
    }

    #[test]
    fn refused_and_unfit_rows_keep_their_positions_and_tile_the_batch_with_the_others() {
        let none = batch(TEXT, &[], &[]);
        assert_eq!(
            through(&none, 100, "ace"),
            (vec![7, 9, 12], "bbbb\n\ndddddddddd\n".to_owned())
        );
        let unfit = batch(TEXT, &[], &[0, 0, 3, 10, 24, 24]);
        let (rejected, loaded) = through(&unfit, 100, "");
        assert_eq!(rejected, [7, 8, 10, 13, 17, 18]);
        assert_eq!(loaded, TEXT);
        let (rejected, loaded) = through(&unfit, 3, "abcde");
        assert_eq!(rejected, [7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18]);
        assert_eq!(loaded, "\n");
    }

    #[test]
    fn a_batch_of_nothing_but_unfit_rows_is_one_piece() {
        let batch = batch("", &[], &[0, 0, 0]);
        let piece = Cursor::new(&batch).piece(&batch, 100, None);
        assert_eq!((piece.rows(), piece.digest.rows), (3, 0));
        assert!(piece.ends_batch);
        assert_eq!(batch.digest_of(&piece.refused), batch.digest());
    }
}
