//! What a run says at its end, against what is true.

use testenv::{Action, Cluster, ClusterOptions, Fault, FaultProxy, StandinOptions, Trigger};

use crate::chunks::BIG;
use crate::harness::{Pair, Sample, Wire9};

#[test]
fn a_run_on_a_quiet_source_is_quiet_and_one_that_was_written_names_the_table() {
    let quiet = ClusterOptions::new().setting("autovacuum", "off");
    let quiet = Cluster::start(quiet).expect("a cluster starts");
    let pair = Pair::on(&quiet, StandinOptions::default(), BIG);
    let run = pair.copy().arg("--require-quiet").run().ends_with(0);
    assert!(run.stdout.starts_with("DONE"), "{}", run.stdout);
    assert_eq!(run.result()["source_moved"]["state"], "no");
    pair.assert_equal(3);
    assert_written_is_told(&pair, &[], 0);
    assert_written_is_told(&pair, &["--require-quiet"], 7);
}

/// Copies anew and writes to `small` meanwhile.
#[track_caller]
fn assert_written_is_told(pair: &Pair, arguments: &[&str], code: i32) {
    let slow = FaultProxy::start(&pair.source.uri()).expect("a proxy starts");
    let limited = Fault::new(Trigger::query("COPY"), Action::Bandwidth(12 << 20));
    slow.faults().add(limited.always());
    let command = Wire9::copy(slow.uri(), &pair.standin.uri()).args(&["--restart"]);
    let mut running = command.args(arguments).start();
    running.when("the copy has begun", || {
        let begun = "SELECT count(*) FROM wire9.run WHERE state = 'open'";
        pair.target().query_value(begun).unwrap_or(0) > 0
    });
    let write = "UPDATE small SET body = body || '.' WHERE id = 1";
    pair.source.execute(write).expect("written");
    let run = running.wait().ends_with(code);
    let first = run.stdout.lines().next().unwrap_or_default();
    assert!(first.starts_with("SOURCE WAS WRITTEN"), "{first}");
    assert!(first.contains("public.small"), "{first}");
    assert!(!first.contains("public.big"), "{first}");
    assert_eq!(run.result()["source_moved"]["tables"][0], "public.small");
    pair.assert_tables_equal(&[("public.big", None)], 3);
    let old = pair.target_rows("small WHERE body LIKE '%.'");
    let now = pair
        .source
        .count("small WHERE body LIKE '%.'")
        .expect("a number");
    assert!(old <= now);
}

/// What a lane believes to have committed counts for nothing: its ledger row is gone here.
#[test]
fn a_table_of_which_the_ledger_lacks_a_batch_is_not_complete() {
    let pair = Pair::of(Sample::Same {
        tables: "CREATE TABLE held (id int PRIMARY KEY); CREATE TABLE parent (id int PRIMARY KEY);
                 ALTER TABLE held ADD FOREIGN KEY (id) REFERENCES parent",
        rows: "INSERT INTO parent SELECT generate_series(1, 10);
               INSERT INTO held SELECT generate_series(1, 10)",
    });
    let mut lock = pair.target().client().expect("a session");
    let statement = "BEGIN; LOCK TABLE held IN SHARE ROW EXCLUSIVE MODE";
    lock.batch_execute(statement).expect("it is locked");
    let mut running = pair.copy().start();
    running.when("the parent is loaded", || pair.target_rows("parent") == 10);
    pair.target_execute(
        "DELETE FROM wire9.batch b USING wire9.pair p
         WHERE p.run = b.run AND p.pair = b.pair AND p.source_name = 'parent'",
    );
    drop(lock);
    let run = running.wait().ends_with(6);
    assert_eq!(run.table("public.parent")["complete"], false);
    assert_eq!(run.table("public.parent")["rows_loaded"], 0);
    assert_eq!(run.table("public.held")["complete"], true);
    let done = pair.target_rows("wire9.run WHERE state = 'done'");
    assert_eq!(done, 0, "the run is not finished");
}

#[test]
fn the_report_tells_the_rows_of_every_table_as_they_are() {
    let pair = Pair::of(Sample::Chinook);
    let run = pair.copy().run().ends_with(0);
    let tables = run.result()["tables"].as_array().expect("a list");
    assert_eq!(tables.len(), 11);
    let mut all = 0;
    for table in tables {
        let name = table["source"].as_str().expect("a name");
        let rows = pair.source.count(name).expect("a number");
        for field in ["rows_counted", "rows_loaded", "rows"] {
            assert_eq!(table[field].as_u64(), Some(rows), "{name} {field}");
        }
        assert_eq!(table["identity"], "holds", "{name}");
        assert_eq!(run.target_table(name)["rows_counted"].as_u64(), Some(rows));
        all += rows;
    }
    assert_eq!(run.result()["totals"]["rows"].as_u64(), Some(all));
    assert_eq!(run.report["format"], "wire9-copy-report/1");
    assert!(run.report["peak_rss_bytes"].as_u64() > Some(1 << 20));
    let run = run.says("NOT DONE BY COPY").says("sequences");
    run.says("indexes").says("constraints");
}

#[test]
fn no_password_is_ever_printed() {
    let options = ClusterOptions::new().auth(testenv::Auth::Scram);
    let source = Cluster::start(options).expect("a cluster starts");
    let standin = StandinOptions {
        secret: "hush4711".to_owned(),
        ..StandinOptions::default()
    };
    let pair = Pair::on(&source, standin, Sample::Shop(0.001));
    let run = pair.copy().run().ends_with(0);
    let password = source.password().expect("it has one");
    let run = run.never_says("hush4711").never_says(password);
    let report = run.report.to_string();
    assert!(!report.contains("hush4711") && !report.contains(password));
    pair.assert_equal(3);
}
