//! `wire9 rejects`: what was put aside, and loading it again.

mod arguments;
mod shown;

use std::io::{self, Write as _};

use super::errors;
use super::reporter::Style;
use super::work::work;
use super::wrap::wrap;
use crate::cli::check::Format;
use crate::lane::rejects::{self, FileError, OpenError};
use crate::runs::rejects::{Outcome, replay as load};
use crate::runs::{Error, Exit};
use crate::wire::Environment;
use arguments::{ListArguments, ReplayArguments, ShowArguments, What};

pub(super) use arguments::{RejectingArguments, RejectsArguments};

/// Lists, shows or loads; answers the exit code.
pub(super) fn rejects(typed: &RejectsArguments) -> Exit {
    match &typed.what {
        What::List(typed) => list(typed),
        What::Show(typed) => show(typed),
        What::Replay(typed) => replay(typed),
    }
}

fn list(typed: &ListArguments) -> Exit {
    let listed = match rejects::list(&typed.rejects) {
        Ok(listed) => listed,
        Err(error) => return unreadable(error),
    };
    let text = match typed.format {
        Format::Text => shown::list(&listed),
        Format::Json => format!("{:#}\n", shown::list_json(&listed)),
    };
    print("list", &text, Exit::Done)
}

fn show(typed: &ShowArguments) -> Exit {
    let wanted = |header: &rejects::Header| {
        let table = typed.table.as_ref();
        table.is_none_or(|table| *table == header.source.to_string())
    };
    let mut text = String::new();
    let mut rows = 0_u64;
    let read = rejects::records(&typed.rejects, wanted, |record| {
        rows += 1;
        match typed.format {
            Format::Text => text.push_str(&shown::record(&record)),
            Format::Json => text.push_str(&shown::record_json(&record)),
        }
    });
    if let Err(error) = read {
        return unreadable(error);
    }
    if rows == 0 && typed.format == Format::Text {
        text.push_str("no rejected rows\n");
    }
    print("list", &text, Exit::Done)
}

fn replay(typed: &ReplayArguments) -> Exit {
    let settings = match typed.settings(&Environment::of_process()) {
        Ok(settings) => settings,
        Err(error) => return errors::show(&error),
    };
    let done = work(
        Style::of_process(typed.quiet),
        move |surroundings| async move { load(&settings, &surroundings).await },
    );
    match done {
        Some(Ok(outcome)) => {
            let text = wrap(&shown::outcome(&outcome), super::columns());
            print("verdict", &text, exit(&outcome))
        }
        Some(Err(error)) => errors::show(&error),
        None => Exit::Interrupted,
    }
}

/// Rows that remain are part of a run that is not whole.
fn exit(outcome: &Outcome) -> Exit {
    let remain = outcome.tables.iter().any(|table| table.remaining > 0);
    match (outcome.interrupted, remain) {
        (true, true) => Exit::Interrupted,
        (_, true) => Exit::Partial,
        (_, false) => Exit::Done,
    }
}

fn unreadable(error: FileError) -> Exit {
    errors::show(&Error::from(OpenError::from(error)))
}

fn print(what: &str, text: &str, exit: Exit) -> Exit {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => exit,
        Err(e) => errors::show(&errors::not_printed(what, e)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::catalog::TableName;
    use crate::runs::rejects::Replayed;

    fn exit_of(remaining: u64, interrupted: bool) -> Exit {
        exit(&Outcome {
            run: Some("r".to_owned()),
            tables: vec![Replayed {
                source: TableName::new("s", "t"),
                loaded: 1,
                remaining,
                missing: 0,
            }],
            interrupted,
            wall: Duration::ZERO,
        })
    }

    #[test]
    fn a_replay_is_done_when_nothing_remains() {
        assert_eq!(exit_of(0, false), Exit::Done);
        assert_eq!(exit_of(0, true), Exit::Done);
        assert_eq!(exit_of(2, false), Exit::Partial);
        assert_eq!(exit_of(2, true), Exit::Interrupted);
    }
}
