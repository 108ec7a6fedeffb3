//! The model that a dump gives is the one that introspection gives, in what both know.
//!
//! Real databases are dumped by `pg_dump` and read back.

mod compare;

use std::process::Command;

use testenv::sample::{self, Everything};
use testenv::{Cluster, ClusterOptions, Database};
use wire9::catalog::database as model;
use wire9::endpoint::introspect;
use wire9::profile::Profile;
use wire9::schema::dump;
use wire9::schema::syntax;
use wire9::wire::{ConnectOptions, Connection, Endpoint, Environment};

async fn introspected(database: &Database) -> model::Database {
    let environment = Environment::default();
    let options = ConnectOptions::parse(&database.socket_uri(), Endpoint::Postgres, &environment);
    let options = options.expect("a URI of testenv");
    let mut connection = Connection::connect(&options)
        .await
        .expect("the server answers");
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = ''";
    connection.query(begin).await.expect("a transaction begins");
    introspect::database(&mut connection).await.expect("read")
}

/// What `pg_dump` writes of a database.
fn dumped(database: &Database, arguments: &[&str]) -> String {
    let output = Command::new("pg_dump")
        .args(arguments)
        .arg(database.uri())
        .output()
        .expect("pg_dump is on PATH");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).expect("a dump in UTF-8")
}

async fn same(database: &Database, name: &str) {
    let read = introspected(database).await;
    let text = dumped(database, &[]);
    let dump = dump::read(&text).expect("the dump is read");
    assert_eq!(dump.database.not_read, Vec::<String>::new(), "{name}");
    let differences = compare::differences(&read, &dump.database);
    assert!(
        differences.is_empty(),
        "{name}:\n{}",
        differences.join("\n")
    );
}

fn cluster(major: u32) -> Cluster {
    Cluster::start(ClusterOptions::new().major(major)).expect("a cluster")
}

#[tokio::test]
async fn dumps_of_the_samples_give_the_model_of_introspection() {
    let cluster = Cluster::shared();
    let shop = cluster.database("shop").expect("a database");
    sample::shop(&shop, 0.01).expect("filled");
    same(&shop, "shop").await;
    let chinook = cluster.database("chinook").expect("a database");
    sample::chinook(&chinook).expect("filled");
    same(&chinook, "chinook").await;
    let everything = cluster.database("everything").expect("a database");
    sample::everything(&everything, Everything::QUICK).expect("filled");
    same(&everything, "everything").await;
}

/// What no dump tells as the catalog does: which functions and tables belong to an extension, settings of the
/// database, an index that is not valid, the handler of a language (`pg_dump` leaves it out, and without it
/// the statement is CREATE EXTENSION by another name).
const NOT_TOLD: &str = "ALTER EXTENSION citext DROP TABLE planted.of_extension; ALTER TABLE planted.extended ALTER salt DROP DEFAULT; \
                        DROP INDEX planted.index_invalid; DROP LANGUAGE planted_language CASCADE; \
                        DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET ALL', current_database()); END $$";

fn planted(cluster: &Cluster) -> Database {
    let database = cluster.database("planted").expect("a database");
    sample::planted(&database).expect("filled");
    database.execute(NOT_TOLD).expect("dropped");
    database
}

#[tokio::test]
async fn dumps_of_old_and_new_servers_give_the_model_of_introspection() {
    for major in [13, 15] {
        let cluster = cluster(major);
        let planted = planted(&cluster);
        same(&planted, &format!("planted, {major}")).await;
    }
}

#[tokio::test]
async fn bodies_of_a_dump_have_the_findings_of_the_source() {
    let database = planted(Cluster::shared());
    let read = introspected(&database).await;
    let dump = dump::read(&dumped(&database, &["--schema-only"])).expect("the dump is read");
    assert!(!dump.has_data);
    let profile = Profile::db9_documented();
    let of = |database: &model::Database| {
        let mut findings: Vec<String> = syntax::bodies(database, &profile)
            .iter()
            .map(|f| format!("{} {}: {}", f.kind.id, f.object, f.detail))
            .collect();
        findings.sort();
        findings
    };
    assert_eq!(of(&dump.database), of(&read));
}

/// Everything of a schema is rewritten into another one by the statements that pg_dump writes, the
/// server takes it, and it is as much as before.
#[tokio::test]
async fn a_schema_moves_by_rewriting_its_statements() {
    let cluster = Cluster::shared();
    let before = planted(cluster);
    let moves = [("planted".to_owned(), "Moved \"S\"".to_owned())];
    let rewrites = syntax::Rewrites {
        schemas: moves.into_iter().collect(),
        ..syntax::Rewrites::default()
    };
    let after = cluster.database("moved").expect("a database");
    let dump = dumped(&before, &["--schema-only"]);
    let dump: String = dump
        .lines()
        .filter(|l| !l.starts_with('\\'))
        .map(|l| format!("{l}\n"))
        .collect();
    let mut moved = String::new();
    for block in dump.split("\n--\n-- Name: ") {
        let block = block.split_once("\n--\n").map_or(block, |(_, sql)| sql);
        let text = syntax::statement(block, &rewrites);
        moved += &text.unwrap_or_else(|error| panic!("{error}: {block}"));
    }
    after.execute(&moved).expect("the server takes it");
    let (before, after) = (introspected(&before).await, introspected(&after).await);
    assert!(after.schemas.iter().all(|s| s.name != "planted"));
    assert_eq!(sizes(&after), sizes(&before));
}

fn sizes(database: &model::Database) -> Vec<(&'static str, usize)> {
    let relations = &database.relations;
    // Large objects are data.
    let others = database.others.iter();
    let others = others.filter(|o| o.kind != model::OtherKind::LargeObjects);
    let sum = |of: fn(&model::Relation) -> usize| relations.iter().map(of).sum();
    vec![
        ("types", database.types.len()),
        ("sequences", database.sequences.len()),
        ("routines", database.routines.len()),
        ("others", others.count()),
        ("relations", relations.len()),
        ("columns", sum(|r| r.columns.len())),
        ("constraints", sum(|r| r.constraints.len())),
        ("indexes", sum(|r| r.indexes.len())),
        ("triggers", sum(|r| r.triggers.len())),
    ]
}
