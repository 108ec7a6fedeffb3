//! Where the rows of each source table are: in a table of its own, or in that of the partitioned table
//! or INHERITS parent above it.

use std::collections::HashMap;

use crate::catalog::database::{Class, Name, Object, Relation};
use crate::schema::convert::build::Build;

use super::source::Source;

/// The target tables of the source's tables.
#[derive(Default)]
pub(super) struct Homes<'a> {
    homes: HashMap<u32, Home<'a>>,
    parts: HashMap<u32, Vec<&'a Relation>>,
}

/// The target table that holds a source table's rows.
#[derive(Clone)]
pub(super) struct Home<'a> {
    /// The source table that it was made from.
    pub(super) root: &'a Relation,
    /// Its name in the target.
    pub(super) name: Name,
}

impl<'a> Homes<'a> {
    pub(super) fn new(build: &Build<'a>, source: &Source<'a>) -> Self {
        let mut homes = Self::default();
        for relation in build.database.relations.iter().filter(|r| r.is_table()) {
            let Some((root, statement)) = find(build, source, relation) else {
                continue;
            };
            let name = build.conversion.statements[statement].name.clone();
            homes.homes.insert(relation.oid, Home { root, name });
            if root.oid != relation.oid {
                homes.parts.entry(root.oid).or_default().push(relation);
            }
        }
        homes
    }

    /// Where the rows of a table are; `None` where they have no place in the target.
    pub(super) fn of(&self, oid: u32) -> Option<&Home<'a>> {
        self.homes.get(&oid)
    }

    /// Whether a table has no target table of its own, since its rows go into another's.
    pub(super) fn is_part(&self, oid: u32) -> bool {
        self.of(oid).is_some_and(|home| home.root.oid != oid)
    }

    /// The tables whose rows go into that of a table, without itself.
    pub(super) fn parts(&self, root: u32) -> &[&'a Relation] {
        self.parts.get(&root).map_or(&[], Vec::as_slice)
    }

    /// Every table that has a target table of its own, with that one's name.
    pub(super) fn roots(&self) -> impl Iterator<Item = &Home<'a>> {
        let homes = self.homes.iter();
        homes.filter_map(|(&oid, home)| (home.root.oid == oid).then_some(home))
    }
}

/// The topmost relation whose statement makes the table for this one, too.
fn find<'a>(
    build: &Build<'a>,
    source: &Source<'a>,
    relation: &'a Relation,
) -> Option<(&'a Relation, usize)> {
    let made = |r: &Relation| build.made(Object::new(Class::Relation, r.oid));
    let mut found = made(relation).map(|statement| (relation, statement));
    let mut seen = vec![relation.oid];
    let mut above = parents(relation);
    while let Some(oid) = above.pop() {
        let Some(parent) = source.relation(oid).filter(|_| !seen.contains(&oid)) else {
            continue;
        };
        seen.push(oid);
        match (found, made(parent)) {
            (None, Some(statement)) => found = Some((parent, statement)),
            (Some((_, statement)), Some(other)) if statement == other => {
                found = Some((parent, statement));
            }
            _ => {}
        }
        above.extend(parents(parent));
    }
    found
}

fn parents(relation: &Relation) -> Vec<u32> {
    let inherited = relation.inherits.iter().rev().copied();
    inherited.chain(relation.partition_of).collect()
}
