//! The source: a PostgreSQL from 13 to 18, all of it at once.

use super::answer::{Fields, Read, each};
use super::columns::{self, RawColumn, generated, identity};
use super::relations::Relations;
use super::types;
use crate::catalog::{
    Catalog, Kind, Persistence, SelectPrivilege, Table, TableName, Types, is_system_schema,
};
use crate::endpoint::error::Result;
use crate::wire::Connection;

/// Reads the tables of the database as the transaction's snapshot shows them.
///
/// To be called inside the transaction that holds the snapshot (REPEATABLE READ) and has an empty
/// `search_path`: types are then written with their schema. Sizes are those of the moment. Two
/// statements, whose cost grows with the number of columns: 20,000 tables take about a second.
///
/// # Errors
/// The server's, or a row that can not be read.
pub async fn source(connection: &mut Connection) -> Result<Catalog> {
    let version = server_version(connection.parameter("server_version"));
    let mut relations = Relations::default();
    each(connection, "reading the tables", TABLES, |fields| {
        read_table(&fields, &mut relations)
    })
    .await?;
    let mut columns = Vec::new();
    let mut types = Types::default();
    let sql = columns_and_types(version);
    each(connection, "reading the columns", &sql, |fields| {
        match fields.optional(0) {
            Some("c") => columns.push(read_column(&fields)?),
            _ => types::read(&fields, TYPE_COLUMNS, &mut types)?,
        }
        Ok(())
    })
    .await?;
    columns.sort_unstable_by_key(|c: &RawColumn| (c.table, c.number));
    columns::finish(columns, &types, &mut relations);
    Ok(relations.finish(version))
}

/// `server_version_num` from the text of `server_version`: `15.4 (Debian …)`, `18beta1`, `9.6.24`.
pub(super) fn server_version(text: Option<&str>) -> u32 {
    let text = text.unwrap_or_default();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let mut numbers = text[..end].split('.').map(|n| n.parse().unwrap_or(0));
    let major: u32 = numbers.next().unwrap_or(0).min(1000);
    let minor: u32 = numbers.next().unwrap_or(0).min(99);
    if major >= 10 {
        major * 10_000 + minor
    } else {
        major * 10_000 + minor * 100
    }
}

/// One row per table.
///
/// - The privilege is `t` for the table, `c` for every column that is sent, else NULL.
/// - Keys are `primary:attnum attnum …` per usable index, separated by `;`. Unique indexes are B-trees
///   but for temporal keys (PostgreSQL 18), which are GiST and not unique by value.
/// - A table that was dropped after the snapshot has no size.
/// - OIDs below 16384 (FirstNormalObjectId) are the server's own.
const TABLES: &str = "\
SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence, c.relispartition, \
       c.reltuples, c.relfilenode, m.amname, \
       CASE WHEN c.relkind IN ('r', 'm') THEN pg_catalog.pg_relation_size(c.oid) END, \
       CASE WHEN c.reltoastrelid <> 0 THEN pg_catalog.pg_relation_size(c.reltoastrelid) END, \
       pg_catalog.current_setting('block_size'), \
       CASE WHEN NOT n.usage THEN NULL \
            WHEN pg_catalog.has_table_privilege(c.oid, 'SELECT') THEN 't' \
            WHEN pg_catalog.has_any_column_privilege(c.oid, 'SELECT') \
             AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a \
                             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
                               AND a.attgenerated = '' \
                               AND NOT pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')) \
            THEN 'c' END, \
       c.relrowsecurity AND pg_catalog.row_security_active(c.oid), \
       x.extname, \
       (SELECT pg_catalog.string_agg(i.inhparent::pg_catalog.text, ' ' ORDER BY i.inhseqno) \
        FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid), \
       k.keys \
FROM pg_catalog.pg_class c \
JOIN (SELECT oid, nspname, pg_catalog.has_schema_privilege(oid, 'USAGE') AS usage \
      FROM pg_catalog.pg_namespace) n ON n.oid = c.relnamespace \
LEFT JOIN pg_catalog.pg_am m ON m.oid = c.relam \
LEFT JOIN (SELECT d.objid, e.extname \
           FROM pg_catalog.pg_depend d \
           JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid \
           WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid = 0 \
             AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass \
             AND d.deptype = 'e') x ON x.objid = c.oid \
LEFT JOIN (SELECT i.indrelid, pg_catalog.string_agg( \
                    i.indisprimary || ':' || pg_catalog.array_to_string( \
                      (i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1], ' '), ';') AS keys \
           FROM pg_catalog.pg_index i \
           JOIN pg_catalog.pg_class b ON b.oid = i.indexrelid \
           JOIN pg_catalog.pg_am a ON a.oid = b.relam AND a.amname = 'btree' \
           WHERE i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL \
             AND i.indexprs IS NULL \
           GROUP BY i.indrelid) k ON k.indrelid = c.oid \
WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'f', 'v', 'm') AND c.relpersistence <> 't' \
ORDER BY n.nspname, c.relname";

