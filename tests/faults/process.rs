//! What becomes of a run whose process is killed, stopped, interrupted or not alone.

use std::thread::sleep;
use std::time::Duration;

use testenv::fault::{Action, Close, Delivery, Fault, Frontend, Trigger};
use testenv::standin::Limits;

use crate::scene::{Scene, each, error, lane_commit};
use crate::seeded::Seeded;

const SECOND: Duration = Duration::from_secs(1);

/// Kills in the long series: `WIRE9_KILLS=200 cargo test --test faults kill_at_any_moment`.
const KILLS: &str = "WIRE9_KILLS";
const FEW_KILLS: u64 = 6;
const KILLS_PER_RUN: u64 = 2;

fn slow_scene() -> Scene {
    let scene = Scene::new();
    scene.slow(SECOND / 50);
    scene
}

#[test]
fn a_run_survives_a_kill_at_any_moment() {
    let kills = std::env::var(KILLS).map_or(FEW_KILLS, |n| n.parse().expect(KILLS));
    let series: Vec<u64> = (0..kills.div_ceil(KILLS_PER_RUN)).collect();
    for some in series.chunks(4) {
        each(some.iter().copied(), killed);
    }
}

/// One run that is killed some times, with a COMMIT or two that are not answered, and completed.
fn killed(seed: u64) {
    let mut seeded = Seeded::new(seed);
    let scene = Scene::new();
    scene.slow(Duration::from_millis(1 + seeded.next(20)));
    if seeded.next(2) == 0 {
        // Unused where the kill comes first.
        let nth = 1 + seeded.next(6);
        scene.target(lane_commit(nth), Action::CommitThenCut(Close::Rst));
    }
    for _ in 0..KILLS_PER_RUN {
        let running = scene.command().start();
        sleep(Duration::from_millis(300 + seeded.next(2500)));
        running.signal("KILL");
        running.wait();
    }
    scene.standin.faults().disarm();
    scene.finishes();
}

/// The COMMIT of a process that is gone arrives while the next one goes on.
#[test]
fn a_commit_that_arrives_after_the_process_was_killed_is_waited_for() {
    each(
        [
            (Delivery::After(2 * SECOND), false),
            (Delivery::After(3 * SECOND), true),
            (
                Delivery::BeforeQuery("UPDATE wire9.run SET owner".to_owned()),
                false,
            ),
            (
                Delivery::BeforeQuery("UPDATE wire9.lane SET token".to_owned()),
                true,
            ),
        ],
        |(delivery, restart)| {
            let scene = slow_scene();
            let close = Close::Rst;
            let late = scene.target(lane_commit(3), Action::CutThenDeliver { delivery, close });
            let running = scene.command().start();
            assert!(late.wait_fired(20 * SECOND), "the fault happens");
            running.signal("KILL");
            running.wait();
            let again = scene.command();
            let again = if restart {
                again.arg("--restart")
            } else {
                again
            };
            again.run().ends_with(0);
            late.wait_delivered(10 * SECOND).expect("it is delivered");
            scene.is_equal();
        },
    );
}

/// What goes on after a late COMMIT.
#[derive(Clone, Copy, PartialEq)]
enum Next {
    /// The same process.
    Same,
    /// It is killed, and the same command goes on.
    Killed,
    /// It is killed, and `--restart` begins anew.
    Restarted,
}

/// The late COMMIT is of a whole batch; what is sent again, and by whom, is cut into other pieces.
#[test]
fn a_late_commit_is_fenced_whatever_the_size_of_the_batches_that_follow() {
    each([Next::Same, Next::Killed, Next::Restarted], |next| {
        let scene = Scene::with(Limits {
            terminate_backend: false,
            ..Limits::default()
        });
        scene.slow(SECOND / 50);
        let (delivery, close) = (Delivery::After(2 * SECOND), Close::Rst);
        let late = scene.target(lane_commit(3), Action::CutThenDeliver { delivery, close });
        let running = scene.command().start();
        assert!(late.wait_fired(20 * SECOND), "the fault happens");
        if next != Next::Same {
            running.signal("KILL");
        }
        let data = Trigger::frontend(Frontend::CopyData).application("wire9/");
        let smaller = Fault::new(data, error("54000", Duration::ZERO)).times(2);
        let smaller = scene.target_fault(smaller);
        let ended = running.wait();
        match next {
            Next::Same => drop(ended.ends_with(0)),
            Next::Killed => drop(scene.command().run().ends_with(0)),
            Next::Restarted => drop(scene.command().arg("--restart").run().ends_with(0)),
        }
        late.wait_delivered(10 * SECOND).expect("it is delivered");
        assert_eq!(smaller.fired(), 2, "batches became smaller");
        scene.is_equal();
    });
}

#[test]
fn a_half_open_transaction_of_a_killed_process_is_waited_for() {
    let scene = slow_scene();
    let open = scene.target(lane_commit(4), Action::HalfOpen(4 * SECOND));
    let running = scene.command().start();
    assert!(open.wait_fired(20 * SECOND), "the fault happens");
    running.signal("KILL");
    running.wait();
    scene.finishes();
}

#[test]
fn a_second_process_is_refused_while_the_first_lives_and_takes_over_when_it_is_gone() {
    let scene = slow_scene();
    let mut first = scene.command().start();
    first.when("batches are committed", || scene.batches() >= 2);
    first.signal("STOP");
    let busy = "is being worked on by another wire9 process";
    scene.command().run().ends_with(4).says(busy);
    scene
        .command()
        .arg("--restart")
        .run()
        .ends_with(4)
        .says(busy);
    first.signal("KILL");
    first.wait();
    scene.finishes();
}

