//! The writing half of a lane: BEGIN, COPY FROM, ledger row, token, COMMIT, and what to do when one
//! of them fails.

mod attempt;
mod doubt;
mod failure;
mod refuse;
mod target;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::copytext::Rows;
use crate::endpoint::Error as EndpointError;
use crate::metrics::{BatchFact, Event, Waits};
use crate::wire;

use super::batch::{Batch, Cursor, Piece};
use super::board::{Half, Stage as Doing};
use super::decide::{Decision, Stage};
use super::error::{Error, Result};
use super::pace::{Pace, Tries};
use super::rejects::{Kept, Search};
use super::size::BatchSize;
use super::{Aim, Loading, Queue};
use failure::{Cause, Failure, meets_limit};
use refuse::decided;
use target::Target;

/// After so many failed COMMITs of one batch in a row, smaller ones are tried: where commits conflict,
/// short transactions pass first.
const COMMIT_TROUBLE: u32 = 3;

/// One batch on its way.
struct Course {
    cursor: Cursor,
    search: Search,
    tries: Tries,
    /// Whether the ledger was asked about rows that are there already.
    asked: bool,
    /// Bytes that met a limit together.
    too_much: Option<usize>,
}

/// What comes after a failed transaction.
enum Next {
    /// The same again.
    Again,
    /// The ledger says what became of it; where it has no effect, the rows may be at fault.
    Ask(Option<wire::Error>),
    /// The rows are at fault.
    Blame(wire::Error),
}

pub(super) struct Writer<'a, Q> {
    loading: &'a Loading,
    queue: &'a Q,
    /// Where the reader looks up the size.
    aim: &'a Aim,
    number: usize,
    target: Target<'a>,
    size: BatchSize,
}

impl Course {
    fn new(batch: &Batch, pace: Pace) -> Self {
        Self {
            cursor: Cursor::new(batch),
            search: Search::default(),
            tries: Tries::new(pace),
            asked: false,
            too_much: None,
        }
    }
}

impl<'a, Q: Queue> Writer<'a, Q> {
    pub(super) fn new(
        loading: &'a Loading,
        queue: &'a Q,
        number: usize,
        token: String,
        (size, aim): (BatchSize, &'a Aim),
    ) -> Self {
        let target = Target::new(loading, number, token);
        Self {
            loading,
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
            post(self.loading, self.number, Doing::Rows, None);
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
            batch.rows.bytes.shrink_to(self.loading.batch_limit);
            // The reader may have ended, then nobody needs the batch.
            let _ = free.try_send(batch.rows);
        }
        self.close().await;
        Ok(())
    }

    /// Ends the connection.
    pub(super) async fn close(mut self) {
        self.target.close().await;
        post(self.loading, self.number, Doing::Ended, None);
    }

    /// Commits a batch, in smaller pieces where it must be.
    ///
    /// # Errors
    /// What no further try will mend; what was committed of the batch stays.
    pub(super) async fn batch(&mut self, batch: &Batch) -> Result<()> {
        let mut course = Course::new(batch, self.loading.pace);
        self.count_unfit(batch).map_err(|e| *e)?;
        while !course.cursor.is_done() {
            let most = course.search.most();
            let piece = course.cursor.piece(batch, self.size.aim(), most);
            let kept = self.keep(batch, &piece).await?;
            let files = kept.as_ref().map(Kept::lengths).unwrap_or_default();
            match self.attempt(batch, &piece, files).await {
                Ok(took) => {
                    decided(kept, true);
                    self.loaded(batch, &piece, &mut course, took.commit);
                    self.adapt(|size| size.committed(piece.bytes.len(), took));
                }
                Err(failure) => {
                    let next = self.failed(batch, &piece, failure, &mut course).await?;
                    let ask = matches!(next, Next::Ask(_));
                    let there = ask && self.resolve(batch, &piece).await?;
                    decided(kept, there);
                    match next {
                        _ if there => self.loaded(batch, &piece, &mut course, Duration::ZERO),
                        Next::Ask(Some(error)) | Next::Blame(error) => {
                            self.blame(batch, &piece, &mut course, error)
                                .map_err(|e| *e)?;
                        }
                        Next::Ask(None) | Next::Again => {}
                    }
                }
            }
        }
        Ok(())
    }

    /// A piece is committed.
    fn loaded(&mut self, batch: &Batch, piece: &Piece, course: &mut Course, commit: Duration) {
        self.committed(batch, piece, commit);
        course.cursor.committed(piece);
        course.tries.reset();
        if course.search.loaded(piece.digest.rows)
            && let Some(bytes) = course.too_much.take()
        {
            self.adapt(|size| size.failed(bytes));
        }
    }

    /// Counts a committed piece.
    fn committed(&mut self, batch: &Batch, piece: &Piece, commit: Duration) {
        let fact = BatchFact {
            table: batch.work.table,
            lane: self.number,
            rows: piece.digest.rows,
            rejected: piece.refused.len() as u64,
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
        let _ = self.loading.events.try_send(Event::Batch(fact));
        if let Some(rejects) = &self.loading.rejects {
            rejects.committed(batch.work.table, piece.rows());
        }
    }

    /// Tells the reader how large batches shall be from now on.
    fn adapt(&mut self, change: impl FnOnce(&mut BatchSize)) {
        change(&mut self.size);
        self.aim.store(self.size.aim(), Ordering::Relaxed);
    }

    /// After a failed transaction: what comes next. Unless the ledger is to be asked, the connection is
    /// ready for another try.
    async fn failed(
        &mut self,
        batch: &Batch,
        piece: &Piece,
        failure: Failure,
        course: &mut Course,
    ) -> Result<Next> {
        let mut decision = failure.decision();
        if failure.is_duplicate() && !course.asked {
            // Rows that are there already may be these very rows, committed by a zombie or by who took
            // the run over: the fence and the ledger know.
            course.asked = true;
            decision = Decision::Resolve;
        } else if self.rejects_for(&failure, piece) {
            return Ok(self.blamed(failure).await);
        }
        if decision == Decision::Final {
            return Err(self.refused(batch, piece, failure));
        }
        let tries = &mut course.tries;
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
        let _ = self.loading.events.try_send(Event::Retry(line));
        post(self.loading, self.number, Doing::Pause, Some(batch));
        if !tries.again(failure.heard(), &self.loading.stop).await {
            return Err(self.give_up(batch, piece, failure));
        }
        let resolve = matches!(decision, Decision::Resolve | Decision::ResolveSmaller);
        match resolve || !self.target.rollback().await {
            true => Ok(Next::Ask(None)),
            false => Ok(Next::Again),
        }
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

/// What a lane's writer does from now on.
fn post(loading: &Loading, number: usize, doing: Doing, batch: Option<&Batch>) {
    let table = batch.map(|batch| &batch.work.source);
    loading.board.post(number, Half::Writer, doing, table);
}
