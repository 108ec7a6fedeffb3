//! `wire9 clean`: removes the ledger from a target.

use std::io::{self, Write as _};

use super::arguments::CleanArguments;
use super::status::{runtime, target};
use super::wrap::wrap;
use super::{errors, units};
use crate::ledger::Removed;
use crate::runs::clean::Cleaned;
use crate::runs::{self, Exit};

/// Cleans and says what is gone; answers the exit code.
pub(super) fn clean(typed: &CleanArguments) -> Exit {
    let cleaned = target(&typed.target).and_then(|target| {
        let runtime = runtime()?;
        runtime.block_on(runs::clean::clean(&target, typed.abandon))
    });
    let text = match cleaned {
        Ok(cleaned) => wrap(&text(&cleaned), super::columns()),
        Err(error) => return errors::show(&error),
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => Exit::Done,
        Err(e) => errors::show(&errors::not_printed("answer", e)),
    }
}

fn text(cleaned: &Cleaned) -> String {
    let runs = cleaned.runs.len() as u64;
    let of = units::counted(runs, "run");
    match cleaned.removed {
        Removed::Nothing => "there was no ledger; nothing was changed\n".to_owned(),
        Removed::All => format!("removed the ledger of {of} and schema wire9; loaded rows stay\n"),
        Removed::SchemaStays => format!(
            "removed the ledger of {of}; schema wire9 stays, since it is not empty or not this user's; \
             loaded rows stay\n"
        ),
    }
}
