//! The reading half of a lane: COPY TO, rewrite, batches.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use tokio::sync::mpsc;

use crate::copytext::{Digest, Rewriter, RowError, RowErrorKind, Rows};
use crate::endpoint::Error as EndpointError;
use crate::endpoint::session::{self, ReadSettings, Scan};
use crate::metrics::{Event, Waits};
use crate::plan::Bounds;
use crate::planted::Mistake;
use crate::wire::{self, Connection, CopyOut};

use super::batch::{Batch, Unfit, digest};
use super::board::{Half, Stage};
use super::error::{Error, Result};
use super::pace::{Heard, Tries};
use super::rejects::is_of_the_row;
use super::untranslatable::{self, Found, Untranslatable};
use super::{Aim, Full, Queue, Shared, Work};

/// Bytes of COPY text read before they are rewritten: large enough for few calls, small enough to
/// stay in the processor's cache on the way to the rewriter.
pub(super) const RAW: usize = 256 << 10;

/// Bytes of rows that are looked at together.
pub(super) const LOOKED_AT: usize = RAW;

/// Size of the CopyData messages that the target gets.
pub(super) const FRAME: usize = 128 << 10;

/// Bytes after which progress is told.
const TELL: u64 = 2 << 20;

pub(super) struct Reader<'a, Q> {
    queue: &'a Q,
    source: Source<'a>,
    filler: Filler<'a>,
}

/// Fills batches, and measures what it waits for.
struct Filler<'a> {
    shared: &'a Shared,
    number: usize,
    aim: &'a Aim,
    waits: Waits,
    /// The rows of a batch that was not filled to its end, because the source broke: without it each
    /// broken connection would take one of the lane's two batches away, and the third would wait for
    /// ever.
    spare: Option<Rows>,
}

/// Rows of the chunk that are on their way or committed: they are read past on a re-read.
#[derive(Debug, Clone, Copy, Default)]
struct Sent(Digest);

enum ChunkEnd {
    Complete,
    Stopped,
}

/// Why one attempt at a chunk ended.
pub(super) enum Failure {
    /// The source; it may be tried again.
    Source(EndpointError),
    /// The source can not send the row at this position of the chunk, from 0, as UTF-8.
    Untranslatable {
        position: u64,
        source: EndpointError,
    },
    /// Not worth another try.
    Final(Error),
    /// The writer is gone: it has the error.
    Abandoned,
}

impl From<EndpointError> for Failure {
    fn from(error: EndpointError) -> Self {
        Self::Source(error)
    }
}

impl<'a, Q: Queue> Reader<'a, Q> {
    pub(super) fn new(shared: &'a Shared, queue: &'a Q, number: usize, aim: &'a Aim) -> Self {
        let source = Source::new(shared, number);
        Self {
            queue,
            source,
            filler: Filler {
                shared,
                number,
                aim,
                waits: Waits::default(),
                spare: None,
            },
        }
    }

