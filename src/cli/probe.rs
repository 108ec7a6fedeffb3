//! `wire9 probe`: what a target accepts, as TOML.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use super::arguments::ProbeArguments;
use super::errors;
use super::reporter::Style;
use super::work::work;
use crate::runs::{self, Error, Exit};
use crate::wire::Environment;

/// Probes and prints; answers the exit code.
pub(super) fn probe(typed: &ProbeArguments) -> Exit {
    let target = match typed.target.options(&Environment::of_process()) {
        Ok(target) => target,
        Err(error) => return errors::show(&error),
    };
    let probed = work(Style::Quiet, move |surroundings| async move {
        let probed = runs::probe::probe(&target).await;
        // A probe comes to its end whatever happens: its scratch schema must go.
        match surroundings.stop.is_cancelled() {
            true => Err(Error::new(Exit::Interrupted, "interrupted")
                .advise("the same command begins anew; nothing is left in the target")),
            false => probed,
        }
    });
    match probed {
        Some(Ok((profile, notes))) => print(&(commented(&notes) + &profile.to_toml())),
        Some(Err(error)) => errors::show(&error),
        None => Exit::Interrupted,
    }
}

fn print(text: &str) -> Exit {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => Exit::Done,
        Err(e) => errors::show(&errors::not_printed("profile", e)),
    }
}

/// Notes as comments, so that the output stays a profile.
fn commented(notes: &[String]) -> String {
    notes.iter().fold(String::new(), |mut text, note| {
        let _ = writeln!(text, "# {}", errors::clean(note));
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_comments_of_one_line() {
        let notes = ["a".to_owned(), "b\nc = 1".to_owned()];
        assert_eq!(commented(&notes), "# a\n# b\\nc = 1\n");
        assert!(
            commented(&notes)
                .parse::<toml::Table>()
                .is_ok_and(|t| t.is_empty())
        );
    }
}
