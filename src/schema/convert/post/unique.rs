//! UNIQUE and EXCLUDE constraints. Primary keys are made with their tables.

use crate::catalog::database::{Class, Constraint, ConstraintKind, Index, Name, Object, Relation};
use crate::catalog::readable;
use crate::profile::Profile;
use crate::schema::convert::Makes;
use crate::schema::finding::{Kind, Severity};
use crate::sql;

use super::indexes::On;
use super::names::RENAMED;
use super::stance::Stance;
use super::{Changes, Left, Made, Post, text};

/// A constraint that a transaction may break until its end.
pub(super) static DEFERRABLE: Kind = Kind {
    id: "deferrable-constraint",
    severity: Severity::Change,
    title: "deferrable constraint",
    happens: "it is checked at once, so that a transaction can not break it for a while",
    why: "foreign keys are checked at once (DB9 documentation, early 2026); DEFERRABLE is not documented",
    remedy: "look for SET CONSTRAINTS, and for transactions that swap keys or insert children first",
};

/// A unique constraint or index in which two NULLs are the same.
pub(super) static NULLS_NOT_DISTINCT: Kind = Kind {
    id: "nulls-not-distinct",
    severity: Severity::Loss,
    title: "NULLS NOT DISTINCT",
    happens: "several NULLs are taken for different, and no longer refused",
    why: "NULLS NOT DISTINCT is not documented for DB9",
    remedy: "make the column NOT NULL with a value for `none`",
};

/// Columns that an index carries without being its key.
pub(super) static INCLUDE: Kind = Kind {
    id: "include-columns",
    severity: Severity::Change,
    title: "INCLUDE columns of an index",
    happens: "the index is made without them: queries read the row, too",
    why: "INCLUDE is not documented for DB9",
    remedy: "nothing, unless a query depends on an index-only scan",
};

/// Rows that must differ within one partition or child only.
pub(super) static PARTITION_UNIQUE: Kind = Kind {
    id: "partition-unique",
    severity: Severity::Loss,
    title: "uniqueness within one partition",
    happens: "it is not made: over all rows of the table it may not hold",
    why: "no partitioning and no inheritance (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "where it holds over all rows, add it to the table in the target",
};

/// EXCLUDE.
pub(super) static EXCLUDE: Kind = Kind {
    id: "exclude-constraint",
    severity: Severity::Loss,
    title: "EXCLUDE constraint",
    happens: "it is left out: rows that it refused are accepted",
    why: "EXCLUDE is not documented for DB9",
    remedy: "check it in the application, in the transaction that writes",
};

/// WITHOUT OVERLAPS and PERIOD.
pub(super) static TEMPORAL: Kind = Kind {
    id: "temporal-constraint",
    severity: Severity::Loss,
    title: "temporal constraint (WITHOUT OVERLAPS, PERIOD)",
    happens: "it is left out: rows that it refused are accepted",
    why: "ranges are not supported (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "check it in the application, in the transaction that writes",
};

