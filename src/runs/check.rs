//! `wire9 check`: what will and will not survive the move, before anything is written.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::catalog::database::{Database, ServerState, TargetState};
use crate::profile::Profile;
use crate::schema::convert::{Conversion, Wishes};
use crate::schema::finding::{Finding, Severity};
use crate::schema::mapping::Mapping;
use crate::wire::ConnectOptions;

use super::error::Error;

/// What a check is asked to do, as meant.
#[derive(Clone)]
pub struct Settings {
    /// The PostgreSQL endpoint.
    pub source: ConnectOptions,
    /// The DB9 endpoint; `None`: DB9's documented defaults are the profile.
    pub target: Option<ConnectOptions>,
    /// Profile file (TOML text) whose fields override the probe's or the defaults.
    pub profile: Option<String>,
    /// `--map`.
    pub mapping: Mapping,
    /// Switches of the conversion.
    pub wishes: Wishes,
    /// Read the data, too.
    pub deep: bool,
    /// Lanes that a copy would use; readers of `deep`.
    pub jobs: u32,
    /// A source older than 13 or newer than 18 is taken all the same.
    pub unsupported_source: bool,
    /// Findings (ids) that a person has seen.
    pub accepted: BTreeSet<String>,
    /// How long a silent server is waited for.
    pub io_timeout: Duration,
}

/// What a check has found.
#[derive(Debug, Clone)]
pub struct Assessment {
    /// The source's catalog.
    pub database: Database,
    /// The source's server now.
    pub state: ServerState,
    /// The target now; `None` where it was not named.
    pub target: Option<TargetState>,
    /// What the target accepts.
    pub profile: Profile,
    /// The DDL, and where the rows go.
    pub conversion: Conversion,
    /// All findings, the worst first, then by id and object.
    pub findings: Vec<Finding>,
    /// What was not checked, in words for people.
    pub not_checked: Vec<String>,
    /// Ids that a person has seen.
    pub accepted: BTreeSet<String>,
}

impl Assessment {
    /// Blockers that nobody has accepted.
    pub fn blockers(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| {
            finding.kind.severity == Severity::Blocker && !self.accepted.contains(finding.kind.id)
        })
    }
}

/// Checks. Nothing is written but the probe's scratch schema in the target, which is dropped again.
///
/// # Errors
/// A server that can not be reached or read, or a source that is not supported.
pub async fn check(_settings: &Settings) -> Result<Assessment, Error> {
    Err(Error::new(super::Exit::Internal, "not there yet"))
}
