//! Key parts of indexes: columns and expressions with their collation, operator class and order.

use crate::catalog::database::{Class, Index, IndexPart, Name, Object, OtherKind};
use crate::catalog::readable;
use crate::schema::finding::{Kind, Severity};
use crate::sql;

use super::indexes::{OPTIONS, On, object};
use super::method::has_default_class;
use super::stance::{NOT_DOCUMENTED, Stance};
use super::{Changes, Left, Post, text};

/// An index on an expression.
pub(super) static EXPRESSION: Kind = Kind {
    id: "expression-index",
    severity: Severity::Loss,
    title: "index on an expression",
    happens: "it is left out: queries scan the table, and where it was unique duplicates are accepted",
    why: "the target does not take indexes on expressions",
    remedy: "index a stored generated column of the same expression",
};

/// DESC and NULLS FIRST.
pub(super) static ORDERING: Kind = Kind {
    id: "index-ordering",
    severity: Severity::Change,
    title: "index with DESC or NULLS FIRST",
    happens: "it is made in plain order: some queries sort",
    why: "DESC and NULLS FIRST in an index are not documented for DB9",
    remedy: "nothing for an index of one column, which is read backwards",
};

/// An operator class that is dropped.
pub(super) static OPERATOR_CLASS: Kind = Kind {
    id: "operator-class-dropped",
    severity: Severity::Change,
    title: "index with an operator class",
    happens: "it is made with the type's own operator class",
    why: "operator classes are not documented for DB9, where text sorts bytewise (DB9 documentation, \
          early 2026)",
    remedy: "look at the queries that need it: LIKE 'x%' is served by a B-tree that sorts bytewise",
};

/// An operator class without which the index makes no sense.
pub(super) static OPERATOR_CLASS_MISSING: Kind = Kind {
    id: "operator-class-missing",
    severity: Severity::Loss,
    title: "index whose operator class is not there",
    happens: "it is left out: queries scan the table",
    why: "the method has no operator class for the column's type in the target",
    remedy: "look at the queries that need it",
};

/// COLLATE in an index.
pub(super) static COLLATION: Kind = Kind {
    id: "index-collation",
    severity: Severity::Change,
    title: "index with a collation",
    happens: "it is made without it, and sorts bytewise",
    why: "text sorts bytewise (DB9 documentation, early 2026)",
    remedy: "sort in the application where the order of a language counts",
};

/// What is known of the operator classes of an index that are no part of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Classes {
    There,
    Missing,
    /// It needs none, or nobody tells: a dump has no dependencies.
    NotTold,
}

impl Post<'_, '_> {
    /// The key parts as SQL.
    pub(super) fn parts(
        &self,
        on: &On<'_>,
        index: &Index,
        method: &str,
        changes: &mut Changes,
    ) -> Result<Vec<String>, Left> {
        let stance = Stance::of(&self.build.profile.expression_indexes);
        if index.parts.iter().any(|part| part.column.is_none()) {
            match stance {
                Stance::Refused(_) => return Err(Left::new(&EXPRESSION, stance.because())),
                Stance::Open => {
                    changes.push((&NOT_DOCUMENTED, "index on an expression".to_owned()))
                }
                Stance::Taken => {}
            }
        }
        let parts = index.parts.iter().enumerate();
        let parts = parts.map(|(number, part)| {
            let mut sql = match &part.column {
                Some(column) => sql::identifier(column),
                None => grouped(self.expression(&part.expression, changes)),
            };
            sql.push_str(&self.part_collation(part, changes));
            let class = self.operator_class(on, index, part, method, changes)?;
            sql.push_str(&class);
            if let Some(options) = class_options(&index.definition, number) {
                match class.is_empty() {
                    true => changes.push((&OPTIONS, format!("without {options}"))),
                    false => sql.push_str(&format!(" {options}")),
                }
            }
            sql.push_str(&self.part_order(part, method, changes));
            Ok(sql)
        });
        parts.collect()
    }

    fn part_collation(&self, part: &IndexPart, changes: &mut Changes) -> String {
        let Some(collation) = &part.collation else {
            return String::new();
        };
        let stance = Stance::of(&self.build.profile.collations);
        let system = collation.schema == "pg_catalog";
        if stance.is_taken() && system {
            return format!(" COLLATE {}", collation.quoted());
        }
        let bytewise = system && matches!(collation.name.as_str(), "C" | "POSIX");
        if !(bytewise && stance.is_refused()) {
            let detail = format!(
                "without COLLATE {}: it sorts bytewise",
                readable(&collation.name)
            );
            changes.push((&COLLATION, detail));
        }
        String::new()
    }

