//! How much is looked at: levels, samples, and how fast.

use std::time::Instant;

use crate::harness::Sample;
use crate::{copied, report, simple, table, verify};

#[test]
fn counts_see_a_missing_row_and_not_a_changed_one() {
    let pair = simple();
    pair.target_execute("UPDATE t SET a = 'x' WHERE id = 1");
    let equal = report(&pair, &["--level", "count"], 0);
    assert_eq!(table(&equal, "public.t")["verdict"], "counted");
    assert_eq!(table(&equal, "public.t")["rows"], 5000);
    pair.target_execute("DELETE FROM t WHERE id = 2");
    let report = report(&pair, &["--level", "count"], 6);
    let difference = &table(&report, "public.t")["difference"];
    assert_eq!(
        (&difference["source_rows"], &difference["target_rows"]),
        (&5000.into(), &4999.into())
    );
}

#[test]
fn digests_see_a_changed_row_and_name_none() {
    let pair = simple();
    pair.target_execute("UPDATE t SET a = 'x' WHERE id = 1; UPDATE t SET b = 3.00 WHERE id = 2");
    for more in [&["--level", "digest"][..], &["--level", "digest", "--both"]] {
        let report = report(&pair, more, 6);
        let difference = &table(&report, "public.t")["difference"];
        assert_eq!(difference["rows"], serde_json::json!([]));
        assert_eq!(difference["parts_that_differ"], 1, "3.00 is 3.0");
        assert_eq!(difference["parts_counted"], 0);
    }
}

#[test]
fn a_sample_reads_ranges_of_the_key_and_the_rest_is_not_verified() {
    let pair = copied(Sample::Same {
        tables: "CREATE TABLE t (id int PRIMARY KEY, a text); CREATE TABLE words (word text COLLATE \"en-x-icu\" PRIMARY KEY)",
        rows: "INSERT INTO t SELECT i, repeat('x', 500) FROM generate_series(1, 20000) i; ANALYZE t; \
               INSERT INTO words SELECT 'w' || i FROM generate_series(1, 100) i",
    });
    let sampled = report(&pair, &["--sample", "20"], 7);
    let t = table(&sampled, "public.t");
    assert_eq!(
        (&t["verdict"], &t["sampled"]),
        (&"equal".into(), &true.into())
    );
    let rows = t["rows"].as_u64().expect("a number");
    assert!((1000..10_000).contains(&rows), "{rows} rows of 20,000");
    // A key of texts that the target does not sort by their bytes.
    let words = table(&sampled, "public.words");
    assert_eq!(
        (&words["sampled"], &words["rows"]),
        (&false.into(), &100.into())
    );
    let gaps = sampled["not_verified"].as_array().expect("a list");
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(gaps[0]["what"], "rows of table public.t");

    pair.target_execute("UPDATE t SET a = 'y'");
    let changed = report(&pair, &["--sample", "20"], 6);
    let difference = &table(&changed, "public.t")["difference"];
    assert_eq!(difference["changed"], table(&changed, "public.t")["rows"]);
}

#[test]
fn a_rate_is_kept_over_both_sides() {
    let pair = copied(Sample::Same {
        tables: "CREATE TABLE t (id int PRIMARY KEY, a text)",
        rows: "INSERT INTO t SELECT i, repeat('x', 1000) FROM generate_series(1, 2000) i",
    });
    let began = Instant::now();
    // Both sides hold 2 MB.
    let run = verify(&pair, &["--both", "--max-rate", "1MB"]).ends_with(0);
    run.says("1 of 1 table complete").says("ETA");
    assert!(began.elapsed().as_secs_f64() > 3.5, "{:?}", began.elapsed());
}
