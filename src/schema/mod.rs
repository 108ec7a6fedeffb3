//! Catalog and profile → which table goes where and how: matching, recipes, findings. Pure.
//!
//! ```text
//! Selection ─────────────┐
//! source Catalog ───────┼─▶ match_tables ─▶ Matching ─▶ load_order ─▶ waves of targets
//! target Catalog ───────┘         └─▶ Refusals ◀──────────────┘
//!
//! Database, Profile, Mapping ─▶ convert ─▶ Conversion: DDL, tables, sequences, findings
//! Database, ServerState ─▶ inspect, syntax ─▶ findings
//! ```

mod comparison;
pub mod convert;
pub mod deep;
pub mod dump;
pub mod finding;
mod fit;
pub mod inspect;
pub mod likeness;
mod mapped;
pub mod mapping;
mod matching;
mod mention;
mod order;
mod pattern;
mod refusal;
pub mod script;
mod selection;
pub mod syntax;

use std::collections::BTreeMap;
use std::fmt;

use crate::catalog::{TableName, readable};
use crate::copytext::Recipe;

pub use comparison::comparison;
pub use fit::FractionDigits;
pub use mapped::match_mapped;
pub use matching::match_tables;
pub use order::load_order;
pub use pattern::PatternError;
pub use refusal::{Problem, Refusal, Refusals, Unfit};
pub use selection::Selection;

/// A target table and what is known of it before the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name.
    pub name: TableName,
    /// Indexes (into `Matching::targets`) of the tables that its foreign keys refer to, other than itself.
    pub parents: Vec<usize>,
    /// Names of its user triggers.
    pub triggers: Vec<String>,
    /// Its foreign keys to tables of this run, itself included.
    pub references: Vec<Reference>,
    /// Estimated rows that it holds already; `None` where it is not known.
    pub rows: Option<u64>,
}

/// A foreign key of a target table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The constraint's name.
    pub constraint: String,
    /// Index (into `Matching::targets`) of the table referred to.
    pub parent: usize,
}

/// One source table (a partition leaf counts as one) and the target table that takes its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// Name in the source.
    pub source: TableName,
    /// pg_class.oid in the source.
    pub oid: u32,
    /// Index into `Matching::targets`.
    pub target: usize,
    /// Columns in the order sent: name in the source, name in the target.
    pub columns: Vec<(String, String)>,
    /// Of columns that the source computes instead of sending them as they are: by their place in
    /// `columns` the expression, SQL text.
    pub expressions: BTreeMap<usize, String>,
    /// How rows are rewritten.
    pub recipe: Recipe,
    /// `--where` of this table, SQL text.
    pub condition: Option<String>,
}

/// What copy will do with each table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matching {
    /// Target tables.
    pub targets: Vec<Target>,
    /// Source tables, by size, the largest first.
    pub pairs: Vec<Pair>,
    /// What a person should know, and what stands not against the run.
    pub notes: Vec<Note>,
}

/// Something to be said before the run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// A table of an extension is not copied.
    ExtensionTable {
        /// The table.
        table: TableName,
        /// The extension.
        extension: String,
    },
    /// A foreign table that no filter asked for is not copied.
    ForeignTable {
        /// The table.
        table: TableName,
    },
    /// A partitioned table without partitions: there is nothing to read.
    NoPartitions {
        /// The table.
        table: TableName,
    },
    /// A generated column of the source is not sent.
    ColumnNotSent {
        /// The source table.
        table: TableName,
        /// The column.
        column: String,
    },
    /// A column of the target that no column of the source fills: it gets its default or NULL.
    ColumnNotFilled {
        /// The target table.
        table: TableName,
        /// The column.
        column: String,
    },
    /// The target's type rounds some values of the source's.
    MayNarrow {
        /// The source table.
        table: TableName,
        /// The column.
        column: String,
        /// Type in the source.
        from: String,
        /// Type in the target.
        to: String,
    },
    /// The target does not tell something.
    NotKnown {
        /// What.
        what: String,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExtensionTable { table, extension } => {
                let extension = readable(extension);
                write!(
                    f,
                    "{table} belongs to the extension {extension} and is not copied"
                )
            }
            Self::ForeignTable { table } => {
                write!(f, "{table} is a foreign table and is not copied")
            }
            Self::NoPartitions { table } => {
                write!(
                    f,
                    "{table} is a partitioned table without partitions: nothing to copy"
                )
            }
            Self::ColumnNotSent { table, column } => {
                write!(
                    f,
                    "{table}.{} is generated and is not sent",
                    readable(column)
                )
            }
            Self::ColumnNotFilled { table, column } => {
                let column = readable(column);
                write!(
                    f,
                    "{table}.{column} in the target is not filled from the source"
                )
            }
            Self::MayNarrow {
                table,
                column,
                from,
                to,
            } => write!(
                f,
                "{table}.{}: {to} in the target may round values of {from}",
                readable(column)
            ),
            Self::NotKnown { what } => write!(f, "the target does not tell {what}"),
        }
    }
}