    /// The operator class of a part, where it is named; refuses a part for which there is none.
    pub(super) fn operator_class(
        &self,
        on: &On<'_>,
        index: &Index,
        part: &IndexPart,
        method: &str,
        changes: &mut Changes,
    ) -> Result<String, Left> {
        let (from, to) = self.types(on, part);
        let default = to.as_deref().and_then(|to| has_default_class(method, to));
        let classes = self.classes(index);
        let is_changed = from != to;
        let Some(class) = &part.operator_class else {
            if default == Some(false) && (is_changed || classes != Classes::There) {
                let to = to.unwrap_or_default();
                let detail = format!("{method} has no operator class for {to}");
                return Err(Left::new(&OPERATOR_CLASS_MISSING, detail));
            }
            return Ok(String::new());
        };
        let is_there = match classes {
            Classes::There => true,
            Classes::Missing => false,
            Classes::NotTold => class.schema == "pg_catalog" || self.is_postgresql(),
        };
        // Distances have no default: the class is the metric.
        let is_metric = matches!(method, "hnsw" | "ivfflat");
        let taken = Stance::of(&self.build.profile.operator_classes).is_taken();
        if is_metric || is_there && taken && !is_changed {
            return Ok(format!(" {}", self.class_name(class)));
        }
        let name = readable(&class.name);
        if !default.unwrap_or(matches!(method, "btree" | "hash" | "brin")) {
            let detail = format!("{method} needs {name}");
            return Err(Left::new(&OPERATOR_CLASS_MISSING, detail));
        }
        changes.push((&OPERATOR_CLASS, format!("without operator class {name}")));
        Ok(String::new())
    }

    /// An operator class as SQL; those of the system need no schema.
    fn class_name(&self, class: &Name) -> String {
        if class.schema == "pg_catalog" || class.schema.is_empty() {
            return sql::identifier(&class.name);
        }
        self.renamed(class).quoted()
    }

    /// Whether the operator classes that the index needs are there.
    fn classes(&self, index: &Index) -> Classes {
        let edges = self.build.needs_of(object(index)).iter();
        let is_class = |on: &Object| {
            let other = self
                .source
                .other(on.oid)
                .filter(|_| on.class == Class::Other);
            other.is_some_and(|o| o.kind == OtherKind::OperatorClass)
        };
        let classes: Vec<Object> = edges.map(|edge| edge.on).filter(is_class).collect();
        if classes.iter().any(|&class| self.missing(class).is_some()) {
            Classes::Missing
        } else if classes.is_empty() && !self.is_postgresql() {
            Classes::NotTold
        } else {
            Classes::There
        }
    }

    /// The types of a column in the source and in the target; of an expression nothing is known.
    fn types(&self, on: &On<'_>, part: &IndexPart) -> (Option<String>, Option<String>) {
        let Some(column) = &part.column else {
            return (None, None);
        };
        let field = on.relation.column(column);
        let from = field.map(|field| field.data_type.sql.clone());
        let to = self.column_type(&on.name, column);
        (from, to.or_else(|| field.map(|field| self.type_of(field))))
    }

    fn part_order(&self, part: &IndexPart, method: &str, changes: &mut Changes) -> String {
        // Without a word NULLS are last where it ascends, and first where it descends.
        let plain_nulls = part.nulls_first == part.descending;
        if method != "btree" || (!part.descending && plain_nulls) {
            return String::new();
        }
        let mut order = String::new();
        if part.descending {
            order.push_str(" DESC");
        }
        if !plain_nulls {
            order.push_str(if part.nulls_first {
                " NULLS FIRST"
            } else {
                " NULLS LAST"
            });
        }
        let stance = Stance::of(&self.build.profile.index_ordering);
        if stance.is_taken() {
            return order;
        }
        changes.push((&ORDERING, format!("without{order}: {}", stance.because())));
        String::new()
    }
}

/// Parameters of the operator class of a part, as `pg_get_indexdef` prints them: `(siglen='64')`.
fn class_options(definition: &str, part: usize) -> Option<&str> {
    let pieces = text::pieces(definition);
    let using = pieces
        .iter()
        .position(|piece| piece.text.eq_ignore_ascii_case("using"))?;
    let list = pieces[using..]
        .iter()
        .find(|piece| piece.text.starts_with('('))?;
    let inside = list.text.strip_prefix('(')?.strip_suffix(')')?;
    let item = text::items(inside).nth(part)?;
    let groups = text::pieces(item)
        .into_iter()
        .skip(1)
        .map(|piece| piece.text);
    let mut options = groups.filter(|group| is_options(group));
    options.next()
}

/// Whether a group is `(name='value', …)`.
fn is_options(group: &str) -> bool {
    let inside = group.strip_prefix('(').and_then(|g| g.strip_suffix(')'));
    let mut items = text::items(inside.unwrap_or_default()).peekable();
    items.peek().is_some()
        && items.all(|item| {
            let pieces = text::pieces(item);
            matches!(pieces.as_slice(), [_, equals, value]
                if equals.text == "=" && value.text.starts_with('\''))
        })
}

/// An expression in the parentheses that CREATE INDEX wants.
fn grouped(expression: String) -> String {
    if text::is_group(&expression) {
        expression
    } else {
        format!("({expression})")
    }
}
