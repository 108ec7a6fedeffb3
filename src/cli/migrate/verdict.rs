//! The verdict of a migration as text: first the sentence that matters, then what a person asks next.

use std::fmt::Write as _;

use super::connect::Connect;
use super::judge;
use crate::cli::errors::clean;
use crate::cli::findings::Findings;
use crate::cli::judge as copy_judge;
use crate::cli::resources::Resources;
use crate::cli::units;
use crate::cli::verdict::{Verdict as CopyVerdict, section};
use crate::engine::apply::{Fate, Refusal};
use crate::runs::Exit;
use crate::runs::migrate::{Drift, Ended, Outcome, Phase, Set};
use crate::schema::convert::Statement;
use crate::schema::finding::Severity;

/// What a person is told after a stop.
const CONTINUES: &str = "what is done stays, and the same command continues";

/// Above the differences, one line for each kind.
const KNOW: &str =
    "WHAT THE APPLICATION MUST KNOW  (`wire9 check` names each object and what to do)";

/// Statements that had no turn and are named.
const NAMED: usize = 3;

/// All that the verdict is made of.
pub(super) struct Verdict<'a> {
    pub(super) outcome: &'a Outcome,
    /// Of `judge::exit`.
    pub(super) exit: Exit,
    pub(super) require_quiet: bool,
    /// Whether the data was read for the check.
    pub(super) deep: bool,
    /// How an application reaches the target.
    pub(super) connect: &'a Connect,
    pub(super) resources: Resources,
    /// Columns of the terminal; `None`: not a terminal, as wide as it needs to be.
    pub(super) width: Option<usize>,
}

