//! Ranges of a large table of the target that are read at once: cut where samples of its sources say that
//! its rows are, in the order in which the target sorts these keys.

use std::cmp::Reverse;

use crate::catalog::Key;
use crate::endpoint::introspect;
use crate::plan::{Chunk, Thresholds};
use crate::schema::Pair;
use crate::sql;

use super::super::super::error::Error;
use super::super::super::prepare::Prepared;
use super::super::asking::Asking;
use super::super::tables::{columns_of, pairs_of};
use super::order::{Kind, Order};
use super::{Ranges, meeting};

/// Sources of one target that are sampled, the largest ones: a table may have thousands of partitions.
const SAMPLED: usize = 16;

/// Parts of a target table that are worth a statement each: as many as its sources have chunks, but none of them
/// small.
pub(super) fn parts(prepared: &Prepared, chunks: &[Chunk], target: usize) -> usize {
    let pairs = &prepared.matching.pairs;
    let of_target = chunks.iter().filter(|c| pairs[c.table].target == target);
    let (mut count, mut bytes) = (0, 0u64);
    for chunk in of_target {
        count += 1;
        bytes = bytes.saturating_add(chunk.bytes);
    }
    count.min(Thresholds::new(1).most_chunks(bytes) as usize)
}

/// At most `wanted` ranges; none where the table has no key by which the target can be read in parts.
pub(super) async fn ranges(
    prepared: &mut Prepared,
    (asking, order): (&mut Asking<'_>, &Order),
    target: usize,
    wanted: usize,
) -> Result<Ranges, Error> {
    let columns = match wanted {
        0 | 1 => Vec::new(),
        _ => cut_by(prepared, order, target),
    };
    if columns.is_empty() {
        return Ok(Ranges::default());
    }
    let keys = sampled(prepared, target, &columns, wanted).await?;
    let boundaries = match keys.is_empty() {
        true => Vec::new(),
        false => sorted(prepared, asking, (target, &columns), &keys).await,
    };
    let boundaries = thinned(boundaries, wanted - 1);
    Ok(match boundaries.is_empty() {
        true => Ranges::default(),
        false => Ranges {
            target: meeting(&columns, &boundaries),
            ..Ranges::default()
        },
    })
}

/// The columns of the target that it is cut by, where all of them are compared and the target sorts texts as it
/// sorts these.
fn cut_by(prepared: &Prepared, order: &Order, target: usize) -> Vec<String> {
    let name = &prepared.matching.targets[target].name;
    let Some(table) = prepared.target_catalog.table(name) else {
        return Vec::new();
    };
    let compared = columns_of(prepared, target);
    let serves = |column: &String| {
        let known = table.columns.iter().find(|c| c.name == *column);
        let kind = known.and_then(|c| Kind::of(&c.data_type));
        let is_text = matches!(kind, Some(Kind::Text | Kind::Own));
        compared.contains(column) && (!is_text || order.is_usual(name, column))
    };
    let columns = order.cut(name);
    match columns.iter().all(serves) {
        true => columns.to_vec(),
        false => Vec::new(),
    }
}

/// Keys of the sources, each a text per column.
async fn sampled(
    prepared: &mut Prepared,
    target: usize,
    columns: &[String],
    wanted: usize,
) -> Result<Vec<Vec<String>>, Error> {
    let mut sources: Vec<(u64, u32, Key)> = Vec::new();
    for (_, pair) in pairs_of(prepared, target) {
        let table = prepared.catalog.by_oid(pair.oid);
        if let Some((table, key)) = table.and_then(|t| Some((t, source_key(t, pair, columns)?))) {
            sources.push((table.bytes(), table.oid, key));
        }
    }
    sources.sort_by_key(|(bytes, ..)| Reverse(*bytes));
    sources.truncate(SAMPLED);
    let all: u128 = sources.iter().map(|(bytes, ..)| u128::from(*bytes)).sum();
    let mut keys = Vec::new();
    for (bytes, oid, key) in sources {
        // Each has a part in the order of its size; a few more are thinned out in the end.
        let share = wanted as u128 * 4 * u128::from(bytes) / all.max(1);
        let share = usize::try_from(share).unwrap_or(wanted).max(1);
        let Some(table) = prepared.catalog.by_oid(oid).cloned() else {
            continue;
        };
        let connection = prepared.keeper().connection();
        keys.extend(introspect::sample_keys(connection, &table, &key, share).await?);
    }
    Ok(keys)
}

/// The columns of a source that arrive as they are in these of the target.
fn source_key(table: &crate::catalog::Table, pair: &Pair, columns: &[String]) -> Option<Key> {
    let column = |to: &String| {
        let place = pair.columns.iter().position(|(_, known)| known == to)?;
        let (from, _) = pair.columns.get(place)?;
        let known = table.columns.iter().find(|c| c.name == *from)?;
        let is_sent = !pair.expressions.contains_key(&place);
        (is_sent && known.not_null).then(|| (from.clone(), known.data_type.sql.clone()))
    };
    let columns: Option<Vec<(String, String)>> = columns.iter().map(column).collect();
    Some(Key {
        primary: false,
        columns: columns?,
    })
}

/// The keys as the target sorts them; none where it does not.
async fn sorted(
    prepared: &Prepared,
    asking: &mut Asking<'_>,
    (target, columns): (usize, &[String]),
    keys: &[Vec<String>],
) -> Vec<Vec<String>> {
    let name = &prepared.matching.targets[target].name;
    let table = prepared.target_catalog.table(name);
    let sql_type = |column: &String| {
        let known = table?.columns.iter().find(|c| c.name == *column)?;
        Some(known.data_type.sql.as_str())
    };
    let Some(types) = columns.iter().map(sql_type).collect::<Option<Vec<&str>>>() else {
        return Vec::new();
    };
    let rows = asking.ask(&[&sort(&types, keys)]).await;
    let rows = rows.unwrap_or_default().into_iter();
    let mut sorted: Vec<Vec<String>> = rows.filter_map(|row| row.into_iter().collect()).collect();
    sorted.dedup();
    sorted.retain(|key| key.len() == columns.len());
    sorted
}

fn sort(types: &[&str], keys: &[Vec<String>]) -> String {
    let key = |key: &Vec<String>| {
        let values = key.iter().zip(types);
        let values = values.map(|(value, sql_type)| format!("{}::{sql_type}", sql::literal(value)));
        format!("({})", values.collect::<Vec<_>>().join(", "))
    };
    let rows: Vec<String> = keys.iter().map(key).collect();
    let names: Vec<String> = (0..types.len()).map(|n| format!("k{n}")).collect();
    let names = names.join(", ");
    format!(
        "SELECT {names} FROM (VALUES {}) AS b({names}) ORDER BY {names}",
        rows.join(", ")
    )
}

/// At most `wanted` of them, at equal distances.
fn thinned(keys: Vec<Vec<String>>, wanted: usize) -> Vec<Vec<String>> {
    if keys.len() <= wanted {
        return keys;
    }
    let place = |number: usize| (number + 1) * keys.len() / (wanted + 1);
    (0..wanted)
        .map(|number| keys[place(number)].clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(texts: &[&str]) -> Vec<Vec<String>> {
        texts.iter().map(|text| vec![(*text).to_owned()]).collect()
    }

    #[test]
    fn the_target_is_given_the_keys_with_their_types() {
        let pairs = [vec!["it's".to_owned(), "1".to_owned()]];
        assert_eq!(
            sort(&["text", "integer"], &pairs),
            "SELECT k0, k1 FROM (VALUES ('it''s'::text, '1'::integer)) AS b(k0, k1) ORDER BY k0, k1"
        );
    }

    #[test]
    fn too_many_keys_are_thinned_evenly() {
        let all = keys(&["a", "b", "c", "d", "e", "f", "g"]);
        assert_eq!(thinned(all.clone(), 3), keys(&["b", "d", "f"]));
        assert_eq!(thinned(all.clone(), 1), keys(&["d"]));
        assert_eq!(thinned(all.clone(), 7), all);
        assert_eq!(thinned(all.clone(), 0), keys(&[]));
    }
}
