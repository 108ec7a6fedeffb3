//! The statements that lanes send inside their own transactions.

use crate::copytext::{Digest, Parts};
use crate::sql::literal;
use crate::wire::{Connection, Reply};

use super::error::{Error, Result};

/// Chunks of this number and above are no part of the plan: they are rejected rows that are loaded again,
/// generation by generation.
pub const REPLAY: u32 = 1 << 30;

/// The chunk that a batch belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The run's UUID.
    pub run: String,
    /// Pair number in the ledger's plan.
    pub pair: usize,
    /// Chunk number within the pair.
    pub chunk: u32,
}

/// A finished batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Position of its first row in the chunk, from 0.
    pub first_row: u64,
    /// Count and sum of its rows that were loaded, as sent.
    pub digest: Digest,
    /// Count and sum of those that were rejected: as sent, or as read where they could not be sent.
    pub rejected: Digest,
    /// Lengths of the table's files of rejected rows with it, rows and records; 0 where it rejects none.
    pub files: (u64, u64),
    /// Bytes of COPY text as read.
    pub read_bytes: u64,
    /// Bytes of COPY text as sent.
    pub sent_bytes: u64,
    /// Values changed, per transform of the recipe.
    pub changed: Vec<u64>,
    /// Whether the chunk ends with it.
    pub last: bool,
}

impl Batch {
    /// Its rows, loaded or rejected.
    pub fn all(&self) -> Digest {
        let mut all = self.digest;
        all.merge(self.rejected);
        all
    }
}

/// Sums of a batch that verification needs, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// Count and sum of its rows as they were read; `None`: as they were sent. A batch that is committed in
    /// pieces has them with its last piece.
    pub read: Option<Digest>,
    /// Sums of its rows as sent, by part of the table.
    pub parts: Parts,
}

/// Records a batch: must answer `INSERT 0 1`.
pub fn record(key: &Key, batch: &Batch, sums: &Sums) -> String {
    let changed: Vec<String> = batch.changed.iter().map(u64::to_string).collect();
    format!(
        "INSERT INTO wire9.batch (run, pair, chunk, first_row, row_count, digest, read_bytes, \
         sent_bytes, changed, is_last, read_sum, part_sums, rejected, rejected_digest, \
         rejects_bytes, records_bytes) VALUES ({}, {}, {}, {}, {}, '{:032x}', {}, {}, '{}', {}, '{}', \
         '{}', {}, '{:032x}', {}, {})",
        literal(&key.run),
        key.pair,
        key.chunk,
        batch.first_row,
        batch.digest.rows,
        batch.digest.sum,
        batch.read_bytes,
        batch.sent_bytes,
        changed.join(" "),
        u8::from(batch.last),
        sums.read.map(|sum| sum.to_string()).unwrap_or_default(),
        sums.parts,
        batch.rejected.rows,
        batch.rejected.sum,
        batch.files.0,
        batch.files.1,
    )
}

/// The first fence: must answer `UPDATE 1`, else another process or a later self owns the lane.
pub fn lane_step(run: &str, lane: usize, token: &str) -> String {
    format!(
        "UPDATE wire9.lane SET batches = batches + 1 WHERE run = {} AND lane = {lane} AND token = {}",
        literal(run),
        literal(token),
    )
}

/// Moves a lane's token on, from any of the tokens that it may have: must answer `UPDATE 1`.
pub fn lane_move(run: &str, lane: usize, from: &[String], to: &str) -> String {
    let from: Vec<String> = from.iter().map(|t| literal(t)).collect();
    format!(
        "UPDATE wire9.lane SET token = {} WHERE run = {} AND lane = {lane} AND token IN ({})",
        literal(to),
        literal(run),
        from.join(", "),
    )
}

const COLUMNS: &str = "pair, chunk, first_row, row_count, digest, read_bytes, sent_bytes, changed, is_last, \
     rejected, rejected_digest, rejects_bytes, records_bytes";

/// The row position behind batches that follow each other from the chunk's first row on, nothing after
/// the last; `None` where they have gaps or overlap.
pub fn end<'a>(batches: impl IntoIterator<Item = &'a Batch>) -> Option<u64> {
    let (mut next, mut ended) = (0, false);
    for batch in batches {
        if batch.first_row != next || ended {
            return None;
        }
        // What somebody wrote there by hand may count more rows than there are numbers.
        next = batch
            .digest
            .rows
            .checked_add(batch.rejected.rows)?
            .checked_add(next)?;
        ended = batch.last;
    }
    Some(next)
}

