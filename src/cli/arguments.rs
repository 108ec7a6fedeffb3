//! Arguments as typed: the clap types, which never leave `cli`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::check::{CheckArguments, Format};
use super::exit_codes;
use super::migrate::MigrateArguments;
use super::schema::SchemaArguments;
use super::verify::VerifyArguments;

/// Moves PostgreSQL databases into DB9 by speaking pgwire itself.
#[derive(Debug, Parser)]
#[command(name = "wire9", version, propagate_version = false, after_help = exit_codes::help())]
#[command(disable_help_subcommand = true, subcommand_required = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Reads the source's catalog (and its data with --deep) and reports what will not, or may not, survive
    /// the move. Writes nothing.
    #[command(after_help = exit_codes::help())]
    Check(Box<CheckArguments>),
    /// Copies the data of tables that already exist in the target, in parallel, exactly once.
    #[command(after_help = exit_codes::help())]
    Copy(Box<CopyArguments>),
    /// Moves a whole database: checks it, makes its schema in an empty target, copies the rows, builds
    /// indexes, foreign keys and views, and sets the sequences. The same command continues.
    #[command(after_help = exit_codes::help())]
    Migrate(Box<MigrateArguments>),
    /// Finds out what a target accepts and prints it as a profile (TOML) for `copy --profile`.
    #[command(after_help = exit_codes::help())]
    Probe(ProbeArguments),
    /// Prints the schema of the source as DDL that the target takes, or applies it.
    #[command(after_help = exit_codes::help())]
    Schema(Box<SchemaArguments>),
    /// Verifies that the target holds the rows of the source, by a digest of every row, down to the rows and
    /// columns that differ. Writes nothing.
    #[command(after_help = exit_codes::help())]
    Verify(Box<VerifyArguments>),
    /// Shows the runs that a target knows, how far they are, and what the same command would do now.
    #[command(after_help = exit_codes::help())]
    Status(StatusArguments),
    /// Removes wire9's own tables (schema wire9) from a target whose runs are done; loaded rows stay.
    #[command(after_help = exit_codes::help())]
    Clean(CleanArguments),
}

