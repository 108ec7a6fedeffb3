//! Faults between the source and wire9, and what others do to the source while it is read.

use std::time::{Duration, Instant};

use testenv::fault::{Action, Backend, Close, Fault, Trigger};
use testenv::standin::Limits;
use testenv::{Cluster, ClusterOptions};

use crate::harness::targets;
use crate::scene::{Scene, each, error, source_on};

const SECOND: Duration = Duration::from_secs(1);

/// A row on its way to a lane: PostgreSQL sends one CopyData for each.
fn row(nth: u64) -> Trigger {
    Trigger::backend(Backend::CopyData)
        .application("wire9/")
        .nth(nth)
}

fn lane_copy() -> Trigger {
    Trigger::query("COPY ").application("wire9/")
}

/// A scene with a source of its own that is slow enough to be met.
fn slow_scene() -> Scene {
    let scene = Scene::between(source_on(Cluster::shared()), targets(), Limits::default());
    scene.slow(SECOND / 20);
    scene
}

#[test]
fn a_source_that_refuses_the_first_connection_is_told_and_the_same_command_completes() {
    let scene = Scene::new();
    scene.source(Trigger::connect(), Action::RefuseConnect(Close::Rst));
    scene.stops_and_resumes(3, "can not connect to the source");
}

#[test]
fn a_chunk_whose_connection_is_cut_is_read_again_past_what_was_sent() {
    each(
        [
            (1, Close::Rst),
            (700, Close::Fin),
            (1999, Close::Rst),
            (3800, Close::Fin),
        ],
        |(nth, close)| {
            let scene = Scene::new();
            scene.source(row(nth), Action::Cut(close));
            scene.finishes().says("reading");
        },
    );
}

#[test]
fn a_cut_inside_a_row_is_read_again() {
    let scene = Scene::new();
    for (nth, bytes) in [(100, 1), (900, 5), (1700, 600)] {
        let close = Close::Rst;
        scene.source(row(nth), Action::CutInside { bytes, close });
    }
    scene.finishes();
}

/// Each cut once took one of the lane's two batches away; after the second the lane waited for ever.
#[test]
fn a_source_that_is_cut_again_and_again_does_not_stop_the_lane() {
    let scene = Scene::new();
    for nth in 1..12 {
        scene.source(row(nth * 350), Action::Cut(Close::Rst));
    }
    scene.finishes();
}

#[test]
fn a_cut_at_the_end_of_a_chunk_is_read_again() {
    let scene = Scene::new();
    let done = Trigger::backend(Backend::CopyDone).application("wire9/");
    scene.source(done.nth(1), Action::Cut(Close::Rst));
    let tag = Trigger::command_complete("COPY ").application("wire9/");
    scene.source(tag.nth(2), Action::Cut(Close::Fin));
    scene.finishes();
}

#[test]
fn a_cut_at_the_start_of_a_chunk_is_read_again() {
    let scene = Scene::new();
    scene.source(lane_copy().nth(1), Action::Cut(Close::Rst));
    scene.source(lane_copy().nth(3), Action::Cut(Close::Fin));
    scene.source(
        Trigger::query("SET TRANSACTION SNAPSHOT").nth(4),
        Action::Cut(Close::Rst),
    );
    scene.source(
        Trigger::query("SAVEPOINT wire9_lock").nth(5),
        Action::Cut(Close::Rst),
    );
    scene.finishes();
}

#[test]
fn copy_data_that_is_cut_anywhere_is_put_together() {
    each(
        [
            vec![1, 0, 2, 1000],
            vec![7],
            vec![100_000],
            vec![0, 0, 65_536, 1],
        ],
        |sizes| {
            let scene = Scene::new();
            scene.source_fault(Fault::new(lane_copy(), Action::Recut(sizes)).always());
            scene.finishes();
        },
    );
}

#[test]
fn a_source_that_stalls_is_given_up_after_the_io_timeout_and_read_again() {
    let scene = Scene::new().io_timeout(2);
    scene.source(row(900), Action::StallWriting(7 * SECOND));
    scene.finishes();
}

#[test]
fn errors_that_pass_are_read_again() {
    each(["40001", "57014", "57P03", "53300"], |sqlstate| {
        let scene = Scene::new();
        scene.source(row(900), error(sqlstate, Duration::ZERO));
        scene.source(lane_copy().nth(2), error(sqlstate, Duration::ZERO));
        scene.finishes();
    });
}

/// It once made another source of it, of which no run was known.
#[test]
fn an_error_while_the_source_says_who_it_is_does_not_make_it_another() {
    each(["XX000", "57014"], |sqlstate| {
        let scene = Scene::new();
        let who = Trigger::query("FROM pg_catalog.pg_control_system()");
        let asked = scene.source(who, error(sqlstate, Duration::ZERO));
        scene.finishes();
        assert_eq!(asked.fired(), 1);
        scene.finishes().says("ALREADY DONE");
    });
}

#[test]
fn an_error_that_does_not_pass_ends_the_run_and_the_same_command_completes() {
    let scene = Scene::new();
    scene.source(row(900), error("XX001", Duration::ZERO));
    scene.stops_and_resumes(5, "reading table public.key");
}

#[test]
fn a_source_whose_tag_counts_other_rows_ends_the_run() {
    each([1, -1], |delta| {
        let scene = Scene::new();
        let tag = Trigger::command_complete("COPY ").application("wire9/");
        scene.source(tag.nth(2), Action::WrongCount(delta));
        scene.stops_and_resumes(5, "the source says");
    });
}

