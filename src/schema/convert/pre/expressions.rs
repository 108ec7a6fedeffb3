//! SQL expressions of the source on their way into the target.

use std::borrow::Cow;
use std::rc::Rc;

use super::maker::Maker;
use super::money;
use crate::catalog::database::{Class, Name, Object};
use crate::schema::syntax;

/// An expression as the target can compute it.
///
/// # Errors
/// Why it can not, one line.
pub(super) fn usable(
    maker: &mut Maker<'_, '_>,
    owner: Object,
    column: Option<&str>,
    text: &str,
) -> Result<String, String> {
    if let Some(column) = column {
        by_edges(maker, owner, column)?;
    }
    let numbers = match maker.build.rewrites.types.contains_key("money") {
        true => money::numbers(text).ok_or("an amount of money in it can not be read")?,
        false => Cow::Borrowed(text),
    };
    let text = numbers.as_ref();
    maker.sequences_named(text);
    let read = read(maker, text);
    for function in &read.functions {
        by_name(maker, function)?;
    }
    let operators = read.operators.iter();
    let mut missing = operators.filter_map(|operator| maker.build.operator_missing(operator));
    match missing.next() {
        Some(missing) => Err(format!("it needs {missing}")),
        None => read.rewritten.clone(),
    }
}

/// What the parser says of an expression.
pub(super) struct Read {
    functions: Vec<Name>,
    operators: Vec<Name>,
    rewritten: Result<String, String>,
}

/// Reads an expression, once: thousands of columns have the same default.
fn read(maker: &mut Maker<'_, '_>, text: &str) -> Rc<Read> {
    if let Some(read) = maker.expressions.get(text) {
        return Rc::clone(read);
    }
    // Without parentheses nothing is called. A text that is not parsed is said by the second.
    let names = text
        .contains('(')
        .then(|| syntax::names_in_expression(text));
    let names = names.and_then(Result::ok).unwrap_or_default();
    let rewritten = maker.build.rewriter.expression(text);
    let read = Rc::new(Read {
        functions: names.functions,
        operators: names.operators,
        rewritten: match rewritten {
            Ok(text) => Ok(maker.build.without_citext(text)),
            Err(error) => Err(error.to_string()),
        },
    });
    maker.expressions.insert(text.to_owned(), Rc::clone(&read));
    read
}

/// Makes the functions that a column needs by the source's own dependencies.
fn by_edges(maker: &mut Maker<'_, '_>, owner: Object, column: &str) -> Result<(), String> {
    let edges = maker.build.needs_of(owner).iter();
    let routines: Vec<u32> = edges
        .filter(|edge| edge.column.as_deref() == Some(column))
        .filter(|edge| edge.on.class == Class::Routine)
        .map(|edge| edge.on.oid)
        .collect();
    routines.into_iter().try_for_each(|oid| routine(maker, oid))
}

fn by_name(maker: &mut Maker<'_, '_>, function: &Name) -> Result<(), String> {
    if matches!(function.schema.as_str(), "" | "pg_catalog") {
        return built_in(maker, &function.name);
    }
    let namesakes = maker.functions.get(function).cloned().unwrap_or_default();
    if let Some(missing) = maker.build.of_missing_extension(function) {
        return Err(format!("it needs {missing}"));
    }
    // Arguments are not compared: one that works is enough, and the server tells the rest.
    let mut answers = namesakes.into_iter().map(|oid| routine(maker, oid));
    match answers.next() {
        Some(Err(why)) if !answers.any(|answer| answer.is_ok()) => Err(why),
        _ => Ok(()),
    }
}

fn built_in(maker: &Maker<'_, '_>, function: &str) -> Result<(), String> {
    let missing = maker.build.profile.missing_functions.as_ref();
    if missing.is_some_and(|names| names.value.iter().any(|name| name == function)) {
        return Err(format!("the target has no function {function}()"));
    }
    Ok(())
}

fn routine(maker: &mut Maker<'_, '_>, oid: u32) -> Result<(), String> {
    let replaced = maker
        .build
        .routine(oid)
        .is_some_and(|routine| maker.build.rewrites.names.contains_key(&routine.name));
    if replaced { Ok(()) } else { maker.routine(oid) }
}