    /// Reads chunks until there are none, `stop` is cancelled, or the writer is gone.
    pub(super) async fn run(mut self, mut free: mpsc::Receiver<Rows>, full: Full) -> Result<()> {
        loop {
            self.filler.post(Stage::Chunk, None);
            let work = tokio::select! {
                biased;
                () = self.filler.shared.loading.stop.cancelled() => break,
                work = self.queue.next() => work,
            };
            let Some(work) = work else { break };
            self.queue.began(&work);
            let table = work.table;
            let end = self.chunk(Arc::new(work), &mut free, &full).await;
            self.queue
                .waited(table, &std::mem::take(&mut self.filler.waits));
            match end {
                Ok(ChunkEnd::Complete) => {}
                Ok(ChunkEnd::Stopped) | Err(Failure::Abandoned) => break,
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Source(_) | Failure::Untranslatable { .. }) => {
                    unreachable!("`chunk` turns the last one into `Final`")
                }
            }
        }
        self.source.close().await;
        self.filler.post(Stage::Ended, None);
        Ok(())
    }

    /// Reads one chunk, over new connections where one breaks.
    async fn chunk(
        &mut self,
        work: Arc<Work>,
        free: &mut mpsc::Receiver<Rows>,
        full: &Full,
    ) -> Result<ChunkEnd, Failure> {
        let mut sent = Sent::default();
        for batch in &work.done {
            sent.0.merge(batch.all());
        }
        let shared = self.filler.shared;
        let mut tries = Tries::new(shared.loading.pace);
        loop {
            let before = sent.0.rows;
            let ended = match self.attempt(&work, &mut sent, free, full).await {
                Err(Failure::Untranslatable { position, source }) => {
                    let place = (position, sent.0.rows);
                    match self.source.pass_over(&work, place, source).await {
                        Ok(()) => continue,
                        Err(failure) => Err(failure),
                    }
                }
                ended => ended,
            };
            let error = match ended {
                Err(Failure::Source(error)) => error,
                other => return other,
            };
            self.source.connection = None;
            if sent.0.rows > before {
                tries.reset();
            }
            if shared.loading.stop.is_cancelled() {
                return Ok(ChunkEnd::Stopped);
            }
            let heard = Heard::of(error.wire());
            self.filler.post(Stage::Pause, Some(&work));
            if !endpoint_passes(&error) || !tries.again(heard, &shared.loading.stop).await {
                let place = work.place(None);
                return Err(Failure::Final(Error::Source {
                    place,
                    source: error,
                }));
            }
            self.queue.retried(work.table);
            let line = format!("reading {} again: {}", work.place(None), chain(&error));
            let _ = shared.loading.events.try_send(Event::Retry(line));
        }
    }

    async fn attempt(
        &mut self,
        work: &Arc<Work>,
        sent: &mut Sent,
        free: &mut mpsc::Receiver<Rows>,
        full: &Full,
    ) -> Result<ChunkEnd, Failure> {
        let Self { source, filler, .. } = self;
        filler.post(Stage::BeginRead, Some(work));
        let stop = &filler.shared.loading.stop;
        let begun = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(ChunkEnd::Stopped),
            begun = source.begin(work) => begun,
        };
        let line_limit = filler.shared.loading.line_limit;
        let mut stream = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(ChunkEnd::Stopped),
            begun = begin_again(begun?, work, line_limit, sent.0) => match begun? {
                Some(stream) => stream,
                None => {
                    let place = work.place(None);
                    return Err(Failure::Final(Error::Changed { place }));
                }
            },
        };
        loop {
            filler.post(Stage::Room, Some(work));
            let mut batch = filler.begin(work, sent.0.rows, free).await?;
            filler.post(Stage::Source, Some(work));
            let filled = match filler.fill(&mut stream, &mut batch).await {
                Ok(filled) => filled,
                Err(failure) => return Err(filler.keep(batch, failure)),
            };
            match filled {
                Filled::Stopped => return Ok(ChunkEnd::Stopped),
                Filled::End => {
                    // Only now is it known that nothing is missing, and only now may the batch say so.
                    if let Err(failure) = stream.finish(work).await {
                        return Err(filler.keep(batch, failure));
                    }
                    batch.last = true;
                    sent.0.merge(batch.digest());
                    full.send(batch).await.map_err(|_| Failure::Abandoned)?;
                    filler.post(Stage::EndRead, Some(work));
                    source.commit().await;
                    return Ok(ChunkEnd::Complete);
                }
                Filled::Full => {
                    sent.0.merge(batch.digest());
                    full.send(batch).await.map_err(|_| Failure::Abandoned)?;
                }
            }
        }
    }
}

/// Opens the chunk's COPY and reads past the rows that were sent before; `None`: they are not the same.
async fn begin_again<'c>(
    begun: Begun<'c>,
    work: &Work,
    line_limit: usize,
    sent: Digest,
) -> Result<Option<Stream<'c>>, Failure> {
    let mut stream = Stream::open(begun, work, line_limit).await?;
    Ok(stream.skip(work, sent).await?.then_some(stream))
}

