//! Faults between wire9 and the target, at each step of a batch's transaction.

use std::time::{Duration, Instant};

use testenv::fault::{Action, Backend, Close, Delivery, Fault, Frontend, Trigger};
use testenv::standin::{Limits, TimeoutChange};
use testenv::{Cluster, ClusterOptions};

use crate::scene::{Scene, each, error, lane_commit, source_on};

const SECOND: Duration = Duration::from_secs(1);

/// The lanes' connections to the target: before them are the one that probes and the one that it
/// reconnects with.
const FIRST_LANE: u64 = 3;

fn lane_copy() -> Trigger {
    Trigger::query("COPY ").application("wire9/")
}

fn lane_frontend(kind: Frontend) -> Trigger {
    Trigger::frontend(kind).application("wire9/")
}

fn lane_begin() -> Trigger {
    Trigger::query("application_name = 'wire9/")
}

fn record() -> Trigger {
    Trigger::query("INSERT INTO wire9.batch")
}

fn step() -> Trigger {
    Trigger::query("UPDATE wire9.lane SET batches")
}

fn fails(committed: bool, sqlstate: &str) -> Action {
    Action::CommitFails {
        sqlstate: sqlstate.to_owned(),
        committed,
    }
}

// ---------------------------------------------------------------------------------------------
// the connection is cut

#[test]
fn a_target_that_refuses_the_first_connection_is_told_and_the_same_command_completes() {
    let scene = Scene::new();
    scene.target(Trigger::connect(), Action::RefuseConnect(Close::Rst));
    scene.stops_and_resumes(3, "can not connect to the target");
}

#[test]
fn lanes_that_are_refused_at_connect_come_back() {
    each([Close::Fin, Close::Rst], |close| {
        let scene = Scene::new();
        let refuse = Action::RefuseConnect(close);
        scene.target_fault(Fault::new(Trigger::connect().nth(FIRST_LANE), refuse).times(3));
        scene.finishes();
    });
}

#[test]
fn a_cut_while_a_lane_logs_in_is_mended() {
    let scene = Scene::new();
    let ready = Trigger::backend(Backend::ReadyForQuery).on_connection(FIRST_LANE);
    scene.target(ready, Action::Cut(Close::Rst));
    let key = Trigger::backend(Backend::BackendKeyData).on_connection(FIRST_LANE + 1);
    scene.target(key, Action::Cut(Close::Fin));
    scene.finishes();
}

#[test]
fn a_cut_at_begin_is_mended() {
    let scene = Scene::new();
    scene.target(lane_begin().nth(8), Action::Cut(Close::Rst));
    scene.target(lane_begin().nth(11), Action::Cut(Close::Fin));
    scene.finishes();
}

#[test]
fn a_cut_at_the_start_of_a_copy_is_mended() {
    let scene = Scene::new();
    scene.target(lane_copy().nth(2), Action::Cut(Close::Rst));
    let response = Trigger::backend(Backend::CopyInResponse).application("wire9/");
    scene.target(response.nth(5), Action::Cut(Close::Fin));
    scene.finishes();
}

#[test]
fn a_cut_in_the_middle_of_the_rows_is_mended() {
    each(
        [
            (0, Close::Fin),
            (1, Close::Rst),
            (777, Close::Fin),
            (100_000, Close::Rst),
        ],
        |(bytes, close)| {
            let scene = Scene::new();
            let cut = Action::CutInside { bytes, close };
            scene.target(lane_frontend(Frontend::CopyData).nth(4), cut);
            scene.finishes();
        },
    );
}

#[test]
fn a_cut_at_the_end_of_the_rows_is_mended() {
    let scene = Scene::new();
    scene.target(
        lane_frontend(Frontend::CopyDone).nth(2),
        Action::Cut(Close::Rst),
    );
    let tag = Trigger::command_complete("COPY ").application("wire9/");
    scene.target(tag.nth(5), Action::Cut(Close::Fin));
    scene.finishes();
}

#[test]
fn a_cut_at_the_ledger_row_is_mended() {
    let scene = Scene::new();
    scene.target(record().nth(3), Action::Cut(Close::Rst));
    let tag = Trigger::command_complete("INSERT 0 1").application("wire9/");
    scene.target(tag.nth(6), Action::Cut(Close::Fin));
    scene.finishes();
}

