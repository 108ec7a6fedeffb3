//! Types, and all that they are made of: found from those in use downwards.

use std::collections::BTreeSet;

use super::answer::{Fields, Read, each};
use crate::catalog::{TypeForm, Types};
use crate::endpoint::error::Result;
use crate::wire::Connection;

/// The types in use, and all that they are made of.
pub(super) async fn types(
    connection: &mut Connection,
    version: u32,
    used: &BTreeSet<u32>,
) -> Result<Types> {
    const COLUMNS: Columns = Columns {
        oid: 0,
        name: 1,
        kind: 2,
        base: 3,
        typmod: 4,
        category: 5,
        element: 6,
        fields: 7,
        bound: 8,
    };
    let mut types = Types::default();
    if used.is_empty() {
        return Ok(types);
    }
    let sql = types_sql(version, used);
    each(connection, "reading the types", &sql, |fields| {
        read(&fields, COLUMNS, &mut types)
    })
    .await?;
    Ok(types)
}

fn types_sql(version: u32, used: &BTreeSet<u32>) -> String {
    let used: Vec<String> = used
        .iter()
        .map(|oid| format!("({oid}::pg_catalog.oid)"))
        .collect();
    let (used, parts, bound) = (used.join(", "), parts(version), bound(version));
    format!(
        "WITH RECURSIVE used(oid) AS (VALUES {used} UNION {parts}) \
         SELECT t.oid, t.typname, t.typtype, t.typbasetype, t.typtypmod, t.typcategory, t.typelem, \
                {FIELDS}, {bound} \
         FROM used u JOIN pg_catalog.pg_type t ON t.oid = u.oid"
    )
}

/// The recursive part of a query `used(oid)`: what the types found so far are made of. Arrays of
/// category A are true arrays: `point` and `name` have elements, too.
pub(super) fn parts(version: u32) -> String {
    let range = range(version);
    format!(
        "SELECT part.oid FROM used u JOIN pg_catalog.pg_type t ON t.oid = u.oid, LATERAL ( \
           SELECT t.typbasetype WHERE t.typtype = 'd' \
           UNION ALL SELECT t.typelem WHERE t.typcategory = 'A' \
           UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE {range} \
           UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute a \
             WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 \
               AND NOT a.attisdropped) part(oid)"
    )
}

/// Of a composite type `t`: the types of its fields.
pub(super) const FIELDS: &str = "\
    CASE WHEN t.typtype = 'c' THEN (SELECT pg_catalog.string_agg( \
      a.atttypid::pg_catalog.text, ' ') FROM pg_catalog.pg_attribute a \
      WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) END";

/// Of a range type `t`: the type of its bounds.
pub(super) fn bound(version: u32) -> String {
    let range = range(version);
    format!("(SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE {range})")
}

fn range(version: u32) -> &'static str {
    if version >= 140_000 {
        "(r.rngtypid = t.oid OR r.rngmultitypid = t.oid)"
    } else {
        "r.rngtypid = t.oid"
    }
}

/// Where a row has what is read of a type.
#[derive(Clone, Copy)]
pub(super) struct Columns {
    pub(super) oid: usize,
    pub(super) name: usize,
    pub(super) kind: usize,
    pub(super) category: usize,
    pub(super) base: usize,
    pub(super) typmod: usize,
    pub(super) element: usize,
    pub(super) fields: usize,
    pub(super) bound: usize,
}

/// Reads one type.
pub(super) fn read(fields: &Fields<'_>, at: Columns, types: &mut Types) -> Read {
    let form = match (fields.optional(at.kind), fields.optional(at.category)) {
        (Some("d"), _) => TypeForm::Domain {
            base: fields.number(at.base)?,
            typmod: fields.number(at.typmod)?,
        },
        (_, Some("A")) => TypeForm::Array {
            element: fields.number(at.element)?,
        },
        (Some("c"), _) => TypeForm::Composite {
            fields: fields.numbers(at.fields)?,
        },
        (Some("r" | "m"), _) => TypeForm::Range {
            bound: fields.number(at.bound)?,
        },
        _ => TypeForm::Scalar,
    };
    types.insert(fields.number(at.oid)?, fields.text(at.name)?, form);
    Ok(())
}
