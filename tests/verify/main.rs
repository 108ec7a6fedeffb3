//! `wire9 verify`: equal is said to be equal, and every difference is found, down to the row and column.

#[path = "../harness/mod.rs"]
mod harness;
mod repair;

mod beside;
mod culprits;
mod faults;
mod keys;
mod levels;
mod live;
mod reading;
mod rows;
mod types;

use harness::{Pair, Run, Sample, Wire9};
use serde_json::Value;

pub(crate) fn verify(pair: &Pair, arguments: &[&str]) -> Run {
    let (source, target) = (pair.source.uri(), pair.standin.uri());
    let command = Wire9::bare().args(&["verify", "--postgres", &source, "--db9", &target]);
    command.args(arguments).run()
}

/// The report of a verification that ends with this code.
#[track_caller]
pub(crate) fn report(pair: &Pair, arguments: &[&str], code: i32) -> Value {
    let all: Vec<&str> = [&["--format", "json"], arguments].concat();
    let run = verify(pair, &all).ends_with(code);
    let report: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    assert_eq!(report["format"], "wire9-verify-report/1");
    assert_eq!(report["exit_code"], code);
    report
}

#[track_caller]
pub(crate) fn table<'r>(report: &'r Value, name: &str) -> &'r Value {
    let tables = report["tables"].as_array().expect("a list");
    let found = tables.iter().find(|table| table["target"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {report}"))
}

pub(crate) fn copied(sample: Sample<'_>) -> Pair {
    let pair = Pair::of(sample);
    pair.copy().run().ends_with(0);
    pair
}

pub(crate) const ROWS: &str = "\
    CREATE TABLE t (id int PRIMARY KEY, a text, b numeric, c jsonb, d timestamptz); \
    CREATE TABLE keyless (a int, b text)";
pub(crate) const FILL: &str = "\
    INSERT INTO t SELECT i, 'row ' || i, i * 1.5, jsonb_build_object('n', i, 'm', 1.10), \
    '2024-01-01 00:00:00.123456+00'::timestamptz + i * interval '1 second' \
    FROM generate_series(1, 5000) i; \
    INSERT INTO keyless SELECT i % 7, 'x' FROM generate_series(1, 100) i";

pub(crate) fn simple() -> Pair {
    copied(Sample::Same {
        tables: ROWS,
        rows: FILL,
    })
}
