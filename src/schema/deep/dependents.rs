//! Questions about what is computed from values that are cut: CHECKs that turn false, generated columns
//! that change.
//!
//! ```text
//! FROM ONLY t AS wire9_row, LATERAL (SELECT (expression), … FROM (SELECT cut columns) AS wire9_cut) AS wire9_after
//! ```
//! The expressions are the catalog's own texts, whose bare column names mean the nearest columns: those
//! that are cut inside, those of the row outside.

use std::collections::HashMap;

use crate::catalog::database::{
    Constraint, ConstraintKind, DomainCheck, FieldDefault, Relation, UserType, UserTypeKind,
};
use crate::catalog::readable;
use crate::profile::Profile;
use crate::schema::convert::check_of_column;
use crate::schema::mention::mentions;
use crate::sql;

use super::table::{Column, Table};
use super::{Ask, Question, kinds};

/// Domains over domains that are looked at.
const DEEPEST: usize = 32;

/// An expression of the table, and what is asked of its value before and after the cut.
struct Computed {
    expression: String,
    ask: fn(before: &str, after: &str) -> String,
    about: Ask,
    /// Of a generated column: itself, else the expression on the row.
    before: String,
}

pub(super) fn question(
    table: &Table<'_>,
    leaf: &Relation,
    types: &HashMap<u32, &UserType>,
) -> Option<Question> {
    let mut computed = checks(table);
    computed.extend(of_domains(table, types));
    computed.extend(generated(table));
    if computed.is_empty() {
        return None;
    }
    let name = |n: usize| sql::identifier(&format!("wire9 {n}"));
    let numbered = computed.iter().enumerate();
    let after: Vec<String> = numbered
        .map(|(n, c)| format!("({}) AS {}", c.expression, name(n)))
        .collect();
    let asks = computed.into_iter().enumerate().map(|(n, computed)| {
        let after = format!("wire9_after.{}", name(n));
        let condition = (computed.ask)(&computed.before, &after);
        Ask {
            count: format!("count(*) FILTER (WHERE {condition})"),
            ..computed.about
        }
    });
    Some(Question {
        table: leaf.name.clone(),
        bytes: leaf.bytes,
        asks: asks.collect(),
        from: format!(
            "{} CROSS JOIN LATERAL (SELECT {} FROM ({}) AS wire9_cut) AS wire9_after",
            table.plain_from(leaf),
            after.join(", "),
            table.as_the_target_has_it(),
        ),
    })
}

/// CHECKs on columns that are cut. One that is NOT VALID is made only where the target takes it so, and a
/// row that broke it before does not turn.
fn checks<'a>(table: &'a Table<'_>) -> Vec<Computed> {
    if Profile::yes(&table.profile.check_constraints) == Some(false) {
        return Vec::new();
    }
    let not_valid = Profile::yes(&table.profile.not_valid_constraints) == Some(true);
    let cut: Vec<&str> = table.cut_columns().collect();
    let affected = |check: &&'a Constraint| {
        check.kind == ConstraintKind::Check
            && check.enforced
            && (check.validated || not_valid)
            && check
                .columns
                .iter()
                .any(|column| cut.contains(&column.as_str()))
    };
    let checks = table.root.constraints.iter().filter(affected);
    checks
        .filter_map(|check| {
            let expression = expression(&check.definition)?.to_owned();
            let object = format!("constraint {}.{}", table.root.name, readable(&check.name));
            Some(Computed {
                before: format!("({expression})"),
                ask: turns_false,
                about: table.ask(&kinds::CHECK_TURNS_FALSE, object, "false"),
                expression,
            })
        })
        .collect()
}

/// CHECKs of the domains of columns that are cut, whoever checks them in the target: the domain, or the
/// table in its stead.
fn of_domains(table: &Table<'_>, types: &HashMap<u32, &UserType>) -> Vec<Computed> {
    if Profile::yes(&table.profile.check_constraints) == Some(false) {
        return Vec::new();
    }
    let mut computed = Vec::new();
    for column in table.columns.iter().filter(|column| column.cut.is_some()) {
        let mut oid = column.field.type_oid;
        // Domains over domains beyond this are a circle of a broken catalog.
        for _ in 0..DEEPEST {
            let Some(UserTypeKind::Domain {
                base_oid, checks, ..
            }) = types.get(&oid).map(|user_type| &user_type.kind)
            else {
                break;
            };
            computed.extend(checks.iter().filter_map(|c| of_domain(table, column, c)));
            oid = *base_oid;
        }
    }
    computed
}

