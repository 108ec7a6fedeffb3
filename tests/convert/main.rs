//! What a conversion makes of whole databases, applied to real servers.

use std::collections::BTreeSet;

use testenv::sample::{self, Everything};
use testenv::{Cluster, ClusterOptions, Database};
use wire9::catalog::database as model;
use wire9::endpoint::introspect;
use wire9::profile::Profile;
use wire9::schema::convert::{Conversion, Wishes, convert};
use wire9::schema::mapping::Mapping;
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

/// Applies all statements; those that fail, with the server's words.
async fn apply(target: &Database, conversion: &Conversion) -> Vec<String> {
    let mut connection = connect(target).await;
    connection.query("SET search_path = ''").await.expect("set");
    let mut failed = Vec::new();
    for statement in &conversion.statements {
        if let Err(error) = connection.query(&statement.sql).await {
            failed.push(format!("{}: {error}\n{}", statement.object, statement.sql));
        }
    }
    failed
}

fn profiles() -> [(&'static str, Profile); 2] {
    [
        ("db9", Profile::db9_documented()),
        ("postgresql", Profile::postgresql()),
    ]
}

/// Every object of the second section, with its whole definition.
fn objects(database: &model::Database) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for relation in &database.relations {
        let name = &relation.name;
        for index in relation.indexes.iter().filter(|i| i.constraint.is_none()) {
            all.insert(format!(
                "index {name}: {} {}",
                index.definition, index.valid
            ));
        }
        for constraint in &relation.constraints {
            let definition = &constraint.definition;
            all.insert(format!(
                "constraint {name}.{}: {definition}",
                constraint.name
            ));
        }
        for trigger in &relation.triggers {
            all.insert(format!(
                "trigger {name}: {} {}",
                trigger.definition, trigger.enabled
            ));
        }
        if let Some(query) = &relation.query {
            let (options, populated) = (&relation.options, relation.populated);
            all.insert(format!("view {name}: {options:?} {populated} {query}"));
        }
        for comment in relation.columns.iter().filter_map(|c| c.comment.as_ref()) {
            all.insert(format!("comment {name}: {comment}"));
        }
        all.extend(
            relation
                .comment
                .iter()
                .map(|c| format!("comment {name}: {c}")),
        );
    }
    for routine in &database.routines {
        let (signature, definition) = (routine.signature(), &routine.definition);
        all.insert(format!("routine {signature}: {definition:?}"));
    }
    all
}

#[tokio::test]
async fn explore() {
    let cluster = Cluster::start(ClusterOptions::new().major(15)).expect("a cluster");
    let chinook = std::fs::read_to_string("/work/shared/data/chinook.sql").unwrap();
    let chinook = chinook
        .lines()
        .filter(|l| !l.starts_with('\\'))
        .filter(|l| !l.contains("DATABASE"))
        .collect::<Vec<_>>()
        .join("\n");
    for name in ["everything", "planted", "shop", "chinook", "intro"] {
        let source = cluster.database(name).expect("a database");
        match name {
            "everything" => sample::everything(&source, Everything::QUICK).expect("filled"),
            "planted" => source
                .execute(include_str!("../../testenv/src/sample/planted.sql"))
                .expect("planted"),
            "intro" => source
                .execute(include_str!("../introspect_database/planted.sql"))
                .expect("planted"),
            "shop" => sample::shop(&source, 0.001).map(|_| ()).expect("shop"),
            _ => {
                let _ = source.execute(&chinook).expect("chinook");
            }
        };
        let database = read(&source).await;
        for (profile_name, profile) in profiles() {
            let wishes = Wishes {
                comments: true,
                foreign_tables: false,
            };
            let conversion = convert(&database, &profile, &Mapping::default(), wishes);
            let target = cluster
                .database(&format!("{name}_{profile_name}"))
                .expect("target");
            let failed = apply(&target, &conversion).await;
            println!(
                "##### {name} {profile_name}: {} statements, {} failed",
                conversion.statements.len(),
                failed.len()
            );
            for f in failed {
                println!("  FAILED {f}");
            }
            if profile_name == "postgresql" {
                let (before, after) = (objects(&database), objects(&read(&target).await));
                for o in before.difference(&after) {
                    println!("  GONE {o}");
                }
                for o in after.difference(&before) {
                    println!("  NEW {o}");
                }
            }
            let mut text = String::new();
            for s in &conversion.statements {
                for r in &s.rewritten {
                    text.push_str(&format!("-- {r}\n"));
                }
                text.push_str(&format!("{};\n", s.sql));
            }
            for l in &conversion.left_out {
                text.push_str(&format!("-- LEFT {}: {}\n", l.object, l.why));
            }
            for f in &conversion.findings {
                text.push_str(&format!(
                    "-- FINDING {} {}: {}\n",
                    f.kind.id, f.object, f.detail
                ));
            }
            std::fs::write(format!("/tmp/post_{name}_{profile_name}.sql"), text).unwrap();
        }
    }
}
