//! Arguments of `wire9 schema` as typed, and what they mean.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::catalog::database::Database;
use crate::cli::check::{mapping, profile};
use crate::cli::findings::{AcceptArguments, accepted};
use crate::cli::settings;
use crate::runs::copy::OnExisting;
use crate::runs::migrate::Parts;
use crate::runs::{Error, Exit, check, copy, migrate};
use crate::schema::Selection;
use crate::schema::convert::Wishes;
use crate::schema::dump::{DumpError, Reader};
use crate::schema::mapping::Mapping;
use crate::schema::script::Sections;
use crate::wire::{ConnectOptions, Environment};

#[derive(Debug, Args)]
pub(in crate::cli) struct SchemaArguments {
    /// PostgreSQL endpoint, the source: a URI or a libpq key=value string.
    #[arg(
        long,
        value_name = "URI",
        env = "WIRE9_POSTGRES",
        hide_env_values = true
    )]
    #[arg(help_heading = "Endpoints", required_unless_present = "from_dump")]
    postgres: Option<String>,

    /// Plain dump (pg_dump --schema-only) to read instead of a source; rows in it are passed over
    /// [default: none].
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Endpoints",
        conflicts_with = "apply"
    )]
    from_dump: Option<PathBuf>,

    /// DB9 endpoint, the target, which is probed: a URI or a libpq key=value string [sslmode: require
    /// where not said] [default: none, DB9's documents tell what it accepts].
    #[arg(long, value_name = "URI", env = "WIRE9_DB9", hide_env_values = true)]
    #[arg(help_heading = "Endpoints")]
    db9: Option<String>,

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

    /// Take a source other than PostgreSQL 13 to 18 all the same [default: refuse it].
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
    #[arg(long, value_name = "FILE", help_heading = "What is converted")]
    map: Option<PathBuf>,

    /// Keep COMMENTs where the target takes them [default: they are left out].
    #[arg(long, help_heading = "What is converted")]
    comments: bool,

    /// Make plain tables of foreign tables [default: they are left out].
    #[arg(long, help_heading = "What is converted")]
    foreign_tables: bool,

    /// Which part of the schema.
    #[arg(
        long,
        value_name = "PART",
        default_value = "all",
        help_heading = "What is converted"
    )]
    section: Part,

    /// Apply it to the --db9, which must be empty; the same command continues [default: print it].
    #[arg(long, requires = "db9", help_heading = "What is written")]
    apply: bool,

    /// Statements at once with --apply, 1 to 256 [default: CPU cores, at least 4].
    #[arg(long, value_name = "N", help_heading = "What is written")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,

    #[command(flatten)]
    accept: AcceptArguments,

    /// Print it into this file [default: stdout].
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "What is shown",
        conflicts_with = "apply"
    )]
    pub(super) output: Option<PathBuf>,

    /// Show no progress; the schema and errors remain [default: progress on stderr].
    #[arg(long, help_heading = "What is shown")]
    pub(super) quiet: bool,
}

/// `--section`, as pg_dump has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// What comes before the rows.
    PreData,
    /// What comes after the rows.
    PostData,
    /// Both.
    All,
}

/// What is to be done.
pub(super) enum Meant {
    Print(Box<check::Settings>, Sections),
    Clean(Box<check::DumpSettings>, Sections),
    Apply(Box<migrate::Settings>),
}

/// How long a target that is lost while its schema is made is tried to be reached again.
const RETRY_FOR: Duration = Duration::from_secs(300);

impl SchemaArguments {
    /// What they mean.
    pub(super) fn meant(&self, environment: &Environment) -> Result<Meant, Error> {
        let sections = self.sections();
        if let Some(path) = &self.from_dump {
            let settings = self.dump(path, environment)?;
            return Ok(Meant::Clean(Box::new(settings), sections));
        }
        let check = self.check(environment)?;
        if !self.apply {
            return Ok(Meant::Print(Box::new(check), sections));
        }
        let parts = Parts {
            pre_data: sections.pre_data,
            data: false,
            post_data: sections.post_data,
        };
        Ok(Meant::Apply(Box::new(migrate::Settings {
            copy: self.copy(&check)?,
            check,
            parts,
            skip_indexes: false,
            skip_foreign_keys: false,
        })))
    }

