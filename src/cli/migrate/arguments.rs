//! Arguments of `wire9 migrate` as typed, and what they mean.

use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::assessment::AssessmentArguments;
use crate::cli::endpoints::EndpointArguments;
use crate::cli::loading::LoadingArguments;
use crate::cli::selection::{RowArguments, named};
use crate::runs::migrate::{Parts, Settings};
use crate::runs::{Error, check, copy};
use crate::schema::Selection;
use crate::wire::Environment;

#[derive(Debug, Args)]
pub(in crate::cli) struct MigrateArguments {
    #[command(flatten)]
    endpoints: EndpointArguments,

    #[command(flatten)]
    assessment: AssessmentArguments,

    /// Read the data for the check, too: what will be cut, collide or be refused [default: only the
    /// catalog].
    #[arg(long, help_heading = "Findings")]
    deep: bool,

    /// Leave the rows of tables that match this pattern, `[SCHEMA.]TABLE`; repeatable [default: none].
    #[arg(long, value_name = "PATTERN", help_heading = "Which rows")]
    exclude_table_data: Vec<String>,

    #[command(flatten)]
    rows: RowArguments,

    /// Only the schema: no rows, no positions of sequences [default: everything].
    #[arg(long, help_heading = "Which parts", conflicts_with_all = ["data_only", "section"])]
    schema_only: bool,

    /// Only the rows and the positions of sequences, into tables that are there [default: everything].
    #[arg(long, help_heading = "Which parts", conflicts_with = "section")]
    data_only: bool,

    /// Only this part; repeatable [default: all of them].
    #[arg(long, value_name = "PART", help_heading = "Which parts")]
    section: Vec<Part>,

    /// Build no secondary indexes; without it the same command builds them later [default: build them].
    #[arg(long, help_heading = "Which parts")]
    skip_indexes: bool,

    /// Make no foreign keys; without it the same command makes them later [default: make them].
    #[arg(long, help_heading = "Which parts")]
    skip_foreign_keys: bool,

    /// Seconds after which a statement of the schema, an index say, is cancelled and the run ended, 1 to
    /// 604800; the same command continues [default: as long as the target is at work on it].
    #[arg(long, value_name = "SECONDS", help_heading = "Endpoints")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=604_800))]
    statement_limit: Option<u64>,

    /// Drop what the earlier run of this migration made, its rows included and nothing else, and begin anew;
    /// what is dropped is said before, also with --dry-run [default: continue it].
    #[arg(long, help_heading = "What is written")]
    restart: bool,

    #[command(flatten)]
    pub(super) loading: LoadingArguments,
}

/// `--section`, as pg_dump has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Part {
    /// What comes before the rows.
    PreData,
    /// The rows, and the positions of sequences.
    Data,
    /// What comes after the rows.
    PostData,
}

impl MigrateArguments {
    /// What they mean.
    pub(super) fn settings(&self, environment: &Environment) -> Result<Settings, Error> {
        let copy = copy::Settings {
            selection: self.selection()?,
            fraction_digits: self.rows.fraction_digits(),
            restart: self.restart,
            ..self.loading.settings(&self.endpoints, environment)?
        };
        Ok(Settings {
            check: check::Settings {
                deep: self.deep,
                jobs: u32::try_from(copy.jobs).unwrap_or(u32::MAX),
                ..self.assessment.settings(&self.endpoints, environment)?
            },
            copy,
            parts: self.parts(),
            skip_indexes: self.skip_indexes,
            skip_foreign_keys: self.skip_foreign_keys,
            statement_limit: self.statement_limit.map(Duration::from_secs),
            dump: None,
        })
    }

    fn selection(&self) -> Result<Selection, Error> {
        named("--exclude-table-data", &self.exclude_table_data)?;
        Ok(Selection {
            exclude: self.exclude_table_data.clone(),
            conditions: self.rows.conditions()?,
            ..Selection::default()
        })
    }

    fn parts(&self) -> Parts {
        let asked = |part| self.section.contains(&part);
        match (self.schema_only, self.data_only, self.section.is_empty()) {
            (true, ..) => Parts {
                data: false,
                ..Parts::ALL
            },
            (_, true, _) => Parts {
                data: true,
                ..Parts::NONE
            },
            (_, _, true) => Parts::ALL,
            (_, _, false) => Parts {
                pre_data: asked(Part::PreData),
                data: asked(Part::Data),
                post_data: asked(Part::PostData),
            },
        }
    }
}