impl Verdict<'_> {
    /// The whole text.
    pub(super) fn text(&self) -> String {
        let mut text = self.headline().join("\n");
        text.push('\n');
        section(&mut text, "", &self.endpoints());
        match self.outcome.ended {
            Ended::Blocked => {
                text.push_str(&self.findings().text());
                section(&mut text, "NOT CHECKED", &self.not_checked());
                section(&mut text, "NEXT", &self.after_blockers());
                return text;
            }
            Ended::DryRun => self.plan(&mut text),
            _ => self.done(&mut text),
        }
        text
    }

    /// The first line or two: whether the source moved, and how it ended.
    pub(super) fn headline(&self) -> Vec<String> {
        let moved = self.copy().and_then(|copy| copy.moved());
        moved.into_iter().chain([self.how_it_ended()]).collect()
    }

    fn how_it_ended(&self) -> String {
        let o = self.outcome;
        match o.ended {
            Ended::Blocked => format!(
                "BLOCKED  {} at {} that nobody accepted; nothing was written",
                units::counted(self.findings().open_ids().len() as u64, "blocker"),
                units::counted(o.assessment.blockers().count() as u64, "object")
            ),
            Ended::DryRun => format!("PLAN  {}; nothing was written", self.planned()),
            Ended::Interrupted(phase) => format!(
                "INTERRUPTED  in {}; {}; {}",
                phase.name(),
                self.progress(),
                CONTINUES
            ),
            Ended::Failed(phase) => format!(
                "FAILED  in {}; {}; {}",
                phase.name(),
                self.progress(),
                CONTINUES
            ),
            Ended::Stopped(_) | Ended::Through => self.ending(),
        }
    }

    fn ending(&self) -> String {
        let progress = self.progress();
        match self.exit {
            Exit::Mismatch => format!("MISMATCH  source and target differ; {progress}"),
            Exit::Partial => format!("PARTIAL  {}; {progress}", self.lacking()),
            Exit::NotVerified => format!("NOT VERIFIED  {progress}, but {}", self.unverified()),
            _ if self.is_nothing_new() => format!("ALREADY DONE  {progress}"),
            _ => format!("DONE  {progress}"),
        }
    }

    /// Whether this process had nothing to do.
    fn is_nothing_new(&self) -> bool {
        let o = self.outcome;
        let before = |fate: &Fate| matches!(fate, Fate::DoneBefore | Fate::NotAsked);
        o.continued
            && o.fates.iter().all(before)
            && o.copy.as_ref().is_none_or(|copy| copy.finished_before)
    }

    /// `43 of 43 statements applied, 12 tables, 15,607 rows, 5 sequences set`.
    fn progress(&self) -> String {
        let o = self.outcome;
        let done = o.fates.iter().filter(|f| is_done(f)).count() as u64;
        let asked = o.fates.iter().filter(|f| **f != Fate::NotAsked).count() as u64;
        let mut parts = vec![format!(
            "{} of {} applied",
            units::count(done),
            units::counted(asked, "statement")
        )];
        if let Some(copy) = &o.copy {
            let rows = copy.tables.iter().map(|t| t.loaded).sum();
            parts.push(units::counted(copy.targets.len() as u64, "table"));
            parts.push(units::counted(rows, "row"));
        }
        if !o.sequences.is_empty() {
            let set = o.sequences.iter().filter(|s| !judge::is_problem(s));
            parts.push(units::counted(set.count() as u64, "sequence"));
        }
        parts.join(", ")
    }

    fn planned(&self) -> String {
        let conversion = &self.outcome.assessment.conversion;
        format!(
            "{} to be applied, rows of {} to be copied, {} to be set",
            units::counted(conversion.statements.len() as u64, "statement"),
            units::counted(conversion.tables.len() as u64, "table"),
            units::counted(conversion.sequences.len() as u64, "sequence"),
        )
    }

    fn lacking(&self) -> String {
        let o = self.outcome;
        let missing = o.fates.iter().filter(|f| judge::is_missing(f)).count();
        let statements = units::counted(missing as u64, "statement");
        match (missing, o.ended) {
            (0, _) => "rows are left".to_owned(),
            (_, Ended::Stopped(Phase::PreData)) => {
                format!("{statements} of the schema failed, so no row was copied")
            }
            _ => format!("{statements} not applied, the same command tries them again"),
        }
    }

    fn unverified(&self) -> String {
        let o = self.outcome;
        let mut reasons = Vec::new();
        match &o.drift {
            Drift::Changed(_) => reasons.push("the source's schema has changed in mid-run"),
            Drift::Unknown(_) => reasons.push("the source's schema could not be read again"),
            Drift::None | Drift::NotLooked => {}
        }
        if o.sequences.iter().any(judge::is_problem) {
            reasons.push("sequences could not be set");
        }
        if reasons.is_empty() {
            reasons.push("not all rows were counted, or the source did not stay quiet");
        }
        reasons.join("; ")
    }

    fn endpoints(&self) -> Vec<String> {
        let o = self.outcome;
        let server = &o.assessment.database.server;
        let mut lines = vec![
            format!(
                "source  {}  PostgreSQL {}",
                clean(&o.source),
                clean(&server.version_text)
            ),
            format!("target  {}", clean(&o.target)),
        ];
        if !o.run.is_empty() {
            let continued = if o.continued { ", continued" } else { "" };
            lines.push(format!("run     {}{continued}", clean(&o.run)));
        }
        let phase = |(phase, took): &(Phase, std::time::Duration)| {
            format!("{} {} s", phase.name(), units::decimal(took.as_secs_f64()))
        };
        let phases: Vec<String> = o.phases.iter().map(phase).collect();
        lines.push(format!("phases  {}", phases.join(", ")));
        lines
    }

    fn plan(&self, text: &mut String) {
        text.push_str(&self.findings().text());
        section(text, "LEFT OUT", &self.left_out());
        section(text, "NOT CHECKED", &self.not_checked());
    }

    fn done(&self, text: &mut String) {
        match self.copy() {
            Some(copy) if copy.outcome.finished_before => {
                let before = "rows    copied and counted by an earlier process of this run";
                section(text, "", &[before.to_owned()]);
                text.push_str(&copy.details());
            }
            Some(copy) => text.push_str(&copy.details()),
            None => {}
        }
        section(text, "ROWS", &self.rows_under_way());
        section(text, "FAILED", &self.failed());
        let skipped = "SKIPPED, SINCE WHAT THEY NEED HAS FAILED";
        section(text, skipped, &self.skipped());
        section(text, "NOT REACHED", &self.not_reached());
        section(text, "ROWS WITHOUT THEIR PARENT", &self.orphans());
        section(text, "SEQUENCES", &self.sequences());
        section(text, "CHANGED IN THE SOURCE MEANWHILE", &self.drift());
        section(text, "LEFT OUT", &self.left_out());
        section(text, KNOW, &self.differences());
        section(text, "NOT CHECKED", &self.not_checked());
        if matches!(self.outcome.ended, Ended::Through) {
            let is_db9 = self.outcome.assessment.profile.is_db9();
            let title = "CONNECT THE APPLICATION TO THE TARGET";
            section(text, title, &self.connect.lines(is_db9));
        }
    }

    /// The verdict of the rows alone.
    pub(super) fn copy(&self) -> Option<CopyVerdict<'_>> {
        let outcome = self.outcome.copy.as_ref()?;
        Some(CopyVerdict {
            outcome,
            exit: copy_judge::exit(outcome, self.require_quiet),
            require_quiet: self.require_quiet,
            resources: self.resources,
            width: self.width,
        })
    }

    pub(super) fn findings(&self) -> Findings<'_> {
        Findings::of(&self.outcome.assessment)
    }

    /// At the end, which is what a person sees of a long report.
    fn after_blockers(&self) -> Vec<String> {
        let ids = self.findings().open_ids().join(",");
        vec![format!(
            "look at each blocker above; the same command with --accept {ids} goes on"
        )]
    }

    /// Where the rows are when an error has ended their copy.
    fn rows_under_way(&self) -> Vec<String> {
        match self.outcome.ended {
            Ended::Failed(Phase::Copy) => vec![
                "what was committed stays: `wire9 status --db9 URI` shows how far each table is"
                    .to_owned(),
            ],
            _ => Vec::new(),
        }
    }

    /// The statements that the target refuses, exactly as they were sent.
    fn failed(&self) -> Vec<String> {
        let failed = self
            .outcome
            .statements()
            .filter_map(|(s, fate)| match fate {
                Fate::Failed(refusal) => Some((s, refusal)),
                _ => None,
            });
        failed
            .flat_map(|(s, refusal)| failure(s, refusal))
            .collect()
    }

    fn skipped(&self) -> Vec<String> {
        let statements = &self.outcome.assessment.conversion.statements;
        let skipped = self
            .outcome
            .statements()
            .filter_map(|(s, fate)| match fate {
                Fate::Skipped { because_of } => {
                    let cause = statements.get(*because_of)?;
                    Some(format!(
                        "{}: needs {}",
                        clean(&s.object),
                        clean(&cause.object)
                    ))
                }
                _ => None,
            });
        skipped.collect()
    }

    /// What the run did not come to: the first few by name, which show how far it came.
    fn not_reached(&self) -> Vec<String> {
        let left = self.outcome.statements();
        let left: Vec<String> = left
            .filter(|(_, fate)| **fate == Fate::Left)
            .map(|(statement, _)| clean(&statement.object))
            .collect();
        if left.len() <= NAMED {
            return left;
        }
        let more = units::counted((left.len() - NAMED) as u64, "other");
        vec![format!("{} and {more}", left[..NAMED].join(", "))]
    }

    fn orphans(&self) -> Vec<String> {
        let orphans = self.outcome.orphans.iter();
        orphans
            .map(|o| {
                let rows = o.rows.map_or("rows, not counted,".to_owned(), |n| {
                    units::counted(n, "row")
                });
                let (table, constraint) = (clean(&o.table.to_string()), clean(&o.constraint));
                format!("{table}: {rows} without a row that {constraint} asks for")
            })
            .collect()
    }

    /// Those that do not simply stand where they stood.
    fn sequences(&self) -> Vec<String> {
        let said = self.outcome.sequences.iter().filter_map(|s| {
            let name = clean(&s.target.to_string());
            match &s.how {
                Set::AsSource => None,
                Set::Raised(column) => {
                    let (table, column) = (clean(&column.table.to_string()), clean(&column.column));
                    Some(format!(
                        "{name}: behind the rows in the source; set to the end of {table}.{column}"
                    ))
                }
                Set::Ahead => Some(format!(
                    "{name}: left where it is, further than in the source"
                )),
                Set::Problem(why) => Some(format!("{name}: {}", clean(why))),
            }
        });
        said.collect()
    }

    fn drift(&self) -> Vec<String> {
        match &self.outcome.drift {
            Drift::Changed(objects) => objects.iter().map(|o| clean(o)).collect(),
            Drift::Unknown(why) => vec![format!("not known: {}", clean(why))],
            Drift::None | Drift::NotLooked => Vec::new(),
        }
    }

    fn left_out(&self) -> Vec<String> {
        let left_out = self.outcome.assessment.conversion.left_out.iter();
        left_out
            .map(|l| format!("{}: {}", clean(&l.object), clean(&l.why)))
            .collect()
    }

    /// What behaves differently or is lost, a line for each kind.
    fn differences(&self) -> Vec<String> {
        let mut lines: Vec<(&str, String)> = Vec::new();
        let findings = &self.outcome.assessment.findings;
        for finding in findings
            .iter()
            .filter(|f| f.kind.severity != Severity::Note)
        {
            let kind = finding.kind;
            if lines.iter().any(|(id, _)| *id == kind.id) {
                continue;
            }
            let objects = findings.iter().filter(|f| f.kind.id == kind.id).count();
            let at = match objects {
                1 => clean(&finding.object),
                n => units::counted(n as u64, "object"),
            };
            lines.push((kind.id, format!("{} ({at}): {}", kind.title, kind.happens)));
        }
        lines.into_iter().map(|(_, line)| line).collect()
    }

    fn not_checked(&self) -> Vec<String> {
        let deep =
            (!self.deep).then(|| "the data itself before the move (--deep reads it)".to_owned());
        let values = self.outcome.copy.as_ref().map(|_| {
            "rows were counted on both sides; their values were not compared again".to_owned()
        });
        let others = self.findings().not_checked();
        deep.into_iter().chain(values).chain(others).collect()
    }
}

