//! What people see: arguments as typed → settings as meant, progress, verdict, report, exit codes.
//!
//! Progress and errors go to stderr, the verdict (and help, and a probed profile) to stdout. Nothing
//! else of the crate prints, and nothing here ends the process: `run` answers the exit code.

mod arguments;
mod assessment;
mod check;
mod clean;
mod copy;
mod dry_run;
mod endpoints;
mod envelope;
mod errors;
mod exit_codes;
mod findings;
mod judge;
mod loading;
mod migrate;
mod probe;
mod progress;
mod redact;
mod rejects;
mod report;
mod report_file;
mod reporter;
mod resources;
mod schema;
mod selection;
mod settings;
mod signals;
mod stall;
mod status;
mod tally_table;
mod terminal;
mod units;
mod verdict;
mod verify;
mod work;
mod wrap;

use std::ffi::OsString;
use std::io::{self, Write as _};

use clap::Parser as _;

use crate::runs::Exit;
use arguments::{Arguments, Command};

/// Runs the program with these arguments (the first is its name) and answers its exit code.
pub fn run<I, T>(args: I) -> u8
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let exit = match Arguments::try_parse_from(args) {
        Ok(arguments) => command(arguments.command),
        Err(error) => not_parsed(&error),
    };
    exit as u8
}

fn command(command: Command) -> Exit {
    match command {
        Command::Check(typed) => check::check(&typed),
        Command::Copy(typed) => copy::copy(&typed),
        Command::Migrate(typed) => migrate::migrate(&typed),
        Command::Probe(typed) => probe::probe(&typed),
        Command::Schema(typed) => schema::schema(&typed),
        Command::Verify(typed) => verify::verify(&typed),
        Command::Status(typed) => status::status(&typed),
        Command::Rejects(typed) => rejects::rejects(&typed),
        Command::Clean(typed) => clean::clean(&typed),
    }
}

/// Columns of stdout where it is a terminal.
fn columns() -> Option<usize> {
    let term = console::Term::stdout();
    let (_, columns) = term.is_term().then(|| term.size_checked()).flatten()?;
    Some(usize::from(columns))
}

/// What the rendering of a missing argument does not tell.
const ENDPOINTS: &str = "The endpoints may also come from WIRE9_POSTGRES and WIRE9_DB9.\n";

/// Help and version are answers; everything else is a usage error, shown without any secret that
/// stood where it does not belong.
fn not_parsed(error: &clap::Error) -> Exit {
    if !error.use_stderr() {
        return match error.print() {
            Ok(()) => Exit::Done,
            Err(_) => Exit::Internal,
        };
    }
    let mut text = redact::redact(&error.render().to_string());
    if error.kind() == clap::error::ErrorKind::MissingRequiredArgument {
        text.push_str(ENDPOINTS);
    }
    // Nobody is left to be told where stderr itself can not be written.
    let _ = io::stderr().lock().write_all(text.as_bytes());
    Exit::Usage
}
