//! Why a lane ended.

use crate::catalog::TableName;
use crate::copytext::RowErrorKind;
use crate::{endpoint, ledger, wire};

use super::rejects::{FileError, Limit};

/// A result of this layer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Where in the data something happened: names and positions, never values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Source table.
    pub table: TableName,
    /// Number of the chunk within the table.
    pub chunk: u32,
    /// Position of the row within the chunk, from 1, where it is known.
    pub row: Option<u64>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.chunk {
            ledger::REPLAY.. => write!(f, "table {}, its rejected rows", self.table)?,
            chunk => write!(f, "table {}, chunk {chunk}", self.table)?,
        }
        self.row.map_or(Ok(()), |row| write!(f, ", row {row}"))
    }
}

/// Why a lane ended. No text holds a row value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The source refused to be read, or could not be reached again.
    #[error("reading {place}")]
    Source {
        /// What was being read.
        place: Place,
        /// The cause.
        source: endpoint::Error,
    },
    /// A row can not be sent.
    #[error("{place} {kind}")]
    Row {
        /// Which row.
        place: Place,
        /// What is wrong with it.
        kind: RowErrorKind,
    },
    /// The rows that were read before are not read again.
    #[error("{place}: the rows that were copied before have changed on the source")]
    Changed {
        /// Which chunk.
        place: Place,
    },
    /// The rows that a replay has loaded are not those that the file begins with.
    #[error("{place}: the rows that were loaded before have changed in the file")]
    Edited {
        /// Which file, by its table.
        place: Place,
    },
    /// The source's COPY does not count as many rows as arrived.
    #[error("{place}: the source says {said} rows were sent, {arrived} arrived")]
    Count {
        /// Which chunk.
        place: Place,
        /// The source's command tag.
        said: String,
        /// Rows that arrived.
        arrived: u64,
    },
    /// The target refused the rows.
    #[error("the target refuses {place}")]
    Refused {
        /// Which rows; the row where the server names its line.
        place: Place,
        /// The cause.
        source: wire::Error,
    },
    /// The target's COPY does not count as many rows as were sent.
    #[error("{place}: {sent} rows were sent, the target says it took {took}")]
    Taken {
        /// Which rows.
        place: Place,
        /// Rows sent.
        sent: u64,
        /// The target's command tag.
        took: String,
    },
    /// The target could not be reached, or did not commit, for as long as is waited.
    #[error("writing {place}: the target fails again and again")]
    Target {
        /// What was to be written.
        place: Place,
        /// The last cause.
        source: endpoint::Error,
    },
    /// The ledger.
    #[error("writing {place}")]
    Ledger {
        /// What was to be written.
        place: Place,
        /// The cause.
        source: ledger::Error,
    },
    /// The ledger holds other rows at this place than this process has.
    #[error("{place}: the ledger holds a batch there that is not made of these rows")]
    Foreign {
        /// Where.
        place: Place,
    },
    /// Batches whose COMMIT was answered are not there any more.
    #[error("{place}: the target has lost batches that it had committed")]
    Forgotten {
        /// Which chunk.
        place: Place,
    },
    /// More rows are rejected than are allowed.
    #[error("{rejected} rows of table {} are rejected, and --max-rejects is {limit}; the last: {place}", place.table)]
    TooManyRejects {
        /// The last one.
        place: Place,
        /// How many, committed or about to be.
        rejected: u64,
        /// The limit.
        limit: Limit,
        /// Why the target refused the last one, where it did.
        source: Option<wire::Error>,
    },
    /// A rejected row can not be kept.
    #[error("keeping a rejected row of {place}")]
    RejectFile {
        /// Which row.
        place: Place,
        /// The cause.
        source: FileError,
    },
    /// Rejected rows of the table may or may not count.
    #[error("{place}: rejected rows of this table are in doubt, since a COMMIT was never decided")]
    RejectsInDoubt {
        /// What was to be written.
        place: Place,
    },
    /// Another process has taken the run over.
    #[error("another wire9 process has taken over this run")]
    TakenOver,
}

impl Error {
    /// Whether rows that were committed may not be those of the source: it does not give them again, or it
    /// has sent others than it says.
    pub fn doubts_what_was_read(&self) -> bool {
        matches!(self, Self::Changed { .. } | Self::Count { .. })
    }

    /// The table that it is about.
    pub fn table(&self) -> Option<&TableName> {
        match self {
            Self::Source { place, .. }
            | Self::Row { place, .. }
            | Self::Changed { place }
            | Self::Edited { place }
            | Self::Count { place, .. }
            | Self::Refused { place, .. }
            | Self::Taken { place, .. }
            | Self::Target { place, .. }
            | Self::Ledger { place, .. }
            | Self::Foreign { place }
            | Self::TooManyRejects { place, .. }
            | Self::RejectFile { place, .. }
            | Self::RejectsInDoubt { place }
            | Self::Forgotten { place } => Some(&place.table),
            Self::TakenOver => None,
        }
    }
}
