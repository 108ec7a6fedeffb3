//! Columns on their way into tables: their types are asked for when all of them are known.

use super::relations::Relations;
use crate::catalog::{Column, Generated, Types};

/// What the catalogs say of a column.
#[derive(Default)]
pub(super) struct RawColumn {
    /// attrelid
    pub(super) table: u32,
    /// attnum
    pub(super) number: i16,
    /// attname
    pub(super) name: String,
    /// atttypid
    pub(super) type_oid: u32,
    /// atttypmod; `None`: not told
    pub(super) typmod: Option<i32>,
    /// The type as SQL writes it; `None`: not told
    pub(super) sql: Option<String>,
    /// attnotnull
    pub(super) not_null: bool,
    /// atthasdef; `None`: not told, and the server shall judge a column that is not filled
    pub(super) has_default: Option<bool>,
    /// attgenerated
    pub(super) generated: Generated,
    /// Whether attidentity is set
    pub(super) identity: bool,
}

/// Gives the columns, in their order, to their tables.
pub(super) fn finish(columns: Vec<RawColumn>, types: &Types, relations: &mut Relations) {
    for raw in columns {
        let sql = raw.sql.unwrap_or_default();
        let mut data_type = types.resolve(raw.type_oid, raw.typmod.unwrap_or(-1), sql);
        if data_type.sql.is_empty() {
            data_type.sql.clone_from(&data_type.base_name);
        }
        let column = Column {
            number: raw.number,
            name: raw.name,
            data_type,
            not_null: raw.not_null,
            has_default: raw.has_default.unwrap_or(true) || raw.identity,
            generated: raw.generated,
            identity: raw.identity,
        };
        relations.push_column(raw.table, column);
    }
}

/// `pg_attribute.attgenerated`.
pub(super) fn generated(attgenerated: Option<&str>) -> Generated {
    match attgenerated {
        Some("s") => Generated::Stored,
        Some("v") => Generated::Virtual,
        _ => Generated::Never,
    }
}

/// `pg_attribute.attidentity`.
pub(super) fn identity(attidentity: Option<&str>) -> bool {
    attidentity.is_some_and(|identity| !identity.is_empty())
}
