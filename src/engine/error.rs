//! Why the lanes ended early.

use crate::{endpoint, lane, ledger};

/// A result of this layer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the lanes ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A lane failed.
    #[error(transparent)]
    Lane(Box<lane::Error>),
    /// The snapshot is gone.
    #[error(transparent)]
    Snapshot(endpoint::Error),
    /// An endpoint, while rows were counted.
    #[error("counting the rows of table {table}")]
    Count {
        /// Table for people.
        table: String,
        /// The cause.
        source: endpoint::Error,
    },
    /// A statement of the target's DDL, for as long as is waited.
    #[error("applying {object}")]
    Statement {
        /// What it makes.
        object: String,
        /// The last cause.
        source: endpoint::Error,
    },
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// Another process has taken the run over.
    #[error("another wire9 process has taken over this run")]
    TakenOver,
    /// Nothing has moved for so long that nothing will.
    #[error("nothing has moved for {seconds} s")]
    Stalled {
        /// For how long.
        seconds: u64,
        /// What each half of each lane was doing, for people.
        lanes: Vec<String>,
    },
    /// A fault of the program.
    #[error("a lane panicked: {0}")]
    Panicked(String),
}

impl Error {
    /// Whether rows that were committed may not be those of the source.
    pub fn doubts_what_was_read(&self) -> bool {
        matches!(self, Self::Lane(error) if error.doubts_what_was_read())
    }
}
