//! What introspection reads of whole databases, from real servers of all supported versions.

mod broken;
mod objects;
mod state;
mod versions;

use testenv::{Cluster, ClusterOptions, Database};
use wire9::catalog::database::{self as model, Index, Name, OtherKind, Relation};
use wire9::endpoint::introspect;
use wire9::wire::{ConnectOptions, Connection, Endpoint, Environment};

/// A server of that version; missing ones come from `testenv/install`.
fn cluster(major: u32) -> Cluster {
    let cluster = Cluster::start(ClusterOptions::new().major(major));
    cluster.unwrap_or_else(|error| panic!("PostgreSQL {major} does not start: {error}"))
}

/// A database with one object of each kind that the version knows.
fn planted(cluster: &Cluster) -> Database {
    let database = cluster.database("planted").expect("a database");
    let scripts = [
        (13, include_str!("planted.sql")),
        (14, include_str!("planted_14.sql")),
        (15, include_str!("planted_15.sql")),
        (17, include_str!("planted_17.sql")),
        (18, include_str!("planted_18.sql")),
    ];
    for (major, script) in scripts {
        if cluster.version() >= major {
            database.execute(script).expect("planted");
        }
    }
    database
}

async fn connect(database: &Database) -> Connection {
    let environment = Environment::default();
    let options = ConnectOptions::parse(&database.socket_uri(), Endpoint::Postgres, &environment);
    let connection = Connection::connect(&options.expect("a URI of testenv")).await;
    connection.expect("the server answers")
}

/// Reads the database as `check` does: in a snapshot, without a search path.
async fn read(database: &Database) -> model::Database {
    read_as(database, "postgres").await
}

async fn read_as(database: &Database, role: &str) -> model::Database {
    let mut connection = connect(database).await;
    let begin = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = ''; \
         SET LOCAL ROLE {role}"
    );
    connection
        .query(&begin)
        .await
        .expect("a transaction begins");
    introspect::database(&mut connection).await.expect("read")
}

fn app(name: &str) -> Name {
    Name::new("app", name)
}

/// The relation of that name in the schema `app`.
fn relation<'a>(database: &'a model::Database, name: &str) -> &'a Relation {
    let found = database.relation_named(&app(name));
    found.unwrap_or_else(|| panic!("no relation app.{name}"))
}

fn index<'a>(relation: &'a Relation, name: &str) -> &'a Index {
    let found = relation.indexes.iter().find(|index| index.name == name);
    found.unwrap_or_else(|| panic!("no index {name} of {}", relation.name))
}

/// Names and details of the others of a kind, less those of extensions.
fn others(database: &model::Database, kind: OtherKind) -> Vec<(String, String, u64)> {
    let others = database.others.iter().filter(|other| other.kind == kind);
    others
        .filter(|other| other.extension.is_none())
        .map(|other| (other.name.name.clone(), other.detail.clone(), other.count))
        .collect()
}

/// What introspection tells of the server at that URI.
async fn server_of(uri: &str) -> model::Server {
    let options = ConnectOptions::parse(uri, Endpoint::Postgres, &Environment::default());
    let mut connection = Connection::connect(&options.expect("a URI"))
        .await
        .expect("connects");
    let found = introspect::database(&mut connection).await;
    found.expect("read").server
}
