//! Runs that end before they are done, on a source that is written before the same command goes on: the tables
//! of which copied rows have changed are made equal to the new snapshot, and the rest is copied.

use std::time::Duration;

use testenv::fault::{Close, Delivery};
use testenv::standin::Limits;
use testenv::{Action, Cluster, Fault, StandinOptions, Trigger};

use crate::chunks::BIG;
use crate::harness::{Run, Sample};
use crate::resume::Halting;

const SECOND: Duration = Duration::from_secs(1);

/// Long enough for a reconciling to be met.
const SLOW: Duration = Duration::from_millis(250);

/// As `BIG`, but without a key; every row is there twice.
const BIG_KEYLESS: Sample<'_> = Sample::Same {
    tables: "CREATE TABLE big (id bigint, at timestamp NOT NULL, body text NOT NULL);
             CREATE TABLE small (id int, body text)",
    rows: "INSERT INTO big SELECT i / 2, timestamp '2024-01-01' + (i / 2) * interval '1.0001 s',
                                  repeat(md5((i / 2)::text), 28) FROM generate_series(2, 36001) i;
           INSERT INTO small SELECT i, md5(i::text) FROM generate_series(1, 1000) i",
};

/// Changes of every kind, wherever the rows are: some were copied and some were not.
const WRITES: &str = "
    UPDATE big SET body = 'secret word' WHERE id % 997 = 1;
    UPDATE big SET at = at + interval '1 day' WHERE id % 1499 = 2;
    DELETE FROM big WHERE id % 1013 = 3;
    INSERT INTO big SELECT 50000 + i, '2024-01-01', 'secret word' FROM generate_series(1, 300) i";

/// A run of `sample` that was killed in its middle.
fn killed(sample: Sample<'_>) -> Halting {
    killed_on(StandinOptions::default(), sample)
}

fn killed_on(options: StandinOptions, sample: Sample<'_>) -> Halting {
    let halting = Halting::with(Cluster::shared(), options, sample);
    halting.half_done().signal("KILL");
    halting
}

/// The same command completes, the target is equal, and the report says which table was reconciled.
#[track_caller]
fn reconciles(halting: &Halting) -> Run {
    let run = halting.command().run().ends_with(0).says("RECONCILED");
    halting.pair().assert_equal(3);
    let run = run.never_says("secret word");
    assert!(run.target_table("public.small")["reconciled"].is_null());
    assert!(run.target_table("public.big")["reconciled"].is_object());
    assert_eq!(run.table("public.big")["identity"], "holds");
    assert_eq!(run.target_table("public.big")["identity"], "holds");
    run
}

#[track_caller]
fn write(halting: &Halting, sql: &str) {
    halting.pair().source.execute(sql).expect("written");
}

#[test]
fn a_table_whose_copied_rows_changed_is_reconciled() {
    let halting = killed(BIG);
    write(&halting, WRITES);
    let run = reconciles(&halting);
    let changes = &run.target_table("public.big")["reconciled"];
    assert!(changes["rows_replaced"].as_u64() > Some(0), "{changes}");
    // What was copied and did not change was not copied again.
    assert!(run.table("public.big")["rows_loaded_before"].as_u64() > Some(5_000));
    let done = halting.command().run().ends_with(0);
    done.says("ALREADY DONE");
    crate::harness::Wire9::bare()
        .args(&[
            "verify",
            "--postgres",
            &halting.pair().source.uri(),
            "--db9",
            &halting.pair().standin.uri(),
        ])
        .run()
        .ends_with(0)
        .says("VERIFIED");
}

/// The first page of a chunk of `big` that is finished.
fn finished_page(halting: &Halting) -> u64 {
    let sql = "SELECT coalesce((bounds::json -> 'pages' ->> 'from')::int, 0) FROM wire9.chunk
               JOIN wire9.batch USING (run, pair, chunk) JOIN wire9.pair USING (run, pair)
               WHERE source_name = 'big' AND is_last = 1 LIMIT 1";
    halting.pair().target().query_value(sql).expect("a page")
}

#[test]
fn a_few_rows_without_a_key_are_reconciled() {
    let halting = killed(BIG_KEYLESS);
    let page = finished_page(&halting);
    // Of rows that are there twice one changes, one goes, and another comes a third time.
    write(
        &halting,
        &format!(
            "UPDATE big SET body = 'secret word' WHERE ctid = '({page},1)';
             DELETE FROM big WHERE ctid = '({page},4)';
             UPDATE big SET id = -1, body = 'x' WHERE ctid IN ('({page},5)', '({page},6)');
             INSERT INTO big SELECT * FROM big WHERE ctid = '({page},3)'"
        ),
    );
    let run = reconciles(&halting);
    let changes = &run.target_table("public.big")["reconciled"];
    assert!(changes["rows_deleted"].as_u64() >= Some(4), "{changes}");
    assert!(run.table("public.big")["rows_loaded_before"].as_u64() > Some(5_000));
}

