//! Whether the objects of a target are what a plan's statements make of them.
//!
//! Both sides are models of a database: the wanted one is read from the statements as a dump is, the other from
//! the target's catalog. What catalogs say in numbers and names (types, columns, actions) is compared as such.
//! Texts (defaults, CHECKs, queries) are compared as parse trees: each server writes them in its own way, so
//! texts that differ say something only where both were written by PostgreSQL.

use std::collections::BTreeSet;

use crate::catalog::database::{
    Constraint, ConstraintKind, Database, Field, FieldDefault, Index, Relation, RelationKind,
    Routine, RoutineKind,
};
use crate::catalog::readable;

use super::convert::type_key;
use super::syntax::{self, Grammatical};

/// How an object of the target stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Likeness {
    /// It is what it should be.
    Same,
    /// It is another; in which way.
    Other(String),
    /// That can not be told; why not.
    Unknown(String),
}

/// An object, for people, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Likened {
    /// `column public.t.a`.
    pub object: String,
    /// How it stands.
    pub likeness: Likeness,
}

/// Compares what is in both; what is missing in the target is told by its name elsewhere. `both_postgres`:
/// the target writes its texts as the source does.
pub fn likeness(wanted: &Database, there: &Database, both_postgres: bool) -> Vec<Likened> {
    let mut compared = Compared {
        databases: (wanted, there),
        both_postgres,
        found: Vec::new(),
    };
    for relation in &wanted.relations {
        if let Some(other) = there.relation_named(&relation.name) {
            compared.relation(relation, other);
        }
    }
    for routine in &wanted.routines {
        compared.routine(routine);
    }
    compared.sequences();
    compared.found
}

struct Compared<'d> {
    databases: (&'d Database, &'d Database),
    both_postgres: bool,
    found: Vec<Likened>,
}

