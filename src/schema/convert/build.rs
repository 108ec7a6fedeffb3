//! A conversion in the making: what has been made, what has been left out, and who needs whom.

use std::collections::{BTreeSet, HashMap};

use crate::catalog::database::{Database, Dependency, Name, Object};
use crate::profile::Profile;
use crate::schema::finding::Finding;
use crate::schema::mapping::Mapping;
use crate::schema::syntax::Rewrites;

use super::{Conversion, LeftOut, Makes, Section, Statement, Wishes};

/// The state that the parts of the conversion share.
pub(super) struct Build<'a> {
    /// What is converted.
    pub(super) database: &'a Database,
    /// For which target.
    pub(super) profile: &'a Profile,
    /// What a person wants to be otherwise.
    pub(super) mapping: &'a Mapping,
    /// The same, by switches.
    pub(super) wishes: Wishes,
    /// What every SQL text of the source goes through: renamed objects, types that become others.
    pub(super) rewrites: Rewrites,
    /// What there is so far.
    pub(super) conversion: Conversion,
    made: HashMap<Object, usize>,
    left: HashMap<Object, String>,
    edges: HashMap<Object, Vec<&'a Dependency>>,
}

/// A statement before its place is known.
pub(super) struct Draft {
    pub(super) section: Section,
    pub(super) makes: Makes,
    /// Readable and unique: see [`Statement::object`].
    pub(super) object: String,
    pub(super) name: Name,
    pub(super) sql: String,
    pub(super) rewritten: Vec<String>,
    /// Objects of the source that it needs besides those that `Database::dependencies` tells.
    pub(super) needs: Vec<Object>,
}

impl<'a> Build<'a> {
    pub(super) fn new(
        database: &'a Database,
        profile: &'a Profile,
        mapping: &'a Mapping,
        wishes: Wishes,
    ) -> Self {
        let mut edges: HashMap<Object, Vec<&Dependency>> = HashMap::new();
        for dependency in &database.dependencies {
            edges
                .entry(dependency.dependent)
                .or_default()
                .push(dependency);
        }
        Self {
            database,
            profile,
            mapping,
            wishes,
            rewrites: Rewrites::default(),
            conversion: Conversion::default(),
            made: HashMap::new(),
            left: HashMap::new(),
            edges,
        }
    }

    /// What an object needs, by the source's own dependencies.
    pub(super) fn needs_of(&self, object: Object) -> &[&'a Dependency] {
        self.edges.get(&object).map_or(&[], Vec::as_slice)
    }

    /// The statement that makes an object.
    pub(super) fn made(&self, object: Object) -> Option<usize> {
        self.made.get(&object).copied()
    }

    /// Why an object was left out.
    pub(super) fn why_left_out(&self, object: Object) -> Option<&str> {
        self.left.get(&object).map(String::as_str)
    }

    /// Adds a statement that makes an object of the source (`None`: something without an OID), after all
    /// that it needs.
    pub(super) fn push(&mut self, object: Option<Object>, draft: Draft) -> usize {
        let told = object
            .into_iter()
            .flat_map(|object| self.needs_of(object).iter().map(|edge| edge.on));
        let needs: BTreeSet<usize> = told
            .chain(draft.needs.iter().copied())
            .filter_map(|needed| self.made(needed))
            .collect();
        let index = self.conversion.statements.len();
        self.conversion.statements.push(Statement {
            section: draft.section,
            makes: draft.makes,
            object: draft.object,
            name: draft.name,
            sql: draft.sql,
            rewritten: draft.rewritten,
            needs: needs.into_iter().collect(),
        });
        if let Some(object) = object {
            self.made.insert(object, index);
        }
        index
    }

    /// Says that another object comes with a statement (a primary key's index with its table).
    pub(super) fn made_with(&mut self, object: Object, statement: usize) {
        self.made.insert(object, statement);
    }

    /// Leaves an object out.
    pub(super) fn leave_out(
        &mut self,
        object: Object,
        readable: impl Into<String>,
        why: impl Into<String>,
    ) {
        let why = why.into();
        self.left.insert(object, why.clone());
        self.conversion.left_out.push(LeftOut {
            object: readable.into(),
            why,
        });
    }

    /// Notes a finding.
    pub(super) fn find(&mut self, finding: Finding) {
        self.conversion.findings.push(finding);
    }

    pub(super) fn finish(self) -> Conversion {
        self.conversion
    }
}
