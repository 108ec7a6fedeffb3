//! The probe against the stand-in for DB9: what it finds is what the stand-in enforces.

use testenv::standin::{Limits, NarrowTypes, TimeoutChange, TimestampDigits};
use testenv::{Cluster, Standin, StandinOptions};
use wire9::endpoint::probe::{ProbeSettings, Probed, probe, probe_rows};
use wire9::endpoint::session::{WriteSettings, begin_write, prepare_write};
use wire9::endpoint::snapshot::Keeper;
use wire9::profile::{Fact, MethodAnswer, Profile, Rounding, ServerKind, TypeAnswer};
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

#[tokio::test]
async fn features_of_a_db9_as_documented_are_tried() {
    let (standin, Probed { profile, notes }) = probed(|_| {}).await;
    assert_eq!(notes, Vec::<String>::new());
    // PostgreSQL is behind the stand-in, and cuts a longer name.
    assert_eq!(profile.identifier_bytes, Some(Fact::probed(63)));
    let missing = [
        ("partitioning", &profile.partitioning),
        ("inheritance", &profile.inheritance),
        ("row_level_security", &profile.row_level_security),
        ("rules", &profile.rules),
        ("foreign_data", &profile.foreign_data),
        ("publications", &profile.publications),
        ("event_triggers", &profile.event_triggers),
        ("tablespaces", &profile.tablespaces),
        ("large_objects", &profile.large_objects),
        ("late_primary_key", &profile.late_primary_key),
        ("listen_notify", &profile.listen_notify),
        ("serializable", &profile.serializable),
        ("tablesample", &profile.tablesample),
        ("system_columns", &profile.system_columns),
        ("generated_virtual", &profile.generated_virtual),
    ];
    for (name, found) in missing {
        assert_eq!(*found, Some(Fact::probed(false)), "{name}");
    }
    for (name, found) in undocumented(&profile) {
        assert_eq!(*found, Some(Fact::probed(true)), "{name}");
    }
    let value = |fact: Option<Fact<Vec<String>>>| fact.expect("probed").value;
    assert_eq!(value(profile.languages), ["sql", "plpgsql"]);
    let missing = value(profile.plpgsql_missing);
    assert_eq!(missing, ["while", "execute", "exception", "cursor"]);
    let missing = value(profile.missing_functions);
    assert!(missing.contains(&"sha256".to_owned()) && !missing.contains(&"lower".to_owned()));
    // Listed by its server, and allowed by DB9's documents.
    assert_eq!(value(profile.extensions), ["hstore", "uuid-ossp"]);
    let methods = profile.index_methods.expect("probed").value;
    assert_eq!(methods["btree"], MethodAnswer::Full);
    assert_eq!(methods["gin"], MethodAnswer::Scan);
    assert_eq!(methods["brin"], MethodAnswer::Refused);
    assert_eq!(methods["hnsw"], MethodAnswer::Full, "as documented");
    let left = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'wire9%'";
    let left: u64 = standin.database().query_value(left).expect("a count");
    assert_eq!(left, 0, "nothing is left behind");
}

#[tokio::test]
async fn what_no_document_tells_is_found_to_be_missing_where_it_is() {
    let (_, Probed { profile, notes }) = probed(|limits| *limits = Limits::strictest()).await;
    assert_eq!(notes, Vec::<String>::new());
    for (name, found) in undocumented(&profile) {
        assert_eq!(*found, Some(Fact::probed(false)), "{name}");
    }
    let methods = profile.index_methods.expect("probed").value;
    assert_eq!(methods["gin"], MethodAnswer::Refused);
    let (_, Probed { profile, .. }) = probed(|limits| *limits = Limits::latest()).await;
    assert_eq!(profile.row_level_security, Some(Fact::probed(true)));
    assert_eq!(
        profile.serializable,
        Some(Fact::probed(false)),
        "it is downgraded"
    );
}

