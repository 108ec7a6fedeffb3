//! Which source tables are meant: `--schema`, `--table`, `--exclude-table`, `--where`, `--only`.

use crate::catalog::{Catalog, Table, TableName};

use super::pattern::{Pattern, PatternError, split_condition};
use super::refusal::{Problem, Refusal, Refusals};

/// Which tables of the source are copied.
///
/// A table passes if its schema and its name are asked for (an empty list asks for all) and it is not
/// excluded. A partition answers to its own schema and name and to those of every partitioned table
/// above it.
///
/// Patterns are those of psql and pg_dump: `*`, `?`, `SCHEMA.TABLE`, double quotes for exact case. One
/// without a schema means tables in whatever schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// `--schema` patterns.
    pub schemas: Vec<String>,
    /// `--table` patterns.
    pub tables: Vec<String>,
    /// `--exclude-table` patterns.
    pub exclude: Vec<String>,
    /// `--where TABLE=EXPR`: table pattern and SQL expression.
    pub conditions: Vec<(String, String)>,
    /// `--only TABLE`: copied without its inheritance children.
    pub only: Vec<String>,
}

impl Selection {
    /// Splits `TABLE=EXPR` at the first `=` outside of double quotes.
    ///
    /// # Errors
    /// Where there is none, or nothing after it.
    pub fn condition(text: &str) -> Result<(String, String), PatternError> {
        split_condition(text).map(|(table, expression)| (table.to_owned(), expression.to_owned()))
    }

    /// The patterns of excluded tables and of conditions that can not be read, or match none of these
    /// tables, as they were typed. Never an expression, which may hold values.
    pub fn unmatched(&self, tables: &[&TableName]) -> Vec<String> {
        let conditions = self.conditions.iter().map(|(table, _)| table);
        let matches = |text: &str| {
            let pattern = Pattern::table(text);
            pattern.is_ok_and(|pattern| tables.iter().any(|table| pattern.matches(table)))
        };
        let patterns = self.exclude.iter().chain(conditions);
        let unmatched = patterns.filter(|text| !matches(text));
        unmatched
            .map(|text| text.replace(char::is_control, "\u{fffd}"))
            .collect()
    }
}

/// A selection whose patterns were read.
#[derive(Debug)]
pub(super) struct Filter {
    schemas: Vec<Pattern>,
    tables: Vec<Pattern>,
    excluded: Vec<Pattern>,
    conditions: Vec<(Pattern, String)>,
    only: Vec<Pattern>,
}

impl Filter {
    /// Reads the patterns; those that can not be read become refusals.
    pub(super) fn new(selection: &Selection, refusals: &mut Refusals) -> Self {
        let mut read = |option: &str, texts: &[String], parse: Parse| -> Vec<Pattern> {
            let parsed = texts.iter().map(|text| parse(text).map_err(|e| (text, e)));
            let mut patterns = Vec::new();
            for pattern in parsed {
                match pattern {
                    Ok(pattern) => patterns.push(pattern),
                    Err((text, error)) => refusals.push(Refusal {
                        object: typed(option, text),
                        problem: Problem::Pattern(error),
                    }),
                }
            }
            patterns
        };
        let (tables, expressions): (Vec<_>, Vec<_>) = selection.conditions.iter().cloned().unzip();
        Self {
            schemas: read("--schema", &selection.schemas, Pattern::schema),
            tables: read("--table", &selection.tables, Pattern::table),
            excluded: read("--exclude-table", &selection.exclude, Pattern::table),
            only: read("--only", &selection.only, Pattern::table),
            conditions: read("--where", &tables, Pattern::table)
                .into_iter()
                .zip(expressions)
                .collect(),
        }
    }

    /// Whether a table is asked for and not excluded.
    pub(super) fn selects(&self, catalog: &Catalog, table: &Table) -> bool {
        self.in_schemas(catalog, table)
            && (self.tables.is_empty() || matches_any(&self.tables, catalog, table))
            && !matches_any(&self.excluded, catalog, table)
    }

