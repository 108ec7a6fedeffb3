//! Runs that end before they are done, and the same command again.

use std::time::Duration;

use testenv::{Action, Cluster, ClusterOptions, Fault, FaultProxy, StandinOptions, Trigger};

use crate::chunks::{BIG, BIG_ROWS};
use crate::harness::{Pair, Run, Running, Sample, Wire9, thirteen};

/// Bytes per second of each lane's source: a chunk of `big` takes about two seconds.
const SLOW: u64 = 4 << 20;

/// A pair whose first run is slow, so that it can be ended in its middle.
pub(crate) struct Halting {
    pair: Pair,
    slow: FaultProxy,
    arguments: Vec<&'static str>,
}

impl Halting {
    pub(crate) fn on(sources: &Cluster) -> Self {
        Self::of(sources, BIG)
    }

    /// With a table `big` of one's own.
    pub(crate) fn of(sources: &Cluster, sample: Sample<'_>) -> Self {
        Self::with(sources, StandinOptions::default(), sample)
    }

    pub(crate) fn with(sources: &Cluster, options: StandinOptions, sample: Sample<'_>) -> Self {
        let pair = Pair::on(sources, options, sample);
        let slow = FaultProxy::start(&pair.source.uri()).expect("a proxy starts");
        let limited = Fault::new(Trigger::query("COPY"), Action::Bandwidth(SLOW));
        slow.faults().add(limited.always());
        Self {
            pair,
            slow,
            arguments: ARGUMENTS.to_vec(),
        }
    }

    /// Into tables that hold rows.
    pub(crate) fn append(&mut self) -> &Self {
        self.arguments.extend(["--on-existing", "append"]);
        self
    }

    pub(crate) fn pair(&self) -> &Pair {
        &self.pair
    }

    /// Starts a run, and waits until it has finished a chunk of `big`, but not all.
    pub(crate) fn half_done(&self) -> Running {
        let command = Wire9::copy(self.slow.uri(), &self.pair.standin.uri());
        let mut running = command.args(&self.arguments).start();
        running.when("a chunk is finished", || self.finished_chunks() > 0);
        running
    }

    fn finished_chunks(&self) -> u64 {
        let sql = "SELECT count(*) FROM wire9.batch JOIN wire9.pair USING (run, pair)
                   WHERE source_name = 'big' AND is_last = 1";
        self.pair.target().query_value(sql).unwrap_or(0)
    }

    /// The same command again, which completes; and how many lines of COPY it has sent.
    #[track_caller]
    fn again(&self) -> (Run, u64) {
        let before = self.pair.lines_sent();
        let run = self.command().run().ends_with(0);
        (run, self.pair.lines_sent() - before)
    }

    pub(crate) fn command(&self) -> Wire9 {
        self.pair.copy().args(&self.arguments)
    }

    /// The same command completes the run; what was committed is not sent again.
    #[track_caller]
    pub(crate) fn goes_on(&self) -> Run {
        let committed = self.pair.target_rows("big");
        assert!(
            (1..BIG_ROWS).contains(&committed),
            "{committed} rows of big"
        );
        let left = BIG_ROWS + 1_000 - committed - self.pair.target_rows("small");
        let (run, sent) = self.again();
        self.pair.assert_equal(3);
        let big = run.table("public.big");
        assert_eq!(run.result()["continued"], true);
        assert_eq!(big["rows_loaded_before"].as_u64(), Some(committed));
        assert_eq!(big["rows"].as_u64(), Some(BIG_ROWS - committed));
        assert_eq!(big["rows_loaded"], BIG_ROWS);
        // Once all is there, lines are sent by the probe alone.
        let (done, probed) = self.again();
        done.says("ALREADY DONE");
        assert_eq!(sent - probed, left, "lines of rows");
        run
    }
}

const ARGUMENTS: &[&str] = &["--jobs", "2", "--max-memory", "4MiB"];

#[test]
fn sigint_stops_cleanly_and_the_same_command_goes_on() {
    let halting = Halting::on(Cluster::shared());
    let running = halting.half_done();
    running.signal("INT");
    let run = running.wait().ends_with(130).says("INTERRUPTED");
    run.says("the same command continues");
    halting.goes_on();
}

#[test]
fn sigterm_stops_cleanly_too() {
    let halting = Halting::on(Cluster::shared());
    let running = halting.half_done();
    running.signal("TERM");
    let run = running.wait().ends_with(130);
    assert_eq!(run.result()["interrupted"], true);
    halting.goes_on();
}

#[test]
fn sigkill_loses_and_doubles_nothing() {
    let halting = Halting::on(Cluster::shared());
    let running = halting.half_done();
    running.signal("KILL");
    assert_eq!(running.wait().code, None);
    halting.goes_on();
}

