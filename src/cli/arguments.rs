//! Arguments as typed: the clap types, which never leave `cli`.

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::check::{CheckArguments, Format};
use super::endpoints::{EndpointArguments, TargetArguments};
use super::exit_codes;
use super::loading::LoadingArguments;
use super::migrate::MigrateArguments;
use super::rejects::RejectsArguments;
use super::schema::SchemaArguments;
use super::selection::SelectionArguments;
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
    /// Lists rejected rows by table and reason, shows where each stood, or loads them again.
    #[command(after_help = exit_codes::help())]
    Rejects(RejectsArguments),
    /// Removes wire9's own tables (schema wire9) from a target whose runs are done; loaded rows stay.
    #[command(after_help = exit_codes::help())]
    Clean(CleanArguments),
}

#[derive(Debug, Args)]
pub(super) struct CopyArguments {
    #[command(flatten)]
    pub(super) endpoints: EndpointArguments,

    #[command(flatten)]
    pub(super) selection: SelectionArguments,

    /// What to do with target tables that hold rows which this run did not write.
    #[arg(long, value_name = "WHAT", default_value = "fail")]
    #[arg(help_heading = "What is written")]
    pub(super) on_existing: Existing,

    /// Forget the earlier run of this command or source, empty the tables that it filled, and begin anew
    /// [default: continue it].
    #[arg(long, help_heading = "What is written")]
    pub(super) restart: bool,

    #[command(flatten)]
    pub(super) loading: LoadingArguments,
}

#[derive(Debug, Args)]
pub(super) struct ProbeArguments {
    #[command(flatten)]
    pub(super) target: TargetArguments,
}

#[derive(Debug, Args)]
pub(super) struct StatusArguments {
    #[command(flatten)]
    pub(super) target: TargetArguments,

    /// For people (text) or for programs (json).
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
pub(super) struct CleanArguments {
    #[command(flatten)]
    pub(super) target: TargetArguments,

    /// Give up unfinished runs and rejected rows: loaded rows and files stay, and nothing can be continued or
    /// replayed [default: refuse].
    #[arg(long)]
    pub(super) abandon: bool,
}

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
