//! Reads chunks again without sending them: their rows are only looked at.

use crate::copytext::{Digest, Rows};

use super::board::{Half, Stage};
use super::error::{Error, Result};
use super::pace::{Heard, Tries};
use super::read::{Failure, LOOKED_AT, Source, Stream, endpoint_passes, row_error};
use super::seats::Seat;
use super::{Shared, Work};

/// Reads a chunk as it would be sent, and shows its rows. Where the source breaks, it is read from its
/// start again into a new `begin()`.
///
/// # Errors
/// The source's, and rows that can not be sent.
pub async fn scan<T>(
    shared: &Shared,
    work: &Work,
    begin: impl Fn() -> T,
    mut see: impl FnMut(&mut T, &Rows),
) -> Result<T> {
    tried(shared, work, async |source, seat| {
        let mut seen = begin();
        let connection = source.begin(work).await?;
        seat.post(Stage::Source, &work.source);
        let mut stream = Stream::open(connection, work, shared.loading.line_limit).await?;
        let mut rows = Rows::with_capacity(LOOKED_AT);
        loop {
            rows.clear();
            stream
                .rewrite(&mut rows, LOOKED_AT)
                .map_err(|e| row_error(work, e))?;
            if rows.digest.rows > 0 {
                see(&mut seen, &rows);
                shared.took(rows.bytes.len()).await;
            } else if stream.read().await.map_err(|e| stream.failed(work, e))? == 0 {
                break;
            }
        }
        stream.finish(work).await?;
        Ok(seen)
    })
    .await
}

/// Reads a chunk again, under another snapshot, and compares it with the batches that were committed:
/// all rows where the chunk is finished, else as many as were committed. `false`: they differ.
///
/// # Errors
/// The source's, and rows that can not be sent.
pub async fn redigest(shared: &Shared, work: &Work) -> Result<bool> {
    match tried(shared, work, async |source, seat| {
        compare(shared, (source, seat), work).await
    })
    .await
    {
        Err(Error::Row { .. }) => Ok(false),
        compared => compared,
    }
}

/// Tries again where the source passes.
async fn tried<'s, T>(
    shared: &'s Shared,
    work: &Work,
    mut attempt: impl AsyncFnMut(&mut Source<'s>, &Seat<'s>) -> Result<T, Failure>,
) -> Result<T> {
    let seat = shared.scans.take(&shared.loading.board, Half::Reader).await;
    let mut source = Source::new(shared, 0);
    let mut tries = Tries::new(shared.loading.pace);
    loop {
        seat.post(Stage::BeginRead, &work.source);
        let failure = match attempt(&mut source, &seat).await {
            Ok(done) => {
                source.close().await;
                return Ok(done);
            }
            Err(failure) => failure,
        };
        let failure = match failure {
            Failure::Untranslatable {
                position,
                source: error,
            } => {
                let known = source.pass_over(work, (position, u64::MAX), error).await;
                match known {
                    Ok(()) => continue,
                    Err(failure) => failure,
                }
            }
            failure => failure,
        };
        let error = match failure {
            Failure::Source(error) => error,
            Failure::Final(error) => return Err(error),
            _ => unreachable!("there is no writer, and `pass_over` is over"),
        };
        source = Source::new(shared, 0);
        let passes = endpoint_passes(&error) && !shared.loading.stop.is_cancelled();
        let heard = Heard::of(error.wire());
        seat.post(Stage::Pause, &work.source);
        if !passes || !tries.again(heard, &shared.loading.stop).await {
            return Err(Error::Source {
                place: work.place(None),
                source: error,
            });
        }
    }
}

async fn compare(
    shared: &Shared,
    (source, seat): (&mut Source<'_>, &Seat<'_>),
    work: &Work,
) -> Result<bool, Failure> {
    let mut committed = Digest::default();
    for batch in &work.done {
        committed.merge(batch.all());
    }
    let connection = source.begin(work).await?;
    seat.post(Stage::Source, &work.source);
    let mut stream = Stream::open(connection, work, shared.loading.line_limit).await?;
    if !stream.skip(work, committed).await? {
        return Ok(false);
    }
    if work.done.last().is_none_or(|b| !b.last) {
        return Ok(true);
    }
    let at_end =
        !stream.holds_a_row() && stream.read().await.map_err(|e| stream.failed(work, e))? == 0;
    if at_end {
        stream.finish(work).await?;
    }
    Ok(at_end)
}