    fn check(&self, environment: &Environment) -> Result<check::Settings, Error> {
        let command = self.postgres_password_command.as_deref();
        // clap asks for one of the two.
        let uri = self.postgres.as_deref().unwrap_or_default();
        Ok(check::Settings {
            source: settings::postgres(uri, command, environment)?,
            target: self.target(environment)?,
            profile: self.profile.as_deref().map(profile).transpose()?,
            mapping: self.mapping()?,
            wishes: self.wishes(),
            deep: false,
            jobs: settings::lanes(self.jobs),
            unsupported_source: self.unsupported_source,
            accepted: accepted(&self.accept)?,
            io_timeout: Duration::from_secs(self.io_timeout),
        })
    }

    fn dump(&self, path: &Path, environment: &Environment) -> Result<check::DumpSettings, Error> {
        Ok(check::DumpSettings {
            database: read(path)?,
            target: self.target(environment)?,
            profile: self.profile.as_deref().map(profile).transpose()?,
            mapping: self.mapping()?,
            wishes: self.wishes(),
            accepted: accepted(&self.accept)?,
            io_timeout: Duration::from_secs(self.io_timeout),
        })
    }

    fn target(&self, environment: &Environment) -> Result<Option<ConnectOptions>, Error> {
        let command = self.db9_password_command.as_deref();
        let parsed = self.db9.as_deref();
        parsed
            .map(|uri| settings::db9(uri, command, environment))
            .transpose()
    }

    fn mapping(&self) -> Result<Mapping, Error> {
        self.map.as_deref().map_or(Ok(Mapping::default()), mapping)
    }

    fn wishes(&self) -> Wishes {
        Wishes {
            comments: self.comments,
            foreign_tables: self.foreign_tables,
        }
    }

    /// No row is copied; what reaches the target goes without saying.
    fn copy(&self, check: &check::Settings) -> Result<copy::Settings, Error> {
        let Some(mut target) = check.target.clone() else {
            return Err(Error::new(Exit::Usage, "--apply needs --db9"));
        };
        target.set_reply_timeout(check.io_timeout);
        Ok(copy::Settings {
            source: check.source.clone(),
            target,
            selection: Selection::default(),
            mapped: None,
            profile: check.profile.clone(),
            fraction_digits: None,
            jobs: usize::try_from(check.jobs).unwrap_or(1),
            max_memory: 0,
            io_timeout: check.io_timeout,
            retry_for: RETRY_FOR,
            stall_after: None,
            restart: false,
            on_existing: OnExisting::Fail,
            allow_triggers: false,
            require_quiet: false,
            dry_run: false,
            target_search_path: None,
            report: None,
        })
    }

    fn sections(&self) -> Sections {
        match self.section {
            Part::PreData => Sections {
                pre_data: true,
                post_data: false,
            },
            Part::PostData => Sections {
                pre_data: false,
                post_data: true,
            },
            Part::All => Sections::ALL,
        }
    }
}

/// Bytes of a dump that are read at once.
const PIECE: usize = 1 << 16;

/// Reads a dump in pieces: it may be larger than memory.
fn read(path: &Path) -> Result<Database, Error> {
    let usage = |what: &str| {
        let what = format!("--from-dump {} {what}", path.display());
        Error::new(Exit::Usage, what)
    };
    let unreadable = |e: std::io::Error| {
        usage("can not be read")
            .because(e)
            .advise("give a file that pg_dump --schema-only has written")
    };
    let no_dump = |e: DumpError| usage("is no dump that can be used").because(e);
    let mut file = File::open(path).map_err(unreadable)?;
    let mut reader = Reader::new().map_err(no_dump)?;
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece).map_err(unreadable)? {
            0 => return Ok(reader.finish().map_err(no_dump)?.database),
            length => reader.feed(&piece[..length]).map_err(no_dump)?,
        }
    }
}
