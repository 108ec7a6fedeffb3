//! `wire9 check`: the findings, for people or for programs.

mod arguments;
mod report;

use std::io::{self, Write as _};

use super::findings::Findings;
use super::wrap::wrap;
use super::{errors, units};
use crate::runs::check::{self, Assessment, Settings, Step};
use crate::runs::{Error, Exit};
use crate::wire::Environment;

pub(super) use arguments::{CheckArguments, Format};

/// Checks and shows; answers the exit code.
pub(super) fn check(typed: &CheckArguments) -> Exit {
    let settings = match typed.settings(&Environment::of_process()) {
        Ok(settings) => settings,
        Err(error) => return errors::show(&error),
    };
    match assess(&settings, typed.quiet) {
        Ok(assessment) => show(typed, &settings, &assessment),
        Err(error) => errors::show(&error),
    }
}

fn assess(settings: &Settings, quiet: bool) -> Result<Assessment, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(errors::no_runtime)?;
    let said = |step: Step| {
        if let Some(line) = line(&step).filter(|_| !quiet) {
            errors::say(&line);
        }
    };
    let result = runtime.block_on(check::watched(settings, &said));
    runtime.shutdown_background();
    result
}

/// Tables of fewer bytes are read before a person has read their line.
const LARGE: u64 = 256 << 20;

/// What is told of a step, if anything.
fn line(step: &Step) -> Option<String> {
    match step {
        Step::Phase(name) => Some((*name).to_owned()),
        Step::Reading(table, bytes) if *bytes >= LARGE => {
            Some(format!("reading {table}, {}", units::size(*bytes)))
        }
        Step::Read(done, all) if done == all || done.is_multiple_of(1_000) => Some(format!(
            "answered {} of {} about tables and keys",
            units::count(*done as u64),
            units::counted(*all as u64, "question")
        )),
        Step::Reading(..) | Step::Read(..) => None,
    }
}

fn show(typed: &CheckArguments, settings: &Settings, assessment: &Assessment) -> Exit {
    let report = report::Report {
        settings,
        assessment,
        findings: Findings {
            list: &assessment.findings,
            accepted: &assessment.accepted,
            all: typed.all,
        },
    };
    let text = match typed.format {
        Format::Text => Ok(wrap(&report.text(), super::columns())),
        Format::Json => report.json().map_err(io::Error::other),
    };
    let printed = text.and_then(|text| io::stdout().lock().write_all(text.as_bytes()));
    match printed {
        Ok(()) => report.findings.exit(),
        Err(e) => errors::show(&errors::not_printed("report", e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_large_tables_have_a_line_of_their_own() {
        let reading = |bytes| line(&Step::Reading("public.t".into(), bytes));
        assert_eq!(reading(1 << 20), None);
        assert_eq!(
            reading(3_000_000_000).as_deref(),
            Some("reading public.t, 3.00 GB")
        );
        assert_eq!(line(&Step::Read(7, 20)), None);
        assert_eq!(
            line(&Step::Read(20, 20)).as_deref(),
            Some("answered 20 of 20 questions about tables and keys")
        );
    }
}