pub(super) fn is_done(fate: &Fate) -> bool {
    matches!(fate, Fate::Done | Fate::DoneBefore)
}

/// The object, the target's answer, and the statement, indented.
fn failure(statement: &Statement, refusal: &Refusal) -> Vec<String> {
    let mut lines = vec![format!(
        "{}: {}",
        clean(&statement.object),
        clean(&refusal.message)
    )];
    let sql = statement.sql.lines().map(|line| {
        let mut text = String::new();
        let _ = write!(text, "    {}", clean(line));
        text
    });
    lines.extend(sql);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::database::Name;
    use crate::cli::migrate::connect::tests::connect;
    use crate::cli::migrate::tests::outcome;
    use crate::runs::migrate::Orphans;

    fn text(outcome: &Outcome) -> String {
        let verdict = Verdict {
            outcome,
            exit: judge::exit(outcome, false),
            require_quiet: false,
            deep: false,
            connect: &connect(),
            resources: Resources {
                peak_rss: Some(34_100_000),
                cpu_seconds: 0.42,
            },
            width: None,
        };
        verdict.text()
    }

    fn refused(o: &mut Outcome) {
        o.fates[1] = Fate::Failed(Refusal {
            code: "23505".to_owned(),
            message: "ERROR 23505: could not create unique index \"i\"".to_owned(),
        });
        o.fates[2] = Fate::Skipped { because_of: 1 };
        o.orphans = vec![Orphans {
            object: "foreign key public.orders.f".to_owned(),
            table: Name::new("public", "orders"),
            constraint: "f".to_owned(),
            rows: Some(1_234),
        }];
    }

    #[test]
    fn a_good_migration_reads_like_this() {
        let (text, expected) = (
            text(&outcome()),
            include_str!("../../../tests/golden/migrate_good.txt"),
        );
        assert!(text == expected, "migrate_good.txt should be:\n{text}");
    }

    #[test]
    fn a_partial_migration_reads_like_this() {
        let mut o = outcome();
        refused(&mut o);
        let (text, expected) = (
            text(&o),
            include_str!("../../../tests/golden/migrate_partial.txt"),
        );
        assert!(text == expected, "migrate_partial.txt should be:\n{text}");
    }

    #[test]
    fn an_interrupted_migration_says_where_it_was_and_not_how_to_connect() {
        let mut o = outcome();
        (o.ended, o.fates[2]) = (Ended::Interrupted(Phase::PostData), Fate::Left);
        let text = text(&o);
        assert!(
            text.starts_with("INTERRUPTED  in post-data; 2 of 3 statements applied"),
            "{text}"
        );
        assert!(
            text.contains("NOT REACHED\n  foreign key public.orders.f\n"),
            "{text}"
        );
        assert!(!text.contains("CONNECT THE"), "{text}");
    }

    #[test]
    fn blockers_are_counted_as_a_check_counts_them_and_the_last_line_says_what_to_do() {
        let mut o = outcome();
        o.ended = Ended::Blocked;
        o.assessment.findings = crate::cli::findings::tests::findings();
        let text = text(&o);
        let first = "BLOCKED  1 blocker at 2 objects that nobody accepted; nothing was written\n";
        assert!(text.starts_with(first), "{text}");
        assert!(
            text.ends_with("with --accept a-blocker goes on\n"),
            "{text}"
        );
    }

    #[test]
    fn a_run_that_failed_says_what_stands() {
        let mut o = outcome();
        (o.ended, o.copy) = (Ended::Failed(Phase::Copy), None);
        o.fates = vec![Fate::Done, Fate::Left, Fate::Left];
        o.error = Some(std::sync::Arc::new(crate::runs::Error::new(
            Exit::Connection,
            "lost",
        )));
        let text = text(&o);
        let first = "FAILED  in copy; 1 of 3 statements applied, 1 sequence; what is done stays, and the \
                     same command continues\n";
        assert!(text.starts_with(first), "{text}");
        assert!(
            text.contains("\nROWS\n  what was committed stays"),
            "{text}"
        );
        let left = "\nNOT REACHED\n  index public.i\n  foreign key public.orders.f\n";
        assert!(text.contains(left), "{text}");
        assert!(!text.contains("CONNECT THE"), "{text}");
    }

    #[test]
    fn a_run_with_nothing_to_do_says_so() {
        let mut o = outcome();
        (o.continued, o.fates) = (true, vec![Fate::DoneBefore; 3]);
        o.copy.as_mut().expect("rows").finished_before = true;
        let text = text(&o);
        assert!(text.starts_with("ALREADY DONE  3 of 3 statements applied"));
        assert!(text.contains("rows    copied and counted by an earlier process"));
        assert!(!text.contains("MB/s"), "{text}");
    }
}
