//! How large chunks are, and which tables have several.

use super::{Split, Table};

const MIB: u64 = 1 << 20;

/// Limits of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Lanes that read at the same time.
    pub jobs: usize,
    /// Bytes of the smallest chunk: below it the cost of starting a COPY shows.
    pub smallest: u64,
    /// Bytes of the largest chunk: what is read again when a lane dies.
    pub largest: u64,
    /// Chunks per lane, over all tables, that are aimed at: who continues a run reads again what each lane had
    /// read of one.
    pub per_lane: u64,
    /// Tables of several chunks: each is locked by the keeper, and locks are few
    /// (`max_locks_per_transaction` × `max_connections`, 6,400 by default).
    pub split_tables: usize,
    /// Chunks of one table: each has a row in the ledger.
    pub per_table: u32,
}

impl Thresholds {
    /// The limits for so many lanes.
    pub fn new(jobs: usize) -> Self {
        Self {
            jobs: jobs.max(1),
            smallest: 8 * MIB,
            largest: 256 * MIB,
            per_lane: 16,
            split_tables: 1000,
            per_table: 10_000,
        }
    }

    /// Chunks that a table is cut into at most, and so one more than the key boundaries worth having.
    pub fn most_chunks(&self, bytes: u64) -> u32 {
        let most = bytes / self.smallest.max(1);
        u32::try_from(most).map_or(self.per_table, |most| most.clamp(1, self.per_table))
    }

    /// Bytes of the first chunks, for a total over all tables.
    pub(super) fn first(&self, total: u64) -> u64 {
        let lanes = u64::try_from(self.jobs).unwrap_or(u64::MAX);
        let aimed = total / lanes.saturating_mul(self.per_lane).max(1);
        aimed.clamp(self.smallest, self.largest.max(self.smallest))
    }
}

/// Decides which tables get several chunks; every other becomes `Split::Never`. The answer, indexes
/// into `tables`, says whose locks must be taken and whose sizes must be re-read under them (and
/// whose keys must be sampled: `Thresholds::most_chunks` less one boundaries).
pub fn choose(tables: &mut [Table], thresholds: &Thresholds) -> Vec<usize> {
    let total: u64 = tables.iter().fold(0, |sum, t| sum.saturating_add(t.bytes));
    let worth = thresholds.first(total).saturating_mul(2);
    let mut chosen: Vec<usize> = (0..tables.len())
        .filter(|&t| tables[t].split != Split::Never && tables[t].bytes >= worth)
        .collect();
    chosen.sort_by_key(|&t| std::cmp::Reverse(tables[t].bytes));
    chosen.truncate(thresholds.split_tables);
    for (index, table) in tables.iter_mut().enumerate() {
        if !chosen.contains(&index) {
            table.split = Split::Never;
        }
    }
    chosen
}

/// Lengths, in units, of the chunks of each region of a table; a unit is a page or the part between
/// two sampled keys.
///
/// Guided sizes: half of a fair share of what remains, at most the plan's first size, at least the
/// smallest. Every table has at most `per_table` chunks.
pub(super) fn regions(
    units: u64,
    bytes: u64,
    first: u64,
    thresholds: &Thresholds,
) -> Vec<Vec<u64>> {
    let most = u64::from(thresholds.per_table.max(1));
    let units_in = |size: u64| {
        let exact = u128::from(size) * u128::from(units) / u128::from(bytes.max(1));
        u64::try_from(exact).unwrap_or(u64::MAX)
    };
    let lanes = u64::try_from(thresholds.jobs).unwrap_or(1).max(1);
    let count = (bytes / first.max(1))
        .clamp(1, lanes)
        .min(most)
        .min(units.max(1));
    // Each region loses at most one chunk to rounding: the floor keeps room for that.
    let floor = units.div_ceil((most - count).max(1));
    let smallest = units_in(thresholds.smallest).max(floor).max(1);
    let largest = units_in(first).max(smallest);
    (0..count)
        .map(|region| {
            let part = |r: u64| u128::from(units) * u128::from(r) / u128::from(count);
            let length = part(region + 1) - part(region);
            guided(u64::try_from(length).unwrap_or(0), smallest, largest)
        })
        .collect()
}

fn guided(mut remaining: u64, smallest: u64, largest: u64) -> Vec<u64> {
    let mut lengths = Vec::new();
    while remaining > 0 {
        let length = (remaining / 2).clamp(smallest, largest);
        // A rest smaller than the smallest chunk goes with the last one.
        let length = if remaining < length.saturating_add(smallest) {
            remaining
        } else {
            length
        };
        lengths.push(length);
        remaining -= length;
    }
    lengths
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(pair: usize, bytes: u64, split: Split) -> Table {
        Table {
            pair,
            pages: u32::try_from(bytes / 8192).expect("a small table"),
            bytes,
            wave: 0,
            split,
        }
    }

    #[test]
    fn only_tables_worth_it_are_split() {
        let mut tables = [
            table(0, 15 * MIB, Split::Pages),
            table(1, 900 * MIB, Split::Never),
            table(2, 16 * MIB, Split::Pages),
            table(3, 400 * MIB, Split::Pages),
        ];
        let mut thresholds = Thresholds::new(64);
        assert_eq!(choose(&mut tables.clone(), &thresholds), [3, 2]);
        thresholds.split_tables = 1;
        assert_eq!(choose(&mut tables, &thresholds), [3]);
        assert_eq!(tables[2].split, Split::Never);
        assert_eq!(tables[3].split, Split::Pages);
    }

    #[test]
    fn a_terabyte_has_no_more_chunks_than_the_ledger_shall_hold() {
        let thresholds = Thresholds::new(8);
        let bytes = 16 << 40;
        let regions = regions(2 << 30, bytes, thresholds.first(bytes), &thresholds);
        let chunks: usize = regions.iter().map(Vec::len).sum();
        assert!((5_000..=10_000).contains(&chunks), "{chunks}");
    }

    #[test]
    fn four_lanes_on_one_gigabyte_have_at_least_four_chunks_each() {
        let thresholds = Thresholds::new(4);
        let regions = regions(1 << 17, 1 << 30, thresholds.first(1 << 30), &thresholds);
        assert_eq!(regions.len(), 4);
        assert!(regions.iter().all(|r| r.len() >= 4), "{regions:?}");
        for region in regions {
            assert!(region.is_sorted_by(|a, b| a >= b), "{region:?}");
            assert_eq!(region.last(), Some(&1024), "8 MiB at the end");
        }
    }

    proptest! {
        #[test]
        fn regions_cover_all_units_in_few_chunks(
            units in 0u64..5_000_000_000,
            bytes in 0u64..1 << 50,
            jobs in 1usize..100,
            per_table in 1u32..2000,
        ) {
            let mut thresholds = Thresholds::new(jobs);
            thresholds.per_table = per_table;
            let regions = regions(units, bytes, thresholds.first(bytes), &thresholds);
            let lengths: Vec<u64> = regions.concat();
            prop_assert_eq!(lengths.iter().sum::<u64>(), units);
            prop_assert!(lengths.iter().all(|&l| l > 0));
            prop_assert!(lengths.len() <= usize::try_from(per_table).expect("small"), "{}", lengths.len());
        }
    }
}
