//! Down to the rows: which are missing, which are too many, which differ and in which columns.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};

use crate::copytext::{Buckets, Comparison, Fingerprint, Rows};

use super::error::Result;
use super::{Options, Sides, Table, each_chunk, each_row, target};

/// Rows of either side that are kept at once: 32 bytes each.
pub(super) const KEPT: u64 = 1_000_000;

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// It is in the source and not in the target.
    Missing,
    /// It is in the target and not in the source (or there once more).
    Extra,
    /// Both have its key, and other values.
    Different,
}

/// A row that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DifferentRow {
    /// What is wrong.
    pub what: What,
    /// Its key, column by column as COPY text; `None` for a table without a key.
    pub key: Option<Vec<(String, String)>>,
    /// Columns that differ; of a missing or extra row none.
    pub columns: Vec<String>,
    /// Where that was asked for: the differing columns' values (of a missing or extra row all), in the
    /// source and in the target, as COPY text.
    pub values: Vec<(String, Option<String>, Option<String>)>,
}

/// Who lost or changed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Culprit {
    /// The source still has what the ledger says was sent: the target stores something else.
    Target,
    /// The source has other rows now than were read or sent.
    Source,
    /// The source still has what was read, and it is rewritten into something else than was sent.
    Rewriter,
    /// There is no ledger to tell by, or it does not know what was read.
    Unknown,
}

/// How two tables differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Rows in the source.
    pub source_rows: u64,
    /// Rows in the target.
    pub target_rows: u64,
    /// Buckets of keys that differ, and how many of them were looked into.
    pub buckets: (usize, usize),
    /// Rows missing in the target, in the buckets looked into.
    pub missing: u64,
    /// Rows too many there.
    pub extra: u64,
    /// Rows with other values there.
    pub different: u64,
    /// Some of them.
    pub rows: Vec<DifferentRow>,
    /// Who it was.
    pub culprit: Culprit,
}

/// Finds the rows that differ.
pub(super) async fn find(
    sides: Sides<'_>,
    table: &Table,
    (source, target): (&Buckets, &Buckets),
    options: Options,
) -> Result<Difference> {
    let differing = source.differing(target);
    let wanted = affordable(&differing, KEPT, |bucket| {
        source.rows(bucket).max(target.rows(bucket))
    });
    let wrong = wrong_keys(sides, table, &wanted, options.jobs).await?;
    let sum = |of: fn(&Wrong) -> u64| wrong.iter().map(of).sum();
    let rows = details(sides, table, &shown(&wrong, options.shown), options).await?;
    Ok(Difference {
        source_rows: source.total().rows,
        target_rows: target.total().rows,
        buckets: (differing.len(), wanted.len()),
        missing: sum(Wrong::missing),
        extra: sum(Wrong::extra),
        different: sum(Wrong::different),
        rows,
        culprit: Culprit::Unknown,
    })
}

/// As many buckets as hold at most so many rows, and one at least.
pub(super) fn affordable(
    differing: &[usize],
    most: u64,
    rows: impl Fn(usize) -> u64,
) -> BTreeSet<usize> {
    let mut wanted = BTreeSet::new();
    let mut kept = 0;
    for &bucket in differing {
        kept += rows(bucket);
        if kept > most && !wanted.is_empty() {
            break;
        }
        wanted.insert(bucket);
    }
    wanted
}

fn keep(
    kept: &mut Vec<Fingerprint>,
    comparison: &Comparison,
    wanted: &BTreeSet<usize>,
    rows: &Rows,
) {
    let prints = each_row(rows).map(|row| comparison.fingerprint(row));
    kept.extend(prints.filter(|print| wanted.contains(&Buckets::of(*print))));
}

/// A key of which the two sides hold other rows: as multisets, so that a row which is there twice is there
/// once too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wrong {
    /// Hash of the key.
    pub(super) key: u128,
    /// Rows that the source alone has.
    ours: u64,
    /// Rows that the target alone has.
    theirs: u64,
}

impl Wrong {
    /// Of some key, for tests.
    #[cfg(test)]
    pub(super) fn of(ours: u64, theirs: u64) -> Self {
        let key = 0;
        Self { key, ours, theirs }
    }

    /// Of two rows of one key on either side, as many as there are pairs of them are different, the rest
    /// missing or extra.
    pub(super) fn different(&self) -> u64 {
        self.ours.min(self.theirs)
    }

    pub(super) fn missing(&self) -> u64 {
        self.ours - self.different()
    }

    pub(super) fn extra(&self) -> u64 {
        self.theirs - self.different()
    }
}

/// The keys of these buckets of which the two sides hold other rows, ascending.
pub(super) async fn wrong_keys(
    (shared, on): Sides<'_>,
    table: &Table,
    wanted: &BTreeSet<usize>,
    jobs: usize,
) -> Result<Vec<Wrong>> {
    let (ours, theirs) = futures::try_join!(
        each_chunk(shared, table, jobs, Vec::new, |kept, rows| {
            keep(kept, &table.comparison, wanted, rows);
        }),
        target::scan(on, table, Vec::new, |kept, rows| {
            keep(kept, &table.comparison, wanted, rows);
        }),
    )?;
    Ok(compare(ours, theirs))
}

