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
//!
//! Names are written as in SQL: what has capitals, spaces or a dot in it needs its double quotes,
//! `'public."Order Lines"'`. A table that `[tables]` names goes where that says, whatever `[schemas]` says.
//! Types are PostgreSQL's without a modifier (`money`, `character varying`, `public.email`); arrays
//! follow their elements. `using` is an SQL expression over the columns of the source table, computed by
//! the source; without it the column is sent in its own text form, which the target's type must read.
//!
//! A key that no table of this file has, a name that needs quotes and has none, and a name that matches
//! nothing in the database ([`Mapping::unmatched`]) are errors: nothing of this file is ignored.

use std::collections::{BTreeMap, HashSet};

use toml::{Table, Value};

use crate::catalog::database::{ColumnName, Database, Name};
use crate::catalog::readable;

use super::convert::type_key;

/// The tables of a file.
const SECTIONS: [&str; 4] = ["schemas", "tables", "types", "columns"];

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
#[error("{what}")]
pub struct MappingError {
    /// The key, and what is wrong with it.
    pub what: String,
    /// Its line in the file, from 1, where that can be told.
    pub line: Option<usize>,
}

impl Mapping {
    /// Reads the text of a `--map` file.
    ///
    /// # Errors
    /// The key that is not understood, and what would be.
    pub fn from_toml(text: &str) -> Result<Self, MappingError> {
        let file: Table = text.parse().map_err(|error: toml::de::Error| {
            let line = error.span().map(|span| line_at(text, span.start));
            MappingError {
                what: format!("it is not TOML: {}", error.message()),
                line,
            }
        })?;
        let mut mapping = Self::default();
        for (section, entries) in file {
            let entries = match entries {
                Value::Table(entries) if SECTIONS.contains(&section.as_str()) => entries,
                _ => return Err(unknown_section(&section)),
            };
            for (key, value) in entries {
                let at = |why: String| MappingError {
                    what: format!("[{section}] {key}: {why}"),
                    line: line_of(text, &section, &key),
                };
                mapping.entry(&section, &key, value).map_err(at)?;
            }
        }
        mapping.twice()?;
        Ok(mapping)
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

    /// The keys that match nothing in a database, one line each with what there is to be said; a file
    /// with any must not be applied.
    pub fn unmatched(&self, database: &Database) -> Vec<String> {
        let mut unmatched = Vec::new();
        let mut must = |found: bool, line: String| {
            if !found {
                unmatched.push(line);
            }
        };
        let schemas: HashSet<&str> = database.schemas.iter().map(|s| s.name.as_str()).collect();
        for schema in self.schemas.keys() {
            let line = format!("[schemas] there is no schema {}", readable(schema));
            must(schemas.contains(schema.as_str()), line);
        }
        for table in self.tables.keys() {
            let found = database.relation_named(table).is_some();
            must(found, format!("[tables] there is no table or view {table}"));
        }
        let types = types_used(database);
        for name in self.types.keys() {
            let line = format!("[types] no column is of type {name}");
            must(types.contains(&type_key(name)), line);
        }
        for column in self.columns.keys() {
            let table = database.relation_named(&column.table);
            let table = table.filter(|relation| relation.is_table());
            let found = table.is_some_and(|t| t.column(&column.column).is_some());
            let name = readable(&column.column);
            let line = format!(
                "[columns] there is no column {}.{name} of a table",
                column.table
            );
            must(found, line);
        }
        unmatched
    }

    fn entry(&mut self, section: &str, key: &str, value: Value) -> Result<(), String> {
        match section {
            "schemas" => {
                let [from] = names(key)?;
                let [to] = names(text(&value)?)?;
                self.schemas.insert(from, to);
            }
            "tables" => {
                let [schema, name] = names(key)?;
                let [to_schema, to_name] = names(text(&value)?)?;
                let to = Name::new(to_schema, to_name);
                self.tables.insert(Name::new(schema, name), to);
            }
            "types" => {
                let to = type_text(text(&value)?)?;
                self.types.insert(type_name(key)?, to);
            }
            _ => {
                let [schema, name, column] = names(key)?;
                let table = Name::new(schema, name);
                let mapping = column_mapping(value)?;
                self.columns.insert(ColumnName { table, column }, mapping);
            }
        }
        Ok(())
    }

    /// Two tables of the file can not get one name.
    fn twice(&self) -> Result<(), MappingError> {
        let mut seen: BTreeMap<&Name, &Name> = BTreeMap::new();
        for (from, to) in &self.tables {
            if let Some(first) = seen.insert(to, from) {
                return Err(fail(format!(
                    "[tables] {first} and {from} both become {to}"
                )));
            }
        }
        Ok(())
    }
}

fn fail(what: String) -> MappingError {
    MappingError { what, line: None }
}

/// The line, from 1, of a byte.
fn line_at(text: &str, byte: usize) -> usize {
    let before = &text.as_bytes()[..byte.min(text.len())];
    before.iter().filter(|b| **b == b'\n').count() + 1
}

/// The line of a key, where it stands on a line of its own below the header of its table.
fn line_of(text: &str, section: &str, key: &str) -> Option<usize> {
    let mut header = None;
    text.lines().enumerate().find_map(|(at, line)| {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[') {
            header = name.split(']').next().map(str::trim);
        }
        let (written, _) = line.split_once('=')?;
        let bare = written.trim();
        let unquoted = ['"', '\''].map(|q| bare.strip_prefix(q)?.strip_suffix(q));
        let same = bare == key || unquoted.contains(&Some(key));
        (header == Some(section) && same).then_some(at + 1)
    })
}

fn unknown_section(name: &str) -> MappingError {
    let name = readable(name);
    fail(format!(
        "there is no table [{name}]; there are [schemas], [tables], [types] and [columns]"
    ))
}

fn text(value: &Value) -> Result<&str, String> {
    value
        .as_str()
        .ok_or_else(|| format!("its value must be a string, not {}", value.type_str()))
}

fn column_mapping(value: Value) -> Result<ColumnMapping, String> {
    let Value::Table(mut fields) = value else {
        return Ok(ColumnMapping {
            data_type: type_text(text(&value)?)?,
            using: None,
        });
    };
    let data_type = fields.remove("type").ok_or("`type` is missing")?;
    let using = fields.remove("using");
    if let Some((unknown, _)) = fields.iter().next() {
        let unknown = readable(unknown);
        return Err(format!(
            "there is no {unknown}; there are `type` and `using`"
        ));
    }
    let using = match &using {
        Some(value) => Some(expression_text(text(value)?)?),
        None => None,
    };
    Ok(ColumnMapping {
        data_type: type_text(text(&data_type)?)?,
        using,
    })
}

/// A type as the file gives it: it goes into the target's DDL as it is, so it must be one.
fn type_text(sql: &str) -> Result<String, String> {
    let sql = sql.trim();
    let bad = || format!("{sql:?} is no type");
    if sql.is_empty() || sql.contains([';', '\0']) || sql.contains("--") || sql.contains("/*") {
        return Err(bad());
    }
    #[cfg(feature = "parser")]
    parses(&format!("SELECT NULL::{sql}")).ok_or_else(bad)?;
    Ok(sql.to_owned())
}

fn expression_text(sql: &str) -> Result<String, String> {
    let bad = || "`using` is no SQL expression".to_owned();
    if sql.trim().is_empty() || sql.contains('\0') {
        return Err(bad());
    }
    #[cfg(feature = "parser")]
    parses(&format!("SELECT ({sql}\n)")).ok_or_else(bad)?;
    Ok(sql.to_owned())
}

/// Whether PostgreSQL's parser takes it as one statement.
#[cfg(feature = "parser")]
fn parses(sql: &str) -> Option<()> {
    let tree = pg_query::parse(sql, 0).ok()?;
    (tree.protobuf.stmts.len() == 1).then_some(())
}

/// A type as a key: without a modifier, which would not be looked at.
fn type_name(key: &str) -> Result<String, String> {
    let key = key.trim();
    let outside_quotes: String = key.split('"').step_by(2).collect();
    if outside_quotes.contains(['(', '[']) {
        return Err(
            "a type without modifier and brackets is meant: all its columns follow".to_owned(),
        );
    }
    type_text(key)
}

/// The types of all columns, without modifier and brackets, and the types that users made.
fn types_used(database: &Database) -> HashSet<String> {
    let fields = database.relations.iter().flat_map(|r| &r.columns);
    let columns = fields.map(|field| type_key(&field.data_type.sql));
    let users = database.types.iter().map(|t| type_key(&t.name.quoted()));
    columns.chain(users).collect()
}

/// Splits a name as SQL writes it into the parts that are wanted.
fn names<const N: usize>(text: &str) -> Result<[String; N], String> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        let (part, after) = one_name(rest)?;
        parts.push(part);
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None if after.is_empty() => break,
            None => return Err(format!("{after:?} after a name is not understood")),
        }
    }
    let forms = ["", "SCHEMA", "SCHEMA.TABLE", "SCHEMA.TABLE.COLUMN"];
    parts
        .try_into()
        .map_err(|_| format!("{text:?} is not of the form {}", forms[N]))
}

