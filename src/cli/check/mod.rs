//! `wire9 check`: the findings, for people or for programs.

mod arguments;
mod report;

use std::io::{self, Write as _};

use super::findings::Findings;
use super::reporter::Style;
use super::work::work;
use super::wrap::wrap;
use super::{errors, units};
use crate::metrics::Event;
use crate::runs::Exit;
use crate::runs::check::{self, Assessment, Settings, Step, Watch};
use crate::runs::copy::Surroundings;
use crate::wire::Environment;

pub(super) use arguments::{CheckArguments, Format};

/// Checks and shows; answers the exit code.
pub(super) fn check(typed: &CheckArguments) -> Exit {
    let settings = match typed.settings(&Environment::of_process()) {
        Ok(settings) => settings,
        Err(error) => return errors::show(&error),
    };
    let asked = settings.clone();
    let found = work(
        Style::of_process(typed.quiet),
        move |surroundings| async move {
            let said = |step: Step| say(&surroundings, &step);
            let watch = Watch {
                said: &said,
                stop: &surroundings.stop,
            };
            check::watched(&asked, watch).await
        },
    );
    match found {
        Some(Ok(assessment)) => show(typed, &settings, &assessment),
        Some(Err(error)) => errors::show(&error),
        None => Exit::Interrupted,
    }
}

/// Tells the progress of a step.
pub(super) fn say(surroundings: &Surroundings, step: &Step) {
    if let Some(event) = event(step) {
        // A full channel has no room for words of little weight.
        let _ = surroundings.events.try_send(event);
    }
}

/// Tables of fewer bytes are read before a person has read their line.
const LARGE: u64 = 256 << 20;

/// What is told of a step, if anything.
fn event(step: &Step) -> Option<Event> {
    match step {
        Step::Phase(name) => Some(Event::Phase((*name).to_owned())),
        Step::Reading(table, bytes) if *bytes >= LARGE => {
            let line = format!("reading {table}, {}", units::size(*bytes));
            Some(Event::Notice(line))
        }
        Step::Read(done, all) if done == all || done.is_multiple_of(1_000) => {
            Some(Event::Notice(format!(
                "answered {} of {} about tables and keys",
                units::count(*done as u64),
                units::counted(*all as u64, "question")
            )))
        }
        Step::Reading(..) | Step::Read(..) => None,
    }
}

fn show(typed: &CheckArguments, settings: &Settings, assessment: &Assessment) -> Exit {
    let report = report::Report {
        settings,
        assessment,
        findings: Findings {
            all: typed.all,
            ..Findings::of(assessment)
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
        let line = |step| match event(&step) {
            Some(Event::Notice(line)) => Some(line),
            _ => None,
        };
        let reading = |bytes| line(Step::Reading("public.t".into(), bytes));
        assert_eq!(reading(1 << 20), None);
        assert_eq!(
            reading(3_000_000_000).as_deref(),
            Some("reading public.t, 3.00 GB")
        );
        assert_eq!(line(Step::Read(7, 20)), None);
        assert_eq!(
            line(Step::Read(20, 20)).as_deref(),
            Some("answered 20 of 20 questions about tables and keys")
        );
    }
}
