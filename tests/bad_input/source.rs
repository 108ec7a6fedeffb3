//! The source changes, dies or is pooled while it is read.

use std::time::Duration;

use testenv::fault::{Backend, Close};
use testenv::{Action, Database, Fault, FaultProxy, PgBouncer, Trigger};

use crate::harness::{Pair, Running, Wire9};
use crate::judged::{Judged as _, copy, pair, planted, until, with_secret};

/// A table that one lane of little memory can not read ahead of the target, and small ones after it.
pub(crate) const LARGE: &str = "CREATE TABLE a (id integer PRIMARY KEY, body text); \
                                CREATE TABLE b (id integer PRIMARY KEY, body text)";

/// Three megabytes in the first table, a few rows in the second; each with the planted value.
pub(crate) const LARGE_ROWS: &str = "\
    INSERT INTO a SELECT n, repeat('planted7Qx', 30) FROM generate_series(1, 10000) n; \
    INSERT INTO b SELECT n, 'planted7Qx' FROM generate_series(1, 50) n";

/// One lane whose batches are far smaller than the first table of [`LARGE`].
pub(crate) const SMALL_MEMORY: &[&str] = &["--jobs", "1", "--max-memory", "512KiB"];

/// A lock that lets a table be read and not be written; released with the value.
pub(crate) struct Held<'a> {
    database: &'a Database,
    client: Option<testenv::client::Client>,
}

impl<'a> Held<'a> {
    pub(crate) fn table(database: &'a Database, table: &str) -> Self {
        let mut client = database.client().expect("a session");
        let lock = format!("BEGIN; LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE");
        client.batch_execute(&lock).expect("the table is locked");
        Self {
            database,
            client: Some(client),
        }
    }

    /// Whether somebody waits for a lock in the database. (The stand-in's gives itself another name.)
    pub(crate) fn is_waited_for(&self) -> bool {
        let name = self.database.name();
        let waiting =
            format!("pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = '{name}'");
        self.database.count(&waiting).expect("counted") > 0
    }

    pub(crate) fn release(mut self) {
        drop(self.client.take());
        let gone = format!(
            "SELECT WHERE NOT EXISTS (SELECT FROM pg_locks l JOIN pg_database d \
             ON d.oid = l.database WHERE d.datname = '{}' AND l.granted \
             AND l.mode = 'ShareRowExclusiveLock')",
            self.database.name()
        );
        until(self.database, &gone);
    }
}

/// A copy with [`SMALL_MEMORY`] and these arguments that waits for the lock on its first table.
#[track_caller]
pub(crate) fn waiting<'a>(pair: &'a Pair, arguments: &[&str]) -> (Held<'a>, Running) {
    let held = Held::table(pair.target(), "a");
    let mut running = copy(pair).args(SMALL_MEMORY).args(arguments).start();
    running.when("it waits for the lock", || held.is_waited_for());
    (held, running)
}

/// Rewrites the second table after the snapshot and before it is read.
#[track_caller]
fn rewritten(statement: &str) {
    let pair = pair(LARGE, LARGE_ROWS);
    let (held, running) = waiting(&pair, &[]);
    pair.source.execute(statement).expect("it is rewritten");
    held.release();
    running
        .wait()
        .fails(5, &["public.b", "rewritten or truncated", "snapshot"])
        .advises(&["the same command"]);
    copy(&pair).args(SMALL_MEMORY).run().passes();
    pair.assert_equal(3);
}

#[test]
fn vacuum_full_before_a_table_is_read_is_noticed() {
    rewritten("VACUUM FULL b");
}

#[test]
fn cluster_before_a_table_is_read_is_noticed() {
    rewritten("CLUSTER b USING b_pkey");
}

#[test]
fn truncate_before_a_table_is_read_is_noticed() {
    rewritten("TRUNCATE b");
}

#[test]
fn a_rewriting_alter_before_a_table_is_read_is_noticed() {
    rewritten("ALTER TABLE b ALTER id TYPE bigint");
}

#[test]
fn a_table_that_is_being_read_can_not_be_rewritten() {
    let pair = pair(LARGE, LARGE_ROWS);
    let (held, running) = waiting(&pair, &[]);
    for statement in [
        "VACUUM FULL a",
        "TRUNCATE a",
        "ALTER TABLE a ALTER id TYPE bigint",
    ] {
        let mut client = pair.source.client().expect("a session");
        let patience = "SET lock_timeout = '100ms'";
        client.batch_execute(patience).expect("set");
        let refused = client.batch_execute(statement).expect_err("it is locked");
        let code = refused.code().map(|code| code.code().to_owned());
        assert_eq!(code.as_deref(), Some("55P03"), "{statement}");
    }
    held.release();
    running.wait().passes();
    pair.assert_equal(3);
}

