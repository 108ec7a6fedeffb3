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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{TypeForm, Types};
    use crate::schema::convert::RoundTrip;

    const MILLIS: FractionDigits = FractionDigits {
        timestamp: 3,
        timestamptz: 3,
    };

    fn column(name: &str, type_oid: u32) -> Column {
        let mut types = Types::default();
        for oid in [23, 25, 790, 1114, 1700] {
            types.insert(oid, format!("t{oid}"), TypeForm::Scalar);
        }
        types.insert(3908, "tsrange".to_owned(), TypeForm::Range { bound: 1114 });
        Column {
            number: 1,
            name: name.to_owned(),
            data_type: types.resolve(type_oid, -1, format!("type {type_oid}")),
            not_null: false,
            has_default: false,
            generated: Generated::Never,
            identity: false,
        }
    }

    fn table(oid: u32, name: &str, columns: &[(&str, u32)]) -> Table {
        let mut table = Table::new(oid, TableName::new("s", name), Kind::Ordinary);
        table.columns = columns.iter().map(|(n, t)| column(n, *t)).collect();
        table
    }

    fn mapped_column(name: &str, expression: Option<&str>) -> MappedColumn {
        MappedColumn {
            name: name.to_owned(),
            from: String::new(),
            to: String::new(),
            expression: expression.map(str::to_owned),
            round_trip: RoundTrip::Exact,
        }
    }

    fn mapped(leaves: &[&str], target: &str, columns: Vec<MappedColumn>) -> MappedTable {
        MappedTable {
            source: TableName::new("s", leaves[0]),
            leaves: leaves.iter().map(|l| TableName::new("s", *l)).collect(),
            target: TableName::new("s", target),
            columns,
        }
    }

    fn matched(
        source: Vec<Table>,
        target: Vec<Table>,
        tables: &[MappedTable],
    ) -> Result<Matching, Refusals> {
        let (source, target) = (Catalog::new(150_000, source), Catalog::new(0, target));
        match_mapped((&source, &target), tables, &Selection::default(), MILLIS)
    }

    #[test]
    fn leaves_go_into_one_table_of_another_name_and_computed_columns_stand_in_their_place() {
        let columns = [("at", 1114), ("price", 790)];
        let source = vec![table(1, "a", &columns), table(2, "b", &columns)];
        let target = vec![table(9, "all", &[("price", 1700), ("at", 1114)])];
        let sent = vec![
            mapped_column("at", None),
            mapped_column("price", Some("\"price\"::numeric")),
        ];
        let found = matched(source, target, &[mapped(&["a", "b"], "all", sent)]);
        let found = found.expect("it fits");
        assert_eq!((found.pairs.len(), found.targets.len()), (2, 1));
        for pair in &found.pairs {
            assert_eq!(pair.target, 0);
            assert_eq!(pair.expressions[&1], "\"price\"::numeric");
            assert_eq!(
                pair.recipe.transforms,
                [(0, Transform::CutTimestamp { digits: 3 })]
            );
        }
    }

    #[test]
    fn what_is_computed_for_a_timestamp_is_cut_like_one() {
        let source = vec![table(1, "a", &[("at", 25)])];
        let target = vec![table(9, "a", &[("at", 1114)])];
        let sent = vec![mapped_column("at", Some("\"at\"::timestamp"))];
        let found = matched(source, target, &[mapped(&["a"], "a", sent)]).expect("it fits");
        let cut = [(0, Transform::CutTimestamp { digits: 3 })];
        assert_eq!(found.pairs[0].recipe.transforms, cut);
    }

    #[test]
    fn a_range_of_timestamps_goes_into_text_and_is_no_refusal() {
        let source = vec![table(1, "a", &[("during", 3908)])];
        let target = vec![table(9, "a", &[("during", 25)])];
        let sent = vec![mapped_column("during", None)];
        let found = matched(source, target, &[mapped(&["a"], "a", sent)]).expect("it fits");
        assert!(found.pairs[0].recipe.transforms.is_empty() && found.notes.is_empty());
    }

    #[test]
    fn what_is_gone_or_missing_is_said_once() {
        let columns = [("id", 23)];
        let source = vec![table(1, "a", &columns), table(2, "b", &columns)];
        let target = vec![table(9, "all", &[])];
        let tables = [
            mapped(&["a", "b", "gone"], "all", vec![mapped_column("id", None)]),
            mapped(&["a"], "nowhere", Vec::new()),
        ];
        let refused = matched(source, target, &tables).expect_err("refusals");
        let said: Vec<String> = refused
            .list()
            .iter()
            .map(|r| format!("{}: {}", r.object, r.problem))
            .collect();
        let expected = [
            "s.all.id: the target's table has no such column",
            "s.gone: the source has no such table any more",
            "s.nowhere: the target has no such table",
        ];
        assert_eq!(said, expected);
    }
}
