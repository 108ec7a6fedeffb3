//! The state of source and target.

use testenv::{Cluster, ClusterOptions, Database, PgBouncer, Standin, StandinOptions};
use wire9::catalog::database::ServerState;
use wire9::endpoint::introspect;
use wire9::wire::{ConnectOptions, Connection, Endpoint, Environment};

use super::{app, connect};

async fn connect_to(uri: &str) -> Connection {
    let environment = Environment::default();
    let options = ConnectOptions::parse(uri, Endpoint::Postgres, &environment);
    let connection = Connection::connect(&options.expect("a URI of testenv")).await;
    connection.expect("the server answers")
}

async fn state(database: &Database) -> ServerState {
    let mut connection = connect(database).await;
    introspect::server_state(&mut connection)
        .await
        .expect("told")
}

fn replicating() -> Cluster {
    let options = ClusterOptions::new()
        .replicating()
        .setting("wal_level", "logical")
        .setting("max_prepared_transactions", "5")
        .setting("max_connections", "50");
    Cluster::start(options).expect("a cluster")
}

#[tokio::test]
async fn what_goes_on_at_the_source_is_counted() {
    let cluster = replicating();
    let database = cluster.database("busy").expect("a database");
    let slot = "SELECT pg_create_logical_replication_slot('idle', 'pgoutput')";
    for sql in [slot, "CREATE TABLE t (a int)"] {
        database.execute(sql).expect("filled");
    }
    let quiet = state(&database).await;
    assert_eq!(quiet.not_read, Vec::<String>::new());
    assert!(!quiet.in_recovery);
    assert_eq!(
        (quiet.session_holds, quiet.exports_snapshots),
        (Some(true), Some(true))
    );
    assert_eq!(quiet.connections_allowed, Some(47));
    assert_eq!((quiet.advisory_locks, quiet.listeners), (Some(0), Some(0)));
    assert_eq!(
        (quiet.prepared_transactions, quiet.long_transactions),
        (Some(0), Some(0))
    );
    assert_eq!(quiet.longest_transaction_seconds, None);
    assert!(quiet.xid_age.is_some_and(|age| age < 1_000_000));

    let mut locker = connect(&database).await;
    locker
        .query("SELECT pg_advisory_lock(1), pg_advisory_lock(2)")
        .await
        .expect("locked");
    let mut listener = connect(&database).await;
    listener.query("LISTEN news").await.expect("listens");
    database
        .execute("BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'p'")
        .expect("prepared");
    let busy = state(&database).await;
    assert_eq!((busy.advisory_locks, busy.listeners), (Some(2), Some(1)));
    assert_eq!(busy.prepared_transactions, Some(1));
    assert_eq!(busy.connections_used, quiet.connections_used.map(|n| n + 2));
    let slots = busy.replication_slots.expect("told");
    assert_eq!((slots[0].name.as_str(), slots[0].active), ("idle", false));
    assert!(slots[0].held_bytes > 0);
    for sql in [
        "ROLLBACK PREPARED 'p'",
        "SELECT pg_drop_replication_slot('idle')",
    ] {
        database.execute(sql).expect("gone");
    }
    let none = state(&database).await.replication_slots.expect("told");
    assert!(none.is_empty(), "none is told as well");
}

#[tokio::test]
async fn limits_timeouts_and_row_security_are_those_of_the_role() {
    let database = Cluster::shared().database("limits").expect("a database");
    let name = database.name().to_owned();
    database
        .execute(&format!(
            "CREATE SCHEMA app; CREATE TABLE app.secret (a int); \
             ALTER TABLE app.secret ENABLE ROW LEVEL SECURITY; GRANT USAGE ON SCHEMA app TO PUBLIC; \
             CREATE ROLE limited LOGIN CONNECTION LIMIT 7; \
             ALTER ROLE limited SET statement_timeout = '5s'; \
             ALTER DATABASE {name} CONNECTION LIMIT 9"
        ))
        .expect("filled");
    let owner = state(&database).await;
    assert_eq!(owner.connection_limit, None, "a superuser has none");
    assert!(owner.hidden_by_row_security.is_empty());
    let uri = database.socket_uri().replacen("postgres@", "limited@", 1);
    let mut connection = connect_to(&uri).await;
    let mut other = connect(&database).await;
    other.query("BEGIN").await.expect("begun");
    let limited = introspect::server_state(&mut connection)
        .await
        .expect("told");
    assert_eq!(limited.connection_limit, Some(7));
    assert_eq!(limited.hidden_by_row_security, [app("secret")]);
    assert!(
        limited
            .timeouts_ms
            .contains(&("statement_timeout".to_owned(), 5_000))
    );
    // Sessions of others do not show what they do.
    assert_eq!((limited.listeners, limited.long_transactions), (None, None));
    let [note] = limited.not_read.as_slice() else {
        panic!("{:?}", limited.not_read);
    };
    assert!(note.contains("pg_read_all_stats"), "{note}");
}

#[tokio::test]
async fn a_replica_says_so() {
    let cluster = replicating();
    let standby = cluster.standby().expect("a standby");
    let mut connection = connect_to(&standby.socket_uri("postgres")).await;
    let state = introspect::server_state(&mut connection)
        .await
        .expect("told");
    assert!(state.in_recovery);
    assert_eq!(state.not_read, Vec::<String>::new());
    assert!(state.replication_slots.is_some());
}

#[tokio::test]
async fn a_pooler_between_is_seen_and_its_mode_from_two_connections() {
    let database = Cluster::shared().database("pooled").expect("a database");
    for (mode, holds) in [("transaction", false), ("session", true)] {
        let bouncer = PgBouncer::start(&database, mode).expect("a PgBouncer");
        let mut first = connect_to(&bouncer.uri()).await;
        let state = introspect::server_state(&mut first).await.expect("told");
        assert_eq!(state.session_holds, None, "{mode}");
        assert!(
            state.not_read.iter().any(|n| n.contains("pooler")),
            "{:?}",
            state.not_read
        );
        let mut second = connect_to(&bouncer.uri()).await;
        let told = introspect::session_holds(&mut first, &mut second)
            .await
            .expect("told");
        assert_eq!(told, Some(holds), "{mode}");
    }
}

#[tokio::test]
async fn a_db9_tells_its_tables_and_what_it_does_not_tell_stays_open() {
    let standin = Standin::start(StandinOptions::default()).expect("a stand-in");
    let options = ConnectOptions::parse(&standin.uri(), Endpoint::Db9, &Environment::default())
        .expect("a URI");
    let mut connection = Connection::connect(&options).await.expect("connects");
    let empty = introspect::target_state(&mut connection)
        .await
        .expect("told");
    assert_eq!((empty.tables, empty.may_create), (0, Some(true)));
    assert!(empty.connections_free.is_some());
    let create = "CREATE SCHEMA wire9; CREATE TABLE wire9.run (a int); CREATE TABLE t (a int)";
    standin.database().execute(create).expect("filled");
    let filled = introspect::target_state(&mut connection)
        .await
        .expect("told");
    assert_eq!(filled.tables, 1);
}
