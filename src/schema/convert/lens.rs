//! The source's types as texts see them: which of them are others in the target.

use crate::catalog::database::{Field, Name, Relation, Routine, UserTypeKind};
use crate::catalog::{DataType, Shape};
use crate::schema::syntax::lost::{self, Family, Inside, Lost, Misuse, World};
use crate::schema::syntax::type_name::TypeKey;

pub(super) use crate::schema::syntax::lost::Columns;

use super::build::Build;
use super::pre::{Declared, are_alike};

/// Domains over domains beyond this are a circle of a broken catalog.
const DEEPEST_DOMAIN: usize = 64;

/// A build, looked at for what its texts use.
pub(super) struct Lens<'l, 'a> {
    build: &'l Build<'a>,
    /// Schemas in which names without one are looked for; none where such names are the server's own.
    path: Vec<String>,
}

impl<'l, 'a> Lens<'l, 'a> {
    /// For texts whose names have their schemas.
    pub(super) fn new(build: &'l Build<'a>) -> Self {
        Self {
            build,
            path: Vec::new(),
        }
    }

    /// For the body of a routine.
    pub(super) fn of_routine(build: &'l Build<'a>, routine: &Routine) -> Self {
        Self {
            build,
            path: routine.search_path(),
        }
    }

    /// The columns of a view in the target.
    ///
    /// # Errors
    /// What its query uses that is not there for another type.
    pub(super) fn view(&self, relation: &Relation) -> Result<Columns, Misuse> {
        let query = relation.query.as_deref().unwrap_or_default();
        let mut columns = lost::view(query.trim().trim_end_matches(';'), self)?;
        // The view's own names are above those of its query.
        if columns.columns.len() == relation.columns.len() {
            for ((name, _), field) in columns.columns.iter_mut().zip(&relation.columns) {
                name.clone_from(&field.name);
            }
        }
        Ok(columns)
    }

    /// What a column of a view that was looked at becomes; `None` where it stays.
    pub(super) fn becomes_in_view(&self, view: &Relation, column: &str) -> Option<String> {
        let columns = &self.build.view_columns.get(&view.oid)?.columns;
        let (_, lost) = columns.iter().find(|(name, _)| name == column)?;
        lost.as_ref().map(|lost| lost.becomes.clone())
    }

    /// Looks through a routine.
    ///
    /// # Errors
    /// What its SQL uses that is not there for another type.
    pub(super) fn routine(&self, routine: &Routine) -> Result<(), Misuse> {
        match &routine.definition {
            Some(definition) if routine.language == "sql" => lost::routine(definition, self),
            _ => Ok(()),
        }
    }

    /// Looks through a trigger.
    ///
    /// # Errors
    /// What its WHEN uses that is not there for another type.
    pub(super) fn trigger(&self, definition: &str) -> Result<(), Misuse> {
        lost::trigger(definition, self)
    }

    fn column(&self, relation: &Relation, field: &Field) -> Option<Lost> {
        if let Some(given) = self.build.mapping.column(&relation.name, &field.name) {
            let same = given.using.is_none() && are_alike(&field.data_type.sql, &given.data_type);
            return (!same).then(|| Lost {
                name: field.data_type.sql.clone(),
                family: self.family(field.type_oid, &field.data_type, 0),
                becomes: given.data_type.clone(),
                inside: Inside::Nothing,
            });
        }
        self.lost(Declared {
            oid: field.type_oid,
            data_type: &field.data_type,
            dimensions: field.dimensions,
        })
    }

    fn lost(&self, declared: Declared<'_>) -> Option<Lost> {
        let data_type = declared.data_type;
        let mapped = self.build.types.map(declared);
        let family = self.family(declared.oid, data_type, 0);
        // They keep their operators, and lose a few functions.
        let nearly = matches!(family, Family::Enum | Family::Money);
        let inside = self.inside(family, declared, &mapped.sql);
        let parts_change = inside != Inside::Nothing;
        let changes = mapped.is_foreign || nearly && mapped.sql != data_type.sql || parts_change;
        changes.then(|| Lost {
            name: data_type.sql.clone(),
            family,
            becomes: mapped.sql,
            inside,
        })
    }

    /// What becomes of the elements of an array, of the fields of a row, where it is still one.
    fn inside(&self, family: Family, declared: Declared<'_>, becomes: &str) -> Inside {
        let user_type = self
            .build
            .types
            .declared_type(declared.oid, declared.data_type);
        match (family, user_type.map(|user_type| &user_type.kind)) {
            (Family::Array, _) if becomes.ends_with(']') => {
                let element = self.element(declared.data_type, 0);
                element.map_or(Inside::Nothing, |lost| Inside::Elements(Box::new(lost)))
            }
            (Family::Composite, Some(UserTypeKind::Composite(fields))) if becomes != "text" => {
                let fields = fields.iter().map(|(name, data_type)| {
                    let declared = Declared {
                        oid: 0,
                        data_type,
                        dimensions: 0,
                    };
                    (name.clone(), self.lost(declared))
                });
                fields_of(fields.collect())
            }
            _ => Inside::Nothing,
        }
    }

