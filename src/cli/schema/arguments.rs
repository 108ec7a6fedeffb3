//! Arguments of `wire9 schema` as typed, and what they mean.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::catalog::database::Database;
use crate::cli::assessment::AssessmentArguments;
use crate::cli::endpoints::{DB9_IF_ANY, EndpointArguments};
use crate::cli::{loading, settings};
use crate::runs::migrate::{Dump, Parts};
use crate::runs::{Error, Exit, check, copy, migrate};
use crate::schema::dump::{DumpError, Reader};
use crate::schema::script::Sections;
use crate::wire::Environment;

#[derive(Debug, Args)]
#[command(mut_arg("db9", |db9| db9.required(false).help(DB9_IF_ANY)))]
#[command(mut_arg("postgres", |source| source.required(false).required_unless_present("from_dump")))]
pub(in crate::cli) struct SchemaArguments {
    #[command(flatten)]
    endpoints: EndpointArguments,

    /// Plain dump (pg_dump --schema-only) to read instead of a source; rows in it are passed over
    /// [default: none].
    #[arg(long, value_name = "FILE", help_heading = "Endpoints")]
    from_dump: Option<PathBuf>,

    #[command(flatten)]
    assessment: AssessmentArguments,

    /// Which part of the schema.
    #[arg(long, value_name = "PART", default_value = "all")]
    #[arg(help_heading = "What is converted")]
    section: Part,

    /// Apply it to the --db9, which must be empty; the same command continues [default: print it].
    #[arg(long, requires = "db9", help_heading = "What is written")]
    apply: bool,

    /// Statements at once with --apply, 1 to 256 [default: CPU cores, at least 4].
    #[arg(long, value_name = "N", help_heading = "What is written")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,

    /// Print it into this file [default: stdout].
    #[arg(long, value_name = "FILE", conflicts_with = "apply")]
    #[arg(help_heading = "What is shown")]
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

impl SchemaArguments {
    /// What they mean.
    pub(super) fn meant(&self, environment: &Environment) -> Result<Meant, Error> {
        let sections = self.sections();
        let dump = match &self.from_dump {
            Some(path) if self.apply => Some(Dump {
                file: same_file(path),
                database: read(path)?,
            }),
            Some(path) => {
                let settings =
                    self.assessment
                        .of_dump(read(path)?, &self.endpoints, environment)?;
                return Ok(Meant::Clean(Box::new(settings), sections));
            }
            None => None,
        };
        let check = check::Settings {
            jobs: settings::lanes(self.jobs),
            ..self.assessment.settings(&self.endpoints, environment)?
        };
        if !self.apply {
            return Ok(Meant::Print(Box::new(check), sections));
        }
        let parts = Parts {
            pre_data: sections.pre_data,
            data: false,
            post_data: sections.post_data,
        };
        Ok(Meant::Apply(Box::new(migrate::Settings {
            // No row is copied.
            copy: copy::Settings {
                jobs: usize::try_from(check.jobs).unwrap_or(1),
                ..loading::plain(&self.endpoints, environment)?
            },
            check,
            parts,
            skip_indexes: false,
            skip_foreign_keys: false,
            statement_limit: None,
            dump,
        })))
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

/// The file by the name that it has from everywhere.
fn same_file(path: &Path) -> String {
    let whole = path.canonicalize();
    whole.as_deref().unwrap_or(path).display().to_string()
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
