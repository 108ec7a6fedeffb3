//! A run that dies in any phase is continued by the same command.

use std::time::Duration;

use testenv::fault::{Action, Close, Fault, Trigger};

use crate::harness::Pair;
use crate::office::{assert_complete, office};

const SECOND: Duration = Duration::from_secs(1);

/// Kills the run when a message of this kind is on its way, which arrives when the process is gone; the
/// same command then completes the rest.
fn killed_at(place: Trigger) -> Pair {
    let pair = office();
    let stall = Fault::new(place, Action::StallReading(SECOND));
    let stalled = pair.standin.faults().add(stall);
    let running = pair.migrate().start();
    assert!(stalled.wait_fired(60 * SECOND), "the place is reached");
    running.signal("KILL");
    running.wait();
    pair.standin.faults().disarm();
    let run = pair.migrate().run().ends_with(0);
    assert_complete(&pair);
    assert_eq!(run.result()["continued"], true);
    pair
}

#[test]
fn killed_before_a_statement_of_pre_data() {
    killed_at(Trigger::query("CREATE TABLE \"hr\"").nth(2));
}

#[test]
fn killed_before_a_statement_is_recorded() {
    killed_at(Trigger::query("INSERT INTO wire9.statement").nth(4));
}

#[test]
fn killed_while_rows_are_copied() {
    killed_at(Trigger::query("COPY \"public\".\"task\""));
}

#[test]
fn killed_while_an_index_is_built() {
    killed_at(Trigger::query("\"person_hired\""));
}

#[test]
fn killed_while_a_foreign_key_is_made() {
    killed_at(Trigger::query("\"boss_fkey\""));
}

#[test]
fn killed_while_views_and_triggers_are_made() {
    killed_at(Trigger::query("BEFORE UPDATE ON"));
}

#[test]
fn killed_while_sequences_are_set() {
    let pair = killed_at(Trigger::query("setval('\"hr"));
    let next: i64 = pair
        .target()
        .query_value("SELECT nextval('hr.person_id_seq')")
        .expect("a number");
    assert_eq!(next, 41);
}

#[test]
fn a_commit_of_a_statement_whose_answer_is_lost_is_decided_by_the_ledger() {
    let pair = office();
    for nth in [2, 5, 9] {
        let lost = Action::CommitThenCut(Close::Rst);
        let commit = Trigger::commit().application("wire9/schema").nth(nth);
        pair.standin.faults().add(Fault::new(commit, lost));
    }
    pair.migrate().run().ends_with(0);
    pair.standin.faults().assert_used();
    assert_complete(&pair);
}

#[test]
fn a_connection_that_is_cut_in_a_statement_is_made_anew() {
    let pair = office();
    for place in ["CREATE TABLE \"hr\"", "busy_people", "setval('\"hr"] {
        let cut = Fault::new(Trigger::query(place), Action::Cut(Close::Rst));
        pair.standin.faults().add(cut);
    }
    pair.migrate().run().ends_with(0);
    pair.standin.faults().assert_used();
    assert_complete(&pair);
}

#[test]
fn a_second_run_of_a_finished_migration_changes_nothing() {
    let pair = office();
    pair.migrate().run().ends_with(0);
    let use_it = "INSERT INTO public.task (person_id, title) VALUES (1, 'after the cutover')";
    pair.target().execute(use_it).expect("the target is in use");
    let run = pair.migrate().run().ends_with(0).says("ALREADY DONE");
    assert_eq!(pair.target_rows("public.task"), 201);
    let of = |how| {
        let sequences = run.result()["sequences"].as_array().expect("a list");
        sequences.iter().filter(|s| s["how"] == how).count()
    };
    // ticket and countdown.
    assert_eq!(of("ahead"), 2, "{:#}", run.result()["sequences"]);
}

#[test]
fn an_interrupted_migration_is_continued() {
    let pair = office();
    let stall = Fault::new(Trigger::query("busy_people"), Action::StallReading(SECOND));
    let stalled = pair.standin.faults().add(stall);
    let running = pair.migrate().start();
    assert!(stalled.wait_fired(60 * SECOND), "the place is reached");
    running.signal("INT");
    running
        .wait()
        .ends_with(130)
        .says("INTERRUPTED  in post-data");
    pair.migrate().run().ends_with(0);
    assert_complete(&pair);
}
