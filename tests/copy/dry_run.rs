//! `--dry-run` prints the plan and writes nothing.

use crate::chunks::{BIG, BIG_ROWS};
use crate::harness::{Pair, Sample};

#[test]
fn a_dry_run_prints_the_plan_and_leaves_no_trace_in_the_target() {
    let pair = Pair::of(Sample::Shop(0.05));
    let run = pair.copy().arg("--dry-run").run().ends_with(0);
    let run = run
        .says("PLAN")
        .says("nothing was written")
        .says("public.orders");
    let run = run.says("WHAT WILL BE LOST OR CHANGED");
    run.says("public.customers, column created_at: cut to 3 fraction digits");
    let schemas = "SELECT count(*) FROM pg_namespace
                   WHERE nspname !~ '^(pg_|information_schema$|public$)'";
    let left: u64 = pair.target().query_value(schemas).expect("a number");
    assert_eq!(left, 0, "a schema was left");
    for table in ["customers", "orders", "events"] {
        assert_eq!(pair.target_rows(table), 0, "{table}");
    }
    // What was planned is what is done.
    pair.copy().run().ends_with(0);
    pair.assert_equal(3);
}

#[test]
fn a_dry_run_tells_chunks_estimates_and_transforms() {
    let pair = Pair::of(BIG);
    pair.source.execute("ANALYZE").expect("analyzed");
    let arguments = ["--dry-run", "--jobs", "4", "--where", "big=id > 0"];
    let run = pair.copy().args(&arguments).run().ends_with(0);
    let run = run.says("ctid ranges").says("only rows where id > 0");
    let plan = run.planned("public.big");
    assert_eq!(plan["split"], "ctid ranges");
    assert!(plan["chunks"].as_u64() >= Some(3), "{plan}");
    assert_eq!(plan["rows_estimated"], BIG_ROWS, "{plan}");
    let bytes: u64 = pair
        .source
        .query_value("SELECT pg_table_size('big')")
        .expect("a size");
    let told = plan["bytes_estimated"].as_u64().expect("a number");
    assert!(told.abs_diff(bytes) < bytes / 20, "{told} is not {bytes}");
    assert_eq!(plan["transforms"][0], "at: cut to 3 fraction digits");
    assert_eq!(pair.target_rows("big"), 0);
}

#[test]
fn a_dry_run_refuses_what_a_run_would_refuse() {
    let pair = Pair::of(Sample::Sql {
        source: "CREATE TABLE here (id int)",
        target: "CREATE TABLE there (id int)",
    });
    let run = pair.copy().arg("--dry-run").run().ends_with(4);
    run.says("public.here").says("the target has no such table");
}

#[test]
fn a_dry_run_of_a_restart_says_what_would_be_dropped() {
    let pair = Pair::of(Sample::Chinook);
    let restart = ["--dry-run", "--restart"];
    let none = pair.copy().args(&restart).run().ends_with(0);
    none.says("there is no earlier run to drop");
    pair.copy().run().ends_with(0);
    let run = pair.copy().args(&restart).run().ends_with(0);
    run.says("--restart: dropping run")
        .says("public.album (347)");
    assert_eq!(pair.target_rows("album"), 347);
}
