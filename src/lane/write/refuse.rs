//! Rows that are refused for their data: which of them, and where they go.

use crate::wire;

use super::super::Queue;
use super::super::batch::{Batch, Piece, Refused};
use super::super::decide::Stage;
use super::super::error::{Error, Result};
use super::super::rejects::{Kept, Reason, Record, TooMany};
use super::failure::{Cause, Failure};
use super::{Course, Next, Writer};

impl<Q: Queue> Writer<'_, Q> {
    /// Puts the rows that a piece rejects into their files, before its transaction begins.
    pub(super) async fn keep(&self, batch: &Batch, piece: &Piece) -> Result<Option<Kept>> {
        let (Some(rejects), Some(first)) = (&self.loading.rejects, piece.refused.first()) else {
            return Ok(None);
        };
        let mut rows = Vec::new();
        for row in &piece.refused {
            rows.extend_from_slice(batch.text(&row.text));
        }
        let record = |row: &Refused| self.record(batch, row);
        let records: Vec<Record> = piece.refused.iter().map(record).collect();
        let place = batch.work.place(Some(first.position + 1));
        match rejects.keep(batch.work.table, rows, &records).await {
            Ok(Some(kept)) => Ok(Some(kept)),
            Ok(None) => Err(Error::RejectsInDoubt { place }),
            Err(source) => Err(Error::RejectFile { place, source }),
        }
    }

    fn record(&self, batch: &Batch, row: &Refused) -> Record {
        let within = usize::try_from(row.position - batch.first_row).ok();
        let origin = within.and_then(|within| batch.origins.get(within));
        let own = (batch.work.chunk, row.position + 1);
        let (chunk, position) = origin.copied().unwrap_or(own);
        let reason = row.reason.clone();
        Record {
            table: batch.work.source.to_string(),
            chunk,
            row: position,
            by: reason.by,
            sqlstate: reason.sqlstate,
            constraint: reason.constraint,
            column: reason.column,
        }
    }

    /// Counts the rows of a batch that can not be sent.
    pub(super) fn count_unfit(&self, batch: &Batch) -> Result<(), Box<Error>> {
        let Some(last) = batch.unfit.len().checked_sub(1) else {
            return Ok(());
        };
        let before = memchr::memchr_iter(b'\n', &batch.rows.bytes[..batch.unfit[last].at]);
        let position = batch.first_row + (before.count() + last) as u64;
        self.count(batch, last as u64 + 1, (position, None))
    }

    /// Whether rows are to be rejected for a failure.
    pub(super) fn rejects_for(&self, failure: &Failure, piece: &Piece) -> bool {
        self.loading.rejects.is_some() && piece.digest.rows > 0 && failure.blame().is_some()
    }

    /// What follows on a refusal for which the rows are at fault: a COMMIT may have taken effect all the
    /// same, and so may have whatever broke the connection.
    pub(super) async fn blamed(&mut self, failure: Failure) -> Next {
        let ask = failure.stage == Stage::Commit || !self.target.rollback().await;
        match (failure.cause, ask) {
            (Cause::Wire(error), true) => Next::Ask(Some(error)),
            (Cause::Wire(error), false) => Next::Blame(error),
            _ => Next::Again,
        }
    }

    /// A piece without effect was refused for its data: its rows are parted until the guilty one stands
    /// alone, which is then rejected.
    pub(super) fn blame(
        &mut self,
        batch: &Batch,
        piece: &Piece,
        course: &mut Course,
        error: wire::Error,
    ) -> Result<(), Box<Error>> {
        let rows = piece.digest.rows;
        let line = error.server().and_then(|e| e.copy_line);
        course.tries.reset();
        if !course.search.refused(rows, line) {
            // Where the server names no row, their number may be what it does not take.
            if error.code() == Some("54000") && line.is_none() {
                course.too_much = Some(piece.bytes.len());
            }
            return Ok(());
        }
        course.too_much = None;
        let reason = Reason::of_target(&error);
        course.cursor.refuse(batch, piece, reason);
        let position = course.cursor.last_refused();
        self.count(batch, 1, (position, Some(error)))
    }

    fn count(
        &self,
        batch: &Batch,
        count: u64,
        (position, source): (u64, Option<wire::Error>),
    ) -> Result<(), Box<Error>> {
        let Some(rejects) = &self.loading.rejects else {
            return Ok(());
        };
        let rows = batch.count();
        let found = rejects.found(batch.work.table, count, rows);
        found.map_err(|TooMany { rejected, limit }| {
            Box::new(Error::TooManyRejects {
                place: batch.work.place(Some(position + 1)),
                rejected,
                limit,
                source,
            })
        })
    }
}

/// Tells the files what became of a transaction.
pub(super) fn decided(kept: Option<Kept>, committed: bool) {
    if let Some(kept) = kept {
        kept.decided(committed);
    }
}
