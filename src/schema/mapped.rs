//! Pairs of tables and columns as a conversion has laid them down.

use std::collections::{BTreeMap, HashMap};

use crate::catalog::{Catalog, Column, Generated, Kind, Moment, Shape, Table, TableName};
use crate::copytext::{Recipe, Transform};

use super::convert::{MappedColumn, MappedTable};
use super::fit::{Fit, FractionDigits, fit};
use super::matching::foreign_keys;
use super::refusal::{Problem, Refusal, Refusals, Unfit};
use super::selection::{Filter, Selection};
use super::{Matching, Note, Pair, Target};

/// Decides for every table of a conversion where its rows go and how: `tables` names both sides, and
/// what the source computes. Of the selection, excluded tables and conditions count.
///
/// # Errors
/// All problems at once, as `match_tables`.
pub fn match_mapped(
    (source, target): (&Catalog, &Catalog),
    tables: &[MappedTable],
    selection: &Selection,
    digits: FractionDigits,
) -> Result<Matching, Refusals> {
    let mut refusals = Refusals::default();
    let filter = Filter::new(selection, &mut refusals);
    if !refusals.is_empty() {
        return Err(refusals);
    }
    filter.check_patterns(source, &mut refusals);
    let mut matcher = Mapped {
        source,
        target,
        filter,
        digits,
        found: Matching::default(),
        refusals,
        indexes: HashMap::new(),
    };
    for table in tables {
        matcher.table(table);
    }
    foreign_keys(target, &matcher.indexes, &mut matcher.found.targets);
    let bytes = |pair: &Pair| source.by_oid(pair.oid).map_or(0, Table::bytes);
    let mut found = matcher.found;
    found.pairs.sort_by(|a, b| {
        let by_size = bytes(b).cmp(&bytes(a));
        by_size.then_with(|| a.source.cmp(&b.source))
    });
    matcher.refusals.or(found)
}

struct Mapped<'a> {
    source: &'a Catalog,
    target: &'a Catalog,
    filter: Filter,
    digits: FractionDigits,
    found: Matching,
    refusals: Refusals,
    /// pg_class.oid in the target → index into `Matching::targets`.
    indexes: HashMap<u32, usize>,
}

/// The columns of one table, as they are sent.
#[derive(Default)]
struct Sent {
    columns: Vec<(String, String)>,
    expressions: BTreeMap<usize, String>,
    transforms: Vec<(usize, Transform)>,
}

impl<'a> Mapped<'a> {
    fn table(&mut self, mapped: &MappedTable) {
        let Some(to) = self.counterpart(mapped) else {
            return;
        };
        let mut said = false;
        for leaf in &mapped.leaves {
            let Some(from) = self.source.table(leaf) else {
                self.refuse(leaf, Problem::Gone);
                continue;
            };
            if self.filter.selects(self.source, from) {
                self.readable(from);
                // The leaves of one table have the same columns, of which one thing is said once.
                self.pair(mapped, (from, to), !said);
                said = true;
            }
        }
    }