/// The name at the start of a text and what follows it.
fn one_name(text: &str) -> Result<(String, &str), String> {
    let Some(inner) = text.strip_prefix('"') else {
        return bare_name(text);
    };
    let mut name = String::new();
    let mut characters = inner.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        if c != '"' {
            name.push(c);
        } else if characters.next_if(|&(_, next)| next == '"').is_some() {
            name.push('"');
        } else if name.is_empty() {
            return Err("a name is empty".to_owned());
        } else {
            return Ok((name, &inner[at + 1..]));
        }
    }
    Err("a double quote does not close".to_owned())
}

fn bare_name(text: &str) -> Result<(String, &str), String> {
    let end = text.find(['.', '"']).unwrap_or(text.len());
    let (name, after) = text.split_at(end);
    if name.is_empty() {
        return Err("a name is empty".to_owned());
    }
    let plain = |c: char| c.is_alphanumeric() && !c.is_uppercase() || matches!(c, '_' | '$');
    let starts = |c: char| c.is_ascii_digit() || c == '$';
    if !name.chars().all(plain) || name.starts_with(starts) {
        let quoted = crate::sql::identifier(name);
        return Err(format!("{name} needs double quotes: {quoted}"));
    }
    Ok((name.to_owned(), after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::database::{Relation, RelationKind, Schema};

    fn error(text: &str) -> String {
        Mapping::from_toml(text).unwrap_err().to_string()
    }

    #[test]
    fn an_error_names_its_line() {
        let line = |text: &str| Mapping::from_toml(text).unwrap_err().line;
        assert_eq!(line("[schemas]\n\na = = 'b'"), Some(3));
        let text = "[schemas]\na = 'b'\n[tables]\n'a.b' = 'a.c'\nusers = 'a.b'";
        assert_eq!(line(text), Some(5));
        assert_eq!(line("# it\n[colums]\n"), None);
    }

    #[test]
    fn a_file_names_schemas_tables_types_and_columns() {
        let mapping = Mapping::from_toml(
            r#"
            [schemas]
            public = "app"
            '"Odd Schema"' = "odd"
            [tables]
            'public."Users"' = 'app."a.b"'
            [types]
            money = "numeric(19,2)"
            'public."Email"' = "text"
            [columns]
            "public.orders.total" = "bigint"
            "public.orders.note" = { type = "jsonb", using = "to_jsonb(note)" }
            "#,
        )
        .unwrap();
        assert_eq!(mapping.schemas["Odd Schema"], "odd");
        let name = |schema: &str, name: &str| Name::new(schema, name);
        assert_eq!(mapping.name(&name("public", "Users")), name("app", "a.b"));
        assert_eq!(mapping.name(&name("public", "users")), name("app", "users"));
        assert_eq!(
            mapping.name(&name("other", "users")),
            name("other", "users")
        );
        assert_eq!(mapping.types["money"], "numeric(19,2)");
        let column = |column| mapping.column(&name("public", "orders"), column);
        assert_eq!(column("total").unwrap().data_type, "bigint");
        let note = column("note").unwrap();
        assert_eq!(note.using.as_deref(), Some("to_jsonb(note)"));
        assert!(column("id").is_none() && mapping.renames());
    }

    #[test]
    fn what_is_not_understood_is_named_with_what_would_be() {
        assert_eq!(
            error("[table]\n"),
            "there is no table [table]; there are [schemas], [tables], [types] and [columns]"
        );
        assert_eq!(
            error("public = 'x'"),
            "there is no table [public]; there are [schemas], [tables], [types] and [columns]"
        );
        assert_eq!(
            error("[schemas]\npublic = 3"),
            "[schemas] public: its value must be a string, not integer"
        );
        assert_eq!(
            error("[tables]\nusers = 'a.b'"),
            "[tables] users: \"users\" is not of the form SCHEMA.TABLE"
        );
        assert_eq!(
            error("[columns]\n'public.t.c' = { type = 'text', with = 'x' }"),
            "[columns] public.t.c: there is no with; there are `type` and `using`"
        );
        assert_eq!(
            error("[columns]\n'public.t.c' = { using = 'x' }"),
            "[columns] public.t.c: `type` is missing"
        );
        assert_eq!(
            error("[types]\n'numeric(10,2)' = 'text'"),
            "[types] numeric(10,2): a type without modifier and brackets is meant: all its columns follow"
        );
        assert!(error("[schemas").starts_with("it is not TOML: "));
    }

    #[test]
    fn a_name_that_needs_quotes_has_to_have_them() {
        assert_eq!(
            error("[tables]\n'public.Users' = 'a.b'"),
            "[tables] public.Users: Users needs double quotes: \"Users\""
        );
        assert_eq!(
            error("[schemas]\na = 'b c'"),
            "[schemas] a: b c needs double quotes: \"b c\""
        );
        assert_eq!(
            error("[schemas]\n'\"a' = 'b'"),
            "[schemas] \"a: a double quote does not close"
        );
        assert_eq!(
            error("[schemas]\n'\"a\"b' = 'b'"),
            "[schemas] \"a\"b: \"b\" after a name is not understood"
        );
        assert_eq!(
            error("[tables]\n'a..b' = 'b'"),
            "[tables] a..b: a name is empty"
        );
    }

    #[test]
    fn two_tables_of_the_file_can_not_get_one_name() {
        assert_eq!(
            error("[tables]\n'a.t' = 'c.t'\n'b.t' = 'c.t'"),
            "[tables] a.t and b.t both become c.t"
        );
    }

    #[test]
    fn a_type_can_not_smuggle_another_statement_in() {
        for bad in [
            "",
            "text; DROP TABLE x",
            "text -- x",
            "text, x integer)",
            "a b c d",
        ] {
            let file = format!("[types]\nmoney = {:?}", bad);
            if bad.starts_with("text,") || bad.starts_with("a b") {
                #[cfg(feature = "parser")]
                assert!(error(&file).contains("is no type"), "{bad}");
            } else {
                assert!(error(&file).contains("is no type"), "{bad}");
            }
        }
    }

    #[test]
    fn every_key_that_matches_nothing_is_named() {
        let mut table = Relation::new(1, Name::new("public", "t"), RelationKind::Table);
        table.columns.clear();
        let database = Database {
            schemas: vec![Schema {
                name: "public".to_owned(),
                ..Schema::default()
            }],
            relations: vec![table],
            ..Database::default()
        };
        let mapping = Mapping::from_toml(
            "[schemas]\npublic = 'a'\nprivate = 'b'\n[tables]\n'public.t' = 'a.t'\n'public.u' = 'a.u'\n\
             [types]\nmoney = 'text'\n[columns]\n'public.t.c' = 'text'",
        )
        .unwrap();
        assert_eq!(
            mapping.unmatched(&database),
            [
                "[schemas] there is no schema private",
                "[tables] there is no table or view public.u",
                "[types] no column is of type money",
                "[columns] there is no column public.t.c of a table",
            ]
        );
    }
}
