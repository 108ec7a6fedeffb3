//! The rows of wrong keys, from both sides: as many keys as fit into memory, the smallest first.

use std::collections::BTreeMap;

use crate::copytext::{Comparison, Rows};

use super::super::difference::Wrong;
use super::super::error::Result;
use super::super::seen::Merge;
use super::super::{Sides, each_chunk, each_row, target};
use super::{Limits, Subject};

/// What a row takes besides its bytes, about: two vectors, and its place in the tree.
const OVERHEAD: usize = 192;

/// Rows by the hash of their key.
type ByKey = BTreeMap<u128, Vec<Vec<u8>>>;

/// Bytes that may be held.
#[derive(Debug, Clone, Copy)]
struct Room {
    /// By what is being read: one chunk or range.
    part: usize,
    /// By what was put together of those.
    all: usize,
}

impl Room {
    /// Half is for what is put together, half for so many parts that are read side by side.
    fn of(budget: usize, parts: usize) -> Self {
        let all = budget / 2;
        Self {
            part: all / parts.max(1),
            all,
        }
    }
}

/// Rows of the smallest keys: all of every key that is held.
pub(super) struct Gathered {
    rows: ByKey,
    bytes: usize,
    room: Room,
    /// Keys from here on did not fit.
    pub(super) ceiling: Option<u128>,
}

impl Gathered {
    fn new(room: Room) -> Self {
        Self {
            rows: ByKey::new(),
            bytes: 0,
            room,
            ceiling: None,
        }
    }

    /// Takes a row of the part that is read.
    fn keep(&mut self, key: u128, row: &[u8]) {
        if self.ceiling.is_some_and(|ceiling| key >= ceiling) {
            return;
        }
        self.bytes += size(row);
        self.rows.entry(key).or_default().push(row.to_vec());
        self.fit(self.room.part);
    }

    /// Keys above go where the room is needed, but one stays.
    fn fit(&mut self, room: usize) {
        while self.bytes > room && self.rows.len() > 1 {
            self.ceiling = self.pop();
        }
    }

    /// Lets the largest key go.
    fn pop(&mut self) -> Option<u128> {
        let (key, rows) = self.rows.pop_last()?;
        self.bytes -= rows.iter().map(|row| size(row)).sum::<usize>();
        Some(key)
    }

    /// The rows of a key.
    pub(super) fn take(&mut self, key: u128) -> Vec<Vec<u8>> {
        self.rows.remove(&key).unwrap_or_default()
    }

    /// Lets go of keys from this one on, and of those that did not fit before.
    fn lower(&mut self, ceiling: Option<u128>) {
        self.ceiling = match (self.ceiling, ceiling) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let Some(ceiling) = self.ceiling else { return };
        while self
            .rows
            .last_key_value()
            .is_some_and(|(last, _)| *last >= ceiling)
        {
            self.pop();
        }
    }
}

impl Merge for Gathered {
    fn add(&mut self, other: Self) {
        self.bytes += other.bytes;
        for (key, rows) in other.rows {
            self.rows.entry(key).or_default().extend(rows);
        }
        self.lower(other.ceiling);
        self.fit(self.room.all);
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
    let side = limits.memory / 2;
    let of_source = Room::of(side, limits.jobs.min(table.works.len()));
    let of_target = Room::of(side, table.ranges.len());
    let (mut ours, mut theirs) = futures::try_join!(
        each_chunk(
            shared,
            table,
            limits.jobs,
            || Gathered::new(of_source),
            |gathered, rows| {
                for (key, row) in of_wrong_keys(rows, comparison, wrong) {
                    gathered.keep(key, row);
                }
            },
        ),
        target::scan(
            on,
            table,
            || Gathered::new(of_target),
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
    theirs.lower(ours.ceiling);
    ours.lower(theirs.ceiling);
    Ok((ours, theirs))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Room for so many rows of one byte.
    fn room(part: usize, all: usize) -> Room {
        let rows = |count: usize| count.saturating_mul(OVERHEAD + 1);
        Room {
            part: rows(part),
            all: rows(all),
        }
    }

    fn with(room: Room, keys: &[u128]) -> Gathered {
        let mut part = Gathered::new(room);
        keys.iter().for_each(|key| part.keep(*key, b"x"));
        part
    }

    fn held(gathered: &Gathered) -> Vec<(u128, usize)> {
        let each = gathered.rows.iter();
        each.map(|(key, rows)| (*key, rows.len())).collect()
    }

    #[test]
    fn the_largest_keys_go_when_the_room_is_gone_and_what_is_held_is_whole() {
        let gathered = with(room(3, 9), &[5, 3, 9, 3, 7, 1, 5]);
        assert_eq!(gathered.ceiling, Some(5));
        assert_eq!(held(&gathered), [(1, 1), (3, 2)]);
    }

    #[test]
    fn of_a_row_that_goes_its_key_is_kept_at_its_place() {
        assert_eq!(found_by(&[0, 2], b"1\ta long text\t3\tmore"), b"1\t\t3\t");
    }

    #[test]
    fn one_key_is_always_held() {
        let mut gathered = with(room(0, 0), &[5, 4, 4, 6]);
        assert_eq!((gathered.ceiling, gathered.take(4).len()), (Some(5), 2));
    }

    #[test]
    fn parts_share_the_lowest_ceiling() {
        let wide = room(9, 9);
        let mut all = with(wide, &[1, 8]);
        all.lower(Some(9));
        let mut part = with(wide, &[1, 2]);
        part.lower(Some(3));
        all.add(part);
        assert_eq!((all.ceiling, held(&all)), (Some(3), vec![(1, 2), (2, 1)]));
        // What comes later and did not fit before is not whole.
        all.add(with(wide, &[2, 4]));
        assert_eq!((all.ceiling, held(&all)), (Some(3), vec![(1, 2), (2, 2)]));
    }

    #[test]
    fn many_parts_take_no_more_than_all_of_them_may() {
        let room = room(2, 4);
        let mut all = Gathered::new(room);
        for part in 0..100 {
            all.add(with(room, &[part, part + 100, part + 200]));
            assert!(all.bytes <= room.all, "{} after {part}", all.bytes);
        }
        assert_eq!(held(&all), [(0, 1), (1, 1), (2, 1), (3, 1)]);
        let bytes = all.rows.values().flatten().map(|row| size(row));
        assert_eq!(all.bytes, bytes.sum::<usize>());
    }

    #[test]
    fn the_room_of_a_side_is_that_of_its_parts_and_of_what_they_become() {
        for parts in [0, 1, 4, 100] {
            let room = Room::of(4000, parts);
            assert!(room.all + room.part * parts <= 4000, "{room:?}");
            assert!(room.part > 0, "{room:?}");
        }
    }
}
