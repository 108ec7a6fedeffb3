//! `wire9 migrate`: the run, its verdict and its report.

mod arguments;
mod connect;
mod judge;
mod report;
mod verdict;

use super::errors;
use super::report_file::ReportFile;
use super::reporter::Style;
use super::resources::Resources;
use super::work::{printed, report_file, work, written};
use super::wrap::wrap;
use crate::runs::Exit;
use crate::runs::migrate::{self as run, Outcome, Settings};
use crate::wire::Environment;
use connect::Connect;
use verdict::Verdict;

pub(super) use arguments::MigrateArguments;

/// Migrates and shows; answers the exit code.
pub(super) fn migrate(typed: &MigrateArguments) -> Exit {
    match typed.settings(&Environment::of_process()) {
        Ok(settings) => migrate_as_meant(settings, Style::of_process(typed.loading.quiet)),
        Err(error) => errors::show(&error),
    }
}

/// The same from settings: `wire9 schema --apply` comes here, too.
pub(super) fn migrate_as_meant(settings: Settings, style: Style) -> Exit {
    let file = match report_file(settings.copy.report.as_deref()) {
        Ok(file) => file,
        Err(error) => return errors::show(&error),
    };
    let shown = Shown {
        require_quiet: settings.copy.require_quiet,
        deep: settings.check.deep,
        connect: Connect::new(&settings.check.source, &settings.copy.target),
    };
    let result = work(style, move |surroundings| async move {
        run::migrate(&settings, &surroundings).await
    });
    match result {
        Some(Ok(outcome)) => conclude(&outcome, &shown, file.as_ref()),
        Some(Err(error)) => {
            let exit = errors::show(&error);
            let failed = report::of_error(&error, Resources::of_process());
            written(&failed, file.as_ref(), exit)
        }
        None => Exit::Interrupted,
    }
}

/// What of the settings the verdict needs.
struct Shown {
    require_quiet: bool,
    deep: bool,
    connect: Connect,
}

fn conclude(outcome: &Outcome, shown: &Shown, file: Option<&ReportFile>) -> Exit {
    let verdict = Verdict {
        outcome,
        exit: judge::exit(outcome, shown.require_quiet),
        require_quiet: shown.require_quiet,
        deep: shown.deep,
        connect: &shown.connect,
        resources: Resources::of_process(),
        width: super::columns(),
    };
    let exit = printed(&wrap(&verdict.text(), verdict.width), verdict.exit);
    // Last, since the last line is the one that is read.
    if let Some(error) = &outcome.error {
        errors::show(error);
    }
    written(&report::of_verdict(&verdict), file, exit)
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::catalog::database::{ColumnName, Database, Name, ServerState};
    use crate::cli::judge::tests as copy;
    use crate::engine::apply::Fate;
    use crate::profile::Profile;
    use crate::runs::check::Assessment;
    use crate::runs::migrate::{Drift, Ended, Phase, SequenceVerdict, Set};
    use crate::schema::convert::{Conversion, LeftOut, Makes, Section, Statement};
    use crate::schema::finding::{Finding, Kind, Severity};

    fn statement(section: Section, makes: Makes, object: &str, sql: &str) -> Statement {
        Statement {
            section,
            makes,
            object: object.to_owned(),
            name: Name::new("public", "orders"),
            sql: sql.to_owned(),
            rewritten: Vec::new(),
            needs: Vec::new(),
        }
    }

    static MONEY: Kind = Kind {
        id: "money",
        severity: Severity::Change,
        title: "money column",
        happens: "it becomes numeric",
        why: "no money",
        remedy: "read it as a number",
    };

    /// A migration that went well: a table, an index, a foreign key, a sequence.
    pub(in crate::cli) fn outcome() -> Outcome {
        let (pre, post) = (Section::PreData, Section::PostData);
        let statements = vec![
            statement(
                pre,
                Makes::Table,
                "table public.orders",
                "CREATE TABLE public.orders (id bigint)",
            ),
            statement(
                post,
                Makes::Index,
                "index public.i",
                "CREATE INDEX i\n  ON public.orders (id)",
            ),
            statement(
                post,
                Makes::ForeignKey,
                "foreign key public.orders.f",
                "ALTER TABLE public.orders ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES public.c",
            ),
        ];
        let conversion = Conversion {
            statements,
            left_out: vec![LeftOut {
                object: "rule public.orders.r".to_owned(),
                why: "there are no rules".to_owned(),
            }],
            ..Conversion::default()
        };
        let mut database = Database::default();
        database.server.version_text = "15.8".to_owned();
        let sequence = SequenceVerdict {
            source: Name::new("public", "orders_id_seq"),
            target: Name::new("public", "orders_id_seq"),
            position: None,
            how: Set::Raised(ColumnName {
                table: Name::new("public", "orders"),
                column: "id".to_owned(),
            }),
        };
        Outcome {
            ended: Ended::Through,
            assessment: Assessment {
                database,
                state: ServerState::default(),
                target: None,
                profile: Profile::default(),
                conversion,
                findings: vec![
                    Finding::new(&MONEY, "column public.orders.total"),
                    Finding::new(&MONEY, "column public.orders.tax"),
                ],
                not_checked: vec!["the definition of function public.f()".to_owned()],
                accepted: std::collections::BTreeSet::new(),
            },
            source: "alice@source:5432/shop".to_owned(),
            target: "t1.admin@target:5433/postgres".to_owned(),
            run: "6f2c1c1e-0000-4000-8000-000000000002".to_owned(),
            continued: false,
            fates: vec![Fate::Done; 3],
            copy: Some(copy::outcome()),
            sequences: vec![sequence],
            orphans: Vec::new(),
            drift: Drift::None,
            error: None,
            phases: vec![
                (Phase::Check, Duration::from_millis(310)),
                (Phase::PreData, Duration::from_millis(40)),
            ],
            wall: Duration::from_secs(4),
        }
    }
}