impl Compared<'_> {
    fn add(&mut self, object: String, likeness: Likeness) {
        self.found.push(Likened { object, likeness });
    }

    fn relation(&mut self, wanted: &Relation, there: &Relation) {
        let view = matches!(
            wanted.kind,
            RelationKind::View | RelationKind::MaterializedView
        );
        if view {
            let texts = (wanted.query.as_deref(), there.query.as_deref());
            let likeness = self.texts(texts, Grammatical::Statement);
            self.add(format!("query of view {}", wanted.name), likeness);
            return;
        }
        for field in &wanted.columns {
            // What is missing is told by its name.
            if let Some(other) = there.columns.iter().find(|c| c.name == field.name) {
                let object = format!("column {}.{}", wanted.name, readable(&field.name));
                let likeness = self.field(field, other);
                self.add(object, likeness);
            }
        }
        let planned: BTreeSet<&str> = wanted.columns.iter().map(|c| c.name.as_str()).collect();
        let more = there
            .columns
            .iter()
            .filter(|c| !planned.contains(c.name.as_str()));
        for field in more {
            let object = format!("column {}.{}", wanted.name, readable(&field.name));
            self.add(object, unplanned());
        }
        self.constraints(wanted, there);
        for index in wanted.indexes.iter().filter(|i| i.constraint.is_none()) {
            if let Some(other) = there.indexes.iter().find(|i| i.name == index.name) {
                let schema = readable(&wanted.name.schema);
                let object = format!("columns of index {schema}.{}", readable(&index.name));
                let likeness = self.index(index, other);
                self.add(object, likeness);
            }
        }
    }

    fn field(&self, wanted: &Field, there: &Field) -> Likeness {
        let (a, b) = (&wanted.data_type, &there.data_type);
        let same_type =
            type_key(&a.sql) == type_key(&b.sql) && (a.shape, a.typmod) == (b.shape, b.typmod);
        if !same_type {
            return other(format!("is {}, and should be {}", b.sql, a.sql));
        }
        match (wanted.not_null, there.not_null) {
            (true, false) => return other("should be NOT NULL"),
            (false, true) => return other("is NOT NULL, and should not be"),
            _ => {}
        }
        self.default(&wanted.default, &there.default)
    }

    fn default(&self, wanted: &FieldDefault, there: &FieldDefault) -> Likeness {
        use FieldDefault as D;
        match (wanted, there) {
            (D::None, D::None) => Likeness::Same,
            (D::Identity { always: a, .. }, D::Identity { always: b, .. }) if a == b => {
                Likeness::Same
            }
            (D::Expression(a), D::Expression(b))
            | (D::Stored(a), D::Stored(b))
            | (D::Virtual(a), D::Virtual(b)) => {
                match self.texts((Some(a), Some(b)), Grammatical::Expression) {
                    Likeness::Other(_) => other("has another default"),
                    likeness => likeness,
                }
            }
            (_, D::None) => other("has no default, and should have one"),
            (D::None, _) => other("has a default, and should have none"),
            _ => other("gets its value in another way"),
        }
    }

    fn constraints(&mut self, wanted: &Relation, there: &Relation) {
        for constraint in &wanted.constraints {
            let primary = constraint.kind == ConstraintKind::Primary;
            let same = |c: &&Constraint| match primary {
                true => c.kind == ConstraintKind::Primary,
                false => c.name == constraint.name,
            };
            let object = of_table(constraint, wanted);
            match there.constraints.iter().find(same) {
                Some(found) => {
                    let likeness = self.constraint(constraint, found);
                    self.add(object, likeness);
                }
                // The others are told by their names.
                None if constraint.kind == ConstraintKind::Check => {
                    self.add(object, other("is missing in the target"));
                }
                None => {}
            }
        }
        let planned = |c: &&Constraint| !wanted.constraints.iter().any(|w| w.name == c.name);
        let refuses = |c: &&Constraint| {
            matches!(
                c.kind,
                ConstraintKind::Check | ConstraintKind::Foreign | ConstraintKind::Unique
            )
        };
        for constraint in there.constraints.iter().filter(refuses).filter(planned) {
            self.add(of_table(constraint, there), unplanned());
        }
    }

    fn constraint(&self, wanted: &Constraint, there: &Constraint) -> Likeness {
        if wanted.kind != there.kind {
            return other("is a constraint of another kind");
        }
        // A CHECK of an expression alone tells no columns in every catalog.
        if wanted.kind != ConstraintKind::Check && wanted.columns != there.columns {
            return other(format!(
                "is of the columns {}, and should be of {}",
                listed(&there.columns),
                listed(&wanted.columns)
            ));
        }
        if wanted.kind == ConstraintKind::Foreign {
            let named = |database: &Database, c: &Constraint| {
                let relation = c.references.and_then(|oid| database.relation(oid));
                (
                    relation.map(|r| r.name.clone()),
                    c.referenced_columns.clone(),
                )
            };
            let (a, b) = self.databases;
            if named(a, wanted) != named(b, there) {
                return other("refers to other columns than it should");
            }
            if actions(&wanted.definition) != actions(&there.definition) {
                return other("has other actions than it should");
            }
        }
        if (wanted.deferrable, wanted.initially_deferred)
            != (there.deferrable, there.initially_deferred)
        {
            return other("is checked at another moment");
        }
        match wanted.kind {
            ConstraintKind::Check | ConstraintKind::Exclude => {
                let texts = (Some(&*wanted.definition), Some(&*there.definition));
                self.texts(texts, Grammatical::Constraint)
            }
            _ => Likeness::Same,
        }
    }

    fn index(&self, wanted: &Index, there: &Index) -> Likeness {
        let columns = |index: &Index| -> Vec<Option<String>> {
            index.parts.iter().map(|part| part.column.clone()).collect()
        };
        let order = |index: &Index| -> Vec<(bool, bool)> {
            let parts = index.parts.iter();
            parts
                .map(|part| (part.descending, part.nulls_first))
                .collect()
        };
        if columns(wanted) != columns(there) || wanted.include != there.include {
            return other("is of other columns than it should be");
        }
        if order(wanted) != order(there) {
            return other("is in another order than it should be");
        }
        if wanted.unique != there.unique {
            return other(match wanted.unique {
                true => "is not unique, and should be",
                false => "is unique, and should not be",
            });
        }
        if wanted.predicate.is_some() != there.predicate.is_some() {
            return other(match wanted.predicate {
                Some(_) => "is of all rows, and should be of some",
                None => "is of some rows, and should be of all",
            });
        }
        if wanted.method != there.method {
            return Likeness::Unknown(format!(
                "its method is {}, and {} was asked for",
                there.method, wanted.method
            ));
        }
        let expressions = wanted.parts.iter().zip(&there.parts);
        let expressions = expressions.filter(|(part, _)| part.column.is_none());
        let mut texts: Vec<(Option<&str>, Option<&str>)> = expressions
            .map(|(a, b)| (Some(a.expression.as_str()), Some(b.expression.as_str())))
            .collect();
        if let (Some(a), Some(b)) = (&wanted.predicate, &there.predicate) {
            texts.push((Some(a), Some(b)));
        }
        let each = texts
            .into_iter()
            .map(|t| self.texts(t, Grammatical::Expression));
        each.fold(Likeness::Same, worse)
    }

    fn routine(&mut self, wanted: &Routine) {
        let (_, there) = self.databases;
        let forms: Vec<&Routine> = there
            .routines
            .iter()
            .filter(|r| r.name == wanted.name)
            .collect();
        if forms.is_empty() {
            return;
        }
        let object = format!("form of function {}", wanted.signature());
        let takes = |routine: &&&Routine| self.same_arguments(wanted, routine);
        let Some(found) = forms.iter().find(takes) else {
            let forms: Vec<String> = forms.iter().map(|r| format!("({})", r.arguments)).collect();
            let what = format!("takes {}", forms.join(" or "));
            return self.add(object, other(what));
        };
        let results = (wanted.definition.as_deref(), found.definition.as_deref());
        let (grammar, differs) = match wanted.kind {
            RoutineKind::Aggregate => (Grammatical::Statement, "is computed in another way"),
            _ => (Grammatical::Result, "answers another type"),
        };
        let likeness = match self.texts(results, grammar) {
            Likeness::Other(_) => other(differs),
            _ if wanted.language != found.language => other("is in another language"),
            Likeness::Same if wanted.body != found.body => match self.both_postgres {
                true => other("has another body"),
                false => Likeness::Unknown("its body is written in another way".to_owned()),
            },
            likeness => likeness,
        };
        self.add(object, likeness);
    }

    /// Arguments are types with names and modes.
    fn same_arguments(&self, wanted: &Routine, there: &Routine) -> bool {
        let of = |routine: &Routine| format!("DROP FUNCTION f({})", routine.arguments);
        wanted.arguments == there.arguments
            || syntax::same(&of(wanted), &of(there), Grammatical::Statement) == Some(true)
    }

    fn sequences(&mut self) {
        let (wanted, there) = self.databases;
        for sequence in wanted.sequences.iter().filter(|s| !s.identity) {
            let found = there.sequences.iter().find(|s| s.name == sequence.name);
            let Some(found) = found else {
                continue;
            };
            let step = (found.increment, found.cycles) == (sequence.increment, sequence.cycles);
            let ends = (found.minimum, found.maximum) == (sequence.minimum, sequence.maximum);
            let likeness = match (step, ends) {
                (true, true) => Likeness::Same,
                (false, _) => other("has another increment, or another CYCLE"),
                (_, false) => other("has another least or greatest value"),
            };
            self.add(format!("options of sequence {}", sequence.name), likeness);
        }
    }

    /// Compares texts as trees.
    fn texts(
        &self,
        (wanted, there): (Option<&str>, Option<&str>),
        grammar: Grammatical,
    ) -> Likeness {
        let (Some(a), Some(b)) = (wanted, there) else {
            return Likeness::Unknown("the target does not tell its text".to_owned());
        };
        match syntax::same(a, b, grammar) {
            Some(true) => Likeness::Same,
            Some(false) if self.both_postgres => other("has another text"),
            _ => Likeness::Unknown("the target writes it in another way".to_owned()),
        }
    }
}

