//! Findings that no DDL shows: what the source uses and the target does not have, how the two behave
//! differently, and the state of both servers.

use crate::catalog::database::{Database, ServerState, TargetState};
use crate::profile::Profile;

use super::finding::{Finding, Kind};

/// The kinds of findings of this part.
pub(super) const KINDS: &[&Kind] = &[];

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
pub fn inspect(_looked: &Looked<'_>) -> Vec<Finding> {
    Vec::new()
}

/// What a probe of the target has to say for people.
pub fn of_probe(_profile: &Profile, _notes: &[String]) -> Vec<Finding> {
    Vec::new()
}
