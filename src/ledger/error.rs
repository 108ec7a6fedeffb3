//! What can go wrong with the ledger.

use crate::wire;

/// A result of this layer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The target refused a statement or the connection was lost for good.
    #[error("the ledger in the target: {doing}")]
    Wire {
        /// What was being done.
        doing: &'static str,
        /// The cause.
        source: wire::Error,
    },
    /// The ledger holds what this version can not read.
    #[error("the ledger in the target can not be read: {what}")]
    Unreadable {
        /// The table and the reason.
        what: String,
    },
    /// The ledger was written by another version.
    #[error(
        "the ledger in schema wire9 of the target has layout {found}, this program knows {known}"
    )]
    Version {
        /// Layout found.
        found: u32,
        /// Layout known.
        known: u32,
    },
    /// Schema wire9 belongs to something else.
    #[error(
        "schema wire9 of the target, where the ledger goes, is in use by something else: {what}"
    )]
    Foreign {
        /// What is there.
        what: String,
    },
    /// The user lacks a right that the ledger needs.
    #[error("the ledger in the target: its user has no right to {right}")]
    NoRight {
        /// The right, and on what: `CREATE on the database`.
        right: String,
        /// The statement that gives it.
        grant: String,
        /// The server's refusal, where it was tried.
        source: Option<wire::Error>,
    },
    /// Another process owns the run now.
    #[error("another wire9 process has taken over this run ({owner})")]
    TakenOver {
        /// The new owner, as far as known.
        owner: String,
    },
}
