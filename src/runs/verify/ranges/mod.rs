//! Ranges of keys: for reading a large table of the target at several places at once, and for a sample of a
//! table.
//!
//! The first are ranges of the target alone, by the order of its own index; where they meet is of no
//! consequence. A sample's ranges must hold the same rows on both sides.

mod at_once;
mod order;
mod sample;

use crate::lane::Work;
use crate::plan::{Bounds, Chunk};
use crate::profile::ServerKind;
use crate::verify::KeyRange;

use super::super::error::Error;
use super::super::prepare::Prepared;
use super::asking::Asking;
use order::Order;

/// The ranges of one table.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    /// In the target; none: it is read as a whole.
    target: Vec<KeyRange>,
    /// What is read of its sources.
    source: OfSource,
    /// The target's columns by whose order it can be read page by page.
    page_columns: Vec<String>,
    /// Whether they are not all.
    pub(super) is_sample: bool,
}

/// What is read of a target's sources.
#[derive(Debug, Default, PartialEq, Eq)]
enum OfSource {
    /// All rows.
    #[default]
    All,
    /// These ranges of its one source.
    Ranges(Vec<Bounds>),
    /// Of each chunk, the rows for which this holds.
    Where(String),
}

impl Ranges {
    /// The ranges of the target, and what is read of the source.
    pub(super) fn take(self, mut works: Vec<Work>) -> (Vec<KeyRange>, Vec<Work>) {
        match self.source {
            OfSource::All => {}
            OfSource::Ranges(ranges) => {
                let each = ranges.into_iter().zip(0..);
                let first = works.first();
                let first = first.expect("a table with ranges has a chunk at least");
                let of = |(bounds, chunk)| Work {
                    bounds,
                    chunk,
                    ..first.clone()
                };
                works = each.map(of).collect();
            }
            OfSource::Where(condition) => {
                works.iter_mut().for_each(|work| work.and_where(&condition));
            }
        }
        (self.target, works)
    }

    /// The places of the columns by which the target can be read page by page.
    pub(super) fn pages(&self, columns: &[String]) -> Vec<usize> {
        let place = |column: &String| columns.iter().position(|known| known == column);
        let places: Option<Vec<usize>> = self.page_columns.iter().map(place).collect();
        places.unwrap_or_default()
    }
}

/// By target: its ranges. `sample` is a share in per cent; without one the ranges are for reading at once.
pub(super) async fn ranges(
    prepared: &mut Prepared,
    asking: &mut Asking<'_>,
    chunks: &[Chunk],
    (sample, jobs): (Option<u8>, usize),
) -> Result<Vec<Ranges>, Error> {
    let order = Order::ask(prepared, asking).await;
    let is_db9 = prepared.target.profile.server.as_ref();
    let is_db9 = is_db9.map(|fact| fact.value) == Some(ServerKind::Db9);
    let mut all = Vec::with_capacity(prepared.matching.targets.len());
    for target in 0..prepared.matching.targets.len() {
        let ranges = match sample {
            Some(percent) => sample::ranges(prepared, &order, target, percent).await?,
            None if is_db9 => {
                let wanted = at_once::parts(prepared, chunks, target).min(jobs);
                at_once::ranges(prepared, (asking, &order), target, wanted).await?
            }
            // Elsewhere a table is read fastest in the order in which it lies.
            None => Ranges::default(),
        };
        let name = &prepared.matching.targets[target].name;
        all.push(Ranges {
            page_columns: order.key(name).to_vec(),
            ..ranges
        });
    }
    Ok(all)
}

/// Half-open ranges that meet at these keys and are open at the ends.
fn meeting(columns: &[String], boundaries: &[Vec<String>]) -> Vec<KeyRange> {
    let range = |number: usize| KeyRange {
        columns: columns.to_vec(),
        from: number.checked_sub(1).map(|below| boundaries[below].clone()),
        to: boundaries.get(number).cloned(),
    };
    (0..=boundaries.len()).map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_meet_and_are_open_at_the_ends() {
        let columns = ["ID".to_owned()];
        let boundaries = [vec!["10".to_owned()], vec!["20".to_owned()]];
        let all = meeting(&columns, &boundaries);
        let end = |end: &Option<Vec<String>>| end.as_ref().map(|key| key.join(","));
        let ends: Vec<_> = all.iter().map(|r| (end(&r.from), end(&r.to))).collect();
        let some = |text: &str| Some(text.to_owned());
        let expected = [
            (None, some("10")),
            (some("10"), some("20")),
            (some("20"), None),
        ];
        assert_eq!(ends, expected);
        assert!(all.iter().all(|range| range.columns == columns));
    }

    #[test]
    fn pages_go_along_all_columns_of_the_key_or_not_at_all() {
        let ranges = Ranges {
            page_columns: vec!["b".to_owned(), "a".to_owned()],
            ..Ranges::default()
        };
        let columns =
            |names: &[&str]| -> Vec<String> { names.iter().map(|n| (*n).into()).collect() };
        assert_eq!(ranges.pages(&columns(&["a", "x", "b"])), [2, 0]);
        assert!(ranges.pages(&columns(&["a", "x"])).is_empty());
    }
}
