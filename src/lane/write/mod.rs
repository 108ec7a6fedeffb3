//! The writing half of a lane: BEGIN, COPY FROM, ledger row, token, COMMIT, and what to do when one
//! of them fails.

mod attempt;
mod doubt;
mod failure;
mod target;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::copytext::Rows;
use crate::endpoint::Error as EndpointError;
use crate::metrics::{BatchFact, Event, Waits};

use super::batch::{Batch, Piece, piece};
use super::decide::{Decision, Stage};
use super::error::{Error, Result};
use super::pace::Tries;
use super::size::BatchSize;
use super::{Aim, Queue, Shared};
use failure::{Cause, Failure, meets_limit};
use target::Target;

/// After so many failed COMMITs of one batch in a row, smaller ones are tried: where commits conflict,
/// short transactions pass first.
const COMMIT_TROUBLE: u32 = 3;

pub(super) struct Writer<'a, Q> {
    shared: &'a Shared,
    queue: &'a Q,
    /// Where the reader looks up the size.
    aim: &'a Aim,
    number: usize,
    target: Target<'a>,
    size: BatchSize,
}

impl<'a, Q: Queue> Writer<'a, Q> {
    pub(super) fn new(
        shared: &'a Shared,
        queue: &'a Q,
        number: usize,
        token: String,
        (size, aim): (BatchSize, &'a Aim),
    ) -> Self {
        let target = Target::new(shared, number, token);
        Self {
            shared,
            queue,
            aim,
            number,
            target,
            size,
        }
    }

    /// Commits batches until the reader has ended.
    pub(super) async fn run(
        mut self,
        mut full: mpsc::Receiver<Batch>,
        free: mpsc::Sender<Rows>,
    ) -> Result<()> {
        loop {
            let waiting = Instant::now();
            let Some(mut batch) = full.recv().await else {
                break;
            };
            let empty = waiting.elapsed();
            let writing = Instant::now();
            let table = batch.work.table;
            self.batch(&batch).await?;
            let waits = Waits {
                empty,
                target: writing.elapsed(),
                ..Waits::default()
            };
            self.queue.waited(table, &waits);
            batch.rows.clear();
            batch.rows.bytes.shrink_to(self.shared.batch_limit);
            // The reader may have ended, then nobody needs the batch.
            let _ = free.try_send(batch.rows);
        }
        self.target.close().await;
        Ok(())
    }

    /// Commits a batch, in smaller pieces where it must be.
    async fn batch(&mut self, batch: &Batch) -> Result<()> {
        let mut tries = Tries::new(self.shared.pace);
        let (mut at, mut first_row) = (0, batch.first_row);
        loop {
            let piece = piece(&batch.rows, at, first_row, self.size.aim());
            match self.attempt(batch, &piece).await {
                Ok(took) => {
                    self.committed(batch, &piece, took.commit);
                    self.adapt(|size| size.committed(piece.bytes.len(), took));
                    tries.reset();
                    (at, first_row) = (piece.bytes.end, first_row + piece.digest.rows);
                    if piece.ends_batch {
                        return Ok(());
                    }
                }
                Err(failure) => {
                    let resolve = self.failed(batch, &piece, failure, &mut tries).await?;
                    if resolve && self.resolve(batch, &mut at, &mut first_row).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Counts a committed piece.
    fn committed(&mut self, batch: &Batch, piece: &Piece, commit: Duration) {
        let fact = BatchFact {
            table: batch.work.table,
            lane: self.number,
            rows: piece.digest.rows,
            read_bytes: if piece.ends_batch {
                batch.read_bytes
            } else {
                0
            },
            sent_bytes: piece.bytes.len() as u64,
            changed: self.changed(batch, piece),
            commit,
        };
        self.queue
            .committed(&fact, batch.work.chunk, batch.last && piece.ends_batch);
        let _ = self.shared.events.try_send(Event::Batch(fact));
    }

    /// Tells the reader how large batches shall be from now on.
    fn adapt(&mut self, change: impl FnOnce(&mut BatchSize)) {
        change(&mut self.size);
        self.aim.store(self.size.aim(), Ordering::Relaxed);
    }

    /// After a failed transaction: whether the token must be moved and the ledger asked; else the
    /// connection is ready for another try.
    async fn failed(
        &mut self,
        batch: &Batch,
        piece: &Piece,
        failure: Failure,
        tries: &mut Tries,
    ) -> Result<bool> {
        let mut decision = failure.decision();
        if decision == Decision::Final && failure.is_duplicate() && tries.count() == 0 {
            // Rows that are there already may be these very rows, committed by a zombie or by who took
            // the run over: the fence and the ledger know.
            decision = Decision::Resolve;
        }
        if decision == Decision::Final {
            return Err(self.refused(batch, piece, failure));
        }
        let smaller = matches!(decision, Decision::Smaller | Decision::ResolveSmaller);
        let trouble = failure.stage == Stage::Commit && tries.count() >= COMMIT_TROUBLE;
        if (smaller || trouble) && !self.halve(piece) && failure.is_limit(tries.count()) {
            return Err(self.give_up(batch, piece, failure));
        }
        self.queue.retried(batch.work.table);
        let line = format!(
            "writing {} again: {}",
            batch.work.place(None),
            failure.in_words()
        );
        let _ = self.shared.events.try_send(Event::Retry(line));
        if !tries.again(failure.heard(), &self.shared.stop).await {
            return Err(self.give_up(batch, piece, failure));
        }
        let resolve = matches!(decision, Decision::Resolve | Decision::ResolveSmaller);
        Ok(resolve || !self.target.rollback().await)
    }

    /// Halves the batch size; `false` where a single row fails.
    fn halve(&mut self, piece: &Piece) -> bool {
        if piece.digest.rows <= 1 {
            return false;
        }
        self.adapt(|size| size.failed(piece.bytes.len()));
        true
    }

    fn place(&self, batch: &Batch, piece: &Piece, line: Option<u64>) -> super::Place {
        batch.work.place(line.map(|line| piece.first_row + line))
    }

    /// The error of a failure that no further try will mend.
    fn refused(&self, batch: &Batch, piece: &Piece, failure: Failure) -> Error {
        match failure.cause {
            // Nothing was said of the rows yet.
            Cause::Wire(_) if failure.stage == Stage::Begin => self.give_up(batch, piece, failure),
            Cause::Wire(source) => {
                let line = source.server().and_then(|e| e.copy_line);
                Error::Refused {
                    place: self.place(batch, piece, line),
                    source,
                }
            }
            _ => self.give_up(batch, piece, failure),
        }
    }

    fn give_up(&self, batch: &Batch, piece: &Piece, failure: Failure) -> Error {
        let place = self.place(batch, piece, None);
        match failure.cause {
            // A limit that a single row meets is a refusal of this row.
            Cause::Wire(source) if piece.digest.rows == 1 && meets_limit(&source) => {
                Error::Refused {
                    place: self.place(batch, piece, Some(1)),
                    source,
                }
            }
            Cause::Wire(source) => {
                let doing = format!("loading into table {}", batch.work.target);
                Error::Target {
                    place,
                    source: EndpointError::Wire { doing, source },
                }
            }
            Cause::Endpoint(source) => Error::Target { place, source },
            Cause::Taken(took) => Error::Taken {
                place,
                sent: piece.digest.rows,
                took,
            },
            Cause::Fence => Error::TakenOver,
            Cause::NotCommitted => Error::Taken {
                place,
                sent: piece.digest.rows,
                took: "ROLLBACK".to_owned(),
            },
        }
    }

}