fn other(what: impl Into<String>) -> Likeness {
    Likeness::Other(what.into())
}

fn unplanned() -> Likeness {
    other("is in the target, and nothing has planned it")
}

fn worse(one: Likeness, next: Likeness) -> Likeness {
    match (&one, &next) {
        (Likeness::Other(_), _) | (Likeness::Unknown(_), Likeness::Same) => one,
        _ => next,
    }
}

fn of_table(constraint: &Constraint, relation: &Relation) -> String {
    let kind = match constraint.kind {
        ConstraintKind::Primary => {
            return format!("columns of the primary key of {}", relation.name);
        }
        ConstraintKind::Unique => "columns of unique constraint",
        ConstraintKind::Check => "check constraint",
        ConstraintKind::Foreign => "columns of foreign key",
        ConstraintKind::Exclude => "exclusion constraint",
        ConstraintKind::Trigger => "constraint trigger",
    };
    format!("{kind} {}.{}", relation.name, readable(&constraint.name))
}

fn listed(columns: &[String]) -> String {
    let names: Vec<String> = columns.iter().map(|c| readable(c)).collect();
    format!("({})", names.join(", "))
}

/// What happens to rows that refer, as a foreign key's definition says it behind its columns.
fn actions(definition: &str) -> (Option<String>, Option<String>) {
    let definition = definition.to_ascii_uppercase();
    let action = |event: &str| {
        let (_, rest) = definition.rsplit_once(event)?;
        let words: Vec<&str> = rest.split_whitespace().take(2).collect();
        let action = match words.as_slice() {
            ["SET" | "NO", second, ..] => format!("{} {second}", words[0]),
            [first, ..] => (*first).to_owned(),
            [] => return None,
        };
        (action != "NO ACTION").then_some(action)
    };
    (action(" ON UPDATE "), action(" ON DELETE "))
}

