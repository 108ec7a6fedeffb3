//! What the target refuses does not lose what is there already.

use std::time::Duration;

use serde_json::Value;
use testenv::fault::{Action, Fault, Trigger};

use crate::harness::{Pair, Sample};
use crate::office::{assert_complete, office};

const SECOND: Duration = Duration::from_secs(1);

fn failed(result: &Value) -> Vec<&str> {
    let failed = result["statements"]["failed"].as_array().expect("a list");
    failed.iter().filter_map(|f| f["object"].as_str()).collect()
}

/// The source holds orphans: rows that came while its triggers were off.
const ORPHANS: &str = "CREATE TABLE parent (id integer PRIMARY KEY);
    CREATE TABLE child (id integer PRIMARY KEY, parent_id integer);
    CREATE INDEX ON child (parent_id);
    ALTER TABLE child ADD CONSTRAINT child_parent FOREIGN KEY (parent_id) REFERENCES parent;
    INSERT INTO parent SELECT generate_series(1, 10);
    ALTER TABLE child DISABLE TRIGGER ALL;
    INSERT INTO child SELECT i, i % 13 FROM generate_series(1, 130) i;
    ALTER TABLE child ENABLE TRIGGER ALL";

#[test]
fn orphans_are_counted_and_the_same_command_tries_again() {
    let pair = Pair::empty(Sample::Sql {
        source: ORPHANS,
        target: "",
    });
    let run = pair.migrate().run().ends_with(5);
    let result = run.result();
    assert_eq!(failed(result), ["foreign key public.child.child_parent"]);
    assert_eq!(result["statements"]["failed"][0]["sqlstate"], "23503");
    let orphans = &result["orphans"][0];
    assert_eq!(
        (&orphans["rows"], &orphans["table"]),
        (&30.into(), &"public.child".into())
    );
    let run = run.says("public.child: 30 rows without a row that child_parent asks for");
    assert!(!run.stdout.contains("DETAIL"), "{}", run.stdout);
    assert_eq!(
        pair.target_rows("child"),
        130,
        "nothing that is loaded is lost"
    );
    let mend = "DELETE FROM child WHERE parent_id NOT IN (SELECT id FROM parent)";
    pair.target().execute(mend).expect("mended");
    // The rows are fewer than were loaded: that is a refusal of its own.
    pair.migrate().run().ends_with(4);
    let restore = "INSERT INTO parent SELECT DISTINCT parent_id FROM child \
                   WHERE parent_id NOT IN (SELECT id FROM parent)";
    pair.target().execute(restore).expect("restored");
}

#[test]
fn a_foreign_key_that_failed_is_made_by_the_same_command_when_its_rows_are_mended() {
    let pair = Pair::empty(Sample::Sql {
        source: ORPHANS,
        target: "",
    });
    pair.migrate().run().ends_with(5);
    let mend = "INSERT INTO parent VALUES (0), (11), (12)";
    pair.target().execute(mend).expect("mended");
    let run = pair.migrate().run().ends_with(0);
    let (all, before) = (
        &run.result()["statements"]["applied"],
        &run.result()["statements"]["applied_before"],
    );
    assert_eq!(
        before.as_u64().expect("a number") + 1,
        all.as_u64().expect("a number")
    );
}

/// Moments that are one when they are cut to milliseconds.
const COLLIDING: &str = "CREATE TABLE stamp (id integer PRIMARY KEY, at timestamptz UNIQUE, note text);
    CREATE TABLE echo (id integer PRIMARY KEY, at timestamptz REFERENCES stamp (at));
    CREATE INDEX stamp_note ON stamp (note);
    INSERT INTO stamp SELECT i, timestamptz '2024-01-01' + i * interval '1 microsecond', 'note ' || i
        FROM generate_series(1, 50) i;
    INSERT INTO echo SELECT id, at FROM stamp";

#[test]
fn a_failed_constraint_is_shown_with_its_statement_and_takes_what_needs_it_along() {
    let pair = Pair::empty(Sample::Sql {
        source: COLLIDING,
        target: "",
    });
    let run = pair.migrate().run().ends_with(5).says("PARTIAL  ");
    let result = run.result();
    let failure = &result["statements"]["failed"][0];
    assert_eq!(failed(result).len(), 1, "{result:#}");
    assert_eq!(
        (&failure["sqlstate"], &failure["section"]),
        (&"23505".into(), &"post-data".into())
    );
    let statement = failure["statement"].as_str().expect("a text").to_owned();
    assert!(statement.contains("UNIQUE"), "{statement}");
    let skipped = &result["statements"]["skipped"][0];
    assert_eq!(skipped["needs"], failure["object"]);
    let run = run.says(&statement).says("FAILED").never_says("2024-01-01");
    assert!(run.stdout.contains("SKIPPED"), "{}", run.stdout);
    let indexes = "SELECT count(*) FROM pg_indexes WHERE indexname = 'stamp_note'";
    assert_eq!(
        pair.target().query_value::<u64>(indexes).expect("counted"),
        1
    );
    assert_eq!(
        (pair.target_rows("stamp"), pair.target_rows("echo")),
        (50, 50)
    );
    // Without the collision the same command makes what is missing, and nothing else.
    let mend = "UPDATE echo SET at = at + id * interval '1 second'; \
                UPDATE stamp SET at = at + id * interval '1 second'";
    pair.target().execute(mend).expect("mended");
    let run = pair.migrate().run().ends_with(0);
    let (all, before) = (
        &run.result()["statements"]["applied"],
        &run.result()["statements"]["applied_before"],
    );
    assert_eq!(
        before.as_u64().expect("a number") + 2,
        all.as_u64().expect("a number")
    );
}

