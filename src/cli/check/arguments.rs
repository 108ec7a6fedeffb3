//! Arguments of `wire9 check` as typed, and what they mean.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::findings::{AcceptArguments, accepted};
use crate::cli::settings;
use crate::profile::Profile;
use crate::runs::check::Settings;
use crate::runs::{Error, Exit};
use crate::schema::convert::Wishes;
use crate::schema::mapping::Mapping;
use crate::wire::Environment;

#[derive(Debug, Args)]
pub(in crate::cli) struct CheckArguments {
    /// PostgreSQL endpoint, the source: a URI or a libpq key=value string.
    #[arg(
        long,
        value_name = "URI",
        env = "WIRE9_POSTGRES",
        hide_env_values = true
    )]
    #[arg(help_heading = "Endpoints")]
    pub(super) postgres: String,

    /// DB9 endpoint, the target, which is probed: a URI or a libpq key=value string [sslmode: require
    /// where not said] [default: none, DB9's documents tell what it accepts].
    #[arg(long, value_name = "URI", env = "WIRE9_DB9", hide_env_values = true)]
    #[arg(help_heading = "Endpoints")]
    pub(super) db9: Option<String>,

    /// Shell command whose first line of output is the PostgreSQL password; run anew for each
    /// connection [default: none].
    #[arg(long, value_name = "COMMAND", help_heading = "Endpoints")]
    postgres_password_command: Option<String>,

    /// Shell command whose first line of output is the DB9 password or token; run anew for each
    /// connection [default: none].
    #[arg(long, value_name = "COMMAND", help_heading = "Endpoints")]
    db9_password_command: Option<String>,

    /// Profile of the target (TOML, as `wire9 probe` prints it), whose fields override what is probed or
    /// documented; `postgresql` is a PostgreSQL [default: none].
    #[arg(long, value_name = "FILE|postgresql", help_heading = "Endpoints")]
    profile: Option<PathBuf>,

    /// Check a source other than PostgreSQL 13 to 18 all the same [default: refuse it].
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

    /// File (TOML) with other names and types than the default ones [default: none].
    #[arg(long, value_name = "FILE", help_heading = "What is checked")]
    map: Option<PathBuf>,

    /// Read the data, too: what will be cut, collide or be refused, with numbers [default: only the catalog].
    #[arg(long, help_heading = "What is checked")]
    deep: bool,

    /// Lanes that the copy will use, and readers of --deep, 1 to 256 [default: CPU cores, at least 4].
    #[arg(long, value_name = "N", help_heading = "What is checked")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,

    /// COMMENTs will be kept where the target takes them [default: they are left out].
    #[arg(long, help_heading = "What is checked")]
    comments: bool,

    /// Rows of foreign tables will be copied into plain tables [default: they are left out].
    #[arg(long, help_heading = "What is checked")]
    foreign_tables: bool,

    #[command(flatten)]
    accept: AcceptArguments,

    /// Form of the report: for people, or for programs (docs/findings.md).
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        help_heading = "What is shown"
    )]
    pub(super) format: Format,

    /// Show every object [default: the first ten of each kind].
    #[arg(long, help_heading = "What is shown")]
    pub(super) all: bool,

    /// Show no progress; the report and errors remain [default: progress on stderr].
    #[arg(long, help_heading = "What is shown")]
    pub(super) quiet: bool,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl CheckArguments {
    /// What they mean.
    pub(super) fn settings(&self, environment: &Environment) -> Result<Settings, Error> {
        let command = self.postgres_password_command.as_deref();
        let source = settings::postgres(&self.postgres, command, environment)?;
        let command = self.db9_password_command.as_deref();
        let target = self
            .db9
            .as_deref()
            .map(|uri| settings::db9(uri, command, environment));
        Ok(Settings {
            source,
            target: target.transpose()?,
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
            jobs: settings::lanes(self.jobs),
            unsupported_source: self.unsupported_source,
            accepted: accepted(&self.accept)?,
            io_timeout: Duration::from_secs(self.io_timeout),
        })
    }
}

/// The text of a profile: a file's, or that of the word `postgresql`.
pub(in crate::cli) fn profile(path: &Path) -> Result<String, Error> {
    if path.as_os_str() == "postgresql" {
        return Ok(Profile::postgresql().to_toml());
    }
    settings::profile(path)
}

/// The file of `--map`.
pub(in crate::cli) fn mapping(path: &Path) -> Result<Mapping, Error> {
    let usage = |what: &str| Error::new(Exit::Usage, format!("--map {} {what}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| {
        usage("can not be read")
            .because(e)
            .advise("give a TOML file with [schemas], [tables], [types] or [columns]")
    })?;
    Mapping::from_toml(&text).map_err(|e| usage("can not be used").because(e))
}
