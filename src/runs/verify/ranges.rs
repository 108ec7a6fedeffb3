//! Ranges of keys: for a sample of a table, and for reading a large table of the target at several places
//! at once.

use std::collections::{BTreeMap, BTreeSet};

use rand::seq::index;

use crate::catalog::{Key, Table, TableName};
use crate::endpoint::introspect;
use crate::lane::Work;
use crate::plan::{Bounds, Chunk};
use crate::profile::ServerKind;
use crate::verify::KeyRange;

use super::super::error::Error;
use super::super::prepare::Prepared;
use super::asking::Asking;
use super::tables::{columns_of, pairs_of};

/// Ranges of which a sample is drawn.
const OF_A_SAMPLE: usize = 100;

/// The ranges of one table.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    /// In the target; none: it is read as a whole.
    target: Vec<KeyRange>,
    /// The same of its one source, where these alone are read.
    source: Vec<Bounds>,
    /// The target's column by whose order it can be read page by page.
    page_column: Option<String>,
    /// Whether they are not all.
    pub(super) is_sample: bool,
}

impl Ranges {
    /// The ranges of the target, and what is read of the source.
    pub(super) fn take(self, works: Vec<Work>) -> (Vec<KeyRange>, Vec<Work>) {
        let Some(first) = works.first().filter(|_| !self.source.is_empty()) else {
            return (self.target, works);
        };
        let works = self
            .source
            .into_iter()
            .zip(0..)
            .map(|(bounds, chunk)| Work {
                bounds,
                chunk,
                ..first.clone()
            });
        (self.target, works.collect())
    }

    /// The place of a column by which the target can be read page by page.
    pub(super) fn pages(&self, columns: &[String]) -> Option<usize> {
        let column = self.page_column.as_ref()?;
        columns.iter().position(|known| known == column)
    }
}

/// Unique indexes of one column: table and column.
const UNIQUE: &str = "SELECT n.nspname::text, c.relname::text, a.attname::text \
    FROM pg_catalog.pg_index x \
    JOIN pg_catalog.pg_class c ON c.oid = x.indrelid \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum::text = x.indkey::text \
    WHERE x.indisunique AND x.indpred IS NULL AND a.attnotnull";

/// By table of the target, a column that is unique there and never NULL, and that every server orders alike; none
/// where the target does not tell: pages are an advantage, no need.
async fn page_columns(prepared: &Prepared, asking: &mut Asking<'_>) -> BTreeMap<TableName, String> {
    let mut columns = BTreeMap::new();
    for row in asking.ask(&[UNIQUE]).await.unwrap_or_default() {
        let texts: Vec<String> = row.into_iter().flatten().collect();
        let [schema, name, column] = texts.as_slice() else {
            continue;
        };
        let name = TableName::new(schema, name);
        let table = prepared.target_catalog.table(&name);
        let known = table.and_then(|table| table.columns.iter().find(|c| c.name == *column));
        if known.is_some_and(|column| is_ordered(&column.data_type.sql)) {
            columns.insert(name, column.clone());
        }
    }
    columns
}

/// By target: its ranges. `sample` is a share in per cent; without one the ranges are for reading at once.
pub(super) async fn ranges(
    prepared: &mut Prepared,
    asking: &mut Asking<'_>,
    chunks: &[Chunk],
    how: (Option<u8>, usize),
) -> Result<Vec<Ranges>, Error> {
    let mut pages = page_columns(prepared, asking).await;
    let mut all = Vec::with_capacity(prepared.matching.targets.len());
    for target in 0..prepared.matching.targets.len() {
        let ranges = of_table(prepared, chunks, target, how).await?;
        all.push(Ranges {
            page_column: pages.remove(&prepared.matching.targets[target].name),
            ..ranges
        });
    }
    Ok(all)
}

async fn of_table(
    prepared: &mut Prepared,
    chunks: &[Chunk],
    target: usize,
    (sample, jobs): (Option<u8>, usize),
) -> Result<Ranges, Error> {
    let Some((table, column, to)) = key_column(prepared, target) else {
        return Ok(Ranges::default());
    };
    let (pair, _) = pairs_of(prepared, target).next().expect("it has a key");
    let parts = chunks.iter().filter(|chunk| chunk.table == pair).count();
    let is_db9 = prepared
        .target
        .profile
        .server
        .as_ref()
        .map(|fact| fact.value)
        == Some(ServerKind::Db9);
    let wanted = match sample {
        Some(_) => OF_A_SAMPLE,
        // Elsewhere a table is read fastest in the order in which it lies.
        None if is_db9 => parts.min(jobs),
        None => 1,
    };
    let key = Key {
        primary: false,
        columns: vec![column.clone()],
    };
    let connection = prepared.keeper().connection();
    let boundaries = introspect::sample_keys(connection, &table, &key, wanted - 1).await?;
    let boundaries: Vec<String> = boundaries.into_iter().flatten().collect();
    if boundaries.is_empty() {
        return Ok(Ranges::default());
    }
    let chosen = chosen(boundaries.len() + 1, sample);
    Ok(cut(&column, &to, &boundaries, &chosen))
}

