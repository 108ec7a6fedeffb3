//! Secondary indexes, each on the table that holds the rows.

use std::collections::BTreeMap;

use crate::catalog::database::{Class, Index, Name, Object, OtherKind, Relation, RelationKind};
use crate::catalog::readable;
use crate::schema::convert::Makes;
use crate::schema::finding::{Finding, Kind, Severity};
use crate::sql;

use super::method;
use super::needs::Need;
use super::stance::{NOT_DOCUMENTED, Stance};
use super::unique::{PARTITION_UNIQUE, include, nulls_not_distinct};
use super::{Changes, Left, Made, Post, text};

/// An index that is not complete.
pub(super) static INVALID: Kind = Kind {
    id: "invalid-index",
    severity: Severity::Note,
    title: "invalid index",
    happens: "it is left out, as no query of the source uses it",
    why: "CREATE INDEX CONCURRENTLY failed, or a partition lacks it (PostgreSQL documentation, CREATE INDEX)",
    remedy: "REINDEX or drop it in the source",
};

/// An index on something that is not there.
pub(super) static NEEDS_MISSING: Kind = Kind {
    id: "index-needs-missing",
    severity: Severity::Loss,
    title: "index on something that is left out",
    happens: "it is left out: queries scan the table",
    why: "what its expression, condition or operator class needs is not in the target",
    remedy: "write it without that, and create it in the target",
};

/// WHERE of an index.
pub(super) static PARTIAL: Kind = Kind {
    id: "partial-index-widened",
    severity: Severity::Change,
    title: "partial index",
    happens: "it is made over all rows: larger, and of use to the same queries",
    why: "partial indexes are not documented for DB9",
    remedy: "name the target with --db9, so that it is probed",
};

/// WHERE of a unique index.
pub(super) static PARTIAL_UNIQUE: Kind = Kind {
    id: "partial-unique-index",
    severity: Severity::Loss,
    title: "unique index over some rows only",
    happens: "it is left out: duplicates among these rows are accepted",
    why: "the target does not take partial indexes, and over all rows it may not hold",
    remedy: "a unique constraint on a generated column that is NULL for the other rows does the same",
};

/// Storage parameters.
pub(super) static OPTIONS: Kind = Kind {
    id: "index-storage-parameters",
    severity: Severity::Note,
    title: "index with storage parameters",
    happens: "it is made without them",
    why: "they speak of PostgreSQL's pages, which DB9 does not have",
    remedy: "nothing",
};

/// An index of one partition or child.
pub(super) static PARTITION_INDEX: Kind = Kind {
    id: "partition-index",
    severity: Severity::Change,
    title: "index of some partitions only",
    happens: "it is not made: the rows are in the table above",
    why: "no partitioning and no inheritance (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "create it on the table in the target where its queries need it",
};

/// An index that every partition or child has.
pub(super) static OF_ALL_PARTITIONS: Kind = Kind {
    id: "index-of-all-partitions",
    severity: Severity::Change,
    title: "index that every partition has of its own",
    happens: "it is made once, on the table that holds their rows",
    why: "no partitioning and no inheritance (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "nothing",
};

/// CLUSTER.
pub(super) static CLUSTERED: Kind = Kind {
    id: "cluster-mark",
    severity: Severity::Note,
    title: "table clustered on an index",
    happens: "the mark is dropped: rows are in the order of the primary key",
    why: "CLUSTER is not documented for DB9",
    remedy: "nothing",
};

/// An expression over a column whose type is another one.
pub(super) static CHANGED_TYPE: Kind = Kind {
    id: "index-on-changed-type",
    severity: Severity::Loss,
    title: "index on an expression over a column whose type becomes another one",
    happens: "it is left out: queries scan the table",
    why: "the expression uses operators or functions of a type that is not in the target",
    remedy: "write the expression for the new type, and create the index in the target",
};

/// A table as an index sees it: the relation of the source, and the target's name.
pub(super) struct On<'a> {
    pub(super) relation: &'a Relation,
    pub(super) name: Name,
}

