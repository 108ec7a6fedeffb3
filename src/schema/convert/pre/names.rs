//! Names in the target that are too long, or that two objects would have.

use std::collections::HashMap;

use super::kinds;
use super::layout::Layout;
use super::maker::Maker;
use crate::catalog::database::Name;
use crate::schema::convert::build::Build;
use crate::schema::finding::Finding;

/// PostgreSQL's own limit, which DB9 documents, too.
const IDENTIFIER_BYTES: u32 = 63;

/// The catalogs within which names are unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Space {
    Relations,
    Types,
    Routines,
}

/// An object that gets a name.
struct Named {
    space: Space,
    source: String,
    target: Name,
    /// Tells routines of one name apart.
    arguments: String,
}

/// Looks at all names that the conversion is going to give.
pub(super) fn check(maker: &mut Maker<'_, '_>) {
    let (build, layout) = (&mut *maker.build, &maker.layout);
    let named = all(build, layout);
    collisions(build, &named);
    let columns = columns(build, layout);
    let limit = build.profile.identifier_bytes.as_ref();
    let limit = limit.map_or(IDENTIFIER_BYTES, |fact| fact.value) as usize;
    let objects = named
        .iter()
        .flat_map(|n| [(&n.source, &n.target.name), (&n.source, &n.target.schema)]);
    let columns = columns.iter().map(|(object, name)| (object, name));
    let long: Vec<Finding> = objects
        .chain(columns)
        .filter(|(_, name)| name.len() > limit)
        .map(|(object, name)| too_long(object, name.len(), limit))
        .collect();
    for finding in long {
        build.find(finding);
    }
}

fn too_long(object: &str, bytes: usize, limit: usize) -> Finding {
    let detail = format!("a name of {bytes} bytes, {limit} are taken");
    Finding::new(&kinds::LONG_NAME, object).detail(detail)
}

fn collisions(build: &mut Build<'_>, named: &[Named]) {
    let mut seen: HashMap<(Space, &Name, &str), &str> = HashMap::new();
    for object in named {
        let place = (object.space, &object.target, object.arguments.as_str());
        if let Some(first) = seen.insert(place, &object.source) {
            let detail = format!("{first} becomes {}, too", object.target);
            build.find(Finding::new(&kinds::COLLISION, &object.source).detail(detail));
        }
    }
}

fn all(build: &Build<'_>, layout: &Layout) -> Vec<Named> {
    let mut named = Vec::new();
    let mut add = |space, source: String, target: Name| {
        named.push(Named {
            space,
            source,
            target,
            arguments: String::new(),
        });
    };
    let database = build.database;
    let mapping = build.mapping;
    let relations = database.relations.iter();
    for relation in relations.filter(|r| r.is_view() || layout.is_made(r.oid)) {
        let target = mapping.name(&relation.name);
        let what = if relation.is_view() { "view" } else { "table" };
        for index in &relation.indexes {
            let name = Name::new(target.schema.clone(), index.name.clone());
            let source = format!("index {}", Name::new(&relation.name.schema, &index.name));
            add(Space::Relations, source, name);
        }
        add(
            Space::Relations,
            format!("{what} {}", relation.name),
            target,
        );
    }
    for sequence in database.sequences.iter().filter(|s| s.extension.is_none()) {
        let source = format!("sequence {}", sequence.name);
        add(Space::Relations, source, mapping.name(&sequence.name));
    }
    for user_type in database.types.iter().filter(|t| build.types.creates(t)) {
        let source = format!("type {}", user_type.name);
        add(Space::Types, source, mapping.name(&user_type.name));
    }
    named.extend(routines(build));
    named
}

fn routines(build: &Build<'_>) -> Vec<Named> {
    let routines = build.database.routines.iter();
    routines
        .filter(|routine| routine.extension.is_none())
        .map(|routine| Named {
            space: Space::Routines,
            source: format!("function {}", routine.signature()),
            target: build.mapping.name(&routine.name),
            arguments: routine.arguments.clone(),
        })
        .collect()
}

/// Columns and constraints: they never collide, for they keep their names and their tables.
fn columns(build: &Build<'_>, layout: &Layout) -> Vec<(String, String)> {
    let relations = build.database.relations.iter();
    let made = relations.filter(|r| layout.is_made(r.oid));
    made.flat_map(|relation| {
        let columns = relation.columns.iter().map(|c| ("column", &c.name));
        let constraints = relation.constraints.iter().map(|c| ("constraint", &c.name));
        columns.chain(constraints).map(|(what, name)| {
            let readable = crate::catalog::readable(name);
            (format!("{what} {}.{readable}", relation.name), name.clone())
        })
    })
    .collect()
}