impl Filler<'_> {
    fn post(&self, stage: Stage, work: Option<&Arc<Work>>) {
        let table = work.map(|work| &work.source);
        let board = &self.shared.loading.board;
        board.post(self.number, Half::Reader, stage, table);
    }

    /// A free batch that begins at a row of the chunk.
    async fn begin(
        &mut self,
        work: &Arc<Work>,
        first_row: u64,
        free: &mut mpsc::Receiver<Rows>,
    ) -> Result<Batch, Failure> {
        let rows = match self.spare.take() {
            Some(rows) => rows,
            None => {
                let waiting = Instant::now();
                let rows = free.recv().await.ok_or(Failure::Abandoned)?;
                self.waits.full += waiting.elapsed();
                rows
            }
        };
        let work = Arc::clone(work);
        Ok(Batch {
            work,
            rows,
            unfit: Vec::new(),
            first_row,
            read_bytes: 0,
            last: false,
            alone: None,
            origins: Vec::new(),
        })
    }

    /// Keeps the memory of a batch that will not be sent.
    fn keep(&mut self, mut batch: Batch, failure: Failure) -> Failure {
        batch.rows.clear();
        batch.rows.bytes.shrink_to(self.shared.loading.batch_limit);
        self.spare = Some(batch.rows);
        failure
    }

    /// Fills one batch up to the aim, or to the end of the chunk, and tells what was read.
    async fn fill(
        &mut self,
        stream: &mut Stream<'_>,
        batch: &mut Batch,
    ) -> Result<Filled, Failure> {
        let mut told = 0;
        let filled = self.fill_and_tell(stream, batch, &mut told).await;
        self.tell(batch, &mut told);
        filled
    }

    /// Tells how many bytes were read since it was told last.
    fn tell(&self, batch: &Batch, told: &mut u64) {
        let (table, bytes) = (batch.work.table, batch.read_bytes - *told);
        if bytes > 0 {
            let _ = self
                .shared
                .loading
                .events
                .try_send(Event::Read { table, bytes });
            *told = batch.read_bytes;
        }
    }

    async fn fill_and_tell(
        &mut self,
        stream: &mut Stream<'_>,
        batch: &mut Batch,
        told: &mut u64,
    ) -> Result<Filled, Failure> {
        let aim = self.aim.load(Ordering::Relaxed);
        loop {
            let began = Instant::now();
            let before = stream.rewriter.consumed();
            let rewritten = stream.rewrite(&mut batch.rows, aim);
            self.waits.rewrite += began.elapsed();
            batch.read_bytes += stream.rewriter.consumed() - before;
            if let Err(error) = rewritten {
                if self.unfit(stream, batch, error).await? {
                    return Ok(Filled::Full);
                }
                continue;
            }
            if stream.rewriter.is_full() {
                return Ok(Filled::Full);
            }
            if batch.read_bytes - *told >= TELL {
                self.tell(batch, told);
            }
            if stream.begun_row() > self.shared.loading.batch_limit && batch.alone.is_none() {
                self.post(Stage::Alone, Some(&batch.work));
                let alone = Arc::clone(&self.shared.alone).acquire_owned().await;
                batch.alone = Some(alone.expect("the semaphore is never closed"));
                self.post(Stage::Source, Some(&batch.work));
            }
            let waiting = Instant::now();
            let read = tokio::select! {
                biased;
                () = self.shared.loading.stop.cancelled() => return Ok(Filled::Stopped),
                read = stream.read() => read,
            };
            self.waits.source += waiting.elapsed();
            if read.map_err(|e| stream.failed(&batch.work, e))? == 0 {
                return Ok(Filled::End);
            }
        }
    }
}

impl Filler<'_> {
    /// Takes a row that can not be sent, where such rows are rejected. `true`: the batch has its size.
    async fn unfit(
        &mut self,
        stream: &mut Stream<'_>,
        batch: &mut Batch,
        error: RowError,
    ) -> Result<bool, Failure> {
        if self.shared.loading.rejects.is_none() || !is_of_the_row(&error.kind) {
            return Err(row_error(&batch.work, error));
        }
        if batch.alone.is_none() && matches!(error.kind, RowErrorKind::TooLong { .. }) {
            let alone = Arc::clone(&self.shared.alone).acquire_owned().await;
            batch.alone = Some(alone.expect("the semaphore is never closed"));
        }
        let before = stream.rewriter.consumed();
        let row = stream.take_row(&batch.work).await?;
        batch.read_bytes += stream.rewriter.consumed() - before;
        batch.unfit.push(Unfit {
            at: batch.rows.bytes.len(),
            row,
            kind: error.kind,
        });
        Ok(batch.weight() >= self.aim.load(Ordering::Relaxed))
    }
}

enum Filled {
    /// The batch has its size and more rows are there.
    Full,
    /// The chunk has no more rows.
    End,
    Stopped,
}

