//! Who needs whom, by the names in definitions: a dump has no pg_depend.

use std::collections::{HashMap, HashSet};

use super::model::Model;
use crate::catalog::database::{
    Class, Database, Dependency, FieldDefault, Name, Object, OtherKind, Relation, Routine,
    UserTypeKind,
};
use crate::schema::syntax::lost::{self, Columns, Lost, World};
use crate::schema::syntax::type_name::TypeKey;
use crate::schema::syntax::{self, Names, NotParsed};

/// Fills the dependencies of the model.
pub(super) fn find(model: &mut Model) {
    let database = std::mem::take(&mut model.database);
    let mut finder = Finder::new(&database);
    for user_type in &database.types {
        let object = Object::new(Class::Type, user_type.oid);
        finder.schema(object, &user_type.name);
        finder.extension(object, user_type.extension.as_deref());
        finder.inside_type(object, &user_type.kind);
    }
    for sequence in &database.sequences {
        finder.schema(Object::new(Class::Sequence, sequence.oid), &sequence.name);
    }
    for routine in &database.routines {
        finder.routine(routine);
    }
    for relation in &database.relations {
        finder.relation(relation);
    }
    finder.columns_of_views(&database);
    let (edges, not_read) = (finder.edges, finder.not_read);
    model.database = database;
    model.database.dependencies = edges;
    model.database.not_read.extend(not_read);
}

struct Finder<'d> {
    by_name: ByName<'d>,
    columns: ColumnNames,
    edges: Vec<Dependency>,
    seen: HashSet<Dependency>,
    not_read: Vec<String>,
}

/// Which columns relations have: all that is wanted to see which of them a query names.
#[derive(Default)]
struct ColumnNames(HashMap<Name, Columns>);

impl World for ColumnNames {
    fn columns(&self, relation: &Name) -> Option<Columns> {
        self.0.get(relation).cloned()
    }

    fn becomes(&self, _: &str) -> Option<Lost> {
        None
    }

    fn has_function(&self, _: &str) -> bool {
        true
    }

    fn returns(&self, _: &Name, _: &[Option<Lost>]) -> Option<Lost> {
        None
    }

    fn has_operator(&self, _: &str) -> bool {
        true
    }
}

#[derive(Default)]
struct ByName<'d> {
    schemas: HashMap<&'d str, u32>,
    extensions: HashMap<&'d str, u32>,
    relations: HashMap<&'d Name, Object>,
    types: HashMap<&'d Name, Object>,
    routines: HashMap<&'d Name, Vec<u32>>,
    collations: HashMap<&'d Name, Object>,
    text_search: HashMap<&'d Name, Object>,
}

impl<'d> ByName<'d> {
    fn new(database: &'d Database) -> Self {
        let mut by_name = Self::default();
        for schema in &database.schemas {
            by_name.schemas.insert(&schema.name, schema.oid);
        }
        for extension in &database.extensions {
            by_name.extensions.insert(&extension.name, extension.oid);
        }
        for relation in &database.relations {
            let object = Object::new(Class::Relation, relation.oid);
            by_name.relations.insert(&relation.name, object);
            // Its row type.
            by_name.types.insert(&relation.name, object);
        }
        for sequence in &database.sequences {
            let object = Object::new(Class::Sequence, sequence.oid);
            by_name.relations.insert(&sequence.name, object);
        }
        for user_type in &database.types {
            let object = Object::new(Class::Type, user_type.oid);
            by_name.types.insert(&user_type.name, object);
        }
        for routine in &database.routines {
            by_name
                .routines
                .entry(&routine.name)
                .or_default()
                .push(routine.oid);
        }
        for other in &database.others {
            let by_kind = match other.kind {
                OtherKind::Collation => &mut by_name.collations,
                OtherKind::TextSearch => &mut by_name.text_search,
                _ => continue,
            };
            by_kind.insert(&other.name, Object::new(Class::Other, other.oid));
        }
        by_name
    }

    /// Everything that names mean.
    fn objects(&self, names: &Names) -> Vec<Object> {
        let relations = names
            .relations
            .iter()
            .filter_map(|n| self.relations.get(n).copied());
        let routines = names.functions.iter().filter_map(|n| self.routines.get(n));
        let routines = routines
            .flatten()
            .map(|&oid| Object::new(Class::Routine, oid));
        let types = names.types.iter().filter_map(|text| self.type_named(text));
        let collations = names.collations.iter();
        let collations = collations.filter_map(|name| self.collations.get(name).copied());
        let objects = relations.chain(routines).chain(types);
        let text_search = names.text_search.iter();
        let text_search = text_search.filter_map(|name| self.text_search.get(name).copied());
        objects.chain(collations).chain(text_search).collect()
    }

    fn type_named(&self, text: &str) -> Option<Object> {
        let key = TypeKey::from_sql(text)?;
        self.types.get(&Name::new(key.schema, key.name)).copied()
    }
}

impl<'d> Finder<'d> {
    fn new(database: &'d Database) -> Self {
        Self {
            by_name: ByName::new(database),
            columns: ColumnNames::default(),
            edges: Vec::new(),
            seen: HashSet::new(),
            not_read: Vec::new(),
        }
    }

    fn edge(&mut self, dependent: Object, column: Option<&str>, on: Object) {
        self.add(Dependency {
            dependent,
            column: column.map(str::to_owned),
            on,
            on_column: None,
        });
    }

    fn add(&mut self, edge: Dependency) {
        let Dependency { dependent, on, .. } = edge;
        if dependent != on && self.seen.insert(edge.clone()) {
            self.edges.push(edge);
        }
    }

