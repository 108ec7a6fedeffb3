//! The probe against the stand-in for DB9: what it finds is what the stand-in enforces.

use testenv::standin::{Limits, NarrowTypes, TimeoutChange, TimestampDigits};
use testenv::{Standin, StandinOptions};
use wire9::endpoint::probe::{ProbeSettings, Probed, probe};
use wire9::endpoint::session::{WriteSettings, begin_write, prepare_write};
use wire9::endpoint::snapshot::Keeper;
use wire9::profile::{Fact, Rounding, ServerKind, TypeAnswer};
use wire9::wire::{ConnectOptions, Connection, Endpoint, Environment, TransactionStatus};

#[tokio::test]
async fn a_db9_as_documented_is_found_to_cut_to_three_digits() {
    let (_, Probed { profile, notes }) = probed(|_| {}).await;
    assert_eq!(profile.server, Some(Fact::probed(ServerKind::Db9)));
    assert_eq!(profile.timestamp_digits, Some(Fact::probed(3)));
    assert_eq!(profile.timestamptz_digits, Some(Fact::probed(3)));
    assert_eq!(
        profile.timestamp_rounding,
        Some(Fact::probed(Rounding::Cuts))
    );
    assert_eq!(profile.fraction_digits(), 3);
    assert_eq!(profile.copy_rolls_back, Some(Fact::probed(true)));
    assert_eq!(profile.copy_query_to, Some(Fact::probed(false)));
    assert_eq!(profile.export_snapshot, Some(Fact::probed(false)));
    assert_eq!(profile.statement_timeout_ms, Some(Fact::probed(60_000)));
    assert_eq!(profile.statement_timeout_lifts, Some(Fact::probed(true)));
    let types = profile.types.expect("types are probed").value;
    for refused in ["xml", "inet", "macaddr", "smallint", "character(10)"] {
        assert_eq!(types[refused], TypeAnswer::Refused, "{refused}");
    }
    assert_eq!(types["jsonb"], TypeAnswer::Accepted);
    assert_eq!(notes, Vec::<String>::new());
}

#[tokio::test]
async fn the_probe_overrides_what_the_documents_say() {
    let (_, Probed { profile, .. }) = probed(|limits| {
        limits.timestamp_digits = TimestampDigits::Microseconds;
        limits.narrow_types = NarrowTypes::Aliased;
    })
    .await;
    assert_eq!(profile.fraction_digits(), 6);
    let types = profile.types.expect("types are probed").value;
    assert_eq!(types["smallint"], TypeAnswer::Aliased("integer".to_owned()));
    let (_, Probed { profile, .. }) = probed(|limits| {
        limits.timestamp_digits = TimestampDigits::RoundToMilliseconds;
    })
    .await;
    assert_eq!(
        profile.timestamp_rounding,
        Some(Fact::probed(Rounding::Rounds))
    );
}

#[tokio::test]
async fn a_copy_that_is_not_rolled_back_is_found_out() {
    let (_, Probed { profile, notes }) = probed(|limits| limits.transactional_copy = false).await;
    assert_eq!(profile.copy_rolls_back, Some(Fact::probed(false)));
    assert!(notes.iter().any(|n| n.contains("ROLLBACK")), "{notes:?}");
}

#[tokio::test]
async fn timeouts_that_set_does_not_change_are_found_out() {
    for change in [TimeoutChange::Refused, TimeoutChange::Ignored] {
        let (_, Probed { profile, notes }) = probed(|limits| limits.timeout_change = change).await;
        assert_eq!(profile.statement_timeout_lifts, Some(Fact::probed(false)));
        assert!(notes.iter().any(|n| n.contains("statement_timeout")));
    }
}

#[tokio::test]
async fn a_target_of_one_statement_per_query_is_written_to_all_the_same() {
    let (standin, Probed { profile, .. }) = probed(|limits| {
        limits.several_statements = false;
        limits.timeout_change = TimeoutChange::Refused;
    })
    .await;
    assert_eq!(profile.multi_statement, Some(Fact::probed(false)));
    let mut connection = connect(&standin).await;
    let mut settings = WriteSettings::new("wire9/test/1", &profile);
    let refused = prepare_write(&mut connection, &mut settings).await;
    let refused: Vec<String> = refused
        .expect("prepared")
        .into_iter()
        .map(|r| r.name)
        .collect();
    assert_eq!(
        refused,
        ["statement_timeout", "idle_in_transaction_session_timeout"]
    );
    begin_write(&mut connection, &settings)
        .await
        .expect("begun");
    assert_eq!(
        connection.transaction_status(),
        TransactionStatus::InTransaction
    );
}

#[tokio::test]
async fn a_db9_as_source_is_refused_for_it_exports_no_snapshot() {
    let standin = Standin::start(StandinOptions::default()).expect("a stand-in");
    let keeper = Keeper::open(&options(&standin), "wire9/test/keeper").await;
    let error = keeper.err().expect("refused").to_string();
    assert!(error.contains("can not export a snapshot"), "{error}");
}

async fn probed(change: impl FnOnce(&mut Limits)) -> (Standin, Probed) {
    let mut standin = StandinOptions::default();
    change(&mut standin.limits);
    let standin = Standin::start(standin).expect("a stand-in");
    let settings = ProbeSettings {
        reconnect: Some(options(&standin)),
        copy_bytes: 1 << 20,
    };
    let mut connection = connect(&standin).await;
    let probed = probe(&mut connection, &settings).await.expect("probed");
    (standin, probed)
}

async fn connect(standin: &Standin) -> Connection {
    Connection::connect(&options(standin))
        .await
        .expect("connects")
}

fn options(standin: &Standin) -> ConnectOptions {
    ConnectOptions::parse(&standin.uri(), Endpoint::Db9, &Environment::default()).expect("a URI")
}
