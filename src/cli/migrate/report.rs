//! The verdict of a migration for programs: `wire9-migrate-report/1`. `docs/report.md` documents every
//! field, and a test holds the two together.

use serde::Serialize;

use super::verdict::{Verdict, is_done};
use crate::cli::envelope::Envelope;
use crate::cli::errors::clean;
use crate::cli::findings::Json;
use crate::cli::report::{self, ReportedResult};
use crate::cli::resources::Resources;
use crate::engine::apply::Fate;
use crate::runs::Error;
use crate::runs::migrate::{Drift, Ended, Orphans, Outcome, SequenceVerdict, Set};
use crate::schema::convert::{LeftOut, Section, Statement};

const FORMAT: &str = "wire9-migrate-report/1";

#[derive(Debug, Serialize)]
pub(super) struct ReportedMigration {
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

/// Of a run that reached its verdict.
pub(super) fn of_verdict(verdict: &Verdict<'_>) -> Envelope<ReportedMigration> {
    let report = Envelope::new(FORMAT, verdict.exit, verdict.resources);
    let report = match &verdict.outcome.error {
        Some(error) => report.with_error(error),
        None => report,
    };
    report.with_result(result(verdict))
}

/// Of a run that ended before its verdict.
pub(super) fn of_error(error: &Error, resources: Resources) -> Envelope<ReportedMigration> {
    Envelope::of_error(FORMAT, error, resources)
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
        connection: clean(&verdict.connect.uri),
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
        not_checked: verdict.findings().not_checked(),
    }
}

fn ended(ended: Ended) -> (&'static str, Option<&'static str>) {
    match ended {
        Ended::Blocked => ("blocked", None),
        Ended::DryRun => ("dry-run", None),
        Ended::Interrupted(phase) => ("interrupted", Some(phase.name())),
        Ended::Stopped(phase) => ("stopped", Some(phase.name())),
        Ended::Failed(phase) => ("failed", Some(phase.name())),
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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::catalog::database::Name;
    use crate::cli::envelope::tests::{RESOURCES, documented, failed, parsed, paths};
    use crate::cli::migrate::connect::tests::connect;
    use crate::cli::migrate::judge;
    use crate::cli::migrate::tests::outcome;
    use crate::engine::apply::Refusal;
    use crate::runs::migrate::Phase;

    fn of(outcome: &Outcome) -> Value {
        parsed(&of_verdict(&Verdict {
            outcome,
            exit: judge::exit(outcome, false),
            require_quiet: false,
            deep: false,
            connect: &connect(),
            resources: RESOURCES,
            width: None,
        }))
    }

    /// An outcome with at least one element in every list.
    fn full() -> Outcome {
        let mut o = outcome();
        o.fates[1] = Fate::Failed(Refusal {
            code: "23505".to_owned(),
            message: "ERROR 23505: duplicate".to_owned(),
        });
        o.fates[2] = Fate::Skipped { because_of: 1 };
        o.orphans = vec![Orphans {
            object: "foreign key public.orders.f".to_owned(),
            table: Name::new("public", "orders"),
            constraint: "f".to_owned(),
            rows: Some(7),
        }];
        o.drift = Drift::Changed(vec!["table public.t was made".to_owned()]);
        o.ended = Ended::Stopped(Phase::Copy);
        o
    }

    #[test]
    fn every_field_is_documented_and_every_documented_field_exists() {
        let elsewhere = ["result.copy", "result.findings"];
        let found = paths(&[of(&full()), failed(FORMAT)], &elsewhere);
        assert_eq!(found, documented(FORMAT));
        assert!(found.len() > 50);
    }

    #[test]
    fn a_failed_statement_is_there_with_everything_that_is_known_of_it() {
        let report = of(&full());
        let statements = &report["result"]["statements"];
        assert_eq!(
            (&statements["all"], &statements["applied"]),
            (&3.into(), &1.into())
        );
        assert_eq!(statements["failed"][0]["sqlstate"], "23505");
        assert_eq!(
            statements["failed"][0]["statement"],
            "CREATE INDEX i\n  ON public.orders (id)"
        );
        assert_eq!(statements["skipped"][0]["needs"], "index public.i");
        assert_eq!(report["exit_code"], 5);
        assert_eq!(
            report["result"]["sequences"][0]["column"],
            "public.orders.id"
        );
    }

    #[test]
    fn the_rows_are_reported_as_a_copy_reports_them() {
        let report = of(&outcome());
        assert_eq!(report["result"]["copy"]["totals"]["rows_loaded"], 15_607);
        assert_eq!(report["exit_code"], 0);
    }
}