/// The batches of a chunk, in order.
///
/// # Errors
/// The connection's, and `Unreadable`.
pub async fn find_batches(connection: &mut Connection, key: &Key) -> Result<Vec<Batch>> {
    let reply = connection
        .query(&format!(
            "SELECT {COLUMNS} FROM wire9.batch WHERE run = {} AND pair = {} AND chunk = {} \
             ORDER BY first_row",
            literal(&key.run),
            key.pair,
            key.chunk,
        ))
        .await
        .map_err(|source| Error::Wire {
            doing: "looking up a chunk's batches",
            source,
        })?;
    Ok(read_batches(&reply)?
        .into_iter()
        .map(|(_, _, batch)| batch)
        .collect())
}

/// All batches of a run: pair, chunk, batch; in order.
pub(super) fn all_batches(run: &str) -> String {
    format!(
        "SELECT {COLUMNS} FROM wire9.batch WHERE run = {} ORDER BY pair, chunk, first_row",
        literal(run)
    )
}

pub(super) fn read_batches(reply: &Reply) -> Result<Vec<(usize, u32, Batch)>> {
    reply
        .rows
        .iter()
        .map(|row| {
            read_batch(row).ok_or_else(|| Error::Unreadable {
                what: "a row of wire9.batch".to_owned(),
            })
        })
        .collect()
}

pub(super) fn read_batch(row: &[Option<String>]) -> Option<(usize, u32, Batch)> {
    let text = |i: usize| row.get(i)?.as_deref();
    let number = |i: usize| text(i)?.parse::<u64>().ok();
    let changed = text(7)?
        .split_ascii_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>();
    let batch = Batch {
        first_row: number(2)?,
        digest: Digest {
            rows: number(3)?,
            sum: u128::from_str_radix(text(4)?, 16).ok()?,
        },
        rejected: Digest {
            rows: number(9)?,
            sum: u128::from_str_radix(text(10)?, 16).ok()?,
        },
        files: (number(11)?, number(12)?),
        read_bytes: number(5)?,
        sent_bytes: number(6)?,
        changed: changed.ok()?,
        last: number(8)? != 0,
    };
    Some((
        usize::try_from(number(0)?).ok()?,
        u32::try_from(number(1)?).ok()?,
        batch,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(texts: &[&str]) -> Vec<Option<String>> {
        texts.iter().map(|t| Some((*t).to_owned())).collect()
    }

    #[test]
    fn a_batch_is_read_as_it_was_recorded() {
        let batch = Batch {
            first_row: 70,
            digest: Digest {
                rows: 7,
                sum: u128::MAX - 5,
            },
            rejected: Digest { rows: 2, sum: 255 },
            files: (30, 40),
            read_bytes: 1000,
            sent_bytes: 900,
            changed: vec![3, 0],
            last: true,
        };
        let key = Key {
            run: "r".to_owned(),
            pair: 4,
            chunk: 2,
        };
        let read = Digest { rows: 7, sum: 9 };
        let sums = Sums {
            read: Some(read),
            ..Sums::default()
        };
        let statement = record(&key, &batch, &sums);
        let values =
            "('r', 4, 2, 70, 7, 'fffffffffffffffffffffffffffffffa', 1000, 900, '3 0', 1, '";
        assert!(statement.contains(values), "{statement}");
        let parts = Parts::default();
        let ends = format!(", '{read}', '{parts}', 2, '000000000000000000000000000000ff', 30, 40)");
        assert!(statement.ends_with(&ends), "{statement}");
        let stored = row(&[
            "4",
            "2",
            "70",
            "7",
            "fffffffffffffffffffffffffffffffa",
            "1000",
            "900",
            "3 0",
            "1",
            "2",
            "000000000000000000000000000000ff",
            "30",
            "40",
        ]);
        assert_eq!(read_batch(&stored), Some((4, 2, batch)));
    }

    #[test]
    fn a_ledger_row_with_garbage_is_refused() {
        let good = [
            "4", "2", "70", "7", "0a", "1000", "900", "", "0", "1", "0b", "5", "6",
        ];
        assert!(read_batch(&row(&good)).is_some());
        let garbage = [
            (0, "-1"),
            (2, "x"),
            (4, "zz"),
            (7, "1 x"),
            (8, ""),
            (9, "x"),
            (10, "g"),
        ];
        for (i, garbage) in garbage {
            let mut bad = good;
            bad[i] = garbage;
            assert_eq!(read_batch(&row(&bad)), None, "column {i}");
        }
        assert_eq!(read_batch(&row(&good[..12])), None);
        assert_eq!(read_batch(&[]), None);
    }

    #[test]
    fn the_token_moves_from_any_that_it_may_have() {
        let statement = lane_move("r", 3, &["a".to_owned(), "b".to_owned()], "c");
        assert_eq!(
            statement,
            "UPDATE wire9.lane SET token = 'c' WHERE run = 'r' AND lane = 3 AND token IN ('a', 'b')"
        );
    }
}
