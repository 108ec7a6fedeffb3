//! Every major version of PostgreSQL that is supported, as a source. `testenv/install 13 14 15 16 17 18`
//! brings those that are missing; without it these tests fail.

use testenv::sample::Everything;
use testenv::{Cluster, ClusterOptions, StandinOptions};

use crate::harness::{Pair, Sample, thirteen};

/// Copies every type, escape and kind of table out of a cluster of its own.
#[track_caller]
fn arrives_equal_from(major: u32) {
    let started = Cluster::start(ClusterOptions::new().major(major));
    arrives_equal(
        &started.expect("this version is installed and starts"),
        major,
    );
}

#[track_caller]
fn arrives_equal(cluster: &Cluster, major: u32) {
    assert_eq!(cluster.version(), major);
    let sample = Sample::Everything(Everything::QUICK);
    let pair = Pair::on(cluster, StandinOptions::default(), sample);
    let server = format!("PostgreSQL {major}");
    pair.copy().run().ends_with(0).says(&server);
    pair.assert_equal(3);
}

#[test]
fn everything_arrives_equal_from_postgresql_13() {
    arrives_equal(thirteen(), 13);
}

#[test]
fn everything_arrives_equal_from_postgresql_14() {
    arrives_equal_from(14);
}

#[test]
fn everything_arrives_equal_from_postgresql_15() {
    arrives_equal_from(15);
}

#[test]
fn everything_arrives_equal_from_postgresql_16() {
    arrives_equal_from(16);
}

#[test]
fn everything_arrives_equal_from_postgresql_17() {
    arrives_equal_from(17);
}

#[test]
fn everything_arrives_equal_from_postgresql_18() {
    arrives_equal_from(18);
}
