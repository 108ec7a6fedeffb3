//! Rows that differ are read again, by their keys and outside of the snapshot: while a source is written,
//! and the target after it, a row may differ for a moment and be the same a moment later.

use std::collections::{BTreeMap, HashMap};

use tokio::time::{Duration, Instant, sleep};

use crate::copytext::{Digest, PartSet, Rows};
use crate::endpoint::snapshot::Keeper;
use crate::lane::{self, Work};
use crate::sql;

use super::difference::{Difference, DifferentRow, What, described};
use super::error::{Error, Result};
use super::target::scan_where;
use super::{Options, Sides, Table, each_row, valued};

/// Rows of a table that are read again at most. Where more differ, it is no matter of a moment.
pub(super) const MOST: usize = 10_000;

/// Keys that one statement asks for.
const KEYS: usize = 250;

/// Between two readings.
const PAUSE: Duration = Duration::from_secs(1);

/// Rows by the hash of their key.
type ByKey = HashMap<u128, Vec<Vec<u8>>>;

/// Reads the rows that differ again until they agree, or the time for that is over. `None`: all agree.
pub(super) async fn settle(
    sides: Sides<'_>,
    table: &Table,
    mut found: Difference,
    options: Options,
) -> Result<Option<Difference>> {
    // A row may be in another part now than it was.
    let table = &valued(table, PartSet::ALL);
    let Some(mut keys) = keys(table, &found) else {
        return Ok(Some(found));
    };
    let until = Instant::now() + options.reread;
    loop {
        let (ours, theirs) = read(sides, table, &keys).await?;
        let alike = |key: &u128| sums(table, ours.get(key)) == sums(table, theirs.get(key));
        keys.retain(|key, _| !alike(key));
        if keys.is_empty() {
            return Ok(None);
        }
        if Instant::now() + PAUSE > until {
            let rows = keys.keys().flat_map(|key| {
                let side = |side: &ByKey| side.get(key).cloned().unwrap_or_default();
                wrong(table, (side(&ours), side(&theirs)), options)
            });
            found.rows = rows.collect();
            let count = |what| found.rows.iter().filter(|row| row.what == what).count() as u64;
            (found.missing, found.extra) = (count(What::Missing), count(What::Extra));
            found.different = count(What::Different);
            return Ok(Some(found));
        }
        sides.0.loading.board.pulse().beat();
        sleep(PAUSE).await;
    }
}

/// By the hash of the key its fields; `None` where not all rows that differ are known by a key that both sides
/// have as it is.
fn keys(table: &Table, found: &Difference) -> Option<BTreeMap<u128, Vec<Vec<u8>>>> {
    let (differing, looked) = found.buckets;
    let all = found.missing + found.extra + found.different;
    let known = looked == differing && all == found.rows.len() as u64;
    let rewritten = |work: &Work| {
        let is_key = |(at, _): &(usize, _)| table.comparison.keys.contains(at);
        work.recipe.transforms.iter().any(is_key)
    };
    if !known || table.works.iter().any(rewritten) {
        return None;
    }
    let key = |row: &DifferentRow| {
        let fields: Vec<Vec<u8>> = row
            .key
            .as_ref()?
            .iter()
            .map(|(_, text)| text.clone().into_bytes())
            .collect();
        Some((table.comparison.key_hash(&fields), fields))
    };
    found.rows.iter().map(key).collect()
}

/// The rows of these keys as both sides have them now.
async fn read(
    sides: Sides<'_>,
    table: &Table,
    keys: &BTreeMap<u128, Vec<Vec<u8>>>,
) -> Result<(ByKey, ByKey)> {
    let fields: Vec<&Vec<Vec<u8>>> = keys.values().collect();
    let see = |found: &mut ByKey, rows: &Rows| {
        for row in each_row(rows) {
            let key = table.comparison.fingerprint(row).key;
            found.entry(key).or_default().push(row.to_vec());
        }
    };
    // The target first: what the source writes next shows there later, never earlier.
    let mut theirs = ByKey::new();
    for some in fields.chunks(KEYS) {
        let names = |place: usize| table.columns[place].clone();
        let condition = condition(table, some, names);
        let part = scan_where(sides.1, table, condition, ByKey::new, see).await?;
        theirs.extend(part);
    }
    let ours = source(sides, table, &fields, see).await?;
    Ok((ours, theirs))
}

