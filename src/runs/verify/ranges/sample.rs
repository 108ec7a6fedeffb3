//! A sample of a table: the same ranges of the first column of its key, on both sides.

use std::collections::BTreeSet;

use rand::seq::index;

use crate::catalog::{Key, Table};
use crate::copytext::{Recipe, Rewriter, Rows, Transform};
use crate::endpoint::introspect;
use crate::plan::Bounds;
use crate::sql;
use crate::verify::KeyRange;

use super::super::super::error::Error;
use super::super::super::prepare::Prepared;
use super::super::tables::{columns_of, pairs_of};
use super::order::{Kind, Order};
use super::{OfSource, Ranges, meeting};

/// Ranges of which a sample is drawn.
const OF_A_SAMPLE: usize = 100;

/// A share of a table's rows, in per cent; none where no column of its key is in the same order on both sides.
pub(super) async fn ranges(
    prepared: &mut Prepared,
    order: &Order,
    target: usize,
    percent: u8,
) -> Result<Ranges, Error> {
    let Some(column) = column(prepared, order, target) else {
        return Ok(Ranges::default());
    };
    let connection = prepared.keeper().connection();
    let is_utf8 = connection.parameter("server_encoding") == Some("UTF8");
    if column.kind == Kind::Text && !is_utf8 {
        return Ok(Ranges::default());
    }
    let key = Key {
        primary: false,
        columns: vec![column.source.clone()],
    };
    let wanted = OF_A_SAMPLE - 1;
    let boundaries = match column.kind {
        Kind::Text => {
            introspect::sample_keys_bytewise(connection, &column.table, &key, wanted).await?
        }
        _ => introspect::sample_keys(connection, &column.table, &key, wanted).await?,
    };
    let boundaries = boundaries.into_iter().flatten();
    let mut boundaries: Vec<String> = boundaries
        .map(|key| as_sent(key, column.transform))
        .collect();
    boundaries.dedup();
    if boundaries.is_empty() {
        return Ok(Ranges::default());
    }
    let chosen = chosen(boundaries.len() + 1, percent);
    Ok(cut(&column, &boundaries, &chosen))
}

/// The column by which a sample is drawn.
struct Column {
    /// The source table.
    table: Table,
    /// Its name there, and its type.
    source: (String, String),
    /// Its name in the target.
    target: String,
    kind: Kind,
    /// What it becomes on its way.
    transform: Option<Transform>,
}

/// The first column of the key of a target's only source, where both sides order it alike.
fn column(prepared: &Prepared, order: &Order, target: usize) -> Option<Column> {
    let mut pairs = pairs_of(prepared, target);
    let (_, pair) = pairs.next()?;
    if pairs.next().is_some() {
        return None;
    }
    let table = prepared.catalog.by_oid(pair.oid)?;
    let source = table.keys.first()?.columns.first()?;
    let place = pair
        .columns
        .iter()
        .position(|(from, _)| *from == source.0)?;
    if pair.expressions.contains_key(&place) {
        return None;
    }
    let to = &pair.columns[place].1;
    let name = &prepared.matching.targets[target].name;
    let here = table.columns.iter().find(|c| c.name == source.0)?;
    let there = prepared.target_catalog.table(name)?;
    let there = there.columns.iter().find(|c| c.name == *to)?;
    let kind =
        Kind::of(&here.data_type).filter(|kind| Kind::of(&there.data_type) == Some(*kind))?;
    let alike = match kind {
        Kind::Own => false,
        Kind::Text => order.is_bytewise(name, to),
        _ => true,
    };
    let known = columns_of(prepared, target).contains(to);
    let transforms = &pair.recipe.transforms;
    let transform = transforms.iter().find(|(at, _)| *at == place);
    (alike && known && there.not_null).then(|| Column {
        table: table.clone(),
        source: source.clone(),
        target: to.clone(),
        kind,
        transform: transform.map(|(_, transform)| *transform),
    })
}

/// A boundary as a row with this key would be sent. A value that is cut is never cut below a boundary that was cut
/// before: a range holds the same rows on both sides.
fn as_sent(boundary: String, transform: Option<Transform>) -> String {
    let Some(transform @ Transform::CutTimestamp { .. }) = transform else {
        return boundary;
    };
    let recipe = Recipe {
        fields: 1,
        transforms: vec![(0, transform)],
    };
    let mut rows = Rows::default();
    let row = format!("{boundary}\n");
    let rewritten =
        Rewriter::new(recipe, usize::MAX, row.len()).rewrite(row.as_bytes(), &mut rows, usize::MAX);
    let cut = String::from_utf8(rows.bytes);
    match (rewritten, cut) {
        (Ok(_), Ok(cut)) => cut.trim_end_matches('\n').to_owned(),
        // What is no timestamp is not sent either.
        _ => boundary,
    }
}