fn of_domain(table: &Table<'_>, column: &Column<'_>, check: &DomainCheck) -> Option<Computed> {
    let name = column.field.name.as_str();
    let expression = check_of_column(expression(&check.definition)?, name)?;
    let mut about = table.ask(&kinds::CHECK_TURNS_FALSE, table.object(name), "false");
    about.detail = format!("CHECK {} of its domain", readable(&check.name));
    Some(Computed {
        before: format!("({expression})"),
        ask: turns_false,
        about,
        expression,
    })
}

fn turns_false(before: &str, after: &str) -> String {
    format!("{before} IS NOT FALSE AND {after} IS FALSE")
}

/// The expression of `CHECK ((a > b)) NOT VALID`.
fn expression(definition: &str) -> Option<&str> {
    let mut rest = definition.strip_prefix("CHECK ")?.trim();
    for suffix in ["NOT ENFORCED", "NOT VALID", "NO INHERIT"] {
        rest = rest.strip_suffix(suffix).unwrap_or(rest).trim_end();
    }
    Some(rest)
}

/// Generated columns that the target computes itself, from columns that are cut.
fn generated(table: &Table<'_>) -> Vec<Computed> {
    let cut: Vec<&str> = table.cut_columns().collect();
    let computed = |column: &Column<'_>| {
        let FieldDefault::Stored(expression) = &column.field.default else {
            return None;
        };
        let affected = column.mapped.is_none() && cut.iter().any(|c| mentions(expression, c));
        affected.then(|| Computed {
            expression: expression.clone(),
            ask: |before, after| format!("{before} IS DISTINCT FROM {after}"),
            about: table.ask(
                &kinds::GENERATED_CHANGES,
                table.object(&column.field.name),
                "false",
            ),
            before: column.value(),
        })
    };
    table.columns.iter().filter_map(computed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::deep::samples::{constraint, table};

    #[test]
    fn the_expression_of_a_check_is_without_its_clauses() {
        assert_eq!(expression("CHECK ((a > b))"), Some("((a > b))"));
        assert_eq!(
            expression("CHECK ((a > b)) NO INHERIT NOT VALID"),
            Some("((a > b))")
        );
        assert_eq!(
            expression("CHECK ((a > b)) NOT ENFORCED"),
            Some("((a > b))")
        );
        assert_eq!(expression("FOREIGN KEY (a)"), None);
    }

    #[test]
    fn only_what_is_computed_from_cut_columns_is_asked() {
        let zoned = "timestamp with time zone";
        let (mut relation, mut mapped) = table(&[
            ("a", "timestamptz", zoned),
            ("b", "timestamptz", zoned),
            ("n", "int4", "integer"),
            ("g", "float8", "double precision"),
        ]);
        relation.constraints = vec![
            constraint(ConstraintKind::Check, "CHECK ((a < b))", &["a", "b"]),
            constraint(ConstraintKind::Check, "CHECK ((n > 0))", &["n"]),
        ];
        relation.columns[3].default =
            FieldDefault::Stored("EXTRACT(epoch FROM (b - a))".to_owned());
        mapped.columns.pop();
        let profile = Profile::db9_documented();
        let table = Table::new(&relation, vec![&relation], &mapped, &profile);
        let question =
            question(&table, &relation, &HashMap::new()).expect("there is something to ask");
        assert_eq!(
            question.sql(),
            "SELECT count(*) FILTER (WHERE (((a < b))) IS NOT FALSE AND wire9_after.\"wire9 0\" IS FALSE), \
             count(*) FILTER (WHERE wire9_row.\"g\" IS DISTINCT FROM wire9_after.\"wire9 1\") \
             FROM ONLY \"public\".\"t\" AS wire9_row CROSS JOIN LATERAL (SELECT (((a < b))) AS \"wire9 0\", \
             (EXTRACT(epoch FROM (b - a))) AS \"wire9 1\" FROM (SELECT \
             date_trunc('milliseconds', wire9_row.\"a\") AS \"a\", \
             date_trunc('milliseconds', wire9_row.\"b\") AS \"b\", wire9_row.\"n\" AS \"n\", \
             wire9_row.\"g\" AS \"g\") AS wire9_cut) AS wire9_after"
        );
        let postgresql = Profile::postgresql();
        let table = Table::new(&relation, vec![&relation], &mapped, &postgresql);
        assert_eq!(super::question(&table, &relation, &HashMap::new()), None);
    }
}
