//! The writing half of a lane: BEGIN, COPY FROM, ledger row, token, COMMIT, and what to do when one
//! of them fails.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use uuid::Uuid;

use crate::copytext::{Digest, Rows};
use crate::endpoint::Error as EndpointError;
use crate::endpoint::session::{self, WriteSettings};
use crate::ledger::{self, Key};
use crate::metrics::{BatchFact, Event, Waits};
use crate::planted::Mistake;
use crate::sql;
use crate::wire::{self, Connection};

use super::batch::{Batch, Piece, digest, frames, parts, piece};
use super::board::{Half, Stage as Doing};
use super::decide::{Decision, Stage, decide};
use super::error::{Error, Result};
use super::pace::{Heard, Tries};
use super::read::{chain, short};
use super::size::{BatchSize, Took};
use super::{Aim, Queue, Shared, Work};

/// After so many failed COMMITs of one batch in a row, smaller ones are tried: where commits conflict,
/// short transactions pass first.
const COMMIT_TROUBLE: u32 = 3;

/// A single row that has met the target's statement timeout so often is not tried again.
const TOO_SLOW: u32 = 5;

pub(super) struct Writer<'a, Q> {
    shared: &'a Shared,
    queue: &'a Q,
    /// Where the reader looks up the size.
    aim: &'a Aim,
    number: usize,
    target: Target<'a>,
    size: BatchSize,
}

/// Why a transaction of the target failed.
struct Failure {
    stage: Stage,
    cause: Cause,
}

