//! `--restart` drops what the migration made, and nothing else.

use std::time::Duration;

use testenv::fault::{Action, Fault, Trigger};

use crate::harness::Pair;
use crate::office::{assert_complete, objects, office};

/// As the source looks when the migration is begun anew.
fn changed(pair: &Pair) {
    let change = "ALTER TABLE public.task ADD COLUMN urgent boolean DEFAULT false; \
                  DROP VIEW public.busy_count";
    pair.source.execute(change).expect("the source is changed");
}

#[test]
fn what_it_made_is_said_and_dropped_and_made_anew() {
    let pair = office();
    pair.migrate().run().ends_with(0);
    changed(&pair);
    pair.migrate().run().ends_with(4).says("--restart");
    let run = pair.migrate().arg("--restart").run().ends_with(0);
    run.says("--restart: dropping migration")
        .says("table public.task")
        .says("rows that it loaded into")
        .says("public.task (200)")
        .says("these stay: schema hr");
    let urgent = "SELECT count(*) FROM public.task WHERE NOT urgent";
    let urgent: u64 = pair.target().query_value(urgent).expect("the new column");
    assert_eq!(urgent, 200);
    assert!(!objects(&pair).contains(&"relation v public.busy_count".to_owned()));
}

#[test]
fn it_leaves_what_it_did_not_make() {
    let pair = office();
    pair.target_execute(
        "CREATE SCHEMA mine; CREATE TABLE mine.own (id integer); INSERT INTO mine.own VALUES (1)",
    );
    let accept = ["--accept", "target-not-empty"];
    pair.migrate().args(&accept).run().ends_with(0);
    pair.migrate()
        .args(&accept)
        .arg("--restart")
        .run()
        .ends_with(0);
    assert_complete(&pair);
    assert_eq!(pair.target_rows("mine.own"), 1);
}

#[test]
fn rows_of_others_in_what_it_made_stop_it_before_anything_is_dropped() {
    let pair = office();
    pair.migrate().run().ends_with(0);
    pair.target_execute("INSERT INTO hr.department (name) VALUES ('new')");
    let run = pair.migrate().arg("--restart").run().ends_with(4);
    run.says("rows besides those that run")
        .says("hr.department");
    assert_eq!(pair.target_rows("hr.department"), 6);
    assert_eq!(pair.target_rows("public.task"), 200);
}

#[test]
fn an_object_of_others_that_depends_on_what_it_made_stops_it_by_name() {
    let pair = office();
    pair.migrate().run().ends_with(0);
    pair.target_execute("CREATE SCHEMA mine; CREATE VIEW mine.v AS SELECT id FROM public.task");
    let run = pair.migrate().arg("--restart").run().ends_with(4);
    run.says("depend on what it made").says("table public.task");
    pair.target_execute("DROP VIEW mine.v");
    pair.migrate().arg("--restart").run().ends_with(0);
    assert_complete(&pair);
}

#[test]
fn a_dry_run_says_what_would_be_dropped_and_drops_nothing() {
    let pair = office();
    pair.migrate().run().ends_with(0);
    let run = pair.migrate().args(&["--restart", "--dry-run"]).run();
    run.ends_with(0)
        .says("--restart: dropping migration")
        .says("public.task (200)");
    assert_complete(&pair);
}

#[test]
fn a_restart_that_dies_is_restarted_or_continued() {
    for more in [&["--restart"][..], &[]] {
        let pair = office();
        pair.migrate().run().ends_with(0);
        let stall = Action::StallReading(Duration::from_secs(1));
        let drop = Trigger::query("DROP TABLE IF EXISTS").nth(2);
        let stalled = pair.standin.faults().add(Fault::new(drop, stall));
        let running = pair.migrate().arg("--restart").start();
        assert!(stalled.wait_fired(Duration::from_secs(60)), "it drops");
        running.signal("KILL");
        running.wait();
        pair.standin.faults().disarm();
        pair.migrate().args(more).run().ends_with(0);
        assert_complete(&pair);
    }
}
