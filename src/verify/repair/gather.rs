//! The rows of wrong keys, from both sides: as many keys as fit into memory, the smallest first.

use std::collections::BTreeMap;

use crate::copytext::{Comparison, Rows};

use super::super::difference::Wrong;
use super::super::error::Result;
use super::super::seen::Merge;
use super::super::{Sides, each_chunk, each_row, target};
use super::{Limits, Subject};

/// What a row takes besides its bytes, about.
const OVERHEAD: usize = 64;

/// Rows by the hash of their key.
type ByKey = BTreeMap<u128, Vec<Vec<u8>>>;

/// Rows of the smallest keys: all of every key that is held.
pub(super) struct Gathered {
    rows: ByKey,
    bytes: usize,
    budget: usize,
    /// Keys from here on did not fit.
    pub(super) ceiling: Option<u128>,
}

impl Gathered {
    fn new(budget: usize) -> Self {
        Self {
            rows: ByKey::new(),
            bytes: 0,
            budget,
            ceiling: None,
        }
    }

    /// Takes a row; keys above go where the room is needed, but one stays.
    fn keep(&mut self, key: u128, row: &[u8]) {
        if self.ceiling.is_some_and(|ceiling| key >= ceiling) {
            return;
        }
        self.bytes += size(row);
        self.rows.entry(key).or_default().push(row.to_vec());
        while self.bytes > self.budget && self.rows.len() > 1 {
            let Some((key, rows)) = self.rows.pop_last() else {
                return;
            };
            self.bytes -= rows.iter().map(|row| size(row)).sum::<usize>();
            self.ceiling = Some(key);
        }
    }

    /// The rows of a key.
    pub(super) fn take(&mut self, key: u128) -> Vec<Vec<u8>> {
        self.rows.remove(&key).unwrap_or_default()
    }

    fn lower(&mut self, ceiling: Option<u128>) {
        if let Some(new) = ceiling {
            let ceiling = self.ceiling.map_or(new, |old| old.min(new));
            self.ceiling = Some(ceiling);
            self.rows.retain(|key, _| *key < ceiling);
        }
    }
}

impl Merge for Gathered {
    fn add(&mut self, other: Self) {
        for (key, rows) in other.rows {
            self.rows.entry(key).or_default().extend(rows);
        }
        self.lower(other.ceiling);
    }
}

fn size(row: &[u8]) -> usize {
    row.len() + OVERHEAD
}

/// The rows of wrong keys among these.
fn of_wrong_keys<'r>(
    rows: &'r Rows,
    comparison: &Comparison,
    wrong: &[Wrong],
) -> impl Iterator<Item = (u128, &'r [u8])> {
    each_row(rows).filter_map(|row| {
        let key = comparison.fingerprint(row).key;
        let is_wrong = wrong.binary_search_by_key(&key, |w| w.key).is_ok();
        is_wrong.then_some((key, row))
    })
}

/// A row of the target with the fields alone by which it is found; the others are left empty.
fn found_by(places: &[usize], row: &[u8]) -> Vec<u8> {
    let mut found = Vec::new();
    for (place, field) in row.split(|byte| *byte == b'\t').enumerate() {
        if place > 0 {
            found.push(b'\t');
        }
        if places.contains(&place) {
            found.extend_from_slice(field);
        }
    }
    found
}

/// Reads the rows of wrong keys (ascending) again: those of the source, those of the target, both of the same
/// keys, below one ceiling. At least the first key is among them. Of rows of the target that go, the fields are
/// kept by which they are found.
pub(super) async fn gather(
    (shared, on): Sides<'_>,
    subject: &Subject<'_>,
    wrong: &[Wrong],
    limits: Limits,
) -> Result<(Gathered, Gathered)> {
    let (table, comparison) = (subject.table, &subject.table.comparison);
    let (places, whole) = (subject.known_by(), subject.keyless() || subject.referenced);
    let budget = limits.memory / 2;
    // Chunks are gathered side by side, and so are ranges.
    let each = budget / limits.jobs.clamp(1, table.works.len().max(1));
    let (parts, mut theirs) = futures::try_join!(
        each_chunk(
            shared,
            table,
            limits.jobs,
            || Gathered::new(each),
            |gathered, rows| {
                for (key, row) in of_wrong_keys(rows, comparison, wrong) {
                    gathered.keep(key, row);
                }
            },
        ),
        target::scan(
            on,
            table,
            || Gathered::new(budget / table.ranges.len().max(1)),
            |gathered, rows| {
                for (key, row) in of_wrong_keys(rows, comparison, wrong) {
                    match whole {
                        true => gathered.keep(key, row),
                        false => gathered.keep(key, &found_by(&places, row)),
                    }
                }
            },
        ),
    )?;
    let mut ours = Gathered::new(budget);
    parts.into_iter().for_each(|part| ours.add(part));
    theirs.lower(ours.ceiling);
    ours.lower(theirs.ceiling);
    Ok((ours, theirs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_keys_go_when_the_room_is_gone_and_what_is_held_is_whole() {
        let mut gathered = Gathered::new(3 * (OVERHEAD + 1));
        for key in [5, 3, 9, 3, 7, 1, 5] {
            gathered.keep(key, b"x");
        }
        assert_eq!(gathered.ceiling, Some(5));
        assert_eq!(gathered.take(3).len(), 2);
        assert_eq!(gathered.take(1).len(), 1);
        assert!(gathered.take(5).is_empty());
    }

    #[test]
    fn of_a_row_that_goes_its_key_is_kept_at_its_place() {
        assert_eq!(found_by(&[0, 2], b"1\ta long text\t3\tmore"), b"1\t\t3\t");
    }

    #[test]
    fn one_key_is_always_held() {
        let mut gathered = Gathered::new(0);
        for key in [5, 4, 4, 6] {
            gathered.keep(key, b"x");
        }
        assert_eq!((gathered.ceiling, gathered.take(4).len()), (Some(5), 2));
    }

    #[test]
    fn parts_share_the_lowest_ceiling() {
        let with = |keys: &[u128], ceiling| {
            let mut part = Gathered::new(usize::MAX);
            keys.iter().for_each(|key| part.keep(*key, b"x"));
            part.lower(ceiling);
            part
        };
        let mut all = with(&[1, 8], Some(9));
        all.add(with(&[1, 2], Some(3)));
        assert_eq!(all.ceiling, Some(3));
        assert_eq!(
            (all.take(1).len(), all.take(2).len(), all.take(8).len()),
            (2, 1, 0)
        );
    }
}
