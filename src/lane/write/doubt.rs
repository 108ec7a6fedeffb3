//! After a doubtful transaction: what the ledger says of it.

use crate::ledger;
use crate::planted::Mistake;

use super::super::Queue;
use super::super::batch::{Batch, Piece};
use super::super::board::Stage as Doing;
use super::super::decide::{Decision, Stage};
use super::super::error::{Error, Result};
use super::super::pace::Tries;
use super::failure::{Cause, Failure};
use super::{Writer, post};

impl<Q: Queue> Writer<'_, Q> {
    /// After a doubtful transaction: moves the lane's token on, which waits for a zombie or defeats
    /// it, and then asks the ledger. `true`: the transaction took effect.
    ///
    /// A server that lost its connections may have lost more: one that crashed or failed over can have
    /// forgotten batches that it had acknowledged. Going on would leave a gap in the middle of the chunk;
    /// as long as there is none, the same command finds the end of what is there and goes on from it.
    pub(super) async fn resolve(&mut self, batch: &Batch, piece: &Piece) -> Result<bool> {
        let place = batch.work.place(None);
        post(self.loading, self.number, Doing::Doubt, Some(batch));
        self.target.move_token(&batch.work).await?;
        if Mistake::OwnCount.is_made() {
            return Ok(true);
        }
        let (before, found): (Vec<_>, Vec<_>) = self
            .look_up(batch)
            .await?
            .into_iter()
            .partition(|stored| stored.first_row < piece.first_row);
        if ledger::end(&before) != Some(piece.first_row) {
            return Err(Error::Forgotten { place });
        }
        // Older transactions were decided before this one began, so it is this one or none.
        let own = |stored: &ledger::Batch| {
            stored.first_row == piece.first_row
                && stored.digest == piece.digest
                && stored.rejected == batch.digest_of(&piece.refused)
                && stored.last == (batch.last && piece.ends_batch)
        };
        match found.as_slice() {
            [] => Ok(false),
            [stored] if own(stored) => Ok(true),
            _ => Err(Error::Foreign { place }),
        }
    }

    /// What the ledger holds of the chunk: asked until there is an answer, since nothing must be sent
    /// before it is known.
    async fn look_up(&mut self, batch: &Batch) -> Result<Vec<ledger::Batch>> {
        let key = self.key(&batch.work);
        let mut tries = Tries::new(self.loading.pace);
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
            post(self.loading, self.number, Doing::Doubt, Some(batch));
            if failure.decision() == Decision::Final
                || !tries.again(heard, &self.loading.stop).await
            {
                let place = batch.work.place(None);
                let source = failure.into_endpoint_error();
                return Err(Error::Target { place, source });
            }
        }
    }
}