/// The lane's connection to the source.
pub(super) struct Source<'a> {
    shared: &'a Shared,
    number: usize,
    connection: Option<Connection>,
    /// Rows that it can not send, of the chunk that is being read.
    untranslatable: Untranslatable,
}

/// A chunk's transaction.
pub(super) struct Begun<'a> {
    pub(super) connection: &'a mut Connection,
    pub(super) untranslatable: &'a Untranslatable,
}

impl<'a> Source<'a> {
    pub(super) fn new(shared: &'a Shared, number: usize) -> Self {
        Self {
            shared,
            number,
            connection: None,
            untranslatable: Untranslatable::default(),
        }
    }

    /// A connection inside a transaction under the snapshot, with the table's file proven to be the
    /// snapshot's. One transaction per chunk, so that locks do not pile up over thousands of tables.
    pub(super) async fn begin(&mut self, work: &Work) -> Result<Begun<'_>, EndpointError> {
        self.untranslatable.of_chunk(work);
        let doing = || format!("connecting to read table {}", work.source);
        if self.connection.as_ref().is_none_or(|c| !c.is_usable()) {
            let connected = Connection::connect(&self.shared.source).await;
            self.connection = Some(connected.map_err(|source| EndpointError::Wire {
                doing: doing(),
                source,
            })?);
        }
        let connection = self.connection.as_mut().expect("it was made above");
        let scan = match work.bounds {
            Bounds::Pages { .. } => Scan::Ctid,
            Bounds::Whole | Bounds::Keys { .. } => Scan::Free,
        };
        let application_name = format!("wire9/{}/{}", short(&self.shared.loading.run), self.number);
        let settings = ReadSettings {
            application_name,
            scan,
        };
        session::begin_read(connection, &self.shared.snapshot, &settings).await?;
        session::lock_and_check(connection, &work.source, work.oid).await?;
        if rejects(self.shared, work) {
            unconverted(connection)
                .await
                .map_err(|e| reading(work, e))?;
        }
        Ok(Begun {
            connection,
            untranslatable: &self.untranslatable,
        })
    }

    /// What is done about a row that the source can not send as UTF-8, at a position of the chunk from 0: where
    /// rows are rejected, it is read alone, and the chunk without it from then on. `sent` rows of the chunk
    /// are on their way or committed.
    ///
    /// # Errors
    /// `Final` where rows are not rejected, or that row is not at fault; the source's.
    pub(super) async fn pass_over(
        &mut self,
        work: &Work,
        (position, sent): (u64, u64),
        source: EndpointError,
    ) -> Result<(), Failure> {
        self.connection = None;
        let found = match rejects(self.shared, work) {
            true => self.untranslatable_at(work, position).await?,
            false => None,
        };
        // Its transaction has failed, or ends with the connection.
        self.connection = None;
        match found.is_some_and(|found| self.untranslatable.add(position, found, sent)) {
            true => Ok(()),
            false => Err(Failure::Final(Error::Source {
                place: work.place(Some(position + 1)),
                source,
            })),
        }
    }

    async fn untranslatable_at(
        &mut self,
        work: &Work,
        position: u64,
    ) -> Result<Option<Found>, EndpointError> {
        let begun = self.begin(work).await?;
        let found = untranslatable::find(begun, work, position).await;
        found.map_err(|source| reading(work, source))
    }

    /// Ends the chunk's transaction; an error shows when the next one begins.
    async fn commit(&mut self) {
        if let Some(connection) = &mut self.connection
            && connection.query("COMMIT").await.is_err()
        {
            self.connection = None;
        }
    }

    pub(super) async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
    }
}

/// A running COPY TO and the rows of it that are not rewritten yet.
pub(super) struct Stream<'a> {
    copy: CopyOut<'a>,
    untranslatable: &'a Untranslatable,
    /// How many of them are behind.
    passed: usize,
    rewriter: Rewriter,
    raw: Vec<u8>,
    /// Bytes of `raw` that are rewritten.
    at: usize,
}

