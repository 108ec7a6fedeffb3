//! A run on threads of its own, with progress and signals beside it; and the report file after it.

use std::io::{self, Write as _};
use std::path::Path;
use std::thread;

use serde::Serialize;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::envelope::Envelope;
use super::errors;
use super::report_file::ReportFile;
use super::reporter::{Reporter, Style};
use super::signals::{Ending, Signals};
use crate::runs::copy::Surroundings;
use crate::runs::{Error, Exit};

const STOPPING: &str = "stopping: what is committed stays; press again to abort at once";

const ABORTED: &str = "aborted: what is committed stays; the same command continues";

/// Runs `begin`, shows its progress, stops it at a signal; `None` where a second signal aborted it.
pub(super) fn work<T, F>(
    style: Style,
    begin: impl FnOnce(Surroundings) -> F + Send + 'static,
) -> Option<Result<T, Error>>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Error>>,
{
    match started(style, begin) {
        Ok(Ending::Finished(result)) => Some(result),
        Ok(Ending::Died) => Some(Err(died())),
        Ok(Ending::Aborted) => None,
        Err(error) => Some(Err(errors::no_runtime(error))),
    }
}

fn started<T, F>(
    style: Style,
    begin: impl FnOnce(Surroundings) -> F + Send + 'static,
) -> io::Result<Ending<Result<T, Error>>>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Error>>,
{
    let signals = Signals::catch()?;
    let reporter = Reporter::start(style)?;
    let stop = CancellationToken::new();
    let surroundings = Surroundings {
        events: reporter.events(),
        stop: stop.clone(),
    };
    let (done, result) = oneshot::channel();
    thread::Builder::new()
        .name("run".to_owned())
        .spawn(move || {
            // The receiver is gone only after an abort.
            let _ = done.send(run(|| begin(surroundings)));
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

fn run<T, F>(begin: impl FnOnce() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(errors::no_runtime)?;
    let result = runtime.block_on(begin());
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

/// The place of `--report`, checked before the run.
pub(super) fn report_file(path: Option<&Path>) -> Result<Option<ReportFile>, Error> {
    let Some(path) = path else {
        return Ok(None);
    };
    ReportFile::check(path).map(Some).map_err(|e| Error {
        exit: Exit::Usage,
        what: format!("--report {} can not be written", path.display()),
        advice: Some("give --report a file in a folder that exists and can be written".to_owned()),
        source: Some(Box::new(e)),
    })
}

/// Prints the verdict of a run that ended like `exit`; answers the exit code.
pub(super) fn printed(text: &str, exit: Exit) -> Exit {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => exit,
        Err(e) => worse(exit, errors::show(&errors::not_printed("verdict", e))),
    }
}

/// Writes the report of a run that ended like `exit`, where one is wanted; answers the exit code.
pub(super) fn written<R: Serialize>(
    report: &Envelope<R>,
    file: Option<&ReportFile>,
    exit: Exit,
) -> Exit {
    let Some(file) = file else {
        return exit;
    };
    let json = report.json().map_err(io::Error::other);
    match json.and_then(|text| file.write(&text)) {
        Ok(()) => exit,
        Err(e) => worse(exit, errors::show(&not_written(e))),
    }
}

fn not_written(cause: io::Error) -> Error {
    let what = "the file of --report could not be written; the run itself ended as shown";
    Error::new(Exit::Internal, what)
        .because(cause)
        .advise("make room on its disk; the verdict stands without it")
}

/// What went wrong with the words about a run makes a good exit code a bad one, and hides no bad one.
fn worse(exit: Exit, other: Exit) -> Exit {
    if exit == Exit::Done { other } else { exit }
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
