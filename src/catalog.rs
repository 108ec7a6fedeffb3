//! The model of a database: tables, columns, keys (no IO).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sql;

/// The name of a table with its schema.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TableName {
    /// The schema's name, unquoted.
    pub schema: String,
    /// The table's name, unquoted.
    pub name: String,
}

impl TableName {
    /// A name from its two parts, unquoted.
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            schema: schema.into(),
            name: name.into(),
        }
    }

    /// The name as SQL text, quoted.
    pub fn quoted(&self) -> String {
        sql::qualified(&self.schema, &self.name)
    }
}

/// For people: quoted only where SQL would need it, control characters escaped.
impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", readable(&self.schema), readable(&self.name))
    }
}

/// An identifier for people: bare where it is plain, else quoted with control characters escaped,
/// so that a newline in a name can not forge a line of a report.
pub fn readable(name: &str) -> String {
    let plain = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if plain {
        name.to_owned()
    } else {
        sql::identifier(name).escape_debug_controls()
    }
}

trait EscapeControls {
    fn escape_debug_controls(&self) -> String;
}

impl EscapeControls for String {
    fn escape_debug_controls(&self) -> String {
        self.chars()
            .flat_map(|c| {
                let control = c.is_control();
                c.escape_default()
                    .filter(move |_| control)
                    .chain(std::iter::once(c).filter(move |_| !control))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newline_in_a_name_can_not_forge_a_line() {
        assert_eq!(
            TableName::new("public", "a\nb").to_string(),
            "public.\"a\\nb\""
        );
        assert_eq!(
            TableName::new("public", "Été x").to_string(),
            "public.\"Été x\""
        );
        assert_eq!(
            TableName::new("public", "orders").to_string(),
            "public.orders"
        );
    }
}
