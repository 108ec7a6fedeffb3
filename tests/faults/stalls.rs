//! Nothing hangs: what stands still is ended and says who waits for whom; what only waits goes on.

use std::time::{Duration, Instant};

use testenv::Cluster;
use testenv::fault::{Action, Backend, Close, Fault, Trigger};
use testenv::standin::Limits;

use crate::harness::targets;
use crate::scene::{Scene, lane_commit, source_on};

const SECOND: Duration = Duration::from_secs(1);

fn row(nth: u64) -> Trigger {
    Trigger::backend(Backend::CopyData)
        .application("wire9/")
        .nth(nth)
}

/// Every lane's COMMITs from here on are not answered for this long.
fn stalled_target(stall: Duration) -> Scene {
    let scene = Scene::new();
    let commit = Fault::new(lane_commit(3), Action::StallWriting(stall));
    scene.target_fault(commit.times(2));
    scene
}

#[test]
fn a_run_in_which_nothing_moves_is_ended_and_says_what_its_lanes_wait_for() {
    let scene = stalled_target(60 * SECOND);
    let began = Instant::now();
    let run = scene.command().args(&["--stall-after", "2"]).run();
    assert!(began.elapsed() < 15 * SECOND, "{:?}", began.elapsed());
    run.ends_with(5)
        .says("nothing has moved for 2 s")
        .says("lane 0: waiting for COMMIT on the target, table public.key")
        .says("lane 1: waiting for room, since the target is behind, table public.key")
        .says("--stall-after");
    scene.resumes();
}

#[test]
fn a_source_in_which_nothing_moves_is_told_from_a_target() {
    let scene = Scene::new();
    let stall = Action::StallWriting(60 * SECOND);
    scene.source_fault(Fault::new(row(900), stall).times(2));
    let run = scene.command().args(&["--stall-after", "2"]).run();
    run.ends_with(5)
        .says("reading from the source, table public.key");
    scene.resumes();
}

/// As 90 s are to the usual limit of ten minutes.
#[test]
fn a_stall_that_is_shorter_than_the_limit_is_waited_for() {
    let scene = stalled_target(2 * SECOND);
    let began = Instant::now();
    let run = scene.command().args(&["--stall-after", "13"]).run();
    run.ends_with(0).never_says("nothing has moved");
    assert!(began.elapsed() > 2 * SECOND);
    scene.is_equal();
}

/// Each failed try is a sign of life: how long a side that is away is waited for is `--retry-for`.
#[test]
fn a_side_that_is_away_for_longer_than_the_limit_is_tried_again() {
    let scene = Scene::new();
    scene.target(lane_commit(3), Action::Cut(Close::Rst));
    let refuse = Action::RefuseConnect(Close::Rst);
    // Four connections that count are refused five times each, and two of them once more: their pauses
    // double from 100 ms to 3.2 s.
    scene.target_fault(Fault::new(Trigger::connect().nth(6), refuse).times(22));
    let began = Instant::now();
    let run = scene.command().args(&["--stall-after", "4"]).run();
    run.ends_with(0);
    scene.is_equal();
    assert!(began.elapsed() > 4 * SECOND, "{:?}", began.elapsed());
}

/// Nobody closes the connection: only its silence tells.
#[test]
fn a_keeper_whose_connection_is_half_open_is_noticed_within_seconds() {
    let scene = Scene::between(source_on(Cluster::shared()), targets(), Limits::default());
    scene.slow(SECOND * 3 / 5);
    let ping = Trigger::query("SELECT 1").application("wire9/keeper");
    let fault = scene.source(ping, Action::HalfOpen(120 * SECOND));
    let running = scene.command().start();
    assert!(fault.wait_fired(60 * SECOND), "the keeper is asked");
    let began = Instant::now();
    running.wait().ends_with(3).says("snapshot is lost");
    assert!(began.elapsed() < 25 * SECOND, "{:?}", began.elapsed());
    scene.resumes();
}

/// What lanes have read under the snapshot is committed; what they were about to read is not waited for.
#[test]
fn lanes_that_are_half_open_too_do_not_hold_the_end_up() {
    let scene =
        Scene::between(source_on(Cluster::shared()), targets(), Limits::default()).io_timeout(60);
    let half_open = || Action::HalfOpen(120 * SECOND);
    let ping = Trigger::query("SELECT 1").application("wire9/keeper");
    let keeper = scene.source(ping, half_open());
    scene.source_fault(Fault::new(row(600), half_open()).times(1));
    let begin = Trigger::query("SET TRANSACTION SNAPSHOT").nth(3);
    scene.source_fault(Fault::new(begin, half_open()).times(2));
    let running = scene.command().start();
    assert!(keeper.wait_fired(60 * SECOND), "the keeper is asked");
    let began = Instant::now();
    running.wait().ends_with(3).says("snapshot is lost");
    assert!(began.elapsed() < 25 * SECOND, "{:?}", began.elapsed());
    scene.proxy.faults().disarm();
    scene.finishes();
}
