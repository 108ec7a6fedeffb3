//! Catalog and profile → which table goes where and how: matching, recipes, findings. Pure.

use crate::catalog::TableName;
use crate::copytext::Recipe;

/// A target table and what is known of it before the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name.
    pub name: TableName,
    /// Indexes (into `Matching::targets`) of the tables that its foreign keys refer to, other than itself.
    pub parents: Vec<usize>,
    /// Names of its user triggers.
    pub triggers: Vec<String>,
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
}
