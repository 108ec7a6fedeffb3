//! Which source tables are meant: `--schema`, `--table`, `--exclude-table`, `--where`, `--only`.

use crate::catalog::{Catalog, Table, TableName};

use super::pattern::{Pattern, PatternError, split_condition};
use super::refusal::{Problem, Refusal, Refusals};

/// The filters as a person typed them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters {
    /// `--schema PATTERN`: only tables of these schemas.
    pub schemas: Vec<String>,
    /// `--table PATTERN`: only these tables; without a schema in the pattern, in whatever schema.
    pub tables: Vec<String>,
    /// `--exclude-table PATTERN`: not these.
    pub exclude_tables: Vec<String>,
    /// `--where TABLE=EXPR`
    pub conditions: Vec<String>,
    /// `--only TABLE`: without the tables that inherit from it.
    pub only: Vec<String>,
}

/// The filters as they are meant.
///
/// A table passes if its schema and its name are asked for (an empty list asks for all) and it is not
/// excluded. A partition answers to its own name and to that of every partitioned table above it.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    schemas: Vec<Pattern>,
    tables: Vec<Pattern>,
    excluded: Vec<Pattern>,
    conditions: Vec<(Pattern, String)>,
    only: Vec<Pattern>,
}

impl Selection {
    /// Reads the patterns.
    ///
    /// # Errors
    /// The first pattern that can not be read.
    pub fn parse(filters: &Filters) -> Result<Self, PatternError> {
        let tables = |texts: &[String]| -> Result<Vec<Pattern>, PatternError> {
            texts.iter().map(|t| Pattern::table(t)).collect()
        };
        let condition = |text: &String| {
            let (table, expression) = split_condition(text)?;
            Ok((Pattern::table(table)?, expression.to_owned()))
        };
        let schemas = filters.schemas.iter().map(|t| Pattern::schema(t));
        Ok(Self {
            schemas: schemas.collect::<Result<_, _>>()?,
            tables: tables(&filters.tables)?,
            excluded: tables(&filters.exclude_tables)?,
            conditions: filters
                .conditions
                .iter()
                .map(condition)
                .collect::<Result<_, _>>()?,
            only: tables(&filters.only)?,
        })
    }

    /// The conditions of `--where`, for a check by the server.
    pub fn conditions(&self) -> impl Iterator<Item = &str> {
        self.conditions
            .iter()
            .map(|(_, expression)| expression.as_str())
    }

    /// Whether no filter was given that chooses tables.
    pub fn is_everything(&self) -> bool {
        self.schemas.is_empty() && self.tables.is_empty() && self.excluded.is_empty()
    }

    /// Whether a table is asked for and not excluded.
    pub(super) fn selects(&self, catalog: &Catalog, table: &Table) -> bool {
        let wanted = names(catalog, table).any(|name| {
            (self.schemas.is_empty() || self.schemas.iter().any(|p| p.matches(name)))
                && (self.tables.is_empty() || self.tables.iter().any(|p| p.matches(name)))
        });
        wanted && !matches_any(&self.excluded, catalog, table)
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
        let in_schema = |t: &&Table| {
            self.schemas.is_empty()
                || names(catalog, t).any(|n| self.schemas.iter().any(|p| p.matches(n)))
        };
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

fn refuse(refusals: &mut Refusals, option: &'static str, pattern: &Pattern, near: Vec<String>) {
    refusals.push(Refusal {
        object: format!(
            "{option} {}",
            pattern.text().replace(char::is_control, "\u{fffd}")
        ),
        problem: Problem::Unmatched { near },
    });
}
