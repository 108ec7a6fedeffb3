//! What was copied is verified, and rows that are missing, too many or changed are found.

use testenv::sample::Everything;

use crate::harness::Sample;
use crate::{copied, report, simple, table, verify};

#[test]
fn what_was_copied_is_stored_as_it_was_sent() {
    let pair = copied(Sample::Everything(Everything::QUICK));
    let by_ledger = report(&pair, &[], 0);
    let tables = by_ledger["tables"].as_array().expect("a list");
    assert!(tables.len() > 30, "{}", tables.len());
    let as_sent = tables.iter().filter(|t| t["verdict"] == "as sent").count();
    // Partitions whose columns stand in another order, and what the target prints in another form.
    assert!(as_sent + 3 >= tables.len(), "{by_ledger}");
    for both in report(&pair, &["--both"], 0)["tables"]
        .as_array()
        .expect("a list")
    {
        assert_eq!(both["verdict"], "equal", "{both}");
    }
}

#[test]
fn a_deleted_row_is_missing_and_an_added_one_extra() {
    let pair = simple();
    pair.target_execute("DELETE FROM t WHERE id = 4711; INSERT INTO t (id) VALUES (99999)");
    let report = report(&pair, &[], 6);
    let difference = &table(&report, "public.t")["difference"];
    assert_eq!(
        (&difference["missing"], &difference["extra"]),
        (&1.into(), &1.into())
    );
    assert_eq!(difference["culprit"], "target");
    let run = verify(&pair, &[]).ends_with(6).says("MISMATCH");
    run.says("missing: id = 4711").says("extra: id = 99999");
    assert_eq!(table(&report, "public.keyless")["verdict"], "as sent");
}

#[test]
fn values_are_shown_only_where_that_was_asked_for() {
    let pair = simple();
    pair.target_execute("UPDATE t SET a = 'secret word' WHERE id = 12");
    let run = verify(&pair, &[]).ends_with(6).says("changed: id = 12: a");
    let run = run.never_says("secret word");
    run.never_says("row 12");
    let shown = verify(&pair, &["--show-values"]).ends_with(6);
    shown.says("a: row 12 → secret word");
}

#[test]
fn more_differences_than_are_shown_are_counted() {
    let pair = simple();
    pair.target_execute("UPDATE t SET a = a || '!' WHERE id <= 1000");
    let run = verify(&pair, &["--show", "3"]).ends_with(6);
    run.says("0 missing, 0 extra, 1,000 changed")
        .says("and 997 more");
}
