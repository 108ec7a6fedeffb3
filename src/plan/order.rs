//! Chunks and the order in which they are read.

use std::cmp::Reverse;

use super::sizes::{Thresholds, regions};
use super::{Bounds, Chunk, Split, Table};

/// All chunks, in the order in which lanes shall take them.
///
/// Waves come one after the other. Within a wave the next chunk is always one of the table that has
/// most bytes left: large tables start first, and tables end together. Within a table chunks go round
/// its regions.
///
/// Sizes of tables that `choose` has chosen must be those read under their locks.
pub fn chunks(tables: &[Table], thresholds: &Thresholds) -> Vec<Chunk> {
    let total = tables
        .iter()
        .fold(0u64, |sum, t| sum.saturating_add(t.bytes));
    let first = thresholds.first(total);
    let mut planned: Vec<(usize, Reverse<u64>, Chunk)> = Vec::new();
    for table in tables {
        let mut left: u64 = table.bytes;
        for chunk in of_table(table, first, thresholds) {
            let before = left;
            left = left.saturating_sub(chunk.bytes);
            planned.push((table.wave, Reverse(before), chunk));
        }
    }
    planned.sort_by_key(|(wave, left, chunk)| (*wave, *left, chunk.table));
    planned.into_iter().map(|(_, _, chunk)| chunk).collect()
}

/// The chunks of one table in the order read.
fn of_table(table: &Table, first: u64, thresholds: &Thresholds) -> Vec<Chunk> {
    let units = match &table.split {
        Split::Never => 1,
        Split::Pages => u64::from(table.pages),
        Split::Keys { boundaries, .. } => boundaries.len() as u64 + 1,
    };
    let regions = match table.split {
        Split::Never => vec![vec![1]],
        _ => regions(units, table.bytes, first, thresholds),
    };
    let cuts = Cuts::new(&regions);
    if cuts.count() <= 1 {
        return vec![Chunk {
            table: table.pair,
            number: 0,
            bounds: Bounds::Whole,
            bytes: table.bytes,
        }];
    }
    let bytes = |length: u64| {
        let exact = u128::from(table.bytes) * u128::from(length) / u128::from(units.max(1));
        u64::try_from(exact).unwrap_or(u64::MAX)
    };
    round(&regions)
        .into_iter()
        .map(|number| Chunk {
            table: table.pair,
            number,
            bounds: bounds(&table.split, cuts.from(number), cuts.to(number)),
            bytes: bytes(cuts.length(number)),
        })
        .collect()
}

/// Where chunks begin, in units, along the whole table.
struct Cuts {
    starts: Vec<u64>,
}

impl Cuts {
    fn new(regions: &[Vec<u64>]) -> Self {
        let mut starts = vec![0];
        for length in regions.iter().flatten() {
            starts.push(starts[starts.len() - 1] + length);
        }
        Self { starts }
    }

    fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// The first chunk is open downwards.
    fn from(&self, number: u32) -> Option<u64> {
        (number > 0).then(|| self.starts[number as usize])
    }

    /// The last chunk is open upwards.
    fn to(&self, number: u32) -> Option<u64> {
        let next = number as usize + 1;
        (next < self.count()).then(|| self.starts[next])
    }

    fn length(&self, number: u32) -> u64 {
        let number = number as usize;
        self.starts[number + 1] - self.starts[number]
    }
}

/// Numbers of chunks: the first of each region, then the second of each …
fn round(regions: &[Vec<u64>]) -> Vec<u32> {
    let mut numbered: Vec<(usize, u32)> = Vec::new();
    let mut number = 0;
    for region in regions {
        for turn in 0..region.len() {
            numbered.push((turn, number));
            number += 1;
        }
    }
    numbered.sort_unstable();
    numbered.into_iter().map(|(_, number)| number).collect()
}

