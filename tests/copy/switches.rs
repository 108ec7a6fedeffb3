//! DB9's documents leave much open: whatever is true, the copy is right.

use std::time::Duration;
use testenv::standin::{Limits, NarrowTypes, PasswordExchange, Serializable, TimeoutChange};

use testenv::{
    Action, Cluster, ClusterOptions, Fault, FaultProxy, Standin, StandinOptions, Trigger,
};

use crate::harness::{Pair, Sample, Wire9, targets};

const MIXED: Sample<'_> = Sample::Same {
    tables: "CREATE TABLE \"Quoted Name\" (id int PRIMARY KEY, at timestamptz, code char(5),
                                          few smallint, part real, list int[]);
             CREATE TABLE parent (id int PRIMARY KEY);
             CREATE TABLE child (id int PRIMARY KEY REFERENCES parent, at timestamp)",
    rows: "INSERT INTO \"Quoted Name\"
           SELECT i, timestamptz '2024-01-01 00:00:00.000001+00' + i * interval '1.0001 s', 'a',
                  i, i / 3.0, ARRAY[i, NULL] FROM generate_series(1, 500) i;
           INSERT INTO parent SELECT generate_series(1, 100);
           INSERT INTO child SELECT i, now() FROM generate_series(1, 100) i",
};

#[track_caller]
fn assert_right_with(limits: Limits) {
    let pair = Pair::with(
        StandinOptions {
            limits,
            ..StandinOptions::default()
        },
        MIXED,
    );
    pair.copy().run().ends_with(0);
    pair.assert_equal(3);
}

#[test]
fn every_password_exchange_is_spoken() {
    for password_exchange in [
        PasswordExchange::Cleartext,
        PasswordExchange::Md5,
        PasswordExchange::Scram,
        PasswordExchange::ScramPlus,
    ] {
        let options = StandinOptions {
            password_exchange,
            ..StandinOptions::default()
        };
        let pair = Pair::with(options, MIXED);
        pair.copy().run().ends_with(0);
        pair.assert_equal(3);
    }
}

#[test]
fn one_statement_per_query_is_enough() {
    assert_right_with(Limits {
        several_statements: false,
        ..Limits::default()
    });
}

#[test]
fn the_strictest_target_is_loaded_right() {
    assert_right_with(Limits {
        several_statements: false,
        quoted_copy_to: false,
        terminate_backend: false,
        timeout_change: TimeoutChange::Refused,
        autocommit_copy_atomic: false,
        ..Limits::default()
    });
}

#[test]
fn the_most_permissive_target_is_loaded_right() {
    assert_right_with(Limits {
        narrow_types: NarrowTypes::Aliased,
        inet_and_int4range: true,
        multidimensional_arrays: true,
        late_primary_key: true,
        row_level_security: true,
        serializable: Serializable::Downgraded,
        truncate_forms: true,
        ..Limits::default()
    });
}

#[test]
fn a_target_that_only_claims_to_lift_its_timeouts_is_loaded_right() {
    assert_right_with(Limits {
        timeout_change: TimeoutChange::Ignored,
        ..Limits::default()
    });
}

/// A COPY that stays after ROLLBACK would double rows with every retry.
#[test]
fn a_target_whose_copy_is_not_rolled_back_is_refused_before_a_row_moves() {
    let limits = Limits {
        transactional_copy: false,
        ..Limits::default()
    };
    let options = StandinOptions {
        limits,
        ..StandinOptions::default()
    };
    let pair = Pair::with(options, MIXED);
    pair.copy().run().ends_with(4).says("rolled back");
    assert_eq!(pair.target_rows("parent"), 0);
}

#[test]
fn what_probe_prints_can_be_given_as_profile() {
    let pair = Pair::of(MIXED);
    let probe = Wire9::bare().args(&["probe", "--db9", &pair.standin.uri()]);
    let profile = probe.run().ends_with(0).stdout;
    assert!(profile.contains("db9"), "{profile}");
    let command = pair.copy();
    let file = command.folder().join("profile.toml");
    std::fs::write(&file, profile).expect("the profile is written");
    let command = command.args(&["--profile", &file.to_string_lossy()]);
    command.run().ends_with(0);
    pair.assert_equal(3);
}

#[test]
fn a_profile_wins_over_the_probe() {
    let pair = Pair::of(MIXED);
    let command = pair.copy();
    let file = command.folder().join("profile.toml");
    let fewer = "timestamp_digits = 1\ntimestamptz_digits = 1\n";
    std::fs::write(&file, fewer).expect("the profile is written");
    let command = command.args(&["--profile", &file.to_string_lossy()]);
    command.run().ends_with(0);
    pair.assert_equal(1);
}

#[test]
fn a_target_that_is_no_db9_is_loaded_and_named() {
    let source = Cluster::shared().database("source").expect("made");
    let target = targets().database("target").expect("made");
    MIXED.fill(&source);
    target.execute(&MIXED.tables().join(";")).expect("made");
    let run = Wire9::copy(&source.uri(), &format!("{}?sslmode=disable", target.uri()));
    let run = run.run().ends_with(0).says("the target is not a DB9");
    run.says("PostgreSQL 1");
    testenv::equality::assert_equal(&source.uri(), &target.uri(), 6);
}

/// A query that a standby cancels is read again under the same snapshot.
#[test]
fn a_conflict_with_recovery_is_a_read_error_and_tried_again() {
    let pair = Pair::of(MIXED);
    let source = FaultProxy::start(&pair.source.uri()).expect("a proxy starts");
    let conflict = Action::Error {
        sqlstate: "40001".to_owned(),
        message: "canceling statement due to conflict with recovery".to_owned(),
        deaf: Duration::ZERO,
    };
    source
        .faults()
        .add(Fault::new(Trigger::query("COPY"), conflict).times(2));
    let run = Wire9::copy(source.uri(), &pair.standin.uri())
        .run()
        .ends_with(0);
    pair.assert_equal(3);
    assert!(run.result()["totals"]["retries"].as_u64() >= Some(1));
}

#[test]
fn a_source_that_can_not_export_a_snapshot_is_refused_and_that_is_said() {
    let pair = Pair::of(MIXED);
    let run = Wire9::copy(&pair.standin.uri(), &pair.standin.uri()).run();
    run.ends_with(4).says("can not export a snapshot");
}

#[test]
fn a_standby_is_a_source() {
    let options = ClusterOptions::new().replicating();
    let primary = Cluster::start(options).expect("a primary starts");
    let source = primary.database("source").expect("made");
    MIXED.fill(&source);
    let standby = primary.standby().expect("a standby starts");
    let standin = Standin::start(StandinOptions {
        cluster: Some(targets().clone()),
        ..StandinOptions::default()
    })
    .expect("a stand-in starts");
    let tables = format!("SET ROLE \"tenant.admin\"; {}", MIXED.tables().join(";"));
    standin.database().execute(&tables).expect("made");
    let uri = standby.uri(source.name());
    Wire9::copy(&uri, &standin.uri()).run().ends_with(0);
    testenv::equality::assert_equal(&uri, &standin.admin_uri(), 3);
}
