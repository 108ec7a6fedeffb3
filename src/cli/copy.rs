//! `wire9 copy`: the run on threads of its own, progress and signals beside it, the verdict after it.

use std::io::{self, Write as _};
use std::thread;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::arguments::CopyArguments;
use super::report::Report;
use super::report_file::ReportFile;
use super::reporter::{Reporter, Style};
use super::resources::Resources;
use super::signals::{Ending, Signals};
use super::verdict::Verdict;
use super::wrap::wrap;
use super::{dry_run, errors, judge, settings};
use crate::runs::copy::{Outcome, Settings, Surroundings};
use crate::runs::{self, Error, Exit};
use crate::wire::Environment;

const STOPPING: &str = "stopping: committed batches stay; press again to abort at once";

const ABORTED: &str = "aborted: committed batches stay; the same command continues";

/// Copies and shows; answers the exit code.
pub(super) fn copy(typed: &CopyArguments) -> Exit {
    let meant = settings::copy(typed, &Environment::of_process());
    let ready = meant.and_then(|settings| Ok((report_file(&settings)?, settings)));
    let (report, settings) = match ready {
        Ok(ready) => ready,
        Err(error) => return errors::show(&error),
    };
    let require_quiet = settings.require_quiet;
    let result = match work(settings, Style::of_process(typed.quiet)) {
        Ok(Ending::Finished(result)) => result,
        Ok(Ending::Died) => Err(died()),
        Ok(Ending::Aborted) => return Exit::Interrupted,
        Err(error) => Err(errors::no_runtime(error)),
    };
    match result {
        Ok(outcome) => conclude(&outcome, require_quiet, report.as_ref()),
        Err(error) => fail(&error, report.as_ref()),
    }
}

fn report_file(settings: &Settings) -> Result<Option<ReportFile>, Error> {
    let Some(path) = &settings.report else {
        return Ok(None);
    };
    ReportFile::check(path).map(Some).map_err(|e| Error {
        exit: Exit::Usage,
        what: format!("--report {} can not be written", path.display()),
        advice: Some("give --report a file in a folder that exists and can be written".to_owned()),
        source: Some(Box::new(e)),
    })
}

/// Runs the copy, shows its progress, stops it at a signal.
fn work(settings: Settings, style: Style) -> io::Result<Ending<Result<Outcome, Error>>> {
    let signals = Signals::catch()?;
    let reporter = Reporter::start(style)?;
    let stop = CancellationToken::new();
    let surroundings = Surroundings {
        events: reporter.events(),
        stop: stop.clone(),
    };
    let (done, result) = oneshot::channel();
    thread::Builder::new()
        .name("copy".to_owned())
        .spawn(move || {
            // The receiver is gone only after an abort.
            let _ = done.send(run(&settings, &surroundings));
        })?;
    let ending = signals.until(result, || {
        reporter.say(STOPPING);
        stop.cancel();
    });
    if let Ending::Aborted = ending {
        reporter.abandon(ABORTED);
    }
    Ok(ending)
}

fn run(settings: &Settings, surroundings: &Surroundings) -> Result<Outcome, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(errors::no_runtime)?;
    let result = runtime.block_on(runs::copy::copy(settings, surroundings));
    // What the run has left behind has no say in its verdict.
    runtime.shutdown_background();
    result
}

fn died() -> Error {
    Error {
        exit: Exit::Internal,
        what: "wire9 has a fault: the run ended without an answer".to_owned(),
        advice: Some(
            "committed batches stay; run the same command again, and report the lines above"
                .to_owned(),
        ),
        source: None,
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
    let written = write(file, &Report::of_verdict(&verdict));
    worse(exit, written)
}

/// Shows the error, writes the report, answers the exit code.
fn fail(error: &Error, file: Option<&ReportFile>) -> Exit {
    let exit = errors::show(error);
    worse(
        exit,
        write(file, &Report::of_error(error, Resources::of_process())),
    )
}

/// What went wrong with the words about a run makes a good exit code a bad one, and hides no bad one.
fn worse(exit: Exit, other: Exit) -> Exit {
    if exit == Exit::Done { other } else { exit }
}

fn write(file: Option<&ReportFile>, report: &Report) -> Exit {
    let Some(file) = file else {
        return Exit::Done;
    };
    let written = report.json().map_err(io::Error::other);
    match written.and_then(|text| file.write(&text)) {
        Ok(()) => Exit::Done,
        Err(e) => errors::show(&Error {
            exit: Exit::Internal,
            what: "the file of --report could not be written; the run itself ended as shown"
                .to_owned(),
            advice: Some("make room on its disk; the verdict stands without it".to_owned()),
            source: Some(Box::new(e)),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_that_fails_hides_no_bad_exit_code() {
        assert_eq!(worse(Exit::Done, Exit::Internal), Exit::Internal);
        assert_eq!(worse(Exit::Mismatch, Exit::Internal), Exit::Mismatch);
        assert_eq!(worse(Exit::Interrupted, Exit::Internal), Exit::Interrupted);
        assert_eq!(worse(Exit::Done, Exit::Done), Exit::Done);
    }
}