/// Numbers of the ranges of a sample, at least one.
fn chosen(ranges: usize, percent: u8) -> BTreeSet<usize> {
    let amount = (ranges * usize::from(percent.min(100))).div_ceil(100);
    index::sample(&mut rand::rng(), ranges, amount.clamp(1, ranges))
        .into_iter()
        .collect()
}

fn cut(column: &Column, boundaries: &[String], chosen: &BTreeSet<usize>) -> Ranges {
    let keys: Vec<Vec<String>> = boundaries.iter().map(|key| vec![key.clone()]).collect();
    let all = meeting(std::slice::from_ref(&column.target), &keys);
    let target: Vec<KeyRange> = chosen.iter().map(|&number| all[number].clone()).collect();
    let is_sample = target.len() < all.len();
    let source = match (is_sample, column.kind) {
        (false, _) => OfSource::All,
        (true, Kind::Text) => OfSource::Where(bytewise(&column.source.0, &target)),
        (true, _) => OfSource::Ranges(target.iter().map(|range| bounds(column, range)).collect()),
    };
    Ranges {
        target,
        source,
        page_columns: Vec::new(),
        is_sample,
    }
}

fn bounds(column: &Column, range: &KeyRange) -> Bounds {
    Bounds::Keys {
        columns: vec![column.source.clone()],
        from: range.from.clone(),
        to: range.to.clone(),
    }
}

/// The rows of these ranges of a text: the source's index may be in any order, so its table is read once for all
/// of them.
fn bytewise(column: &str, ranges: &[KeyRange]) -> String {
    let column = sql::identifier(column);
    let bound = |sign: &str, key: &Option<Vec<String>>| {
        let value = sql::literal(key.as_ref()?.first()?);
        Some(format!("{column} COLLATE \"C\" {sign} {value}"))
    };
    let range = |range: &KeyRange| {
        let bounds = [bound(">=", &range.from), bound("<", &range.to)];
        let bounds: Vec<String> = bounds.into_iter().flatten().collect();
        format!("({})", bounds.join(" AND "))
    };
    let ranges: Vec<String> = ranges.iter().map(range).collect();
    ranges.join(" OR ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Kind as TableKind, TableName};

    fn column(kind: Kind) -> Column {
        Column {
            table: Table::new(1, TableName::new("s", "t"), TableKind::Ordinary),
            source: ("id".to_owned(), "bigint".to_owned()),
            target: "ID".to_owned(),
            kind,
            transform: None,
        }
    }

    #[test]
    fn a_sample_has_its_share_of_ranges_and_at_least_one() {
        assert_eq!(chosen(100, 10).len(), 10);
        assert_eq!(chosen(3, 1).len(), 1);
        assert_eq!(chosen(1, 0).len(), 1);
    }

    #[test]
    fn both_sides_are_cut_at_the_same_keys() {
        let boundaries = ["10".to_owned(), "20".to_owned()];
        let some = cut(&column(Kind::Number), &boundaries, &BTreeSet::from([1]));
        assert!(some.is_sample && some.target.len() == 1);
        let middle = Bounds::Keys {
            columns: vec![("id".to_owned(), "bigint".to_owned())],
            from: Some(vec!["10".to_owned()]),
            to: Some(vec!["20".to_owned()]),
        };
        assert_eq!(some.source, OfSource::Ranges(vec![middle]));
        assert_eq!(some.target[0].columns, ["ID"]);
        let all = cut(&column(Kind::Number), &boundaries, &(0..3).collect());
        assert!(!all.is_sample && all.source == OfSource::All);
    }

    #[test]
    fn ranges_of_texts_are_one_condition_in_the_order_of_their_bytes() {
        let boundaries = ["it's".to_owned(), "x".to_owned()];
        let some = cut(&column(Kind::Text), &boundaries, &BTreeSet::from([0, 1]));
        let condition = "(\"id\" COLLATE \"C\" < 'it''s') OR \
                         (\"id\" COLLATE \"C\" >= 'it''s' AND \"id\" COLLATE \"C\" < 'x')";
        assert_eq!(some.source, OfSource::Where(condition.to_owned()));
    }

    #[test]
    fn a_boundary_is_cut_as_its_rows_are() {
        let cut =
            |text: &str| as_sent(text.to_owned(), Some(Transform::CutTimestamp { digits: 3 }));
        assert_eq!(
            cut("2024-01-01 00:00:00.123456+00"),
            "2024-01-01 00:00:00.123+00"
        );
        assert_eq!(cut("infinity"), "infinity");
        assert_eq!(as_sent("\\x00".to_owned(), None), "\\x00");
    }
}