/// Both sides in order, row by row: nothing is kept but them.
fn compare(mut ours: Vec<Fingerprint>, mut theirs: Vec<Fingerprint>) -> Vec<Wrong> {
    let place = |print: &Fingerprint| (print.key, print.row);
    ours.sort_unstable_by_key(place);
    theirs.sort_unstable_by_key(place);
    let (mut ours, mut theirs) = (ours.iter().peekable(), theirs.iter().peekable());
    let mut wrong: Vec<Wrong> = Vec::new();
    loop {
        let order = match (ours.peek(), theirs.peek()) {
            (Some(a), Some(b)) => place(a).cmp(&place(b)),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return wrong,
        };
        let (a, b) = (
            ours.next_if(|_| order.is_le()),
            theirs.next_if(|_| order.is_ge()),
        );
        let ((None, Some(one)) | (Some(one), None)) = (a, b) else {
            continue;
        };
        if wrong.last().is_none_or(|last| last.key != one.key) {
            let key = one.key;
            wrong.push(Wrong {
                key,
                ours: 0,
                theirs: 0,
            });
        }
        if let Some(last) = wrong.last_mut() {
            last.ours += u64::from(a.is_some());
            last.theirs += u64::from(b.is_some());
        }
    }
}

/// The first wrong rows: what is wrong with each, and its key.
fn shown(wrong: &[Wrong], most: usize) -> Vec<(What, u128)> {
    let times = |what, count, key| (0..count).map(move |_| (what, key));
    let each = wrong.iter().flat_map(|w| {
        times(What::Different, w.different(), w.key)
            .chain(times(What::Missing, w.missing(), w.key))
            .chain(times(What::Extra, w.extra(), w.key))
    });
    each.take(most).collect()
}

/// Rows by the hash of their key: those of the source, those of the target.
type ByKey = HashMap<u128, Vec<Vec<u8>>>;

/// Reads the first of the wrong rows once more, for their keys and columns.
async fn details(
    (shared, on): Sides<'_>,
    table: &Table,
    shown: &[(What, u128)],
    options: Options,
) -> Result<Vec<DifferentRow>> {
    let wanted: BTreeSet<u128> = shown.iter().map(|(_, key)| *key).collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let see = |found: &mut ByKey, rows: &Rows| {
        for row in each_row(rows) {
            let key = table.comparison.fingerprint(row).key;
            if wanted.contains(&key) {
                found.entry(key).or_default().push(row.to_vec());
            }
        }
    };
    let (ours, theirs) = futures::try_join!(
        each_chunk(shared, table, options.jobs, ByKey::new, see),
        target::scan(on, table, ByKey::new, see),
    )?;
    let row = |key: u128, side: &ByKey| side.get(&key).and_then(|rows| rows.first()).cloned();
    Ok(shown
        .iter()
        .map(|&(what, key)| described(table, what, row(key, &ours), row(key, &theirs), options))
        .collect())
}

pub(super) fn described(
    table: &Table,
    what: What,
    ours: Option<Vec<u8>>,
    theirs: Option<Vec<u8>>,
    options: Options,
) -> DifferentRow {
    let comparison = &table.comparison;
    let hashes = |row: &Option<Vec<u8>>| row.as_ref().map(|row| comparison.field_hashes(row));
    let (our_hashes, their_hashes) = (hashes(&ours), hashes(&theirs));
    let differs = |i: usize| match (&our_hashes, &their_hashes) {
        (Some(a), Some(b)) => a.get(i) != b.get(i),
        _ => false,
    };
    let all = 0..table.columns.len();
    let columns: Vec<usize> = match what {
        What::Different => all.clone().filter(|&i| differs(i)).collect(),
        What::Missing | What::Extra => Vec::new(),
    };
    let any = ours.as_deref().or(theirs.as_deref());
    let key = any
        .and_then(|row| comparison.key_fields(row))
        .map(|fields| {
            let names = comparison.keys.iter().map(|&i| table.columns[i].clone());
            names.zip(fields.iter().map(|field| text(field))).collect()
        });
    let shown: Vec<usize> = match (options.values, what) {
        (false, _) => Vec::new(),
        (true, What::Different) => columns.clone(),
        (true, What::Missing | What::Extra) => all.collect(),
    };
    let field = |row: &Option<Vec<u8>>, i: usize| {
        let row = row.as_deref()?;
        row.split(|byte| *byte == b'\t').nth(i).map(text)
    };
    DifferentRow {
        what,
        key,
        columns: columns.iter().map(|&i| table.columns[i].clone()).collect(),
        values: shown
            .into_iter()
            .map(|i| (table.columns[i].clone(), field(&ours, i), field(&theirs, i)))
            .collect(),
    }
}

fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(key: u128, row: u128) -> Fingerprint {
        Fingerprint { key, row }
    }

    #[test]
    fn a_changed_a_missing_and_an_extra_row_are_told_apart() {
        let ours = vec![print(1, 10), print(2, 20), print(3, 30)];
        let theirs = vec![print(1, 11), print(3, 30), print(4, 40)];
        let wrong = shown(&compare(ours, theirs), 9);
        let expected = [(What::Different, 1), (What::Missing, 2), (What::Extra, 4)];
        assert_eq!(wrong, expected);
    }

    #[test]
    fn a_doubled_keyless_row_is_extra() {
        let ours = vec![print(1, 1), print(1, 1)];
        let theirs = vec![print(1, 1), print(1, 1), print(1, 1)];
        assert_eq!(shown(&compare(ours, theirs), 9), [(What::Extra, 1)]);
    }

    #[test]
    fn no_more_rows_are_kept_than_fit_but_always_one_bucket() {
        let all = affordable(&[1, 2, 3], KEPT, |_| 10);
        assert_eq!(all.len(), 3);
        let some = affordable(&[1, 2, 3], KEPT, |_| KEPT / 2);
        assert_eq!(some.len(), 2);
        assert_eq!(affordable(&[5, 6], KEPT, |_| KEPT * 9), BTreeSet::from([5]));
    }
}
