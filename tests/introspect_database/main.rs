//! What introspection reads of whole databases, from real servers of all supported versions.

use testenv::sample::{self, Everything};
use testenv::{Cluster, ClusterOptions, Database};
use wire9::catalog::database as model;
use wire9::endpoint::introspect;
use wire9::wire::{ConnectOptions, Connection, Endpoint, Environment};

async fn connect(database: &Database) -> Connection {
    let environment = Environment::default();
    let options = ConnectOptions::parse(&database.socket_uri(), Endpoint::Postgres, &environment);
    let connection = Connection::connect(&options.expect("a URI of testenv")).await;
    connection.expect("the server answers")
}

async fn read(database: &Database) -> model::Database {
    let mut connection = connect(database).await;
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = ''";
    connection.query(begin).await.expect("a transaction begins");
    introspect::database(&mut connection).await.expect("read")
}

#[tokio::test]
async fn everything_is_read_on_every_version() {
    for major in 13..=18 {
        let cluster = Cluster::start(ClusterOptions::new().major(major)).expect("a cluster");
        let database = cluster.database("everything").expect("a database");
        sample::everything(&database, Everything::QUICK).expect("filled");
        let found = read(&database).await;
        assert_eq!(found.not_read, Vec::<String>::new(), "{major}");
        assert_eq!(found.server.version / 10_000, major);
    }
}

#[tokio::test]
async fn show() {
    for major in 13..=18 {
        let cluster = Cluster::start(ClusterOptions::new().major(major)).expect("a cluster");
        let database = cluster.database("planted").expect("a database");
        database
            .execute(include_str!("planted.sql"))
            .expect("filled");
        let found = read(&database).await;
        std::fs::write(format!("/tmp/catalog_{major}.txt"), format!("{found:#?}")).unwrap();
    }
}