#[test]
fn a_cut_at_the_lanes_token_is_mended() {
    let limits = Limits {
        several_statements: false,
        ..Limits::default()
    };
    let scene = Scene::with(limits);
    scene.target(step().nth(3), Action::Cut(Close::Rst));
    let tag = Trigger::command_complete("UPDATE 1").application("wire9/");
    scene.target(tag.nth(6), Action::Cut(Close::Fin));
    scene.finishes();
}

#[test]
fn a_cut_before_the_commit_takes_effect_is_mended() {
    let scene = Scene::new();
    scene.target(lane_commit(3), Action::Cut(Close::Rst));
    scene.target(lane_commit(7), Action::Cut(Close::Fin));
    scene.finishes();
}

#[test]
fn a_commit_that_took_effect_and_was_not_answered_is_not_done_twice() {
    let scene = Scene::new();
    scene.target(lane_commit(1), Action::CommitThenCut(Close::Rst));
    scene.target(lane_commit(4), Action::CommitThenCut(Close::Fin));
    scene.target(lane_commit(5), Action::CommitThenCut(Close::Rst));
    scene.finishes();
}

#[test]
fn every_commit_may_go_unanswered() {
    let scene = Scene::new();
    let cut = Action::CommitThenCut(Close::Rst);
    // Every second one: the moves of the token are commits, too.
    for nth in (1..18).step_by(2) {
        scene.target(lane_commit(nth), cut.clone());
    }
    scene.finishes();
}

#[test]
fn the_move_of_a_token_may_go_unanswered_too() {
    let scene = Scene::new();
    scene.target(lane_commit(4), Action::CommitThenCut(Close::Rst));
    let moved = Trigger::query("UPDATE wire9.lane SET token");
    let handle = scene.target(moved.nth(1), Action::Cut(Close::Rst));
    let committed = Trigger::command_complete("COMMIT").application("wire9/");
    scene.target(committed.nth(4), Action::Cut(Close::Fin));
    scene.finishes();
    assert_eq!(handle.fired(), 1);
}

// ---------------------------------------------------------------------------------------------
// zombies

/// A COMMIT whose client is gone reaches the server later.
fn late(nth: u64, delivery: Delivery) -> Scene {
    let scene = Scene::new();
    let close = Close::Rst;
    scene.target(lane_commit(nth), Action::CutThenDeliver { delivery, close });
    scene
}

#[test]
fn a_commit_that_arrives_a_second_later_does_not_double_rows() {
    let scene = Scene::new();
    let (delivery, close) = (Delivery::After(SECOND), Close::Rst);
    let late = scene.target(lane_commit(3), Action::CutThenDeliver { delivery, close });
    scene.finishes();
    late.wait_delivered(5 * SECOND).expect("it is delivered");
    scene.is_equal();
}

#[test]
fn a_commit_that_arrives_before_the_token_is_moved_does_not_double_rows() {
    let moved = "UPDATE wire9.lane SET token".to_owned();
    late(3, Delivery::BeforeQuery(moved)).finishes();
}

#[test]
fn a_commit_that_arrives_after_the_next_look_into_the_ledger_does_not_double_rows() {
    let looked = "FROM wire9.batch WHERE".to_owned();
    let scene = late(3, Delivery::AfterAnswer(looked.clone()));
    scene.finishes();
    let scene = late(2, Delivery::BeforeQuery(looked));
    scene.finishes();
}

/// Without `pg_terminate_backend` nothing but the fences stands in the way of a zombie.
#[test]
fn a_zombie_that_can_not_be_ended_is_waited_for() {
    let limits = Limits {
        terminate_backend: false,
        ..Limits::default()
    };
    each(
        [
            Delivery::After(2 * SECOND),
            Delivery::BeforeQuery("UPDATE wire9.lane SET token".to_owned()),
            Delivery::DuringCopy,
        ],
        |delivery| {
            let scene = Scene::with(limits.clone());
            let close = Close::Rst;
            let action = Action::CutThenDeliver { delivery, close };
            scene.target(lane_commit(3), action);
            scene.finishes();
        },
    );
}

