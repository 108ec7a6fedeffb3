//! `wire9 probe`: what a target accepts, as TOML.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use super::arguments::ProbeArguments;
use super::errors;
use crate::profile::Profile;
use crate::runs::{self, Error, Exit};
use crate::wire::Environment;

/// Probes and prints; answers the exit code.
pub(super) fn probe(typed: &ProbeArguments) -> Exit {
    match text(typed) {
        Ok(text) => match io::stdout().lock().write_all(text.as_bytes()) {
            Ok(()) => Exit::Done,
            Err(e) => errors::show(&errors::not_printed("profile", e)),
        },
        Err(error) => errors::show(&error),
    }
}

fn text(typed: &ProbeArguments) -> Result<String, Error> {
    let target = typed.target.options(&Environment::of_process())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(errors::no_runtime)?;
    let (profile, notes) = runtime.block_on(runs::probe::probe(&target))?;
    Ok(commented(&notes) + &toml(&profile))
}

fn toml(profile: &Profile) -> String {
    profile.to_toml()
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
