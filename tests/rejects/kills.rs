//! A run that is killed, or whose COMMIT is in doubt, while rows are being rejected.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::thread::sleep;
use std::time::Duration;

use testenv::Standin;
use testenv::fault::{Action, Close, Delivery, Fault, Trigger};
use testenv::standin::Limits;

use crate::scene::{Scene, Target, WIDE_BAD, wide, wide_on};

fn standin(scene: &Scene) -> &Standin {
    let Target::Standin(standin) = &scene.target else {
        unreachable!("`wide` has a stand-in")
    };
    standin
}

/// The same command, without faults, completes it.
#[track_caller]
fn completes(scene: &Scene) {
    standin(scene).faults().disarm();
    scene.copy().run().ends_with(5);
    assert_eq!(scene.nothing_is_lost("wide", ""), WIDE_BAD);
}

/// Each step of a batch: rejected rows are in their files before the ledger row is sent, and count once
/// its COMMIT has taken effect.
#[test]
fn a_kill_at_each_step_of_a_batch_neither_loses_nor_doubles_a_row() {
    let places: [fn() -> Trigger; 4] = [
        || Trigger::query("COPY \"public\".\"wide\"").application("wire9/"),
        || Trigger::query("INSERT INTO wire9.batch"),
        || Trigger::commit().application("wire9/"),
        || Trigger::command_complete("COMMIT").application("wire9/"),
    ];
    for place in places {
        let scene = wide();
        let mut met = 0;
        for nth in [2, 5, 9] {
            let stall = Action::StallWriting(Duration::from_secs(30));
            let fault = standin(&scene)
                .faults()
                .add(Fault::new(place().nth(nth), stall));
            let mut running = scene.copy().start();
            if running.before_its_end(|| fault.fired() > 0) {
                running.signal("KILL");
                met += 1;
            }
            running.wait();
            standin(&scene).faults().disarm();
        }
        assert!(met > 1, "it was killed there");
        completes(&scene);
    }
}

#[test]
fn a_kill_at_any_moment_neither_loses_nor_doubles_a_row() {
    for seed in 0..4_u64 {
        let scene = wide();
        let begin = Trigger::query("application_name = 'wire9/");
        let slow = Action::Latency(Duration::from_millis(5 + seed * 7));
        standin(&scene)
            .faults()
            .add(Fault::new(begin, slow).always());
        for kill in 0..3 {
            let running = scene.copy().start();
            sleep(Duration::from_millis(
                400 + (seed * 977 + kill * 1409) % 2500,
            ));
            running.try_signal("KILL");
            running.wait();
        }
        completes(&scene);
    }
}

/// What a process wrote that died before its COMMIT, whole or torn, is cut off.
#[test]
fn what_is_behind_the_committed_length_is_cut_off() {
    let scene = wide();
    let limit = ["--on-error", "reject", "--max-rejects", "12"];
    scene.copy_with(&limit).run().ends_with(5);
    for (ending, torn) in [("copy", &b"77\ttorn"[..]), ("jsonl", b"{\"table\":\"pub")] {
        let file = OpenOptions::new()
            .append(true)
            .open(scene.path("wide", ending));
        file.and_then(|mut f| f.write_all(torn))
            .expect("it is written");
    }
    completes(&scene);
}

#[test]
fn a_commit_in_doubt_is_decided_by_the_ledger_and_so_are_its_rejects() {
    let faults: [fn() -> Action; 4] = [
        || Action::CommitThenCut(Close::Rst),
        || Action::Cut(Close::Rst),
        || Action::CommitFails {
            sqlstate: "XX000".to_owned(),
            committed: true,
        },
        || Action::CutThenDeliver {
            delivery: Delivery::After(Duration::from_secs(1)),
            close: Close::Rst,
        },
    ];
    for action in faults {
        // Nobody ends the transaction whose COMMIT comes late.
        let scene = wide_on(Limits {
            terminate_backend: false,
            ..Limits::default()
        });
        for nth in [1, 4, 7, 11] {
            let commit = Trigger::commit().application("wire9/").nth(nth);
            standin(&scene).faults().add(Fault::new(commit, action()));
        }
        scene.copy().run().ends_with(5);
        assert_eq!(scene.nothing_is_lost("wide", ""), WIDE_BAD);
    }
}

/// A constraint's error that answers a COMMIT which took effect blames nobody.
#[test]
fn a_commit_that_is_answered_with_a_violation_but_took_effect_rejects_no_row() {
    let scene = wide();
    scene.target.execute("ALTER TABLE wide DROP CONSTRAINT few");
    let fails = Action::CommitFails {
        sqlstate: "23503".to_owned(),
        committed: true,
    };
    let commit = Trigger::commit().application("wire9/").nth(3);
    standin(&scene).faults().add(Fault::new(commit, fails));
    scene.copy().run().ends_with(0);
    standin(&scene).faults().assert_used();
    assert_eq!(scene.nothing_is_lost("wide", ""), 0);
}

/// A server without CONTEXT: line and column stand in the message. The row before the line is not
/// searched for, and the row alone is refused with its column.
#[test]
fn a_line_and_a_column_that_only_the_message_tells_find_the_row() {
    let table = "CREATE TABLE t (id integer, body text)";
    let source = format!("{table}; INSERT INTO t SELECT n, 'x' FROM generate_series(1, 100) n");
    let scene = Scene::new(&source, Target::standin(Limits::default(), table));
    // What the first fault takes is not counted for the second: the third COPY is of row 7 alone.
    for (copy, line) in [(1, 7), (2, 1)] {
        let refuses = Action::Error {
            sqlstate: "22P02".to_owned(),
            message: format!("COPY t, line {line}, column id: as the script says"),
            deaf: Duration::ZERO,
        };
        let copies = Trigger::query("COPY \"public\".\"t\"").application("wire9/");
        standin(&scene)
            .faults()
            .add(Fault::new(copies.nth(copy), refuses));
    }
    scene.copy().run().ends_with(5);
    standin(&scene).faults().assert_used();
    assert_eq!(scene.nothing_is_lost("t", ""), 1);
    let record = &scene.records("t")[0];
    assert_eq!(
        (&record["row"], &record["column"], &record["by"]),
        (&7.into(), &"id".into(), &"target".into())
    );
    assert!(scene.file("t").starts_with(b"7\t"));
}

/// The message names a line that is not guilty: parting the rows finds that none is.
#[test]
fn a_line_that_a_server_tells_wrongly_rejects_no_row() {
    let scene = wide();
    scene.target.execute("ALTER TABLE wide DROP CONSTRAINT few");
    let lie = Action::Error {
        sqlstate: "22P02".to_owned(),
        message: "COPY wide, line 3, column id: no integer".to_owned(),
        deaf: Duration::ZERO,
    };
    let copy = Trigger::query("COPY \"public\".\"wide\"").application("wire9/");
    standin(&scene).faults().add(Fault::new(copy, lie));
    scene.copy().run().ends_with(0);
    standin(&scene).faults().assert_used();
    assert_eq!(scene.nothing_is_lost("wide", ""), 0);
}