#[test]
fn a_commit_that_arrives_while_another_lane_copies_does_not_double_rows() {
    late(3, Delivery::DuringCopy).finishes();
}

#[test]
fn a_half_open_connection_whose_transaction_stays_open_is_given_up() {
    let keep = Action::HalfOpen(8 * SECOND);
    each(
        [
            lane_commit(3),
            record().nth(3),
            lane_frontend(Frontend::CopyData).nth(3),
        ],
        |trigger| {
            let scene = Scene::new().io_timeout(2);
            scene.target(trigger, keep.clone());
            scene.finishes();
        },
    );
}

#[test]
fn the_entering_of_the_run_may_go_unanswered_or_arrive_late() {
    let enter = || Trigger::commit().nth(1);
    let looked = "SELECT 1 FROM wire9.run".to_owned();
    each(
        [
            Action::CommitThenCut(Close::Rst),
            fails(true, "XX000"),
            fails(false, "40001"),
            Action::CutThenDeliver {
                delivery: Delivery::AfterAnswer(looked),
                close: Close::Rst,
            },
            Action::CutThenDeliver {
                delivery: Delivery::After(SECOND),
                close: Close::Fin,
            },
        ],
        |action| {
            let scene = Scene::new();
            scene.target(enter(), action);
            scene.finishes();
        },
    );
}

/// The order is the proof: a token that is only read, or a ledger that is asked before the move is
/// committed, would leave the zombie its chance.
#[test]
fn the_token_is_moved_and_committed_before_the_ledger_is_asked() {
    let scene = Scene::new();
    scene.target(lane_commit(3), Action::Cut(Close::Rst));
    scene.finishes();
    let all = scene.standin.log().statements();
    let asked = "FROM wire9.batch WHERE";
    let asked = all
        .iter()
        .position(|s| s.text.contains(asked) && s.text.contains("AND chunk ="));
    let asked = &all[..asked.expect("the ledger is asked")];
    let own = asked.last().map(|_| all[asked.len()].connection);
    let before: Vec<&str> = asked
        .iter()
        .filter(|s| Some(s.connection) == own)
        .map(|s| s.text.as_str())
        .collect();
    let [.., moved, commit] = before[..] else {
        panic!("{before:?}");
    };
    assert!(
        moved.starts_with("UPDATE wire9.lane SET token ="),
        "{moved}"
    );
    assert_eq!(commit, "COMMIT");
}

// ---------------------------------------------------------------------------------------------
// the server says no

#[test]
fn a_commit_that_is_answered_with_an_error_is_decided_by_the_ledger() {
    each(["40001", "XX000", "57014", "58030"], |sqlstate| {
        let scene = Scene::new();
        scene.target(lane_commit(2), fails(false, sqlstate));
        scene.target(lane_commit(5), fails(true, sqlstate));
        scene.finishes();
    });
}

/// As after a transaction that failed: with the tag and without an error.
#[test]
fn a_commit_that_is_answered_with_rollback_is_no_success() {
    // The first COMMIT enters the run, the later ones are batches'.
    each([1, 2, 5, 9], |nth| {
        let scene = Scene::new();
        scene.target(Trigger::commit().nth(nth), Action::CommitRollsBack);
        scene.finishes();
    });
}

#[test]
fn a_target_that_fails_three_of_ten_commits_is_loaded_all_the_same() {
    let scene = Scene::new();
    for nth in 0..4 {
        for of_ten in [1, 4, 8] {
            let committed = nth % 2 == 1;
            let commit = lane_commit(10 * nth + of_ten);
            // The last of them may lie beyond the end.
            if 10 * nth + of_ten < 20 {
                scene.target(commit, fails(committed, "40001"));
            }
        }
    }
    scene.finishes();
}

#[test]
fn an_error_in_the_middle_of_the_rows_is_tried_smaller() {
    each(["54000", "57014", "53200"], |sqlstate| {
        let scene = Scene::new();
        let data = lane_frontend(Frontend::CopyData).nth(4);
        scene.target_fault(Fault::new(data, error(sqlstate, SECOND / 2)).times(2));
        let run = scene.finishes();
        run.never_says("refuses");
        assert!(
            scene.batches() > 18,
            "batches were halved: {}",
            scene.batches()
        );
    });
}

