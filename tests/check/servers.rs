//! The source itself: standbys, poolers, slots, room for connections.

use testenv::standin::{Limits, TimeoutChange};
use testenv::{Cluster, ClusterOptions, PgBouncer, Standin, StandinOptions};

use super::harness::Wire9;
use super::{check, expected, found, json, source};

const TABLE: &str =
    "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 10)";

#[test]
fn a_standby_and_its_primarys_slots_are_said() {
    let options = ClusterOptions::new()
        .replicating()
        .setting("max_replication_slots", "5");
    let primary = Cluster::start(options).expect("a primary");
    let database = primary.database("source").expect("the source is made");
    database.execute(TABLE).expect("it is filled");
    database
        .query("SELECT pg_create_physical_replication_slot('mine')")
        .expect("the slot is made");
    let run = check(&database)
        .args(&["--format", "json"])
        .run()
        .ends_with(8);
    assert_eq!(
        found(&json(&run), "replication-slot"),
        expected(&[("replication-slot", "replication slot mine", 1)])
    );
    database
        .query("SELECT pg_drop_replication_slot('mine')")
        .expect("it is dropped");
    let standby = primary.standby().expect("a standby");
    let uri = standby.uri(database.name());
    let run = Wire9::bare()
        .args(&["check", "--deep", "--postgres", &uri])
        .run();
    run.ends_with(0)
        .says("source-standby: the source is a standby");
}

#[test]
fn a_pooler_by_the_transaction_works_and_is_said() {
    let source = source(TABLE);
    let bouncer = PgBouncer::start(&source, "transaction").expect("a PgBouncer");
    let uri = bouncer.uri();
    let run = Wire9::bare()
        .args(&["check", "--deep", "--postgres", &uri])
        .run();
    run.ends_with(0)
        .says("source-pooler: a pooler in transaction mode");
}

#[test]
fn a_pooler_by_the_statement_is_refused_with_its_reason() {
    let source = source(TABLE);
    let bouncer = PgBouncer::start(&source, "statement").expect("a PgBouncer");
    let run = Wire9::bare()
        .args(&["check", "--postgres", &bouncer.uri()])
        .run();
    run.ends_with(4)
        .says("a pooler before it takes no transactions");
}

#[test]
fn too_few_connections_for_the_lanes_are_said() {
    let cluster = Cluster::start(ClusterOptions::new().setting("max_connections", "20"));
    let cluster = cluster.expect("a cluster");
    let source = cluster.database("source").expect("the source is made");
    source.execute(TABLE).expect("it is filled");
    let few = check(&source).args(&["--jobs", "32"]).run().ends_with(0);
    few.says("source-connections: ")
        .says("32 lanes need up to 38");
    check(&source)
        .args(&["--jobs", "4"])
        .run()
        .never_says("source-connections");
}

#[test]
fn a_source_that_exports_no_snapshot_is_a_blocker() {
    let cluster = Cluster::start(ClusterOptions::new()).expect("a cluster");
    let source = cluster.database("source").expect("the source is made");
    source
        .execute(&format!(
            "{TABLE}; CREATE ROLE clerk LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO clerk; \
             REVOKE EXECUTE ON FUNCTION pg_catalog.pg_export_snapshot() FROM PUBLIC"
        ))
        .expect("it is filled");
    let uri = source.uri().replace("postgres@", "clerk@");
    let run = Wire9::bare()
        .args(&["check", "--postgres", &uri, "--deep"])
        .run();
    run.ends_with(9)
        .says("no-snapshot-export: no snapshot can be exported")
        .says("the data: the source exports no snapshot to read it under");
}

/// A target of these limits, with nothing in it.
fn target(limits: Limits) -> Standin {
    let options = StandinOptions {
        limits,
        ..StandinOptions::default()
    };
    Standin::start(options).expect("a stand-in")
}

#[test]
fn a_target_that_can_not_be_reached_is_named() {
    let source = source(TABLE);
    let run = check(&source)
        .args(&["--db9", "postgresql://t.admin:s3cret@127.0.0.1:1/postgres"])
        .run();
    run.ends_with(3)
        .says("the target")
        .says("remedy: ")
        .never_says("s3cret");
}

#[test]
fn a_target_whose_user_may_create_nothing_is_a_blocker() {
    let source = source(TABLE);
    let standin = target(Limits::default());
    let database = standin.database();
    let name = database.name();
    database
        .execute(&format!(
            "ALTER DATABASE \"{name}\" OWNER TO postgres; REVOKE CREATE ON DATABASE \"{name}\" FROM PUBLIC"
        ))
        .expect("altered");
    let uri = standin.uri();
    check(&source)
        .args(&["--db9", &uri])
        .run()
        .ends_with(9)
        .says("target-may-not-create: the target's user may not create schemas");
    // A migration does not begin either.
    let run = Wire9::between("migrate", &source.uri(), &uri).run();
    run.ends_with(9).says("nothing was written");
}

#[test]
fn a_target_with_too_little_room_or_a_timeout_that_stays_is_said() {
    let source = source(TABLE);
    let cluster = Cluster::start(ClusterOptions::new().setting("max_connections", "20"));
    let options = StandinOptions {
        cluster: Some(cluster.expect("a cluster")),
        ..StandinOptions::default()
    };
    let standin = Standin::start(options).expect("a stand-in");
    check(&source)
        .args(&["--db9", &standin.uri(), "--jobs", "32"])
        .run()
        .ends_with(0)
        .says("target-connections: few connections are free in the target");
    let standin = target(Limits {
        timeout_change: TimeoutChange::Refused,
        ..Limits::default()
    });
    check(&source)
        .args(&["--db9", &standin.uri()])
        .run()
        .ends_with(8)
        .says("target-statement-timeout: the target's statement timeout can not be lifted");
}
