//! The verdict of a migration for programs: `wire9-migrate-report/1`. `docs/report.md` documents every
//! field, and a test holds the two together.

use serde::Serialize;

use super::verdict::{Verdict, is_done};
use crate::cli::errors::clean;
use crate::cli::exit_codes;
use crate::cli::findings::Json;
use crate::cli::report::{self, ReportedError, ReportedResult};
use crate::cli::resources::Resources;
use crate::engine::apply::Fate;
use crate::runs::migrate::{Drift, Ended, Orphans, Outcome, SequenceVerdict, Set};
use crate::runs::{Error, Exit};
use crate::schema::convert::{LeftOut, Section, Statement};

const FORMAT: &str = "wire9-migrate-report/1";

#[derive(Debug, Serialize)]
pub(super) struct Report {
    format: &'static str,
    wire9_version: &'static str,
    exit_code: u8,
    exit_meaning: &'static str,
    peak_rss_bytes: Option<u64>,
    cpu_seconds: f64,
    error: Option<ReportedError>,
    result: Option<ReportedMigration>,
}

#[derive(Debug, Serialize)]
struct ReportedMigration {
    headline: Vec<String>,
    ended: &'static str,
    ended_in: Option<&'static str>,
    run: String,
    continued: bool,
    source: String,
    target: String,
    connection: String,
    wall_seconds: f64,
    phases: Vec<ReportedPhase>,
    statements: ReportedStatements,
    copy: Option<ReportedResult>,
    sequences: Vec<ReportedSequence>,
    orphans: Vec<ReportedOrphans>,
    source_schema: ReportedDrift,
    left_out: Vec<ReportedLeftOut>,
    findings: Json,
    accepted: Vec<String>,
    not_checked: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ReportedPhase {
    phase: &'static str,
    seconds: f64,
}

#[derive(Debug, Serialize)]
struct ReportedStatements {
    all: usize,
    applied: usize,
    applied_before: usize,
    not_asked: usize,
    failed: Vec<ReportedFailure>,
    skipped: Vec<ReportedSkip>,
}

#[derive(Debug, Serialize)]
struct ReportedFailure {
    object: String,
    section: &'static str,
    sqlstate: String,
    message: String,
    statement: String,
}

#[derive(Debug, Serialize)]
struct ReportedSkip {
    object: String,
    needs: Option<String>,
}

#[derive(Debug, Serialize)]
struct ReportedSequence {
    source: String,
    target: String,
    how: &'static str,
    column: Option<String>,
    problem: Option<String>,
}

#[derive(Debug, Serialize)]
struct ReportedOrphans {
    foreign_key: String,
    table: String,
    constraint: String,
    rows: Option<u64>,
}

#[derive(Debug, Serialize)]
struct ReportedDrift {
    state: &'static str,
    changed: Vec<String>,
    reason: Option<String>,
}

#[derive(Debug, Serialize)]
struct ReportedLeftOut {
    object: String,
    why: String,
}

impl Report {
    /// Of a run that reached its verdict.
    pub(super) fn of_verdict(verdict: &Verdict<'_>) -> Self {
        Self {
            result: Some(result(verdict)),
            ..Self::bare(verdict.exit, verdict.resources)
        }
    }

    /// Of a run that ended before its verdict.
    pub(super) fn of_error(error: &Error, resources: Resources) -> Self {
        Self {
            error: Some(report::reported_error(error)),
            ..Self::bare(error.exit, resources)
        }
    }