impl<'a> Post<'_, 'a> {
    /// The UNIQUE and EXCLUDE constraints of a table.
    pub(super) fn constraints(&mut self, relation: &'a Relation) {
        for constraint in in_order(relation) {
            let result = match constraint.kind {
                ConstraintKind::Unique => self.unique(relation, constraint),
                ConstraintKind::Exclude => self.exclude(relation, constraint),
                _ => Ok(()),
            };
            if let Err(left) = result {
                let readable = constraint_label(relation, constraint);
                self.leave(object(constraint), &readable, left);
            }
        }
    }

    fn unique(&mut self, relation: &'a Relation, constraint: &Constraint) -> Result<(), Left> {
        let Some(home) = self.homes.of(relation.oid).cloned() else {
            return Ok(());
        };
        let is_part = self.homes.is_part(relation.oid);
        if constraint.inherited || (is_part && same_unique(home.root, constraint)) {
            return Ok(());
        }
        if is_part {
            return Err(Left::new(
                &PARTITION_UNIQUE,
                format!("the rows are in {}", home.name),
            ));
        }
        let mut changes = Changes::new();
        self.temporal(constraint)?;
        let deferral = self.deferral(constraint, &mut changes);
        let name = self.claimed(&home.name, &constraint.name, &mut changes);
        let key = self.unique_key(relation, constraint, &mut changes);
        let sql = format!(
            "ALTER TABLE {} ADD CONSTRAINT {} {key}{deferral}",
            home.name.quoted(),
            sql::identifier(&name)
        );
        let made = Made {
            makes: Makes::Unique,
            readable: format!("unique constraint {}.{}", home.name, readable(&name)),
            name: home.name,
            sql,
            needs: vec![Object::new(Class::Relation, relation.oid)],
        };
        let statement = self.add(Some(object(constraint)), made, changes);
        if let Some(index) = constraint.index {
            let index = Object::new(Class::Index, index);
            self.build.made_with(index, statement);
        }
        Ok(())
    }

    /// `UNIQUE NULLS NOT DISTINCT (a, b) INCLUDE (c)`.
    fn unique_key(
        &self,
        relation: &Relation,
        constraint: &Constraint,
        changes: &mut Changes,
    ) -> String {
        let profile = self.build.profile;
        let index = index_of(relation, constraint);
        let same = index.map_or_else(
            || constraint.definition.contains("NULLS NOT DISTINCT"),
            |index| index.nulls_not_distinct,
        );
        let same = nulls_not_distinct(profile, same, changes);
        let columns = sql::identifiers(&constraint.columns);
        let rest = index.map(|index| {
            let include = include(profile, &index.include, changes);
            format!("{include}{}", self.index_options(index, "btree", changes))
        });
        format!("UNIQUE{same} ({columns}){}", rest.unwrap_or_default())
    }

    fn exclude(&mut self, relation: &'a Relation, constraint: &Constraint) -> Result<(), Left> {
        let Some(home) = self.homes.of(relation.oid).cloned() else {
            return Ok(());
        };
        let is_part = self.homes.is_part(relation.oid);
        if constraint.inherited {
            return Ok(());
        }
        let stance = Stance::of(&self.build.profile.exclude_constraints);
        if is_part || !stance.is_taken() {
            return Err(Left::new(&EXCLUDE, stance.because()));
        }
        let need = self.need(object(constraint));
        let index = constraint.index.map(|oid| Object::new(Class::Index, oid));
        let of_index = index.map(|index| self.need(index)).unwrap_or_default();
        let chain = self.broken(&need).or_else(|| self.broken(&of_index));
        if let Some(chain) = chain {
            return Err(Left::new(&EXCLUDE, format!("it needs {chain}")));
        }
        self.exclude_types(relation, constraint)?;
        self.exclude_classes(relation, constraint, &home.name)?;
        let mut changes = Changes::new();
        let name = self.claimed(&home.name, &constraint.name, &mut changes);
        let sql = format!(
            "ALTER TABLE {} ADD CONSTRAINT {} {}",
            home.name.quoted(),
            sql::identifier(&name),
            constraint.definition
        );
        let made = Made {
            makes: Makes::Unique,
            readable: format!("exclusion constraint {}.{}", home.name, readable(&name)),
            sql: self.statement(&sql, &mut changes),
            name: home.name,
            needs: vec![Object::new(Class::Relation, relation.oid)],
        };
        self.add(Some(object(constraint)), made, changes);
        Ok(())
    }

    /// Refuses a part for whose type the method has no operator class in the target.
    fn exclude_classes(
        &self,
        relation: &'a Relation,
        constraint: &Constraint,
        table: &Name,
    ) -> Result<(), Left> {
        let Some(index) = index_of(relation, constraint) else {
            return Ok(());
        };
        let on = On {
            relation,
            name: table.clone(),
        };
        for part in &index.parts {
            let class = self.operator_class(&on, index, part, &index.method, &mut Changes::new());
            class.map_err(|left| Left::new(&EXCLUDE, left.detail))?;
        }
        Ok(())
    }

    /// Refuses operators of a type that a column does not have in the target.
    fn exclude_types(&self, relation: &Relation, constraint: &Constraint) -> Result<(), Left> {
        let columns = relation.columns.iter();
        let mut named = columns.filter(|field| text::mentions(&constraint.definition, &field.name));
        let changed = named.find_map(|field| {
            let becomes = self.foreign_type(relation, field)?;
            Some(format!(
                "column {} becomes {becomes}",
                readable(&field.name)
            ))
        });
        changed.map_or(Ok(()), |detail| Err(Left::new(&EXCLUDE, detail)))
    }

    /// Refuses WITHOUT OVERLAPS and PERIOD unless the target is a PostgreSQL.
    pub(super) fn temporal(&self, constraint: &Constraint) -> Result<(), Left> {
        if constraint.temporal && !self.is_postgresql() {
            return Err(Left::new(&TEMPORAL, ""));
        }
        Ok(())
    }

    /// ` DEFERRABLE INITIALLY DEFERRED`, where the target takes it.
    pub(super) fn deferral(&self, constraint: &Constraint, changes: &mut Changes) -> String {
        if !constraint.deferrable {
            return String::new();
        }
        let stance = Stance::of(&self.build.profile.deferrable_constraints);
        if !stance.is_taken() {
            let detail = format!("without DEFERRABLE: {}", stance.because());
            changes.push((&DEFERRABLE, detail));
            return String::new();
        }
        let deferred = if constraint.initially_deferred {
            " INITIALLY DEFERRED"
        } else {
            ""
        };
        format!(" DEFERRABLE{deferred}")
    }

    /// A free name for an index in the schema of a table.
    pub(super) fn claimed(&mut self, table: &Name, wanted: &str, changes: &mut Changes) -> String {
        let name = self.taken.claim(&table.schema, wanted);
        if name != wanted {
            let (old, new) = (readable(wanted), readable(&name));
            changes.push((&RENAMED, format!("{old} becomes {new}")));
        }
        name
    }
}

