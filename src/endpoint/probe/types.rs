//! Which types CREATE TABLE takes, and what it makes of them.

use std::collections::BTreeMap;

use super::{Prober, probed};
use crate::endpoint::error::Result;
use crate::profile::TypeAnswer;
use crate::sql;

/// Types as PostgreSQL spells them, in groups that are likely to fare alike: a group that is taken, or that
/// is refused to the last, costs least.
const GROUPS: [&[&str]; 8] = [
    &[
        "integer",
        "bigint",
        "double precision",
        "numeric",
        "numeric(38,10)",
        "boolean",
        "text",
        "character varying",
        "character varying(10)",
        "bytea",
        "uuid",
        "date",
        "time without time zone",
        "timestamp without time zone",
        "timestamp with time zone",
        "interval",
        "json",
        "jsonb",
    ],
    &["tsvector", "tsquery"],
    &["integer[]", "text[]", "timestamp with time zone[]"],
    &["smallint", "real", "character(10)", "time with time zone"],
    &[
        "timestamp(3) without time zone",
        "timestamp(3) with time zone",
        "interval(3)",
        "interval day to second",
    ],
    &["xml", "inet", "cidr", "macaddr", "macaddr8", "money"],
    &[
        "oid", "regclass", "name", "\"char\"", "pg_lsn", "xid", "jsonpath",
    ],
    &[
        "bit(3)",
        "bit varying(3)",
        "point",
        "line",
        "lseg",
        "box",
        "path",
        "polygon",
        "circle",
        "int4range",
        "int8range",
        "numrange",
        "tsrange",
        "tstzrange",
        "daterange",
        "int4multirange",
        "int8multirange",
        "nummultirange",
        "tsmultirange",
        "tstzmultirange",
        "datemultirange",
    ],
];

/// Types with a modifier, and the plain ones.
const VARIANTS: [(&str, &str); 6] = [
    ("numeric(38,10)", "numeric"),
    ("character varying(10)", "character varying"),
    (
        "timestamp(3) without time zone",
        "timestamp without time zone",
    ),
    ("timestamp(3) with time zone", "timestamp with time zone"),
    ("interval(3)", "interval"),
    ("interval day to second", "interval"),
];

/// Tries them: each group in one table first, then halves of what was refused.
pub(super) async fn probe(prober: &mut Prober<'_>, schema: &str) -> Result<()> {
    let mut answers = BTreeMap::new();
    let mut open: Vec<&[&str]> = GROUPS.to_vec();
    let mut tables = 0;
    while let Some(some) = open.pop() {
        tables += 1;
        let table = sql::qualified(schema, &format!("types{tables}"));
        match created_types(prober, &table, some).await? {
            Some(found) => answers.extend(found),
            None if some.len() == 1 => {
                answers.insert(some[0].to_owned(), TypeAnswer::Refused);
            }
            None => open.extend([&some[..some.len() / 2], &some[some.len() / 2..]]),
        }
    }
    drop_variants(&mut answers);
    if let Some(documented) = prober.profile.types.take() {
        for (name, answer) in documented.value {
            answers.entry(name).or_insert(answer);
        }
    }
    prober.profile.types = probed(answers);
    Ok(())
}

/// Takes out the variants with a modifier (`timestamp(3) …`) that fare as the plain type does.
fn drop_variants(answers: &mut BTreeMap<String, TypeAnswer>) {
    for (variant, plain) in VARIANTS {
        if answers.get(plain) == Some(&TypeAnswer::Accepted)
            && answers.get(variant) == Some(&TypeAnswer::Accepted)
        {
            answers.remove(variant);
        }
    }
}

/// Creates a table of columns of these types and reads back what they became; `None` if refused.
async fn created_types(
    prober: &mut Prober<'_>,
    table: &str,
    types: &[&str],
) -> Result<Option<Vec<(String, TypeAnswer)>>> {
    let columns: Vec<String> = types
        .iter()
        .enumerate()
        .map(|(i, ty)| format!("c{i} {ty}"))
        .collect();
    let create = format!("CREATE TABLE {table} ({})", columns.join(", "));
    if !prober.takes("types", &[&create]).await? {
        return Ok(None);
    }
    let show = format!(
        "SELECT pg_catalog.format_type(atttypid, atttypmod) FROM pg_catalog.pg_attribute \
         WHERE attrelid = {}::regclass AND attnum > 0 ORDER BY attnum",
        sql::literal(table),
    );
    let shown = prober.run("types", &[&show]).await?.unwrap_or_default();
    let rows = shown.first().map(|reply| reply.rows.as_slice());
    let found = |i: usize| rows?.get(i)?.first()?.as_deref();
    Ok(Some(
        types
            .iter()
            .enumerate()
            .map(|(i, ty)| match found(i) {
                Some(other) if other != *ty => {
                    ((*ty).to_owned(), TypeAnswer::Aliased(other.to_owned()))
                }
                _ => ((*ty).to_owned(), TypeAnswer::Accepted),
            })
            .collect(),
    ))
}
