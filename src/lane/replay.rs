//! A lane that loads rejected rows again, from the files where they were set aside.
//!
//! They are a chunk like any other: batches with ledger rows, a token, and what is refused again goes to
//! new files. Only the reading half is another.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

use crate::copytext::{Digest, Rewriter, RowErrorKind, Rows};

use super::batch::{Batch, Unfit, digest};
use super::error::{Error, Result};
use super::read::{FRAME, RAW};
use super::rejects::{Aside, FileError, Record, is_of_the_row};
use super::size::BatchSize;
use super::untranslatable;
use super::write::Writer;
use super::{Aim, Loading, Queue, Work};

/// Loads the rows of one table's files; `work` is the chunk that they are, with the batches of it that
/// an earlier process has committed. `false`: it was asked to stop before the last of them.
///
/// # Errors
/// What ended it; batches that were committed are.
pub async fn replay<Q: Queue>(
    loading: &Loading,
    queue: &Q,
    (work, aside): (Work, &Aside),
    token: String,
) -> Result<bool> {
    let size = BatchSize::new(loading.batch_limit);
    let aim = Aim::new(size.aim());
    let mut writer = Writer::new(loading, queue, 0, token, (size, &aim));
    let work = Arc::new(work);
    let mut reader = Reader::open(loading, &work, aside).await?;
    reader.skip().await?;
    let mut is_over = work.done.last().is_some_and(|batch| batch.last);
    while !is_over && !loading.stop.is_cancelled() {
        let batch = reader.batch(aim.load(Ordering::Relaxed)).await?;
        writer.batch(&batch).await?;
        is_over = batch.last;
    }
    writer.close().await;
    Ok(is_over)
}

/// The rows of a file and their records.
struct Reader<'a> {
    work: &'a Arc<Work>,
    aside: &'a Aside,
    file: File,
    records: Box<dyn Iterator<Item = Result<Record, FileError>> + Send>,
    rewriter: Rewriter,
    raw: Vec<u8>,
    /// Bytes of `raw` that are rewritten.
    at: usize,
    ended: bool,
}

impl<'a> Reader<'a> {
    async fn open(loading: &Loading, work: &'a Arc<Work>, aside: &'a Aside) -> Result<Self> {
        let failed = |source| Error::RejectFile {
            place: work.place(None),
            source,
        };
        let path = aside.copy();
        let file = File::open(path).await.map_err(|source| {
            failed(FileError {
                path: path.to_owned(),
                source,
            })
        })?;
        Ok(Self {
            work,
            aside,
            file,
            records: Box::new(aside.records().map_err(failed)?),
            rewriter: Rewriter::new(work.recipe.clone(), loading.line_limit, FRAME),
            raw: Vec::with_capacity(RAW),
            at: 0,
            ended: false,
        })
    }

    /// Reads past the rows that were committed; they must be the same.
    async fn skip(&mut self) -> Result<()> {
        let mut committed = Digest::default();
        for batch in &self.work.done {
            committed.merge(batch.all());
        }
        let mut skipped = Digest::default();
        let mut rows = Rows::default();
        while skipped.rows < committed.rows {
            let left = usize::try_from(committed.rows - skipped.rows).unwrap_or(usize::MAX);
            rows.clear();
            let unfit = self.fill(&mut rows, left.min(RAW)).await?;
            skipped.merge(rows.digest);
            if let Some(unfit) = unfit.filter(|_| skipped.rows < committed.rows) {
                skipped.merge(digest(&unfit.row));
            } else if rows.is_empty() && self.is_over() {
                break;
            }
        }
        for _ in 0..committed.rows {
            self.origin().map_err(|e| self.failed(e))?;
        }
        match skipped == committed {
            true => Ok(()),
            false => Err(Error::Edited {
                place: self.work.place(None),
            }),
        }
    }

