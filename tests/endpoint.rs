//! Profiles, transactions and snapshots against real servers.

use std::time::{Duration, Instant};

use testenv::fault::{Action, Fault, FaultProxy, Trigger};
use testenv::{Cluster, ClusterOptions, Database};
use tokio::time::timeout;
use wire9::catalog::TableName;
use wire9::endpoint::Error;
use wire9::endpoint::identity::{identity, same_server};
use wire9::endpoint::probe::{ProbeSettings, Probed, probe};
use wire9::endpoint::session::{
    ReadSettings, Scan, WriteSettings, begin_read, begin_write, check_condition, lock_and_check,
    prepare_write, rollback,
};
use wire9::endpoint::snapshot::{Activity, Keeper, Moved, Snapshot, source_moved};
use wire9::profile::{Fact, Profile, Rounding, ServerKind, TypeAnswer};
use wire9::wire::{ConnectOptions, Connection, Endpoint, Environment, TransactionStatus};

// ---- probe ----

#[tokio::test]
async fn a_probe_of_postgresql_finds_six_digits_and_that_copy_rolls_back() {
    let database = fresh("probe");
    let started = Instant::now();
    let Probed { profile, notes } = probed(&database.uri()).await;
    let took = started.elapsed();
    assert_eq!(profile.server, Some(Fact::probed(ServerKind::Postgresql)));
    assert_eq!(profile.fraction_digits(), 6);
    for digits in [
        &profile.timestamp_digits,
        &profile.timestamptz_digits,
        &profile.time_digits,
        &profile.interval_digits,
    ] {
        assert_eq!(*digits, Some(Fact::probed(6)));
    }
    for (name, fact) in [
        ("copy_rolls_back", &profile.copy_rolls_back),
        ("multi_statement", &profile.multi_statement),
        ("terminate_backend", &profile.terminate_backend),
        ("cancel_request", &profile.cancel_request),
        ("statement_timeout", &profile.statement_timeout_lifts),
        ("idle", &profile.idle_in_transaction_timeout_lifts),
        ("export_snapshot", &profile.export_snapshot),
        ("repeatable_read", &profile.repeatable_read),
        ("skip_locked", &profile.skip_locked),
        ("copy_to_quoted_name", &profile.copy_to_quoted_name),
        ("copy_query_to", &profile.copy_query_to),
        ("infinity", &profile.infinity),
        ("bc", &profile.bc),
        ("years_above_9999", &profile.years_above_9999),
        ("nan", &profile.nan),
        ("arrays", &profile.multi_dimensional_arrays),
        ("identity_in_create", &profile.identity_in_create),
        ("identity_by_alter", &profile.identity_by_alter),
    ] {
        assert_eq!(*fact, Some(Fact::probed(true)), "{name}");
    }
    assert_eq!(profile.numeric_digits, Some(Fact::probed(1_000)));
    assert_eq!(profile.extra_float_digits, Some(Fact::probed(3)));
    let types = profile.types.expect("types are probed").value;
    assert!(
        types.values().all(|answer| *answer == TypeAnswer::Accepted),
        "{types:?}"
    );
    assert_eq!(notes, Vec::<String>::new());
    assert_eq!(scratch_schemas(&database), Vec::<String>::new());
    // Far above what it takes, far below what a wait for a timeout would take.
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn a_server_that_keeps_milliseconds_is_found_to_keep_three_digits_and_to_round() {
    let database = fresh("milliseconds");
    database.execute(MILLISECONDS).expect("an event trigger");
    let Probed { profile, .. } = probed(&database.uri()).await;
    assert_eq!(profile.timestamp_digits, Some(Fact::probed(3)));
    assert_eq!(profile.timestamptz_digits, Some(Fact::probed(3)));
    assert_eq!(profile.time_digits, Some(Fact::probed(6)));
    assert_eq!(
        profile.timestamp_rounding,
        Some(Fact::probed(Rounding::Rounds))
    );
    assert_eq!(profile.fraction_digits(), 3);
}

#[tokio::test]
async fn refused_types_are_told_from_those_that_are_accepted() {
    let database = fresh("types");
    database.execute(NO_INET_NO_XML).expect("an event trigger");
    let Probed { profile, .. } = probed(&database.uri()).await;
    let types = profile.types.expect("types are probed").value;
    let refused: Vec<&str> = types
        .iter()
        .filter(|(_, answer)| **answer == TypeAnswer::Refused)
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(refused, ["inet", "xml"]);
    assert_eq!(types["jsonb"], TypeAnswer::Accepted);
}

#[tokio::test]
async fn scratch_schemas_left_behind_an_hour_ago_are_dropped_and_younger_ones_stay() {
    let database = fresh("left");
    let now: u64 = database
        .query_value("SELECT floor(extract(epoch FROM now()))::bigint")
        .expect("the clock");
    let old = format!("wire9_probe_{}_0123abcd", now - 3_700);
    let young = format!("wire9_probe_{}_0123abcd", now - 3_000);
    for schema in [&old, &young, &"wire9_probe_mine".to_owned()] {
        let sql = format!("CREATE SCHEMA {schema} CREATE TABLE t (a int)");
        database.execute(&sql).expect("a schema");
    }
    let Probed { notes, .. } = probed(&database.uri()).await;
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains(&old), "{notes:?}");
    assert_eq!(
        scratch_schemas(&database),
        [young.as_str(), "wire9_probe_mine"]
    );
}

