//! What is refused before anything is written.

use crate::harness::{Pair, Sample};
use crate::office::{assert_complete, objects, office};

#[test]
fn a_target_that_is_not_empty_is_refused_and_left_as_it_is() {
    let pair = office();
    pair.target_execute("CREATE TABLE public.mine (id integer); INSERT INTO mine VALUES (1)");
    pair.migrate()
        .run()
        .ends_with(4)
        .says("the target is not empty: public.mine");
    assert_eq!(objects(&pair), ["relation r public.mine"]);
    pair.migrate()
        .args(&["--accept", "target-not-empty"])
        .run()
        .ends_with(0);
    assert_complete(&pair);
    assert_eq!(pair.target_rows("mine"), 1);
}

#[test]
fn a_type_or_function_of_the_same_name_is_refused_too() {
    let pair = office();
    pair.target_execute("CREATE TYPE public.mood AS ENUM ('other')");
    pair.migrate().run().ends_with(4).says("public.mood");
    pair.target_execute("DROP TYPE public.mood");
    pair.target_execute(
        "CREATE FUNCTION public.people() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    );
    pair.migrate().run().ends_with(4).says("public.people");
}

#[test]
fn blockers_stop_it_before_anything_is_written_unless_they_are_accepted() {
    let pair = Pair::empty(Sample::Sql {
        source: "CREATE TABLE secrets (id integer PRIMARY KEY, owner text);
                 ALTER TABLE secrets ENABLE ROW LEVEL SECURITY;
                 CREATE POLICY own ON secrets USING (owner = current_user);
                 INSERT INTO secrets VALUES (1, 'me')",
        target: "",
    });
    let run = pair.migrate().run().ends_with(9).says("BLOCKED  1 blocker");
    assert_eq!(run.result()["ended"], "blocked");
    let id = run.result()["findings"]["findings"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    assert_eq!(objects(&pair), [] as [&str; 0]);
    let run = pair.migrate().args(&["--accept", &id]).run().ends_with(0);
    assert_eq!(run.result()["accepted"][0], id);
    // What was accepted stays in every later report, marked.
    let findings = run.result()["findings"]["findings"]
        .as_array()
        .expect("a list");
    let kept = findings
        .iter()
        .find(|f| f["id"] == id.as_str())
        .expect("it stays");
    assert_eq!(
        (&kept["accepted"], &kept["object"]),
        (&true.into(), &"table public.secrets".into())
    );
    assert_eq!(pair.target_rows("secrets"), 1);
}

#[test]
fn a_dry_run_writes_nothing() {
    let pair = office();
    pair.migrate()
        .arg("--dry-run")
        .run()
        .ends_with(0)
        .says("PLAN  ");
    assert_eq!(objects(&pair), [] as [&str; 0]);
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname IN ('hr', 'wire9')";
    assert_eq!(
        pair.target().query_value::<u64>(schemas).expect("counted"),
        0
    );
}

#[test]
fn two_at_once_do_not_get_in_each_others_way() {
    use std::time::Duration;
    use testenv::fault::{Action, Fault, Trigger};
    let pair = office();
    let second = Duration::from_secs(1);
    let stall = Fault::new(
        Trigger::query("busy_people"),
        Action::StallReading(4 * second),
    );
    let stalled = pair.standin.faults().add(stall);
    let first = pair.migrate().start();
    assert!(stalled.wait_fired(60 * second), "the place is reached");
    pair.migrate()
        .run()
        .ends_with(4)
        .says("is being worked on by another wire9 process");
    first.wait().ends_with(0);
    assert_complete(&pair);
}

#[test]
fn objects_that_were_dropped_in_between_are_named() {
    let pair = office();
    pair.migrate().run().ends_with(0);
    pair.target()
        .execute("DROP TABLE public.log")
        .expect("dropped");
    pair.migrate()
        .run()
        .ends_with(4)
        .says("not in the target any more: table public.log");
}

#[test]
fn a_pattern_that_names_no_table_is_refused_before_anything_is_written() {
    let pair = office();
    for (option, value) in [
        ("--where", "public.tsak=id > 7"),
        ("--exclude-table-data", "public.tsak"),
    ] {
        let run = pair.migrate().args(&[option, value]).run().ends_with(2);
        run.says("names no table of the source: public.tsak")
            .says("remedy: ")
            .never_says("id > 7");
        assert_eq!(objects(&pair), [""; 0]);
    }
}

#[test]
fn keys_that_would_collide_stop_a_deep_migration_before_anything_is_written() {
    let pair = Pair::empty(Sample::Sql {
        source: "CREATE TABLE event (at timestamptz PRIMARY KEY);
                 INSERT INTO event SELECT timestamptz '2024-01-01' + i * interval '1 us' FROM generate_series(1, 9) i",
        target: "",
    });
    let run = pair.migrate().arg("--deep").run().ends_with(9);
    run.says("deep-primary-key-collision: rows whose primary keys become the same")
        .says("primary key public.event.event_pkey: 1 group of 9 rows");
    assert_eq!(objects(&pair), [""; 0]);
}

#[test]
fn an_id_that_there_is_not_is_refused_with_what_is_like_it() {
    let pair = office();
    let run = pair.migrate().args(&["--accept", "row-securty"]).run();
    run.ends_with(2)
        .says("there is no finding of the id \"row-securty\"")
        .says("did you mean row-security?");
    assert_eq!(objects(&pair), [""; 0]);
}