/// The first column of the key of a target's only source, where all servers order it alike: the source table, the
/// column and its type, its name in the target.
fn key_column(prepared: &Prepared, target: usize) -> Option<(Table, (String, String), String)> {
    let mut pairs = pairs_of(prepared, target);
    let (_, pair) = pairs.next()?;
    if pairs.next().is_some() {
        return None;
    }
    let table = prepared.catalog.by_oid(pair.oid)?;
    let column = table.keys.first()?.columns.first()?;
    let place = pair
        .columns
        .iter()
        .position(|(from, _)| *from == column.0)?;
    let is_sent = !pair.expressions.contains_key(&place);
    let to = pair.columns[place].1.clone();
    let known = columns_of(prepared, target).contains(&to);
    let name = &prepared.matching.targets[target].name;
    let there = prepared.target_catalog.table(name)?;
    let there = there.columns.iter().find(|c| c.name == to)?;
    let ordered = is_ordered(&column.1) && is_ordered(&there.data_type.sql);
    (is_sent && known && ordered).then(|| (table.clone(), column.clone(), to))
}

/// Whether every server orders the values of a type alike, and reads them as they are.
fn is_ordered(sql_type: &str) -> bool {
    matches!(
        sql_type,
        "smallint" | "integer" | "bigint" | "uuid" | "date"
    )
}

/// Numbers of ranges: all, or a sample, at least one.
fn chosen(ranges: usize, sample: Option<u8>) -> BTreeSet<usize> {
    let Some(percent) = sample else {
        return (0..ranges).collect();
    };
    let amount = (ranges * usize::from(percent.min(100))).div_ceil(100);
    index::sample(&mut rand::rng(), ranges, amount.clamp(1, ranges))
        .into_iter()
        .collect()
}

fn cut(
    (name, sql_type): &(String, String),
    to: &str,
    boundaries: &[String],
    chosen: &BTreeSet<usize>,
) -> Ranges {
    let bound = |number: usize| boundaries.get(number).cloned();
    let below = |range: usize| range.checked_sub(1).and_then(bound);
    let is_sample = chosen.len() <= boundaries.len();
    let target = chosen.iter().map(|&range| KeyRange {
        column: to.to_owned(),
        from: below(range),
        to: bound(range),
    });
    let source = chosen.iter().map(|&range| Bounds::Keys {
        columns: vec![(name.clone(), sql_type.clone())],
        from: below(range).map(|value| vec![value]),
        to: bound(range).map(|value| vec![value]),
    });
    Ranges {
        target: target.collect(),
        source: match is_sample {
            true => source.collect(),
            false => Vec::new(),
        },
        page_column: None,
        is_sample,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_its_share_of_ranges_and_at_least_one() {
        assert_eq!(chosen(100, Some(10)).len(), 10);
        assert_eq!(chosen(3, Some(1)).len(), 1);
        assert_eq!(chosen(1, Some(0)).len(), 1);
        assert_eq!(chosen(5, None), (0..5).collect());
    }

    #[test]
    fn ranges_meet_and_are_open_at_the_ends() {
        let column = ("id".to_owned(), "bigint".to_owned());
        let boundaries = ["10".to_owned(), "20".to_owned()];
        let all = cut(&column, "ID", &boundaries, &chosen(3, None));
        assert!(!all.is_sample && all.source.is_empty());
        let ends: Vec<_> = all
            .target
            .iter()
            .map(|r| (r.from.as_deref(), r.to.as_deref()))
            .collect();
        let expected = [
            (None, Some("10")),
            (Some("10"), Some("20")),
            (Some("20"), None),
        ];
        assert_eq!(ends, expected);
        let some = cut(&column, "ID", &boundaries, &BTreeSet::from([1]));
        assert!(some.is_sample && some.target.len() == 1);
        let middle = Bounds::Keys {
            columns: vec![column],
            from: Some(vec!["10".to_owned()]),
            to: Some(vec!["20".to_owned()]),
        };
        assert_eq!(some.source, [middle]);
    }
}
