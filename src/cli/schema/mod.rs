//! `wire9 schema`: the DDL for the target, printed or applied.

mod arguments;

use std::io::{self, Write as _};
use std::path::Path;

use super::errors;
use super::findings::Findings;
use super::migrate::migrate_as_meant;
use super::reporter::Style;
use crate::runs::schema::{self as run, Schema};
use crate::runs::{Error, Exit};
use crate::wire::Environment;
use arguments::Meant;

pub(super) use arguments::SchemaArguments;

/// Prints or applies; answers the exit code.
pub(super) fn schema(typed: &SchemaArguments) -> Exit {
    let style = Style::of_process(typed.quiet);
    match typed.meant(&Environment::of_process()) {
        Ok(Meant::Apply(settings)) => migrate_as_meant(*settings, style),
        Ok(Meant::Print(settings, sections)) => {
            let made = block_on(run::schema(&settings, sections));
            shown(made.and_then(|schema| print(&schema, typed)))
        }
        Ok(Meant::Clean(settings, sections)) => {
            let made = block_on(run::of_dump(*settings, sections));
            shown(made.and_then(|schema| print(&schema, typed)))
        }
        Err(error) => errors::show(&error),
    }
}

fn shown(result: Result<(), Error>) -> Exit {
    match result {
        Ok(()) => Exit::Done,
        Err(error) => errors::show(&error),
    }
}

fn block_on<T>(future: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(errors::no_runtime)?;
    let result = runtime.block_on(future);
    runtime.shutdown_background();
    result
}

fn print(schema: &Schema, typed: &SchemaArguments) -> Result<(), Error> {
    match &typed.output {
        Some(path) => {
            std::fs::write(path, &schema.script).map_err(|e| not_written(path, e))?;
        }
        None => {
            let printed = io::stdout().lock().write_all(schema.script.as_bytes());
            printed.map_err(|e| errors::not_printed("schema", e))?;
        }
    }
    if !typed.quiet {
        say(schema);
    }
    Ok(())
}

/// One line on what does not survive.
fn say(schema: &Schema) {
    let findings = Findings {
        list: &schema.assessment.findings,
        accepted: &schema.assessment.accepted,
        all: false,
    };
    errors::say(&format!("{}: `wire9 check` shows them", findings.summary()));
}

fn not_written(path: &Path, cause: io::Error) -> Error {
    let what = format!("--output {} can not be written", path.display());
    Error::new(Exit::Usage, what)
        .advise("give --output a file in a folder that exists and can be written")
        .because(cause)
}