/// Reads rows of the source under a snapshot of this moment.
async fn source(
    (shared, _): Sides<'_>,
    table: &Table,
    keys: &[&Vec<Vec<u8>>],
    see: impl Fn(&mut ByKey, &Rows),
) -> Result<ByKey> {
    let failed = |source| Error::Again {
        table: table.name.to_string(),
        source,
    };
    let keeper = Keeper::open(&shared.source, "wire9/again").await;
    let keeper = keeper.map_err(failed)?;
    let now = shared.under(keeper.snapshot().clone());
    let mut found = ByKey::new();
    for work in once_each(&table.works) {
        for some in keys.chunks(KEYS) {
            let names = |place: usize| work.columns[place].0.clone();
            let mut work = Work {
                bounds: crate::plan::Bounds::Whole,
                ..work.clone()
            };
            work.and_where(&condition(table, some, names));
            let part = lane::scan(&now, &work, ByKey::new, &see).await;
            for (key, rows) in part.map_err(|e| Error::Source(Box::new(e)))? {
                found.entry(key).or_default().extend(rows);
            }
        }
    }
    keeper.close().await;
    Ok(found)
}

/// One chunk of each source table.
fn once_each(works: &[Work]) -> impl Iterator<Item = &Work> {
    let mut seen = std::collections::BTreeSet::new();
    works.iter().filter(move |work| seen.insert(work.table))
}

/// `("a" = '1' AND "b" = 'x') OR …`
fn condition(table: &Table, keys: &[&Vec<Vec<u8>>], name: impl Fn(usize) -> String) -> String {
    let places = &table.comparison.keys;
    let one = |key: &&Vec<Vec<u8>>| {
        let fields = places.iter().zip(key.iter()).map(|(place, field)| {
            let value = String::from_utf8_lossy(&crate::copytext::unescaped(field)).into_owned();
            format!(
                "{} = {}",
                sql::identifier(&name(*place)),
                sql::literal(&value)
            )
        });
        format!("({})", fields.collect::<Vec<_>>().join(" AND "))
    };
    keys.iter().map(one).collect::<Vec<_>>().join(" OR ")
}

/// The rows of one key as a multiset of values.
fn sums(table: &Table, rows: Option<&Vec<Vec<u8>>>) -> Digest {
    rows.into_iter()
        .flatten()
        .fold(Digest::default(), |mut sum, row| {
            sum.merge(Digest {
                rows: 1,
                sum: table.comparison.fingerprint(row).row,
            });
            sum
        })
}

/// What is wrong with the rows of one key.
fn wrong(
    table: &Table,
    (mut ours, mut theirs): (Vec<Vec<u8>>, Vec<Vec<u8>>),
    options: Options,
) -> Vec<DifferentRow> {
    let value = |row: &Vec<u8>| table.comparison.fingerprint(row).row;
    ours.retain(|row| {
        let same = theirs.iter().position(|other| value(other) == value(row));
        same.map(|at| theirs.remove(at)).is_none()
    });
    let mut theirs = theirs.into_iter();
    let mut wrong: Vec<DifferentRow> = ours
        .into_iter()
        .map(|row| match theirs.next() {
            Some(other) => described(table, What::Different, Some(row), Some(other), options),
            None => described(table, What::Missing, Some(row), None, options),
        })
        .collect();
    wrong.extend(theirs.map(|row| described(table, What::Extra, None, Some(row), options)));
    wrong
}