    fn counterpart(&mut self, mapped: &MappedTable) -> Option<&'a Table> {
        let problem = match self.target.table(&mapped.target) {
            Some(to) if to.kind == Kind::Ordinary => return Some(to),
            Some(to) => Problem::TargetKind { kind: to.kind },
            None => Problem::MissingTable,
        };
        self.refuse(&mapped.target, problem);
        None
    }

    fn readable(&mut self, from: &Table) {
        if !from.can_select() {
            self.refuse(&from.name, Problem::NoSelect);
        }
        if from.row_security_active {
            self.refuse(&from.name, Problem::RowSecurity);
        }
    }

    fn pair(&mut self, mapped: &MappedTable, (from, to): (&Table, &Table), say: bool) {
        let mut sent = Sent::default();
        for column in &mapped.columns {
            self.column(column, (from, to), &mut sent, say);
        }
        let conditions = self.filter.conditions_of(self.source, from);
        let condition = conditions.first().map(|c| (*c).to_owned());
        if conditions.len() > 1 {
            self.refuse(&from.name, Problem::TwoConditions);
        }
        let target = self.target_index(to);
        let fields = sent.columns.len();
        self.found.pairs.push(Pair {
            source: from.name.clone(),
            oid: from.oid,
            target,
            columns: sent.columns,
            expressions: sent.expressions,
            recipe: Recipe {
                fields,
                transforms: sent.transforms,
            },
            condition,
        });
    }

    fn column(
        &mut self,
        column: &MappedColumn,
        (from, to): (&Table, &Table),
        sent: &mut Sent,
        say: bool,
    ) {
        let named = |c: &&Column| c.name == column.name;
        let (here, there) = (
            from.columns.iter().find(named),
            to.columns.iter().find(named),
        );
        let (Some(here), Some(there)) = (here, there) else {
            let name = if here.is_none() { &from.name } else { &to.name };
            let problem = Problem::MissingColumn { generated: false };
            return self.refuse_column(name, column, problem, say);
        };
        if there.generated != Generated::Never {
            let problem = Problem::MissingColumn { generated: true };
            return self.refuse_column(&to.name, column, problem, say);
        }
        let place = sent.columns.len();
        let transform = match &column.expression {
            Some(_) => cut(there, self.digits),
            None => self.fit((from, here), there, column, say),
        };
        sent.transforms.extend(transform.map(|t| (place, t)));
        if let Some(expression) = &column.expression {
            sent.expressions.insert(place, expression.clone());
        }
        sent.columns.push((here.name.clone(), there.name.clone()));
    }

    fn fit(
        &mut self,
        (from, here): (&Table, &Column),
        there: &Column,
        column: &MappedColumn,
        say: bool,
    ) -> Option<Transform> {
        match fit(&here.data_type, &there.data_type, self.digits) {
            Ok(Fit::Rewritten(transform)) => return Some(transform),
            Ok(Fit::AsIs) => {}
            // What the target may do to them is a finding of its own.
            Ok(Fit::MayNarrow) | Err(Unfit::TimestampInside) if say => {
                self.found.notes.push(Note::MayNarrow {
                    table: from.name.clone(),
                    column: here.name.clone(),
                    from: here.data_type.sql.clone(),
                    to: there.data_type.sql.clone(),
                });
            }
            Ok(Fit::MayNarrow) | Err(Unfit::TimestampInside) => {}
            Err(why) => {
                let problem = Problem::Type {
                    from: here.data_type.sql.clone(),
                    to: there.data_type.sql.clone(),
                    why,
                };
                self.refuse_column(&from.name, column, problem, say);
            }
        }
        None
    }

    fn target_index(&mut self, to: &Table) -> usize {
        if let Some(&index) = self.indexes.get(&to.oid) {
            return index;
        }
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

    fn refuse(&mut self, table: &TableName, problem: Problem) {
        self.refusals.push(Refusal::table(table, problem));
    }

    fn refuse_column(
        &mut self,
        table: &TableName,
        column: &MappedColumn,
        problem: Problem,
        say: bool,
    ) {
        if say {
            let refusal = Refusal::column(table, &column.name, problem);
            self.refusals.push(refusal);
        }
    }
}

/// What is computed for a timestamp is cut as a timestamp is.
fn cut(there: &Column, digits: FractionDigits) -> Option<Transform> {
    let kept = match there.data_type.moment()? {
        Moment::Timestamp => digits.timestamp,
        Moment::Timestamptz => digits.timestamptz,
    };
    let digits = kept.min(there.data_type.fraction_digits());
    match there.data_type.shape {
        _ if digits >= MICROSECONDS => None,
        Shape::Array => Some(Transform::CutTimestampArray { digits }),
        _ => Some(Transform::CutTimestamp { digits }),
    }
}

/// Fraction digits of PostgreSQL's own timestamps.
const MICROSECONDS: u8 = 6;
