//! What timestamps are cut to, and that every cut is counted.

use testenv::StandinOptions;
use testenv::standin::{Limits, TimestampDigits};

use crate::harness::{Pair, Run, Sample};

/// Values of every number of fraction digits, before and after 1970.
const MOMENTS: Sample<'_> = Sample::Same {
    tables: "CREATE TABLE moments (id int PRIMARY KEY, local timestamp, zoned timestamptz,
                                   several timestamp[], note text)",
    rows: "INSERT INTO moments
           SELECT i, timestamp '1969-12-31' + i * interval '8643.210987 s',
                  timestamptz '2024-01-01 00:00:00+00' + (i % 10) * interval '0.1005 s',
                  ARRAY[timestamp '2024-01-01 00:00:00.123456', NULL],
                  '2024-01-01 00:00:00.123456'
           FROM generate_series(1, 200) i;
           INSERT INTO moments (id, local) VALUES (300, 'infinity'), (301, '-infinity'),
               (302, '0044-03-15 12:00:00.9999 BC')",
};

fn standin_that_keeps(digits: TimestampDigits) -> StandinOptions {
    StandinOptions {
        limits: Limits {
            timestamp_digits: digits,
            ..Limits::default()
        },
        ..StandinOptions::default()
    }
}

/// The values of a column that digits beyond those of a unit would be lost of.
fn longer(pair: &Pair, column: &str, unit: &str) -> u64 {
    let sql = format!(
        "SELECT count(*) FROM moments
         WHERE isfinite({column}) AND date_trunc('{unit}', {column}) <> {column}"
    );
    pair.source.query_value(&sql).expect("the source counts")
}

fn cut(run: &Run, column: &str) -> u64 {
    let cut = run.table("public.moments")["cut"].as_array().cloned();
    let cut = cut.unwrap_or_default();
    let of_column = cut.iter().find(|entry| entry["column"] == column);
    of_column.map_or(0, |entry| entry["values"].as_u64().expect("a number"))
}

#[track_caller]
fn assert_cuts(pair: &Pair, run: &Run, unit: &str) {
    for column in ["local", "zoned"] {
        let expected = longer(pair, column, unit);
        assert!(expected > 0, "{column} has nothing to cut");
        assert_eq!(cut(run, column), expected, "{column}");
    }
    assert_eq!(cut(run, "several"), 200);
    assert_eq!(cut(run, "note"), 0);
}

#[test]
fn auto_cuts_to_what_the_target_keeps_and_counts_each_value() {
    let pair = Pair::of(MOMENTS);
    let run = pair.copy().run().ends_with(0).says("values cut");
    let run = run.says("timestamp keeps 3 fraction digits (probed)");
    pair.assert_equal(3);
    assert_cuts(&pair, &run, "milliseconds");
}

#[test]
fn auto_cuts_before_a_target_that_would_round() {
    let pair = Pair::with(
        standin_that_keeps(TimestampDigits::RoundToMilliseconds),
        MOMENTS,
    );
    let run = pair.copy().run().ends_with(0);
    pair.assert_equal(3);
    assert_cuts(&pair, &run, "milliseconds");
}

#[test]
fn auto_cuts_nothing_where_the_target_keeps_microseconds() {
    let pair = Pair::with(standin_that_keeps(TimestampDigits::Microseconds), MOMENTS);
    let run = pair.copy().run().ends_with(0).never_says("values cut");
    pair.assert_equal(6);
    assert_eq!(cut(&run, "local"), 0);
}

#[test]
fn digits_that_are_asked_for_win_over_what_the_target_keeps() {
    let pair = Pair::with(standin_that_keeps(TimestampDigits::Microseconds), MOMENTS);
    for (digits, unit) in [(0, "second"), (3, "milliseconds")] {
        let argument = digits.to_string();
        let arguments = ["--fraction-digits", &argument, "--on-existing", "truncate"];
        let run = pair.copy().args(&arguments).run().ends_with(0);
        pair.assert_equal(digits);
        assert_cuts(&pair, &run, unit);
    }
    let arguments = ["--fraction-digits", "6", "--on-existing", "truncate"];
    pair.copy().args(&arguments).run().ends_with(0);
    pair.assert_equal(6);
}

#[test]
fn digits_that_the_target_does_not_keep_are_sent_when_asked_for_and_that_is_said() {
    let pair = Pair::of(MOMENTS);
    let run = pair
        .copy()
        .args(&["--fraction-digits", "6"])
        .run()
        .ends_with(0);
    run.says("--fraction-digits 6 sends more digits than the target keeps, 3: it cuts them");
    pair.assert_equal(3);
}

/// `timestamp(0)` rounds: 23:59:59.6 would become the next day.
#[test]
fn a_column_that_is_declared_with_fewer_digits_is_cut_to_them_not_rounded() {
    let pair = Pair::of(Sample::Sql {
        source:
            "CREATE TABLE t (id int, at timestamp);
                 INSERT INTO t VALUES (1, '2024-12-31 23:59:59.9996'), (2, '2024-01-01 00:00:00.4')",
        target: "CREATE TABLE t (id int, at timestamp(0))",
    });
    pair.copy().run().ends_with(0);
    pair.assert_equal(3);
    let last: String = pair
        .target()
        .query_value("SELECT at FROM t WHERE id = 1")
        .expect("a row");
    assert_eq!(last, "2024-12-31 23:59:59");
}

#[test]
fn padding_of_char_is_trimmed_and_counted() {
    let pair = Pair::of(Sample::Sql {
        source: "CREATE TABLE t (id int, code char(8));
                 INSERT INTO t VALUES (1, 'a'), (2, '12345678'), (3, NULL), (4, ''), (5, ' b')",
        target: "CREATE TABLE t (id int, code varchar(8))",
    });
    let run = pair.copy().run().ends_with(0).says("3 values trimmed");
    pair.assert_equal(3);
    assert_eq!(run.table("public.t")["cut"][0]["values"], 3);
}
