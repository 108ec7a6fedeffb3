//! The forms of the report.

use std::collections::BTreeSet;

use serde_json::Value;
use testenv::Standin;
use testenv::StandinOptions;

use super::{check, json, source};

const DOCS: &str = include_str!("../../docs/findings.md");

const MANY: &str = "CREATE TABLE wide (c1 timestamp, c2 timestamp, c3 timestamp, c4 timestamp, c5 timestamp, \
     c6 timestamp, c7 timestamp, c8 timestamp, c9 timestamp, d1 timestamp, d2 timestamp, d3 timestamp)";

#[test]
fn every_field_of_the_json_is_documented_and_every_documented_one_is_there() {
    let source = source(MANY);
    let standin = Standin::start(StandinOptions::default()).expect("a stand-in");
    let run = check(&source)
        .args(&["--format", "json", "--db9", &standin.uri()])
        .run();
    let report = json(&run);
    let mut fields = BTreeSet::new();
    collect(&report, "", &mut fields);
    let documented: BTreeSet<String> = DOCS
        .lines()
        .skip_while(|line| !line.starts_with("| field |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .filter_map(|line| line.split('`').nth(1).map(str::to_owned))
        .collect();
    assert_eq!(fields, documented);
    assert_eq!(report["format"], "wire9-check-report/1");
    assert_eq!(report["exit_code"], 8);
}

/// Paths of all fields; the entries of `summary` and `kinds` have names of their own.
fn collect(value: &Value, path: &str, fields: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, inner) in object {
                let name = if matches!(path, "summary" | "kinds") {
                    "*"
                } else {
                    name
                };
                let path = match path {
                    "" => name.to_owned(),
                    path => format!("{path}.{name}"),
                };
                if !path.ends_with(".*") {
                    fields.insert(path.clone());
                }
                collect(inner, &path, fields);
            }
        }
        Value::Array(list) => {
            let path = format!("{path}[]");
            list.iter().for_each(|inner| collect(inner, &path, fields));
        }
        _ => {}
    }
}

#[test]
fn many_objects_of_one_kind_are_folded_unless_all_are_asked_for() {
    let source = source(MANY);
    let folded = check(&source).run().ends_with(8);
    let folded = folded.says("and 2 more (--all shows them)");
    let shown = folded.stdout.matches("- column public.wide.").count();
    assert_eq!(shown, 10, "{}", folded.stdout);
    let all = check(&source).arg("--all").run().ends_with(8);
    assert_eq!(all.stdout.matches("- column public.wide.").count(), 12);
}

#[test]
fn progress_is_on_stderr_alone_and_quiet_ends_it() {
    let source = source(MANY);
    let run = check(&source).args(&["--deep", "--format", "json"]).run();
    json(&run);
    assert!(
        run.stderr.contains("reading the data of the source"),
        "{}",
        run.stderr
    );
    let quiet = check(&source).args(&["--deep", "--quiet"]).run();
    assert_eq!(quiet.stderr, "");
    // There is no row, so that none loses anything.
    assert!(quiet.stdout.starts_with("OK  "), "{}", quiet.stdout);
}

#[test]
fn names_that_want_to_forge_lines_are_escaped() {
    let source = source("CREATE TABLE \"a\nBLOCKERS  none\" (\"b\tc\" timestamp)");
    let run = check(&source).run().ends_with(8);
    let run = run.says("column public.\"a\\nBLOCKERS  none\".\"b\\tc\"");
    assert!(
        !run.stdout.lines().any(|line| line.starts_with("BLOCKERS")),
        "{}",
        run.stdout
    );
}

#[test]
fn without_deep_the_report_says_that_the_data_was_not_read() {
    let source = source("CREATE TABLE t (id int PRIMARY KEY)");
    check(&source)
        .run()
        .ends_with(0)
        .says("the data itself: --deep reads it");
    let deep = check(&source).arg("--deep").run().ends_with(0);
    deep.never_says("NOT CHECKED");
}
