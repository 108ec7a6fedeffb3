//! What the catalog alone suspects, the data decides; and what nobody can look at.

use super::{check, expected, found, json, source};

/// A timestamp, a numeric, an interval, a key and a CHECK that could each lose something, and do not.
const UNAFFECTED: &str = "CREATE TABLE t (id int PRIMARY KEY, at timestamptz UNIQUE, until timestamptz, n numeric, \
        span interval, CONSTRAINT forward CHECK (at < until)); \
     INSERT INTO t SELECT i, timestamptz '2024-01-01' + i * interval '1 ms', '2025-01-01', i / 8.0, '1 hour' \
        FROM generate_series(1, 100) i; \
     ANALYZE t";

#[test]
fn what_no_value_is_affected_by_is_a_note_when_the_data_was_read() {
    let source = source(UNAFFECTED);
    let run = check(&source)
        .args(&["--deep", "--format", "json"])
        .run()
        .ends_with(0);
    let report = json(&run);
    assert_eq!(report["summary"]["loss"]["findings"], 0, "{report:#}");
    assert_eq!(
        found(&report, "none-affected"),
        expected(&[
            ("none-affected", "column public.t.at", 1),
            ("none-affected", "column public.t.n", 1),
            ("none-affected", "column public.t.span", 1),
            ("none-affected", "column public.t.until", 1),
            ("none-affected", "constraint public.t.forward", 1),
            ("none-affected", "index public.t_at_key", 1),
        ])
    );
    check(&source)
        .arg("--deep")
        .run()
        .says("timestamp-digits: the digits beyond are cut");
}

#[test]
fn without_the_data_they_are_losses_of_up_to_so_many_values() {
    let source = source(UNAFFECTED);
    let run = check(&source).run().ends_with(8);
    run.says("up to 100 values by the statistics (--deep counts them)")
        .says("LOSSES");
}

#[test]
fn one_value_that_loses_something_keeps_the_loss_of_its_column_alone() {
    let source = source(UNAFFECTED);
    source
        .execute("UPDATE t SET until = until + interval '1 us' WHERE id = 7")
        .expect("updated");
    let run = check(&source)
        .args(&["--deep", "--format", "json"])
        .run()
        .ends_with(8);
    let report = json(&run);
    assert_eq!(
        found(&report, "timestamp-digits"),
        expected(&[("timestamp-digits", "column public.t.until", 1)])
    );
    assert_eq!(
        found(&report, "deep-timestamp-digits"),
        expected(&[("deep-timestamp-digits", "column public.t.until", 1)])
    );
    assert_eq!(found(&report, "none-affected").len(), 5, "{report:#}");
    // What was accepted stays in the report.
    let ids = "timestamp-digits,deep-timestamp-digits";
    check(&source)
        .args(&["--deep", "--accept", ids])
        .run()
        .ends_with(0)
        .says("timestamp-digits (accepted): ")
        .says("LOSSES");
}

/// A body that no parser reads.
const UNREADABLE: &str = "SET check_function_bodies = off; CREATE TABLE t (id int PRIMARY KEY); \
     CREATE FUNCTION odd() RETURNS void LANGUAGE plpgsql AS 'BEGIN this is no SQL; END'";

#[test]
fn what_could_not_be_read_has_a_heading_and_a_code_of_its_own() {
    let source = source(UNREADABLE);
    let run = check(&source).run().ends_with(7);
    let run = run.says("NOT ALL CHECKED  1 note, 1 not checked");
    let (_, after) = run.stdout.split_once("\nNOT CHECKED").expect("a heading");
    assert!(after.contains("- function public.odd(): "), "{after}");
    let run = check(&source)
        .args(&["--format", "json"])
        .run()
        .ends_with(7);
    let report = json(&run);
    assert_eq!(report["exit_meaning"], "something not verified");
    let not_checked = report["not_checked"][0].as_str().expect("a text");
    assert!(not_checked.starts_with("function public.odd(): "));
    assert_eq!(found(&report, "not-checked").len(), 1);
}

#[test]
fn blockers_and_losses_come_before_what_was_not_checked() {
    let source = source(UNREADABLE);
    source
        .execute("ALTER TABLE t ADD at timestamptz; ALTER TABLE t ENABLE ROW LEVEL SECURITY")
        .expect("altered");
    let ends = |accept: &str, code| {
        let run = check(&source).args(&["--accept", accept]).run();
        run.ends_with(code).says("NOT CHECKED");
    };
    ends("rule", 9);
    ends("row-security", 8);
    ends("row-security,timestamp-digits", 7);
    ends("row-security,timestamp-digits,not-checked", 0);
}

#[test]
fn two_uses_in_one_body_are_one_finding() {
    let source = source(
        "CREATE FUNCTION tell() RETURNS void LANGUAGE plpgsql AS $$ BEGIN \
             PERFORM pg_notify('a', 'b'); NOTIFY c; END $$",
    );
    let run = check(&source).args(&["--format", "json"]).run();
    assert_eq!(
        found(&json(&run), "listen-notify"),
        expected(&[("listen-notify", "function public.tell()", 2)])
    );
}
