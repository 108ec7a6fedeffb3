//! `wire9 check` against real servers: what it finds, how it ends, and what it never says.

#[path = "../harness/mod.rs"]
mod harness;

mod arguments;
mod codes;
mod decided;
mod deep;
mod objects;
mod report;
mod servers;
mod stop;

use std::collections::BTreeMap;

use harness::{Run, Wire9};
use serde_json::Value;
use testenv::{Cluster, Database};

/// A source of these statements on the shared cluster.
fn source(statements: &str) -> Database {
    let source = Cluster::shared()
        .database("checked")
        .expect("the source is made");
    source.execute(statements).expect("the source is filled");
    source
}

/// `wire9 check --postgres URI`.
fn check(source: &Database) -> Wire9 {
    Wire9::bare().args(&["check", "--postgres", &source.uri()])
}

/// The JSON report of a run.
fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}{}", run.stdout, run.stderr))
}

/// By id and object: how many.
type Found = BTreeMap<(String, String), u64>;

/// The findings of a JSON report whose id begins so.
fn found(report: &Value, prefix: &str) -> Found {
    let findings = report["findings"]
        .as_array()
        .expect("there is a list of findings");
    let mut found = Found::new();
    for finding in findings {
        let text = |field: &str| finding[field].as_str().expect("it is a text").to_owned();
        if text("id").starts_with(prefix) {
            let count = finding["count"].as_u64().expect("it is a number");
            let before = found.insert((text("id"), text("object")), count);
            assert_eq!(before, None, "found twice: {finding}");
        }
    }
    found
}

fn expected(list: &[(&str, &str, u64)]) -> Found {
    let entry = |(id, object, count): &(&str, &str, u64)| {
        (((*id).to_owned(), (*object).to_owned()), *count)
    };
    list.iter().map(entry).collect()
}
