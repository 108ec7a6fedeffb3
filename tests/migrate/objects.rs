//! The target, looked up object by object: what the conversion promises is there.

use std::collections::BTreeMap;

use wire9::catalog::database::{Database, Name, RelationKind};
use wire9::endpoint::introspect;
use wire9::runs::check::{self, Assessment};
use wire9::schema::convert::{Makes, Statement, Wishes};
use wire9::schema::mapping::Mapping;
use wire9::wire::{ConnectOptions, Connection, Endpoint, Environment};

use crate::harness::{Pair, Sample};
use crate::office::office;

fn options(uri: &str) -> ConnectOptions {
    ConnectOptions::parse(uri, Endpoint::Postgres, &Environment::default()).expect("a URI")
}

async fn assessment(pair: &Pair) -> Assessment {
    let environment = Environment::default();
    let target = ConnectOptions::parse(&pair.standin.uri(), Endpoint::Db9, &environment);
    let settings = check::Settings {
        source: options(&pair.source.uri()),
        target: Some(target.expect("a URI")),
        profile: None,
        mapping: Mapping::default(),
        wishes: Wishes::default(),
        deep: false,
        jobs: 2,
        unsupported_source: false,
        accepted: std::collections::BTreeSet::new(),
        io_timeout: std::time::Duration::from_secs(60),
    };
    check::check(&settings).await.expect("a check")
}

/// The target behind the stand-in, as its own catalog tells it.
async fn target(pair: &Pair) -> Database {
    let mut connection = Connection::connect(&options(&pair.standin.admin_uri()))
        .await
        .expect("connects");
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL search_path = ''";
    connection.query(begin).await.expect("begins");
    introspect::database(&mut connection)
        .await
        .expect("readable")
}

/// Why a statement's object is not what it should be.
fn problem(statement: &Statement, target: &Database) -> Option<String> {
    let name = &statement.name;
    let relation = |kinds: &[RelationKind]| {
        target
            .relations
            .iter()
            .any(|r| r.name == *name && kinds.contains(&r.kind))
    };
    let last = |of: &str| statement.object.ends_with(&format!(".{of}"));
    let of_table = target.relations.iter().find(|r| r.name == *name);
    let there = match statement.makes {
        Makes::Schema => target.schemas.iter().any(|s| s.name == name.schema),
        Makes::Extension => target.extensions.iter().any(|e| e.name == name.name),
        Makes::Type => target.types.iter().any(|t| t.name == *name),
        Makes::Sequence => target.sequences.iter().any(|s| s.name == *name),
        Makes::Table => relation(&[RelationKind::Table]),
        Makes::View => relation(&[RelationKind::View]),
        Makes::MaterializedView => relation(&[RelationKind::MaterializedView]),
        Makes::Index => target.relations.iter().any(|r| {
            r.name.schema == name.schema && r.indexes.iter().any(|i| i.name == name.name && i.valid)
        }),
        Makes::Check => {
            of_table.is_some_and(|r| r.constraints.iter().any(|c| last(&c.name) && !c.validated))
        }
        Makes::Unique | Makes::ForeignKey => {
            of_table.is_some_and(|r| r.constraints.iter().any(|c| last(&c.name) && c.validated))
        }
        Makes::Trigger => of_table.is_some_and(|r| r.triggers.iter().any(|t| last(&t.name))),
        Makes::Routine | Makes::EarlyRoutine => target.routines.iter().any(|r| r.name == *name),
        Makes::SequenceOwner | Makes::Comment | Makes::Analyze => true,
    };
    (!there).then(|| format!("{} is not there", statement.object))
}

/// Columns that have another type than the conversion says.
fn wrong_columns(assessment: &Assessment, target: &Database) -> Vec<String> {
    let types: BTreeMap<(Name, &str), &str> = target
        .relations
        .iter()
        .flat_map(|r| {
            r.columns
                .iter()
                .map(|c| ((r.name.clone(), c.name.as_str()), c.data_type.sql.as_str()))
        })
        .collect();
    let mut wrong = Vec::new();
    for table in &assessment.conversion.tables {
        for column in &table.columns {
            let found = types.get(&(table.target.clone(), column.name.as_str()));
            if found.is_none_or(|found| !same_type(found, &column.to)) {
                wrong.push(format!(
                    "{}.{}: {} is {found:?}",
                    table.target, column.name, column.to
                ));
            }
        }
    }
    wrong
}

/// Types may be written in their short form, and quoted.
fn same_type(found: &str, promised: &str) -> bool {
    let plain = |text: &str| {
        text.replace('"', "")
            .replace("varchar", "character varying")
            .replace("timestamptz", "timestamp with time zone")
            .replace(", ", ",")
            .to_lowercase()
    };
    plain(found) == plain(promised)
}

fn arrives_object_by_object(pair: &Pair) {
    pair.migrate().run().ends_with(0);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (assessment, target) =
        runtime.block_on(async { (assessment(pair).await, target(pair).await) });
    let statements = &assessment.conversion.statements;
    let mut problems: Vec<String> = statements
        .iter()
        .filter_map(|s| problem(s, &target))
        .collect();
    problems.extend(wrong_columns(&assessment, &target));
    assert_eq!(problems, [] as [String; 0]);
    // And nothing else: every table of the target is promised.
    let promised = |name: &Name| statements.iter().any(|s| s.name == *name);
    let others: Vec<String> = target
        .relations
        .iter()
        .filter(|r| r.name.schema != "wire9" && !promised(&r.name))
        .map(|r| r.name.to_string())
        .collect();
    assert_eq!(others, [] as [String; 0]);
}

#[test]
fn the_office_arrives_object_by_object() {
    arrives_object_by_object(&office());
}

#[test]
fn the_shop_arrives_object_by_object() {
    arrives_object_by_object(&Pair::empty(Sample::Shop(0.02)));
}

#[test]
fn chinook_arrives_object_by_object() {
    arrives_object_by_object(&Pair::empty(Sample::Chinook));
}
