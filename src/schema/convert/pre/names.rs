//! Names in the target that two objects would have, or that the `--map` file makes too long.
//!
//! Only a `--map` file can make either: within one database names are unique already. Views and indexes
//! take what is left: see the post-data part.

use std::collections::{HashMap, HashSet};

use super::kinds;
use super::maker::Maker;
use super::text::cut;
use crate::catalog::database::{Class, Name, Object, Relation};
use crate::catalog::readable;
use crate::schema::convert::build::Build;
use crate::schema::finding::Finding;

/// PostgreSQL's own limit, which DB9 documents, too.
const IDENTIFIER_BYTES: u32 = 63;

/// The catalogs within which names are unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Space {
    /// Tables, sequences and indexes.
    Relations,
    /// Types, and the row types of tables.
    Types,
    /// Functions of one list of arguments.
    Routines,
}

/// An object that gets a name.
struct Named {
    object: Object,
    spaces: &'static [Space],
    readable: String,
    source: Name,
    target: Name,
    /// Tells routines of one name apart.
    arguments: String,
}

/// What follows from the names that the conversion is going to give.
#[derive(Default)]
pub(super) struct Names {
    /// Objects whose name another one has: they are not made.
    pub(super) colliding: HashSet<Object>,
    /// Names of primary keys that are other than in the source, by pg_constraint.oid.
    pub(super) keys: HashMap<u32, String>,
}

/// Looks at all names that the conversion is going to give.
pub(super) fn check(maker: &mut Maker<'_, '_>) {
    if !maker.build.mapping.renames() {
        return;
    }
    let named = all(maker);
    lengths(maker.build, &named);
    collisions(maker, &named);
    keys(maker, &named);
}

fn lengths(build: &mut Build<'_>, named: &[Named]) {
    let limit = build.profile.identifier_bytes.as_ref();
    let limit = limit.map_or(IDENTIFIER_BYTES, |fact| fact.value) as usize;
    for object in named {
        let (from, to) = (&object.source, &object.target);
        let names = [(&from.schema, &to.schema), (&from.name, &to.name)];
        for (_, name) in names
            .iter()
            .filter(|(from, to)| from != to && to.len() > limit)
        {
            let detail = format!(
                "{} has {} bytes, {limit} are taken",
                readable(name),
                name.len()
            );
            build.find(Finding::new(&kinds::LONG_NAME, &object.readable).detail(detail));
        }
    }
}

fn collisions(maker: &mut Maker<'_, '_>, named: &[Named]) {
    let mut seen: HashMap<(Space, &Name, &str), &str> = HashMap::new();
    for object in named {
        let mut first = None;
        for &space in object.spaces {
            let place = (space, &object.target, object.arguments.as_str());
            first = first.or(seen.get(&place).copied());
            seen.entry(place).or_insert(&object.readable);
        }
        let Some(first) = first else {
            continue;
        };
        let why = format!("{first} becomes {}, too", object.target);
        let finding = Finding::new(&kinds::COLLISION, &object.readable);
        maker.build.find(finding.detail(why.clone()));
        if object.object.class != Class::Routine {
            maker.build.leave_out(object.object, &object.readable, why);
            maker.names.colliding.insert(object.object);
        }
    }
}

/// The index of a primary key is among the relations of its schema.
fn keys(maker: &mut Maker<'_, '_>, named: &[Named]) {
    let relations = named
        .iter()
        .filter(|n| n.spaces.contains(&Space::Relations));
    let mut taken: HashSet<Name> = relations.map(|n| n.target.clone()).collect();
    for relation in made(maker) {
        let Some(key) = relation.primary_key() else {
            continue;
        };
        let table = maker.build.mapping.name(&relation.name);
        let mut name = key.name.clone();
        let mut number = 0;
        while !taken.insert(Name::new(table.schema.clone(), name.clone())) {
            number += 1;
            let end = format!("_{number}");
            name = format!(
                "{}{end}",
                cut(&key.name, IDENTIFIER_BYTES as usize - end.len())
            );
        }
        if name != key.name {
            let object = format!("constraint {}.{}", relation.name, readable(&key.name));
            let finding = Finding::new(&kinds::KEY_RENAMED, object);
            maker
                .build
                .find(finding.detail(format!("it becomes {}", readable(&name))));
            maker.names.keys.insert(key.oid, name);
        }
    }
}

fn made<'a>(maker: &Maker<'_, 'a>) -> Vec<&'a Relation> {
    let relations = maker.build.database.relations.iter();
    relations.filter(|r| maker.layout.is_made(r.oid)).collect()
}

fn all(maker: &Maker<'_, '_>) -> Vec<Named> {
    let build = &*maker.build;
    let mut named = tables(maker);
    let sequences = build.database.sequences.iter();
    named.extend(sequences.filter(|s| s.extension.is_none()).map(|s| Named {
        spaces: &[Space::Relations],
        ..Named::new(
            build,
            Object::new(Class::Sequence, s.oid),
            ("sequence", &s.name),
        )
    }));
    let types = build.database.types.iter();
    named.extend(types.filter(|t| build.types.creates(t)).map(|t| Named {
        spaces: &[Space::Types],
        ..Named::new(build, Object::new(Class::Type, t.oid), ("type", &t.name))
    }));
    let routines = build.database.routines.iter();
    named.extend(routines.filter(|r| r.extension.is_none()).map(|r| Named {
        spaces: &[Space::Routines],
        readable: format!("function {}", r.signature()),
        arguments: r.arguments.clone(),
        ..Named::new(
            build,
            Object::new(Class::Routine, r.oid),
            ("function", &r.name),
        )
    }));
    named
}

fn tables(maker: &Maker<'_, '_>) -> Vec<Named> {
    let named = |relation: &Relation| Named {
        spaces: &[Space::Relations, Space::Types],
        ..Named::new(
            maker.build,
            Object::new(Class::Relation, relation.oid),
            ("table", &relation.name),
        )
    };
    made(maker).into_iter().map(named).collect()
}

impl Named {
    fn new(build: &Build<'_>, object: Object, (what, source): (&str, &Name)) -> Self {
        Self {
            object,
            spaces: &[],
            readable: format!("{what} {source}"),
            source: source.clone(),
            target: build.renamed(source),
            arguments: String::new(),
        }
    }
}
