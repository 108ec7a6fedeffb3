//! The model of a database: tables, columns, keys (no IO).
//!
//! Both sides have the same model. What a target does not tell is in `Catalog::not_known`, and the
//! fields then hold what is harmless: no trigger, no foreign key, no generated column.

mod data_type;
pub mod database;
mod table;

use std::collections::HashMap;
use std::fmt;

pub use data_type::{DataType, Moment, Shape, TypeForm, Types};
pub use table::{
    Column, Generated, InsertPrivilege, Key, Kind, Persistence, SelectPrivilege, Splitting, Table,
};

use serde::{Deserialize, Serialize};

use crate::sql;

/// The name of a table with its schema.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TableName {
    /// The schema's name, unquoted.
    pub schema: String,
    /// The table's name, unquoted.
    pub name: String,
}

impl TableName {
    /// A name from its two parts, unquoted.
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            schema: schema.into(),
            name: name.into(),
        }
    }

    /// The name as SQL text, quoted.
    pub fn quoted(&self) -> String {
        sql::qualified(&self.schema, &self.name)
    }
}

/// A foreign key between two tables of one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// The constraint's name.
    pub name: String,
    /// pg_class.oid of the referencing table (the child).
    pub child: u32,
    /// pg_class.oid of the referenced table (the parent).
    pub parent: u32,
}

/// The tables of one database, less those of the system and of wire9 itself.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// `server_version_num`, 150004; 0 where it is not known.
    pub server_version: u32,
    /// Foreign keys; read on the target only.
    pub foreign_keys: Vec<ForeignKey>,
    /// The role whose rights were asked for; read on the target only.
    pub user: Option<String>,
    /// What the server refused to tell, in words for people.
    pub not_known: Vec<String>,
    tables: Vec<Table>,
    by_name: HashMap<TableName, usize>,
    by_oid: HashMap<u32, usize>,
}

impl Catalog {
    /// A catalog of these tables, in their order.
    pub fn new(server_version: u32, tables: Vec<Table>) -> Self {
        let numbered = || tables.iter().enumerate();
        Self {
            server_version,
            by_name: numbered().map(|(i, t)| (t.name.clone(), i)).collect(),
            by_oid: numbered().map(|(i, t)| (t.oid, i)).collect(),
            tables,
            ..Self::default()
        }
    }

    /// Forgets what the user may not write, where nothing will be written.
    pub fn only_to_read(&mut self) {
        for table in &mut self.tables {
            table.insert = InsertPrivilege::Table;
            table.schema_closed = false;
        }
    }

    /// All tables, views and foreign tables.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The table of that name.
    pub fn table(&self, name: &TableName) -> Option<&Table> {
        self.by_name.get(name).map(|&i| &self.tables[i])
    }

    /// The table of that pg_class.oid.
    pub fn by_oid(&self, oid: u32) -> Option<&Table> {
        self.by_oid.get(&oid).map(|&i| &self.tables[i])
    }

    /// The partitioned table at the top of a leaf's tree; for every other table the table itself.
    pub fn root<'a>(&'a self, table: &'a Table) -> &'a Table {
        table
            .ancestors
            .last()
            .and_then(|&oid| self.by_oid(oid))
            .unwrap_or(table)
    }

    /// The ways to read a table in several chunks; `Splitting::Never` where there is none.
    ///
    /// ctid ranges need the Tid Range Scan of PostgreSQL 14 and a heap, key ranges a NOT NULL unique
    /// key; both need the right to lock the table, which column privileges do not give.
    pub fn splitting(&self, table: &Table) -> Splitting {
        if table.kind != Kind::Ordinary || table.select != SelectPrivilege::Table {
            return Splitting::Never;
        }
        if self.server_version >= 140_000 && table.is_heap() {
            return Splitting::Pages;
        }
        table
            .keys
            .first()
            .map_or(Splitting::Never, |key| Splitting::Keys(key.clone()))
    }
}

/// Whether a schema belongs to the server or to wire9, so that its tables are never copied.
pub fn is_system_schema(name: &str) -> bool {
    name.starts_with("pg_")
        || name == "information_schema"
        || name == "wire9"
        || name.starts_with("wire9_probe")
}

/// For people: quoted only where SQL would need it, control characters escaped.
impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", readable(&self.schema), readable(&self.name))
    }
}

/// An identifier for people: bare where it is plain, else quoted with control characters escaped,
/// so that a newline in a name can not forge a line of a report.
pub fn readable(name: &str) -> String {
    let plain = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if plain {
        name.to_owned()
    } else {
        sql::identifier(name).escape_debug_controls()
    }
}

trait EscapeControls {
    fn escape_debug_controls(&self) -> String;
}

impl EscapeControls for String {
    fn escape_debug_controls(&self) -> String {
        self.chars()
            .flat_map(|c| {
                let control = c.is_control();
                c.escape_default()
                    .filter(move |_| control)
                    .chain(std::iter::once(c).filter(move |_| !control))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newline_in_a_name_can_not_forge_a_line() {
        assert_eq!(
            TableName::new("public", "a\nb").to_string(),
            "public.\"a\\nb\""
        );
        assert_eq!(
            TableName::new("public", "Été x").to_string(),
            "public.\"Été x\""
        );
        assert_eq!(
            TableName::new("public", "orders").to_string(),
            "public.orders"
        );
    }
}
