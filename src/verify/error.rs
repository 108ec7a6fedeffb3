//! Why a table could not be verified.

use crate::{endpoint, lane, ledger, wire};

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
    /// The target does not take a change that would make it equal.
    #[error("repairing table {table}")]
    Refused {
        /// The table, for people.
        table: String,
        /// Its refusal.
        source: wire::Error,
    },
    /// Rows that are to be changed are not what they were a moment ago.
    #[error("table {0} of the target is written by somebody else while it is repaired")]
    Moved(String),
    /// The ledger, without which nothing is written.
    #[error(transparent)]
    Ledger(ledger::Error),
    /// The run is asked to stop.
    #[error("stopped in the middle of a repair")]
    Stopped,
}
