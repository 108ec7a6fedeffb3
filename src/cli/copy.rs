//! `wire9 copy`: the run on threads of its own, progress and signals beside it, the verdict after it.

use std::io::{self, Write as _};

use super::arguments::CopyArguments;
use super::report::Report;
use super::report_file::ReportFile;
use super::reporter::Style;
use super::resources::Resources;
use super::verdict::Verdict;
use super::work::{report_file, work, worse, write};
use super::wrap::wrap;
use super::{dry_run, errors, judge, settings};
use crate::runs::copy::Outcome;
use crate::runs::{self, Error, Exit};
use crate::wire::Environment;

/// Copies and shows; answers the exit code.
pub(super) fn copy(typed: &CopyArguments) -> Exit {
    let meant = settings::copy(typed, &Environment::of_process());
    let ready = meant.and_then(|s| Ok((report_file(s.report.as_deref())?, s)));
    let (report, settings) = match ready {
        Ok(ready) => ready,
        Err(error) => return errors::show(&error),
    };
    let require_quiet = settings.require_quiet;
    let result = work(
        Style::of_process(typed.quiet),
        move |surroundings| async move { runs::copy::copy(&settings, &surroundings).await },
    );
    match result {
        Some(Ok(outcome)) => conclude(&outcome, require_quiet, report.as_ref()),
        Some(Err(error)) => fail(&error, report.as_ref()),
        None => Exit::Interrupted,
    }
}

/// Shows the verdict, writes the report, answers the exit code.
fn conclude(outcome: &Outcome, require_quiet: bool, file: Option<&ReportFile>) -> Exit {
    let verdict = Verdict {
        outcome,
        exit: judge::exit(outcome, require_quiet),
        require_quiet,
        resources: Resources::of_process(),
        width: super::columns(),
    };
    let text = match outcome.dry_run && !outcome.interrupted {
        true => dry_run::text(outcome),
        false => verdict.text(),
    };
    let text = wrap(&text, verdict.width);
    let printed = io::stdout().lock().write_all(text.as_bytes());
    let mut exit = verdict.exit;
    if let Err(e) = printed {
        exit = worse(exit, errors::show(&errors::not_printed("verdict", e)));
    }
    let written = write(file, Report::of_verdict(&verdict).json());
    worse(exit, written)
}

/// Shows the error, writes the report, answers the exit code.
fn fail(error: &Error, file: Option<&ReportFile>) -> Exit {
    let exit = errors::show(error);
    let report = Report::of_error(error, Resources::of_process());
    worse(exit, write(file, report.json()))
}
