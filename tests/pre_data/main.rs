//! Real schemas, converted and created: every statement of pre-data is taken by the stand-in for a DB9
//! and by PostgreSQL, and what PostgreSQL then has is what the source had.

use testenv::sample::{self, Everything};
use testenv::{Cluster, ClusterOptions, Database, Standin, StandinOptions};
use wire9::catalog::database as model;
use wire9::endpoint::introspect;
use wire9::endpoint::probe::{ProbeSettings, probe};
use wire9::profile::Profile;
use wire9::schema::convert::{Conversion, Section, Wishes, convert};
use wire9::schema::mapping::Mapping;
use wire9::wire::{ConnectOptions, Connection, Endpoint, Environment};

async fn connect(uri: &str, endpoint: Endpoint) -> Connection {
    let options = ConnectOptions::parse(uri, endpoint, &Environment::default());
    let connection = Connection::connect(&options.expect("a URI of testenv")).await;
    connection.expect("the server answers")
}

async fn read(database: &Database) -> model::Database {
    let mut connection = connect(&database.socket_uri(), Endpoint::Postgres).await;
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = ''";
    connection.query(begin).await.expect("a transaction begins");
    introspect::database(&mut connection).await.expect("read")
}

/// What the samples hold; each in a database of its own.
fn samples() -> Vec<(&'static str, Database)> {
    let database = |name| Cluster::shared().database(name).expect("a database");
    let shop = database("shop");
    sample::shop(&shop, 0.01).expect("filled");
    let chinook = database("chinook");
    sample::chinook(&chinook).expect("filled");
    let everything = database("everything");
    sample::everything(&everything, Everything::QUICK).expect("filled");
    let planted = database("planted");
    sample::planted(&planted).expect("filled");
    let exotic = database("exotic");
    let sql = include_str!("exotic.sql");
    exotic.execute(sql).expect("filled");
    vec![
        ("exotic", exotic),
        ("shop", shop),
        ("chinook", chinook),
        ("everything", everything),
        ("planted", planted),
    ]
}

fn converted(database: &model::Database, profile: &Profile) -> Conversion {
    convert(database, profile, &Mapping::default(), Wishes::default())
}

/// Applies pre-data in its order, as a run does: without a search path.
async fn apply(connection: &mut Connection, conversion: &Conversion, of: &str) {
    let path = "SET search_path = ''";
    connection.query(path).await.expect("a setting");
    let statements = conversion.statements.iter();
    for statement in statements.filter(|s| s.section == Section::PreData) {
        if let Err(error) = connection.query(&statement.sql).await {
            panic!("{of}: {error}\n{}", statement.sql);
        }
    }
}

#[tokio::test]
async fn every_statement_is_taken_by_a_db9_as_documented() {
    for (name, database) in samples() {
        let standin = Standin::start(StandinOptions::default()).expect("a stand-in");
        let mut connection = connect(&standin.uri(), Endpoint::Db9).await;
        let conversion = converted(&read(&database).await, &Profile::db9_documented());
        apply(&mut connection, &conversion, name).await;
    }
}

#[tokio::test]
async fn every_statement_is_taken_by_a_db9_as_probed() {
    for (name, database) in samples() {
        let standin = Standin::start(StandinOptions::default()).expect("a stand-in");
        let mut connection = connect(&standin.uri(), Endpoint::Db9).await;
        let settings = ProbeSettings {
            reconnect: None,
            copy_bytes: 1 << 16,
        };
        let probed = probe(&mut connection, &settings).await.expect("probed");
        let conversion = converted(&read(&database).await, &probed.profile);
        apply(&mut connection, &conversion, name).await;
    }
}

#[tokio::test]
async fn a_postgresql_gets_what_the_source_has() {
    for (name, database) in samples() {
        let target = Cluster::shared().database("target").expect("a database");
        let mut connection = connect(&target.socket_uri(), Endpoint::Postgres).await;
        let source = read(&database).await;
        let conversion = converted(&source, &Profile::postgresql());
        apply(&mut connection, &conversion, name).await;
        assert_eq!(
            described(&source),
            described(&read(&target).await),
            "{name}"
        );
    }
}

