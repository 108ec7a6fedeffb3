//! The types that columns have in the target.

use std::collections::HashMap;

use crate::catalog::database::Name;
use crate::schema::convert::build::Build;

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

    /// What becomes of a type by its name alone.
    pub(super) fn rewritten_type(&self, sql: String) -> String {
        let (element, array) = match sql.strip_suffix("[]") {
            Some(element) => (element, "[]"),
            None => (sql.as_str(), ""),
        };
        let types = &self.build.rewrites.types;
        let plain = element.split('(').next().unwrap_or_default().trim();
        match types.get(element).or_else(|| types.get(plain)) {
            Some(new) => format!("{new}{array}"),
            None => sql,
        }
    }
}