/// Indexes of which the target refuses one.
const TOO_WIDE: &str = "CREATE TABLE wide (id integer PRIMARY KEY, code text, note text);
    CREATE INDEX wide_code ON wide (code);
    CREATE INDEX wide_note ON wide (note);
    INSERT INTO wide SELECT i, 'code ' || i, 'note ' || i FROM generate_series(1, 50) i";

#[test]
fn a_plain_index_that_fails_loses_no_row_and_is_made_by_the_same_command() {
    let pair = Pair::empty(Sample::Sql {
        source: TOO_WIDE,
        target: "",
    });
    let refusal = Action::Error {
        sqlstate: "54000".to_owned(),
        message: "index row size exceeds the maximum".to_owned(),
        deaf: std::time::Duration::ZERO,
    };
    let fault = Fault::new(Trigger::query("wide_code"), refusal);
    let refused = pair.standin.faults().add(fault);
    let run = pair.migrate().run().ends_with(5).says("PARTIAL  ");
    assert_eq!(refused.fired(), 1);
    let result = run.result();
    assert_eq!(failed(result), ["index public.wide_code"]);
    assert_eq!(result["statements"]["failed"][0]["sqlstate"], "54000");
    let statement = &result["statements"]["failed"][0]["statement"];
    let statement = statement.as_str().expect("a text").to_owned();
    assert!(statement.starts_with("CREATE INDEX"), "{statement}");
    run.says(&statement);
    let indexes = "SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM pg_indexes WHERE tablename = 'wide'";
    let there: String = pair.target().query_value(indexes).expect("told");
    assert_eq!(there, "wide_note wide_pkey", "the rest went on");
    assert_eq!(pair.target_rows("wide"), 50);
    let run = pair.migrate().run().ends_with(0);
    let statements = &run.result()["statements"];
    let number = |name: &str| statements[name].as_u64().expect("a number");
    assert_eq!(number("applied_before") + 1, number("applied"));
    let there: String = pair.target().query_value(indexes).expect("told");
    assert_eq!(there, "wide_code wide_note wide_pkey");
}

/// What a migration notices whose source is changed while its triggers are made.
fn changed_meanwhile(pair: &Pair, change: &str) -> Vec<String> {
    let trigger = Trigger::query("BEFORE UPDATE ON");
    let stall = Fault::new(trigger, Action::StallReading(2 * SECOND));
    let stalled = pair.standin.faults().add(stall);
    let running = pair.migrate().start();
    assert!(stalled.wait_fired(60 * SECOND), "the place is reached");
    pair.source.execute(change).expect("changed");
    let run = running
        .wait()
        .ends_with(7)
        .says("the source's schema has changed in mid-run");
    let changed = run.result()["source_schema"]["changed"].as_array();
    let changed = changed.expect("a list").iter();
    let changed = changed.filter_map(Value::as_str).map(str::to_owned);
    changed.collect()
}

#[test]
fn a_source_that_changes_its_schema_in_mid_run_is_noticed() {
    let pair = office();
    let change =
        "ALTER TABLE hr.department ADD COLUMN floor integer; CREATE TABLE late (id integer)";
    let changed = changed_meanwhile(&pair, change);
    for line in [
        "table hr.department was changed",
        "table public.late was made",
    ] {
        assert!(changed.iter().any(|c| c == line), "{line}: {changed:?}");
    }
    // What was made is another today: it is refused, and nothing is touched.
    pair.migrate()
        .run()
        .ends_with(4)
        .says("table hr.department");
    assert_complete(&pair);
}

#[test]
fn a_view_alone_that_changes_in_mid_run_is_noticed() {
    let pair = office();
    let change = "CREATE OR REPLACE VIEW hr.late AS SELECT 1 AS one";
    pair.source.execute(change).expect("a view");
    let change = "CREATE OR REPLACE VIEW hr.late AS SELECT 2 AS one";
    let changed = changed_meanwhile(&pair, change);
    assert_eq!(changed, ["view hr.late was changed"]);
}

#[test]
fn a_function_alone_that_changes_in_mid_run_is_noticed_also_where_it_is_left_out() {
    let pair = office();
    let body = |text: &str, looped: &str| {
        format!(
            "CREATE OR REPLACE FUNCTION hr.one() RETURNS integer LANGUAGE sql AS 'SELECT {text}'; \
             CREATE OR REPLACE FUNCTION hr.looped() RETURNS void LANGUAGE plpgsql AS \
             'BEGIN WHILE {looped} LOOP NULL; END LOOP; END'"
        )
    };
    pair.source.execute(&body("1", "false")).expect("functions");
    let changed = changed_meanwhile(&pair, &body("2", "1 > 2"));
    assert_eq!(
        changed,
        [
            "function hr.looped() was changed",
            "function hr.one() was changed"
        ]
    );
}

#[test]
fn a_target_that_is_lost_for_good_leaves_a_report_of_what_stands() {
    let pair = office();
    let place = Trigger::query("COPY \"public\".\"task\"");
    let stalled = pair
        .standin
        .faults()
        .add(Fault::new(place, Action::StallReading(SECOND)));
    let running = pair.migrate().args(&["--retry-for", "1"]).start();
    assert!(stalled.wait_fired(60 * SECOND), "the place is reached");
    drop(pair.standin);
    let run = running.wait().ends_with(3);
    let (result, error) = (run.result(), &run.report["error"]);
    assert_eq!(result["ended"], "failed", "{}", run.report);
    assert!(error["what"].is_string() && error["remedy"].is_string());
    assert!(result["statements"]["applied"].as_u64() > Some(0));
    run.says("FAILED  in copy; ")
        .says("what is done stays, and the same command continues")
        .says("phases  check ")
        .says("NOT REACHED")
        .says("WHAT THE APPLICATION MUST KNOW");
}