#[tokio::test]
async fn where_no_schema_can_be_created_the_documented_values_stand_and_a_note_says_so() {
    let database = fresh("poor");
    let role = role(&database, "");
    let Probed { profile, notes } = probed(&as_role(&database, &role)).await;
    drop_role(&database, &role);
    assert_eq!(
        profile.timestamp_digits,
        Profile::postgresql().timestamp_digits
    );
    assert_eq!(profile.multi_statement, Some(Fact::probed(true)));
    assert!(
        notes.iter().any(|note| note.contains("scratch schema")),
        "{notes:?}"
    );
}

// ---- identity ----

#[tokio::test]
async fn two_connections_to_one_server_are_one_server_and_another_cluster_is_another() {
    let database = fresh("identity");
    let elsewhere = Cluster::start(ClusterOptions::new()).expect("a second cluster");
    let mut first = connect(&database.uri()).await;
    let mut second = connect(&database.socket_uri()).await;
    let mut third = connect(&elsewhere.uri("postgres")).await;
    let first = identity(&mut first).await.expect("an identity");
    let second = identity(&mut second).await.expect("an identity");
    let third = identity(&mut third).await.expect("an identity");
    assert!(same_server(&first, &second));
    assert!(!same_server(&first, &third));
    assert!(first.system_identifier.is_some() && first.timeline == Some(1));
    assert!(!first.is_db9() && !first.in_recovery);
}

// ---- snapshot and source transactions ----

#[tokio::test]
async fn readers_see_what_the_keeper_saw_with_the_settings_of_the_design() {
    let database = fresh("readers");
    database
        .execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 9)")
        .expect("a table");
    let keeper = keeper(&database).await;
    database
        .execute("DELETE FROM t WHERE id > 3")
        .expect("rows");
    let mut reader = connect(&database.uri()).await;
    reads(&mut reader, keeper.snapshot(), Scan::Free).await;
    assert_eq!(
        value(&mut reader, "SELECT count(*) FROM public.t").await,
        "9"
    );
    for (setting, expected) in [
        ("row_security", "off"),
        ("transaction_read_only", "on"),
        ("transaction_isolation", "repeatable read"),
        ("statement_timeout", "0"),
        ("lock_timeout", "30s"),
        ("max_parallel_workers_per_gather", "0"),
        ("jit", "off"),
        ("application_name", "wire9/test/1"),
    ] {
        let shown = value(&mut reader, &format!("SHOW {setting}")).await;
        assert_eq!(shown, expected, "{setting}");
    }
    rollback(&mut reader).await.expect("rollback");
    assert_eq!(
        value(&mut reader, "SELECT count(*) FROM public.t").await,
        "3"
    );
    assert_ne!(value(&mut reader, "SHOW row_security").await, "off");
}

