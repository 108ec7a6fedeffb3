//! What the outcome of a migration means. Pure.

use crate::cli::judge as copy;
use crate::engine::apply::Fate;
use crate::runs::Exit;
use crate::runs::migrate::{Drift, Ended, Outcome, SequenceVerdict, Set};

/// The exit code: what ended it, then the first of mismatch, partial, not verified.
pub(super) fn exit(outcome: &Outcome, require_quiet: bool) -> Exit {
    match outcome.ended {
        Ended::Blocked => return Exit::Blockers,
        Ended::DryRun => return Exit::Done,
        Ended::Interrupted(_) => return Exit::Interrupted,
        Ended::Failed(_) => return failed(outcome),
        Ended::Stopped(_) | Ended::Through => {}
    }
    let copied = copied(outcome, require_quiet);
    if copied == Exit::Mismatch {
        return copied;
    }
    let partial = outcome.fates.iter().any(is_missing) || copied == Exit::Partial;
    let unverified = outcome.sequences.iter().any(is_problem)
        || matches!(outcome.drift, Drift::Changed(_) | Drift::Unknown(_))
        || copied == Exit::NotVerified;
    match (partial, unverified) {
        (true, _) => Exit::Partial,
        (false, true) => Exit::NotVerified,
        (false, false) => Exit::Done,
    }
}

/// The error's own code; one that says that nothing was written holds only where that is so.
fn failed(outcome: &Outcome) -> Exit {
    let exit = outcome.error.as_ref().map_or(Exit::Internal, |e| e.exit);
    let written = outcome.fates.contains(&Fate::Done);
    match exit {
        Exit::Refused if written => Exit::Partial,
        exit => exit,
    }
}

/// Rows that were copied before were verified then; that the target still holds them was a condition to
/// come here, and others may have added to them since.
fn copied(outcome: &Outcome, require_quiet: bool) -> Exit {
    match &outcome.copy {
        Some(done) if !done.finished_before => copy::exit(done, require_quiet),
        Some(done) if done.tables.iter().any(|t| t.rejected > 0) => Exit::Partial,
        _ => Exit::Done,
    }
}

/// Whether a statement that was asked for is not applied.
pub(super) fn is_missing(fate: &Fate) -> bool {
    matches!(fate, Fate::Failed(_) | Fate::Skipped { .. } | Fate::Left)
}

pub(super) fn is_problem(sequence: &SequenceVerdict) -> bool {
    matches!(sequence.how, Set::Problem(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::migrate::tests::outcome;
    use crate::engine::apply::Refusal;
    use crate::runs::migrate::Phase;

    fn exit_of(change: impl FnOnce(&mut Outcome)) -> Exit {
        let mut outcome = outcome();
        change(&mut outcome);
        exit(&outcome, false)
    }

    fn failed() -> Fate {
        Fate::Failed(Refusal {
            code: "0A000".to_owned(),
            message: "no".to_owned(),
        })
    }

    #[test]
    fn a_migration_that_went_well_is_done() {
        assert_eq!(exit_of(|_| ()), Exit::Done);
        assert_eq!(exit_of(|o| o.fates[1] = Fate::DoneBefore), Exit::Done);
        assert_eq!(exit_of(|o| o.fates[1] = Fate::NotAsked), Exit::Done);
    }

    #[test]
    fn a_failed_statement_is_partial_and_wins_over_what_is_not_verified() {
        assert_eq!(exit_of(|o| o.fates[1] = failed()), Exit::Partial);
        let both = |o: &mut Outcome| {
            o.fates[1] = failed();
            o.drift = Drift::Unknown("x".to_owned());
        };
        assert_eq!(exit_of(both), Exit::Partial);
    }

    #[test]
    fn rows_that_differ_win_over_everything_but_an_interruption() {
        let differ = |o: &mut Outcome| {
            o.fates[1] = failed();
            o.ended = Ended::Stopped(Phase::Copy);
            o.copy.as_mut().expect("rows").targets[0].counted = Some(1);
        };
        assert_eq!(exit_of(differ), Exit::Mismatch);
        let interrupted = |o: &mut Outcome| {
            differ(o);
            o.ended = Ended::Interrupted(Phase::Copy);
        };
        assert_eq!(exit_of(interrupted), Exit::Interrupted);
    }

    #[test]
    fn a_source_whose_schema_changed_and_a_sequence_that_is_not_set_are_not_verified() {
        let changed = |o: &mut Outcome| o.drift = Drift::Changed(vec!["table t".to_owned()]);
        assert_eq!(exit_of(changed), Exit::NotVerified);
        let problem = |o: &mut Outcome| o.sequences[0].how = Set::Problem("x".to_owned());
        assert_eq!(exit_of(problem), Exit::NotVerified);
    }

    #[test]
    fn rows_that_were_added_after_a_finished_copy_are_nobodys_fault() {
        let used = |o: &mut Outcome| {
            let copy = o.copy.as_mut().expect("rows");
            copy.finished_before = true;
            copy.targets[0].counted = Some(1_000_000);
        };
        assert_eq!(exit_of(used), Exit::Done);
    }

    #[test]
    fn blockers_have_a_code_of_their_own() {
        assert_eq!(exit_of(|o| o.ended = Ended::Blocked), Exit::Blockers);
        assert_eq!(exit_of(|o| o.ended = Ended::DryRun), Exit::Done);
    }

    #[test]
    fn an_error_in_mid_run_has_its_own_code_unless_that_says_that_nothing_was_written() {
        let ended = |exit: Exit, fate: Fate| {
            exit_of(|o| {
                o.ended = Ended::Failed(Phase::Copy);
                o.error = Some(std::sync::Arc::new(crate::runs::Error::new(exit, "x")));
                o.fates = vec![fate; 3];
            })
        };
        assert_eq!(ended(Exit::Connection, Fate::Done), Exit::Connection);
        assert_eq!(ended(Exit::Refused, Fate::DoneBefore), Exit::Refused);
        assert_eq!(ended(Exit::Refused, Fate::Done), Exit::Partial);
    }
}