/// Another host can not see that the first process lives: after its silence it takes over. What it
/// began anew has another run's key in the ledger, so that there the token alone stands in the way.
#[test]
fn a_process_that_wakes_up_after_another_took_over_commits_nothing() {
    each([false, true], |restart| {
        // What the stopped process has open is ended after three seconds.
        let scene = Scene::with(Limits {
            time_scale: 1.0 / 20.0,
            ..Limits::default()
        });
        scene.slow(SECOND / 50);
        let mut first = scene.command().start();
        first.when("batches are committed", || scene.batches() >= 2);
        first.signal("STOP");
        let elsewhere = "UPDATE wire9.run SET beat_at = now() - interval '1 min', \
                         owner = replace(owner, '\"realm\":\"', '\"realm\":\"another ')";
        let ledger = scene.standin.database();
        ledger
            .execute(elsewhere)
            .expect("it is made another host's");
        let second = scene.command();
        let second = if restart {
            second.arg("--restart")
        } else {
            second
        };
        second.run().ends_with(0);
        scene.is_equal();
        first.signal("CONT");
        let taken = "another wire9 process has taken over";
        first.wait().ends_with(4).says(taken);
        scene.is_equal();
    });
}

/// Over a connection that lives, without any doubt that would make it look: the fence of each batch.
#[test]
fn a_lane_whose_token_was_moved_commits_nothing_more() {
    let scene = slow_scene();
    let mut running = scene.command().start();
    running.when("batches are committed", || scene.batches() >= 2);
    let moved = "UPDATE wire9.lane SET token = 'of another'";
    scene
        .standin
        .database()
        .execute(moved)
        .expect("it is moved");
    let before = scene.batches();
    running
        .wait()
        .ends_with(4)
        .says("another wire9 process has taken over");
    assert_eq!(scene.batches(), before);
    scene.resumes();
}

#[test]
fn a_silent_owner_elsewhere_is_waited_for_before_it_is_replaced() {
    let scene = slow_scene();
    let mut first = scene.command().start();
    first.when("batches are committed", || scene.batches() >= 2);
    first.signal("KILL");
    first.wait();
    let elsewhere = "UPDATE wire9.run SET beat_at = now() - interval '12 s', \
                     owner = replace(owner, '\"realm\":\"', '\"realm\":\"another ')";
    scene
        .standin
        .database()
        .execute(elsewhere)
        .expect("it is made another host's");
    scene.finishes().says("taking over in");
}

#[test]
fn an_interrupted_run_keeps_its_batches_and_the_same_command_completes() {
    each(["INT", "TERM"], |signal| {
        let scene = slow_scene();
        let mut running = scene.command().start();
        running.when("batches are committed", || scene.batches() >= 2);
        running.signal(signal);
        running.wait().ends_with(130);
        let kept = scene.batches();
        assert!(kept >= 2);
        let run = scene.resumes();
        assert!(
            run.result()["tables"].to_string().contains("loaded_before"),
            "{}",
            run.report
        );
    });
}

#[test]
fn a_restart_after_a_kill_begins_anew() {
    let scene = slow_scene();
    let mut running = scene.command().start();
    running.when("batches are committed", || scene.batches() >= 3);
    running.signal("KILL");
    running.wait();
    scene
        .command()
        .arg("--restart")
        .run()
        .ends_with(0)
        .says("--restart");
    scene.is_equal();
}

/// A TRUNCATE of a process that is gone must not take away what was loaded since.
#[test]
fn a_truncate_that_arrives_late_takes_nothing_away() {
    each([(1, false), (2, false), (1, true)], |(nth, kill)| {
        let scene = Scene::new();
        let rows = "INSERT INTO keyless VALUES (-1, 'old'); INSERT INTO one_row VALUES (-1)";
        scene
            .standin
            .database()
            .execute(rows)
            .expect("rows are there");
        // The first COMMIT enters the run, then the tables are emptied.
        let commit = Trigger::commit().application("wire9").nth(1 + nth);
        let delivery = Delivery::After(2 * SECOND);
        let close = Close::Rst;
        let late = scene.target(commit, Action::CutThenDeliver { delivery, close });
        let truncate = || scene.command().args(&["--on-existing", "truncate"]);
        let running = truncate().start();
        if kill {
            assert!(late.wait_fired(20 * SECOND), "the fault happens");
            running.signal("KILL");
            running.wait();
            truncate().run().ends_with(0);
        } else {
            running.wait().ends_with(0);
        }
        late.wait_delivered(10 * SECOND).expect("it is delivered");
        scene.is_equal();
    });
}

/// A table of which nothing is committed yet is not emptied by `--restart`: only the moved token keeps
/// the late rows out, or waits for them.
#[test]
fn a_first_batch_that_arrives_after_a_restart_is_waited_for() {
    let scene = slow_scene();
    let (delivery, close) = (Delivery::After(4 * SECOND), Close::Rst);
    let late = scene.target(lane_commit(1), Action::CutThenDeliver { delivery, close });
    let running = scene.command().start();
    assert!(late.wait_fired(20 * SECOND), "the fault happens");
    running.signal("KILL");
    running.wait();
    scene.command().arg("--restart").run().ends_with(0);
    late.wait_delivered(10 * SECOND).expect("it is delivered");
    scene.is_equal();
}