#[cfg(all(test, feature = "parser"))]
mod tests {
    use super::*;
    use crate::schema::dump;

    fn model(sql: &str) -> Database {
        let lines = sql.replace("; ", ";\n") + ";\n";
        let dump = dump::read(&lines).expect("it is read");
        assert!(
            dump.database.not_read.is_empty(),
            "{lines} {:?}",
            dump.database.not_read
        );
        dump.database
    }

    /// What differs, a line each.
    fn differences(wanted: &str, there: &str, both_postgres: bool) -> Vec<String> {
        let found = likeness(&model(wanted), &model(there), both_postgres);
        let line = |l: Likened| match l.likeness {
            Likeness::Same => None,
            Likeness::Other(what) => Some(format!("{} {what}", l.object)),
            Likeness::Unknown(why) => Some(format!("{}? {why}", l.object)),
        };
        found.into_iter().filter_map(line).collect()
    }

    #[track_caller]
    fn told(wanted: &str, there: &str, expected: &[&str]) {
        assert_eq!(
            differences(wanted, wanted, true),
            [""; 0],
            "the same is the same"
        );
        assert_eq!(differences(wanted, there, true), expected);
    }

    #[test]
    fn columns_differ_by_type_modifier_null_default_and_number() {
        told(
            "CREATE TABLE s.t (a character varying(20), b integer NOT NULL, c int DEFAULT 1, d int, e text)",
            "CREATE TABLE s.t (a character varying(30), b integer, c int DEFAULT 2, d int DEFAULT 1, e integer, f int)",
            &[
                "column s.t.a is character varying(30), and should be character varying(20)",
                "column s.t.b should be NOT NULL",
                "column s.t.c has another default",
                "column s.t.d has a default, and should have none",
                "column s.t.e is integer, and should be text",
                "column s.t.f is in the target, and nothing has planned it",
            ],
        );
    }