impl<'a> Stream<'a> {
    pub(super) async fn open(
        begun: Begun<'a>,
        work: &Work,
        line_limit: usize,
    ) -> Result<Self, EndpointError> {
        let statement = begun.untranslatable.copy_without(work);
        let copy = begun
            .connection
            .copy_out(&statement)
            .await
            .map_err(|source| reading(work, source))?;
        let rewriter = Rewriter::new(work.recipe.clone(), line_limit, FRAME);
        let rewriter = rewriter.spread(work.spread.clone());
        Ok(Self {
            copy,
            untranslatable: begun.untranslatable,
            passed: 0,
            rewriter,
            raw: Vec::with_capacity(RAW),
            at: 0,
        })
    }

    /// Reads what is there; 0 is the end.
    pub(super) async fn read(&mut self) -> wire::Result<usize> {
        self.raw.drain(..self.at);
        self.at = 0;
        if self.raw.capacity() > 4 * RAW && self.raw.len() < RAW {
            self.raw.shrink_to(RAW);
        }
        let limit = (self.raw.len() + RAW / 2).max(RAW);
        self.copy.read(&mut self.raw, limit).await
    }

    pub(super) fn rewrite(&mut self, rows: &mut Rows, full: usize) -> Result<usize, RowError> {
        let before = self.rewriter.consumed();
        let rest = &self.raw[self.at..];
        let rest = match self.untranslatable.get(self.passed) {
            Some(next) => first_rows(rest, next.position - self.rewriter.rows()),
            None => rest,
        };
        let rewritten = self.rewriter.rewrite(rest, rows, full);
        // Rows before a bad one are taken.
        let consumed = self.rewriter.consumed() - before;
        self.at += usize::try_from(consumed).expect("it was in memory");
        match self.untranslatable() {
            Some(row) if rewritten.is_ok() => Err(RowError {
                row: row.position,
                kind: RowErrorKind::Untranslatable,
            }),
            _ => rewritten,
        }
    }

    /// The next row, where it is one that the source can not send.
    fn untranslatable(&self) -> Option<&'a untranslatable::Row> {
        let next = self.untranslatable.get(self.passed);
        next.filter(|row| row.position == self.rewriter.rows())
    }

    fn pass(&mut self) {
        self.passed += 1;
        self.rewriter.pass_over(0);
    }

    /// Takes the next row as it is, with its newline: one that can not be sent.
    pub(super) async fn take_row(&mut self, work: &Work) -> Result<Vec<u8>, Failure> {
        if let Some(row) = self.untranslatable() {
            self.pass();
            return Ok(row.text.clone());
        }
        let mut searched = 0;
        loop {
            let rest = &self.raw[self.at..];
            if let Some(newline) = memchr::memchr(b'\n', &rest[searched..]) {
                let row = rest[..=searched + newline].to_vec();
                self.rewriter.pass_over(row.len());
                self.at += row.len();
                return Ok(row);
            }
            searched = rest.len();
            if self.read().await.map_err(|e| self.failed(work, e))? == 0 {
                let cut_off = self.rewriter.finish(&self.raw[self.at..]);
                let error = cut_off.expect_err("its newline has not come");
                return Err(row_error(work, error));
            }
        }
    }

    /// Bytes of the row that has begun and whose end has not come.
    fn begun_row(&self) -> usize {
        self.raw.len() - self.at
    }

    /// Whether a whole row is left: the rewriter stopped because the batch is full.
    pub(super) fn holds_a_row(&self) -> bool {
        self.untranslatable().is_some() || memchr::memchr(b'\n', &self.raw[self.at..]).is_some()
    }

    /// Reads past the rows that were sent before; `false` when they are not the same rows.
    pub(super) async fn skip(&mut self, work: &Work, sent: Digest) -> Result<bool, Failure> {
        let mut skipped = Digest::default();
        let mut rows = Rows::with_capacity(0);
        while skipped.rows < sent.rows {
            // A row has at least its newline, so that many bytes never hold more rows than are to be
            // skipped: the batch behind them begins exactly where it began before.
            let left = usize::try_from(sent.rows - skipped.rows).unwrap_or(usize::MAX);
            rows.clear();
            let rewritten = self.rewrite(&mut rows, left.min(RAW));
            skipped.merge(rows.digest);
            match rewritten {
                // It was rejected then, or these are not the same rows.
                Err(error) if is_of_the_row(&error.kind) && skipped.rows < sent.rows => {
                    skipped.merge(self.pass_row(work).await?);
                    continue;
                }
                Err(_) if skipped.rows >= sent.rows => break,
                rewritten => rewritten.map_err(|e| row_error(work, e))?,
            };
            if rows.digest.rows == 0 && self.read().await.map_err(|e| self.failed(work, e))? == 0 {
                return Ok(false);
            }
        }
        Ok(skipped == sent)
    }

    /// Passes over the next row, which could not be sent, and answers its digest.
    async fn pass_row(&mut self, work: &Work) -> Result<Digest, Failure> {
        match self.untranslatable() {
            Some(row) => {
                self.pass();
                Ok(row.digest)
            }
            None => Ok(digest(&self.take_row(work).await?)),
        }
    }

    /// An error of the source while rows come. Bytes that the server can not send as UTF-8 stand in the
    /// row after the last one that came.
    pub(super) fn failed(&self, work: &Work, error: wire::Error) -> Failure {
        match () {
            () if untranslatable::is_translation(&error) => Failure::Untranslatable {
                position: self.rewriter.rows(),
                source: reading(work, error),
            },
            _ => reading(work, error).into(),
        }
    }

    /// The end of the chunk: the source's count must be the rows that arrived.
    pub(super) async fn finish(self, work: &Work) -> Result<(), Failure> {
        let arrived = self.rewriter.rows() - self.passed as u64;
        if self.untranslatable.get(self.passed).is_some() {
            let place = work.place(None);
            return Err(Failure::Final(Error::Changed { place }));
        }
        self.rewriter
            .finish(&self.raw[self.at..])
            .map_err(|e| row_error(work, e))?;
        let tag = self.copy.finish().await.map_err(|e| reading(work, e))?;
        if tag.rows() != Some(arrived) && !Mistake::SourceTagIgnored.is_made() {
            let said = tag.as_str().to_owned();
            return Err(Failure::Final(Error::Count {
                place: work.place(None),
                said,
                arrived,
            }));
        }
        Ok(())
    }
}

