//! The types that columns have in the target.

use std::collections::HashMap;

use crate::catalog::database::{Field, Name, Relation};
use crate::schema::convert::build::Build;
use crate::schema::convert::pre::Declared;

use super::Post;

/// The target's tables, found by their names.
pub(super) struct Tables(HashMap<Name, usize>);

impl Tables {
    pub(super) fn new(build: &Build<'_>) -> Self {
        let tables = build.conversion.tables.iter().enumerate();
        Self(tables.map(|(i, t)| (t.target.clone(), i)).collect())
    }
}

impl Post<'_, '_> {
    /// The type that a column of a table has in the target; `None` for columns that are not sent.
    pub(super) fn column_type(&self, table: &Name, column: &str) -> Option<String> {
        let table = *self.tables.0.get(table)?;
        let table = self.build.conversion.tables.get(table)?;
        let found = table.columns.iter().find(|c| c.name == column)?;
        Some(found.to.clone())
    }

    /// The type that a column gets, whatever the mapping says of its table: of generated columns, and of
    /// those of materialized views.
    pub(super) fn type_of(&self, field: &Field) -> String {
        let declared = Declared {
            oid: field.type_oid,
            data_type: &field.data_type,
            dimensions: field.dimensions,
        };
        self.build.types.map(declared).sql
    }

    /// The type of a column where it is another one, of other operators and functions.
    pub(super) fn foreign_type(&self, relation: &Relation, field: &Field) -> Option<String> {
        if let Some(given) = self.build.mapping.column(&relation.name, &field.name) {
            let becomes = given.data_type.clone();
            return (becomes != field.data_type.sql).then_some(becomes);
        }
        let declared = Declared {
            oid: field.type_oid,
            data_type: &field.data_type,
            dimensions: field.dimensions,
        };
        let mapped = self.build.types.map(declared);
        mapped.is_foreign.then_some(mapped.sql)
    }
}
