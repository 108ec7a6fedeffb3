//! `wire9 copy`: the run on threads of its own, progress and signals beside it, the verdict after it.

use super::arguments::CopyArguments;
use super::report_file::ReportFile;
use super::reporter::Style;
use super::resources::Resources;
use super::verdict::Verdict;
use super::work::{printed, report_file, work, written};
use super::wrap::wrap;
use super::{dry_run, errors, judge, report, settings};
use crate::runs::copy::Outcome;
use crate::runs::{self, Exit};
use crate::wire::Environment;

/// Copies and shows; answers the exit code.
pub(super) fn copy(typed: &CopyArguments) -> Exit {
    let meant = settings::copy(typed, &Environment::of_process());
    let ready = meant.and_then(|s| Ok((report_file(s.report.as_deref())?, s)));
    let (file, settings) = match ready {
        Ok(ready) => ready,
        Err(error) => return errors::show(&error),
    };
    let require_quiet = settings.require_quiet;
    let result = work(
        Style::of_process(typed.loading.quiet),
        move |surroundings| async move { runs::copy::copy(&settings, &surroundings).await },
    );
    match result {
        Some(Ok(outcome)) => conclude(&outcome, require_quiet, file.as_ref()),
        Some(Err(error)) => {
            let exit = errors::show(&error);
            let failed = report::of_error(&error, Resources::of_process());
            written(&failed, file.as_ref(), exit)
        }
        None => Exit::Interrupted,
    }
}

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
    let exit = printed(&wrap(&text, verdict.width), verdict.exit);
    written(&report::of_verdict(&verdict), file, exit)
}