    /// The next rows, up to `aim` bytes.
    async fn batch(&mut self, aim: usize) -> Result<Batch> {
        let mut batch = Batch {
            work: Arc::clone(self.work),
            rows: Rows::with_capacity(aim.min(1 << 20)),
            unfit: Vec::new(),
            first_row: self.rewriter.rows(),
            read_bytes: 0,
            last: false,
            alone: None,
            origins: Vec::new(),
        };
        let before = self.rewriter.consumed();
        while batch.weight() < aim && !self.is_over() {
            batch.unfit.extend(self.fill(&mut batch.rows, aim).await?);
            if self.rewriter.is_full() {
                break;
            }
        }
        for _ in 0..batch.count() {
            let origin = self.origin().map_err(|e| self.failed(e))?;
            batch.origins.push(origin);
        }
        batch.read_bytes = self.rewriter.consumed() - before;
        batch.last = self.is_over();
        Ok(batch)
    }

    fn is_over(&self) -> bool {
        self.ended && self.at == self.raw.len()
    }

    /// Appends rows until there is no room, or one that can not be sent, which is answered, or more of
    /// the file is needed, which is then read.
    async fn fill(&mut self, rows: &mut Rows, full: usize) -> Result<Option<Unfit>> {
        let before = self.rewriter.consumed();
        let rest = &self.raw[self.at..];
        let whole = memchr::memrchr(b'\n', rest).map_or(0, |end| end + 1);
        let escaped = untranslatable::escaped(&rest[..whole]);
        let rest = &rest[..escaped.unwrap_or(rest.len())];
        let rewritten = self.rewriter.rewrite(rest, rows, full);
        let consumed = self.rewriter.consumed() - before;
        self.at += usize::try_from(consumed).expect("it was in memory");
        match rewritten {
            Ok(_) if escaped.is_some() && rows.bytes.len() < full => {
                let (at, kind) = (rows.bytes.len(), RowErrorKind::Untranslatable);
                let row = self.take_row().await?;
                Ok(Some(Unfit { at, row, kind }))
            }
            Ok(_) if self.rewriter.is_full() || escaped.is_some() => Ok(None),
            Ok(_) => self.read().await.map(|()| None),
            Err(error) if is_of_the_row(&error.kind) => {
                let row = self.take_row().await?;
                let (at, kind) = (rows.bytes.len(), error.kind);
                Ok(Some(Unfit { at, row, kind }))
            }
            Err(error) => Err(Error::Row {
                place: self.work.place(Some(error.row + 1)),
                kind: error.kind,
            }),
        }
    }

    async fn take_row(&mut self) -> Result<Vec<u8>> {
        loop {
            let rest = &self.raw[self.at..];
            if let Some(newline) = memchr::memchr(b'\n', rest) {
                let row = rest[..=newline].to_vec();
                self.rewriter.pass_over(row.len());
                self.at += row.len();
                return Ok(row);
            }
            self.read().await?;
        }
    }

    /// Reads on. An editor may have left out the last newline.
    async fn read(&mut self) -> Result<()> {
        self.raw.drain(..self.at);
        self.at = 0;
        let before = self.raw.len();
        self.raw.resize(before + RAW, 0);
        let read = self.file.read(&mut self.raw[before..]).await;
        let read = read.map_err(|source| {
            self.failed(FileError {
                path: self.aside.copy().to_owned(),
                source,
            })
        })?;
        self.raw.truncate(before + read);
        if read == 0 {
            self.ended = true;
            if self.raw.last().is_some_and(|last| *last != b'\n') {
                self.raw.push(b'\n');
            }
        }
        Ok(())
    }

    fn failed(&self, source: FileError) -> Error {
        Error::RejectFile {
            place: self.work.place(None),
            source,
        }
    }

    /// Where the next row stood when it was rejected first.
    fn origin(&mut self) -> Result<(u32, u64), FileError> {
        let record = match self.records.next() {
            Some(record) => record,
            None => Err(FileError {
                path: self.aside.copy().to_owned(),
                source: std::io::ErrorKind::UnexpectedEof.into(),
            }),
        };
        let record = record?;
        Ok((record.chunk, record.row))
    }
}