impl<'a> Post<'_, 'a> {
    /// The indexes of a table, and those of the tables whose rows go into it.
    pub(super) fn indexes(&mut self, relation: &'a Relation) {
        let Some(home) = self.homes.of(relation.oid).cloned() else {
            return;
        };
        if self.homes.is_part(relation.oid) {
            return;
        }
        let on = On {
            relation,
            name: home.name,
        };
        for index in own_indexes(relation) {
            self.make_index(&on, index, Changes::new());
        }
        for index in relation.indexes.iter().filter(|i| i.clustered) {
            if index.constraint.is_some() {
                let readable = label(&on.name, &index.name);
                self.cluster_mark(&on.name, &readable, &index.name, object(index));
            }
        }
        self.indexes_of_parts(&on);
        self.case_keys(relation, &on.name);
    }

    /// The indexes of a materialized view that was made under a name.
    pub(super) fn indexes_of_view(&mut self, relation: &'a Relation, name: &Name) {
        let on = On {
            relation,
            name: name.clone(),
        };
        for index in own_indexes(relation) {
            self.make_index(&on, index, Changes::new());
        }
    }

    /// Indexes that partitions or children have of their own: made once where every one has it.
    fn indexes_of_parts(&mut self, on: &On<'a>) {
        let parts: Vec<&Relation> = self.homes.parts(on.relation.oid).to_vec();
        let leaves = parts.iter().filter(|p| p.kind != RelationKind::Partitioned);
        let all = leaves.count();
        let known: Vec<String> = on.relation.indexes.iter().map(shape).collect();
        let mut shapes: BTreeMap<String, Vec<(&Relation, &Index)>> = BTreeMap::new();
        for &part in &parts {
            let own = own_indexes(part);
            let new = own
                .into_iter()
                .filter(|index| !known.contains(&shape(index)));
            for index in new {
                shapes.entry(shape(index)).or_default().push((part, index));
            }
        }
        for same in shapes.into_values() {
            let (first, index) = same[0];
            if same.len() == all && !index.unique {
                let detail = format!("instead of {all} indexes of partitions");
                let mut changes = Changes::new();
                changes.push((&OF_ALL_PARTITIONS, detail));
                self.make_index(on, index, changes);
                continue;
            }
            let kind = if index.unique {
                &PARTITION_UNIQUE
            } else {
                &PARTITION_INDEX
            };
            let detail = format!(
                "on {} of {all} partitions of {}",
                same.len(),
                on.relation.name
            );
            let left = Left::new(kind, detail).counted(same.len());
            self.leave(object(index), &label(&first.name, &index.name), left);
        }
    }

    fn make_index(&mut self, on: &On<'a>, index: &'a Index, changes: Changes) {
        if let Err(left) = self.index(on, index, changes) {
            let readable = label(&on.relation.name, &index.name);
            self.leave(object(index), &readable, left);
        }
    }

    fn index(&mut self, on: &On<'a>, index: &'a Index, mut changes: Changes) -> Result<(), Left> {
        // A partitioned index is not complete as long as one partition lacks it.
        let is_whole =
            index.valid || on.relation.kind == RelationKind::Partitioned && !index.unique;
        if !is_whole {
            return Err(Left::new(&INVALID, ""));
        }
        self.index_needs(index)?;
        self.index_types(on, index)?;
        let method = method::method(self.build.profile, &index.method, &mut changes)?;
        method::check_key(self.build.profile, method, on.relation)?;
        let parts = self.parts(on, index, method, &mut changes)?;
        let filter = self.filter(index, &mut changes)?;
        let include = include(self.build.profile, &index.include, &mut changes);
        let same = nulls_not_distinct(self.build.profile, index.nulls_not_distinct, &mut changes);
        let options = self.index_options(index, method, &mut changes);
        let name = self.claimed(&on.name, &index.name, &mut changes);
        let unique = if index.unique { "UNIQUE " } else { "" };
        let sql = format!(
            "CREATE {unique}INDEX {} ON {} USING {} ({}){include}{same}{options}{filter}",
            sql::identifier(&name),
            on.name.quoted(),
            method_name(method),
            parts.join(", "),
        );
        let readable = label(&on.name, &name);
        if index.tablespace.is_some() {
            changes.remark("without its tablespace");
        }
        if index.clustered && !self.is_postgresql() {
            self.build.find(Finding::new(&CLUSTERED, readable.clone()));
        }
        let mark = index.clustered.then(|| (readable.clone(), name.clone()));
        let mut needs = self.need_of_index(index).must;
        needs.push(Object::new(Class::Relation, on.relation.oid));
        let made = Made {
            makes: Makes::Index,
            readable,
            name: Name::new(on.name.schema.clone(), name),
            sql,
            needs,
        };
        self.add(Some(object(index)), made, changes);
        if let Some((readable, name)) = mark {
            self.cluster_mark(&on.name, &readable, &name, object(index));
        }
        Ok(())
    }

    /// `ALTER TABLE … CLUSTER ON`, for a PostgreSQL.
    pub(super) fn cluster_mark(
        &mut self,
        table: &Name,
        readable: &str,
        index: &str,
        needs: Object,
    ) {
        if !self.is_postgresql() {
            return;
        }
        let made = Made {
            makes: Makes::Index,
            readable: format!("{readable} (CLUSTER ON)"),
            name: Name::new(table.schema.clone(), index),
            sql: format!(
                "ALTER TABLE {} CLUSTER ON {}",
                table.quoted(),
                sql::identifier(index)
            ),
            needs: vec![needs],
        };
        self.add(None, made, Changes::new());
    }

    /// Makes the routines that an index calls, and refuses it where something is not there.
    fn index_needs(&mut self, index: &Index) -> Result<(), Left> {
        let mut need = self.need_of_index(index);
        let source = &self.source;
        // Operator classes are looked at part by part: many can be dropped.
        need.must.retain(|on| {
            let other = source.other(on.oid).filter(|_| on.class == Class::Other);
            other.is_none_or(|o| !matches!(o.kind, OtherKind::OperatorClass | OtherKind::Collation))
        });
        for &on in need.must.iter().filter(|on| on.class == Class::Routine) {
            self.ensure(on);
        }
        need.must.retain(|on| on.class != Class::Relation);
        match self.broken(&need) {
            Some(chain) => Err(Left::new(&NEEDS_MISSING, format!("it needs {chain}"))),
            None => Ok(()),
        }
    }

    fn need_of_index(&self, index: &Index) -> Need {
        self.need_of_expressions(object(index), texts(index))
    }

    /// Refuses expressions over columns of a type that the target does not have.
    fn index_types(&self, on: &On<'_>, index: &Index) -> Result<(), Left> {
        if texts(index).next().is_none() {
            return Ok(());
        }
        for field in &on.relation.columns {
            let Some(becomes) = self.foreign_type(on.relation, field) else {
                continue;
            };
            if texts(index).any(|text| text::mentions(text, &field.name)) {
                let detail = format!("column {} becomes {becomes}", readable(&field.name));
                return Err(Left::new(&CHANGED_TYPE, detail));
            }
        }
        Ok(())
    }

    /// ` WHERE (…)`
    fn filter(&self, index: &Index, changes: &mut Changes) -> Result<String, Left> {
        let Some(predicate) = &index.predicate else {
            return Ok(String::new());
        };
        let stance = Stance::of(&self.build.profile.partial_indexes);
        if !stance.is_taken() && !index.unique {
            changes.push((&PARTIAL, format!("without its WHERE: {}", stance.because())));
            return Ok(String::new());
        }
        match stance {
            Stance::Refused(_) => return Err(Left::new(&PARTIAL_UNIQUE, stance.because())),
            Stance::Open => changes.push((&NOT_DOCUMENTED, "partial unique index".to_owned())),
            Stance::Taken => {}
        }
        Ok(format!(" WHERE {}", self.expression(predicate, changes)))
    }

    /// ` WITH (…)`
    pub(super) fn index_options(
        &self,
        index: &Index,
        method: &str,
        changes: &mut Changes,
    ) -> String {
        if index.options.is_empty() {
            return String::new();
        }
        let kept = self.is_postgresql() || (method == "hnsw" && index.method == "hnsw");
        if !kept || method != index.method {
            changes.push((&OPTIONS, format!("without {}", index.options.join(", "))));
            return String::new();
        }
        format!(" WITH ({})", options(&index.options))
    }
}

