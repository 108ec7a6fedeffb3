//! Findings that no DDL shows: what the source uses and the target does not have, how the two behave
//! differently, and the state of both servers.

mod behaviour;
mod collation;
mod extensions;
mod names;
mod objects;
#[cfg(test)]
mod samples;
mod security;
mod source;
mod target;

use crate::catalog::database::{Database, ServerState, TargetState};
use crate::profile::Profile;

use super::finding::{Finding, Kind};

pub use target::{NOT_EMPTY, of_probe};

/// The kinds of findings of this part.
pub(super) const KINDS: &[&Kind] = &[
    &behaviour::SERIALIZABLE,
    &behaviour::ADVISORY_LOCKS,
    &behaviour::LISTENERS,
    &behaviour::PREPARED_TRANSACTIONS,
    &behaviour::SERVER_ENCODING,
    &behaviour::SQL_ASCII,
    &behaviour::ENUM_ORDER,
    &collation::TEXT_ORDER,
    &extensions::UNSUPPORTED,
    &extensions::NOT_NEEDED,
    &names::TOO_LONG,
    &objects::CAST,
    &objects::OPERATOR,
    &objects::OPERATOR_CLASS,
    &objects::TEXT_SEARCH,
    &objects::COLLATION,
    &objects::CONVERSION,
    &objects::STATISTICS,
    &objects::EVENT_TRIGGER,
    &objects::PUBLICATION,
    &objects::SUBSCRIPTION,
    &objects::FOREIGN_SERVER,
    &objects::LANGUAGE,
    &objects::LARGE_OBJECTS,
    &objects::TABLESPACE,
    &objects::SETTINGS,
    &objects::OTHER,
    &objects::RULE,
    &objects::REPLICATION_SLOT,
    &security::ROW_SECURITY,
    &security::GRANTS,
    &security::OWNERS,
    &security::DEFAULT_PRIVILEGES,
    &security::SECURITY_LABEL,
    &source::UNSUPPORTED_SOURCE,
    &source::CATALOG_NOT_READ,
    &source::NOT_READABLE,
    &source::HIDDEN_ROWS,
    &source::NO_SNAPSHOT,
    &source::CONNECTIONS,
    &source::STANDBY,
    &source::POOLER,
    &source::LONG_TRANSACTIONS,
    &source::XID_AGE,
    &source::XID_AGE_CRITICAL,
    &source::SLOT_HOLDS_WAL,
    &target::NOT_EMPTY,
    &target::MAY_NOT_CREATE,
    &target::CONNECTIONS,
    &target::STATEMENT_TIMEOUT,
    &target::COPY_KEEPS_ROWS,
    &target::NOT_DB9,
    &target::NOT_NAMED,
    &target::PROBE_NOTE,
];

/// What there is to look at.
#[derive(Debug, Clone, Copy)]
pub struct Looked<'a> {
    /// The source's catalog.
    pub database: &'a Database,
    /// The source's server now; `None` for a dump.
    pub state: Option<&'a ServerState>,
    /// The target's profile.
    pub profile: &'a Profile,
    /// The target; `None` where it was not named.
    pub target: Option<&'a TargetState>,
    /// Lanes that a copy would use.
    pub jobs: u32,
}

/// Everything worth knowing that is not part of a conversion.
pub fn inspect(looked: &Looked<'_>) -> Vec<Finding> {
    let parts = [
        behaviour::find,
        collation::find,
        extensions::find,
        names::find,
        objects::find,
        security::find,
        source::find,
        target::find,
    ];
    parts.into_iter().flat_map(|find| find(looked)).collect()
}
