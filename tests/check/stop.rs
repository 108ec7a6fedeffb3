//! A check or a probe that is interrupted leaves nothing behind.

use std::time::Duration;

use testenv::fault::{Action, Fault, Trigger};
use testenv::{Standin, StandinOptions};

use super::harness::Wire9;
use super::source;

const SECOND: Duration = Duration::from_secs(1);

/// Interrupts a command while it tries something in its scratch schema.
fn interrupted(arguments: &[&str]) {
    let standin = Standin::start(StandinOptions::default()).expect("a stand-in");
    let place = Trigger::query("wire9_probe_").nth(20);
    let stalled = standin
        .faults()
        .add(Fault::new(place, Action::StallReading(SECOND)));
    let uri = standin.uri();
    let running = Wire9::bare().args(arguments).args(&["--db9", &uri]).start();
    assert!(stalled.wait_fired(30 * SECOND), "the place is reached");
    running.signal("INT");
    let run = running.wait().ends_with(130);
    assert_eq!(run.stdout, "", "{}", run.stderr);
    let left = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'wire9%'";
    let left: i64 = standin.database().query_value(left).expect("a number");
    assert_eq!(left, 0, "{}", run.stderr);
}

#[test]
fn a_probe_that_is_interrupted_drops_its_scratch_schema() {
    interrupted(&["probe"]);
}

#[test]
fn a_check_that_is_interrupted_drops_its_scratch_schema() {
    let source = source("CREATE TABLE t (id int PRIMARY KEY)");
    interrupted(&["check", "--postgres", &source.uri()]);
}

#[test]
fn a_migration_that_is_interrupted_in_its_check_drops_the_scratch_schema_and_writes_nothing() {
    let source = source("CREATE TABLE t (id int PRIMARY KEY)");
    interrupted(&["migrate", "--postgres", &source.uri()]);
}

#[test]
fn a_check_whose_source_is_refused_drops_the_scratch_schema_all_the_same() {
    let standin = Standin::start(StandinOptions::default()).expect("a stand-in");
    let (source, target) = ("postgresql://u@127.0.0.1:1/d", standin.uri());
    let run = Wire9::bare()
        .args(&["check", "--postgres", source, "--db9", &target])
        .run();
    run.ends_with(3);
    let left = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'wire9%'";
    let left: i64 = standin.database().query_value(left).expect("a number");
    assert_eq!(left, 0);
}