/// Whether rows of the chunk may be rejected, or are.
fn rejects(shared: &Shared, work: &Work) -> bool {
    let rejected = work.done.iter().any(|batch| batch.rejected.rows > 0);
    shared.loading.rejects.is_some() || rejected
}

/// A server without an encoding refuses a whole COPY for one row that is not UTF-8. Asked for bytes as they
/// are it sends them all, and the rewriter finds that row.
async fn unconverted(connection: &mut Connection) -> wire::Result<()> {
    if connection.parameter("server_encoding") == Some("SQL_ASCII") {
        connection
            .query("SET LOCAL client_encoding = 'SQL_ASCII'")
            .await?;
    }
    Ok(())
}

/// The first so many rows, as far as they are there.
fn first_rows(rows: &[u8], count: u64) -> &[u8] {
    let Some(last) = count.checked_sub(1) else {
        return &[];
    };
    let mut ends = memchr::memchr_iter(b'\n', rows);
    let end = usize::try_from(last).ok().and_then(|last| ends.nth(last));
    end.map_or(rows, |end| &rows[..=end])
}

pub(super) fn reading(work: &Work, source: wire::Error) -> EndpointError {
    EndpointError::Wire {
        doing: format!("reading table {}", work.source),
        source,
    }
}

pub(super) fn row_error(work: &Work, error: RowError) -> Failure {
    let place = work.place(Some(error.row + 1));
    Failure::Final(Error::Row {
        place,
        kind: error.kind,
    })
}

/// Whether reading may succeed under the same snapshot a moment later. A standby cancels readers with
/// 40001 when replay must remove what they may still see.
pub(super) fn endpoint_passes(error: &EndpointError) -> bool {
    let Some(wire) = error.wire() else {
        return false;
    };
    match wire {
        wire::Error::Lost { .. } | wire::Error::Silent { .. } | wire::Error::Connect { .. } => true,
        other => matches!(
            other.code(),
            Some(
                "40001"
                    | "40P01"
                    | "53000"
                    | "53200"
                    | "53300"
                    | "55P03"
                    | "57014"
                    | "57P01"
                    | "57P02"
                    | "57P03"
                    | "08000"
                    | "08003"
                    | "08006"
            )
        ),
    }
}

/// An error and its causes in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}

/// The first block of the run's UUID: enough to tell runs apart in `pg_stat_activity`, whose
/// application_name ends at 63 bytes.
pub fn short(run: &str) -> &str {
    run.split('-').next().unwrap_or(run)
}
