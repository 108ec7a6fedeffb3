//! After a doubtful transaction: what the ledger says of it.

use std::time::Duration;

use crate::ledger;

use super::super::Queue;
use super::super::batch::{Batch, Piece, digest};
use super::super::decide::{Decision, Stage};
use super::super::error::{Error, Result};
use super::super::pace::Tries;
use super::Writer;
use super::failure::{Cause, Failure};

impl<Q: Queue> Writer<'_, Q> {
    /// After a doubtful transaction: moves the lane's token on, which waits for a zombie or defeats
    /// it, and then goes on from the end of what the ledger holds. `true`: the whole batch is there.
    ///
    /// A server that lost its connections may have lost more: one that crashed or failed over can have
    /// forgotten batches that it had acknowledged. Going on would leave a gap in the middle of the chunk;
    /// as long as there is none, the same command finds the end of what is there and goes on from it.
    pub(super) async fn resolve(
        &mut self,
        batch: &Batch,
        at: &mut usize,
        first_row: &mut u64,
    ) -> Result<bool> {
        let place = batch.work.place(None);
        self.target.move_token(&batch.work).await?;
        let (before, found): (Vec<_>, Vec<_>) = self
            .look_up(batch)
            .await?
            .into_iter()
            .partition(|stored| stored.first_row < *first_row);
        if ledger::end(&before) != Some(*first_row) {
            return Err(Error::Forgotten { place });
        }
        for stored in found {
            if stored.first_row != *first_row || (stored.last && !batch.last) {
                return Err(Error::Foreign { place });
            }
            let rest = &batch.rows.bytes[*at..];
            let length = rows_length(rest, stored.digest.rows)
                .filter(|&n| digest(&rest[..n]) == stored.digest);
            let Some(length) = length else {
                return Err(Error::Foreign { place });
            };
            let piece = Piece {
                bytes: *at..*at + length,
                first_row: stored.first_row,
                digest: stored.digest,
                ends_batch: *at + length == batch.rows.bytes.len() && stored.last == batch.last,
            };
            self.committed(batch, &piece, Duration::ZERO);
            (*at, *first_row) = (piece.bytes.end, *first_row + piece.digest.rows);
            if piece.ends_batch {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What the ledger holds of the chunk: asked until there is an answer, since nothing must be sent
    /// before it is known.
    async fn look_up(&mut self, batch: &Batch) -> Result<Vec<ledger::Batch>> {
        let key = self.key(&batch.work);
        let mut tries = Tries::new(self.shared.pace);
        loop {
            let failure = match self.target.connected().await {
                Ok(connection) => match ledger::find_batches(connection, &key).await {
                    Ok(found) => return Ok(found),
                    Err(ledger::Error::Wire { source, .. }) => Failure {
                        stage: Stage::Begin,
                        cause: Cause::Wire(source),
                    },
                    Err(source) => {
                        let place = batch.work.place(None);
                        return Err(Error::Ledger { place, source });
                    }
                },
                Err(failure) => failure,
            };
            let heard = failure.heard();
            if failure.decision() == Decision::Final || !tries.again(heard, &self.shared.stop).await
            {
                let place = batch.work.place(None);
                let source = failure.into_endpoint_error();
                return Err(Error::Target { place, source });
            }
        }
    }
}

/// Length in bytes of the first `rows` rows; `None` where there are fewer.
fn rows_length(bytes: &[u8], rows: u64) -> Option<usize> {
    let Some(last) = rows.checked_sub(1) else {
        return Some(0);
    };
    let last = usize::try_from(last).ok()?;
    memchr::memchr_iter(b'\n', bytes).nth(last).map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_measured_from_their_newlines() {
        assert_eq!(rows_length(b"a\n\nbc\n", 0), Some(0));
        assert_eq!(rows_length(b"a\n\nbc\n", 2), Some(3));
        assert_eq!(rows_length(b"a\n\nbc\n", 3), Some(6));
        assert_eq!(rows_length(b"a\n\nbc\n", 4), None);
    }
}
