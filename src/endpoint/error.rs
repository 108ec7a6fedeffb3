//! What can go wrong at an endpoint: what was being done, with names, and the cause.

use crate::catalog::TableName;
use crate::wire;

/// A result of this layer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong. No text holds a row value or a secret: names, lengths and positions only.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The connection or the server refused something.
    #[error("{doing} failed")]
    Wire {
        /// What was being done, as a gerund: `locking table public.orders`.
        doing: String,
        /// The cause.
        source: wire::Error,
    },
    /// The endpoint is such that wire9 can not, or must not, go on.
    #[error("{what}; {remedy}")]
    Refused {
        /// What is the matter.
        what: String,
        /// What a person can do about it.
        remedy: String,
    },
    /// The exported snapshot does not exist any more.
    #[error("the source's snapshot is lost: {why}")]
    SnapshotLost {
        /// How that was noticed.
        why: String,
    },
    /// Connections to one endpoint reach different servers.
    #[error(
        "connections to the source reach different servers ({what}); a load-balanced address or a \
         pooler over several servers can not be copied from: give the address of one server"
    )]
    DifferentServer {
        /// What differs, with both values.
        what: String,
    },
    /// A table is not what the snapshot shows of it.
    #[error("table {table} {what} since the snapshot; run again to copy it from a new snapshot")]
    TableChanged {
        /// The table.
        table: TableName,
        /// What happened to it: `was rewritten or truncated`.
        what: &'static str,
    },
    /// A setting was accepted, but does not hold.
    #[error(
        "setting {name} is {found} where {wanted} was set; a pooler or the role's settings interfere"
    )]
    Setting {
        /// The setting.
        name: String,
        /// What was asked for.
        wanted: String,
        /// What holds.
        found: String,
    },
    /// A reply that can not be read.
    #[error("unexpected reply: {what}")]
    Unexpected {
        /// What was asked, and what is wrong with the answer's form.
        what: String,
    },
}

impl Error {
    /// The cause on the connection, where that is the cause.
    pub fn wire(&self) -> Option<&wire::Error> {
        match self {
            Self::Wire { source, .. } => Some(source),
            _ => None,
        }
    }

    /// SQLSTATE of the server's error.
    pub fn code(&self) -> Option<&str> {
        self.wire().and_then(wire::Error::code)
    }

    /// A reply that can not be read.
    pub(crate) fn unexpected(what: impl Into<String>) -> Self {
        Self::Unexpected { what: what.into() }
    }
}

/// Says what was being done when a call of `wire` failed.
pub(crate) trait Doing<T> {
    /// Wraps the error; `doing` is a gerund with names: `reading the sizes of 12 tables`.
    fn doing(self, doing: impl Into<String>) -> Result<T>;
}

impl<T> Doing<T> for wire::Result<T> {
    fn doing(self, doing: impl Into<String>) -> Result<T> {
        self.map_err(|source| Error::Wire {
            doing: doing.into(),
            source,
        })
    }
}