/// The expressions and the condition of an index.
fn texts(index: &Index) -> impl Iterator<Item = &str> {
    let expressions = index.parts.iter().filter(|p| p.column.is_none());
    let expressions = expressions.map(|p| p.expression.as_str());
    expressions.chain(index.predicate.as_deref())
}

/// Storage parameters as SQL: `fillfactor = '70'`.
pub(super) fn options(options: &[String]) -> String {
    let options = options.iter().map(|option| match option.split_once('=') {
        Some((name, value)) => format!("{name} = {}", sql::literal(value).trim_start()),
        None => option.clone(),
    });
    options.collect::<Vec<_>>().join(", ")
}

/// An index as an object of the source.
pub(super) fn object(index: &Index) -> Object {
    Object::new(Class::Index, index.oid)
}

fn label(table: &Name, index: &str) -> String {
    format!("index {}", Name::new(table.schema.clone(), index))
}

/// Indexes that no constraint carries and no partitioned index above them makes, by their names.
fn own_indexes(relation: &Relation) -> Vec<&Index> {
    let own = |index: &&Index| index.constraint.is_none() && index.parent.is_none();
    let mut indexes: Vec<&Index> = relation.indexes.iter().filter(own).collect();
    indexes.sort_by(|a, b| a.name.cmp(&b.name));
    indexes
}

/// What an index is, whatever its name and table.
fn shape(index: &Index) -> String {
    let parts = index.parts.iter().map(|part| {
        format!(
            "{} {:?} {:?} {} {}",
            part.expression, part.operator_class, part.collation, part.descending, part.nulls_first
        )
    });
    let parts: Vec<String> = parts.collect();
    format!(
        "{} {} {} {:?} {:?}",
        index.method,
        index.unique,
        parts.join(","),
        index.include,
        index.predicate
    )
}

/// Methods of the system are bare words; any other name is quoted.
fn method_name(method: &str) -> String {
    readable(method)
}
