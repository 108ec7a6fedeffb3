//! Schemas and extensions.

use std::collections::{BTreeSet, HashMap};

use crate::catalog::database::{Class, Database, Extension, Name, Object};
use crate::catalog::readable;
use crate::schema::convert::build::{Build, Draft};
use crate::schema::convert::{Makes, Section};
use crate::sql;

/// Makes the schemas and extensions of the target.
pub(super) fn build(build: &mut Build<'_>) {
    schemas(build);
    extensions(build);
}

/// `public` is there in every new database, others may be: none of them is an error.
fn schemas(build: &mut Build<'_>) {
    let database = build.database;
    let mut done: HashMap<String, usize> = HashMap::new();
    for schema in database.schemas.iter().filter(|s| s.extension.is_none()) {
        let target = build.mapping.schema(&schema.name).to_owned();
        let object = Object::new(Class::Schema, schema.oid);
        if let Some(&statement) = done.get(&target) {
            build.made_with(object, statement);
            continue;
        }
        let statement = push_schema(build, Some(object), &target);
        done.insert(target, statement);
    }
    let others: BTreeSet<String> = build
        .mapping
        .tables
        .values()
        .map(|name| name.schema.clone())
        .filter(|schema| !done.contains_key(schema))
        .collect();
    for target in others {
        push_schema(build, None, &target);
    }
}

fn push_schema(build: &mut Build<'_>, object: Option<Object>, target: &str) -> usize {
    let draft = Draft {
        section: Section::PreData,
        makes: Makes::Schema,
        object: format!("schema {}", readable(target)),
        name: Name::new(target, target),
        sql: format!("CREATE SCHEMA IF NOT EXISTS {}", sql::identifier(target)),
        rewritten: Vec::new(),
        needs: Vec::new(),
    };
    build.push(object, draft)
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

/// The finding is one of those that no DDL shows.
fn leave_out(build: &mut Build<'_>, extension: &Extension, members: &[Object]) {
    let name = readable(&extension.name);
    let why = format!("the target has no extension {name}");
    let object = Object::new(Class::Extension, extension.oid);
    build.leave_out(object, format!("extension {name}"), why);
    for &member in members {
        let why = format!("it belongs to the extension {name}, which is left out");
        build.absent(member, why);
    }
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