#[test]
fn a_conflict_in_the_middle_of_the_rows_is_tried_again() {
    each(["40001", "40P01", "XX000", "55P03"], |sqlstate| {
        let scene = Scene::new();
        scene.target(
            lane_frontend(Frontend::CopyData).nth(4),
            error(sqlstate, SECOND / 5),
        );
        scene.target(lane_copy().nth(7), error(sqlstate, Duration::ZERO));
        scene.target(record().nth(9), error(sqlstate, Duration::ZERO));
        scene.target(lane_begin().nth(14), error(sqlstate, Duration::ZERO));
        scene.finishes();
    });
}

#[test]
fn a_server_that_ends_the_session_with_its_last_words_is_connected_to_again() {
    each(["57P01", "25P03", "57P05"], |sqlstate| {
        let fatal = || Action::Fatal {
            sqlstate: sqlstate.to_owned(),
            message: "terminating connection".to_owned(),
        };
        let scene = Scene::new();
        scene.target(lane_frontend(Frontend::CopyData).nth(3), fatal());
        scene.target(lane_commit(6), fatal());
        scene.target(record().nth(9), fatal());
        scene.finishes();
    });
}

#[test]
fn refused_data_ends_the_run_and_names_the_table() {
    let scene = Scene::new();
    scene.target(
        lane_frontend(Frontend::CopyData).nth(4),
        error("22P02", Duration::ZERO),
    );
    scene.stops_and_resumes(5, "the target refuses table public.key");
}

/// A limit that no halving gets below ends the run.
#[test]
fn a_transaction_limit_is_found_by_halving() {
    let limits = Limits {
        transaction_bytes: Some(40_000),
        ..Limits::default()
    };
    let scene = Scene::with(limits);
    scene.finishes();
    assert!(scene.batches() > 100, "{}", scene.batches());
}

#[test]
fn a_copy_tag_with_another_count_ends_the_run_and_nothing_is_lost() {
    each([1, -1], |delta| {
        let scene = Scene::new();
        let tag = Trigger::command_complete("COPY ").application("wire9/");
        scene.target(tag.nth(5), Action::WrongCount(delta));
        scene.stops_and_resumes(5, "the target says it took");
    });
}

// ---------------------------------------------------------------------------------------------
// slow, chatty, limited

#[test]
fn notices_and_parameters_in_the_middle_of_the_rows_do_no_harm() {
    let scene = Scene::new();
    let data = lane_frontend(Frontend::CopyData);
    scene.target_fault(Fault::new(data, Action::Notices(3)).always());
    scene.target_fault(Fault::new(lane_commit(1), Action::Notices(2)).always());
    scene.finishes();
}

#[test]
fn latency_does_no_harm() {
    let scene = Scene::new();
    scene.slow(SECOND / 100);
    scene.finishes();
}

#[test]
fn a_target_that_stops_reading_is_given_up_after_the_io_timeout() {
    let scene = Scene::new().io_timeout(2);
    let stall = Action::StallReading(6 * SECOND);
    scene.target(lane_frontend(Frontend::CopyData).nth(4), stall.clone());
    scene.target(lane_commit(9), stall);
    scene.finishes();
}

#[test]
fn a_target_that_stops_answering_is_given_up_after_the_io_timeout() {
    let scene = Scene::new().io_timeout(2);
    let stall = || Action::StallWriting(6 * SECOND);
    scene.target(lane_frontend(Frontend::CopyData).nth(4), stall());
    scene.target(lane_commit(9), stall());
    scene.finishes();
}

/// Seconds of the long stall: `WIRE9_STALL=90 cargo test --test faults stalls_for_long`.
const STALL: &str = "WIRE9_STALL";
const SHORT_STALL: u64 = 3;

