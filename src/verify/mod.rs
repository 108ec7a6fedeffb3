//! Whether the target holds what it should: digests of both sides, and down to the rows that differ.
//!
//! ```text
//!            one read of the target
//! ledger ───────────┬──────────────▶ equal: stored as it was sent, every row
//!                   │ not equal: the parts that differ; or no ledger
//!                   ▼
//!        both sides, as texts ─────▶ the same texts in every part: equal
//!                   │ parts that differ
//!                   ▼
//!        both sides, those parts by value, in buckets of keys ───▶ equal by value
//!                   │ buckets that differ
//!                   ▼
//!        rows of those buckets ───▶ missing, extra, different; which columns ───▶ read again, where asked
//! ```
//!
//! Texts are exact and cheap, but know no two spellings of one value; values are read only where texts
//! differ.

mod again;
mod difference;
mod error;
mod range;
pub mod repair;
mod seen;
mod target;

use std::borrow::Cow;
use std::pin::pin;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::{self, Stream};

use crate::catalog::TableName;
use crate::copytext::{Comparison, PartSet, Rows, Spread};
use crate::lane::{self, Shared, Work};
use crate::ledger::{self, TableSums};
use crate::metrics::{BatchFact, Event};

pub use difference::{Culprit, Difference, DifferentRow, What};
pub use error::{Error, Result};
pub use range::KeyRange;
use seen::{Merge, Seen};

use target::Target;

/// A target table, and the rows that belong there.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its number in events.
    pub number: usize,
    /// Its name in the target.
    pub name: TableName,
    /// Its columns in the order compared.
    pub columns: Vec<String>,
    /// The chunks of the source whose rows belong there, each with the columns in that order.
    pub works: Vec<Work>,
    /// How rows are compared.
    pub comparison: Comparison,
    /// What a ledger says was read and sent, in that order of columns, into the table when it was empty.
    pub sent: Option<TableSums>,
    /// Ranges of the target that are read at once; none: the whole table by one statement.
    pub ranges: Vec<KeyRange>,
    /// The places of a key's columns, in the order of its index, along which the target can be read page by
    /// page; none: it can not.
    pub pages: Vec<usize>,
}

/// How deep a verification looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    /// Sums of both sides.
    Digest,
    /// Down to the rows and columns that differ.
    #[default]
    Full,
}

/// How tables are verified.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Read both sides, also where a ledger could answer.
    pub both: bool,
    /// Tables at once, and chunks of a table at once.
    pub jobs: usize,
    /// Rows of a table that are shown.
    pub shown: usize,
    /// Show values of rows, and not their keys alone.
    pub values: bool,
    /// How deep it looks.
    pub level: Level,
    /// How long rows that differ are read again, until they agree; zero: not at all.
    pub reread: Duration,
}

/// What was found of a table.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Rows in the target.
    pub rows: u64,
    /// The finding.
    pub verdict: Verdict,
}

/// How a table stands.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// Every row is stored as the ledger says it was sent.
    AsSent,
    /// Both sides were read and hold the same rows.
    Equal,
    /// Both sides were counted alone, and have as many rows.
    Counted,
    /// They do not.
    Different(Box<Difference>),
}

/// Verifies tables, several at once, and tells each as it is done: its number and what was found.
///
/// All of it is one task: reading is bound by the servers, and hashing is faster than they are.
pub async fn verify(
    shared: &Shared,
    tables: &[Table],
    options: Options,
    mut told: impl FnMut(usize, &Result<Checked>),
) -> Vec<Result<Checked>> {
    let target = Target::new(shared, options.jobs);
    let sides = (shared, &target);
    let say = |event| {
        let _ = shared.loading.events.try_send(event);
    };
    let each = tables.iter().enumerate().map(|(number, table)| async move {
        let event = table.number;
        say(Event::Began { table: event });
        let checked = verify_one(sides, table, options).await;
        say(Event::Finished { table: event });
        (number, checked)
    });
    let mut verified = stream::iter(each).buffer_unordered(options.jobs.max(1));
    let mut found: Vec<(usize, Result<Checked>)> = Vec::with_capacity(tables.len());
    while let Some((number, checked)) = verified.next().await {
        told(number, &checked);
        found.push((number, checked));
    }
    drop(verified);
    target.close().await;
    found.sort_by_key(|(number, _)| *number);
    found.into_iter().map(|(_, checked)| checked).collect()
}