#[tokio::test]
async fn ctid_chunks_are_read_by_tid_range_scans_even_with_a_condition_on_a_key() {
    let database = fresh("ctid");
    database
        .execute(
            "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 9999); \
             ANALYZE t",
        )
        .expect("a table");
    let keeper = keeper(&database).await;
    let mut reader = connect(&database.uri()).await;
    reads(&mut reader, keeper.snapshot(), Scan::Ctid).await;
    let plan = value(
        &mut reader,
        "EXPLAIN SELECT * FROM ONLY public.t WHERE ctid >= '(0,0)' AND ctid < '(9,0)' AND id = 7",
    )
    .await;
    assert!(plan.contains("Tid Range Scan"), "{plan}");
}

#[tokio::test]
async fn a_server_that_does_not_tell_its_system_identifier_can_be_read_all_the_same() {
    let database = fresh("untold");
    let role = role(&database, "");
    database
        .execute(
            "REVOKE EXECUTE ON FUNCTION pg_control_system(), pg_control_checkpoint() FROM PUBLIC",
        )
        .expect("revoked");
    let uri = as_role(&database, &role);
    let keeper = Keeper::open(&options(&uri), "wire9/test/keeper")
        .await
        .expect("a keeper");
    let identity = &keeper.snapshot().identity;
    assert_eq!(
        (identity.system_identifier, identity.timeline),
        (None, None)
    );
    let mut reader = connect(&uri).await;
    reads(&mut reader, keeper.snapshot(), Scan::Ctid).await;
    reader.close().await;
    keeper.close().await;
    drop_role(&database, &role);
}

#[tokio::test]
async fn a_source_without_an_encoding_is_read_as_utf_8() {
    let database = Cluster::shared()
        .database_encoded("ascii", "SQL_ASCII")
        .expect("a database");
    let keeper = keeper(&database).await;
    let mut reader = connect(&database.uri()).await;
    reads(&mut reader, keeper.snapshot(), Scan::Free).await;
    assert_eq!(value(&mut reader, "SHOW client_encoding").await, "UTF8");
}

#[tokio::test]
async fn a_snapshot_is_refused_by_another_cluster_with_a_word_on_load_balancing() {
    let database = fresh("balanced");
    let elsewhere = Cluster::start(ClusterOptions::new()).expect("a second cluster");
    let keeper = keeper(&database).await;
    let other = Keeper::open(&options(&elsewhere.uri("postgres")), "wire9/test/keeper")
        .await
        .expect("another keeper");
    let mut reader = connect(&elsewhere.uri("postgres")).await;
    // A name that the other cluster does not know, and one that it happens to know too.
    let mut same_name = keeper.snapshot().clone();
    same_name.name.clone_from(&other.snapshot().name);
    let mut unknown = keeper.snapshot().clone();
    "00000077-00000077-1".clone_into(&mut unknown.name);
    for snapshot in [same_name, unknown] {
        let error = begin_read(&mut reader, &snapshot, &settings(Scan::Free))
            .await
            .expect_err("another server");
        assert!(matches!(error, Error::DifferentServer { .. }), "{error}");
        assert!(error.to_string().contains("load-balanced"), "{error}");
        assert_eq!(reader.transaction_status(), TransactionStatus::Idle);
    }
}

#[tokio::test]
async fn a_snapshot_whose_keeper_is_gone_is_lost() {
    let database = fresh("lost");
    let keeper = keeper(&database).await;
    let snapshot = keeper.snapshot().clone();
    keeper.close().await;
    let mut reader = connect(&database.uri()).await;
    let error = begin_read(&mut reader, &snapshot, &settings(Scan::Free))
        .await
        .expect_err("no snapshot");
    assert!(matches!(error, Error::SnapshotLost { .. }), "{error}");
    assert_eq!(reader.transaction_status(), TransactionStatus::Idle);
}

