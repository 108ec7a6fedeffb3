//! How an error is shown: once, on stderr, as what + causes + remedy.

use std::error::Error as _;
use std::fmt::Write as _;
use std::io::{self, Write as _};

use super::redact::{one_line, redact};
use crate::runs::{Error, Exit};

/// Shows an error and answers its exit code.
pub(super) fn show(error: &Error) -> Exit {
    // Nobody is left to be told where stderr itself can not be written.
    let _ = io::stderr().lock().write_all(text(error).as_bytes());
    error.exit
}

/// Shows one line on stderr.
pub(super) fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", one_line(line));
}

/// The causes, outermost first, as lines for people.
pub(super) fn causes(error: &Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let line = clean(&cause.to_string());
        // A wrapper that says what its cause says has nothing to add.
        if causes.last() != Some(&line) {
            causes.push(line);
        }
        next = cause.source();
    }
    causes
}

/// A line without secrets and control characters.
pub(super) fn clean(text: &str) -> String {
    one_line(&redact(text))
}

/// The answer of a command could not be written to stdout.
pub(super) fn not_printed(what: &str, cause: io::Error) -> Error {
    Error {
        exit: Exit::Internal,
        what: format!("the {what} could not be written to stdout"),
        advice: Some("make room on its device, or send stdout somewhere else".to_owned()),
        source: Some(Box::new(cause)),
    }
}

/// The system gave no thread or no event queue.
pub(super) fn no_runtime(cause: io::Error) -> Error {
    Error {
        exit: Exit::Internal,
        what: "the system gives no threads".to_owned(),
        advice: Some("look at its limits on processes and open files (ulimit -u -n)".to_owned()),
        source: Some(Box::new(cause)),
    }
}

/// The error as it is printed.
fn text(error: &Error) -> String {
    let word = match error.exit {
        Exit::Interrupted => "interrupted",
        _ => "error",
    };
    let mut text = format!("{word}: {}\n", clean(&error.what));
    for cause in causes(error) {
        let _ = writeln!(text, "  caused by: {cause}");
    }
    if let Some(remedy) = remedy(error) {
        let _ = writeln!(text, "  remedy: {remedy}");
    }
    text
}

/// What to do about it, one line.
pub(super) fn remedy(error: &Error) -> Option<String> {
    let own = error.advice.as_deref().map(clean);
    own.or_else(|| (error.exit == Exit::Interrupted).then(|| super::judge::CONTINUES.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the connection was lost")]
    struct Lost(#[source] io::Error);

    fn error() -> Error {
        Error {
            exit: Exit::Connection,
            what: "can not read \"a\nb\" at postgres://u:s3cret@h/d".to_owned(),
            advice: Some("start the server".to_owned()),
            source: Some(Box::new(Lost(io::Error::other("broken\u{1b}[0m pipe")))),
        }
    }

    #[test]
    fn an_error_is_one_line_then_its_causes_then_the_remedy() {
        assert_eq!(
            text(&error()),
            "error: can not read \"a\\nb\" at postgres://u:***@h/d\n\
             \x20 caused by: the connection was lost\n\
             \x20 caused by: broken\\u{1b}[0m pipe\n\
             \x20 remedy: start the server\n"
        );
    }

    #[test]
    fn an_interrupted_run_says_how_to_go_on() {
        let mut error = error();
        (error.exit, error.advice, error.source) = (Exit::Interrupted, None, None);
        let text = text(&error);
        assert!(text.starts_with("interrupted: "), "{text}");
        assert!(text.contains("the same command continues"), "{text}");
    }

    #[test]
    fn a_cause_that_repeats_its_wrapper_is_said_once() {
        let mut error = error();
        error.source = Some(Box::new(io::Error::other(io::Error::other("x"))));
        assert_eq!(causes(&error), vec!["x"]);
    }
}