fn read_table(fields: &Fields<'_>, relations: &mut Relations) -> Read {
    let name = TableName::new(fields.text(1)?, fields.text(2)?);
    let kind = fields.optional(3).and_then(Kind::from_relkind);
    let Some(kind) = kind.filter(|_| !is_system_schema(&name.schema)) else {
        return Ok(());
    };
    let mut table = Table::new(fields.number(0)?, name, kind);
    if fields.optional(4) == Some("u") {
        table.persistence = Persistence::Unlogged;
    }
    if fields.truth(5) {
        relations.push_partition(table.oid);
    }
    read_size(fields, &mut table)?;
    table.select = match fields.optional(12) {
        Some("t") => SelectPrivilege::Table,
        Some(_) => SelectPrivilege::Columns,
        None => SelectPrivilege::None,
    };
    table.row_security_active = fields.truth(13);
    table.extension = fields.optional(14).map(str::to_owned);
    for parent in fields.numbers(15)? {
        relations.push_parent(table.oid, parent);
    }
    for (primary, columns) in read_keys(fields.optional(16).unwrap_or_default()) {
        relations.push_key(table.oid, primary, columns);
    }
    relations.push(table);
    Ok(())
}

fn read_size(fields: &Fields<'_>, table: &mut Table) -> Read {
    let bytes = |column| match fields.optional(column) {
        None => Ok(0),
        Some(_) => fields.number(column),
    };
    table.heap_bytes = bytes(9)?;
    table.toast_bytes = bytes(10)?;
    table.pages = pages(table.heap_bytes, fields.number(11)?);
    table.rows = known_rows(fields.number(6)?);
    table.relfilenode = fields.number(7)?;
    table.access_method = fields.optional(8).map(str::to_owned);
    Ok(())
}

/// Pages of a file: at most 2³² - 2.
pub(super) fn pages(bytes: u64, block: u64) -> u32 {
    u32::try_from(bytes.div_ceil(block.max(1))).unwrap_or(u32::MAX)
}

/// reltuples: -1, and 0 before PostgreSQL 14, say that nobody counted. Beyond 2⁵³ it is no estimate.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(super) fn known_rows(reltuples: f64) -> Option<u64> {
    (reltuples > 0.0 && reltuples < 9e15).then_some(reltuples as u64)
}

/// `true:1 2;false:3`; what is no number names no column, and its key is left out later.
fn read_keys(text: &str) -> impl Iterator<Item = (bool, Vec<i16>)> {
    text.split(';').filter_map(|key| {
        let (primary, columns) = key.split_once(':')?;
        let numbers = columns.split(' ').map(|n| n.parse().unwrap_or(0));
        Some((primary == "true", numbers.collect()))
    })
}

/// Where the row of a type has what `types::read` reads.
const TYPE_COLUMNS: types::Columns = types::Columns {
    oid: 1,
    name: 2,
    typmod: 3,
    base: 4,
    fields: 5,
    kind: 9,
    category: 10,
    element: 11,
    bound: 12,
};

/// One row per column (`c`), and one per type (`t`) that columns have or that such a type is made of:
///
/// ```text
///   0    1         2        3          4            5            6       7         8
///  'c'  attrelid  attname  atttypmod  atttypid     format_type  attnum  not null  atthasdef
///  't'  oid       typname  typtypmod  typbasetype  fields
///          9             10           11       12
///  'c'  attgenerated  attidentity
///  't'  typtype       typcategory  typelem  rngsubtype
/// ```
///
/// PostgreSQL 18 sets attnotnull for constraints that were never validated, too. Arrays of category A are
/// true arrays: `point` and `name` have elements, too.
fn columns_and_types(version: u32) -> String {
    let not_null = if version >= 180_000 {
        "a.attnotnull AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k \
         WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND NOT k.convalidated \
         AND k.conkey[1] = a.attnum)"
    } else {
        "a.attnotnull"
    };
    let (parts, bound) = (types::parts(version), types::bound(version));
    let fields = types::FIELDS;
    format!(
        "WITH RECURSIVE cols AS MATERIALIZED ( \
           SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, \
                  {not_null} AS not_null, a.atthasdef, a.attgenerated, a.attidentity \
           FROM pg_catalog.pg_attribute a \
           JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
           WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't' \
             AND a.attnum > 0 AND NOT a.attisdropped), \
         used(oid) AS (SELECT DISTINCT atttypid FROM cols UNION {parts}) \
         SELECT 'c', attrelid, attname, atttypmod, atttypid, \
                pg_catalog.format_type(atttypid, atttypmod), attnum, not_null, atthasdef, \
                attgenerated, attidentity, NULL, NULL \
         FROM cols \
         UNION ALL \
         SELECT 't', t.oid, t.typname, t.typtypmod, t.typbasetype, {fields}, NULL, NULL, NULL, \
                t.typtype, t.typcategory, t.typelem, {bound} \
         FROM used u JOIN pg_catalog.pg_type t ON t.oid = u.oid"
    )
}

fn read_column(fields: &Fields<'_>) -> Read<RawColumn> {
    Ok(RawColumn {
        table: fields.number(1)?,
        number: fields.number(6)?,
        name: fields.text(2)?,
        type_oid: fields.number(4)?,
        typmod: Some(fields.number(3)?),
        sql: Some(fields.text(5)?),
        not_null: fields.truth(7),
        has_default: Some(fields.truth(8)),
        generated: generated(fields.optional(9)),
        identity: identity(fields.optional(10)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_servers_say() {
        assert_eq!(server_version(Some("15.4 (Debian 15.4-1)")), 150_004);
        assert_eq!(server_version(Some("18beta1")), 180_000);
        assert_eq!(server_version(Some("9.6.24")), 90_600);
        assert_eq!(server_version(Some("db9")), 0);
        assert_eq!(server_version(None), 0);
    }

    #[test]
    fn row_estimates_that_nobody_made_are_unknown() {
        assert_eq!(known_rows(-1.0), None);
        assert_eq!(known_rows(0.0), None);
        assert_eq!(known_rows(1.5e6), Some(1_500_000));
        assert_eq!(known_rows(f64::NAN), None);
    }
}
