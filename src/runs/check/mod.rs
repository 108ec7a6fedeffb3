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

use tokio_util::sync::CancellationToken;

use crate::catalog::database::{Database, ServerState, TargetState};
use crate::profile::Profile;
use crate::schema;
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

/// Who watches a check, and who may stop it.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Told what it is doing.
    pub said: &'a (dyn Fn(Step) + Sync),
    /// Cancelled: stop cleanly. What is tried on the target comes to its end first, since its scratch
    /// schema must go.
    pub stop: &'a CancellationToken,
}

/// Checks. Nothing is written but the probe's scratch schema in the target, which is dropped again.
///
/// # Errors
/// A server that can not be reached or read, or a source that is not supported.
pub async fn check(settings: &Settings) -> Result<Assessment, Error> {
    let stop = CancellationToken::new();
    let watch = Watch {
        said: &|_| (),
        stop: &stop,
    };
    watched(settings, watch).await
}

/// The same, watched.
///
/// # Errors
/// As `check`; that it was stopped.
pub async fn watched(settings: &Settings, watch: Watch<'_>) -> Result<Assessment, Error> {
    (watch.said)(Step::Phase("reading the catalog of the source"));
    let asked = target::Asked {
        target: settings.target.as_ref(),
        profile: settings.profile.as_deref(),
        io_timeout: settings.io_timeout,
    };
    // Neither side needs the other yet, and both make many round trips. Where the source fails the probe
    // is driven to its end all the same: one that is dropped leaves its scratch schema behind.
    let source = unless_stopped(watch, source::look(settings));
    let (target, source) = tokio::join!(target::look(&asked), source);
    let (target, source) = (target?, source?);
    if watch.stop.is_cancelled() {
        return Err(stopped());
    }
    unmatched(&settings.mapping, &source.database)?;
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
        (watch.said)(Step::Phase("reading the data of the source"));
        let asked = deep::Asked {
            database: &assessment.database,
            profile: &assessment.profile,
            conversion: &assessment.conversion,
        };
        let read = deep::read(&asked, source.transaction, settings, watch.said);
        let read = unless_stopped(watch, read).await?;
        schema::deep::settle(&mut assessment.findings, &read.questions, &read.findings);
        assessment.findings.extend(read.findings);
        assessment.not_checked.extend(read.not_read);
    } else {
        source.transaction.close().await;
        data_not_read(&mut assessment);
    }
    sort(&mut assessment.findings);
    Ok(assessment)
}

async fn unless_stopped<T>(
    watch: Watch<'_>,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::select! {
        done = work => done,
        () = watch.stop.cancelled() => Err(stopped()),
    }
}

fn stopped() -> Error {
    Error::new(Exit::Interrupted, "interrupted before anything was written")
        .advise("the same command begins anew")
}

/// A name in the file of --map that nothing has is a slip of the pen: what it was to change would stay.
fn unmatched(mapping: &Mapping, database: &Database) -> Result<(), Error> {
    let unmatched = mapping.unmatched(database);
    if unmatched.is_empty() {
        return Ok(());
    }
    let what = format!(
        "the --map file names what the source does not have: {}",
        unmatched.join("; ")
    );
    Err(Error::new(Exit::Usage, what).advise(
        "correct the names, quoted as in SQL where they have capitals, or take the lines out",
    ))
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
    unmatched(&settings.mapping, &settings.database)?;
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
    data_not_read(&mut assessment);
    sort(&mut assessment.findings);
    Ok(assessment)
}

/// Reads the source's catalog anew.
pub(super) async fn catalog(settings: &Settings) -> Result<Database, Error> {
    let source = source::look(settings).await?;
    source.transaction.close().await;
    Ok(source.database)
}

/// What may be lost is counted by nobody.
fn data_not_read(assessment: &mut Assessment) {
    let (findings, conversion) = (&mut assessment.findings, &assessment.conversion);
    schema::deep::not_asked(findings, &assessment.database, conversion);
}

/// The worst first, then by id and object. What two parts have found, or two places of one object show,
/// is one finding.
fn sort(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| {
        let key = |f: &Finding| (f.kind.severity, f.kind.id);
        key(a)
            .cmp(&key(b))
            .then_with(|| a.object.cmp(&b.object))
            .then_with(|| a.detail.cmp(&b.detail))
    });
    findings.dedup();
    findings.dedup_by(|other, first| {
        let same = first.kind.id == other.kind.id && first.object == other.object;
        if same {
            first.count = first.count.saturating_add(other.count);
            let separator = if first.detail.is_empty() { "" } else { "; " };
            first.detail = format!("{}{separator}{}", first.detail, other.detail);
        }
        same
    });
}

fn refused(what: impl Into<String>, advice: &str) -> Error {
    Error::new(Exit::Refused, what).advise(advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::finding::Kind;

    static KIND: Kind = Kind {
        id: "a-kind",
        severity: Severity::Note,
        title: "t",
        happens: "h",
        why: "w",
        remedy: "r",
    };

    #[test]
    fn two_places_of_one_object_are_one_finding() {
        let found = |object: &str, detail: &str| Finding::new(&KIND, object).detail(detail);
        let mut findings = vec![
            found("function f()", "NOTIFY (line 4)"),
            found("function g()", ""),
            found("function f()", "LISTEN (line 3)"),
            found("function f()", "LISTEN (line 3)"),
        ];
        sort(&mut findings);
        let both = found("function f()", "LISTEN (line 3); NOTIFY (line 4)").counted(2);
        assert_eq!(findings, [both, found("function g()", "")]);
    }
}
