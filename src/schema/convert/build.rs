//! A conversion in the making: what has been made, what has been left out, and who needs whom.

#[cfg(feature = "parser")]
use std::cell::RefCell;
#[cfg(feature = "parser")]
use std::collections::HashSet;
use std::collections::{BTreeSet, HashMap};
#[cfg(feature = "parser")]
use std::rc::Rc;

#[cfg(feature = "parser")]
use crate::catalog::database::OtherKind;
use crate::catalog::database::{
    Database, Dependency, Name, Object, Relation, Routine, Sequence, UserType,
};
use crate::profile::Profile;
use crate::schema::finding::Finding;
use crate::schema::mapping::Mapping;
#[cfg(feature = "parser")]
use crate::schema::syntax::lost::{Signature, World};
use crate::schema::syntax::{Rewriter, Rewrites};

use super::lens::Columns;
use super::pre::TypeMap;
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
    /// The same, prepared.
    pub(super) rewriter: Rewriter,
    /// What becomes of the types of columns.
    pub(super) types: TypeMap<'a>,
    /// What there is so far.
    pub(super) conversion: Conversion,
    /// CHECKs that are NOT VALID: they come after the rows.
    pub(super) late_checks: Vec<LateCheck>,
    /// Columns of views as they are in the target, by pg_class.oid.
    pub(super) view_columns: HashMap<u32, Columns>,
    relations: HashMap<u32, &'a Relation>,
    #[cfg(feature = "parser")]
    relations_named: HashMap<&'a Name, &'a Relation>,
    #[cfg(feature = "parser")]
    routine_names: HashSet<&'a str>,
    routines_named: HashMap<&'a Name, Vec<&'a Routine>>,
    /// What routines take and return, as far as it was asked for, by pg_proc.oid; `None` where that is
    /// not read.
    #[cfg(feature = "parser")]
    signatures: RefCell<HashMap<u32, Option<Rc<Signature>>>>,
    #[cfg(feature = "parser")]
    operator_names: HashSet<&'a str>,
    routines: HashMap<u32, &'a Routine>,
    sequences: HashMap<u32, &'a Sequence>,
    user_types: HashMap<u32, &'a UserType>,
    schemas: HashMap<String, usize>,
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

/// What a CHECK is of, by its OID in the source.
pub(super) enum LateOn {
    Table(u32),
    Domain(u32),
}

