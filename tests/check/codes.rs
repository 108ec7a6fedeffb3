//! How a check ends, and what a person can accept.

use testenv::standin::Limits;
use testenv::{Standin, StandinOptions};

use super::harness::Wire9;
use super::{check, found, json, source};

/// A blocker (row security), a loss (microseconds), a change (smallint).
const ALL_KINDS: &str = "CREATE TABLE secured (id int PRIMARY KEY, n smallint, at timestamptz); \
     ALTER TABLE secured ENABLE ROW LEVEL SECURITY";

/// Nothing of which DB9 does not keep.
const CLEAN: &str = "CREATE TABLE a (id int PRIMARY KEY, name text NOT NULL, note varchar(20), n bigint, ok boolean, \
        u uuid, d date, j jsonb); \
     CREATE TABLE b (id bigint PRIMARY KEY, a int REFERENCES a); CREATE INDEX b_a ON b (a); \
     INSERT INTO a SELECT i, 'name' FROM generate_series(1, 10) i";

#[test]
fn a_clean_database_has_no_finding_but_that_no_target_was_named() {
    let source = source(CLEAN);
    let run = check(&source)
        .args(&["--deep", "--format", "json"])
        .run()
        .ends_with(0);
    let found = found(&json(&run), "");
    let ids: Vec<&str> = found.keys().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["target-not-named"], "{}", run.stdout);
    check(&source).run().ends_with(0).says("OK  1 note");
}

#[test]
fn a_clean_database_and_an_empty_db9_have_no_finding_at_all() {
    let source = source(CLEAN);
    let standin = Standin::start(StandinOptions::default()).expect("a stand-in");
    let run = check(&source)
        .args(&["--deep", "--db9", &standin.uri()])
        .run();
    run.ends_with(0)
        .says("CLEAN  no findings")
        .never_says("secret");
}

#[test]
fn blockers_then_losses_decide_the_exit_code_until_they_are_accepted() {
    let source = source(ALL_KINDS);
    check(&source)
        .run()
        .ends_with(9)
        .says("BLOCKED  1 blocker, ");
    let accepted = check(&source).args(&["--accept", "row-security"]).run();
    accepted
        .ends_with(8)
        .says("row-security (accepted): ")
        .says("1 blocker (1 accepted)");
    let both = check(&source)
        .args(&["--accept", "row-security,timestamp-digits"])
        .run();
    both.ends_with(0).says("timestamp-digits (accepted): ");
}

#[test]
fn an_accept_file_does_the_same_and_its_mistakes_are_named_with_their_line() {
    let source = source(ALL_KINDS);
    let run = check(&source);
    let file = run.folder().join("accepted.txt");
    let path = file.to_string_lossy().into_owned();
    let text = "# the application filters\nrow-security # by tenant\n\ntimestamp-digits\n";
    std::fs::write(&file, text).expect("it can be written");
    run.args(&["--accept-file", &path]).run().ends_with(0);
    let run = check(&source);
    let file = run.folder().join("accepted.txt");
    let path = file.to_string_lossy().into_owned();
    std::fs::write(&file, "row-security\nrow-securty\n").expect("it can be written");
    run.args(&["--accept-file", &path])
        .run()
        .ends_with(2)
        .says("--accept-file, line 2: there is no finding of the id \"row-securty\"")
        .says("did you mean row-security?");
}

#[test]
fn a_target_that_holds_tables_is_a_blocker() {
    let source = source(CLEAN);
    let standin = Standin::start(StandinOptions::default()).expect("a stand-in");
    let client = standin.database();
    client
        .execute("SET ROLE \"tenant.admin\"; CREATE TABLE public.there (id int)")
        .expect("the table is made");
    let run = check(&source).args(&["--db9", &standin.uri()]).run();
    run.ends_with(9).says("target-not-empty");
}

#[test]
fn a_target_that_keeps_rows_of_a_copy_that_was_rolled_back_is_a_blocker() {
    let source = source(CLEAN);
    let limits = Limits {
        transactional_copy: false,
        ..Limits::default()
    };
    let options = StandinOptions {
        limits,
        ..StandinOptions::default()
    };
    let standin = Standin::start(options).expect("a stand-in");
    let run = check(&source).args(&["--db9", &standin.uri()]).run();
    run.ends_with(9).says("target-copy-not-rolled-back");
}

#[test]
fn a_db9_as_source_is_refused() {
    let standin = Standin::start(StandinOptions::default()).expect("a stand-in");
    let uri = standin.uri();
    let run = Wire9::bare().args(&["check", "--postgres", &uri]).run();
    run.ends_with(4)
        .says("the source is a DB9")
        .never_says("secret");
}

#[test]
fn a_postgresql_as_profile_loses_nothing_of_a_value() {
    let source =
        source("CREATE TABLE t (at timestamptz PRIMARY KEY, n smallint, c char(3), span interval)");
    let run = check(&source)
        .args(&["--profile", "postgresql", "--deep"])
        .run();
    run.ends_with(0).says("CLEAN");
}

#[test]
fn a_postgresql_as_target_gets_the_schema_of_a_db9() {
    let source = source("CREATE TABLE t (id int PRIMARY KEY, at timestamptz)");
    let target = super::source("SELECT 1");
    let run = check(&source)
        .args(&["--db9", &format!("{}?sslmode=disable", target.uri())])
        .run();
    run.ends_with(8)
        .says("target-not-db9")
        .says("timestamp-digits");
}

#[test]
fn a_profile_or_map_that_can_not_be_read_is_a_usage_error() {
    let source = source("SELECT 1");
    for argument in ["--profile", "--map"] {
        let run = check(&source).args(&[argument, "/no/such/file.toml"]).run();
        run.ends_with(2).says("/no/such/file.toml");
    }
}