    /// The report as JSON text.
    pub(super) fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    fn bare(exit: Exit, resources: Resources) -> Self {
        Self {
            format: FORMAT,
            wire9_version: env!("CARGO_PKG_VERSION"),
            exit_code: exit as u8,
            exit_meaning: exit_codes::meaning(exit),
            peak_rss_bytes: resources.peak_rss,
            cpu_seconds: resources.cpu_seconds,
            error: None,
            result: None,
        }
    }
}

fn result(verdict: &Verdict<'_>) -> ReportedMigration {
    let o = verdict.outcome;
    let (ended, ended_in) = ended(o.ended);
    let seconds = |took: std::time::Duration| took.as_secs_f64();
    ReportedMigration {
        headline: verdict.headline(),
        ended,
        ended_in,
        run: o.run.clone(),
        continued: o.continued,
        source: clean(&o.source),
        target: clean(&o.target),
        connection: clean(verdict.connection),
        wall_seconds: seconds(o.wall),
        phases: o
            .phases
            .iter()
            .map(|(phase, took)| ReportedPhase {
                phase: phase.name(),
                seconds: seconds(*took),
            })
            .collect(),
        statements: statements(o),
        copy: verdict.copy().as_ref().map(report::result),
        sequences: o.sequences.iter().map(sequence).collect(),
        orphans: o.orphans.iter().map(orphans).collect(),
        source_schema: drift(&o.drift),
        left_out: o
            .assessment
            .conversion
            .left_out
            .iter()
            .map(left_out)
            .collect(),
        findings: verdict.findings().json(),
        accepted: o.assessment.accepted.iter().cloned().collect(),
        not_checked: o.assessment.not_checked.iter().map(|n| clean(n)).collect(),
    }
}

fn ended(ended: Ended) -> (&'static str, Option<&'static str>) {
    match ended {
        Ended::Blocked => ("blocked", None),
        Ended::DryRun => ("dry-run", None),
        Ended::Interrupted(phase) => ("interrupted", Some(phase.name())),
        Ended::Stopped(phase) => ("stopped", Some(phase.name())),
        Ended::Through => ("through", None),
    }
}

fn statements(o: &Outcome) -> ReportedStatements {
    let fates = || o.fates.iter();
    let all = &o.assessment.conversion.statements;
    let failed = |(s, fate): (&Statement, &Fate)| match fate {
        Fate::Failed(refusal) => Some(ReportedFailure {
            object: s.object.clone(),
            section: section(s.section),
            sqlstate: refusal.code.clone(),
            message: clean(&refusal.message),
            statement: s.sql.clone(),
        }),
        _ => None,
    };
    let skipped = |(s, fate): (&Statement, &Fate)| {
        let needs = match fate {
            Fate::Skipped { because_of } => Some(all.get(*because_of)?.object.clone()),
            Fate::Left => None,
            _ => return None,
        };
        Some(ReportedSkip {
            object: s.object.clone(),
            needs,
        })
    };
    ReportedStatements {
        all: all.len(),
        applied: fates().filter(|f| is_done(f)).count(),
        applied_before: fates().filter(|f| **f == Fate::DoneBefore).count(),
        not_asked: fates().filter(|f| **f == Fate::NotAsked).count(),
        failed: o.statements().filter_map(failed).collect(),
        skipped: o.statements().filter_map(skipped).collect(),
    }
}

fn section(section: Section) -> &'static str {
    match section {
        Section::PreData => "pre-data",
        Section::PostData => "post-data",
    }
}

fn sequence(s: &SequenceVerdict) -> ReportedSequence {
    let (how, column, problem) = match &s.how {
        Set::AsSource => ("as-source", None, None),
        Set::Raised(column) => {
            let column = format!("{}.{}", column.table, column.column);
            ("raised", Some(column), None)
        }
        Set::Ahead => ("ahead", None, None),
        Set::Problem(why) => ("problem", None, Some(clean(why))),
    };
    ReportedSequence {
        source: s.source.to_string(),
        target: s.target.to_string(),
        how,
        column,
        problem,
    }
}

fn orphans(o: &Orphans) -> ReportedOrphans {
    ReportedOrphans {
        foreign_key: o.object.clone(),
        table: o.table.to_string(),
        constraint: o.constraint.clone(),
        rows: o.rows,
    }
}

fn drift(drift: &Drift) -> ReportedDrift {
    let (state, changed, reason) = match drift {
        Drift::NotLooked => ("not-looked", Vec::new(), None),
        Drift::None => ("same", Vec::new(), None),
        Drift::Changed(changed) => ("changed", changed.clone(), None),
        Drift::Unknown(why) => ("unknown", Vec::new(), Some(clean(why))),
    };
    ReportedDrift {
        state,
        changed,
        reason,
    }
}

fn left_out(left: &LeftOut) -> ReportedLeftOut {
    ReportedLeftOut {
        object: left.object.clone(),
        why: left.why.clone(),
    }
}