#[derive(Debug, Args)]
pub(super) struct CopyArguments {
    /// PostgreSQL endpoint, the source: a URI or a libpq key=value string.
    #[arg(
        long,
        value_name = "URI",
        env = "WIRE9_POSTGRES",
        hide_env_values = true
    )]
    #[arg(help_heading = "Endpoints")]
    pub(super) postgres: String,

    /// DB9 endpoint, the target: a URI or a libpq key=value string [sslmode: require where not said].
    /// PG* variables (PGPASSWORD …) are for --postgres alone.
    #[arg(long, value_name = "URI", env = "WIRE9_DB9", hide_env_values = true)]
    #[arg(help_heading = "Endpoints")]
    pub(super) db9: String,

    /// Shell command whose first line of output is the PostgreSQL password; run anew for each
    /// connection [default: none].
    #[arg(long, value_name = "COMMAND", help_heading = "Endpoints")]
    pub(super) postgres_password_command: Option<String>,

    /// Shell command whose first line of output is the DB9 password or token; run anew for each
    /// connection [default: none].
    #[arg(long, value_name = "COMMAND", help_heading = "Endpoints")]
    pub(super) db9_password_command: Option<String>,

    /// Profile of the target (TOML, as `wire9 probe` prints it), whose fields override what is probed
    /// [default: none].
    #[arg(long, value_name = "FILE", help_heading = "Endpoints")]
    pub(super) profile: Option<PathBuf>,

    /// `search_path` of the target sessions, for functions of CHECKs and defaults that need one
    /// [default: empty].
    #[arg(long, value_name = "SCHEMAS", help_heading = "Endpoints")]
    pub(super) target_search_path: Option<String>,

    /// Seconds that a silent server is waited for, 1 to 86400.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 300,
        help_heading = "Endpoints"
    )]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(super) io_timeout: u64,

    /// Seconds for which a source or target that is lost in mid-run is tried to be reached again, 0 to
    /// 86400.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 300,
        help_heading = "Endpoints"
    )]
    #[arg(value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub(super) retry_for: u64,

    /// Seconds after which a copy in which nothing moves at all is ended, with what its lanes wait for,
    /// 1 to 604800 [default: 600, or twice --io-timeout].
    #[arg(long, value_name = "SECONDS", help_heading = "Endpoints")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=604_800))]
    pub(super) stall_after: Option<u64>,

    /// Copy only tables of schemas that match this pattern; repeatable [default: all schemas].
    #[arg(long, value_name = "PATTERN", help_heading = "Which rows")]
    pub(super) schema: Vec<String>,

    /// Copy only tables that match this pattern, `[SCHEMA.]TABLE`; repeatable [default: all tables].
    #[arg(long, value_name = "PATTERN", help_heading = "Which rows")]
    pub(super) table: Vec<String>,

    /// Leave out tables that match this pattern, `[SCHEMA.]TABLE`; repeatable [default: none].
    #[arg(long, value_name = "PATTERN", help_heading = "Which rows")]
    pub(super) exclude_table: Vec<String>,

    /// Copy this table without its inheritance children; repeatable [default: none].
    #[arg(long, value_name = "TABLE", help_heading = "Which rows")]
    pub(super) only: Vec<String>,

    /// Copy only rows of the table for which the SQL expression holds; repeatable [default: all rows].
    #[arg(long = "where", value_name = "TABLE=EXPR", help_heading = "Which rows")]
    pub(super) condition: Vec<String>,

    /// Fraction digits of a second that timestamps are cut to, `auto` or 0 to 6; auto is what the
    /// target keeps.
    #[arg(
        long,
        value_name = "auto|0..6",
        default_value = "auto",
        help_heading = "Which rows"
    )]
    #[arg(value_parser = super::settings::fraction_digits)]
    pub(super) fraction_digits: FractionDigits,

    /// What to do with target tables that hold rows which this run did not write.
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "fail",
        help_heading = "What is written"
    )]
    pub(super) on_existing: Existing,

    /// Forget the earlier run of this command or source, empty the tables that it filled, and begin anew
    /// [default: continue it].
    #[arg(long, help_heading = "What is written")]
    pub(super) restart: bool,

    /// Load target tables although they have user triggers, which then fire [default: refuse them].
    #[arg(long, help_heading = "What is written")]
    pub(super) allow_triggers: bool,

    /// Exit with 7 where the source was written since the snapshot, or that is unknown
    /// [default: only say so].
    #[arg(long, help_heading = "What is written")]
    pub(super) require_quiet: bool,

    /// Print the plan and what will be lost, and write nothing [default: copy].
    #[arg(long, help_heading = "What is written")]
    pub(super) dry_run: bool,

    /// Lanes, each with one connection to either side, 1 to 256 [default: CPU cores, at least 4].
    #[arg(long, value_name = "N", help_heading = "Speed and memory")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) jobs: Option<u16>,

    /// Bytes that queues and kept batches may take, as `96MiB`, `1GiB` or a plain number of bytes.
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "96MiB",
        help_heading = "Speed and memory"
    )]
    #[arg(value_parser = super::units::parse_size)]
    pub(super) max_memory: u64,

    /// Also write the verdict as JSON to this file, replaced as a whole at the end [default: none].
    #[arg(long, value_name = "FILE.json", help_heading = "What is shown")]
    pub(super) report: Option<PathBuf>,

    /// Show no progress; the verdict and errors remain [default: progress on stderr].
    #[arg(long, help_heading = "What is shown")]
    pub(super) quiet: bool,
}

#[derive(Debug, Args)]
pub(super) struct ProbeArguments {
    /// DB9 endpoint to probe: a URI or a libpq key=value string [sslmode: require where not said].
    #[arg(long, value_name = "URI", env = "WIRE9_DB9", hide_env_values = true)]
    pub(super) db9: String,

    /// Shell command whose first line of output is the DB9 password or token; run anew for each
    /// connection [default: none].
    #[arg(long, value_name = "COMMAND")]
    pub(super) db9_password_command: Option<String>,
}

/// Where a ledger is.
#[derive(Debug, Args)]
pub(super) struct LedgerArguments {
    /// DB9 endpoint whose runs are asked for: a URI or a libpq key=value string
    /// [sslmode: require where not said].
    #[arg(long, value_name = "URI", env = "WIRE9_DB9", hide_env_values = true)]
    pub(super) db9: String,

    /// Shell command whose first line of output is the DB9 password or token; run anew for each
    /// connection [default: none].
    #[arg(long, value_name = "COMMAND")]
    pub(super) db9_password_command: Option<String>,

    /// Seconds that a silent server is waited for, 1 to 86400.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(super) io_timeout: u64,
}

#[derive(Debug, Args)]
pub(super) struct StatusArguments {
    #[command(flatten)]
    pub(super) ledger: LedgerArguments,

    /// For people (text) or for programs (json).
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
pub(super) struct CleanArguments {
    #[command(flatten)]
    pub(super) ledger: LedgerArguments,

    /// Give up unfinished runs: their rows stay, and they can not be continued [default: refuse].
    #[arg(long)]
    pub(super) abandon: bool,
}

/// `--fraction-digits`: `None` is `auto`. A type of its own, since clap reads an `Option` as an
/// argument that may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FractionDigits(pub(super) Option<u8>);

/// `--on-existing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Existing {
    /// Refuse before anything is written.
    Fail,
    /// Add to them.
    Append,
    /// Empty them first (only tables that are copied).
    Truncate,
}
