//! Whole databases arrive equal.

use testenv::sample::Everything;

use crate::harness::{Pair, Sample};

#[test]
fn chinook_arrives_equal() {
    let pair = Pair::of(Sample::Chinook);
    let run = pair.copy().run().ends_with(0);
    pair.assert_equal(3);
    assert_eq!(run.report["exit_code"], 0);
    assert_eq!(run.table("public.album")["rows_loaded"], 347);
}

#[test]
fn the_shop_arrives_equal() {
    let pair = Pair::of(Sample::Shop(0.05));
    pair.copy().run().ends_with(0);
    pair.assert_equal(3);
}

#[test]
fn every_type_escape_and_kind_of_table_arrives_equal() {
    let pair = Pair::of(Sample::Everything(Everything::QUICK));
    pair.copy().run().ends_with(0);
    pair.assert_equal(3);
}

/// A batch is at most 1 MiB here; the row of 30 MB passes alone.
#[test]
fn a_thousand_tiny_tables_and_a_row_of_30_mb_arrive_equal() {
    let pair = Pair::of(Sample::Everything(Everything::FULL));
    let run = pair
        .copy()
        .args(&["--max-memory", "8MiB"])
        .run()
        .ends_with(0);
    pair.assert_equal(3);
    assert_eq!(run.table("public.huge")["rows_loaded"], 1);
    assert_eq!(run.table("tiny.t1000")["rows_loaded"], 3);
}
