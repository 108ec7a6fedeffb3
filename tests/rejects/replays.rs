//! Loading rejected rows again.

use std::fs;
use std::time::Duration;

use testenv::fault::{Action, Close, Fault, Trigger};
use testenv::standin::Limits;

use crate::scene::{Scene, Target, WIDE_BAD, wide};

#[test]
fn rows_load_once_their_constraint_is_gone_and_leave_their_files() {
    let scene = wide();
    scene.copy().run().ends_with(5);
    scene
        .replay()
        .run()
        .ends_with(5)
        .says("0 rows loaded, 21 still rejected");
    assert_eq!(scene.nothing_is_lost("wide", ""), WIDE_BAD);
    scene.target.execute("ALTER TABLE wide DROP CONSTRAINT few");
    scene
        .replay()
        .run()
        .ends_with(0)
        .says("21 rows loaded, 0 still rejected");
    assert_eq!(scene.nothing_is_lost("wide", ""), 0);
    assert_eq!(fs::read_dir(scene.folder()).expect("it stays").count(), 0);
    scene.replay().run().ends_with(0).says("no rejected rows");
    // The run is whole now, and what is repeated says so.
    scene.copy().run().ends_with(0).says("ALREADY DONE");
    let verify = [
        "verify",
        "--postgres",
        &scene.source.uri(),
        "--db9",
        &scene.target.uri(),
    ];
    crate::harness::Wire9::bare()
        .args(&verify)
        .run()
        .ends_with(0);
}

#[test]
fn rows_that_are_refused_again_stay_with_their_places() {
    let scene = wide();
    scene.copy().run().ends_with(5);
    let places: Vec<_> = scene
        .records("wide")
        .iter()
        .map(|r| r["row"].clone())
        .collect();
    scene.target.execute(
        "ALTER TABLE wide DROP CONSTRAINT few, ADD CONSTRAINT fewer CHECK (id < 1000) NOT VALID",
    );
    scene.replay().run().ends_with(5).says("still rejected");
    let left = scene.records("wide");
    assert!(!left.is_empty() && left.len() < WIDE_BAD, "{left:?}");
    for record in &left {
        assert_eq!(record["constraint"], "fewer");
        assert!(places.contains(&record["row"]));
    }
    assert_eq!(scene.nothing_is_lost("wide", ""), left.len());
    scene
        .target
        .execute("ALTER TABLE wide DROP CONSTRAINT fewer");
    scene.replay().run().ends_with(0);
    assert_eq!(scene.nothing_is_lost("wide", ""), 0);
}

#[test]
fn a_row_that_was_mended_in_its_file_is_loaded_as_it_is_there() {
    let source = "CREATE TABLE t (n integer, v text); \
                  INSERT INTO t VALUES (1, 'one'), (2, '2'), (3, 'three and more')";
    let tables = "CREATE TABLE t (n integer, v integer)";
    let scene = Scene::new(source, Target::standin(Limits::default(), tables));
    scene.copy().run().ends_with(5);
    assert_eq!(scene.file("t"), b"1\tone\n3\tthree and more\n");
    // Longer than before, and without the last newline, as editors may leave it.
    fs::write(scene.path("t", "copy"), "1\t100000\n3\t3000000000000000000").expect("written");
    scene
        .replay()
        .run()
        .ends_with(5)
        .says("1 row loaded, 1 still rejected");
    assert_eq!(scene.file("t"), b"3\t3000000000000000000\n");
    assert_eq!(scene.records("t")[0]["sqlstate"], "22003");
    fs::write(scene.path("t", "copy"), "3\t3\n").expect("written");
    scene.replay().run().ends_with(0);
    let rows = scene
        .target
        .database()
        .query("SELECT v FROM t ORDER BY n")
        .expect("rows");
    let values: Vec<_> = rows
        .into_iter()
        .map(|row| row[0].clone().expect("no NULL"))
        .collect();
    assert_eq!(values, ["100000", "2", "3"]);
}

#[test]
fn a_file_with_other_lines_than_its_records_is_refused() {
    let scene = wide();
    scene.copy().run().ends_with(5);
    let mut rows = scene.file("wide");
    rows.extend_from_slice(b"1\tmore\n");
    fs::write(scene.path("wide", "copy"), rows).expect("written");
    scene.replay().run().ends_with(4).says("public.wide");
}

#[test]
fn rows_that_refer_to_rejected_rows_load_after_them() {
    let source = "CREATE TABLE child (id integer, parent integer); \
                  CREATE TABLE parent (id integer PRIMARY KEY, v text); \
                  INSERT INTO parent SELECT n, CASE WHEN n % 3 = 0 THEN 'no' ELSE 'yes' END \
                  FROM generate_series(1, 30) n; \
                  INSERT INTO child SELECT n, n FROM generate_series(1, 30) n";
    let tables = "CREATE TABLE parent (id integer PRIMARY KEY, v text CONSTRAINT yes CHECK (v = 'yes')); \
                  CREATE TABLE child (id integer, parent integer REFERENCES parent)";
    let scene = Scene::new(source, Target::standin(Limits::default(), tables));
    scene.copy().run().ends_with(5).says("20 rows rejected");
    assert_eq!(scene.nothing_is_lost("parent", ""), 10);
    assert_eq!(scene.nothing_is_lost("child", ""), 10);
    scene
        .target
        .execute("ALTER TABLE parent DROP CONSTRAINT yes");
    scene.replay().run().ends_with(0).says("20 rows loaded");
    assert_eq!(scene.nothing_is_lost("parent", ""), 0);
    assert_eq!(scene.nothing_is_lost("child", ""), 0);
}

