//! Who it was: the source, the rewriting or the target.

use crate::{report, simple, table, verify};

#[test]
fn a_source_that_has_changed_since_is_told_from_a_target_that_lost_rows() {
    let pair = simple();
    pair.source
        .execute("DELETE FROM keyless WHERE a = 1")
        .expect("deleted");
    let report = report(&pair, &[], 0);
    // The target still holds what was sent.
    assert_eq!(table(&report, "public.keyless")["verdict"], "as sent");
    let both = self::report(&pair, &["--both"], 6);
    let difference = &table(&both, "public.keyless")["difference"];
    assert_eq!(difference["culprit"], "source");
    assert_eq!(difference["extra"], 15);
}

#[test]
fn a_doubled_row_without_a_key_is_extra_and_the_target_is_blamed() {
    let pair = simple();
    pair.target_execute("INSERT INTO keyless VALUES (3, 'x')");
    let report = report(&pair, &[], 6);
    let difference = &table(&report, "public.keyless")["difference"];
    assert_eq!(
        (&difference["extra"], &difference["missing"]),
        (&1.into(), &0.into())
    );
    assert_eq!(difference["culprit"], "target");
    verify(&pair, &[])
        .ends_with(6)
        .says("extra: a row without a key");
}

/// One value of the target changes: the source has what was read, and sends what was sent.
#[test]
fn a_target_that_stores_something_else_is_blamed_also_where_values_are_compared() {
    let pair = simple();
    pair.target_execute("UPDATE t SET c = '{}' WHERE id = 12");
    let report = report(&pair, &[], 6);
    let difference = &table(&report, "public.t")["difference"];
    assert_eq!(difference["culprit"], "target");
    assert_eq!(difference["rows"][0]["columns"], serde_json::json!(["c"]));
}

/// Only what is cut off of a timestamp changes in the source: what is sent is the same.
#[test]
fn a_source_that_moved_below_what_is_sent_is_told_from_a_target_that_did() {
    let pair = simple();
    pair.source
        .execute("UPDATE t SET d = d + interval '1 microsecond' WHERE id = 5")
        .expect("the source");
    pair.target_execute("UPDATE t SET a = 'x' WHERE id = 12");
    let report = report(&pair, &[], 6);
    let difference = &table(&report, "public.t")["difference"];
    assert_eq!(difference["culprit"], "source");
    assert_eq!(difference["changed"], 1, "the target's change alone shows");
}

/// The ledger says that the same rows were read, and others sent.
#[test]
fn a_rewriting_that_is_another_one_is_blamed() {
    let pair = simple();
    let forged = "UPDATE wire9.batch SET digest = lpad('7', 32, '0') WHERE pair = \
                  (SELECT pair FROM wire9.pair WHERE source_name = 't')";
    pair.target().execute(forged).expect("the ledger");
    pair.target_execute("UPDATE t SET a = 'x' WHERE id = 12");
    let report = report(&pair, &[], 6);
    assert_eq!(
        table(&report, "public.t")["difference"]["culprit"],
        "rewriter"
    );
}

/// Each batch's sums are in its ledger row, so they outlive the process.
#[test]
fn the_sums_of_a_run_that_was_killed_and_continued_add_up() {
    let pair = crate::harness::Pair::of(crate::harness::Sample::Same {
        tables: crate::ROWS,
        rows: crate::FILL,
    });
    let small = ["--jobs", "2", "--max-memory", "1MiB"];
    let mut running = pair.copy().args(&small).start();
    let there = "SELECT count(*) FROM pg_class WHERE oid = to_regclass('wire9.batch')";
    running.when("a batch is there", || {
        let made: u64 = pair.target().query_value(there).expect("an answer");
        made == 1 && pair.target().count("wire9.batch").expect("an answer") >= 1
    });
    running.signal("KILL");
    running.wait();
    pair.copy().args(&small).run().ends_with(0);
    let equal = report(&pair, &[], 0);
    assert_eq!(table(&equal, "public.t")["verdict"], "as sent");
    pair.target_execute("UPDATE t SET a = 'x' WHERE id = 12");
    let report = report(&pair, &[], 6);
    let difference = &table(&report, "public.t")["difference"];
    assert_eq!(difference["culprit"], "target", "{difference}");
    assert_eq!(difference["changed"], 1);
}