#[test]
fn a_run_that_is_killed_again_and_again_arrives_equal() {
    let halting = Halting::on(Cluster::shared());
    for _ in 0..3 {
        let rows = halting.pair.target_rows("big");
        let command = Wire9::copy(halting.slow.uri(), &halting.pair.standin.uri());
        let mut running = command.args(ARGUMENTS).start();
        running.when("more rows", || {
            halting.pair.target_rows("big") > rows + 2_000
        });
        running.signal("KILL");
        running.wait();
    }
    halting.goes_on();
}

/// Only a cluster on which nobody else works can be proven quiet.
#[test]
fn on_a_source_that_did_not_move_nothing_is_compared() {
    let quiet = ClusterOptions::new().setting("autovacuum", "off");
    let quiet = Cluster::start(quiet).expect("a cluster starts");
    let halting = Halting::on(&quiet);
    halting.half_done().signal("INT");
    halting.wait_for_release();
    let (run, _) = halting.again();
    run.never_says("comparing what was copied with the source");
    halting.pair.assert_equal(3);
}

/// What one process has proven stands for the next: on a quiet source neither the tables that go on nor
/// the one that is left out, because it held rows before, are compared again.
#[test]
fn after_a_partial_run_a_source_that_did_not_move_is_not_compared_again() {
    let quiet = ClusterOptions::new().setting("autovacuum", "off");
    let quiet = Cluster::start(quiet).expect("a cluster starts");
    let mut halting = Halting::on(&quiet);
    let before = "INSERT INTO big VALUES (-1, '2024-01-01', 'before')";
    halting.pair.target_execute(before);
    halting.append();
    let change = |body: &str| {
        let first = "SELECT min(id) FROM big WHERE id > 0";
        let first = halting.pair.target().query_value(first);
        let first: u64 = first.expect("an id");
        let change = format!("UPDATE big SET body = {body} WHERE id = {first}");
        halting.pair.source.execute(&change).expect("written");
    };
    const COMPARED: &str = "comparing what was copied with the source";
    halting.half_done().signal("INT");
    halting.wait_for_release();
    change("body || '.'");
    halting.command().run().ends_with(5).says(COMPARED);
    halting.wait_for_release();
    let run = halting.command().run().ends_with(5).never_says(COMPARED);
    let problem = run.table("public.big")["problem"].to_string();
    assert!(problem.contains("have changed on the source"), "{problem}");
    assert_eq!(run.table("public.small")["complete"], true);
    halting.wait_for_release();
    change("'other'");
    halting.command().run().ends_with(5).says(COMPARED);
}

impl Halting {
    /// The greatest key that the source has and the target has not.
    fn id_not_copied(&self) -> u64 {
        let ids = |rows: testenv::client::Rows| -> Vec<u64> {
            let id = |row: &Vec<Option<String>>| row[0].as_ref()?.parse().ok();
            rows.iter().filter_map(id).collect()
        };
        let all = "SELECT id FROM big ORDER BY id DESC";
        let source = ids(self.pair.source.query(all).expect("rows"));
        let target = ids(self.pair.target().query(all).expect("rows"));
        let left = source.into_iter().find(|id| !target.contains(id));
        left.expect("something is left")
    }

