//! The source database, found by OID and by name.

use std::collections::HashMap;

use crate::catalog::database::{
    Class, Database, Extension, Name, Object, Other, OtherKind, Relation, RelationKind, Routine,
    RoutineKind, Sequence, UserType, UserTypeKind,
};
use crate::catalog::readable;

/// The objects of a database by OID and by name.
pub(super) struct Source<'a> {
    relations: HashMap<u32, &'a Relation>,
    relations_named: HashMap<&'a Name, &'a Relation>,
    routines: HashMap<u32, &'a Routine>,
    routines_named: HashMap<&'a Name, Vec<&'a Routine>>,
    types: HashMap<u32, &'a UserType>,
    types_named: HashMap<String, &'a UserType>,
    sequences: HashMap<u32, &'a Sequence>,
    extensions: HashMap<u32, &'a Extension>,
    extensions_named: HashMap<&'a str, &'a Extension>,
    others: HashMap<u32, &'a Other>,
}

impl<'a> Source<'a> {
    pub(super) fn new(database: &'a Database) -> Self {
        let relations = || database.relations.iter();
        let extensions = || database.extensions.iter();
        Self {
            relations: relations().map(|r| (r.oid, r)).collect(),
            relations_named: relations().map(|r| (&r.name, r)).collect(),
            routines: database.routines.iter().map(|r| (r.oid, r)).collect(),
            routines_named: database.routines_by_name(),
            types: database.types.iter().map(|t| (t.oid, t)).collect(),
            types_named: database
                .types
                .iter()
                .map(|t| (format!("{}.{}", t.name.schema, t.name.name), t))
                .collect(),
            sequences: database.sequences.iter().map(|s| (s.oid, s)).collect(),
            extensions: extensions().map(|e| (e.oid, e)).collect(),
            extensions_named: extensions().map(|e| (e.name.as_str(), e)).collect(),
            others: database.others.iter().map(|o| (o.oid, o)).collect(),
        }
    }

    pub(super) fn relation(&self, oid: u32) -> Option<&'a Relation> {
        self.relations.get(&oid).copied()
    }

    pub(super) fn relation_named(&self, name: &Name) -> Option<&'a Relation> {
        self.relations_named.get(name).copied()
    }

    pub(super) fn routine(&self, oid: u32) -> Option<&'a Routine> {
        self.routines.get(&oid).copied()
    }

    /// All routines of a name, whatever their arguments.
    pub(super) fn routines_named(&self, name: &Name) -> &[&'a Routine] {
        self.routines_named.get(name).map_or(&[], Vec::as_slice)
    }

    pub(super) fn user_type(&self, oid: u32) -> Option<&'a UserType> {
        self.types.get(&oid).copied()
    }

    /// A type by its plain `schema.name`.
    pub(super) fn type_named(&self, name: &str) -> Option<&'a UserType> {
        self.types_named.get(name).copied()
    }

    pub(super) fn extension_named(&self, name: &str) -> Option<&'a Extension> {
        self.extensions_named.get(name).copied()
    }

    pub(super) fn other(&self, oid: u32) -> Option<&'a Other> {
        self.others.get(&oid).copied()
    }

    /// The extension that an object belongs to.
    pub(super) fn extension_of(&self, object: Object) -> Option<&'a str> {
        let oid = object.oid;
        match object.class {
            Class::Relation => self.relation(oid)?.extension.as_deref(),
            Class::Routine => self.routine(oid)?.extension.as_deref(),
            Class::Type => self.user_type(oid)?.extension.as_deref(),
            Class::Sequence => self.sequences.get(&oid)?.extension.as_deref(),
            Class::Extension => Some(self.extensions.get(&oid)?.name.as_str()),
            Class::Other => self.other(oid)?.extension.as_deref(),
            Class::Schema | Class::Index | Class::Constraint | Class::Trigger => None,
        }
    }

    /// The bare name of an object, for people.
    pub(super) fn name(&self, object: Object) -> String {
        let told = match object.class {
            Class::Relation => self.relation(object.oid).map(|r| r.name.to_string()),
            Class::Routine => self.routine(object.oid).map(Routine::signature),
            Class::Type => self.user_type(object.oid).map(|t| t.name.to_string()),
            Class::Sequence => self.sequences.get(&object.oid).map(|s| s.name.to_string()),
            Class::Extension => self.extensions.get(&object.oid).map(|e| readable(&e.name)),
            Class::Other => self.other(object.oid).map(|o| other_name(&o.name)),
            Class::Schema | Class::Index | Class::Constraint | Class::Trigger => None,
        };
        told.unwrap_or_else(|| format!("object {}", object.oid))
    }

    /// What an object is and its name, for people: `foreign table public.f`.
    pub(super) fn label(&self, object: Object) -> String {
        let oid = object.oid;
        let word = match object.class {
            Class::Relation => self
                .relation(oid)
                .map_or("relation", |r| relation_word(r.kind)),
            Class::Routine => self
                .routine(oid)
                .map_or("function", |r| routine_word(r.kind)),
            Class::Type => self.user_type(oid).map_or("type", |t| type_word(&t.kind)),
            Class::Sequence => "sequence",
            Class::Extension => "extension",
            Class::Other => self.other(oid).map_or("", |o| other_word(o.kind)),
            Class::Schema | Class::Index | Class::Constraint | Class::Trigger => "",
        };
        format!("{word} {}", self.name(object))
            .trim_start()
            .to_owned()
    }
}

/// What a relation is, in words.
pub(super) fn relation_word(kind: RelationKind) -> &'static str {
    match kind {
        RelationKind::Table => "table",
        RelationKind::Partitioned => "partitioned table",
        RelationKind::Foreign => "foreign table",
        RelationKind::View => "view",
        RelationKind::MaterializedView => "materialized view",
    }
}

/// What a routine is, in words.
pub(super) fn routine_word(kind: RoutineKind) -> &'static str {
    match kind {
        RoutineKind::Function | RoutineKind::Window => "function",
        RoutineKind::Procedure => "procedure",
        RoutineKind::Aggregate => "aggregate",
    }
}

fn type_word(kind: &UserTypeKind) -> &'static str {
    match kind {
        UserTypeKind::Domain { .. } => "domain",
        _ => "type",
    }
}

fn other_word(kind: OtherKind) -> &'static str {
    match kind {
        OtherKind::Cast => "cast",
        OtherKind::Operator => "operator",
        OtherKind::OperatorClass => "operator class",
        OtherKind::TextSearch => "text search object",
        OtherKind::Collation => "collation",
        OtherKind::Conversion => "conversion",
        OtherKind::Language => "language",
        OtherKind::ForeignServer => "foreign server",
        _ => "object",
    }
}

fn other_name(name: &Name) -> String {
    if name.schema.is_empty() {
        readable(&name.name)
    } else {
        name.to_string()
    }
}
