//! Target tables that hold rows, and runs that are done.

use crate::harness::{Pair, Sample};

const SMALL: Sample<'_> = Sample::Same {
    tables: "CREATE TABLE a (id int PRIMARY KEY, body text); CREATE TABLE b (id int PRIMARY KEY)",
    rows: "INSERT INTO a SELECT i, 'a' FROM generate_series(1, 100) i;
           INSERT INTO b SELECT generate_series(1, 50)",
};

#[test]
fn rows_that_this_run_did_not_write_are_refused_by_table() {
    let pair = Pair::of(SMALL);
    pair.target_execute("INSERT INTO b VALUES (1000)");
    let run = pair.copy().run().ends_with(4);
    let run = run.says("public.b").never_says("public.a");
    run.says("--on-existing truncate");
    assert_eq!((pair.target_rows("a"), pair.target_rows("b")), (0, 1));
}

#[test]
fn append_keeps_the_rows_that_are_there() {
    let pair = Pair::of(SMALL);
    pair.target_execute("INSERT INTO b VALUES (1000), (1001)");
    let arguments = ["--on-existing", "append"];
    let run = pair.copy().args(&arguments).run().ends_with(0);
    pair.assert_tables_equal(&[("public.a", None)], 3);
    assert_eq!(pair.target_rows("b"), 52);
    assert_eq!(run.target_table("public.b")["rows_baseline"], 2);
    assert_eq!(run.target_table("public.b")["rows_expected"], 52);
    run.says("appending").says("public.b");
}

#[test]
fn truncate_says_loudly_what_it_empties_and_touches_no_other_table() {
    let pair = Pair::of(SMALL);
    pair.target_execute(
        "CREATE TABLE other (id int); INSERT INTO other VALUES (1);
                         INSERT INTO b VALUES (1000)",
    );
    let arguments = ["--on-existing", "truncate"];
    let run = pair.copy().args(&arguments).run().ends_with(0);
    pair.assert_equal(3);
    assert_eq!(pair.target_rows("other"), 1);
    assert_eq!(run.target_table("public.b")["truncated"], true);
    assert_eq!(run.target_table("public.a")["truncated"], false);
    run.says("TRUNCATING").says("public.b");
}

#[test]
fn the_same_command_after_success_copies_nothing() {
    let pair = Pair::of(SMALL);
    pair.copy().run().ends_with(0);
    let (rows, copies) = (pair.target_rows("a"), pair.standin.log().clone());
    copies.clear();
    let run = pair.copy().run().ends_with(0).says("ALREADY DONE");
    assert_eq!(run.result()["finished_before"], true);
    pair.assert_equal(3);
    assert_eq!(pair.target_rows("a"), rows);
    let loads = copies.texts("CopyStmt");
    let own = loads
        .iter()
        .filter(|text| text.contains("\"a\"") || text.contains("\"b\""));
    assert_eq!(own.count(), 0, "{loads:?}");
}

/// Rows that were written to the target since are no fault of the copy.
#[test]
fn a_finished_run_stands_where_its_tables_hold_more_rows() {
    let pair = Pair::of(SMALL);
    pair.copy().run().ends_with(0);
    pair.target_execute("INSERT INTO a VALUES (1000, 'new')");
    pair.copy().run().ends_with(0).says("ALREADY DONE");
    assert_eq!(pair.target_rows("a"), 101);
}

#[test]
fn a_ledger_that_says_rows_are_there_which_the_table_does_not_hold_is_a_refusal() {
    let pair = Pair::of(SMALL);
    pair.copy().run().ends_with(0);
    pair.target_execute("DELETE FROM a WHERE id = 7");
    let run = pair.copy().run().ends_with(4);
    run.says("public.a should hold 100 rows and holds 99")
        .says("--restart");
}

#[test]
fn restart_drops_what_the_run_loaded_and_copies_anew() {
    let pair = Pair::of(SMALL);
    let first = pair.copy().run().ends_with(0);
    pair.source
        .execute("INSERT INTO a VALUES (101, 'later')")
        .expect("written");
    let second = pair.copy().arg("--restart").run().ends_with(0);
    pair.assert_equal(3);
    assert_eq!(pair.target_rows("a"), 101);
    assert_ne!(first.result()["run"], second.result()["run"]);
}

#[test]
fn another_configuration_after_success_is_another_run_and_finds_the_tables_full() {
    let pair = Pair::of(SMALL);
    pair.copy().run().ends_with(0);
    let run = pair
        .copy()
        .args(&["--where", "a=id > 1"])
        .run()
        .ends_with(4);
    run.says("public.a");
    pair.assert_equal(3);
}
