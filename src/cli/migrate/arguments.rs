//! Arguments of `wire9 migrate` as typed, and what they mean.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::arguments::FractionDigits;
use crate::cli::check::{mapping, profile};
use crate::cli::findings::{AcceptArguments, accepted};
use crate::cli::{settings, units};
use crate::runs::copy::OnExisting;
use crate::runs::migrate::{Parts, Settings};
use crate::runs::{Error, check, copy};
use crate::schema::Selection;
use crate::schema::convert::Wishes;
use crate::schema::mapping::Mapping;
use crate::wire::{ConnectOptions, Environment};

#[derive(Debug, Args)]
pub(in crate::cli) struct MigrateArguments {
    /// PostgreSQL endpoint, the source: a URI or a libpq key=value string.
    #[arg(
        long,
        value_name = "URI",
        env = "WIRE9_POSTGRES",
        hide_env_values = true
    )]
    #[arg(help_heading = "Endpoints")]
    postgres: String,

    /// DB9 endpoint, the target, which must be empty: a URI or a libpq key=value string [sslmode: require
    /// where not said].
    #[arg(long, value_name = "URI", env = "WIRE9_DB9", hide_env_values = true)]
    #[arg(help_heading = "Endpoints")]
    db9: String,

    /// Shell command whose first line of output is the PostgreSQL password; run anew for each
    /// connection [default: none].
    #[arg(long, value_name = "COMMAND", help_heading = "Endpoints")]
    postgres_password_command: Option<String>,

    /// Shell command whose first line of output is the DB9 password or token; run anew for each
    /// connection [default: none].
    #[arg(long, value_name = "COMMAND", help_heading = "Endpoints")]
    db9_password_command: Option<String>,

    /// Profile of the target (TOML, as `wire9 probe` prints it), whose fields override what is probed;
    /// `postgresql` is a PostgreSQL [default: none].
    #[arg(long, value_name = "FILE|postgresql", help_heading = "Endpoints")]
    profile: Option<PathBuf>,

    /// `search_path` of the target sessions, for functions of CHECKs and defaults that need one
    /// [default: empty].
    #[arg(long, value_name = "SCHEMAS", help_heading = "Endpoints")]
    target_search_path: Option<String>,

    /// Migrate a source other than PostgreSQL 13 to 18 all the same [default: refuse it].
    #[arg(long, help_heading = "Endpoints")]
    unsupported_source: bool,

    /// Seconds that a silent server is waited for, 1 to 86400.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 300,
        help_heading = "Endpoints"
    )]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    io_timeout: u64,

    /// Seconds for which a source or target that is lost in mid-run is tried to be reached again, 0 to
    /// 86400.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 300,
        help_heading = "Endpoints"
    )]
    #[arg(value_parser = clap::value_parser!(u64).range(0..=86_400))]
    retry_for: u64,

    /// Seconds after which a copy in which nothing moves at all is ended, with what its lanes wait for,
    /// 1 to 604800 [default: 600, or twice --io-timeout].
    #[arg(long, value_name = "SECONDS", help_heading = "Endpoints")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=604_800))]
    stall_after: Option<u64>,

    /// File (TOML) with other names and types than the default ones [default: none].
    #[arg(long, value_name = "FILE", help_heading = "What is migrated")]
    map: Option<PathBuf>,

    /// Keep COMMENTs where the target takes them [default: they are left out].
    #[arg(long, help_heading = "What is migrated")]
    comments: bool,

    /// Copy rows of foreign tables into plain tables [default: they are left out].
    #[arg(long, help_heading = "What is migrated")]
    foreign_tables: bool,

    /// Leave the rows of tables that match this pattern, `[SCHEMA.]TABLE`; repeatable [default: none].
    #[arg(long, value_name = "PATTERN", help_heading = "What is migrated")]
    exclude_table_data: Vec<String>,

    /// Copy only rows of the table for which the SQL expression holds; repeatable [default: all rows].
    #[arg(
        long = "where",
        value_name = "TABLE=EXPR",
        help_heading = "What is migrated"
    )]
    condition: Vec<String>,

    /// Fraction digits of a second that timestamps are cut to, `auto` or 0 to 6; auto is what the
    /// target keeps.
    #[arg(
        long,
        value_name = "auto|0..6",
        default_value = "auto",
        help_heading = "What is migrated"
    )]
    #[arg(value_parser = settings::fraction_digits)]
    fraction_digits: FractionDigits,

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

    #[command(flatten)]
    accept: AcceptArguments,

    /// Read the data for the check, too: what will be cut, collide or be refused [default: only the
    /// catalog].
    #[arg(long, help_heading = "Findings")]
    deep: bool,

    /// With --data-only, load tables although they have user triggers, which then fire [default: refuse
    /// them].
    #[arg(long, help_heading = "What is written")]
    allow_triggers: bool,

    /// Exit with 7 where the source was written since the snapshot, or that is unknown
    /// [default: only say so].
    #[arg(long, help_heading = "What is written")]
    require_quiet: bool,

    /// Drop what the earlier run of this migration made, its rows included and nothing else, and begin anew;
    /// what is dropped is said before, also with --dry-run [default: continue it].
    #[arg(long, help_heading = "What is written")]
    restart: bool,

    /// Check, print what would be done, and write nothing [default: migrate].
    #[arg(long, help_heading = "What is written")]
    dry_run: bool,

    /// Lanes, each with one connection to either side, 1 to 256; so many statements at once, too
    /// [default: CPU cores, at least 4].
    #[arg(long, value_name = "N", help_heading = "Speed and memory")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,

    /// Bytes that queues and kept batches may take, as `96MiB`, `1GiB` or a plain number of bytes.
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "96MiB",
        help_heading = "Speed and memory"
    )]
    #[arg(value_parser = units::parse_size)]
    max_memory: u64,

    /// Also write the verdict as JSON to this file, replaced as a whole at the end [default: none].
    #[arg(long, value_name = "FILE.json", help_heading = "What is shown")]
    report: Option<PathBuf>,

    /// Show no progress; the verdict and errors remain [default: progress on stderr].
    #[arg(long, help_heading = "What is shown")]
    pub(super) quiet: bool,
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
        let jobs = settings::jobs(self.jobs, self.max_memory, settings::cores());
        settings::enough_memory(jobs, self.max_memory)?;
        let command = self.postgres_password_command.as_deref();
        let source = settings::postgres(&self.postgres, command, environment)?;
        let command = self.db9_password_command.as_deref();
        let target = settings::db9(&self.db9, command, environment)?;
        let check = self.check((source.clone(), target.clone()), jobs)?;
        Ok(Settings {
            copy: self.copy((source, target), (jobs, check.profile.clone()))?,
            check,
            parts: self.parts(),
            skip_indexes: self.skip_indexes,
            skip_foreign_keys: self.skip_foreign_keys,
        })
    }

    fn check(
        &self,
        (source, target): (ConnectOptions, ConnectOptions),
        jobs: usize,
    ) -> Result<check::Settings, Error> {
        Ok(check::Settings {
            source,
            target: Some(target),
            profile: self.profile.as_deref().map(profile).transpose()?,
            mapping: self
                .map
                .as_deref()
                .map_or(Ok(Mapping::default()), mapping)?,
            wishes: Wishes {
                comments: self.comments,
                foreign_tables: self.foreign_tables,
            },
            deep: self.deep,
            jobs: u32::try_from(jobs).unwrap_or(u32::MAX),
            unsupported_source: self.unsupported_source,
            accepted: accepted(&self.accept)?,
            io_timeout: Duration::from_secs(self.io_timeout),
        })
    }

    fn copy(
        &self,
        (mut source, mut target): (ConnectOptions, ConnectOptions),
        (jobs, profile): (usize, Option<String>),
    ) -> Result<copy::Settings, Error> {
        let io_timeout = Duration::from_secs(self.io_timeout);
        source.set_reply_timeout(io_timeout);
        target.set_reply_timeout(io_timeout);
        Ok(copy::Settings {
            source,
            target,
            selection: self.selection()?,
            mapped: None,
            profile,
            fraction_digits: self.fraction_digits.0,
            jobs,
            max_memory: self.max_memory,
            io_timeout,
            retry_for: Duration::from_secs(self.retry_for),
            stall_after: self.stall_after.map(Duration::from_secs),
            restart: self.restart,
            on_existing: OnExisting::Fail,
            allow_triggers: self.allow_triggers,
            require_quiet: self.require_quiet,
            dry_run: self.dry_run,
            target_search_path: self.target_search_path.clone(),
            report: self.report.clone(),
        })
    }

    fn selection(&self) -> Result<Selection, Error> {
        settings::named("--exclude-table-data", &self.exclude_table_data)?;
        let conditions = self.condition.iter().map(|c| settings::condition(c));
        Ok(Selection {
            exclude: self.exclude_table_data.clone(),
            conditions: conditions.collect::<Result<_, _>>()?,
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