/// A CHECK that is NOT VALID.
pub(super) struct LateCheck {
    pub(super) on: LateOn,
    /// pg_constraint.oid; `None` where a column has it from its domain.
    pub(super) oid: Option<u32>,
    pub(super) name: String,
    /// As the target can compute it.
    pub(super) condition: String,
    /// NO INHERIT.
    pub(super) no_inherit: bool,
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
            rewriter: Rewriter::default(),
            types: TypeMap::new(database, profile, mapping),
            late_checks: Vec::new(),
            view_columns: HashMap::new(),
            relations: database.relations.iter().map(|r| (r.oid, r)).collect(),
            #[cfg(feature = "parser")]
            relations_named: database.relations.iter().map(|r| (&r.name, r)).collect(),
            routines_named: database.routines_by_name(),
            #[cfg(feature = "parser")]
            signatures: RefCell::default(),
            #[cfg(feature = "parser")]
            routine_names: database
                .routines
                .iter()
                .map(|r| r.name.name.as_str())
                .collect(),
            #[cfg(feature = "parser")]
            operator_names: database
                .others
                .iter()
                .filter(|other| other.kind == OtherKind::Operator)
                .map(|other| other.name.name.as_str())
                .collect(),
            routines: database.routines.iter().map(|r| (r.oid, r)).collect(),
            sequences: database.sequences.iter().map(|s| (s.oid, s)).collect(),
            user_types: database.types.iter().map(|t| (t.oid, t)).collect(),
            conversion: Conversion::default(),
            schemas: HashMap::new(),
            made: HashMap::new(),
            left: HashMap::new(),
            edges,
        }
    }

    /// The name that an object gets in the target.
    pub(super) fn renamed(&self, name: &Name) -> Name {
        let moved = self.rewrites.names.get(name);
        moved.map_or_else(|| self.mapping.name(name), Name::clone)
    }

    /// The relation of that pg_class.oid.
    pub(super) fn relation(&self, oid: u32) -> Option<&'a Relation> {
        self.relations.get(&oid).copied()
    }

    /// The relation of that name.
    #[cfg(feature = "parser")]
    pub(super) fn relation_named(&self, name: &Name) -> Option<&'a Relation> {
        self.relations_named.get(name).copied()
    }

    /// Whether users or extensions have a routine of this bare name.
    #[cfg(feature = "parser")]
    pub(super) fn has_routine(&self, name: &str) -> bool {
        self.routine_names.contains(name)
    }

    /// Whether users or extensions have an operator of this bare name.
    #[cfg(feature = "parser")]
    pub(super) fn has_operator(&self, name: &str) -> bool {
        self.operator_names.contains(name)
    }

    /// Whether users or extensions have a routine of this name, or something else is there in its place.
    pub(super) fn is_known_routine(&self, name: &Name) -> bool {
        self.routines_named.contains_key(name) || self.rewrites.names.contains_key(name)
    }

    /// The routines of a name.
    #[cfg(feature = "parser")]
    pub(super) fn routines_named(&self, name: &Name) -> &[&'a Routine] {
        self.routines_named.get(name).map_or(&[], Vec::as_slice)
    }

    /// What a routine takes and returns, read once; `None` where that is not read.
    #[cfg(feature = "parser")]
    pub(super) fn signature(&self, routine: &Routine, world: &dyn World) -> Option<Rc<Signature>> {
        if let Some(known) = self.signatures.borrow().get(&routine.oid) {
            return known.clone();
        }
        let definition = routine.definition.as_deref();
        let signature = definition.and_then(|definition| Signature::of(definition, world));
        let signature = signature.map(Rc::new);
        let mut known = self.signatures.borrow_mut();
        known.insert(routine.oid, signature.clone());
        signature
    }

    /// The routine of that pg_proc.oid.
    pub(super) fn routine(&self, oid: u32) -> Option<&'a Routine> {
        self.routines.get(&oid).copied()
    }

    /// The sequence of that pg_class.oid.
    pub(super) fn sequence(&self, oid: u32) -> Option<&'a Sequence> {
        self.sequences.get(&oid).copied()
    }

    /// The user's type of that pg_type.oid.
    pub(super) fn user_type(&self, oid: u32) -> Option<&'a UserType> {
        self.user_types.get(&oid).copied()
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
    /// that it needs; its schema is among that.
    pub(super) fn push(&mut self, object: Option<Object>, draft: Draft) -> usize {
        let told = object
            .into_iter()
            .flat_map(|object| self.needs_of(object).iter().map(|edge| edge.on));
        let needs: BTreeSet<usize> = told
            .chain(draft.needs.iter().copied())
            .filter_map(|needed| self.made(needed))
            .chain(self.schemas.get(&draft.name.schema).copied())
            .collect();
        let index = self.conversion.statements.len();
        if draft.makes == Makes::Schema {
            self.schemas.insert(draft.name.schema.clone(), index);
        }
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

    /// Says why an object is not there, without listing it: a partition, of which the finding of its
    /// table tells; a member of an extension that is left out.
    pub(super) fn absent(&mut self, object: Object, why: impl Into<String>) {
        self.left.insert(object, why.into());
    }

    /// Notes a finding.
    pub(super) fn find(&mut self, finding: Finding) {
        self.conversion.findings.push(finding);
    }

    pub(super) fn finish(self) -> Conversion {
        self.conversion
    }
}