#[tokio::test]
async fn the_death_of_the_keeper_is_noticed_within_seconds() {
    let database = fresh("keeper");
    let guard = keeper(&database).await.guard();
    assert!(
        timeout(Duration::from_millis(300), guard.lost())
            .await
            .is_err(),
        "lost while it lives"
    );
    assert!(!guard.is_lost());
    database
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE application_name = 'wire9/test/keeper' AND datname = current_database()",
        )
        .expect("terminate");
    let lost = timeout(Duration::from_secs(5), guard.lost())
        .await
        .expect("noticed in time");
    assert!(matches!(lost, Error::SnapshotLost { .. }), "{lost}");
    assert!(guard.is_lost());
}

#[tokio::test]
async fn a_link_that_falls_silent_is_noticed_within_seconds() {
    let database = fresh("silent");
    let proxy = FaultProxy::start(&database.uri()).expect("a proxy");
    let silence = Action::HalfOpen(Duration::from_secs(60));
    proxy
        .faults()
        .add(Fault::new(Trigger::query("SELECT 1"), silence));
    let guard = Keeper::open(&options(proxy.uri()), "wire9/test/keeper")
        .await
        .expect("a keeper")
        .guard();
    let lost = timeout(Duration::from_secs(20), guard.lost())
        .await
        .expect("noticed in time");
    assert!(matches!(lost, Error::SnapshotLost { .. }), "{lost}");
    proxy.faults().assert_used();
}

#[tokio::test]
async fn a_standby_is_read_under_one_snapshot_and_has_not_moved_while_it_replays_nothing() {
    let primary = Cluster::start(
        ClusterOptions::new()
            .replicating()
            .setting("autovacuum", "off"),
    )
    .expect("a primary");
    primary
        .execute("CREATE TABLE t AS SELECT generate_series(1, 3) AS id")
        .expect("a table");
    let standby = primary.standby().expect("a standby");
    let uri = standby.uri("postgres");
    let mut connection = connect(&uri).await;
    caught_up(&mut connection).await;
    let before = Activity::capture(&mut connection).await.expect("counters");
    let mut keeper = Keeper::open(&options(&uri), "wire9/test/keeper")
        .await
        .expect("a keeper");
    assert!(keeper.snapshot().identity.in_recovery);
    let table = TableName::new("public", "t");
    let oid = value(&mut connection, "SELECT 'public.t'::regclass::oid").await;
    let oid = oid.parse().expect("an oid");
    keeper.lock(&table, oid).await.expect("locked");
    let moved = source_moved(&mut connection, keeper.snapshot(), &before).await;
    assert_eq!(moved.expect("an answer"), Moved::No);
    primary.execute("INSERT INTO t VALUES (4)").expect("a row");
    four_rows(&mut connection).await;
    let mut reader = connect(&uri).await;
    reads(&mut reader, keeper.snapshot(), Scan::Ctid).await;
    assert_eq!(
        value(&mut reader, "SELECT count(*) FROM public.t").await,
        "3"
    );
    let moved = source_moved(&mut connection, keeper.snapshot(), &before).await;
    assert!(matches!(moved.expect("an answer"), Moved::Unknown { .. }));
    let mut at_primary = connect(&primary.uri("postgres")).await;
    let error = begin_read(&mut at_primary, keeper.snapshot(), &settings(Scan::Free)).await;
    let error = error.expect_err("the primary is another server");
    assert!(matches!(error, Error::DifferentServer { .. }), "{error}");
}

#[tokio::test]
async fn a_guarded_snapshot_outlives_pings_and_ends_with_its_guard() {
    let database = fresh("guard");
    let guard = keeper(&database).await.guard();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let mut reader = connect(&database.uri()).await;
    reads(&mut reader, guard.snapshot(), Scan::Free).await;
    assert!(!guard.is_lost());
    guard.close().await;
    let sessions = "SELECT count(*) FROM pg_stat_activity \
                    WHERE application_name = 'wire9/test/keeper' AND datname = current_database() \
                    AND xact_start IS NOT NULL";
    assert_eq!(database.query_value::<u32>(sessions).expect("sessions"), 0);
}

