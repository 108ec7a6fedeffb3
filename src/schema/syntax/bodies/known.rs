//! What the texts of a database are compared with.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

use super::super::lexer::Lexed;
use crate::catalog::database::{Database, Name, Routine};
use crate::profile::{Profile, ServerKind};

/// The source's objects by their names, and the target's profile.
pub(super) struct Known<'a> {
    pub(super) database: &'a Database,
    pub(super) profile: &'a Profile,
    /// The target is a PostgreSQL: what no document of DB9 names is no matter.
    pub(super) is_postgresql: bool,
    /// Functions that the target's profile lists as missing.
    pub(super) missing: HashSet<&'a str>,
    routines: HashMap<&'a str, Vec<&'a Routine>>,
    relations: HashMap<&'a str, Vec<&'a Name>>,
    schemas: HashSet<&'a str>,
    transition_tables: OnceCell<HashSet<String>>,
    /// Tables with partitions or INHERITS children.
    parents: HashSet<&'a Name>,
}

impl<'a> Known<'a> {
    pub(super) fn new(database: &'a Database, profile: &'a Profile) -> Self {
        let mut routines: HashMap<&str, Vec<&Routine>> = HashMap::new();
        for routine in &database.routines {
            routines
                .entry(&routine.name.name)
                .or_default()
                .push(routine);
        }
        let mut relations: HashMap<&str, Vec<&Name>> = HashMap::new();
        let names = database.relations.iter().map(|r| &r.name);
        for name in names.chain(database.sequences.iter().map(|s| &s.name)) {
            relations.entry(&name.name).or_default().push(name);
        }
        let missing = profile.missing_functions.iter();
        let server = profile.server.as_ref().map(|fact| fact.value);
        Self {
            database,
            profile,
            is_postgresql: server == Some(ServerKind::Postgresql),
            missing: missing
                .flat_map(|fact| &fact.value)
                .map(String::as_str)
                .collect(),
            routines,
            relations,
            schemas: database.schemas.iter().map(|s| s.name.as_str()).collect(),
            transition_tables: OnceCell::new(),
            parents: parents(database),
        }
    }

    /// Whether a table takes in the rows of its partitions or children; without a schema: in any schema.
    pub(super) fn is_flattened(&self, name: &Name) -> bool {
        let kept = [&self.profile.partitioning, &self.profile.inheritance];
        if kept.iter().all(|kept| Profile::yes(kept) == Some(true)) {
            return false;
        }
        let mut parents = self.parents.iter();
        match name.schema.as_str() {
            "" => parents.any(|parent| parent.name == name.name),
            _ => self.parents.contains(name),
        }
    }

    /// The source's routines that a call can mean.
    pub(super) fn routines(&self, schema: &str, name: &str) -> impl Iterator<Item = &'a Routine> {
        let schema = schema.to_owned();
        let all = self.routines.get(name).map_or(&[][..], Vec::as_slice);
        all.iter()
            .copied()
            .filter(move |r| schema.is_empty() || r.name.schema == schema)
    }

    /// Whether a schema of the source is read whole, so that what is not found there does not exist.
    pub(super) fn is_own_schema(&self, schema: &str) -> bool {
        self.schemas.contains(schema)
    }

    /// Whether a relation exists; without a schema: in any schema.
    pub(super) fn has_relation(&self, schema: &str, name: &str) -> bool {
        let all = self.relations.get(name).map_or(&[][..], Vec::as_slice);
        all.iter().any(|n| schema.is_empty() || n.schema == schema)
            || self.is_of_a_type(schema, name)
            || (schema.is_empty() && self.transition_tables().contains(name))
    }

    /// A composite type is a relation, too, though nothing can be selected from it.
    fn is_of_a_type(&self, schema: &str, name: &str) -> bool {
        let same = |n: &Name| n.name == name && (schema.is_empty() || n.schema == schema);
        self.database.types.iter().any(|t| same(&t.name))
    }

    /// Names that REFERENCING gives to transition tables: trigger functions select from them.
    fn transition_tables(&self) -> &HashSet<String> {
        self.transition_tables.get_or_init(|| {
            let triggers = self.database.relations.iter().flat_map(|r| &r.triggers);
            triggers
                .filter(|trigger| trigger.transition_tables)
                .flat_map(|trigger| transition_names(&trigger.definition))
                .collect()
        })
    }

    /// Whether the target has an extension; `None` is open.
    pub(super) fn has_extension(&self, name: &str) -> Option<bool> {
        let fact = self.profile.extensions.as_ref()?;
        Some(name == "plpgsql" || fact.value.iter().any(|e| e == name))
    }
}

fn parents(database: &Database) -> HashSet<&Name> {
    let relations = database.relations.iter();
    let above = relations.flat_map(|r| r.inherits.iter().chain(&r.partition_of));
    let above: HashSet<u32> = above.copied().collect();
    let parents = database.relations.iter().filter(|r| above.contains(&r.oid));
    parents.map(|parent| &parent.name).collect()
}

/// `REFERENCING OLD TABLE AS a NEW TABLE AS b`
fn transition_names(definition: &str) -> Vec<String> {
    let Ok(lexed) = Lexed::new(definition) else {
        return Vec::new();
    };
    let place = |at: &usize| lexed.is_word(*at, "table") && lexed.is_word(at + 1, "as");
    (0..lexed.tokens.len())
        .filter(place)
        .map(|at| lexed.name(at + 2).into_owned())
        .collect()
}
