//! Which tables there are in the target: trees of partitions and of INHERITS laid flat.

use std::collections::HashMap;

use crate::catalog::database::{Database, Relation, RelationKind};
use crate::profile::Profile;
use crate::schema::convert::Wishes;

/// What a relation of the source is in the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A table.
    Table,
    /// A partition that stays one.
    Partition {
        /// The table above it.
        parent: u32,
    },
    /// Nothing of its own: its rows go into the table at the top of its tree.
    PartOf {
        /// That table.
        root: u32,
    },
    /// A foreign table that nobody asked for.
    Foreign,
    /// It comes with its extension, or not at all.
    OfExtension,
    /// A view.
    View,
}

/// The roles of all relations.
pub(super) struct Layout {
    /// INHERITS is kept.
    pub(super) inherits: bool,
    roles: HashMap<u32, Role>,
    partitions: HashMap<u32, Vec<u32>>,
    children: HashMap<u32, Vec<u32>>,
}

impl Layout {
    pub(super) fn new(database: &Database, profile: &Profile, wishes: Wishes) -> Self {
        let parents: HashMap<u32, u32> = partition_parents(database);
        let keeps = Profile::yes(&profile.partitioning) == Some(true);
        let mut layout = Self {
            inherits: Profile::yes(&profile.inheritance) == Some(true),
            roles: HashMap::new(),
            partitions: HashMap::new(),
            children: HashMap::new(),
        };
        for relation in &database.relations {
            let role = role(relation, &parents, keeps, wishes);
            layout.roles.insert(relation.oid, role);
            if let Some(&parent) = parents.get(&relation.oid) {
                layout
                    .partitions
                    .entry(parent)
                    .or_default()
                    .push(relation.oid);
            }
            for &parent in &relation.inherits {
                layout
                    .children
                    .entry(parent)
                    .or_default()
                    .push(relation.oid);
            }
        }
        layout
    }

    /// What a relation is in the target.
    pub(super) fn role(&self, oid: u32) -> Role {
        self.roles.get(&oid).copied().unwrap_or(Role::View)
    }

    /// Whether it has a name of its own in the target.
    pub(super) fn is_made(&self, oid: u32) -> bool {
        matches!(self.role(oid), Role::Table | Role::Partition { .. })
    }

    /// All partitions below a table, at every level, those above before those below.
    pub(super) fn partitions(&self, oid: u32) -> Vec<u32> {
        let mut found = Vec::new();
        let mut open = vec![oid];
        while let Some(next) = open.pop() {
            let below = self.partitions.get(&next).map_or(&[][..], Vec::as_slice);
            found.extend(below);
            open.extend(below.iter().rev());
        }
        found
    }

    /// INHERITS children, without theirs.
    pub(super) fn children(&self, oid: u32) -> &[u32] {
        self.children.get(&oid).map_or(&[], Vec::as_slice)
    }
}

/// The partitioned table above each partition, less those that can not be seen.
fn partition_parents(database: &Database) -> HashMap<u32, u32> {
    let seen: std::collections::HashSet<u32> = database.relations.iter().map(|r| r.oid).collect();
    database
        .relations
        .iter()
        .filter_map(|r| Some((r.oid, r.partition_of?)))
        .filter(|(oid, parent)| seen.contains(parent) && oid != parent)
        .collect()
}

fn role(
    relation: &Relation,
    parents: &HashMap<u32, u32>,
    keeps_partitions: bool,
    wishes: Wishes,
) -> Role {
    let parent = parents.get(&relation.oid);
    match relation.kind {
        RelationKind::View | RelationKind::MaterializedView => Role::View,
        _ if relation.extension.is_some() => Role::OfExtension,
        RelationKind::Foreign if !wishes.foreign_tables => Role::Foreign,
        _ => match parent {
            Some(&parent) if keeps_partitions => Role::Partition { parent },
            Some(_) => Role::PartOf {
                root: root(relation.oid, parents),
            },
            None => Role::Table,
        },
    }
}

fn root(oid: u32, parents: &HashMap<u32, u32>) -> u32 {
    let mut at = oid;
    // A tree has fewer levels than tables: a circle ends, too.
    for _ in 0..parents.len() {
        match parents.get(&at) {
            Some(&parent) => at = parent,
            None => break,
        }
    }
    at
}
