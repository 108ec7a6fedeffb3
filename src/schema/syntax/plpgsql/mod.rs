//! Bodies in PL/pgSQL by PostgreSQL's own PL/pgSQL parser.
//!
//! That parser knows no types of users: a variable of such a type is a row to it, and a scalar use
//! of it an error. Where it fails, [`declared`] gives it the same body with types that it knows.

mod declared;
mod features;
mod place;

use serde_json::Value;

use super::lexer::Lexed;
use super::parsed::names_of;
use super::rewrite::{self, Edit};
use super::roles::roles;
use super::tree::{self, Grammar, Parsed};
use super::wanted::{Concern, Wanted};
use super::{Names, NotParsed};

pub(super) use features::{Found, features};

/// A routine in PL/pgSQL: `{"PLpgSQL_function": …}`.
pub(super) struct Reading(Value);

/// An SQL text of a body.
pub(super) struct Text<'r> {
    /// The text, as the body has it, less an INTO clause.
    pub(super) sql: &'r str,
    /// How it is parsed.
    pub(super) grammar: Grammar,
    /// The line of its statement in the body, from 1.
    pub(super) line: u64,
}

/// Reads a CREATE FUNCTION, CREATE PROCEDURE or DO.
pub(super) fn read(statement: &str) -> Result<Reading, NotParsed> {
    let first = match tree::parse_plpgsql(&Lexed::new(statement)?) {
        Ok(value) => return Ok(Reading(value)),
        Err(error) => NotParsed::from(error),
    };
    let known = declared::with_known_types(statement)?;
    match tree::parse_plpgsql(&Lexed::new(&known)?) {
        Ok(value) => Ok(Reading(value)),
        Err(_) => Err(first),
    }
}

impl Reading {
    /// The SQL texts of the body, in the parser's order.
    pub(super) fn texts(&self) -> Vec<Text<'_>> {
        let mut texts = Vec::new();
        collect_texts(&self.0, 1, &mut texts);
        texts
    }

    /// Whether a statement of it makes its SQL from strings.
    fn is_dynamic(&self) -> bool {
        let keys = [
            "PLpgSQL_stmt_dynexecute",
            "PLpgSQL_stmt_dynfors",
            "dynquery",
        ];
        keys.iter().any(|key| has_key(&self.0, key))
    }
}

fn collect_texts<'r>(value: &'r Value, line: u64, texts: &mut Vec<Text<'r>>) {
    match value {
        Value::Object(fields) => {
            let line = fields.get("lineno").and_then(Value::as_u64).unwrap_or(line);
            if let Some(sql) = fields.get("query").and_then(Value::as_str) {
                let mode = fields.get("parseMode").and_then(Value::as_u64).unwrap_or(0);
                let grammar = grammar(mode);
                texts.push(Text { sql, grammar, line });
            }
            for inner in fields.values() {
                collect_texts(inner, line, texts);
            }
        }
        Value::Array(items) => {
            for item in items {
                collect_texts(item, line, texts);
            }
        }
        _ => {}
    }
}

/// PostgreSQL's `RawParseMode`.
fn grammar(mode: u64) -> Grammar {
    match mode {
        2 => Grammar::PlpgsqlExpression,
        3 => Grammar::PlpgsqlAssignment(1),
        4 => Grammar::PlpgsqlAssignment(2),
        5 => Grammar::PlpgsqlAssignment(3),
        _ => Grammar::Statements,
    }
}

fn has_key(value: &Value, key: &str) -> bool {
    match value {
        Value::Object(fields) => {
            fields.contains_key(key) || fields.values().any(|inner| has_key(inner, key))
        }
        Value::Array(items) => items.iter().any(|item| has_key(item, key)),
        _ => false,
    }
}

/// The body of a routine (a statement at `place` of a text) with the replacements made.
pub(super) fn rewritten(
    lexed: &Lexed<'_>,
    place: (usize, usize),
    body: &str,
    wanted: &Wanted,
) -> Result<String, NotParsed> {
    let reading = read(&lexed.sql[place.0..place.1])?;
    if reading.is_dynamic() && wanted.concern_of_strings(body)? {
        let why = "it makes SQL from strings that name what changes";
        return Err(NotParsed(why.to_owned()));
    }
    let body_lexed = Lexed::new(body)?;
    let mut covered = place::Covered::new(&body_lexed);
    let mut edits = Vec::new();
    for text in reading.texts() {
        let found = text_edits(&text, wanted)?;
        covered.add(text.sql, &found, &mut edits)?;
    }
    edits.extend(covered.edits_between(wanted)?);
    let result = rewrite::apply(body, edits)?;
    verify(lexed, place, body, &result)?;
    Ok(result)
}

/// The edits within one SQL text.
fn text_edits(text: &Text<'_>, wanted: &Wanted) -> Result<Vec<Edit>, NotParsed> {
    let lexed = Lexed::new(text.sql)?;
    if wanted.concern(&lexed) == Concern::Nothing {
        return Ok(Vec::new());
    }
    let statements = tree::parse(&lexed, text.grammar)?;
    rewrite::edits(&lexed, Some(&roles(&statements)), wanted)
}

/// The rewritten body parses, too.
fn verify(
    lexed: &Lexed<'_>,
    place: (usize, usize),
    body: &str,
    result: &str,
) -> Result<(), NotParsed> {
    if body == result {
        return Ok(());
    }
    let statement = &lexed.sql[place.0..place.1];
    let Some(at) = statement.find(body) else {
        return Ok(());
    };
    let mut changed = statement.to_owned();
    changed.replace_range(at..at + body.len(), result);
    read(&changed).map(|_| ())
}

/// What the body names.
pub(super) fn collect_names(
    lexed: &Lexed<'_>,
    place: (usize, usize),
    names: &mut Names,
) -> Result<(), NotParsed> {
    let reading = read(&lexed.sql[place.0..place.1])?;
    for text in reading.texts() {
        let lexed = Lexed::new(text.sql)?;
        let statements: Vec<Parsed> = tree::parse(&lexed, text.grammar)?;
        names_of(&lexed, &statements, names);
    }
    Ok(())
}
