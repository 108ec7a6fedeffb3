//! `wire9 check`: what will and will not survive the move, before anything is written.
//!
//! ```text
//! target: connect, probe, state ─┐
//! source: state, snapshot, catalog ─┴─▶ convert, inspect, bodies ─▶ deep: read the data ─▶ Assessment
//! ```

mod deep;
mod source;
mod target;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::catalog::database::{Database, ServerState, TargetState};
use crate::profile::Profile;
use crate::schema::convert::{Conversion, Wishes, convert};
use crate::schema::finding::{Finding, Severity};
use crate::schema::inspect::{self, Looked};
use crate::schema::mapping::Mapping;
use crate::schema::syntax;
use crate::wire::ConnectOptions;

use super::error::{Error, Exit};

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

/// What a check is doing, for progress.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// A phase begins: its name.
    Phase(&'static str),
    /// `deep` begins a pass over a table: its name and bytes.
    Reading(String, u64),
    /// `deep` has finished that many of that many passes.
    Read(usize, usize),
}

/// Checks. Nothing is written but the probe's scratch schema in the target, which is dropped again.
///
/// # Errors
/// A server that can not be reached or read, or a source that is not supported.
pub async fn check(settings: &Settings) -> Result<Assessment, Error> {
    watched(settings, &|_| ()).await
}

/// The same, telling `said` what it is doing.
///
/// # Errors
/// As `check`.
pub async fn watched(
    settings: &Settings,
    said: &(dyn Fn(Step) + Sync),
) -> Result<Assessment, Error> {
    said(Step::Phase("reading the catalog of the source"));
    // Neither side needs the other yet, and both make many round trips.
    let asked = target::Asked {
        target: settings.target.as_ref(),
        profile: settings.profile.as_deref(),
        io_timeout: settings.io_timeout,
    };
    let (target, source) = tokio::try_join!(target::look(&asked), source::look(settings))?;
    let found = Found {
        database: source.database,
        state: Some(source.state),
        target,
    };
    let with = With {
        mapping: &settings.mapping,
        wishes: settings.wishes,
        accepted: &settings.accepted,
        jobs: settings.jobs,
    };
    let mut assessment = assess(found, &with);
    if settings.deep {
        said(Step::Phase("reading the data of the source"));
        let asked = deep::Asked {
            database: &assessment.database,
            profile: &assessment.profile,
            conversion: &assessment.conversion,
        };
        let read = deep::read(&asked, source.transaction, settings, said).await?;
        assessment.findings.extend(read.findings);
        assessment.not_checked.extend(read.not_read);
    } else {
        source.transaction.close().await;
    }
    sort(&mut assessment.findings);
    Ok(assessment)
}

/// Both sides as they were found.
struct Found {
    database: Database,
    /// `None`: a dump, which has no server.
    state: Option<ServerState>,
    target: target::Target,
}

/// How the two are to be seen.
struct With<'a> {
    mapping: &'a Mapping,
    wishes: Wishes,
    accepted: &'a BTreeSet<String>,
    jobs: u32,
}

/// What follows from what was found, less what the data itself tells.
fn assess(found: Found, with: &With<'_>) -> Assessment {
    let Found {
        database,
        state,
        target,
    } = found;
    let conversion = convert(&database, &target.profile, with.mapping, with.wishes);
    let looked = Looked {
        database: &database,
        state: state.as_ref(),
        profile: &target.profile,
        target: target.state.as_ref(),
        jobs: with.jobs,
    };
    let mut findings = inspect::inspect(&looked);
    findings.extend(conversion.findings.iter().cloned());
    findings.extend(syntax::bodies(&database, &target.profile));
    findings.extend(target.findings);
    let mut not_checked = database.not_read.clone();
    let state = state.unwrap_or_default();
    not_checked.extend(state.not_read.iter().cloned());
    Assessment {
        database,
        state,
        target: target.state,
        profile: target.profile,
        conversion,
        findings,
        not_checked,
        accepted: with.accepted.clone(),
    }
}

/// A dump and how it is to be seen.
pub struct DumpSettings {
    /// What it makes.
    pub database: Database,
    /// See `Settings`.
    pub target: Option<ConnectOptions>,
    /// See `Settings`.
    pub profile: Option<String>,
    /// See `Settings`.
    pub mapping: Mapping,
    /// See `Settings`.
    pub wishes: Wishes,
    /// See `Settings`.
    pub accepted: BTreeSet<String>,
    /// See `Settings`.
    pub io_timeout: Duration,
}

/// Checks a dump: the same, less what only a server can tell.
///
/// # Errors
/// A target that can not be reached.
pub async fn dump(settings: DumpSettings) -> Result<Assessment, Error> {
    let asked = target::Asked {
        target: settings.target.as_ref(),
        profile: settings.profile.as_deref(),
        io_timeout: settings.io_timeout,
    };
    let found = Found {
        target: target::look(&asked).await?,
        database: settings.database,
        state: None,
    };
    let with = With {
        mapping: &settings.mapping,
        wishes: settings.wishes,
        accepted: &settings.accepted,
        jobs: 1,
    };
    let mut assessment = assess(found, &with);
    let server = "the server of a dump: its settings, its load, and who may read what";
    assessment.not_checked.push(server.to_owned());
    sort(&mut assessment.findings);
    Ok(assessment)
}

/// Reads the source's catalog anew.
pub(super) async fn catalog(settings: &Settings) -> Result<Database, Error> {
    let source = source::look(settings).await?;
    source.transaction.close().await;
    Ok(source.database)
}

/// The worst first, then by id and object; what two parts have found is said once.
fn sort(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| {
        let key = |f: &Finding| (f.kind.severity, f.kind.id);
        key(a)
            .cmp(&key(b))
            .then_with(|| a.object.cmp(&b.object))
            .then_with(|| a.detail.cmp(&b.detail))
    });
    findings.dedup();
}

fn refused(what: impl Into<String>, advice: &str) -> Error {
    Error::new(Exit::Refused, what).advise(advice)
}
