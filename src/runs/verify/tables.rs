//! Target tables as they are verified: which rows belong there, and how they are compared.

use crate::catalog::Table;
use crate::copytext::{Comparison, Spread};
use crate::lane::Work;
use crate::ledger::TableSums;
use crate::schema::{self, Pair};
use crate::verify;

use super::super::prepare::Prepared;
use super::ranges::Ranges;

/// By target: its table. `works` are all chunks; `sent` the ledger's sums by pair; `ranges` by target.
pub(super) fn tables(
    prepared: &Prepared,
    works: Vec<Work>,
    sent: &[Option<TableSums>],
    ranges: Vec<Ranges>,
) -> Vec<verify::Table> {
    let mut by_target: Vec<Vec<Work>> = ranges.iter().map(|_| Vec::new()).collect();
    for work in works {
        by_target[prepared.matching.pairs[work.table].target].push(work);
    }
    let each = by_target.into_iter().zip(ranges).enumerate();
    each.map(|(number, (works, ranges))| table(prepared, number, (works, sent), ranges))
        .collect()
}

/// The same without sums and ranges: all rows of these chunks are compared, with all rows of the target.
pub(in crate::runs) fn tables_of(prepared: &Prepared, works: Vec<Work>) -> Vec<verify::Table> {
    let targets = prepared.matching.targets.iter();
    let ranges = targets.map(|_| Ranges::default()).collect();
    tables(prepared, works, &[], ranges)
}

fn table(
    prepared: &Prepared,
    number: usize,
    (works, sent): (Vec<Work>, &[Option<TableSums>]),
    ranges: Ranges,
) -> verify::Table {
    let columns = columns_of(prepared, number);
    let sampled = ranges.is_sample;
    let pages = ranges.pages(&columns);
    let (target_ranges, mut works) = ranges.take(works);
    works.iter_mut().for_each(|work| reorder(work, &columns));
    let comparison = comparison(prepared, number, (&columns, &works));
    for work in &mut works {
        work.spread.clone_from(&comparison.spread);
    }
    verify::Table {
        number,
        sent: sums(prepared, number, (&columns, sent)).filter(|_| !sampled),
        name: prepared.matching.targets[number].name.clone(),
        comparison,
        columns,
        works,
        ranges: target_ranges,
        pages,
    }
}

/// What was sent into a table, where all of its sources sent their columns in its order.
fn sums(
    prepared: &Prepared,
    number: usize,
    (columns, sent): (&[String], &[Option<TableSums>]),
) -> Option<TableSums> {
    let mut sum = TableSums::default();
    for (pair, of) in pairs_of(prepared, number) {
        let same_order = of.columns.iter().map(|(_, to)| to).eq(columns.iter());
        let sums = sent.get(pair).copied().flatten().filter(|_| same_order)?;
        sum.merge(&sums);
    }
    Some(sum)
}

/// The source tables of a target, with their numbers.
pub(super) fn pairs_of(prepared: &Prepared, target: usize) -> impl Iterator<Item = (usize, &Pair)> {
    let pairs = prepared.matching.pairs.iter().enumerate();
    pairs.filter(move |(_, pair)| pair.target == target)
}

/// The target's columns, in the order in which the first of its sources sends them.
pub(super) fn columns_of(prepared: &Prepared, target: usize) -> Vec<String> {
    let first = pairs_of(prepared, target).next();
    let columns = first.map(|(_, pair)| pair.columns.iter().map(|(_, to)| to.clone()).collect());
    columns.unwrap_or_default()
}

/// Puts the columns of a chunk into the order of the target's: a partition may have another one.
fn reorder(work: &mut Work, columns: &[String]) {
    let place = |column: &String| work.columns.iter().position(|(_, to)| to == column);
    let Some(order) = columns.iter().map(place).collect::<Option<Vec<usize>>>() else {
        return;
    };
    if order.is_sorted() {
        return;
    }
    let new_place = |old: usize| order.iter().position(|&o| o == old).unwrap_or(old);
    work.columns = order.iter().map(|&old| work.columns[old].clone()).collect();
    work.expressions = std::mem::take(&mut work.expressions)
        .into_iter()
        .map(|(old, expression)| (new_place(old), expression))
        .collect();
    for (place, _) in &mut work.recipe.transforms {
        *place = new_place(*place);
    }
    work.recipe
        .transforms
        .sort_unstable_by_key(|(place, _)| *place);
}

fn comparison(
    prepared: &Prepared,
    target: usize,
    (columns, works): (&[String], &[Work]),
) -> Comparison {
    let name = &prepared.matching.targets[target].name;
    let table = prepared.target_catalog.table(name);
    let data_type = |column: &String| {
        let found = table?.columns.iter().find(|c| &c.name == column)?;
        Some(&found.data_type)
    };
    let types = columns.iter().map(data_type).collect::<Option<Vec<_>>>();
    let keys = key_of(prepared, target, columns).unwrap_or_default();
    let recipe = works.first().map(|work| work.recipe.clone());
    Comparison {
        spread: Spread::new(&keys, &recipe.unwrap_or_default()),
        ..match types {
            Some(types) => schema::comparison(&types, keys),
            None => Comparison {
                fields: columns.len(),
                keys,
                ..Comparison::default()
            },
        }
    }
}

/// The places of the key's columns, by the source's key.
fn key_of(prepared: &Prepared, target: usize, columns: &[String]) -> Option<Vec<usize>> {
    let (_, pair) = pairs_of(prepared, target).next()?;
    let key = prepared
        .catalog
        .by_oid(pair.oid)
        .map(|t: &Table| t.keys.first())??;
    let place = |name: &String| {
        let (_, to) = pair.columns.iter().find(|(from, _)| from == name)?;
        columns.iter().position(|column| column == to)
    };
    key.columns.iter().map(|(name, _)| place(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::TableName;
    use crate::copytext::{Recipe, Transform};
    use crate::plan::Bounds;

    #[test]
    fn the_columns_of_a_partition_are_put_into_the_order_of_the_table() {
        let column = |name: &str| (name.to_owned(), name.to_owned());
        let mut work = Work {
            table: 0,
            source: TableName::new("s", "leaf"),
            oid: 1,
            target: TableName::new("s", "root"),
            columns: vec![column("b"), column("a"), column("c")],
            expressions: [(0, "b::numeric".to_owned())].into(),
            recipe: Recipe {
                fields: 3,
                transforms: vec![
                    (1, Transform::TrimRight),
                    (2, Transform::CutTimestamp { digits: 3 }),
                ],
            },
            spread: Default::default(),
            condition: None,
            chunk: 0,
            bounds: Bounds::Whole,
            done: Vec::new(),
        };
        let order: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        reorder(&mut work, &order);
        assert_eq!(work.columns, [column("a"), column("b"), column("c")]);
        assert_eq!(
            work.expressions.get(&1).map(String::as_str),
            Some("b::numeric")
        );
        let transforms = [
            (0, Transform::TrimRight),
            (2, Transform::CutTimestamp { digits: 3 }),
        ];
        assert_eq!(work.recipe.transforms, transforms);
    }
}