enum Cause {
    Wire(wire::Error),
    Endpoint(EndpointError),
    /// COPY's tag is not the rows sent.
    Taken(String),
    /// A ledger statement's tag is not what it must be: another process owns the lane.
    Fence,
    /// COMMIT was answered with another tag: `ROLLBACK`.
    NotCommitted,
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
            self.post(Doing::Rows, None);
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
        self.post(Doing::Ended, None);
        Ok(())
    }

    fn post(&self, doing: Doing, batch: Option<&Batch>) {
        post(self.shared, self.number, doing, batch);
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

    /// One transaction: a piece's rows, its ledger row, the lane's token.
    async fn attempt(&mut self, batch: &Batch, piece: &Piece) -> Result<Took, Failure> {
        let began = Instant::now();
        let stage = |stage| {
            move |e| Failure {
                stage,
                cause: Cause::Wire(e),
            }
        };
        let (shared, number) = (self.shared, self.number);
        let post = |doing| post(shared, number, doing, Some(batch));
        post(Doing::BeginWrite);
        let connection = self.target.begin().await?;
        let copying = Instant::now();
        post(Doing::Copy);
        if piece.digest.rows > 0 {
            copy(connection, batch, piece).await?;
        }
        let copy = copying.elapsed();
        post(Doing::Ledger);
        let ledger_row = ledger::Batch {
            first_row: piece.first_row,
            digest: piece.digest,
            read_bytes: if piece.ends_batch {
                batch.read_bytes
            } else {
                0
            },
            sent_bytes: piece.bytes.len() as u64,
            changed: self.changed(batch, piece),
            last: batch.last && piece.ends_batch,
        };
        let record = ledger::record(&self.key(&batch.work), &ledger_row, &sums(batch, piece));
        let step = ledger::lane_step(&self.shared.run, self.number, self.target.token());
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
        let tags = if self.shared.multi_statement {
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

    fn key(&self, work: &Work) -> Key {
        Key {
            run: self.shared.run.clone(),
            pair: work.table,
            chunk: work.chunk,
        }
    }

    /// Values changed are known for the whole batch: they are counted with its last piece.
    fn changed(&self, batch: &Batch, piece: &Piece) -> Vec<u64> {
        if piece.ends_batch {
            batch.rows.changed.clone()
        } else {
            vec![0; batch.rows.changed.len()]
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
        self.post(Doing::Pause, Some(batch));
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

    /// After a doubtful transaction: moves the lane's token on, which waits for a zombie or defeats
    /// it, and then goes on from the end of what the ledger holds. `true`: the whole batch is there.
    ///
    /// A server that lost its connections may have lost more: one that crashed or failed over can have
    /// forgotten batches that it had acknowledged. Going on would leave a gap in the middle of the chunk;
    /// as long as there is none, the same command finds the end of what is there and goes on from it.
    async fn resolve(
        &mut self,
        batch: &Batch,
        at: &mut usize,
        first_row: &mut u64,
    ) -> Result<bool> {
        let place = batch.work.place(None);
        self.post(Doing::Doubt, Some(batch));
        self.target.move_token(&batch.work).await?;
        if Mistake::OwnCount.is_made() {
            return Ok(true);
        }
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
            self.post(Doing::Doubt, Some(batch));
            if failure.decision() == Decision::Final || !tries.again(heard, &self.shared.stop).await
            {
                let place = batch.work.place(None);
                let source = failure.into_endpoint_error();
                return Err(Error::Target { place, source });
            }
        }
    }
}

impl Failure {
    fn heard(&self) -> Heard {
        match &self.cause {
            Cause::Wire(error) => Heard::of(Some(error)),
            Cause::Endpoint(error) if error.wire().is_some() => Heard::of(error.wire()),
            _ => Heard::Refusal,
        }
    }

    /// Whether this much is too much, however often it is tried: the server says so, or what has timed
    /// out `tries` times will do so again.
    fn is_limit(&self, tries: u32) -> bool {
        match &self.cause {
            Cause::Wire(error) => match error.code() {
                Some("54000") => true,
                Some("57014") => tries >= TOO_SLOW,
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether a key of the rows is in the table already.
    fn is_duplicate(&self) -> bool {
        match &self.cause {
            Cause::Wire(error) => self.stage == Stage::Copy && error.code() == Some("23505"),
            _ => false,
        }
    }

    fn decision(&self) -> Decision {
        match &self.cause {
            Cause::Wire(error) => decide(self.stage, error),
            // The session could not be set up as it must be: tries are counted.
            Cause::Endpoint(error) => error
                .wire()
                .map(|e| decide(self.stage, e))
                .filter(|d| *d != Decision::Final)
                .unwrap_or(Decision::Again),
            Cause::Taken(_) | Cause::Fence => Decision::Final,
            Cause::NotCommitted => Decision::Resolve,
        }
    }

    fn in_words(&self) -> String {
        match &self.cause {
            Cause::Wire(error) => chain(error),
            Cause::Endpoint(error) => chain(error),
            Cause::Taken(tag) => format!("the target answered {tag}"),
            Cause::Fence => "the lane has another owner".to_owned(),
            Cause::NotCommitted => "COMMIT was answered with ROLLBACK".to_owned(),
        }
    }
}

/// What the lane's writer does from now on.
fn post(shared: &Shared, number: usize, doing: Doing, batch: Option<&Batch>) {
    let table = batch.map(|batch| &batch.work.source);
    shared.board.post(number, Half::Writer, doing, table);
}

/// What verification will need of a piece. What was read is known of the whole batch alone.
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

/// Too large or too slow for the target, whatever else is tried.
fn meets_limit(error: &wire::Error) -> bool {
    matches!(error.code(), Some("54000" | "57014"))
}

/// Length in bytes of the first `rows` rows; `None` where there are fewer.
fn rows_length(bytes: &[u8], rows: u64) -> Option<usize> {
    let Some(last) = rows.checked_sub(1) else {
        return Some(0);
    };
    let last = usize::try_from(last).ok()?;
    memchr::memchr_iter(b'\n', bytes).nth(last).map(|at| at + 1)
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

/// The lane's connection to the target, and its tokens.
struct Target<'a> {
    shared: &'a Shared,
    number: usize,
    connection: Option<Connection>,
    settings: WriteSettings,
    /// Tokens that the lane's row may have; one, except while a move is in doubt.
    tokens: Vec<String>,
}

impl<'a> Target<'a> {
    fn new(shared: &'a Shared, number: usize, token: String) -> Self {
        let mut settings = shared.settings.clone();
        settings.application_name(&application_name(shared, number));
        Self {
            shared,
            number,
            connection: None,
            settings,
            tokens: vec![token],
        }
    }

    fn token(&self) -> &str {
        self.tokens.last().expect("there is always a token")
    }

    /// A connection inside a new transaction.
    async fn begin(&mut self) -> Result<&mut Connection, Failure> {
        self.connected().await?;
        let connection = self.connection.as_mut().expect("it was made above");
        let begun = session::begin_write(connection, &self.settings).await;
        begun.map_err(|e| Failure {
            stage: Stage::Begin,
            cause: Cause::Endpoint(e),
        })?;
        Ok(connection)
    }

    /// A connection, made anew where it broke.
    async fn connected(&mut self) -> Result<&mut Connection, Failure> {
        let failed = |cause| Failure {
            stage: Stage::Begin,
            cause,
        };
        if self.connection.as_ref().is_none_or(|c| !c.is_usable()) {
            let connected = Connection::connect(&self.shared.target).await;
            let mut connection = connected.map_err(|e| failed(Cause::Wire(e)))?;
            session::prepare_write(&mut connection, &mut self.settings)
                .await
                .map_err(|e| failed(Cause::Endpoint(e)))?;
            self.connection = Some(connection);
        }
        Ok(self.connection.as_mut().expect("it was made above"))
    }

    /// Rolls back; `false` where the connection is lost.
    async fn rollback(&mut self) -> bool {
        let Some(connection) = &mut self.connection else {
            return true;
        };
        let done = connection.is_usable() && session::rollback(connection).await.is_ok();
        if !done {
            self.connection = None;
        }
        done
    }

    /// Moves the lane's token on over a new connection, and commits that, until it is decided.
    async fn move_token(&mut self, work: &Work) -> Result<()> {
        let zombie = self.connection.take().and_then(|c| c.backend_pid());
        if Mistake::TokenOnlyRead.is_made() {
            return Ok(());
        }
        let next = Uuid::new_v4().to_string();
        let statement = ledger::lane_move(&self.shared.run, self.number, &self.tokens, &next);
        self.tokens.push(next);
        let moved = ledger::lane_move(&self.shared.run, self.number, &self.tokens, self.token());
        let mut statement = Some(statement);
        let mut tries = Tries::new(self.shared.pace);
        loop {
            // From the second try on the row may have the new token already.
            let sql = statement.take().unwrap_or_else(|| moved.clone());
            match self.try_move(&sql, zombie).await {
                Ok(true) => break,
                Ok(false) => return Err(Error::TakenOver),
                Err(failure) => {
                    self.rollback().await;
                    self.shared.board.pulse().beat();
                    if !tries.again(failure.heard(), &self.shared.stop).await {
                        let place = work.place(None);
                        let source = failure.into_endpoint_error();
                        return Err(Error::Target { place, source });
                    }
                }
            }
        }
        let token = self.tokens.pop().expect("it was pushed above");
        self.tokens = vec![token];
        Ok(())
    }

    async fn try_move(&mut self, sql: &str, zombie: Option<i32>) -> Result<bool, Failure> {
        self.terminate(zombie).await?;
        let failed = |e| Failure {
            stage: Stage::Ledger,
            cause: Cause::Wire(e),
        };
        let connection = self.begin().await?;
        let tag = connection.query(sql).await.map_err(failed)?.tag;
        if tag.as_str() != "UPDATE 1" {
            self.rollback().await;
            return Ok(false);
        }
        let tag = connection.query("COMMIT").await.map_err(failed)?.tag;
        if tag.as_str() == "COMMIT" {
            Ok(true)
        } else {
            Err(Failure {
                stage: Stage::Commit,
                cause: Cause::NotCommitted,
            })
        }
    }

    /// Ends the old backend where the target has that: what it has under way then rolls back at once
    /// instead of when its timeout comes. Only a courtesy: refusals do not matter.
    async fn terminate(&mut self, zombie: Option<i32>) -> Result<(), Failure> {
        let Some(pid) = zombie.filter(|_| self.shared.terminate_backend) else {
            return Ok(());
        };
        let name = sql::literal(&application_name(self.shared, self.number));
        self.begin().await?;
        let Some(connection) = &mut self.connection else {
            return Ok(());
        };
        // Process numbers are used again: only a backend of this very lane is meant.
        let statement = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = {pid} AND \
             application_name = {name} AND pid <> pg_backend_pid()"
        );
        let _ = connection.query(&statement).await;
        self.rollback().await;
        Ok(())
    }

    async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
    }
}

impl Failure {
    fn into_endpoint_error(self) -> EndpointError {
        let words = self.in_words();
        match self.cause {
            Cause::Endpoint(error) => error,
            Cause::Wire(source) => EndpointError::Wire {
                doing: "deciding a doubtful COMMIT".to_owned(),
                source,
            },
            _ => EndpointError::Unexpected { what: words },
        }
    }
}

fn application_name(shared: &Shared, number: usize) -> String {
    format!("wire9/{}/{number}", short(&shared.run))
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
