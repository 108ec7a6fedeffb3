//! The model of a whole database: everything that a schema is made of, as the source's catalog (or a
//! dump) tells it. The model that `copy` needs is `Catalog`; this one is for `check`, `schema` and
//! `migrate`.
//!
//! SQL texts (defaults, view queries, index definitions …) are what PostgreSQL's own `pg_get_…`
//! functions print under an empty `search_path`: every name but those of `pg_catalog` carries its
//! schema.

mod object;
mod relation;
mod routine;
mod server;
mod types;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::TableName;

pub use object::{Class, Dependency, Object, Other, OtherKind};
pub use relation::{
    Constraint, ConstraintKind, Field, FieldDefault, Index, IndexPart, Partitioning, Policy,
    Relation, RelationKind, Rule, Trigger,
};
pub use routine::{Routine, RoutineKind};
pub use server::{Server, ServerState, Slot, TargetState};
pub use types::{DomainCheck, UserType, UserTypeKind};

/// The name of any object that lives in a schema. Tables and other objects are named alike.
pub type Name = TableName;

/// One database: what was found, in no order that matters.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Database {
    /// Facts of the server and the database that do not change while a run lasts.
    pub server: Server,
    /// Schemas less those of the system.
    pub schemas: Vec<Schema>,
    /// Installed extensions, `plpgsql` among them.
    pub extensions: Vec<Extension>,
    /// Enums, composites, domains, ranges and base types that users made, less the row types of tables.
    pub types: Vec<UserType>,
    /// Sequences, those of identity columns among them.
    pub sequences: Vec<Sequence>,
    /// Tables of every kind, views and materialized views.
    pub relations: Vec<Relation>,
    /// Functions, procedures and aggregates.
    pub routines: Vec<Routine>,
    /// Everything else, of which only the existence matters.
    pub others: Vec<Other>,
    /// Who needs whom.
    pub dependencies: Vec<Dependency>,
    /// What could not be read, in words for people: `not checked` in every report.
    pub not_read: Vec<String>,
}

/// A schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schema {
    /// pg_namespace.oid.
    pub oid: u32,
    /// Its name.
    pub name: String,
    /// Name of the extension that it belongs to.
    pub extension: Option<String>,
    /// COMMENT ON it.
    pub comment: Option<String>,
}

/// An installed extension.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extension {
    /// pg_extension.oid.
    pub oid: u32,
    /// Its name.
    pub name: String,
    /// The schema of its objects.
    pub schema: String,
    /// Its version.
    pub version: String,
}

/// A sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// pg_class.oid.
    pub oid: u32,
    /// Its name.
    pub name: Name,
    /// `bigint`, `integer` or `smallint`.
    pub data_type: String,
    /// START.
    pub start: i64,
    /// INCREMENT; below zero it descends.
    pub increment: i64,
    /// MINVALUE.
    pub minimum: i64,
    /// MAXVALUE.
    pub maximum: i64,
    /// CACHE.
    pub cache: i64,
    /// CYCLE.
    pub cycles: bool,
    /// Its position as the catalog was read; `None` where the user may not see it.
    pub position: Option<Position>,
    /// The column that owns it (`serial`, OWNED BY, identity).
    pub owner: Option<ColumnName>,
    /// It belongs to an identity column.
    pub identity: bool,
    /// UNLOGGED (PostgreSQL 15 and later).
    pub unlogged: bool,
    /// Name of the extension that it belongs to.
    pub extension: Option<String>,
    /// COMMENT ON it.
    pub comment: Option<String>,
}

/// Where a sequence stands: what `setval` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// `last_value`.
    pub last_value: i64,
    /// `is_called`: the next value is the one after `last_value`.
    pub is_called: bool,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnName {
    /// The table.
    pub table: Name,
    /// The column.
    pub column: String,
}

impl Database {
    /// The relation of that pg_class.oid.
    pub fn relation(&self, oid: u32) -> Option<&Relation> {
        self.relations.iter().find(|r| r.oid == oid)
    }

    /// The relation of that name.
    pub fn relation_named(&self, name: &Name) -> Option<&Relation> {
        self.relations.iter().find(|r| &r.name == name)
    }

    /// Routines by name: those of one name take different arguments.
    pub fn routines_by_name(&self) -> HashMap<&Name, Vec<&Routine>> {
        let mut named: HashMap<&Name, Vec<&Routine>> = HashMap::new();
        for routine in &self.routines {
            named.entry(&routine.name).or_default().push(routine);
        }
        named
    }
}
