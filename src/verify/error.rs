//! Why a table could not be verified.

use crate::{endpoint, lane};

/// A result of this layer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a table could not be verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The source could not be read.
    #[error(transparent)]
    Source(Box<lane::Error>),
    /// The target could not be read.
    #[error("reading table {table} of the target")]
    Target {
        /// The table, for people.
        table: String,
        /// The cause.
        source: endpoint::Error,
    },
    /// The source could not be read again.
    #[error("reading rows of table {table} again")]
    Again {
        /// The table, for people.
        table: String,
        /// The cause.
        source: endpoint::Error,
    },
    /// The target sent rows that are not what its columns say.
    #[error("table {table} of the target: a row {kind}")]
    Row {
        /// The table, for people.
        table: String,
        /// What is wrong with it.
        kind: crate::copytext::RowErrorKind,
    },
}