fn bounds(split: &Split, from: Option<u64>, to: Option<u64>) -> Bounds {
    match split {
        Split::Never => Bounds::Whole,
        Split::Pages => {
            // Units are pages of a table whose number of pages is a u32.
            let page = |unit: u64| u32::try_from(unit).unwrap_or(u32::MAX);
            Bounds::Pages {
                from: from.map(page),
                to: to.map(page),
            }
        }
        Split::Keys {
            columns,
            boundaries,
        } => {
            // Unit n ends at boundary n - 1.
            let key = |unit: u64| {
                let at = usize::try_from(unit).ok()?.checked_sub(1)?;
                boundaries.get(at).cloned()
            };
            Bounds::Keys {
                columns: columns.clone(),
                from: from.and_then(key),
                to: to.and_then(key),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn table(pair: usize, pages: u32, wave: usize, split: Split) -> Table {
        Table {
            pair,
            pages,
            bytes: u64::from(pages) * 8192,
            wave,
            split,
        }
    }

    fn keys(count: usize) -> Split {
        Split::Keys {
            columns: vec![("id".to_owned(), "bigint".to_owned())],
            boundaries: (1..=count).map(|k| vec![(k * 10).to_string()]).collect(),
        }
    }

    /// Whether a page or key lies in a range, as the server decides.
    fn holds(bounds: &Bounds, at: u64) -> bool {
        let key =
            |k: &Option<Vec<String>>| k.as_ref().map(|k| k[0].parse::<u64>().expect("a number"));
        let (from, to) = match bounds {
            Bounds::Whole => (None, None),
            Bounds::Pages { from, to } => (from.map(u64::from), to.map(u64::from)),
            Bounds::Keys { from, to, .. } => (key(from), key(to)),
        };
        from.is_none_or(|from| from <= at) && to.is_none_or(|to| at < to)
    }

    #[test]
    fn large_tables_go_first_and_alternate_when_they_are_equal() {
        let tables = [
            table(0, 10, 0, Split::Never),
            table(1, 100_000, 0, Split::Pages),
            table(2, 100_000, 0, Split::Pages),
            table(3, 0, 0, Split::Never),
        ];
        let order: Vec<usize> = chunks(&tables, &Thresholds::new(4))
            .iter()
            .map(|c| c.table)
            .collect();
        assert_eq!(order[..4], [1, 2, 1, 2]);
        assert_eq!(order[order.len() - 2..], [0, 3]);
    }

    #[test]
    fn parents_come_before_a_larger_child() {
        let tables = [
            table(0, 100_000, 1, Split::Pages),
            table(1, 1, 0, Split::Never),
        ];
        let order = chunks(&tables, &Thresholds::new(2));
        assert_eq!(order[0].table, 1);
        assert!(order[1..].iter().all(|c| c.table == 0));
    }

    #[test]
    fn the_first_chunks_of_a_table_lie_far_apart_and_the_last_are_small() {
        let one = [table(0, 1 << 17, 0, Split::Pages)];
        let order = chunks(&one, &Thresholds::new(4));
        let starts: Vec<Option<u32>> = order[..4]
            .iter()
            .map(|c| match c.bounds {
                Bounds::Pages { from, .. } => from,
                _ => panic!("a table of pages"),
            })
            .collect();
        assert_eq!(starts, [None, Some(1 << 15), Some(2 << 15), Some(3 << 15)]);
        assert!(order[0].bytes >= 16 * MIB);
        assert!(order[order.len() - 4..].iter().all(|c| c.bytes <= 8 * MIB));
    }

    #[test]
    fn too_few_sampled_keys_make_few_chunks() {
        let of = |count| chunks(&[table(0, 1 << 17, 0, keys(count))], &Thresholds::new(4));
        assert_eq!(of(0)[0].bounds, Bounds::Whole);
        assert_eq!(of(1).len(), 2);
    }

    #[test]
    fn bounds_are_json_that_keeps_open_ends() {
        let bounds = Bounds::Pages {
            from: None,
            to: Some(7),
        };
        let json = serde_json::to_string(&bounds).expect("plain data");
        assert_eq!(json, r#"{"pages":{"from":null,"to":7}}"#);
        assert_eq!(
            serde_json::from_str::<Bounds>(&json).expect("its own text"),
            bounds
        );
    }

    proptest! {
        #[test]
        fn every_page_and_key_lies_in_exactly_one_chunk(
            pages in 0u32..3_000_000,
            count in 0usize..400,
            jobs in 1usize..20,
            at in prop::collection::vec(0u64..5_000_000, 20),
        ) {
            let thresholds = Thresholds::new(jobs);
            for split in [Split::Never, Split::Pages, keys(count)] {
                let order = chunks(&[table(0, pages, 0, split)], &thresholds);
                let edges = order.iter().filter_map(|c| match &c.bounds {
                    Bounds::Pages { from, .. } => from.map(u64::from),
                    Bounds::Keys { from, .. } => from.as_ref().and_then(|k| k[0].parse().ok()),
                    Bounds::Whole => None,
                });
                let around = edges.flat_map(|e| [e - 1, e, e + 1]);
                for at in around.chain(at.iter().copied()) {
                    prop_assert_eq!(order.iter().filter(|c| holds(&c.bounds, at)).count(), 1);
                }
            }
        }

        #[test]
        fn each_chunk_comes_once_and_waves_in_turn(
            sizes in prop::collection::vec((0u32..200_000, 0usize..3, any::<bool>()), 0..30),
            jobs in 1usize..20,
        ) {
            let mut tables: Vec<Table> = sizes.into_iter().enumerate().map(|(pair, (pages, wave, split))| {
                table(pair, pages, wave, if split { Split::Pages } else { Split::Never })
            }).collect();
            let thresholds = Thresholds::new(jobs);
            super::super::choose(&mut tables, &thresholds);
            let order = chunks(&tables, &thresholds);
            for t in &tables {
                let mut numbers: Vec<u32> = order.iter().filter(|c| c.table == t.pair).map(|c| c.number).collect();
                numbers.sort_unstable();
                prop_assert!(!numbers.is_empty());
                prop_assert!(numbers.iter().enumerate().all(|(i, &n)| i == n as usize));
                let bytes: u64 = order.iter().filter(|c| c.table == t.pair).map(|c| c.bytes).sum();
                prop_assert!(bytes <= t.bytes && t.bytes - bytes <= numbers.len() as u64);
            }
            prop_assert!(order.is_sorted_by_key(|c| tables[c.table].wave));
        }
    }
}
