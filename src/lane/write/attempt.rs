//! One transaction of the target: rows, ledger row, token, COMMIT.

use std::time::Instant;

use crate::copytext::Digest;
use crate::ledger::{self, Key};
use crate::planted::Mistake;
use crate::sql;
use crate::wire::{self, Connection};

use super::super::batch::{Batch, Piece, frames, parts};
use super::super::board::Stage as Doing;
use super::super::decide::Stage;
use super::super::rejects::Lengths;
use super::super::size::Took;
use super::super::{Queue, Work};
use super::failure::{Cause, Failure};
use super::{Writer, post};

impl<Q: Queue> Writer<'_, Q> {
    /// One transaction: a piece's rows, its ledger row, the lane's token.
    pub(super) async fn attempt(
        &mut self,
        batch: &Batch,
        piece: &Piece,
        files: Lengths,
    ) -> Result<Took, Failure> {
        let began = Instant::now();
        let stage = |stage| {
            move |e| Failure {
                stage,
                cause: Cause::Wire(e),
            }
        };
        let (loading, number) = (self.loading, self.number);
        let post = |doing| post(loading, number, doing, Some(batch));
        post(Doing::BeginWrite);
        let connection = self.target.begin().await?;
        let copying = Instant::now();
        post(Doing::Copy);
        if piece.digest.rows > 0 {
            copy(connection, batch, piece).await?;
        }
        let copy = copying.elapsed();
        post(Doing::Ledger);
        let ledger_row = self.ledger_row(batch, piece, files);
        let record = ledger::record(&self.key(&batch.work), &ledger_row, &sums(batch, piece));
        let step = ledger::lane_step(&self.loading.run, self.number, self.target.token());
        let connection = self
            .target
            .connection
            .as_mut()
            .expect("it is in a transaction");
        if Mistake::LedgerOutside.is_made() {
            connection
                .query("COMMIT")
                .await
                .map_err(stage(Stage::Ledger))?;
        }
        let tags = if self.loading.multi_statement {
            let replies = connection.query_all(&format!("{record}; {step}")).await;
            replies
                .map_err(stage(Stage::Ledger))?
                .into_iter()
                .map(|r| r.tag)
                .collect()
        } else {
            let record = connection
                .query(&record)
                .await
                .map_err(stage(Stage::Ledger))?
                .tag;
            vec![
                record,
                connection
                    .query(&step)
                    .await
                    .map_err(stage(Stage::Ledger))?
                    .tag,
            ]
        };
        let tags: Vec<&str> = tags.iter().map(wire::CommandTag::as_str).collect();
        if tags != ["INSERT 0 1", "UPDATE 1"] && !Mistake::FenceDropped.is_made() {
            return Err(Failure {
                stage: Stage::Ledger,
                cause: Cause::Fence,
            });
        }
        let committing = Instant::now();
        post(Doing::Commit);
        let reply = connection
            .query("COMMIT")
            .await
            .map_err(stage(Stage::Commit))?;
        if reply.tag.as_str() != "COMMIT" && !Mistake::CommitTagIgnored.is_made() {
            return Err(Failure {
                stage: Stage::Commit,
                cause: Cause::NotCommitted,
            });
        }
        let took = Took {
            commit: committing.elapsed(),
            copy,
            around: began.elapsed().saturating_sub(copy),
        };
        Ok(took)
    }

    /// What the ledger will know of a piece.
    pub(super) fn ledger_row(&self, batch: &Batch, piece: &Piece, files: Lengths) -> ledger::Batch {
        ledger::Batch {
            first_row: piece.first_row,
            digest: piece.digest,
            rejected: batch.digest_of(&piece.refused),
            files: (files.copy, files.json),
            read_bytes: if piece.ends_batch {
                batch.read_bytes
            } else {
                0
            },
            sent_bytes: piece.bytes.len() as u64,
            changed: self.changed(batch, piece),
            last: batch.last && piece.ends_batch,
        }
    }

    pub(super) fn key(&self, work: &Work) -> Key {
        Key {
            run: self.loading.run.clone(),
            pair: work.table,
            chunk: work.chunk,
        }
    }

    /// Values changed are known for the whole batch: they are counted with its last piece.
    pub(super) fn changed(&self, batch: &Batch, piece: &Piece) -> Vec<u64> {
        if piece.ends_batch {
            batch.rows.changed.clone()
        } else {
            vec![0; batch.rows.changed.len()]
        }
    }
}

/// What verification will need of a piece. What was read is known of the whole batch alone; where rows of
/// it are rejected, there are more of these than were loaded, and they say nothing.
fn sums(batch: &Batch, piece: &Piece) -> ledger::Sums {
    let rows = &batch.rows;
    let whole = piece.bytes == (0..rows.bytes.len());
    ledger::Sums {
        read: rows.read.map(|sum| match piece.ends_batch {
            true => sum,
            false => Digest::default(),
        }),
        parts: match whole {
            true => rows.parts,
            false => parts(&rows.bytes[piece.bytes.clone()], &batch.work.spread),
        },
    }
}

/// COPY FROM of a piece in large frames; the tag must be the rows sent.
async fn copy(connection: &mut Connection, batch: &Batch, piece: &Piece) -> Result<(), Failure> {
    let failed = |e| Failure {
        stage: Stage::Copy,
        cause: Cause::Wire(e),
    };
    let target = &batch.work.target;
    let columns: Vec<&str> = batch
        .work
        .columns
        .iter()
        .map(|(_, name)| name.as_str())
        .collect();
    let statement = sql::copy_in(&target.schema, &target.name, &columns);
    let mut copy = connection.copy_in(&statement).await.map_err(failed)?;
    for frame in frames(&batch.rows, piece) {
        copy.send(frame).await.map_err(failed)?;
    }
    let tag = copy.finish().await.map_err(failed)?;
    if tag.rows() == Some(piece.digest.rows) || Mistake::CopyTagIgnored.is_made() {
        return Ok(());
    }
    let cause = Cause::Taken(tag.as_str().to_owned());
    Err(Failure {
        stage: Stage::Copy,
        cause,
    })
}