    fn in_schemas(&self, catalog: &Catalog, table: &Table) -> bool {
        self.schemas.is_empty() || matches_any(&self.schemas, catalog, table)
    }

    /// Whether a table was asked for by a pattern of `--table`.
    pub(super) fn names(&self, catalog: &Catalog, table: &Table) -> bool {
        matches_any(&self.tables, catalog, table)
    }

    /// Whether `--only` allows a table to be copied without those that inherit from it.
    pub(super) fn is_only(&self, table: &Table) -> bool {
        self.only.iter().any(|p| p.matches(&table.name))
    }

    /// The conditions that hold for a table.
    pub(super) fn conditions_of<'a>(&'a self, catalog: &Catalog, table: &Table) -> Vec<&'a str> {
        let held = self.conditions.iter();
        held.filter(|(pattern, _)| names(catalog, table).any(|name| pattern.matches(name)))
            .map(|(_, expression)| expression.as_str())
            .collect()
    }

    /// Refuses every pattern that matches nothing.
    pub(super) fn check_patterns(&self, catalog: &Catalog, refusals: &mut Refusals) {
        for pattern in &self.schemas {
            let schemas = catalog.tables().iter().map(|t| t.name.schema.as_str());
            if !catalog.tables().iter().any(|t| pattern.matches(&t.name)) {
                refuse(refusals, "--schema", pattern, pattern.nearest(schemas));
            }
        }
        let in_schema = |t: &&Table| self.in_schemas(catalog, t);
        let selected = |t: &&Table| self.selects(catalog, t);
        self.check_tables("--table", &self.tables, catalog, in_schema, refusals);
        self.check_tables(
            "--exclude-table",
            &self.excluded,
            catalog,
            |_| true,
            refusals,
        );
        self.check_tables("--only", &self.only, catalog, |_| true, refusals);
        let conditions: Vec<Pattern> = self.conditions.iter().map(|c| c.0.clone()).collect();
        self.check_tables("--where", &conditions, catalog, selected, refusals);
    }

    fn check_tables(
        &self,
        option: &'static str,
        patterns: &[Pattern],
        catalog: &Catalog,
        among: impl Fn(&&Table) -> bool,
        refusals: &mut Refusals,
    ) {
        let tables = || catalog.tables().iter();
        for pattern in patterns {
            let mut matched = tables().filter(|t| t.kind.is_table() && among(t));
            if matched.any(|t| names(catalog, t).any(|name| pattern.matches(name))) {
                continue;
            }
            match tables().find(|t| pattern.matches(&t.name) && !t.kind.is_table()) {
                Some(other) => refusals.push(Refusal::table(
                    &other.name,
                    Problem::SourceKind { kind: other.kind },
                )),
                None => refuse(
                    refusals,
                    option,
                    pattern,
                    pattern.nearest_tables(tables().filter(|t| t.kind.is_table()).map(|t| &t.name)),
                ),
            }
        }
    }
}

/// A table's own name and those of the partitioned tables above it.
fn names<'a>(catalog: &'a Catalog, table: &'a Table) -> impl Iterator<Item = &'a TableName> {
    let ancestors = table
        .ancestors
        .iter()
        .filter_map(|&oid| catalog.by_oid(oid));
    std::iter::once(&table.name).chain(ancestors.map(|t| &t.name))
}

fn matches_any(patterns: &[Pattern], catalog: &Catalog, table: &Table) -> bool {
    names(catalog, table).any(|name| patterns.iter().any(|p| p.matches(name)))
}

type Parse = fn(&str) -> Result<Pattern, PatternError>;

/// An option as it was typed; control characters can not forge a line of a report.
fn typed(option: &str, text: &str) -> String {
    format!("{option} {}", text.replace(char::is_control, "\u{fffd}"))
}

fn refuse(refusals: &mut Refusals, option: &'static str, pattern: &Pattern, near: Vec<String>) {
    refusals.push(Refusal {
        object: typed(option, pattern.text()),
        problem: Problem::Unmatched { near },
    });
}