    #[test]
    fn constraints_differ_by_columns_actions_and_trees() {
        let table = |check: &str, unique: &str, action: &str| {
            format!(
                "CREATE TABLE s.p (id int NOT NULL, a int, CONSTRAINT pk PRIMARY KEY (id), CONSTRAINT c CHECK ({check})); \
                 ALTER TABLE s.p ADD CONSTRAINT u UNIQUE ({unique}); CREATE TABLE s.k (p int); \
                 ALTER TABLE s.k ADD CONSTRAINT f FOREIGN KEY (p) REFERENCES s.p(id) {action}"
            )
        };
        let wanted = table("a > 0", "a, id", "ON DELETE SET NULL");
        told(
            &wanted,
            &table("((a > 0))", "a, id", "ON DELETE SET NULL"),
            &[],
        );
        told(
            &wanted,
            &table("a > 1", "id", "ON DELETE CASCADE"),
            &[
                "columns of foreign key s.k.f has other actions than it should",
                "check constraint s.p.c has another text",
                "columns of unique constraint s.p.u is of the columns (id), and should be of (a, id)",
            ],
        );
        let none = "CREATE TABLE s.p (id int NOT NULL, a int, CONSTRAINT d CHECK (a > 5))";
        let found = differences(&wanted, none, true);
        assert!(found.contains(&"check constraint s.p.c is missing in the target".to_owned()));
        let more = "check constraint s.p.d is in the target, and nothing has planned it";
        assert!(found.contains(&more.to_owned()), "{found:?}");
    }

    #[test]
    fn texts_that_another_server_writes_are_unknown_and_never_wrong() {
        let (one, two) = (
            "CREATE TABLE s.t (a int, CONSTRAINT c CHECK (a > 0))",
            "CREATE TABLE s.t (a int, CONSTRAINT c CHECK (0 < a))",
        );
        let found = differences(one, two, false);
        assert_eq!(
            found,
            ["check constraint s.t.c? the target writes it in another way"]
        );
    }

    #[test]
    fn indexes_differ_by_columns_order_rows_and_uniqueness() {
        let with = |index: &str| format!("CREATE TABLE s.t (a int, b int); CREATE {index}");
        let wanted = with("INDEX i ON s.t USING btree (a, b DESC) WHERE (a > 0)");
        for (there, what) in [
            (
                "INDEX i ON s.t USING btree (b, a DESC) WHERE (a > 0)",
                "is of other columns than it should be",
            ),
            (
                "INDEX i ON s.t USING btree (a, b) WHERE (a > 0)",
                "is in another order than it should be",
            ),
            (
                "UNIQUE INDEX i ON s.t USING btree (a, b DESC) WHERE (a > 0)",
                "is unique, and should not be",
            ),
            (
                "INDEX i ON s.t USING btree (a, b DESC)",
                "is of all rows, and should be of some",
            ),
            (
                "INDEX i ON s.t USING btree (a, b DESC) WHERE (a > 1)",
                "has another text",
            ),
        ] {
            let expected = format!("columns of index s.i {what}");
            told(&wanted, &with(there), &[&expected]);
        }
    }

    #[test]
    fn functions_differ_by_arguments_result_and_body() {
        let f = |head: &str, body: &str| {
            format!("CREATE FUNCTION s.f{head} LANGUAGE sql AS $$ SELECT {body} $$")
        };
        let wanted = f("(a int) RETURNS int", "a");
        for (there, what) in [
            (f("(a text) RETURNS int", "a"), "takes (a text)"),
            (f("(a int) RETURNS SETOF int", "a"), "answers another type"),
            (f("(a int) RETURNS int", "a + 1"), "has another body"),
        ] {
            let expected = format!("form of function s.f(a int) {what}");
            told(&wanted, &there, &[&expected]);
        }
    }
}