/// ` NULLS NOT DISTINCT`, where it is asked for and the target takes it.
pub(super) fn nulls_not_distinct(
    profile: &Profile,
    asked: bool,
    changes: &mut Changes,
) -> &'static str {
    if !asked {
        return "";
    }
    let stance = Stance::of(&profile.nulls_not_distinct);
    if stance.is_taken() {
        return " NULLS NOT DISTINCT";
    }
    let detail = format!("without NULLS NOT DISTINCT: {}", stance.because());
    changes.push((&NULLS_NOT_DISTINCT, detail));
    ""
}

/// ` INCLUDE (…)`, where there are columns and the target takes them.
pub(super) fn include(profile: &Profile, columns: &[String], changes: &mut Changes) -> String {
    if columns.is_empty() {
        return String::new();
    }
    let stance = Stance::of(&profile.include_columns);
    if stance.is_taken() {
        return format!(" INCLUDE ({})", sql::identifiers(columns));
    }
    let names: Vec<String> = columns.iter().map(|c| readable(c)).collect();
    let detail = format!(
        "without INCLUDE ({}): {}",
        names.join(", "),
        stance.because()
    );
    changes.push((&INCLUDE, detail));
    String::new()
}

/// A constraint as an object of the source.
pub(super) fn object(constraint: &Constraint) -> Object {
    Object::new(Class::Constraint, constraint.oid)
}

/// The constraints of a table by their names.
pub(super) fn in_order(relation: &Relation) -> Vec<&Constraint> {
    let mut constraints: Vec<&Constraint> = relation.constraints.iter().collect();
    constraints.sort_by(|a, b| a.name.cmp(&b.name));
    constraints
}

/// A constraint of the source, for people.
pub(super) fn constraint_label(relation: &Relation, constraint: &Constraint) -> String {
    let word = match constraint.kind {
        ConstraintKind::Unique => "unique constraint",
        ConstraintKind::Exclude => "exclusion constraint",
        ConstraintKind::Foreign => "foreign key",
        ConstraintKind::Primary | ConstraintKind::Check | ConstraintKind::Trigger => "constraint",
    };
    format!("{word} {}.{}", relation.name, readable(&constraint.name))
}

fn index_of<'r>(relation: &'r Relation, constraint: &Constraint) -> Option<&'r Index> {
    relation.indexes.iter().find(|index| {
        Some(index.oid) == constraint.index || index.constraint == Some(constraint.oid)
    })
}

/// Whether a table has a key of the same columns.
fn same_unique(root: &Relation, constraint: &Constraint) -> bool {
    root.constraints.iter().any(|other| {
        matches!(other.kind, ConstraintKind::Unique | ConstraintKind::Primary)
            && other.columns == constraint.columns
    })
}
