//! The source itself: standbys, poolers, slots, room for connections.

use testenv::{Cluster, ClusterOptions, PgBouncer};

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
