//! The texts outside of routines: queries of views, defaults, CHECKs, indexes, triggers.

use super::super::NotParsed;
use super::super::lexer::Lexed;
use super::super::text::Wrapped;
use super::super::tree::{self, Grammar, NoTree};
use super::kinds;
use super::known::Known;
use super::sql::{self, From};
use crate::catalog::database::{ConstraintKind, Relation, RelationKind, UserTypeKind};
use crate::catalog::readable;
use crate::schema::finding::Finding;

/// Looks through all of them.
pub(super) fn look(known: &Known<'_>, findings: &mut Vec<Finding>) {
    for relation in known
        .database
        .relations
        .iter()
        .filter(|r| r.extension.is_none())
    {
        look_at_relation(relation, known, findings);
    }
    for user_type in known
        .database
        .types
        .iter()
        .filter(|t| t.extension.is_none())
    {
        let UserTypeKind::Domain {
            default, checks, ..
        } = &user_type.kind
        else {
            continue;
        };
        let object = || format!("domain {}", user_type.name);
        let checks = checks.iter().map(|check| &check.definition);
        for text in default.iter().chain(checks) {
            expression(text, object, known, findings);
        }
    }
}

fn look_at_relation(relation: &Relation, known: &Known<'_>, findings: &mut Vec<Finding>) {
    let table = &relation.name;
    if let Some(query) = &relation.query {
        let object = match relation.kind {
            RelationKind::MaterializedView => format!("materialized view {table}"),
            _ => format!("view {table}"),
        };
        if let Err(why) = text(&Wrapped::statement(query), &object, known, findings) {
            findings.push(Finding::new(&kinds::NOT_CHECKED, object).detail(why.0));
        }
    }
    for column in &relation.columns {
        if let Some(default) = column.default.expression() {
            let object = || format!("column {table}.{}", readable(&column.name));
            expression(default, object, known, findings);
        }
    }
    // Keys name columns alone, and exclusions have an index.
    let checks = relation.constraints.iter();
    let checks = checks.filter(|c| c.kind == ConstraintKind::Check && !c.inherited);
    for constraint in checks {
        let object = || format!("constraint {table}.{}", readable(&constraint.name));
        expression(&constraint.definition, object, known, findings);
    }
    for index in &relation.indexes {
        let object = || {
            format!(
                "index {}.{}",
                readable(&table.schema),
                readable(&index.name)
            )
        };
        let parts = index.parts.iter().filter(|part| part.column.is_none());
        let parts = parts.map(|part| &part.expression);
        for text in parts.chain(&index.predicate) {
            expression(text, object, known, findings);
        }
    }
    for trigger in relation.triggers.iter().filter(|t| !t.inherited) {
        let object = format!("trigger {table}.{}", readable(&trigger.name));
        statement(&trigger.definition, object, known, findings);
    }
}

fn statement(text_: &str, object: String, known: &Known<'_>, findings: &mut Vec<Finding>) {
    if let Err(why) = text(&Wrapped::statement(text_), &object, known, findings) {
        findings.push(Finding::new(&kinds::NOT_CHECKED, object).detail(why.0));
    }
}

fn expression(
    expression: &str,
    object: impl Fn() -> String,
    known: &Known<'_>,
    findings: &mut Vec<Finding>,
) {
    // Most expressions have no word that is looked at; there are as many as columns.
    let clean = Lexed::new(expression).is_ok_and(|lexed| !sql::is_suspicious(&lexed, known));
    if clean {
        return;
    }
    let looked = Wrapped::expression(expression)
        .and_then(|wrapped| text(&wrapped, &object(), known, findings));
    if let Err(why) = looked {
        findings.push(Finding::new(&kinds::NOT_CHECKED, object()).detail(why.0));
    }
}

fn text(
    wrapped: &Wrapped<'_>,
    object: &str,
    known: &Known<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), NotParsed> {
    let lexed = Lexed::new(&wrapped.sql)?;
    if !sql::is_suspicious(&lexed, known) {
        return Ok(());
    }
    let statements = match tree::parse(&lexed, Grammar::Statements) {
        Ok(statements) => statements,
        Err(NoTree::TooDeep) => {
            return Err(NotParsed("it is nested too deeply".to_owned()));
        }
        Err(NoTree::Wrong(error)) => return Err(error),
    };
    for found in sql::uses(&statements, From::Checked, known) {
        findings.push(Finding::new(found.kind, object).detail(found.what));
    }
    Ok(())
}