    /// Waits until the ended program's sessions are gone from the source.
    fn wait_for_release(&self) {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'wire9%'";
        for _ in 0..1_000 {
            if self.pair.source.query_value::<u64>(sql).expect("a number") == 0 {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("sessions of wire9 stay on the source");
    }
}

#[test]
fn a_source_that_was_written_elsewhere_is_compared_and_goes_on() {
    let halting = Halting::on(Cluster::shared());
    let running = halting.half_done();
    running.signal("KILL");
    running.wait();
    let elsewhere = "CREATE TABLE elsewhere (id int); INSERT INTO elsewhere VALUES (1);
                     DROP TABLE elsewhere";
    halting.pair.source.execute(elsewhere).expect("written");
    halting.goes_on();
}

/// A row that moves from what was not copied yet into what was is seen, too.
#[test]
fn rows_that_went_away_from_finished_chunks_are_noticed() {
    let halting = Halting::on(Cluster::shared());
    let running = halting.half_done();
    running.signal("KILL");
    running.wait();
    let gone: u64 = halting
        .pair
        .target()
        .query_value("SELECT min(id) FROM big")
        .expect("an id");
    let change = format!("DELETE FROM big WHERE id = {gone}");
    halting.pair.source.execute(&change).expect("written");
    let run = halting.command().run().ends_with(0);
    let deleted = &run.target_table("public.big")["reconciled"]["rows_deleted"];
    assert!(deleted.as_u64() > Some(0), "{deleted}");
    halting.pair.assert_equal(3);
}

/// Free room in a chunk that is finished takes the new version of a row that was not copied yet:
/// read on without comparing, it would be missing.
#[test]
fn a_row_that_moved_into_a_finished_chunk_is_noticed() {
    let halting = Halting::on(Cluster::shared());
    let source = &halting.pair.source;
    source
        .execute("DELETE FROM big WHERE id <= 800")
        .expect("deleted");
    source.execute("VACUUM big").expect("vacuumed");
    let mut running = halting.half_done();
    let first = "SELECT count(*) FROM wire9.batch JOIN wire9.pair USING (run, pair)
                 WHERE source_name = 'big' AND chunk = 0 AND is_last = 1";
    running.when("chunk 0 is finished", || {
        halting.pair.target().query_value(first).unwrap_or(0) == 1
    });
    running.signal("KILL");
    running.wait();
    let moved = halting.id_not_copied();
    let update = format!("UPDATE big SET body = body || '.' WHERE id = {moved}");
    source.execute(&update).expect("written");
    let place = format!("SELECT (ctid::text::point)[0]::int FROM big WHERE id = {moved}");
    let page: u64 = source.query_value(&place).expect("a page");
    assert!(page < 100, "it did not move: page {page}");
    let run = halting.command().run().ends_with(0);
    let inserted = &run.target_table("public.big")["reconciled"]["rows_inserted"];
    assert!(inserted.as_u64() > Some(0), "{inserted}");
    halting.pair.assert_equal(3);
}

/// New rows are at the end of the heap, where nothing or something may have been copied: the run
/// never leaves them out.
#[test]
fn rows_that_came_are_copied() {
    let halting = Halting::on(Cluster::shared());
    let running = halting.half_done();
    running.signal("INT");
    running.wait();
    let more =
        "INSERT INTO big SELECT i, '2024-01-01', 'more' FROM generate_series(40001, 40100) i";
    halting.pair.source.execute(more).expect("written");
    halting.command().run().ends_with(0);
    halting.pair.assert_equal(3);
}

#[test]
fn lanes_and_memory_may_be_others_when_it_goes_on() {
    let halting = Halting::on(Cluster::shared());
    let running = halting.half_done();
    running.signal("INT");
    running.wait();
    let arguments = ["--jobs", "5", "--max-memory", "64MiB"];
    let run = halting.pair.copy().args(&arguments).run().ends_with(0);
    assert_eq!(run.result()["continued"], true);
    halting.pair.assert_equal(3);
}

#[test]
fn rows_are_not_rewritten_in_another_way_when_it_goes_on() {
    let halting = Halting::on(Cluster::shared());
    let running = halting.half_done();
    running.signal("INT");
    running.wait();
    let other = halting.command().args(&["--fraction-digits", "1"]).run();
    other
        .ends_with(4)
        .says("public.big had column at cut to 3 fraction digits, has it cut to 1 fraction digits");
}

#[test]
fn another_command_does_not_take_an_unfinished_run() {
    let halting = Halting::on(Cluster::shared());
    let running = halting.half_done();
    running.signal("INT");
    running.wait();
    let other = halting.pair.copy().args(&["--table", "small"]).run();
    other.ends_with(4).says("unfinished").says("--restart");
    halting.goes_on();
}

/// Chunks by key are read in the key's order, so that a part of one can be told from its rest.
#[test]
fn key_ranges_go_on_where_they_ended() {
    let halting = Halting::on(thirteen());
    let running = halting.half_done();
    running.signal("KILL");
    running.wait();
    let run = halting.goes_on();
    assert_eq!(run.planned("public.big")["split"], "key ranges");
}

#[test]
fn two_signals_end_it_at_once_and_the_same_command_goes_on() {
    let halting = Halting::on(Cluster::shared());
    let running = halting.half_done();
    running.signal("INT");
    std::thread::sleep(Duration::from_millis(400));
    // It may have ended by then, in its own way.
    let _ = running.try_signal("INT");
    running.wait().ends_with(130);
    halting.goes_on();
}

#[test]
fn restart_of_an_unfinished_run_copies_anew() {
    let halting = Halting::on(Cluster::shared());
    let running = halting.half_done();
    running.signal("INT");
    running.wait();
    let restart = halting.command().arg("--restart");
    let run = restart.run().ends_with(0);
    assert_eq!(run.table("public.big")["rows"], BIG_ROWS);
    halting.pair.assert_equal(3);
}