    fn schema(&mut self, dependent: Object, name: &Name) {
        if let Some(&oid) = self.by_name.schemas.get(name.schema.as_str()) {
            self.edge(dependent, None, Object::new(Class::Schema, oid));
        }
    }

    fn extension(&mut self, dependent: Object, extension: Option<&str>) {
        if let Some(&oid) = extension.and_then(|name| self.by_name.extensions.get(name)) {
            self.edge(dependent, None, Object::new(Class::Extension, oid));
        }
    }

    fn type_text(&mut self, dependent: Object, column: Option<&str>, text: &str) {
        if let Some(on) = self.by_name.type_named(text) {
            self.edge(dependent, column, on);
        }
    }

    fn names(
        &mut self,
        dependent: Object,
        column: Option<&str>,
        names: Result<Names, NotParsed>,
        what: impl FnOnce() -> String,
    ) {
        match names {
            Ok(names) => {
                for on in self.by_name.objects(&names) {
                    self.edge(dependent, column, on);
                }
            }
            Err(why) => self.not_read.push(format!("what {} needs: {why}", what())),
        }
    }

    fn inside_type(&mut self, object: Object, kind: &UserTypeKind) {
        match kind {
            UserTypeKind::Composite(fields) => {
                for (_, data_type) in fields {
                    self.type_text(object, None, &data_type.sql);
                }
            }
            UserTypeKind::Domain {
                base,
                default,
                checks,
                ..
            } => {
                self.type_text(object, None, &base.sql);
                let checks = checks.iter().map(|check| &check.definition);
                for text in default.iter().chain(checks) {
                    let names = syntax::names_in_expression(text);
                    self.names(object, None, names, || "a domain".to_owned());
                }
            }
            UserTypeKind::Range { subtype, .. } => self.type_text(object, None, &subtype.sql),
            UserTypeKind::Enum(_) | UserTypeKind::Base => {}
        }
    }

    /// The signature of a routine, and a body that the server follows (BEGIN ATOMIC): what a string
    /// names is looked up when it runs.
    fn routine(&mut self, routine: &Routine) {
        let object = Object::new(Class::Routine, routine.oid);
        self.schema(object, &routine.name);
        let Some(definition) = &routine.definition else {
            return;
        };
        let names = syntax::names_in_definition(definition);
        self.names(object, None, names, || routine.signature());
    }

    fn relation(&mut self, relation: &Relation) {
        let object = Object::new(Class::Relation, relation.oid);
        self.schema(object, &relation.name);
        for parent in relation.inherits.iter().chain(&relation.partition_of) {
            self.edge(object, None, Object::new(Class::Relation, *parent));
        }
        if let Some(on) = relation
            .of_type
            .as_ref()
            .and_then(|t| self.by_name.types.get(t))
        {
            self.edge(object, None, *on);
        }
        if let Some(query) = &relation.query {
            let names = syntax::names_in_statement(query);
            self.names(object, None, names, || format!("view {}", relation.name));
        }
        self.columns(relation, object);
        self.parts(relation, object);
    }

    /// Columns that views name. A view comes after those that it selects from.
    fn columns_of_views(&mut self, database: &Database) {
        for relation in database.relations.iter().filter(|r| !r.is_view()) {
            let columns = relation.columns.iter();
            let columns = Columns {
                columns: columns.map(|column| (column.name.clone(), None)).collect(),
                more: false,
            };
            self.columns.0.insert(relation.name.clone(), columns);
        }
        for view in &database.relations {
            let Some(query) = &view.query else {
                continue;
            };
            let (columns, named) = lost::used(query, &self.columns);
            for (relation, column) in named {
                if let Some(&on) = self.by_name.relations.get(&relation) {
                    self.add(Dependency {
                        dependent: Object::new(Class::Relation, view.oid),
                        column: None,
                        on,
                        on_column: Some(column),
                    });
                }
            }
            self.columns.0.insert(view.name.clone(), columns);
        }
    }

    fn columns(&mut self, relation: &Relation, object: Object) {
        for column in &relation.columns {
            let name = Some(column.name.as_str());
            self.type_text(object, name, &column.data_type.sql);
            if let FieldDefault::Expression(text)
            | FieldDefault::Stored(text)
            | FieldDefault::Virtual(text) = &column.default
            {
                let names = syntax::names_in_expression(text);
                let what = || format!("column {}.{}", relation.name, column.name);
                self.names(object, name, names, what);
            }
        }
    }

    fn parts(&mut self, relation: &Relation, object: Object) {
        for constraint in &relation.constraints {
            let part = Object::new(Class::Constraint, constraint.oid);
            self.edge(part, None, object);
            if let Some(oid) = constraint.references {
                self.edge(part, None, Object::new(Class::Relation, oid));
            }
            if constraint.kind == crate::catalog::database::ConstraintKind::Check {
                let names = syntax::names_in_expression(&constraint.definition);
                let what = || format!("constraint {}.{}", relation.name, constraint.name);
                self.names(part, None, names, what);
            }
        }
        for index in &relation.indexes {
            let part = Object::new(Class::Index, index.oid);
            match index.constraint {
                Some(oid) => self.edge(part, None, Object::new(Class::Constraint, oid)),
                None => self.edge(part, None, object),
            }
            if index.predicate.is_some() || index.parts.iter().any(|p| p.column.is_none()) {
                let names = syntax::names_in_statement(&index.definition);
                self.names(part, None, names, || format!("index {}", index.name));
            }
        }
        for trigger in &relation.triggers {
            let part = Object::new(Class::Trigger, trigger.oid);
            self.edge(part, None, object);
            if trigger.function != 0 {
                self.edge(part, None, Object::new(Class::Routine, trigger.function));
            }
        }
    }
}
