//! Pairs of tables and columns, by name.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::catalog::{
    Catalog, Column, Generated, InsertPrivilege, Kind, Table, TableName, readable,
};
use crate::copytext::{Recipe, Transform};
use crate::sql;

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
        told: HashSet::new(),
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
    /// Columns, by the oid of their root and their name, of which something was said.
    told: HashSet<(u32, &'a str)>,
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
        let target = self.target_index(table, to, &columns);
        self.found.pairs.push(Pair {
            source: table.name.clone(),
            oid: table.oid,
            target,
            columns,
            expressions: BTreeMap::new(),
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
                if let Some(table) = self.first_word(from, column) {
                    let column = column.name.clone();
                    self.note(Note::ColumnNotSent { table, column });
                }
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
        from: &'a Table,
        column: &'a Column,
        there: &HashMap<&str, &'a Column>,
    ) -> Option<&'a Column> {
        let other = there.get(column.name.as_str()).copied();
        if let Some(other) = other.filter(|c| c.generated == Generated::Never) {
            return Some(other);
        }
        let generated = other.is_some();
        self.refuse_column(from, column, Problem::MissingColumn { generated });
        None
    }

    fn transform(
        &mut self,
        from: &'a Table,
        column: &'a Column,
        other: &Column,
    ) -> Option<Transform> {
        let (from_type, to) = (&column.data_type, &other.data_type);
        match fit(from_type, to, self.digits) {
            Ok(Fit::Rewritten(transform)) => return Some(transform),
            Ok(Fit::AsIs) => {}
            Ok(Fit::MayNarrow) => {
                if let Some(table) = self.first_word(from, column) {
                    self.note(Note::MayNarrow {
                        table,
                        column: column.name.clone(),
                        from: from_type.sql.clone(),
                        to: to.sql.clone(),
                    });
                }
            }
            Err(why) => {
                let (from_type, to) = (from_type.sql.clone(), to.sql.clone());
                let problem = Problem::Type {
                    from: from_type,
                    to,
                    why,
                };
                self.refuse_column(from, column, problem);
            }
        }
        None
    }

    /// The leaves of one root have the same columns, of which one thing is said once, of the root. The
    /// root's name, if nothing was said yet.
    fn first_word(&mut self, from: &'a Table, column: &'a Column) -> Option<TableName> {
        let root = self.source.root(from);
        let first = self.told.insert((root.oid, &column.name));
        first.then(|| root.name.clone())
    }

    fn refuse_column(&mut self, from: &'a Table, column: &'a Column, problem: Problem) {
        if let Some(table) = self.first_word(from, column) {
            self.refusals
                .push(Refusal::column(&table, &column.name, problem));
        }
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

    /// What the user of the target lacks to fill a table with these columns.
    fn rights(&mut self, to: &Table, sent: &[(String, String)]) {
        if to.schema_closed {
            let schema = &to.name.schema;
            let right = format!("USAGE on schema {}", readable(schema));
            let grant = format!("USAGE ON SCHEMA {}", sql::identifier(schema));
            self.refuse_right(to, right, &grant);
        }
        let InsertPrivilege::Columns(granted) = &to.insert else {
            return;
        };
        let lacking = sent.iter().map(|(_, column)| column);
        let lacking: Vec<&String> = lacking.filter(|c| !granted.contains(c)).collect();
        let table = to.name.quoted();
        if granted.is_empty() {
            self.refuse_right(to, "INSERT".to_owned(), &format!("INSERT ON {table}"));
        } else if !lacking.is_empty() {
            let names: Vec<String> = lacking.iter().map(|c| readable(c)).collect();
            let right = format!("INSERT on {}", names.join(", "));
            let columns = sql::identifiers(&lacking);
            self.refuse_right(to, right, &format!("INSERT ({columns}) ON {table}"));
        }
    }

    fn refuse_right(&mut self, to: &Table, right: String, grant: &str) {
        let user = self.target.user.as_deref().map(sql::identifier);
        let user = user.unwrap_or_else(|| "the target's user".to_owned());
        let grant = format!("GRANT {grant} TO {user}");
        let problem = Problem::NoRight { right, grant };
        self.refusals.push(Refusal::table(&to.name, problem));
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
    fn target_index(&mut self, from: &Table, to: &Table, sent: &[(String, String)]) -> usize {
        if let Some(&index) = self.indexes.get(&to.oid) {
            return index;
        }
        self.unfilled(from, to);
        self.rights(to, sent);
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
        foreign_keys(self.target, &self.indexes, &mut self.found.targets);
    }

    fn refuse(&mut self, table: &Table, problem: Problem) {
        self.refusals.push(Refusal::table(&table.name, problem));
    }

    fn note(&mut self, note: Note) {
        self.found.notes.push(note);
    }
}

/// Enters the foreign keys between tables of a run; `indexes` are their places by pg_class.oid.
pub(super) fn foreign_keys(
    target: &Catalog,
    indexes: &HashMap<u32, usize>,
    targets: &mut [Target],
) {
    for key in &target.foreign_keys {
        let ends = (indexes.get(&key.child), indexes.get(&key.parent));
        let (Some(&child), Some(&parent)) = ends else {
            continue;
        };
        let target = &mut targets[child];
        target.references.push(Reference {
            constraint: key.name.clone(),
            parent,
        });
        if child != parent && !target.parents.contains(&parent) {
            target.parents.push(parent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{ForeignKey, SelectPrivilege, TypeForm, Types};
    use crate::schema::Unfit;

    const MILLIS: FractionDigits = FractionDigits {
        timestamp: 3,
        timestamptz: 3,
    };

    fn column(name: &str, type_oid: u32) -> Column {
        let mut types = Types::default();
        types.insert(type_oid, format!("t{type_oid}"), TypeForm::Scalar);
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

    /// A table of one column `id`, in the schema `s` where the name has none.
    fn table(oid: u32, name: &str) -> Table {
        let (schema, name) = name.split_once('.').unwrap_or(("s", name));
        let mut table = Table::new(oid, TableName::new(schema, name), Kind::Ordinary);
        table.columns = vec![column("id", 23)];
        table
    }

    fn with(mut table: Table, change: impl FnOnce(&mut Table)) -> Table {
        change(&mut table);
        table
    }

    /// A root with a leaf in another schema below a partitioned table in between.
    fn partitioned() -> Vec<Table> {
        let root = with(table(1, "root"), |t| t.kind = Kind::Partitioned);
        let between = with(table(2, "between"), |t| {
            t.kind = Kind::Partitioned;
            t.ancestors = vec![1];
        });
        let leaf = with(table(3, "old.leaf"), |t| t.ancestors = vec![2, 1]);
        vec![root, between, leaf]
    }

    fn matched(
        source: Vec<Table>,
        target: Vec<Table>,
        selection: &Selection,
    ) -> Result<Matching, Refusals> {
        let (source, target) = (Catalog::new(150_000, source), Catalog::new(0, target));
        match_tables(&source, &target, selection, MILLIS)
    }

    fn everything(source: Vec<Table>, target: Vec<Table>) -> Result<Matching, Refusals> {
        matched(source, target, &Selection::default())
    }

    fn refusals(result: Result<Matching, Refusals>) -> Vec<(String, Problem)> {
        let refused = result.expect_err("refusals");
        let list = refused.list().iter();
        list.map(|r| (r.object.clone(), r.problem.clone()))
            .collect()
    }

    fn sources(matching: &Matching) -> Vec<String> {
        matching
            .pairs
            .iter()
            .map(|p| p.source.to_string())
            .collect()
    }

    fn tables(patterns: &[&str]) -> Selection {
        Selection {
            tables: patterns.iter().map(|p| (*p).to_owned()).collect(),
            ..Selection::default()
        }
    }

    #[test]
    fn leaves_go_into_the_table_of_their_roots_name() {
        let matching = everything(partitioned(), vec![table(9, "root")]).expect("it matches");
        assert_eq!(sources(&matching), ["old.leaf"]);
        assert_eq!(matching.targets[0].name, TableName::new("s", "root"));
    }

    #[test]
    fn a_filter_on_the_root_covers_leaves_in_whatever_schema() {
        let of = |selection| matched(partitioned(), vec![table(9, "root")], &selection);
        for pattern in ["s.root", "between", "old.leaf"] {
            assert_eq!(
                sources(&of(tables(&[pattern])).expect("it matches")),
                ["old.leaf"]
            );
        }
        let schema = Selection {
            schemas: vec!["s".to_owned()],
            ..Selection::default()
        };
        assert_eq!(of(schema).expect("it matches").pairs.len(), 1);
        let excluded = Selection {
            exclude: vec!["root".to_owned()],
            ..Selection::default()
        };
        let refused = refusals(of(excluded));
        assert_eq!(
            refused,
            [("the source".to_owned(), Problem::NothingSelected)]
        );
    }

    #[test]
    fn a_condition_on_the_root_holds_for_its_leaves_and_two_are_refused() {
        let mut selection = Selection {
            conditions: vec![("root".to_owned(), "id > 1".to_owned())],
            ..Selection::default()
        };
        let of = |s: &Selection| matched(partitioned(), vec![table(9, "root")], s);
        let matching = of(&selection).expect("it matches");
        assert_eq!(matching.pairs[0].condition.as_deref(), Some("id > 1"));
        let second = ("leaf".to_owned(), "true".to_owned());
        selection.conditions.push(second);
        let refused = refusals(of(&selection));
        assert_eq!(refused, [("old.leaf".to_owned(), Problem::TwoConditions)]);
    }

    #[test]
    fn every_missing_table_and_column_is_told_at_once() {
        let source = vec![table(1, "a"), table(2, "b"), table(3, "c")];
        let target = vec![
            with(table(1, "b"), |t| t.columns.clear()),
            with(table(2, "c"), |t| {
                t.columns[0].generated = Generated::Stored;
                t.columns.push(column("extra", 23));
                t.columns.push(with_not_null(column("must", 23)));
            }),
        ];
        let refused = refusals(everything(source, target));
        let missing = |generated| Problem::MissingColumn { generated };
        assert_eq!(
            refused,
            [
                ("s.a".to_owned(), Problem::MissingTable),
                ("s.b.id".to_owned(), missing(false)),
                ("s.c.id".to_owned(), missing(true)),
                ("s.c.must".to_owned(), Problem::UnfilledColumn),
            ]
        );
    }

    fn with_not_null(mut column: Column) -> Column {
        column.not_null = true;
        column
    }

    #[test]
    fn a_leafs_missing_target_is_told_once() {
        let mut source = partitioned();
        source.push(with(table(4, "leaf2"), |t| t.ancestors = vec![1]));
        let refused = refusals(everything(source, vec![table(1, "x")]));
        assert_eq!(refused, [("s.root".to_owned(), Problem::MissingTable)]);
    }

    #[test]
    fn what_is_wrong_with_a_column_of_many_leaves_is_told_once_of_the_root() {
        let mut source = partitioned();
        source.push(with(table(4, "leaf2"), |t| t.ancestors = vec![1]));
        let target = with(table(9, "root"), |t| t.columns.clear());
        let refused = refusals(everything(source, vec![target]));
        let generated = false;
        let problem = Problem::MissingColumn { generated };
        assert_eq!(refused, [("s.root.id".to_owned(), problem)]);
    }

    #[test]
    fn generated_columns_are_neither_sent_nor_filled() {
        let generated = |mut c: Column| {
            c.generated = Generated::Stored;
            c
        };
        let columns = vec![column("id", 23), generated(column("twice", 23))];
        let make = |oid| with(table(oid, "t"), |t| t.columns = columns.clone());
        let matching = everything(vec![make(1)], vec![make(2)]).expect("it matches");
        assert_eq!(
            matching.pairs[0].columns,
            [("id".to_owned(), "id".to_owned())]
        );
        assert_eq!(matching.pairs[0].recipe.fields, 1);
        assert_eq!(matching.notes.len(), 1);
        let only = |oid| with(make(oid), |t| drop(t.columns.remove(0)));
        let matching = everything(vec![only(1)], vec![only(2)]).expect("it matches");
        assert_eq!(matching.pairs[0].columns, []);
        let refused = refusals(everything(vec![only(1)], vec![table(2, "t")]));
        assert_eq!(refused[0].1, Problem::NoColumns);
    }

    #[test]
    fn timestamps_are_cut_and_types_that_do_not_fit_are_named() {
        let make = |moment, text| {
            with(table(1, "t"), |t| {
                t.columns = vec![column("a", 25), column("at", moment), column("b", text)];
            })
        };
        let matching = everything(vec![make(1184, 25)], vec![make(1184, 25)]).expect("it matches");
        let cut = Transform::CutTimestamp { digits: 3 };
        assert_eq!(matching.pairs[0].recipe.transforms, [(1, cut)]);
        let refused = refusals(everything(vec![make(1184, 25)], vec![make(1082, 1114)]));
        let why = |(_, problem): &(String, Problem)| match problem {
            Problem::Type { why, .. } => *why,
            other => panic!("{other}"),
        };
        let whys: Vec<Unfit> = refused.iter().map(why).collect();
        assert_eq!(whys, [Unfit::PartDropped, Unfit::TextToTimestamp]);
        assert_eq!(refused[1].0, "s.t.b");
    }

    #[test]
    fn unreadable_and_hidden_rows_are_refused_by_name() {
        let source = vec![
            with(table(1, "a"), |t| t.select = SelectPrivilege::None),
            with(table(2, "b"), |t| t.row_security_active = true),
        ];
        let refused = refusals(everything(source, vec![table(1, "a"), table(2, "b")]));
        assert_eq!(refused[0], ("s.a".to_owned(), Problem::NoSelect));
        assert_eq!(refused[1], ("s.b".to_owned(), Problem::RowSecurity));
    }

    #[test]
    fn children_that_are_not_selected_are_refused_unless_only_is_said() {
        let source = || {
            vec![
                with(table(1, "parent"), |t| t.children = vec![2]),
                with(table(2, "child"), |t| t.parents = vec![1]),
            ]
        };
        let target = || vec![table(8, "parent"), table(9, "child")];
        assert_eq!(everything(source(), target()).expect("both").pairs.len(), 2);
        let refused = refusals(matched(source(), target(), &tables(&["parent"])));
        let names = vec![TableName::new("s", "child")];
        assert_eq!(
            refused,
            [("s.parent".to_owned(), Problem::Children { names })]
        );
        let only = Selection {
            only: vec!["s.parent".to_owned()],
            ..tables(&["parent"])
        };
        let matching = matched(source(), target(), &only).expect("it was said");
        assert_eq!(sources(&matching), ["s.parent"]);
    }

    #[test]
    fn foreign_leaves_are_refused_and_foreign_tables_skipped_unless_named() {
        let mut source = partitioned();
        source.push(with(table(4, "far"), |t| {
            t.kind = Kind::Foreign;
            t.ancestors = vec![1];
        }));
        let refused = refusals(everything(source, vec![table(9, "root")]));
        let root = Some(TableName::new("s", "root"));
        assert_eq!(refused, [("s.far".to_owned(), Problem::Foreign { root })]);

        let source = || {
            vec![
                table(1, "a"),
                with(table(2, "far"), |t| t.kind = Kind::Foreign),
            ]
        };
        let target = || vec![table(1, "a"), table(2, "far")];
        let matching = everything(source(), target()).expect("it is skipped");
        assert!(matches!(matching.notes[..], [Note::ForeignTable { .. }]));
        let refused = refusals(matched(source(), target(), &tables(&["far"])));
        assert_eq!(refused[0].1, Problem::Foreign { root: None });
    }

    #[test]
    fn tables_of_extensions_are_skipped_and_named() {
        let source = vec![
            table(1, "a"),
            with(table(2, "ext"), |t| {
                t.extension = Some("postgis".to_owned())
            }),
        ];
        let matching = everything(source, vec![table(1, "a")]).expect("it is skipped");
        assert_eq!(
            matching.notes[0].to_string(),
            "s.ext belongs to the extension postgis and is not copied"
        );
    }

    #[test]
    fn patterns_without_a_match_are_errors_with_near_names() {
        let both = || {
            vec![
                table(1, "orders"),
                with(table(2, "seen"), |t| t.kind = Kind::View),
            ]
        };
        let mut selection = tables(&["oders", "seen", "\"x"]);
        let refused = refusals(matched(both(), both(), &selection));
        assert!(
            matches!(refused[..], [(_, Problem::Pattern(_))]),
            "{refused:?}"
        );
        selection.tables.pop();
        selection.exclude.push("s.nothing".to_owned());
        selection.schemas.push("t".to_owned());
        let refused = refusals(matched(both(), both(), &selection));
        let objects: Vec<&str> = refused.iter().map(|r| r.0.as_str()).collect();
        let wanted = [
            "--schema t",
            "--table oders",
            "s.seen",
            "--exclude-table s.nothing",
        ];
        assert_eq!(objects, wanted);
        assert_eq!(refused[1].1.remedy(), "did you mean s.orders?");
        assert_eq!(refused[2].1.to_string(), "it is a view, not a table");
    }

    #[test]
    fn a_target_that_is_no_plain_table_is_refused() {
        let view = with(table(1, "a"), |t| t.kind = Kind::View);
        let refused = refusals(everything(vec![table(1, "a")], vec![view]));
        assert_eq!(refused[0].1, Problem::TargetKind { kind: Kind::View });
    }

    #[test]
    fn foreign_keys_and_triggers_of_the_target_are_told() {
        let both = || vec![table(1, "child"), table(2, "parent"), table(3, "other")];
        let mut target = Catalog::new(0, both());
        let key = |name: &str, child, parent| ForeignKey {
            name: name.to_owned(),
            child,
            parent,
        };
        target.foreign_keys = vec![key("fk", 1, 2), key("fk2", 1, 2), key("self", 2, 2)];
        target.not_known = vec!["triggers".to_owned()];
        let source = Catalog::new(150_000, both());
        let matching = match_tables(&source, &target, &Selection::default(), MILLIS)
            .expect("circles are not its business");
        let of = |name: &str| {
            let mut targets = matching.targets.iter();
            targets.find(|t| t.name.name == name).expect("a target")
        };
        assert_eq!(of("child").parents.len(), 1);
        assert_eq!(of("child").references.len(), 2);
        assert_eq!(
            (of("parent").parents.len(), of("parent").references.len()),
            (0, 1)
        );
        let told = "the target does not tell triggers";
        assert_eq!(matching.notes[0].to_string(), told);
    }

    #[test]
    fn the_largest_table_comes_first() {
        let source = vec![
            table(1, "a"),
            with(table(2, "b"), |t| t.toast_bytes = 9),
            with(table(3, "c"), |t| t.heap_bytes = 8),
        ];
        let target = vec![table(1, "a"), table(2, "b"), table(3, "c")];
        let matching = everything(source, target).expect("it matches");
        assert_eq!(sources(&matching), ["s.b", "s.c", "s.a"]);
    }
}
