//! Sequences stand where the next value is free.

use crate::office::office;

fn next(pair: &crate::harness::Pair, sequence: &str) -> i64 {
    let sql = format!("SELECT nextval('{sequence}')");
    pair.target().query_value(&sql).expect("a number")
}

#[test]
fn every_sequence_stands_where_the_source_has_it() {
    let pair = office();
    let run = pair.migrate().run().ends_with(0);
    // 200 values from 1000 in steps of 5, of which the last block of three is spent.
    assert_eq!(next(&pair, "public.ticket"), 2_005);
    assert_eq!(next(&pair, "public.countdown"), -201);
    assert_eq!(next(&pair, "hr.person_id_seq"), 41);
    let insert = "INSERT INTO hr.department (name) VALUES ('new') RETURNING id";
    let id: i64 = pair.target().query_value(insert).expect("an identity");
    assert_eq!(id, 6);
    let sequences = run.result()["sequences"].as_array().expect("a list");
    assert!(
        sequences.iter().all(|s| s["how"] == "as-source"),
        "{sequences:?}"
    );
}

#[test]
fn a_sequence_behind_its_rows_is_raised_and_a_descending_one_lowered() {
    let pair = office();
    let behind = "SELECT setval('hr.person_id_seq', 3), setval('countdown', -2); \
                  CREATE SEQUENCE lonely START 7; SELECT nextval('lonely'); \
                  CREATE SEQUENCE fresh START 50";
    pair.source.execute(behind).expect("changed");
    let run = pair
        .migrate()
        .run()
        .ends_with(0)
        .says("behind the rows in the source");
    assert_eq!(next(&pair, "hr.person_id_seq"), 41);
    assert_eq!(next(&pair, "countdown"), -201);
    assert_eq!((next(&pair, "lonely"), next(&pair, "fresh")), (8, 50));
    let sequences = run.result()["sequences"].as_array().expect("a list");
    let raised: Vec<_> = sequences.iter().filter(|s| s["how"] == "raised").collect();
    assert_eq!(raised.len(), 2, "{sequences:?}");
}

#[test]
fn positions_are_those_of_the_end_and_not_of_the_snapshot() {
    use std::time::Duration;
    use testenv::fault::{Action, Fault, Trigger};
    let pair = office();
    let second = Duration::from_secs(1);
    let stall = Fault::new(
        Trigger::query("BEFORE UPDATE ON"),
        Action::StallReading(second),
    );
    let stalled = pair.standin.faults().add(stall);
    let running = pair.migrate().start();
    assert!(stalled.wait_fired(60 * second), "the place is reached");
    let later = "SELECT setval('public.ticket', 5000)";
    pair.source.execute(later).expect("the source is in use");
    running.wait().ends_with(0);
    assert_eq!(next(&pair, "public.ticket"), 5_005);
}

/// One that has come round, one that falls and comes round, and one that hands out blocks.
const CYCLING: &str = "CREATE SEQUENCE round MINVALUE 1 MAXVALUE 5 CYCLE;
    CREATE SEQUENCE falling INCREMENT -2 MINVALUE -9 MAXVALUE -1 START -1 CACHE 3 CYCLE;
    CREATE TABLE turns (id bigserial PRIMARY KEY, turn integer DEFAULT nextval('round'), fall integer DEFAULT nextval('falling'));
    INSERT INTO turns (turn) SELECT nextval('round') FROM generate_series(1, 7)";

#[test]
fn a_cycling_sequence_stays_where_it_is_below_its_rows_and_comes_round() {
    let pair = crate::harness::Pair::empty(crate::harness::Sample::Sql {
        source: CYCLING,
        target: "",
    });
    let run = pair.migrate().run().ends_with(0);
    // After 1 to 5 came 1 and 2: what a row holds is no measure.
    for wanted in [3, 4, 5, 1] {
        assert_eq!(next(&pair, "round"), wanted);
    }
    let told: i64 = pair
        .source
        .query_value("SELECT nextval('falling')")
        .expect("a number");
    assert_eq!(next(&pair, "falling"), told);
    assert!((-9..=-1).contains(&told));
    let sequences = run.result()["sequences"].as_array().expect("a list");
    assert!(
        sequences.iter().all(|s| s["how"] == "as-source"),
        "{sequences:?}"
    );
}
