//! Whether the target holds what it should: digests of both sides, and down to the rows that differ.
//!
//! ```text
//!            one read of the target
//! ledger ───────────┬──────────────▶ equal: stored as it was sent, every row
//!                   │ not equal, or no ledger
//!                   ▼
//!        both sides, by buckets of keys ───▶ equal by value
//!                   │ buckets that differ
//!                   ▼
//!        rows of those buckets ───▶ missing, extra, different; which columns
//! ```
//!
//! What the ledger says was sent is compared as text, which is exact but knows no two spellings of one
//! value; only where that fails are both sides read and compared by value.

mod difference;
mod error;
pub mod repair;
mod target;

use std::borrow::Cow;

use futures::StreamExt as _;
use futures::stream;

use crate::catalog::TableName;
use crate::copytext::{Buckets, Comparison, Digest, Rows};
use crate::lane::{self, Shared, Work};
use crate::ledger;

pub use difference::{Culprit, Difference, DifferentRow, What};
pub use error::{Error, Result};
use target::Target;

/// A target table, and the rows that belong there.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name in the target.
    pub name: TableName,
    /// Its columns in the order compared.
    pub columns: Vec<String>,
    /// The chunks of the source whose rows belong there, each with the columns in that order.
    pub works: Vec<Work>,
    /// How rows are compared.
    pub comparison: Comparison,
    /// What a ledger says was sent, in that order of columns, into the table when it was empty.
    pub sent: Option<Digest>,
}

/// How tables are verified.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Read both sides, also where a ledger could answer.
    pub both: bool,
    /// Tables at once, and chunks of a table at once.
    pub jobs: usize,
    /// Rows of a table that are shown.
    pub shown: usize,
    /// Show values of rows, and not their keys alone.
    pub values: bool,
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
    let target = Target::new(shared);
    let sides = (shared, &target);
    let each = tables
        .iter()
        .enumerate()
        .map(|(number, table)| async move { (number, verify_one(sides, table, options).await) });
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

async fn verify_one(sides: Sides<'_>, table: &Table, options: Options) -> Result<Checked> {
    let (shared, on) = sides;
    if let Some(sent) = table.sent.filter(|_| !options.both) {
        let stored = target::scan(on, table, Digest::default, |sum, rows| {
            sum.merge(rows.digest);
        })
        .await?;
        if stored == sent {
            return Ok(Checked {
                rows: stored.rows,
                verdict: Verdict::AsSent,
            });
        }
    }
    let both = futures::try_join!(
        source_buckets(shared, table, options.jobs),
        target::scan(on, table, Buckets::default, |buckets, rows| {
            add(buckets, &table.comparison, rows);
        }),
    );
    let (source, target) = both?;
    let rows = target.total().rows;
    if source == target {
        let verdict = Verdict::Equal;
        return Ok(Checked { rows, verdict });
    }
    let difference = difference::find(sides, table, (&source, &target), options).await?;
    Ok(Checked {
        rows,
        verdict: Verdict::Different(Box::new(difference)),
    })
}

async fn source_buckets(shared: &Shared, table: &Table, jobs: usize) -> Result<Buckets> {
    let parts = each_chunk(shared, table, jobs, Buckets::default, |buckets, rows| {
        add(buckets, &table.comparison, rows);
    });
    let mut sum = Buckets::default();
    parts.await?.iter().for_each(|part| sum.merge(part));
    Ok(sum)
}

/// Reads all chunks of the source, `jobs` at once; what was seen of each. Of a chunk of which a part is
/// committed, that part alone.
async fn each_chunk<T>(
    shared: &Shared,
    table: &Table,
    jobs: usize,
    begin: impl Fn() -> T,
    see: impl Fn(&mut T, &Rows),
) -> Result<Vec<T>> {
    let (begin, see) = (&begin, &see);
    let scans = table.works.iter().map(|work| async move {
        let begin = || (begin(), committed_part(work));
        let scan = lane::scan(shared, work, begin, |(seen, left), rows| {
            see(seen, &at_most(rows, left));
        });
        scan.await.map(|(seen, _)| seen)
    });
    let mut scans = stream::iter(scans).buffer_unordered(jobs.max(1));
    let mut seen = Vec::with_capacity(table.works.len());
    while let Some(scanned) = scans.next().await {
        seen.push(scanned.map_err(|e| Error::Source(Box::new(e)))?);
    }
    Ok(seen)
}

/// Rows of a chunk that are compared.
fn committed_part(work: &Work) -> u64 {
    match work.done.last() {
        Some(last) if !last.last => ledger::end(&work.done).unwrap_or(0),
        _ => u64::MAX,
    }
}

/// The first of the rows, as many as are left.
fn at_most<'r>(rows: &'r Rows, left: &mut u64) -> Cow<'r, Rows> {
    if rows.digest.rows <= *left {
        *left -= rows.digest.rows;
        return Cow::Borrowed(rows);
    }
    let mut cut = Rows::default();
    for row in each_row(rows).take(usize::try_from(*left).unwrap_or(usize::MAX)) {
        cut.bytes.extend_from_slice(row);
        cut.bytes.push(b'\n');
        cut.digest.add_row(row);
    }
    *left = 0;
    Cow::Owned(cut)
}

fn add(buckets: &mut Buckets, comparison: &Comparison, rows: &Rows) {
    for row in each_row(rows) {
        buckets.add(comparison.fingerprint(row));
    }
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
