//! What the ledger says of each table: of all committed batches, whichever process committed them.

use crate::wire::Row;

use super::batch::{Batch, REPLAY, all_batches, read_batch};
use super::error::{Error, Result};
use super::plan::Progress;
use super::store::Ledger;

/// What is committed of one source table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Rows.
    pub rows: u64,
    /// Rows that were rejected and not loaded since.
    pub rejected: u64,
    /// Chunks of the plan whose last batch is among them.
    pub finished: usize,
    /// Values changed, per transform of the recipe.
    pub changed: Vec<u64>,
}

impl Loaded {
    fn add(&mut self, chunk: u32, batch: &Batch) {
        self.rows = self.rows.saturating_add(batch.digest.rows);
        match chunk {
            // What a replay reads was counted as rejected before.
            REPLAY.. => self.rejected = self.rejected.saturating_sub(batch.digest.rows),
            _ => {
                self.rejected = self.rejected.saturating_add(batch.rejected.rows);
                self.finished += usize::from(batch.last);
            }
        }
        if self.changed.len() < batch.changed.len() {
            self.changed.resize(batch.changed.len(), 0);
        }
        let sums = self.changed.iter_mut().zip(&batch.changed);
        sums.for_each(|(sum, values)| *sum = sum.saturating_add(*values));
    }
}

impl Progress {
    /// What is committed, by pair number.
    pub fn by_pair(&self) -> Vec<Loaded> {
        let mut loaded = vec![Loaded::default(); self.plan.pairs.len()];
        for ((pair, chunk), batches) in &self.batches {
            if let Some(loaded) = loaded.get_mut(*pair) {
                batches.iter().for_each(|batch| loaded.add(*chunk, batch));
            }
        }
        loaded
    }
}

impl Ledger {
    /// What is committed of a run, by pair number; batches are read one by one and not kept.
    ///
    /// # Errors
    /// The target's loss; `Unreadable` where batches leave a gap or overlap.
    pub async fn loaded(&mut self, run: &str, pairs: usize) -> Result<Vec<Loaded>> {
        let start = || Adding::of(pairs);
        let sql = all_batches(run);
        let added = self.fold("reading the finished batches", &sql, start, Adding::row);
        Ok(added.await?.loaded)
    }
}

/// Batches on their way into sums, in the order of pair, chunk and row.
pub(super) struct Adding {
    loaded: Vec<Loaded>,
    place: Option<Place>,
}

/// Where the batch before ended.
#[derive(Clone, Copy)]
struct Place {
    chunk: (usize, u32),
    next_row: u64,
    ended: bool,
}

impl Adding {
    pub(super) fn of(pairs: usize) -> Self {
        Self {
            loaded: vec![Loaded::default(); pairs],
            place: None,
        }
    }

    /// What was added so far.
    #[cfg(any(test, fuzzing))]
    pub(super) fn loaded(&self) -> &[Loaded] {
        &self.loaded
    }

    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        let texts = (0..row.len()).map(|column| row.get(column).map(str::to_owned));
        let unreadable = || Error::Unreadable {
            what: "a row of wire9.batch".to_owned(),
        };
        let (pair, chunk, batch) = read_batch(&texts.collect::<Vec<_>>()).ok_or_else(unreadable)?;
        self.batch((pair, chunk), &batch)
    }

    pub(super) fn batch(&mut self, chunk: (usize, u32), batch: &Batch) -> Result<()> {
        let before = self.place.filter(|place| place.chunk == chunk);
        let (next_row, ended) = before.map_or((0, false), |p| (p.next_row, p.ended));
        let loaded = self.loaded.get_mut(chunk.0);
        let all = batch.digest.rows.checked_add(batch.rejected.rows);
        let end = all.and_then(|rows| next_row.checked_add(rows));
        let follows = !ended && batch.first_row == next_row;
        let (true, Some(end), Some(loaded)) = (follows, end, loaded) else {
            let (pair, chunk) = chunk;
            let what = format!("wire9.batch: the batches of pair {pair}, chunk {chunk} have a gap");
            return Err(Error::Unreadable { what });
        };
        loaded.add(chunk.1, batch);
        self.place = Some(Place {
            chunk,
            next_row: end,
            ended: batch.last,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::copytext::Digest;

    fn batch(first_row: u64, rows: u64, last: bool) -> Batch {
        Batch {
            first_row,
            digest: Digest { rows, sum: 1 },
            rejected: Digest::default(),
            files: (0, 0),
            read_bytes: 0,
            sent_bytes: 0,
            changed: vec![rows, 1],
            last,
        }
    }

    fn added(batches: &[((usize, u32), Batch)]) -> Result<Vec<Loaded>> {
        let mut adding = Adding::of(2);
        for (chunk, batch) in batches {
            adding.batch(*chunk, batch)?;
        }
        Ok(adding.loaded)
    }

    #[test]
    fn rows_changes_and_finished_chunks_are_summed_by_table() {
        let batches = [
            ((0, 0), batch(0, 5, false)),
            ((0, 0), batch(5, 2, true)),
            ((0, 1), batch(0, 4, false)),
            ((1, 0), batch(0, 0, true)),
        ];
        let loaded = added(&batches).expect("they tile their chunks");
        let sums = |l: &Loaded| (l.rows, l.finished, l.changed.clone());
        assert_eq!(sums(&loaded[0]), (11, 1, vec![11, 3]));
        assert_eq!(sums(&loaded[1]), (0, 1, vec![0, 1]));
    }

    #[test]
    fn rejected_rows_tile_a_chunk_with_the_others_until_a_replay_loads_them() {
        let rejecting = |first_row, rows, rejected, last| Batch {
            rejected: Digest {
                rows: rejected,
                sum: 1,
            },
            ..batch(first_row, rows, last)
        };
        let mut batches = vec![
            ((0, 0), rejecting(0, 5, 2, false)),
            ((0, 0), rejecting(7, 0, 3, true)),
        ];
        let sums = |l: &Loaded| (l.rows, l.rejected, l.finished);
        assert_eq!(sums(&added(&batches).expect("they tile")[0]), (5, 5, 1));
        // Of the five the first replay loads one, the second two more.
        batches.push(((0, REPLAY + 1), rejecting(0, 1, 4, true)));
        batches.push(((0, REPLAY + 2), rejecting(0, 2, 2, true)));
        assert_eq!(sums(&added(&batches).expect("they tile")[0]), (8, 2, 1));
        assert!(
            added(&[((0, 0), batch(2, 5, false))]).is_err(),
            "rows are missing"
        );
    }

    #[test]
    fn a_gap_an_overlap_and_a_batch_after_the_end_are_told() {
        for (second, last) in [(6, false), (4, false), (5, true)] {
            let batches = [
                ((0, 0), batch(0, 5, last)),
                ((0, 0), batch(second, 1, true)),
            ];
            assert!(added(&batches).is_err(), "{second}, {last}");
        }
        assert!(
            added(&[((0, 1), batch(1, 5, true))]).is_err(),
            "begins late"
        );
        assert!(
            added(&[((7, 0), batch(0, 5, true))]).is_err(),
            "no such table"
        );
    }
}
