//! PostgreSQL 13 to 18 as the source; an older or newer one is refused with its version.

use std::collections::BTreeSet;

use testenv::installation::Installation;
use testenv::standin::Limits;
use testenv::{Cluster, ClusterOptions, Database};

use crate::disguise::disguised;
use crate::harness::Wire9;
use crate::scene::{by_id, command, findings, standin};

const SMALL: &str = "
    CREATE TYPE mood AS ENUM ('bad', 'good');
    CREATE TABLE parent (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text UNIQUE, mood mood DEFAULT 'good', at timestamptz DEFAULT now(), net inet);
    CREATE TABLE child (id bigserial PRIMARY KEY, parent integer REFERENCES parent, small smallint, twice bigint GENERATED ALWAYS AS (id * 2) STORED, tags text[]);
    CREATE TABLE log (at date NOT NULL, line text) PARTITION BY RANGE (at);
    CREATE TABLE log_old PARTITION OF log FOR VALUES FROM (MINVALUE) TO ('2024-01-01');
    CREATE TABLE log_new PARTITION OF log DEFAULT;
    CREATE INDEX log_at ON log (at);
    CREATE INDEX child_parent ON child (parent) WHERE small IS NOT NULL;
    CREATE VIEW pairs AS SELECT p.name, c.small FROM parent p JOIN child c ON c.parent = p.id;
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.small := 1; RETURN NEW; END';
    CREATE TRIGGER touch BEFORE INSERT ON child FOR EACH ROW EXECUTE FUNCTION touch();
    INSERT INTO parent (name, net) SELECT 'p' || i, ('10.0.0.' || i)::inet FROM generate_series(1, 20) i;
    INSERT INTO child (parent, tags) SELECT i, ARRAY['t', NULL] FROM generate_series(1, 20) i;
    INSERT INTO log SELECT date '2023-12-01' + i, 'l' FROM generate_series(1, 60) i";

fn cluster(major: u32) -> Cluster {
    let started = Cluster::start(ClusterOptions::new().major(major));
    started.expect("this version is installed and starts")
}

fn database(cluster: &Cluster, statements: &str) -> Database {
    let source = cluster.database("source").expect("a database");
    source.execute(statements).expect("the source is filled");
    source
}

#[track_caller]
fn arrives_from(major: u32) {
    let cluster = cluster(major);
    assert_eq!(cluster.version(), major);
    let source = database(&cluster, SMALL);
    let target = standin(Limits::default());
    let found = findings(&source, Some(&target));
    let ids: BTreeSet<&str> = by_id(&found).into_keys().collect();
    let expected = [
        "partitioned-table",
        "smallint-column",
        "timestamp-digits",
        "type-as-text",
    ];
    assert_eq!(ids, BTreeSet::from(expected), "{found:#?}");
    let run = command("migrate", &source, Some(&target))
        .run()
        .ends_with(0);
    run.says(&format!("PostgreSQL {major}"));
    testenv::equality::assert_equal(&source.uri(), &target.admin_uri(), 3);
    let next = "INSERT INTO parent (name) VALUES ('next') RETURNING id::text";
    let next: String = target.database().query_value(next).expect("it takes a row");
    assert_eq!(next, "21");
}

macro_rules! versions {
    ($($name:ident $major:literal)+) => {$(
        #[test]
        fn $name() {
            arrives_from($major);
        }
    )+};
}

versions! {
    a_postgresql_13_is_checked_and_migrated 13
    a_postgresql_14_is_checked_and_migrated 14
    a_postgresql_15_is_checked_and_migrated 15
    a_postgresql_16_is_checked_and_migrated 16
    a_postgresql_17_is_checked_and_migrated 17
    a_postgresql_18_is_checked_and_migrated 18
}

#[test]
fn every_version_that_is_supported_is_installed() {
    let majors: BTreeSet<u32> = Installation::all()
        .iter()
        .map(|found| found.major)
        .collect();
    assert_eq!(majors, (13..=18).collect());
}

#[test]
fn what_only_postgresql_18_has_is_found() {
    let cluster = cluster(18);
    let source = database(
        &cluster,
        "CREATE EXTENSION btree_gist;
         CREATE TABLE parent (id integer PRIMARY KEY, twice integer GENERATED ALWAYS AS (id * 2) VIRTUAL);
         CREATE TABLE child (id integer PRIMARY KEY, parent integer REFERENCES parent NOT ENFORCED);
         CREATE TABLE stay (room integer, during tstzrange, UNIQUE (room, during WITHOUT OVERLAPS));
         INSERT INTO parent VALUES (1), (2); INSERT INTO child VALUES (1, 7)",
    );
    let target = standin(Limits::default());
    let found = findings(&source, Some(&target));
    let counted = by_id(&found);
    for id in [
        "virtual-column",
        "foreign-key-not-enforced",
        "temporal-constraint",
    ] {
        assert_eq!(counted.get(id), Some(&1), "{id} in {found:#?}");
    }
    command("migrate", &source, Some(&target))
        .run()
        .ends_with(0);
    let sum = "SELECT sum(twice)::text FROM parent";
    let sum: String = target.database().query_value(sum).expect("a sum");
    assert_eq!(sum, "6");
}

/// The URI of a source in the clothes of another version.
fn disguised_uri(cluster: &Cluster, source: &Database, to: u32) -> String {
    let port = disguised(cluster.port(), cluster.version(), to);
    let old = format!(":{}/", cluster.port());
    source.uri().replace(&old, &format!(":{port}/"))
}

/// A source of one version that says it is of another one.
#[track_caller]
fn is_refused_unless_wanted(real: u32, claimed: u32) {
    let cluster = cluster(real);
    let source = database(&cluster, SMALL);
    let uri = disguised_uri(&cluster, &source, claimed);
    let target = standin(Limits::default());
    let version = format!("PostgreSQL {claimed}.");
    let commands: [&[&str]; 3] = [
        &["check"],
        &["schema"],
        &["migrate", "--db9", &target.uri()],
    ];
    for command in commands {
        let run = Wire9::bare().args(command).args(&["--postgres", &uri]);
        run.run()
            .ends_with(4)
            .says("the source is not a PostgreSQL 13 to 18")
            .says(&version)
            .says("--unsupported-source");
    }
    let target_uri = target.uri();
    let wanted = [
        "--postgres",
        &uri,
        "--db9",
        &target_uri,
        "--unsupported-source",
    ];
    let run = Wire9::bare().arg("check").args(&wanted).run();
    run.ends_with(8).says("unsupported-source").says(&version);
    let run = Wire9::bare().arg("migrate").args(&wanted).run();
    run.ends_with(0)
        .says("source that was never tested")
        .says(&version);
    testenv::equality::assert_equal(&source.uri(), &target.admin_uri(), 3);
}

#[test]
fn a_postgresql_12_is_refused_with_its_version_unless_it_is_wanted() {
    is_refused_unless_wanted(13, 12);
}

#[test]
fn a_postgresql_19_is_refused_with_its_version_unless_it_is_wanted() {
    is_refused_unless_wanted(18, 19);
}
