//! Schemas and extensions.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::kinds;
use crate::catalog::database::{Class, Database, Extension, Name, Object};
use crate::catalog::readable;
use crate::schema::convert::build::{Build, Draft};
use crate::schema::convert::{Makes, Section};
use crate::schema::finding::Finding;
use crate::sql;

/// Makes the schemas and extensions of the target.
pub(super) fn build(build: &mut Build<'_>) {
    schemas(build);
    extensions(build);
}

/// `public` is there in every new database, others may be: none of them is an error.
fn schemas(build: &mut Build<'_>) {
    let database = build.database;
    let mut done = BTreeSet::new();
    for schema in database.schemas.iter().filter(|s| s.extension.is_none()) {
        let target = build.mapping.schema(&schema.name).to_owned();
        let object = Object::new(Class::Schema, schema.oid);
        if done.insert(target.clone()) {
            push_schema(build, Some(object), &target);
        }
    }
    let others: Vec<String> = build
        .mapping
        .tables
        .values()
        .map(|name| name.schema.clone())
        .filter(|schema| !done.contains(schema))
        .collect();
    for target in BTreeSet::from_iter(others) {
        push_schema(build, None, &target);
    }
}

fn push_schema(build: &mut Build<'_>, object: Option<Object>, target: &str) {
    let draft = Draft {
        section: Section::PreData,
        makes: Makes::Schema,
        object: format!("schema {}", readable(target)),
        name: Name::new(target, ""),
        sql: format!("CREATE SCHEMA IF NOT EXISTS {}", sql::identifier(target)),
        rewritten: Vec::new(),
        needs: Vec::new(),
    };
    build.push(object, draft);
}

fn extensions(build: &mut Build<'_>) {
    let members = Members::of(build.database);
    let database = build.database;
    for extension in &database.extensions {
        let own = members.of_extension(&extension.name);
        if extension.name == "plpgsql" {
            continue;
        }
        if build.types.has_extension(&extension.name) {
            let index = push_extension(build, extension);
            for &member in own {
                build.made_with(member, index);
            }
        } else {
            leave_out(build, extension, own);
        }
    }
}

fn push_extension(build: &mut Build<'_>, extension: &Extension) -> usize {
    let schema = build.mapping.schema(&extension.schema).to_owned();
    let draft = Draft {
        section: Section::PreData,
        makes: Makes::Extension,
        object: format!("extension {}", readable(&extension.name)),
        name: Name::new(schema.clone(), extension.name.clone()),
        sql: format!(
            "CREATE EXTENSION IF NOT EXISTS {} WITH SCHEMA {}",
            sql::identifier(&extension.name),
            sql::identifier(&schema)
        ),
        rewritten: Vec::new(),
        needs: Vec::new(),
    };
    build.push(Some(Object::new(Class::Extension, extension.oid)), draft)
}

fn leave_out(build: &mut Build<'_>, extension: &Extension, members: &[Object]) {
    let name = readable(&extension.name);
    let why = format!("the target has no extension {name}");
    let object = Object::new(Class::Extension, extension.oid);
    let needed = dependents(build.database, object, members);
    build.leave_out(object, format!("extension {name}"), why);
    for &member in members {
        build.absent(
            member,
            format!("it belongs to the extension {name}, which is left out"),
        );
    }
    let needed = match needed {
        0 => "nothing in the catalog needs it".to_owned(),
        1 => "one object needs it".to_owned(),
        n => format!("{n} objects need it"),
    };
    let detail = format!("{needed}{}", way_out(&extension.name));
    build.find(Finding::new(&kinds::EXTENSION, format!("extension {name}")).detail(detail));
}

/// The usual way out, where there is one.
fn way_out(extension: &str) -> &'static str {
    match extension {
        "pgcrypto" => {
            "; gen_random_uuid() is built in, digests and ciphers belong into the application"
        }
        "citext" => "; its columns become text: index and compare lower(…)",
        "pg_trgm" => "; LIKE '%…%' scans the table, or use zhparser's or another text search",
        "postgis" => "; its columns become text (hex EWKB)",
        "ltree" => "; its columns become text",
        "pg_stat_statements" | "pg_buffercache" | "pgstattuple" => "; it only watches the server",
        "btree_gin" | "btree_gist" => "; use B-tree indexes",
        _ => "",
    }
}

/// How many objects outside of an extension need it or one of its members.
fn dependents(database: &Database, extension: Object, members: &[Object]) -> usize {
    let members: HashSet<Object> = members.iter().copied().chain([extension]).collect();
    let needing: HashSet<Object> = database
        .dependencies
        .iter()
        .filter(|edge| members.contains(&edge.on) && !members.contains(&edge.dependent))
        .map(|edge| edge.dependent)
        .collect();
    needing.len()
}

/// Which objects belong to which extension.
struct Members(HashMap<String, Vec<Object>>);

impl Members {
    fn of(database: &Database) -> Self {
        let types = database.types.iter();
        let types = types.map(|t| (&t.extension, Class::Type, t.oid));
        let routines = database.routines.iter();
        let routines = routines.map(|r| (&r.extension, Class::Routine, r.oid));
        let relations = database.relations.iter();
        let relations = relations.map(|r| (&r.extension, Class::Relation, r.oid));
        let sequences = database.sequences.iter();
        let sequences = sequences.map(|s| (&s.extension, Class::Sequence, s.oid));
        let others = database.others.iter();
        let others = others.map(|o| (&o.extension, Class::Other, o.oid));
        let all = types
            .chain(routines)
            .chain(relations)
            .chain(sequences)
            .chain(others);
        let mut members: HashMap<String, Vec<Object>> = HashMap::new();
        for (extension, class, oid) in all {
            if let Some(extension) = extension {
                let object = Object::new(class, oid);
                members.entry(extension.clone()).or_default().push(object);
            }
        }
        Self(members)
    }

    fn of_extension(&self, name: &str) -> &[Object] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }
}