#[tokio::test]
async fn a_table_that_was_rewritten_truncated_or_replaced_since_the_snapshot_is_refused() {
    let database = fresh("rewritten");
    let changes = [
        ("vacuumed", "VACUUM FULL vacuumed", "was rewritten"),
        ("truncated", "TRUNCATE truncated", "was rewritten"),
        (
            "altered",
            "ALTER TABLE altered ALTER id TYPE bigint",
            "was rewritten",
        ),
        (
            "replaced",
            "ALTER TABLE replaced RENAME TO away; CREATE TABLE replaced (id int)",
            "was replaced",
        ),
        ("dropped", "DROP TABLE dropped", "was dropped"),
    ];
    for (table, _, _) in changes {
        database
            .execute(&format!("CREATE TABLE {table} AS SELECT 1 AS id"))
            .expect("a table");
    }
    database
        .execute("CREATE TABLE still AS SELECT 1 AS id")
        .expect("a table");
    let oids: Vec<u32> = changes.iter().map(|c| oid(&database, c.0)).collect();
    let still = oid(&database, "still");
    let mut keeper = keeper(&database).await;
    for (_, change, _) in changes {
        database.execute(change).expect(change);
    }
    let mut reader = connect(&database.uri()).await;
    reads(&mut reader, keeper.snapshot(), Scan::Free).await;
    for ((table, _, expected), oid) in changes.into_iter().zip(oids) {
        let table = TableName::new("public", table);
        let by_keeper = keeper.lock(&table, oid).await.expect_err("changed");
        let by_reader = lock_and_check(&mut reader, &table, oid)
            .await
            .expect_err("changed");
        for error in [by_keeper, by_reader] {
            assert!(matches!(error, Error::TableChanged { .. }), "{error}");
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
    let table = TableName::new("public", "still");
    keeper.lock(&table, still).await.expect("unchanged");
    lock_and_check(&mut reader, &table, still)
        .await
        .expect("unchanged");
    still_shared(&database, &keeper).await;
}

#[tokio::test]
async fn rows_that_a_policy_would_hide_are_an_error() {
    let database = fresh("policy");
    let role = role(&database, "");
    database
        .execute(&format!(
            "CREATE TABLE t AS SELECT 1 AS id; ALTER TABLE t ENABLE ROW LEVEL SECURITY; \
             GRANT SELECT ON t TO {role}; CREATE POLICY p ON t USING (id > 1)"
        ))
        .expect("a policy");
    let uri = as_role(&database, &role);
    let keeper = Keeper::open(&options(&uri), "wire9/test/keeper")
        .await
        .expect("a keeper");
    let mut reader = connect(&uri).await;
    reads(&mut reader, keeper.snapshot(), Scan::Free).await;
    let error = reader.query("SELECT * FROM public.t").await;
    assert_eq!(
        error
            .err()
            .and_then(|e| e.code().map(str::to_owned))
            .as_deref(),
        Some("42501")
    );
    keeper.close().await;
    reader.close().await;
    drop_role(&database, &role);
}

// ---- settings of the target ----

/// Prepares a connection through a proxy on which the setting of the time zone meets this error so often.
async fn prepared_with(code: &str, times: u64) -> (Result<(), Error>, WriteSettings) {
    let database = fresh("prepared");
    let proxy = FaultProxy::start(&database.uri()).expect("a proxy");
    let error = Action::Error {
        sqlstate: code.to_owned(),
        message: "not now".to_owned(),
        deaf: Duration::ZERO,
    };
    let fault = Fault::new(Trigger::query("TimeZone"), error);
    proxy.faults().add(fault.times(times));
    let mut settings = WriteSettings::new("wire9/test", &Profile::postgresql());
    let mut connection = connect(proxy.uri()).await;
    let prepared = prepare_write(&mut connection, &mut settings).await;
    (prepared.map(drop), settings)
}

#[tokio::test]
async fn an_error_that_passes_costs_no_setting() {
    for code in ["40001", "53200", "55P03", "57014", "XX000"] {
        let (prepared, settings) = prepared_with(code, 3).await;
        prepared.expect("it passes");
        assert_eq!(settings.refused(), [], "{code}");
    }
}

#[tokio::test]
async fn an_error_that_stays_and_says_nothing_of_the_setting_is_an_error() {
    let (prepared, settings) = prepared_with("53200", 6).await;
    assert_eq!(prepared.expect_err("it stays").code(), Some("53200"));
    assert_eq!(settings.refused(), []);
}

#[tokio::test]
async fn a_refusal_of_the_setting_itself_is_one_at_once() {
    for (code, times) in [("42704", 2), ("55P02", 2), ("XX000", 6)] {
        let (prepared, settings) = prepared_with(code, times).await;
        prepared.expect("the rest is set");
        let names: Vec<&str> = settings.refused().iter().map(|r| r.name.as_str()).collect();
        assert_eq!(names, ["TimeZone"], "{code}");
    }
}

// ---- conditions ----

#[tokio::test]
async fn conditions_that_differ_between_transactions_are_refused_by_name() {
    let database = fresh("conditions");
    database
        .execute(
            "CREATE TABLE t (id int, at timestamptz, state text, d date); \
             CREATE FUNCTION dice() RETURNS int LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN 4; END'; \
             CREATE FUNCTION double(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 * 2'",
        )
        .expect("a table");
    let mut keeper = keeper(&database).await;
    let table = TableName::new("public", "t");
    for (condition, named) in [
        ("random() < 0.5", "random"),
        ("id = public.dice()", "public.dice"),
        ("id = 1 OR id = nextval('x')", ""),
        ("at > now() - interval '1 day'", "now()"),
        ("at > CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP"),
        ("d = 'today'", "'today'"),
        ("id = 1) OR (true", "parenthesis"),
        ("id = 1; COMMIT", "semicolon"),
    ] {
        let error = check_condition(keeper.connection(), &table, condition)
            .await
            .expect_err(condition);
        assert!(error.to_string().contains(named), "{condition}: {error}");
    }
    for (condition, code) in [
        ("id = = 1", "42601"),
        ("nope = 1", "42703"),
        ("id", "42804"),
    ] {
        let error = check_condition(keeper.connection(), &table, condition)
            .await
            .expect_err(condition);
        assert_eq!(error.code(), Some(code), "{condition}");
    }
    for condition in [
        "id % 2 = 0 AND state <> 'today' -- half",
        "public.double(id) > 4",
        "at >= '2026-01-01' AND state LIKE '%random()%'",
        "id IN (SELECT max(id) FROM public.t)",
        "false",
    ] {
        check_condition(keeper.connection(), &table, condition)
            .await
            .unwrap_or_else(|error| panic!("{condition}: {error}"));
    }
    still_shared(&database, &keeper).await;
}

// ---- whether the source has moved ----

#[tokio::test]
async fn tables_written_or_truncated_since_the_snapshot_are_named() {
    let database = fresh("moved");
    database
        .execute(
            "CREATE TABLE written AS SELECT 1 AS id; CREATE TABLE truncated AS SELECT 1 AS id; \
             CREATE TABLE still AS SELECT 1 AS id",
        )
        .expect("tables");
    counted(&database, 3).await;
    let mut connection = connect(&database.uri()).await;
    let before = Activity::capture(&mut connection).await.expect("counters");
    let keeper = keeper(&database).await;
    database
        .execute("UPDATE written SET id = 2; TRUNCATE truncated; CREATE TABLE born (id int)")
        .expect("writes");
    let moved = source_moved(&mut connection, keeper.snapshot(), &before)
        .await
        .expect("an answer");
    let Moved::Yes { tables } = moved else {
        panic!("{moved:?}");
    };
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["born", "truncated", "written"]);
}

#[tokio::test]
async fn a_still_server_has_not_moved_and_a_write_in_another_database_leaves_it_open() {
    let cluster =
        Cluster::start(ClusterOptions::new().setting("autovacuum", "off")).expect("a cluster");
    let database = cluster.database("still").expect("a database");
    let other = cluster.database("other").expect("a database");
    database
        .execute("CREATE TABLE t AS SELECT 1 AS id")
        .expect("a table");
    counted(&database, 1).await;
    let mut connection = connect(&database.uri()).await;
    let before = Activity::capture(&mut connection).await.expect("counters");
    let keeper = keeper(&database).await;
    let moved = source_moved(&mut connection, keeper.snapshot(), &before).await;
    assert_eq!(moved.expect("an answer"), Moved::No);
    other.execute("CREATE TABLE t (id int)").expect("a write");
    let moved = source_moved(&mut connection, keeper.snapshot(), &before).await;
    assert!(matches!(moved.expect("an answer"), Moved::Unknown { .. }));
}

// ---- target transactions ----

#[tokio::test]
async fn a_target_transaction_has_its_settings_whether_sent_together_or_one_by_one() {
    let database = fresh("target");
    for multi_statement in [true, false] {
        let mut profile = Profile::postgresql();
        profile.multi_statement = Some(Fact::probed(multi_statement));
        profile.idle_in_transaction_timeout_ms = Some(Fact::probed(60_000));
        let mut settings = WriteSettings::new("wire9/test/1", &profile);
        settings
            .search_path("public, \"My Schema\"")
            .expect("names");
        let mut connection = connect(&database.uri()).await;
        let refused = prepare_write(&mut connection, &mut settings).await;
        assert_eq!(refused.expect("prepared"), []);
        assert_eq!(connection.transaction_status(), TransactionStatus::Idle);
        begin_write(&mut connection, &settings)
            .await
            .expect("begun");
        for (setting, expected) in [
            ("transaction_isolation", "read committed"),
            ("idle_in_transaction_session_timeout", "1min"),
            ("lock_timeout", "30s"),
            ("search_path", "public, \"My Schema\""),
            ("application_name", "wire9/test/1"),
            ("TimeZone", "UTC"),
        ] {
            let shown = value(&mut connection, &format!("SHOW {setting}")).await;
            assert_eq!(shown, expected, "{setting}");
        }
        rollback(&mut connection).await.expect("rollback");
        assert_ne!(value(&mut connection, "SHOW lock_timeout").await, "30s");
    }
}

#[tokio::test]
async fn a_zombie_on_a_server_without_a_limit_gets_two_minutes() {
    let database = fresh("zombie");
    let mut profile = Profile::postgresql();
    profile.idle_in_transaction_timeout_ms = Some(Fact::probed(0));
    let mut settings = WriteSettings::new("wire9/test/1", &profile);
    let mut connection = connect(&database.uri()).await;
    let refused = prepare_write(&mut connection, &mut settings).await;
    assert_eq!(refused.expect("prepared"), []);
    begin_write(&mut connection, &settings)
        .await
        .expect("begun");
    let shown = value(&mut connection, "SHOW idle_in_transaction_session_timeout").await;
    assert_eq!(shown, "2min");
    assert_eq!(value(&mut connection, "SHOW search_path").await, "\"\"");
}

// ---- what the tests need ----

/// Makes every timestamp column that is created one of milliseconds, as a DB9 does in silence.
const MILLISECONDS: &str = "
    CREATE FUNCTION milliseconds() RETURNS event_trigger LANGUAGE plpgsql AS $$
    DECLARE c record;
    BEGIN
      FOR c IN
        SELECT a.attrelid::regclass AS t, a.attname, a.atttypid::regtype AS ty
        FROM pg_event_trigger_ddl_commands() d JOIN pg_attribute a ON a.attrelid = d.objid
        WHERE d.object_type = 'table' AND a.atttypmod = -1
          AND a.atttypid IN ('timestamp'::regtype, 'timestamptz'::regtype)
      LOOP
        EXECUTE format('ALTER TABLE %s ALTER %I TYPE %s', c.t, c.attname,
          CASE c.ty WHEN 'timestamp'::regtype THEN 'timestamp(3)' ELSE 'timestamptz(3)' END);
      END LOOP;
    END $$;
    CREATE EVENT TRIGGER milliseconds ON ddl_command_end WHEN TAG IN ('CREATE TABLE')
      EXECUTE FUNCTION milliseconds()";

/// Refuses columns of two types.
const NO_INET_NO_XML: &str = "
    CREATE FUNCTION no_inet_no_xml() RETURNS event_trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM 1 FROM pg_event_trigger_ddl_commands() d JOIN pg_attribute a ON a.attrelid = d.objid
        WHERE a.atttypid IN ('inet'::regtype, 'xml'::regtype);
      IF FOUND THEN RAISE EXCEPTION 'no such type' USING ERRCODE = '0A000'; END IF;
    END $$;
    CREATE EVENT TRIGGER no_inet_no_xml ON ddl_command_end WHEN TAG IN ('CREATE TABLE')
      EXECUTE FUNCTION no_inet_no_xml()";

fn fresh(hint: &str) -> Database {
    Cluster::shared().database(hint).expect("a database")
}

fn options(uri: &str) -> ConnectOptions {
    ConnectOptions::parse(uri, Endpoint::Postgres, &Environment::default()).expect("a URI")
}

async fn connect(uri: &str) -> Connection {
    Connection::connect(&options(uri)).await.expect("connects")
}

async fn probed(uri: &str) -> Probed {
    let settings = ProbeSettings {
        reconnect: Some(options(uri)),
        copy_bytes: 1 << 20,
    };
    let mut connection = connect(uri).await;
    probe(&mut connection, &settings).await.expect("probed")
}

async fn keeper(database: &Database) -> Keeper {
    Keeper::open(&options(&database.uri()), "wire9/test/keeper")
        .await
        .expect("a keeper")
}

fn settings(scan: Scan) -> ReadSettings {
    ReadSettings {
        application_name: "wire9/test/1".to_owned(),
        scan,
    }
}

/// Asserts that the keeper's transaction lives: another one can take its snapshot.
async fn still_shared(database: &Database, keeper: &Keeper) {
    let mut other = connect(&database.uri()).await;
    reads(&mut other, keeper.snapshot(), Scan::Free).await;
}

async fn reads(reader: &mut Connection, snapshot: &Snapshot, scan: Scan) {
    begin_read(reader, snapshot, &settings(scan))
        .await
        .expect("begins");
}

async fn value(connection: &mut Connection, sql: &str) -> String {
    let reply = connection.query(sql).await.expect(sql);
    reply.value(0).expect("a value").to_owned()
}

/// Waits until the server has counted the rows that a session has written before it ended.
async fn counted(database: &Database, rows: u64) {
    let counted = "SELECT coalesce(sum(n_tup_ins), 0) FROM pg_stat_user_tables";
    for _ in 0..100 {
        if database.query_value::<u64>(counted).expect("a sum") == rows {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the server does not count");
}

/// Waits until a standby has replayed nothing more for a moment.
async fn caught_up(standby: &mut Connection) {
    let replayed = "SELECT pg_last_wal_replay_lsn()::text";
    let mut last = value(standby, replayed).await;
    for _ in 0..60 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = value(standby, replayed).await;
        if now == last {
            return;
        }
        last = now;
    }
    panic!("the standby goes on replaying");
}

/// Waits until a row that the primary has written is there.
async fn four_rows(standby: &mut Connection) {
    for _ in 0..100 {
        if value(standby, "SELECT count(*) FROM public.t").await == "4" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the standby does not replay");
}

fn oid(database: &Database, table: &str) -> u32 {
    database
        .query_value(&format!("SELECT '{table}'::regclass::oid"))
        .expect("an oid")
}

fn scratch_schemas(database: &Database) -> Vec<String> {
    database
        .query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'wire9%' ORDER BY 1")
        .expect("schemas")
        .into_iter()
        .map(|row| row[0].clone().expect("a name"))
        .collect()
}

/// A role of the database's own: roles are of the whole cluster.
fn role(database: &Database, attributes: &str) -> String {
    let role = format!("role_{}", database.name());
    database
        .execute(&format!("CREATE ROLE {role} LOGIN {attributes}"))
        .expect("a role");
    role
}

fn drop_role(database: &Database, role: &str) {
    database
        .execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"))
        .expect("the role is dropped");
}

fn as_role(database: &Database, role: &str) -> String {
    database.uri().replace("//postgres", &format!("//{role}"))
}