/// Fields that the stand-in's `Undocumented` switches decide.
fn undocumented(profile: &Profile) -> [(&'static str, &Option<Fact<bool>>); 19] {
    [
        ("domains", &profile.domains),
        ("composite_types", &profile.composite_types),
        ("unlogged_tables", &profile.unlogged_tables),
        ("generated_stored", &profile.generated_stored),
        ("deferrable_constraints", &profile.deferrable_constraints),
        ("exclude_constraints", &profile.exclude_constraints),
        ("not_valid_constraints", &profile.not_valid_constraints),
        ("nulls_not_distinct", &profile.nulls_not_distinct),
        ("include_columns", &profile.include_columns),
        ("partial_indexes", &profile.partial_indexes),
        ("expression_indexes", &profile.expression_indexes),
        ("index_ordering", &profile.index_ordering),
        ("operator_classes", &profile.operator_classes),
        ("materialized_views", &profile.materialized_views),
        ("row_triggers", &profile.row_triggers),
        ("statement_triggers", &profile.statement_triggers),
        ("procedures", &profile.procedures),
        ("aggregates", &profile.aggregates),
        ("comments", &profile.comments),
    ]
}

#[tokio::test]
async fn a_postgresql_is_found_to_have_all_that_its_documents_say() {
    let cluster = Cluster::shared();
    let database = cluster.database("probed").expect("a database");
    let environment = Environment::default();
    let options = ConnectOptions::parse(&database.socket_uri(), Endpoint::Postgres, &environment);
    let mut connection = Connection::connect(&options.expect("a URI"))
        .await
        .expect("connects");
    let settings = ProbeSettings {
        reconnect: None,
        copy_bytes: 1 << 10,
    };
    let Probed { profile, notes } = probe(&mut connection, &settings).await.expect("probed");
    assert_eq!(notes, Vec::<String>::new());
    let documented = Profile::postgresql().to_toml();
    let probed = profile.to_toml();
    for line in documented
        .lines()
        .filter(|line| line.contains("{ value = true"))
    {
        let field = line.split(' ').next().unwrap_or_default();
        let found = probed
            .lines()
            .find(|line| line.starts_with(&format!("{field} =")));
        let found = found.unwrap_or_else(|| panic!("{field} is not told"));
        assert!(found.contains("value = true"), "{found}");
    }
    assert_eq!(profile.plpgsql_missing, Some(Fact::probed(Vec::new())));
    assert_eq!(profile.missing_functions, Some(Fact::probed(Vec::new())));
    let methods = profile.index_methods.expect("probed").value;
    assert!(methods.values().all(|answer| *answer == MethodAnswer::Full));
    assert!(
        profile
            .extensions
            .expect("probed")
            .value
            .contains(&"hstore".to_owned())
    );
    let types = profile.types.expect("probed").value;
    let not_taken = types
        .iter()
        .filter(|(_, answer)| **answer != TypeAnswer::Accepted);
    assert_eq!(not_taken.collect::<Vec<_>>(), []);
    for name in [
        "money",
        "circle",
        "tstzrange",
        "\"char\"",
        "integer[]",
        "regclass",
        "hstore",
    ] {
        assert!(types.contains_key(name), "{name}");
    }
    let left = "SELECT (SELECT count(*) FROM pg_publication) + (SELECT count(*) FROM \
                pg_foreign_data_wrapper) + (SELECT count(*) FROM pg_event_trigger) + (SELECT \
                count(*) FROM pg_namespace WHERE nspname LIKE 'wire9%')";
    assert_eq!(database.query_value::<u64>(left).expect("a count"), 0);
}

#[tokio::test]
async fn a_copy_tries_only_what_rows_need() {
    let (standin, _) = probed(|_| {}).await;
    let before = standin.log().statements().len();
    let mut connection = connect(&standin).await;
    let settings = settings(&standin);
    let Probed { profile, .. } = probe_rows(&mut connection, &settings)
        .await
        .expect("probed");
    assert_eq!(profile.copy_rolls_back, Some(Fact::probed(true)));
    assert_eq!(profile.partitioning, Profile::db9_documented().partitioning);
    assert_eq!(profile.domains, None);
    let statements = standin.log().statements().len() - before;
    assert!(statements < 150, "{statements} statements");
}

fn settings(standin: &Standin) -> ProbeSettings {
    ProbeSettings {
        reconnect: Some(options(standin)),
        copy_bytes: 1 << 20,
    }
}

async fn probed(change: impl FnOnce(&mut Limits)) -> (Standin, Probed) {
    let mut standin = StandinOptions::default();
    change(&mut standin.limits);
    let standin = Standin::start(standin).expect("a stand-in");
    let settings = settings(&standin);
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
