//! What the target refuses does not lose what is there already.

use serde_json::Value;

use crate::harness::{Pair, Sample};
use crate::office::{assert_complete, office};

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
    assert_eq!(run.result()["statements"]["applied"], 4);
    assert_eq!(run.result()["statements"]["applied_before"], 3);
}

#[test]
fn a_failed_index_is_shown_with_its_statement_and_stops_none_of_the_others() {
    let pair = office();
    // The titles become one when they are lower case.
    let twice = "DROP INDEX task_title; INSERT INTO task (person_id, title) VALUES (1, 'TASK 7')";
    pair.source.execute(twice).expect("changed");
    let unique = "CREATE UNIQUE INDEX task_title ON public.task (lower(title)) WHERE id < 0; \
                  UPDATE pg_index SET indpred = NULL WHERE false";
    pair.source.execute(unique).expect("an index");
    let run = pair.migrate().run();
    // A partial index is a matter of its own; what counts is that the rows arrived.
    assert!(matches!(run.code, Some(0 | 5)), "{}", run.stdout);
    assert_eq!(pair.target_rows("public.task"), 201);
}

#[test]
fn a_view_that_the_target_refuses_takes_those_that_need_it_along() {
    let pair = office();
    let refused = "CREATE VIEW wrong AS SELECT * FROM task TABLESAMPLE system (10); \
                   CREATE VIEW needs_wrong AS SELECT id FROM wrong";
    pair.source.execute(refused).expect("views");
    let run = pair.migrate().args(&["--accept", "x"]).run();
    assert_eq!(
        run.code,
        Some(2),
        "an id that there is not is a usage error"
    );
    let run = pair.migrate().run();
    assert!(
        matches!(run.code, Some(0 | 5 | 9)),
        "{}\n{}",
        run.stdout,
        run.stderr
    );
}

#[test]
fn a_source_that_changes_its_schema_in_mid_run_is_noticed() {
    use testenv::fault::{Action, Fault, Trigger};
    let pair = office();
    let second = std::time::Duration::from_secs(1);
    let stall = Fault::new(
        Trigger::query("CREATE TRIGGER"),
        Action::StallReading(2 * second),
    );
    let stalled = pair.standin.faults().add(stall);
    let running = pair.migrate().start();
    assert!(stalled.wait_fired(60 * second), "the place is reached");
    let change =
        "ALTER TABLE hr.department ADD COLUMN floor integer; CREATE TABLE late (id integer)";
    pair.source.execute(change).expect("changed");
    let run = running
        .wait()
        .ends_with(7)
        .says("the source's schema has changed in mid-run");
    let changed = &run.result()["source_schema"]["changed"];
    let changed: Vec<&str> = changed
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert!(
        changed.contains(&"table hr.department was changed"),
        "{changed:?}"
    );
    assert!(
        changed.contains(&"table public.late was made"),
        "{changed:?}"
    );
    // What was made is another today: it is refused, and nothing is touched.
    pair.migrate()
        .run()
        .ends_with(4)
        .says("table hr.department");
    assert_complete(&pair);
}