/// A replay that is killed while it waits at a place, and then repeated.
#[test]
fn a_replay_that_is_killed_at_any_step_neither_loses_nor_doubles_a_row() {
    let places: [fn() -> Trigger; 4] = [
        || Trigger::query("COPY \"public\".\"wide\"").application("/0"),
        || Trigger::query("INSERT INTO wire9.batch").application("/0"),
        || Trigger::commit().application("/0"),
        || Trigger::command_complete("COMMIT").application("/0"),
    ];
    for place in places {
        let scene = wide();
        scene.copy().run().ends_with(5);
        // Some load, some are refused again.
        scene.target.execute(
            "ALTER TABLE wide DROP CONSTRAINT few, ADD CONSTRAINT fewer CHECK (id < 1000) NOT VALID",
        );
        let Target::Standin(standin) = &scene.target else {
            unreachable!("`wide` has a stand-in")
        };
        let mut met = 0;
        for nth in 1..=3 {
            let stall = Action::StallWriting(Duration::from_secs(30));
            let fault = standin.faults().add(Fault::new(place().nth(nth), stall));
            let mut running = scene.replay().start();
            if running.before_its_end(|| fault.fired() > 0) {
                running.signal("KILL");
                met += 1;
            }
            running.wait();
            standin.faults().disarm();
        }
        assert!(met > 0, "it was killed there");
        scene.replay().run().ends_with(5);
        let left = scene.nothing_is_lost("wide", "");
        assert!(left > 0 && left < WIDE_BAD, "{left}");
        scene
            .target
            .execute("ALTER TABLE wide DROP CONSTRAINT fewer");
        scene.replay().run().ends_with(0);
        assert_eq!(scene.nothing_is_lost("wide", ""), 0);
    }
}

/// A row that was loaded already is edited before the replay goes on: it would stay as it was loaded.
#[test]
fn a_row_that_is_changed_after_it_was_loaded_ends_the_replay() {
    let scene = wide();
    scene.copy().run().ends_with(5);
    scene.target.execute(
        "ALTER TABLE wide DROP CONSTRAINT few, ADD CONSTRAINT fewer CHECK (id < 1000) NOT VALID",
    );
    let Target::Standin(standin) = &scene.target else {
        unreachable!("`wide` has a stand-in")
    };
    let committed = Trigger::command_complete("COMMIT").application("/0");
    let stall = Action::StallWriting(Duration::from_secs(30));
    let fault = standin.faults().add(Fault::new(committed, stall));
    let mut running = scene.replay().start();
    running.when("rows are loaded", || fault.fired() > 0);
    running.signal("KILL");
    running.wait();
    standin.faults().disarm();
    let path = scene.path("wide", "replay1.copy");
    let rows = std::fs::read_to_string(&path).expect("it is set aside");
    let first = rows.split('\t').next().expect("an id");
    let changed = rows.replacen(first, "1", 1);
    std::fs::write(&path, changed).expect("it is changed");
    let run = scene.replay().run().ends_with(5);
    run.says("the rows that were loaded before have changed in the file")
        .says("put those back at the head of the file");
    std::fs::write(&path, rows).expect("it is as it was");
    scene.replay().run().ends_with(5);
    let left = scene.nothing_is_lost("wide", "");
    assert!(left > 0 && left < WIDE_BAD, "{left}");
}

#[test]
fn a_replay_whose_commit_is_not_answered_asks_the_ledger() {
    let scene = wide();
    scene.copy().run().ends_with(5);
    scene.target.execute("ALTER TABLE wide DROP CONSTRAINT few");
    let Target::Standin(standin) = &scene.target else {
        unreachable!("`wide` has a stand-in")
    };
    let commit = Trigger::commit().application("/0").nth(1);
    standin
        .faults()
        .add(Fault::new(commit, Action::CommitThenCut(Close::Rst)));
    scene.replay().run().ends_with(0);
    standin.faults().assert_used();
    assert_eq!(scene.nothing_is_lost("wide", ""), 0);
}

#[test]
fn an_unfinished_run_is_not_replayed() {
    let scene = wide();
    let limit = ["--on-error", "reject", "--max-rejects", "12"];
    scene.copy_with(&limit).run().ends_with(5);
    scene.replay().run().ends_with(4).says("is unfinished");
}

#[test]
fn a_replay_in_which_nothing_moves_is_ended_and_continued() {
    let scene = wide();
    scene.copy().run().ends_with(5);
    scene.target.execute("ALTER TABLE wide DROP CONSTRAINT few");
    let stall = Action::StallWriting(Duration::from_secs(120));
    let stall = Fault::new(Trigger::commit().application("wire9/").nth(1), stall);
    let Target::Standin(standin) = &scene.target else {
        panic!("the target is a stand-in");
    };
    standin.faults().add(stall);
    let began = std::time::Instant::now();
    let run = scene.replay().args(&["--stall-after", "2"]).run();
    let run = run.ends_with(5).says("nothing has moved for 2 s");
    run.says("waiting for COMMIT on the target, table public.wide");
    assert!(began.elapsed() < Duration::from_secs(30));
    standin.faults().disarm();
    scene.replay().run().ends_with(0);
    assert_eq!(scene.nothing_is_lost("wide", ""), 0);
}
