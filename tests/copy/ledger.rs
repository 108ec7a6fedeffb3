//! `wire9 status` and `wire9 clean`: what a target knows of its runs, before, in the middle, after.

use serde_json::Value;
use testenv::Cluster;

use crate::harness::{Pair, Run, Sample, Wire9};
use crate::resume::Halting;

/// A command about the ledger of a pair's target.
fn ask(pair: &Pair, arguments: &[&str]) -> Run {
    let command = Wire9::bare().args(arguments);
    command.args(&["--db9", &pair.standin.uri()]).run()
}

/// The runs, as `status --format json` tells them.
#[track_caller]
fn runs(pair: &Pair) -> Vec<Value> {
    let told = ask(pair, &["status", "--format", "json"]).ends_with(0);
    let told: Value = serde_json::from_str(&told.stdout).expect("it is JSON");
    assert_eq!(told["version"], 1);
    told["runs"].as_array().expect("a list").clone()
}

fn has_ledger(pair: &Pair) -> bool {
    let sql = "SELECT count(*) FROM pg_namespace WHERE nspname = 'wire9'";
    pair.target().query_value::<i64>(sql).expect("asked") > 0
}

#[test]
fn a_target_that_was_never_loaded_has_no_ledger_and_gets_none() {
    let pair = Pair::of(Sample::Chinook);
    ask(&pair, &["status"]).ends_with(0).says("no ledger");
    ask(&pair, &["clean"])
        .ends_with(0)
        .says("there was no ledger");
    assert!(!has_ledger(&pair));
}

#[test]
fn after_success_the_ledger_says_done_and_can_be_cleaned_away() {
    let pair = Pair::of(Sample::Chinook);
    pair.copy().run().ends_with(0);
    let status = ask(&pair, &["status"]).ends_with(0).says("DONE: run ");
    status.says("of 11 tables").says("wire9 clean");
    let told = &runs(&pair)[0];
    assert_eq!(
        (&told["state"], &told["tables"]),
        (&"done".into(), &11.into())
    );
    assert_eq!(told["rows"], 15_607);
    ask(&pair, &["clean"])
        .ends_with(0)
        .says("removed the ledger of 1 run");
    assert!(!has_ledger(&pair));
    pair.assert_equal(3);
    ask(&pair, &["status"]).ends_with(0).says("no ledger");
}

#[test]
fn an_unfinished_run_is_shown_with_what_is_left_and_is_not_cleaned_away() {
    let halting = Halting::on(Cluster::shared());
    let running = halting.half_done();
    let pair = halting.pair();
    ask(pair, &["status"]).ends_with(0).says("which is at work");
    ask(pair, &["clean", "--abandon"])
        .ends_with(4)
        .says("is being worked on");
    running.signal("KILL");
    running.wait();

    let status = ask(pair, &["status"]).ends_with(0).says("UNFINISHED: run ");
    status
        .says("which is gone")
        .says("goes on with")
        .says("public.big");
    let told = &runs(pair)[0];
    assert_eq!(told["state"], "open");
    assert_eq!(told["owner"]["liveness"], "gone");
    let finished = told["chunks_finished"].as_u64().expect("a number");
    assert!(
        (1..told["chunks"].as_u64().expect("a number")).contains(&finished),
        "{told}"
    );

    let refused = ask(pair, &["clean"]).ends_with(4).says("is unfinished");
    refused.says("--abandon");
    assert!(has_ledger(pair));
    halting.goes_on();
    ask(pair, &["clean"]).ends_with(0);
    assert!(!has_ledger(pair));
}

#[test]
fn a_run_that_is_given_up_leaves_its_rows() {
    let halting = Halting::on(Cluster::shared());
    let running = halting.half_done();
    running.signal("KILL");
    running.wait();
    let pair = halting.pair();
    let rows = pair.target_rows("big");
    ask(pair, &["clean", "--abandon"])
        .ends_with(0)
        .says("loaded rows stay");
    assert!(!has_ledger(pair));
    assert_eq!(pair.target_rows("big"), rows);
}

#[test]
fn a_schema_that_holds_something_else_stays() {
    let pair = Pair::of(Sample::Chinook);
    pair.copy().run().ends_with(0);
    pair.target_execute("CREATE TABLE wire9.notes (note text)");
    ask(&pair, &["clean"])
        .ends_with(0)
        .says("schema wire9 stays");
    assert_eq!(pair.target_rows("wire9.notes"), 0);
    let left = "SELECT count(*) FROM pg_tables WHERE schemaname = 'wire9'";
    assert_eq!(pair.target().query_value::<i64>(left).expect("asked"), 1);
}