/// Its count tells only at a chunk's end, when batches without these rows are committed.
#[test]
fn rows_that_the_source_loses_on_their_way_are_noticed_and_the_same_command_mends_it() {
    let tables = ["keyed", "keyless"];
    const COMMITTED: u64 = 700;
    let places = [1, COMMITTED, 1999];
    let cases = tables
        .into_iter()
        .flat_map(|table| places.map(|nth| (table, nth)));
    each(cases, |(table, nth)| {
        let scene = Scene::between(source_on(Cluster::shared()), targets(), Limits::default());
        let others = match table {
            "keyed" => "keyless",
            _ => "keyed",
        };
        let only = format!("DROP TABLE {others}");
        scene.source.execute(&only).expect("it is dropped");
        let target = scene.standin.database();
        target.execute(&only).expect("it is dropped");
        let lost = Fault::new(row(nth), Action::LoseData);
        let lost = scene.source_fault(lost.times(2));
        let run = scene.command().run().ends_with(5).says("the source says");
        run.says("the same command compares what was committed with the source, mends it");
        assert!(lost.fired() > 0, "{table} {nth}");
        let run = scene.resumes();
        if nth == COMMITTED {
            run.says("had changed on the source");
        }
    });
}

#[test]
fn a_keeper_that_is_ended_is_noticed_within_seconds() {
    let scene = slow_scene();
    let mut running = scene.command().start();
    running.when("batches are committed", || scene.batches() >= 2);
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = \
               current_database() AND state = 'idle in transaction' AND backend_xmin IS NOT NULL \
               AND query NOT LIKE 'COPY%'";
    let began = Instant::now();
    let ended: u64 = scene.source.query_value(end).expect("the keeper is ended");
    assert!(ended > 0);
    running.wait().ends_with(3).says("snapshot is lost");
    assert!(began.elapsed() < 8 * SECOND, "{:?}", began.elapsed());
    scene.resumes();
}

#[test]
fn a_source_that_restarts_takes_the_snapshot_along_and_the_same_command_completes() {
    each([false, true], |crash| {
        let cluster = Cluster::start(ClusterOptions::new()).expect("a cluster");
        let scene = Scene::between(source_on(&cluster), targets(), Limits::default());
        scene.slow(SECOND / 20);
        let mut running = scene.command().start();
        running.when("batches are committed", || scene.batches() >= 2);
        if crash {
            cluster.kill().expect("it is killed");
        }
        cluster.restart().expect("it comes back");
        running.wait().ends_with(3);
        scene.resumes();
    });
}

/// What comes between the snapshot and the reading of a table of one chunk.
#[test]
fn a_table_that_is_rewritten_after_the_snapshot_is_refused_by_name() {
    each(
        [
            "TRUNCATE one_row",
            "VACUUM FULL one_row",
            "CLUSTER one_row USING one_row_a",
            "ALTER TABLE one_row ALTER a TYPE integer USING a + 0",
        ],
        |rewrite| {
            let scene = slow_scene();
            scene
                .source
                .execute("CREATE INDEX one_row_a ON one_row (a)")
                .expect("an index");
            let mut running = scene.command().start();
            running.when("batches are committed", || scene.batches() >= 1);
            scene.source.execute(rewrite).expect(rewrite);
            running
                .wait()
                .ends_with(5)
                .says("public.one_row was rewritten or truncated since the snapshot");
            scene.resumes();
        },
    );
}

/// Rows on one page each, so that few rows make a table of several chunks.
const SPARSE: &str = "CREATE TABLE sparse (a integer, body text)";

#[test]
fn a_table_of_several_chunks_can_not_be_rewritten_between_them() {
    let scene = slow_scene();
    let rows = "ALTER TABLE sparse SET (fillfactor = 10);
                INSERT INTO sparse SELECT i, repeat(md5(i::text), 25) FROM generate_series(1, 3000) i;
                ANALYZE sparse";
    scene
        .source
        .execute(&format!("{SPARSE}; {rows}"))
        .expect("it is filled");
    let as_user = format!("SET ROLE \"tenant.admin\"; {SPARSE}");
    scene
        .standin
        .database()
        .execute(&as_user)
        .expect("it is made");
    let mut running = scene.command().start();
    running.when("batches are committed", || scene.batches() >= 1);
    for rewrite in ["TRUNCATE sparse", "VACUUM FULL sparse"] {
        let mut client = scene.source.client().expect("a client");
        client
            .batch_execute("SET lock_timeout = '300ms'")
            .expect("it is set");
        let refused = client
            .batch_execute(rewrite)
            .expect_err("the keeper holds its lock");
        assert_eq!(refused.code().map(|c| c.code()), Some("55P03"), "{rewrite}");
    }
    let run = running.wait().ends_with(0);
    assert!(
        run.planned("public.sparse")["chunks"].as_u64() > Some(1),
        "{}",
        run.report
    );
    scene.is_equal();
}

#[test]
fn rows_that_were_copied_and_changed_since_are_reconciled() {
    let scene = slow_scene();
    let mut running = scene.command().start();
    running.when("batches are committed", || scene.batches() >= 4);
    running.signal("KILL");
    running.wait();
    let change = "UPDATE keyless SET body = 'other' WHERE a < 200; UPDATE keyed SET body = 'other'";
    scene.source.execute(change).expect("it is changed");
    let run = scene.command().run().ends_with(0);
    run.says("public.keyless: its copied rows had changed on the source");
    scene.is_equal();
}
