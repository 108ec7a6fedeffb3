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

/// Every object of the second section, with its whole definition.
fn objects(database: &model::Database) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for relation in &database.relations {
        let name = &relation.name;
        for index in relation.indexes.iter().filter(|i| i.constraint.is_none()) {
            let (definition, valid) = (&index.definition, index.valid);
            all.insert(format!("index {name}: {definition} {valid}"));
            all.extend(index.comment.iter().map(|c| format!("comment {name}: {c}")));
        }
        for constraint in &relation.constraints {
            let definition = &constraint.definition;
            let constraint_name = &constraint.name;
            all.insert(format!("constraint {name}.{constraint_name}: {definition}"));
            let comment = constraint.comment.iter();
            all.extend(comment.map(|c| format!("comment {name}: {c}")));
        }
        for trigger in &relation.triggers {
            let (definition, enabled) = (&trigger.definition, trigger.enabled);
            all.insert(format!("trigger {name}: {definition} {enabled}"));
            let comment = trigger.comment.iter();
            all.extend(comment.map(|c| format!("comment {name}: {c}")));
        }
        if let Some(query) = &relation.query {
            let (options, populated) = (&relation.options, relation.populated);
            all.insert(format!("view {name}: {options:?} {populated} {query}"));
        }
        let columns = relation.columns.iter().filter_map(|c| c.comment.as_ref());
        let comments = columns.chain(&relation.comment);
        all.extend(comments.map(|c| format!("comment {name}: {c}")));
    }
    for routine in database.routines.iter().filter(|r| r.extension.is_none()) {
        let (signature, definition) = (routine.signature(), &routine.definition);
        all.insert(format!("routine {signature}: {definition:?}"));
        let comment = routine.comment.iter();
        all.extend(comment.map(|c| format!("comment {signature}: {c}")));
    }
    all
}

/// A source filled with one of the samples.
fn filled(cluster: &Cluster, sample: &str) -> Database {
    let source = cluster.database(sample).expect("a database");
    let filled = match sample {
        "everything" => sample::everything(&source, Everything::QUICK),
        "planted" => sample::planted(&source),
        "shop" => sample::shop(&source, 0.001),
        "chinook" => sample::chinook(&source),
        _ => source.execute(include_str!("objects.sql")),
    };
    filled.expect(sample);
    source
}

#[tokio::test]
async fn explore() {
    let cluster = Cluster::start(ClusterOptions::new().major(15)).expect("a cluster");
    for name in ["objects"] {
        let source = filled(&cluster, name);
        let database = read(&source).await;
        for (profile_name, profile) in [("db9", Profile::db9_documented()), ("postgresql", Profile::postgresql())] {
            let wishes = Wishes { comments: true, foreign_tables: false };
            let conversion = convert(&database, &profile, &Mapping::default(), wishes);
            let target = cluster.database(&format!("{name}_{profile_name}")).expect("target");
            let failed = apply(&target, &conversion).await;
            println!("##### {name} {profile_name}: {} statements, {} failed", conversion.statements.len(), failed.len());
            for f in failed { println!("  FAILED {f}"); }
            if profile_name == "postgresql" {
                let (before, after) = (objects(&database), objects(&read(&target).await));
                for o in before.difference(&after) { println!("  GONE {o}"); }
                for o in after.difference(&before) { println!("  NEW {o}"); }
            }
            let mut text = String::new();
            for s in &conversion.statements {
                for r in &s.rewritten { text.push_str(&format!("-- {r}\n")); }
                text.push_str(&format!("{};\n", s.sql));
            }
            for l in &conversion.left_out { text.push_str(&format!("-- LEFT {}: {}\n", l.object, l.why)); }
            for f in &conversion.findings { text.push_str(&format!("-- FINDING {} {}: {}\n", f.kind.id, f.object, f.detail)); }
            std::fs::write(format!("/tmp/post_{name}_{profile_name}.sql"), text).unwrap();
        }
    }
}
