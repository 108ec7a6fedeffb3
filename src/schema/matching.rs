//! Pairs of tables and columns, by name.

use std::collections::{HashMap, HashSet};

use crate::catalog::{Catalog, Column, Generated, Kind, Table, TableName};
use crate::copytext::{Recipe, Transform};

use super::fit::{Fit, FractionDigits, fit};
use super::refusal::{Problem, Refusal, Refusals};
use super::selection::{Filter, Selection};
use super::{Matching, Note, Pair, Reference, Target};

/// Decides for every selected table where its rows go and how.
///
/// A partition leaf goes into the target table of its root's name. Foreign keys in a circle are
/// found by `load_order`, triggers are told in `Target`: what they mean is the caller's.
///
/// # Errors
/// All problems at once: patterns without a match, tables that can not be read, tables and columns
/// that are missing on the other side, types that do not fit.
pub fn match_tables(
    source: &Catalog,
    target: &Catalog,
    selection: &Selection,
    digits: FractionDigits,
) -> Result<Matching, Refusals> {
    let roots = source
        .tables()
        .iter()
        .filter_map(|t| t.ancestors.last().copied());
    let mut refusals = Refusals::default();
    let filter = Filter::new(selection, &mut refusals);
    if !refusals.is_empty() {
        return Err(refusals);
    }
    filter.check_patterns(source, &mut refusals);
    let mut matcher = Matcher {
        source,
        target,
        filter,
        digits,
        found: Matching::default(),
        refusals,
        indexes: HashMap::new(),
        missing: HashSet::new(),
        with_leaves: roots.collect(),
    };
    matcher.tables();
    matcher.foreign_keys();
    let not_known = target.not_known.iter().cloned();
    matcher
        .found
        .notes
        .extend(not_known.map(|what| Note::NotKnown { what }));
    matcher.refusals.or(matcher.found)
}

struct Matcher<'a> {
    source: &'a Catalog,
    target: &'a Catalog,
    filter: Filter,
    digits: FractionDigits,
    found: Matching,
    refusals: Refusals,
    /// pg_class.oid in the target → index into `Matching::targets`.
    indexes: HashMap<u32, usize>,
    /// Names of target tables that were refused.
    missing: HashSet<&'a TableName>,
    /// Partitioned tables at the top that have a partition.
    with_leaves: HashSet<u32>,
}

impl<'a> Matcher<'a> {
    fn tables(&mut self) {
        let selects = |t: &&Table| t.kind.is_table() && self.filter.selects(self.source, t);
        let mut selected: Vec<&Table> = self.source.tables().iter().filter(selects).collect();
        selected.sort_by(|a, b| b.bytes().cmp(&a.bytes()).then_with(|| a.name.cmp(&b.name)));
        for table in &selected {
            self.table(table);
        }
        let nothing = self.found.pairs.is_empty() && self.refusals.is_empty();
        if nothing && !selected.iter().any(|t| t.kind == Kind::Partitioned) {
            self.refusals.push(Refusal {
                object: "the source".to_owned(),
                problem: Problem::NothingSelected,
            });
        }
    }

    fn table(&mut self, table: &'a Table) {
        if let Some(extension) = &table.extension {
            return self.found.notes.push(Note::ExtensionTable {
                table: table.name.clone(),
                extension: extension.clone(),
            });
        }
        match table.kind {
            Kind::Foreign => self.foreign(table),
            Kind::Partitioned => self.partitioned(table),
            _ => {
                self.readable(table);
                self.children(table);
                self.pair(table);
            }
        }
    }

    /// A foreign leaf would leave a hole in its root; a foreign table alone is skipped unless named.
    fn foreign(&mut self, table: &Table) {
        let root = table
            .is_partition()
            .then(|| self.source.root(table).name.clone());
        if root.is_some() || self.filter.names(self.source, table) {
            self.refuse(table, Problem::Foreign { root });
        } else {
            let table = table.name.clone();
            self.found.notes.push(Note::ForeignTable { table });
        }
    }

    /// The rows are in the leaves; only a root without any is worth a word.
    fn partitioned(&mut self, table: &Table) {
        if !table.is_partition() && !self.with_leaves.contains(&table.oid) {
            let table = table.name.clone();
            self.found.notes.push(Note::NoPartitions { table });
        }
    }

    fn readable(&mut self, table: &Table) {
        if !table.can_select() {
            self.refuse(table, Problem::NoSelect);
        }
        if table.row_security_active {
            self.refuse(table, Problem::RowSecurity);
        }
    }

    fn children(&mut self, table: &Table) {
        if self.filter.is_only(table) {
            return;
        }
        let children = table.children.iter().filter_map(|&o| self.source.by_oid(o));
        let names: Vec<_> = children
            .filter(|c| c.kind == Kind::Foreign || !self.filter.selects(self.source, c))
            .map(|c| c.name.clone())
            .collect();
        if !names.is_empty() {
            self.refuse(table, Problem::Children { names });
        }
    }

    fn pair(&mut self, table: &'a Table) {
        let Some(to) = self.counterpart_table(table) else {
            return;
        };
        let (columns, recipe) = self.columns(table, to);
        let condition = self.condition(table);
        let target = self.target_index(table, to);
        self.found.pairs.push(Pair {
            source: table.name.clone(),
            oid: table.oid,
            target,
            columns,
            recipe,
            condition,
        });
    }

