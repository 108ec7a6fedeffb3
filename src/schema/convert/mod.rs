//! Database and profile → the target's DDL, statement by statement, and what it does not keep.
//!
//! ```text
//! Database ─┐
//! Profile ──┼─▶ convert ─▶ Conversion { statements (pre-data, post-data), tables, sequences, findings }
//! Mapping ──┘
//! ```

mod absent;
#[cfg(not(feature = "parser"))]
mod blind;
mod build;
mod citext;
#[cfg(feature = "parser")]
mod lens;
mod post;
mod pre;

use crate::catalog::database::{ColumnName, Database, Name};
use crate::profile::Profile;

use super::finding::Finding;
use super::mapping::Mapping;
#[cfg(not(feature = "parser"))]
use blind as lens;
use build::Build;

pub use post::{Orphans, orphans};

pub(super) use post::KINDS as POST_KINDS;
pub(super) use pre::KINDS as PRE_KINDS;
pub(super) use pre::{check_of_column, type_key};

/// What the reader wants of the conversion besides the mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wishes {
    /// Keep COMMENTs where the target takes them.
    pub comments: bool,
    /// Copy the rows of foreign tables into plain tables.
    pub foreign_tables: bool,
}

/// Part of a schema, as in pg_dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// Before the rows.
    PreData,
    /// After the rows.
    PostData,
}

/// What a statement makes. In the order in which statements of no other order are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Makes {
    /// CREATE SCHEMA.
    Schema,
    /// CREATE EXTENSION.
    Extension,
    /// CREATE TYPE or DOMAIN.
    Type,
    /// CREATE SEQUENCE.
    Sequence,
    /// A function that a table needs.
    EarlyRoutine,
    /// CREATE TABLE with its primary key.
    Table,
    /// ALTER SEQUENCE … OWNED BY.
    SequenceOwner,
    /// A UNIQUE constraint.
    Unique,
    /// A CHECK that rows may break (NOT VALID).
    Check,
    /// A secondary index.
    Index,
    /// A foreign key.
    ForeignKey,
    /// A function or procedure.
    Routine,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A trigger.
    Trigger,
    /// COMMENT ON.
    Comment,
    /// ANALYZE.
    Analyze,
}

/// One statement of the target's DDL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Before or after the rows.
    pub section: Section,
    /// What it makes.
    pub makes: Makes,
    /// What it makes, readable and unique within the conversion: `table public.orders`, `index
    /// public.orders_by_day`, `foreign key public.orders.orders_customer_fkey`. A run that continues
    /// knows its statements by it.
    pub object: String,
    /// The schema-qualified name of the object that it makes, or (constraints, triggers) of its table.
    pub name: Name,
    /// The statement without a final semicolon.
    pub sql: String,
    /// What was rewritten, a line each, for the comment before it.
    pub rewritten: Vec<String>,
    /// Indexes (into `Conversion::statements`, all smaller than its own) of the statements that must have
    /// been applied before.
    pub needs: Vec<usize>,
}

/// Something that has no place in the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The object, readable.
    pub object: String,
    /// Why, one line; of a view that selects from what is left out the chain is named.
    pub why: String,
}

/// A source table and where its rows go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedTable {
    /// The source table: a plain table, or the root of partitions or INHERITS children.
    pub source: Name,
    /// The source relations whose own rows go there, leaves of partitions and children included; the
    /// source itself where it holds rows.
    pub leaves: Vec<Name>,
    /// The target table.
    pub target: Name,
    /// Columns that are sent, in order.
    pub columns: Vec<MappedColumn>,
}

/// A column that is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedColumn {
    /// Its name, the same on both sides.
    pub name: String,
    /// Its type in the source, SQL text.
    pub from: String,
    /// Its type in the target, SQL text.
    pub to: String,
    /// What the source shall compute instead of the plain column (`"price"::numeric`), SQL text; `None`
    /// where its COPY text can be taken as it is.
    pub expression: Option<String>,
    /// How the source's text comes back from the target's, for a rollback.
    pub round_trip: RoundTrip,
}

/// What a rollback gets back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoundTrip {
    /// The same value.
    Exact,
    /// The same value by casting the target's text to the source's type.
    Cast,
    /// A value that lost something.
    Lossy,
}

/// A sequence that is to be set after the load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedSequence {
    /// Its name in the source.
    pub source: Name,
    /// Its name in the target; of an identity column kept as such the sequence that `pg_get_serial_sequence`
    /// names (see `owner`).
    pub target: Name,
    /// INCREMENT.
    pub increment: i64,
    /// The target's identity column whose own sequence it is: its name is asked of the target.
    pub identity: Option<ColumnName>,
    /// Target columns that take their values from it.
    pub users: Vec<ColumnName>,
}

/// A converted schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conversion {
    /// The DDL, in an order that works.
    pub statements: Vec<Statement>,
    /// What has no place in the target.
    pub left_out: Vec<LeftOut>,
    /// Tables whose rows are copied.
    pub tables: Vec<MappedTable>,
    /// Sequences that are set after the load.
    pub sequences: Vec<MappedSequence>,
    /// What the conversion changes or loses.
    pub findings: Vec<Finding>,
}

/// Converts a schema.
pub fn convert(
    database: &Database,
    profile: &Profile,
    mapping: &Mapping,
    wishes: Wishes,
) -> Conversion {
    let mut build = Build::new(database, profile, mapping, wishes);
    pre::build(&mut build);
    post::build(&mut build);
    build.finish()
}