/// The source's side, and the target.
type Sides<'a> = (&'a Shared, &'a Target<'a>);

/// Both sides are read at most so often before their rows are compared: each time parts may turn out to
/// differ of which that was not known, but only where somebody writes do they never end.
const PASSES: usize = 3;

async fn verify_one(sides: Sides<'_>, table: &Table, options: Options) -> Result<Checked> {
    let mut by_value = PartSet::NONE;
    if let Some(sent) = table.sent.filter(|_| !options.both) {
        let stored = stored(sides, table, PartSet::NONE).await?;
        if stored.digest == sent.sent {
            return Ok(Checked {
                rows: stored.digest.rows,
                verdict: Verdict::AsSent,
            });
        }
        by_value = stored.parts.differing(&sent.parts);
    }
    let mut passes = 0;
    let (source, target) = loop {
        let (source, target) = futures::try_join!(
            sourced(sides, table, by_value, options.jobs),
            stored(sides, table, by_value),
        )?;
        passes += 1;
        let differing = source.differing(&target);
        if differing.is_within(by_value) || passes == PASSES {
            break (source, target);
        }
        by_value = match passes + 1 == PASSES {
            true => PartSet::ALL,
            false => by_value.or(differing),
        };
    };
    let rows = target.digest.rows;
    let verdict = match source.is_equal(&target) {
        true => Verdict::Equal,
        false => {
            let table = valued(table, by_value);
            let found = different(sides, &table, (&source, &target), options).await?;
            found.map_or(Verdict::Equal, |found| Verdict::Different(Box::new(found)))
        }
    };
    Ok(Checked { rows, verdict })
}

/// How they differ; `None`: not any more, since rows were read again.
async fn different(
    sides: Sides<'_>,
    table: &Table,
    (source, target): (&Seen, &Seen),
    options: Options,
) -> Result<Option<Difference>> {
    let (ours, theirs) = (&source.values, &target.values);
    let found = match options.level {
        Level::Digest => Difference {
            source_rows: source.digest.rows,
            target_rows: target.digest.rows,
            buckets: (ours.differing(theirs).len(), 0),
            missing: 0,
            extra: 0,
            different: 0,
            rows: Vec::new(),
            culprit: Culprit::Unknown,
        },
        Level::Full => {
            let mut find = options;
            if !options.reread.is_zero() {
                find.shown = options.shown.max(again::MOST);
            }
            difference::find(sides, table, (ours, theirs), find).await?
        }
    };
    let mut left = match options.reread.is_zero() {
        true => Some(found),
        false => again::settle(sides, table, found, options).await?,
    };
    if let Some(difference) = &mut left {
        difference.culprit = culprit(table, source);
        difference.rows.truncate(options.shown);
    }
    Ok(left)
}

/// Who it was, by what was read and sent once and what is read of the source now.
fn culprit(table: &Table, source: &Seen) -> Culprit {
    let Some(sent) = &table.sent else {
        return Culprit::Unknown;
    };
    match sent.known_read() {
        Some(read) if read != source.read => Culprit::Source,
        _ if sent.sent == source.digest => Culprit::Target,
        Some(_) => Culprit::Rewriter,
        // Rows were rejected, or a process died within a batch.
        None => Culprit::Unknown,
    }
}

/// The table, of which only these parts are compared by value.
fn valued(table: &Table, by_value: PartSet) -> Table {
    let mut table = table.clone();
    table.comparison.as_text = by_value.others();
    table
}

