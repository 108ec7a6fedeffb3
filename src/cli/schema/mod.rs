//! `wire9 schema`: the DDL for the target, printed or applied.

mod arguments;

use std::io::{self, Write as _};
use std::path::Path;

use super::findings::Findings;
use super::migrate::migrate_as_meant;
use super::reporter::Style;
use super::work::work;
use super::{check, errors};
use crate::runs::check::{Step, Watch};
use crate::runs::schema::{self as run, Schema};
use crate::runs::{Error, Exit};
use crate::wire::Environment;
use arguments::Meant;

pub(super) use arguments::SchemaArguments;

/// Prints or applies; answers the exit code.
pub(super) fn schema(typed: &SchemaArguments) -> Exit {
    let style = Style::of_process(typed.quiet);
    let made = match typed.meant(&Environment::of_process()) {
        Ok(Meant::Apply(settings)) => return migrate_as_meant(*settings, style),
        Ok(Meant::Print(settings, sections)) => work(style, move |surroundings| async move {
            let said = |step: Step| check::say(&surroundings, &step);
            let watch = Watch {
                said: &said,
                stop: &surroundings.stop,
            };
            run::schema(&settings, sections, watch).await
        }),
        Ok(Meant::Clean(settings, sections)) => {
            work(style, move |_| run::of_dump(*settings, sections))
        }
        Err(error) => Some(Err(error)),
    };
    let printed = match made {
        Some(made) => made.and_then(|schema| print(&schema, typed)),
        None => return Exit::Interrupted,
    };
    match printed {
        Ok(()) => Exit::Done,
        Err(error) => errors::show(&error),
    }
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
    let findings = Findings::of(&schema.assessment);
    errors::say(&format!("{}: `wire9 check` shows them", findings.summary()));
}

fn not_written(path: &Path, cause: io::Error) -> Error {
    let what = format!("--output {} can not be written", path.display());
    Error::new(Exit::Usage, what)
        .advise("give --output a file in a folder that exists and can be written")
        .because(cause)
}