#[test]
fn a_table_that_is_dropped_after_the_snapshot_is_named() {
    let pair = pair(LARGE, LARGE_ROWS);
    let (held, running) = waiting(&pair, &[]);
    pair.source.execute("DROP TABLE b").expect("it is dropped");
    held.release();
    running.wait().fails(5, &["public.b", "dropped or renamed"]);
}

#[test]
fn a_keeper_that_dies_ends_the_run_and_the_same_command_completes_it() {
    let pair = pair(LARGE, LARGE_ROWS);
    let (held, running) = waiting(&pair, &[]);
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                WHERE application_name = 'wire9/keeper' AND datname = current_database()";
    let killed = pair.source.query(kill).expect("it is killed");
    assert_eq!(killed.len(), 1);
    held.release();
    running
        .wait()
        .fails(3, &["snapshot is lost"])
        .advises(&["committed batches stay", "the same command"]);
    copy(&pair).args(SMALL_MEMORY).run().passes();
    pair.assert_equal(3);
}

#[test]
fn a_source_that_closes_in_mid_stream_is_read_again() {
    let pair = pair(LARGE, LARGE_ROWS);
    let proxy = FaultProxy::start(&with_secret(&pair.source.uri())).expect("a proxy");
    let cut = |nth, action| Fault::new(Trigger::backend(Backend::CopyData).nth(nth), action);
    proxy.faults().add(cut(500, Action::Cut(Close::Fin)));
    proxy.faults().add(cut(3_000, Action::Cut(Close::Rst)));
    let fatal = Action::Fatal {
        sqlstate: "57P01".to_owned(),
        message: "terminating connection due to administrator command".to_owned(),
    };
    proxy.faults().add(cut(9_000, fatal));
    Wire9::copy(proxy.uri(), &pair.standin.uri())
        .args(SMALL_MEMORY)
        .run()
        .passes();
    pair.assert_equal(3);
}

#[test]
fn a_source_that_is_gone_for_good_ends_the_run_and_the_same_command_completes_it() {
    let cluster = testenv::Cluster::start(testenv::ClusterOptions::new());
    let cluster = cluster.expect("a cluster starts");
    let sample = crate::harness::Sample::Same {
        tables: LARGE,
        rows: LARGE_ROWS,
    };
    let pair = Pair::on(&cluster, testenv::StandinOptions::default(), sample);
    let (held, running) = waiting(&pair, &["--retry-for", "3"]);
    cluster.stop().expect("it is stopped");
    held.release();
    running
        .wait()
        .fails(3, &["source"])
        .advises(&["committed batches stay", "the same command"]);
    cluster.restart().expect("it is back");
    copy(&pair).args(SMALL_MEMORY).run().passes();
    pair.assert_equal(3);
}

#[test]
fn a_source_that_is_silent_for_good_ends_within_the_io_timeout() {
    let pair = planted();
    let proxy = FaultProxy::start(&with_secret(&pair.source.uri())).expect("a proxy");
    let silence = Action::HalfOpen(Duration::from_secs(30));
    proxy
        .faults()
        .add(Fault::new(Trigger::query("pg_export_snapshot"), silence));
    Wire9::copy(proxy.uri(), &pair.standin.uri())
        .args(&["--io-timeout", "2"])
        .run()
        .fails(3, &["snapshot", "did not answer for 2s"]);
}

#[test]
fn a_pgbouncer_in_transaction_mode_before_the_source_is_no_obstacle() {
    let pair = pair(LARGE, LARGE_ROWS);
    let bouncer = PgBouncer::start(&pair.source, "transaction").expect("a PgBouncer");
    Wire9::copy(&with_secret(&bouncer.uri()), &pair.standin.uri())
        .run()
        .passes()
        .says("pooler");
    pair.assert_equal(3);
}

#[test]
fn a_pgbouncer_in_statement_mode_is_refused() {
    let pair = pair(LARGE, LARGE_ROWS);
    let bouncer = PgBouncer::start(&pair.source, "statement").expect("a PgBouncer");
    Wire9::copy(&with_secret(&bouncer.uri()), &pair.standin.uri())
        .run()
        .fails(4, &["snapshot"])
        .advises(&["transaction mode"]);
}