#[tokio::test]
async fn what_postgresql_18_added_has_a_place_in_a_db9() {
    let cluster = Cluster::start(ClusterOptions::new().major(18)).expect("a cluster");
    let database = cluster.database("eighteen").expect("a database");
    let sql = include_str!("eighteen.sql");
    database.execute(sql).expect("filled");
    let source = read(&database).await;
    let standin = Standin::start(StandinOptions::default()).expect("a stand-in");
    let mut connection = connect(&standin.uri(), Endpoint::Db9).await;
    let conversion = converted(&source, &Profile::db9_documented());
    apply(&mut connection, &conversion, "eighteen").await;
    let ids: Vec<&str> = conversion.findings.iter().map(|f| f.kind.id).collect();
    for id in ["virtual-column", "primary-key-left-out", "check-left-out"] {
        let found = ids.iter().filter(|found| **found == id).count();
        assert_eq!(found, 1, "{id} among {ids:?}");
    }
    let sent = conversion.sequences.iter().map(|s| s.source.name.as_str());
    assert_eq!(sent.collect::<Vec<_>>(), ["part_id_seq", "unlogged"]);
}

#[tokio::test]
async fn a_schema_under_other_names_is_whole() {
    let database = Cluster::shared().database("renamed").expect("a database");
    let sql = include_str!("exotic.sql");
    database.execute(sql).expect("filled");
    let source = read(&database).await;
    let mapping = Mapping::from_toml(
        "[schemas]\nother = 'app'\npublic = '\"Pub lic\"'\n'\"Odd \"\"S\"' = 'app'\n\
         [tables]\n'other.keyed' = 'crm.accounts'\n[types]\nmoney = 'numeric(19,2)'\n\
         [columns]\n'other.leafed.at' = { type = 'text', using = \"to_char(at, 'YYYY')\" }",
    )
    .expect("a file");
    assert_eq!(mapping.unmatched(&source), Vec::<String>::new());
    let profile = Profile::db9_documented();
    let conversion = convert(&source, &profile, &mapping, Wishes::default());
    let standin = Standin::start(StandinOptions::default()).expect("a stand-in");
    let mut connection = connect(&standin.uri(), Endpoint::Db9).await;
    apply(&mut connection, &conversion, "renamed").await;
    for statement in &conversion.statements {
        if statement.section == Section::PreData {
            assert!(!statement.sql.contains("other."), "{}", statement.sql);
        }
    }
}

/// What pre-data makes, a line each, in order.
fn described(database: &model::Database) -> String {
    let tables = database.relations.iter().filter(|r| {
        // Foreign tables are left out, and an extension brings its own.
        r.is_table() && r.kind != model::RelationKind::Foreign && r.extension.is_none()
    });
    let mut lines: Vec<String> = tables.flat_map(table).collect();
    let created = |t: &&model::UserType| t.kind != model::UserTypeKind::Base;
    for user_type in database.types.iter().filter(created) {
        let mut kind = user_type.kind.clone();
        if let model::UserTypeKind::Domain {
            base_oid, checks, ..
        } = &mut kind
        {
            *base_oid = 0;
            checks.iter_mut().for_each(|check| check.oid = 0);
        }
        lines.push(without_oids(&format!("type {} {kind:?}", user_type.name)));
    }
    for sequence in &database.sequences {
        let plain = model::Sequence {
            oid: 0,
            position: None,
            comment: None,
            ..sequence.clone()
        };
        lines.push(format!("{plain:?}"));
    }
    lines.sort();
    lines.join("\n")
}

fn table(relation: &model::Relation) -> Vec<String> {
    let name = &relation.name;
    let columns = relation.columns.iter().map(|column| {
        let default = match &column.default {
            model::FieldDefault::Identity { always, .. } => format!("identity {always}"),
            other => format!("{other:?}"),
        };
        let collation = &column.collation;
        format!(
            "{name}.{} {} {} {default} {collation:?}",
            column.name, column.data_type.sql, column.not_null
        )
    });
    let ours = |c: &&model::Constraint| {
        use model::ConstraintKind::{Check, Primary};
        matches!(c.kind, Check | Primary) && c.validated
    };
    let constraints = relation.constraints.iter().filter(ours);
    let constraints = constraints.map(|c| format!("{name} {} {}", c.name, c.definition));
    let rest = format!(
        "{name} {:?} {:?} {:?} {:?} {:?}",
        relation.kind,
        relation.persistence,
        relation.partitioning,
        relation.partition_bound,
        relation.options
    );
    columns.chain(constraints).chain([rest]).collect()
}

/// OIDs of users' types differ from database to database.
fn without_oids(text: &str) -> String {
    let mut parts = text.split("base: ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |done, part| {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        format!("{done}base: {}", &part[digits..])
    })
}