    fn counterpart_table(&mut self, table: &'a Table) -> Option<&'a Table> {
        let name = &self.source.root(table).name;
        let problem = match self.target.table(name) {
            Some(to) if to.kind == Kind::Ordinary => return Some(to),
            Some(to) => Problem::TargetKind { kind: to.kind },
            None => Problem::MissingTable,
        };
        // Many leaves lack the same target: that is one problem.
        if self.missing.insert(name) {
            self.refusals.push(Refusal::table(name, problem));
        }
        None
    }

    fn columns(&mut self, from: &'a Table, to: &'a Table) -> (Vec<(String, String)>, Recipe) {
        let there: HashMap<&str, &Column> =
            to.columns.iter().map(|c| (c.name.as_str(), c)).collect();
        let mut columns = Vec::new();
        let mut transforms = Vec::new();
        for column in &from.columns {
            if column.generated != Generated::Never {
                self.note(Note::ColumnNotSent {
                    table: from.name.clone(),
                    column: column.name.clone(),
                });
                continue;
            }
            if let Some(other) = self.counterpart(from, column, &there) {
                let transform = self.transform(from, column, other);
                transforms.extend(transform.map(|t| (columns.len(), t)));
                columns.push((column.name.clone(), other.name.clone()));
            }
        }
        let fields = columns.len();
        (columns, Recipe { fields, transforms })
    }

    fn counterpart(
        &mut self,
        from: &Table,
        column: &Column,
        there: &HashMap<&str, &'a Column>,
    ) -> Option<&'a Column> {
        let other = there.get(column.name.as_str()).copied();
        if let Some(other) = other.filter(|c| c.generated == Generated::Never) {
            return Some(other);
        }
        let generated = other.is_some();
        let problem = Problem::MissingColumn { generated };
        self.refusals
            .push(Refusal::column(&from.name, &column.name, problem));
        None
    }

    fn transform(&mut self, from: &Table, column: &Column, other: &Column) -> Option<Transform> {
        let types = || {
            let sql = |c: &Column| c.data_type.sql.clone();
            (sql(column), sql(other))
        };
        match fit(&column.data_type, &other.data_type, self.digits) {
            Ok(Fit::Rewritten(transform)) => return Some(transform),
            Ok(Fit::AsIs) => {}
            Ok(Fit::MayNarrow) => {
                let (from_type, to) = types();
                self.note(Note::MayNarrow {
                    table: from.name.clone(),
                    column: column.name.clone(),
                    from: from_type,
                    to,
                });
            }
            Err(why) => {
                let (from_type, to) = types();
                let problem = Problem::Type {
                    from: from_type,
                    to,
                    why,
                };
                self.refusals
                    .push(Refusal::column(&from.name, &column.name, problem));
            }
        }
        None
    }

    /// Columns of the target that the source's table has not.
    fn unfilled(&mut self, from: &Table, to: &Table) {
        let here: HashMap<&str, &Column> =
            from.columns.iter().map(|c| (c.name.as_str(), c)).collect();
        let sent = |c: &Column| {
            here.get(c.name.as_str())
                .is_some_and(|h| h.generated == Generated::Never)
        };
        for column in to.stored_columns().filter(|c| !sent(c)) {
            if column.not_null && !column.has_default {
                let problem = Problem::UnfilledColumn;
                self.refusals
                    .push(Refusal::column(&to.name, &column.name, problem));
            } else {
                self.note(Note::ColumnNotFilled {
                    table: to.name.clone(),
                    column: column.name.clone(),
                });
            }
        }
        // COPY without a column list means all columns of the target: it must then have none, too.
        if from.stored_columns().next().is_none() && to.stored_columns().next().is_some() {
            self.refusals
                .push(Refusal::table(&from.name, Problem::NoColumns));
        }
    }

    fn condition(&mut self, table: &Table) -> Option<String> {
        let conditions = self.filter.conditions_of(self.source, table);
        let first = conditions.first().map(|c| (*c).to_owned());
        if conditions.len() > 1 {
            self.refuse(table, Problem::TwoConditions);
        }
        first
    }

    /// The leaves of one root share a target, and have the same columns.
    fn target_index(&mut self, from: &Table, to: &Table) -> usize {
        if let Some(&index) = self.indexes.get(&to.oid) {
            return index;
        }
        self.unfilled(from, to);
        self.found.targets.push(Target {
            name: to.name.clone(),
            parents: Vec::new(),
            triggers: to.triggers.clone(),
            references: Vec::new(),
            rows: to.rows,
        });
        let index = self.found.targets.len() - 1;
        self.indexes.insert(to.oid, index);
        index
    }

    fn foreign_keys(&mut self) {
        for key in &self.target.foreign_keys {
            let ends = (self.indexes.get(&key.child), self.indexes.get(&key.parent));
            let (Some(&child), Some(&parent)) = ends else {
                continue;
            };
            let target = &mut self.found.targets[child];
            target.references.push(Reference {
                constraint: key.name.clone(),
                parent,
            });
            if child != parent && !target.parents.contains(&parent) {
                target.parents.push(parent);
            }
        }
    }

    fn refuse(&mut self, table: &Table, problem: Problem) {
        self.refusals.push(Refusal::table(&table.name, problem));
    }

    fn note(&mut self, note: Note) {
        self.found.notes.push(note);
    }
}