/// What the source holds, as it would be sent.
async fn sourced(
    (shared, _): Sides<'_>,
    table: &Table,
    by_value: PartSet,
    jobs: usize,
) -> Result<Seen> {
    let table = &valued(table, by_value);
    let see = |seen: &mut Seen, rows: &Rows| {
        seen.rows(&table.comparison, !by_value.is_empty(), rows);
    };
    each_chunk(shared, table, jobs, Seen::default, see).await
}

/// What the target holds.
async fn stored((_, on): Sides<'_>, table: &Table, by_value: PartSet) -> Result<Seen> {
    let table = &valued(table, by_value);
    target::scan(on, table, Seen::default, |seen, rows| {
        seen.rows(&table.comparison, !by_value.is_empty(), rows);
    })
    .await
}

/// Reads all chunks of the source, `jobs` at once; what was seen of them. Of a chunk of which a part is
/// committed, that part alone.
async fn each_chunk<T: Merge>(
    shared: &Shared,
    table: &Table,
    jobs: usize,
    begin: impl Fn() -> T,
    see: impl Fn(&mut T, &Rows),
) -> Result<T> {
    // Added up as they come: a large table has thousands of chunks.
    let mut seen = begin();
    let mut chunks = pin!(scanned(shared, table, jobs, &begin, &see));
    while let Some(chunk) = chunks.next().await {
        seen.add(chunk?);
    }
    Ok(seen)
}

/// The chunks as they are read, `jobs` at once.
fn scanned<'s, T: 's>(
    shared: &'s Shared,
    table: &'s Table,
    jobs: usize,
    begin: &'s impl Fn() -> T,
    see: &'s impl Fn(&mut T, &Rows),
) -> impl Stream<Item = Result<T>> + 's {
    let scans = table.works.iter().map(move |work| async move {
        let begin = || (begin(), committed_part(work));
        let scan = lane::scan(shared, work, begin, |(seen, left), rows| {
            let rows = at_most(rows, left, &work.spread);
            see(seen, &rows);
            tell(shared, table.number, &rows);
        });
        let scanned = scan.await.map(|(seen, _)| seen);
        scanned.map_err(|e| Error::Source(Box::new(e)))
    });
    stream::iter(scans).buffer_unordered(jobs.max(1))
}

/// Rows of a chunk that are compared.
fn committed_part(work: &Work) -> u64 {
    match work.done.last() {
        Some(last) if !last.last => ledger::end(&work.done).unwrap_or(0),
        _ => u64::MAX,
    }
}

/// The first of the rows, as many as are left; only what they are is known of them, not what was read.
fn at_most<'r>(rows: &'r Rows, left: &mut u64, spread: &Spread) -> Cow<'r, Rows> {
    if rows.digest.rows <= *left {
        *left -= rows.digest.rows;
        return Cow::Borrowed(rows);
    }
    let mut cut = Rows::default();
    for row in each_row(rows).take(usize::try_from(*left).unwrap_or(usize::MAX)) {
        cut.bytes.extend_from_slice(row);
        cut.bytes.push(b'\n');
        let hash = cut.digest.add_row(row);
        cut.parts.add(spread.part(row, || hash), hash);
    }
    *left = 0;
    Cow::Owned(cut)
}

/// Rows were read: what the progress shows.
fn tell(shared: &Shared, table: usize, rows: &Rows) {
    let bytes = rows.bytes.len() as u64;
    let _ = shared.loading.events.try_send(Event::Read { table, bytes });
    let _ = shared.loading.events.try_send(Event::Batch(BatchFact {
        table,
        lane: 0,
        rows: rows.digest.rows,
        rejected: 0,
        read_bytes: bytes,
        sent_bytes: 0,
        changed: Vec::new(),
        commit: Duration::ZERO,
    }));
}

/// The rows without their newlines.
fn each_row(rows: &Rows) -> impl Iterator<Item = &[u8]> {
    let mut rest = rows.bytes.as_slice();
    std::iter::from_fn(move || {
        let end = memchr::memchr(b'\n', rest)?;
        let row = &rest[..end];
        rest = &rest[end + 1..];
        Some(row)
    })
}