/// It is emptied where that is less work.
#[test]
fn many_rows_without_a_key_are_copied_anew() {
    let halting = killed(BIG_KEYLESS);
    write(&halting, WRITES);
    reconciles(&halting);
}

#[test]
fn rows_that_moved_between_chunks_are_there_once() {
    let halting = killed(BIG);
    // A later half of the table moves into free room everywhere, and a part of it comes back.
    write(&halting, "DELETE FROM big WHERE id % 3 = 0");
    write(&halting, "VACUUM big");
    write(
        &halting,
        "UPDATE big SET body = body || '.' WHERE id > 18000",
    );
    reconciles(&halting);
}

#[test]
fn a_table_of_which_all_that_was_copied_is_gone_is_copied_anew() {
    let halting = killed(BIG);
    write(
        &halting,
        "CREATE TABLE kept AS SELECT * FROM big; TRUNCATE big;
         INSERT INTO big SELECT id + 100000, at, body FROM kept; DROP TABLE kept",
    );
    reconciles(&halting);
}

/// The second process dies while it reconciles, and the source is written again before the third one.
#[test]
fn a_death_in_the_middle_of_reconciling_is_gone_on_from_whatever_the_source_did() {
    for (sample, writes) in [
        (BIG, WRITES),
        (
            BIG_KEYLESS,
            "UPDATE big SET body = 'x' WHERE id % 5000 = 100",
        ),
    ] {
        let halting = killed(sample);
        write(&halting, writes);
        let faults = halting.pair().standin.faults();
        let note = Trigger::query("INSERT INTO wire9.repair");
        let slow = faults.add(Fault::new(note, Action::Latency(SLOW)).always());
        let mut second = halting.command().start();
        second.when("it reconciles", || slow.fired() > 0);
        second.signal("KILL");
        second.wait();
        faults.disarm();
        let state = "SELECT count(*) FROM wire9.target WHERE state = 'reconciling'";
        let state: u64 = halting
            .pair()
            .target()
            .query_value(state)
            .expect("a number");
        assert_eq!(state, 1);
        write(
            &halting,
            "UPDATE big SET body = 'secret word' WHERE id % 701 = 5; DELETE FROM big WHERE id = 50001",
        );
        reconciles(&halting);
    }
}

/// Nothing moves between the two: the table is reconciled to its end all the same.
#[test]
fn an_interrupted_reconciling_is_gone_on_from() {
    let halting = killed(BIG);
    write(&halting, WRITES);
    let faults = halting.pair().standin.faults();
    let note = Trigger::query("INSERT INTO wire9.repair");
    let slow = faults.add(Fault::new(note, Action::Latency(SLOW)).always());
    let mut second = halting.command().start();
    second.when("it reconciles", || slow.fired() > 0);
    second.signal("INT");
    second.wait().ends_with(130);
    faults.disarm();
    reconciles(&halting);
}

#[test]
fn commits_that_fail_in_doubt_while_reconciling_change_nothing_twice() {
    let fails = |committed| Action::CommitFails {
        sqlstate: "XX000".to_owned(),
        committed,
    };
    let late = Action::CutThenDeliver {
        delivery: Delivery::After(SECOND),
        close: Close::Rst,
    };
    let actions = [
        Action::CommitThenCut(Close::Rst),
        late,
        fails(true),
        fails(false),
    ];
    // They are mostly waited for.
    std::thread::scope(|scope| {
        for action in actions {
            scope.spawn(|| reconciles_in_doubt(action));
        }
    });
}

fn reconciles_in_doubt(action: Action) {
    // Nobody ends the transaction whose COMMIT comes late.
    let limits = Limits {
        terminate_backend: false,
        ..Limits::default()
    };
    let options = StandinOptions {
        limits,
        ..StandinOptions::default()
    };
    let halting = killed_on(options, BIG);
    write(&halting, WRITES);
    let faults = halting.pair().standin.faults();
    // The takeover, the table's state, then the repair's transactions, the new sums, the lanes.
    for nth in 1..6 {
        faults.add(Fault::new(Trigger::commit().nth(2 * nth), action.clone()));
    }
    reconciles(&halting);
}

/// Rows that are not the run's can not be told from its own.
#[test]
fn a_table_that_held_rows_before_is_refused_by_name() {
    let mut halting = Halting::of(Cluster::shared(), BIG);
    halting
        .pair()
        .target_execute("INSERT INTO big VALUES (-1, '2024-01-01', 'before')");
    halting.append().half_done().signal("KILL");
    write(&halting, WRITES);
    let run = halting.command().run().ends_with(5).says("PARTIAL");
    let problem = run.table("public.big")["problem"].to_string();
    assert!(
        problem.contains("rows that the table held before"),
        "{problem}"
    );
    assert_eq!(run.table("public.small")["complete"], true);
    halting
        .pair()
        .assert_tables_equal(&[("public.small", None)], 3);
}