    /// What becomes of the elements of an array, or of a domain over one.
    fn element(&self, array: &DataType, depth: usize) -> Option<Lost> {
        if let Some(element) = array.sql.strip_suffix("[]") {
            return self.lost(Declared {
                oid: 0,
                data_type: &scalar(element),
                dimensions: 0,
            });
        }
        match &self.build.types.declared_type(0, array)?.kind {
            UserTypeKind::Domain { base, .. } if depth < DEEPEST_DOMAIN => {
                self.element(base, depth + 1)
            }
            _ => None,
        }
    }

    /// The row type of a relation.
    fn row(&self, type_sql: &str, key: &TypeKey) -> Option<Lost> {
        let columns = World::columns(self, &Name::new(key.schema.clone(), key.name.clone()))?;
        match fields_of(columns.columns) {
            Inside::Nothing => None,
            inside => Some(Lost {
                name: type_sql.to_owned(),
                family: Family::Composite,
                becomes: type_sql.to_owned(),
                inside,
            }),
        }
    }

    fn family(&self, oid: u32, data_type: &DataType, depth: usize) -> Family {
        let user_type = self.build.types.declared_type(oid, data_type);
        let kind = user_type.map(|user_type| &user_type.kind);
        match kind {
            _ if data_type.shape == Shape::Array || data_type.sql.ends_with(']') => Family::Array,
            Some(UserTypeKind::Enum(_)) => Family::Enum,
            Some(UserTypeKind::Composite(_)) => Family::Composite,
            Some(UserTypeKind::Range { .. }) => Family::Range,
            Some(UserTypeKind::Domain { base, base_oid, .. }) if depth < DEEPEST_DOMAIN => {
                self.family(*base_oid, base, depth + 1)
            }
            Some(_) => Family::of_name(user_type.map_or("", |t| &t.name.name)),
            None if data_type.shape == Shape::Composite => Family::Composite,
            None if !data_type.base_name.is_empty() => Family::of_name(&data_type.base_name),
            None => match TypeKey::from_sql(&data_type.sql) {
                Some(key) => Family::of_name(&key.name),
                None => Family::Other,
            },
        }
    }
}

impl World for Lens<'_, '_> {
    fn columns(&self, relation: &Name) -> Option<Columns> {
        let named = |name: &Name| self.build.relation_named(name);
        let relation = match relation.schema.as_str() {
            "" => self
                .path
                .iter()
                .find_map(|schema| named(&Name::new(schema.clone(), relation.name.clone()))),
            _ => named(relation),
        }?;
        if relation.is_view() {
            return self.build.view_columns.get(&relation.oid).cloned();
        }
        let columns = relation.columns.iter();
        let columns = columns.map(|field| (field.name.clone(), self.column(relation, field)));
        Some(Columns {
            columns: columns.collect(),
            // `ctid` and its like are never others.
            more: false,
        })
    }

    fn becomes(&self, type_sql: &str) -> Option<Lost> {
        let key = TypeKey::from_sql(type_sql)?;
        if key.array {
            let element = self.becomes(type_sql.trim_end_matches("[]"))?;
            return Some(element.array());
        }
        // Others stay in texts: a row type of a table has the table's columns there.
        let replaced = self.build.rewrites.types.contains_key(type_sql);
        let data_type = DataType {
            base_name: key.name.clone(),
            ..scalar(type_sql)
        };
        let declared = Declared {
            oid: 0,
            data_type: &data_type,
            dimensions: 0,
        };
        if replaced || self.build.types.declared_type(0, &data_type).is_some() {
            return self
                .lost(declared)
                .filter(|lost| replaced || lost.inside != Inside::Nothing);
        }
        self.row(type_sql, &key)
    }

    fn has_function(&self, name: &str) -> bool {
        !self.path.is_empty() && self.build.has_routine(name)
    }

    fn returns(&self, function: &Name, arguments: &[Option<Lost>]) -> Option<Lost> {
        let named = |name: &Name| self.build.routines_named(name);
        let namesakes = match function.schema.as_str() {
            "" => self
                .path
                .iter()
                .map(|schema| named(&Name::new(schema.clone(), function.name.clone())))
                .find(|found| !found.is_empty())?,
            _ => named(function),
        };
        let mut results = Vec::new();
        for routine in namesakes {
            let signature = self.build.signature(routine, self)?;
            if signature.takes(arguments.len()) {
                results.push(signature.result(arguments));
            }
        }
        // Which of several is meant is not known.
        results.dedup();
        match results.as_mut_slice() {
            [only] => only.take(),
            _ => None,
        }
    }

    fn has_operator(&self, name: &str) -> bool {
        !self.path.is_empty() && self.build.has_operator(name)
    }
}

fn scalar(sql: &str) -> DataType {
    DataType {
        sql: sql.to_owned(),
        shape: Shape::Scalar,
        base: 0,
        base_name: String::new(),
        typmod: None,
        holds_timestamp: false,
    }
}

/// Fields of a row, if something of them is lost.
fn fields_of(columns: Vec<(String, Option<Lost>)>) -> Inside {
    match columns.iter().any(|(_, lost)| lost.is_some()) {
        true => Inside::Fields(Columns {
            columns,
            more: false,
        }),
        false => Inside::Nothing,
    }
}