/// Longer than a minute, which is the target's own limit for statements and idle transactions; an ordinary
/// run scales both. Either wire9 waits for longer, or it gives up before.
#[test]
fn a_target_that_stalls_for_long_is_waited_for_or_given_up() {
    let seconds = std::env::var(STALL).map_or(SHORT_STALL, |n| n.parse().expect(STALL));
    let stall = Duration::from_secs(seconds);
    each([4 * seconds, seconds / 2], |io_timeout| {
        let limits = Limits {
            time_scale: seconds as f64 / 90.0,
            ..Limits::default()
        };
        let scene = Scene::with(limits).io_timeout(io_timeout.max(1));
        let scene = scene.deadline(90 * SECOND + 4 * stall);
        let data = lane_frontend(Frontend::CopyData).nth(4);
        scene.target(data, Action::StallReading(stall));
        scene.target(lane_commit(9), Action::StallWriting(stall));
        scene.finishes();
    });
}

#[test]
fn a_stall_shorter_than_the_io_timeout_is_waited_for() {
    let scene = Scene::new();
    let handle = scene.target(lane_commit(3), Action::StallWriting(2 * SECOND));
    let began = Instant::now();
    scene.finishes();
    assert!(began.elapsed() > 2 * SECOND && handle.fired() == 1);
}

#[test]
fn a_statement_timeout_that_can_not_be_lifted_is_no_obstacle_for_batches_that_fit() {
    each([TimeoutChange::Refused, TimeoutChange::Ignored], |change| {
        let scene = Scene::with(Limits {
            timeout_change: change,
            time_scale: 1.0 / 30.0,
            ..Limits::default()
        });
        scene.finishes();
    });
}

#[test]
fn an_idle_transaction_is_ended_by_the_server_and_the_batch_done_again() {
    let scene = Scene::with(Limits {
        time_scale: 1.0 / 60.0,
        ..Limits::default()
    });
    // The client is read no more inside its transaction: for the server it idles.
    scene.target(record().nth(4), Action::StallReading(3 * SECOND));
    scene.target(
        lane_frontend(Frontend::CopyData).nth(9),
        Action::StallReading(3 * SECOND),
    );
    scene.finishes();
}

#[test]
fn a_server_without_room_for_all_connections_is_waited_for() {
    let scene = Scene::with(Limits {
        connections: 3,
        ..Limits::default()
    });
    // Two lanes, and the ledger's own connection: four that count at the end are more than there is
    // room for.
    scene.finishes();
}

#[test]
fn a_target_that_crashes_and_comes_back_is_loaded_on() {
    let durable = ClusterOptions::new().setting("synchronous_commit", "on");
    let cluster = Cluster::start(durable).expect("a cluster");
    let scene = Scene::between(source_on(Cluster::shared()), &cluster, Limits::default());
    scene.slow(SECOND / 50);
    let mut running = scene.command().start();
    running.when("batches are committed", || scene.batches() >= 3);
    cluster.kill().expect("it is killed");
    cluster.restart().expect("it comes back");
    running.wait().ends_with(0);
    scene.is_equal();
}

/// As after a failover to a replica that was behind: what was acknowledged is not there.
#[test]
fn a_target_that_forgot_committed_batches_is_noticed_and_the_same_command_completes() {
    let scene = Scene::new();
    scene.slow(SECOND / 10);
    let mut running = scene.command().start();
    running.when("batches are committed", || scene.batches() >= 4);
    running.signal("STOP");
    let target = scene.standin.database();
    let cut = format!(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{}' AND \
         pid <> pg_backend_pid()",
        target.name()
    );
    let ended: u64 = target.query_value(&cut).expect("its sessions end");
    assert!(ended >= 3, "{ended}");
    target
        .execute("TRUNCATE wire9.batch, keyed, keyless, one_row")
        .expect("it forgets");
    running.signal("CONT");
    running
        .wait()
        .ends_with(5)
        .says("the target has lost batches that it had committed");
    scene.resumes();
}

#[test]
fn a_target_that_stays_away_ends_the_run_and_the_same_command_completes() {
    let cluster = Cluster::start(ClusterOptions::new()).expect("a cluster");
    let scene = Scene::between(source_on(Cluster::shared()), &cluster, Limits::default());
    scene.slow(SECOND / 50);
    let mut running = scene.command().args(&["--retry-for", "3"]).start();
    running.when("batches are committed", || scene.batches() >= 3);
    cluster.kill().expect("it is killed");
    running.wait().ends_with(3).says("again and again");
    cluster.restart().expect("it comes back");
    scene.resumes();
}
