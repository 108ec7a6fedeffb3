//! The types of variables, for a parser that knows only those of the server itself, and the variables of
//! triggers, which it does not tell.

use std::collections::HashSet;

use super::super::NotParsed;
use super::super::lexer::{Kind, Lexed, dollar_quote};
use super::super::rewrite::{self, Edit};
use super::super::tree::{self, Grammar};
use super::super::type_name::{TypeSpan, chain, type_span};
use crate::sql;

/// Types of the server itself.
const BUILT_IN: [&str; 75] = [
    "bool",
    "bytea",
    "char",
    "name",
    "int8",
    "int2",
    "int4",
    "regproc",
    "text",
    "oid",
    "tid",
    "xid",
    "xid8",
    "cid",
    "json",
    "jsonb",
    "jsonpath",
    "xml",
    "point",
    "lseg",
    "path",
    "box",
    "polygon",
    "line",
    "circle",
    "float4",
    "float8",
    "money",
    "inet",
    "cidr",
    "macaddr",
    "macaddr8",
    "bpchar",
    "varchar",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "interval",
    "timetz",
    "bit",
    "varbit",
    "numeric",
    "refcursor",
    "record",
    "uuid",
    "tsvector",
    "tsquery",
    "regclass",
    "regtype",
    "regrole",
    "regnamespace",
    "regprocedure",
    "regoper",
    "regconfig",
    "int4range",
    "int8range",
    "numrange",
    "tsrange",
    "tstzrange",
    "daterange",
    "pg_lsn",
    "txid_snapshot",
    "pg_snapshot",
    "void",
    "trigger",
    "event_trigger",
    "anyelement",
    "anyarray",
    "anynonarray",
    "anyenum",
    "anyrange",
    "anycompatible",
    "anycompatiblearray",
    "cstring",
];

/// The statement with every type of a user replaced: by `record` where the variable's fields are used, by
/// `text` otherwise. Lines stay where they are.
pub(super) fn with_known_types(statement: &str) -> Result<String, NotParsed> {
    let lexed = Lexed::new(statement)?;
    let statements = tree::parse(&lexed, Grammar::Statements)?;
    let mut edits = Vec::new();
    let body = statements.first().and_then(|s| body_of(&lexed, &s.node));
    let text = body.and_then(|token| lexed.text(token)).unwrap_or_default();
    let inner = Lexed::new(&text)?;
    let rows = with_fields(&inner);
    if let Some(create) = statements
        .first()
        .and_then(|s| tree::node(&s.node, "CreateFunctionStmt"))
    {
        for parameter in tree::list(create, "parameters") {
            edits.extend(parameter_edit(&lexed, parameter, &rows));
        }
        edits.extend(variadic_edit(&lexed));
        match trigger_edits(&lexed, create) {
            Some(of_trigger) => edits.extend(of_trigger),
            None => edits.extend(result_edit(&lexed, create)),
        }
    }
    if let Some(token) = body {
        let new = declarations(&inner, &rows)?;
        edits.push(body_edit(&lexed, token, &new));
    }
    rewrite::apply(statement, edits)
}

/// The parser does not see that an array is one.
fn variadic_edit(lexed: &Lexed<'_>) -> Option<Edit> {
    let open = (0..lexed.tokens.len()).find(|&at| lexed.is_symbol(at, "("))?;
    let closing = lexed.closing(open)?;
    let at = (open..closing).find(|&at| lexed.is_word(at, "variadic"))?;
    let token = lexed.tokens[at];
    Some(Edit {
        start: token.start,
        end: token.end,
        with: String::new(),
    })
}

/// One result of a type that the parser does not know.
fn result_edit(lexed: &Lexed<'_>, create: &tree::Fields) -> Option<Edit> {
    let result = create.get("return_type")?.as_object()?;
    if result.get("setof").and_then(serde_json::Value::as_bool) == Some(true) {
        return None;
    }
    known_type(
        lexed,
        &type_span(lexed, lexed.at(tree::location(result)?)?)?,
        false,
    )
}

/// A function of triggers gets its variables as parameters: the parser can not tell the variables that
/// come with triggers.
fn trigger_edits(lexed: &Lexed<'_>, create: &tree::Fields) -> Option<Vec<Edit>> {
    const ROW: &str = "(new record, old record, tg_name text, tg_when text, tg_level text, tg_op text, \
         tg_relid oid, tg_relname text, tg_table_name text, tg_table_schema text, tg_nargs integer, \
         tg_argv text[])";
    const EVENT: &str = "(tg_event text, tg_tag text)";
    let result = create.get("return_type")?.as_object()?;
    let kind = tree::strings(result, "names").last().copied()?;
    let (parameters, returns) = match kind {
        "trigger" => (ROW, "record"),
        "event_trigger" => (EVENT, "void"),
        _ => return None,
    };
    let open = (0..lexed.tokens.len()).find(|&at| lexed.is_symbol(at, "("))?;
    let closing = lexed.closing(open).filter(|&closing| closing == open + 1)?;
    let span = type_span(lexed, lexed.at(tree::location(result)?)?)?;
    let edit = |first: usize, last: usize, with: &str| Edit {
        start: lexed.tokens[first].start,
        end: lexed.tokens[last].end,
        with: with.to_owned(),
    };
    Some(vec![
        edit(open, closing, parameters),
        edit(span.first, span.end - 1, returns),
    ])
}

/// The token of the body: the string after AS.
fn body_of(lexed: &Lexed<'_>, node: &serde_json::Value) -> Option<usize> {
    let create = tree::node(node, "CreateFunctionStmt");
    let options = match create {
        Some(create) => tree::list(create, "options"),
        None => tree::list(tree::node(node, "DoStmt")?, "args"),
    };
    let mut elements = options.iter().filter_map(|o| tree::node(o, "DefElem"));
    let body = elements.find(|o| tree::string(o, "defname") == "as")?;
    let first = lexed.at(tree::location(body)?)?;
    (first..first + 2).find(|&at| lexed.get(at).is_some_and(|t| t.kind == Kind::Text))
}

fn body_edit(lexed: &Lexed<'_>, token: usize, new: &str) -> Edit {
    let quote = dollar_quote(lexed.raw(token));
    let with = match quote {
        Some(quote) => format!("{quote}{new}{quote}"),
        None => sql::literal(new),
    };
    let place = lexed.tokens[token];
    Edit {
        start: place.start,
        end: place.end,
        with,
    }
}

fn parameter_edit(
    lexed: &Lexed<'_>,
    parameter: &serde_json::Value,
    rows: &HashSet<String>,
) -> Option<Edit> {
    let parameter = tree::node(parameter, "FunctionParameter")?;
    let type_name = parameter.get("arg_type")?.as_object()?;
    let first = lexed.at(tree::location(type_name)?)?;
    let row = rows.contains(tree::string(parameter, "name"));
    known_type(lexed, &type_span(lexed, first)?, row)
}

/// Names that something is selected from: `r` of `r.id`.
fn with_fields(body: &Lexed<'_>) -> HashSet<String> {
    (0..body.tokens.len())
        .filter(|&at| body.is_name(at) && body.is_symbol(at + 1, "."))
        .map(|at| body.name(at).into_owned())
        .collect()
}

/// The body with the types of its DECLARE sections replaced.
fn declarations(body: &Lexed<'_>, rows: &HashSet<String>) -> Result<String, NotParsed> {
    let edits = declared(body)
        .into_iter()
        .filter_map(|(name, span)| known_type(body, &span, rows.contains(&name)))
        .collect();
    rewrite::apply(body.sql, edits)
}

/// The variables and cursor arguments of all DECLARE sections, with their types.
pub(super) fn declared(body: &Lexed<'_>) -> Vec<(String, TypeSpan)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < body.tokens.len() {
        if body.is_word(at, "declare") {
            at = section(body, at + 1, &mut found);
        } else {
            at += 1;
        }
    }
    found
}

/// One section, up to its BEGIN.
fn section(body: &Lexed<'_>, mut at: usize, found: &mut Vec<(String, TypeSpan)>) -> usize {
    while at < body.tokens.len() && !body.is_word(at, "begin") {
        if body.is_word(at, "declare") {
            at += 1;
            continue;
        }
        declaration(body, at, found);
        at = after_semicolon(body, at);
    }
    at
}

fn declaration(body: &Lexed<'_>, at: usize, found: &mut Vec<(String, TypeSpan)>) {
    if !body.is_name(at) || body.is_word(at + 1, "alias") {
        return;
    }
    let name = body.name(at).into_owned();
    let cursor = (at + 1..at + 4).find(|&next| body.is_word(next, "cursor"));
    if let Some(cursor) = cursor {
        return cursor_arguments(body, cursor + 1, found);
    }
    let constant = usize::from(body.is_word(at + 1, "constant"));
    if let Some(span) = type_span(body, at + 1 + constant) {
        found.push((name, span));
    }
}

/// `(a integer, b text)`
fn cursor_arguments(body: &Lexed<'_>, open: usize, found: &mut Vec<(String, TypeSpan)>) {
    if !body.is_symbol(open, "(") {
        return;
    }
    let Some(closing) = body.closing(open) else {
        return;
    };
    let mut at = open + 1;
    while at < closing && body.is_name(at) {
        let Some(span) = type_span(body, at + 1) else {
            return;
        };
        at = span.array_end + 1;
        found.push((body.name(span.first - 1).into_owned(), span));
    }
}

fn after_semicolon(body: &Lexed<'_>, from: usize) -> usize {
    let end = (from..body.tokens.len()).find(|&at| body.is_symbol(at, ";"));
    end.map_or(body.tokens.len(), |at| at + 1)
}

fn known_type(lexed: &Lexed<'_>, span: &TypeSpan, row: bool) -> Option<Edit> {
    let built_in = span.key.schema.is_empty() && BUILT_IN.contains(&span.key.name.as_str());
    let (_, after) = chain(lexed, span.first);
    let of_row = span.of_column && lexed.is_word(after + 1, "rowtype");
    if (built_in && !span.of_column) || (span.of_column && !of_row) {
        return None;
    }
    let last = if of_row { after + 1 } else { span.end - 1 };
    let place = (lexed.get(span.first)?.start, lexed.get(last)?.end);
    let lines = lexed.sql[place.0..place.1].matches('\n').count();
    let array = span.array_end > span.end;
    let name = if of_row || (row && !array) {
        "record"
    } else {
        "text"
    };
    Some(Edit {
        start: place.0,
        end: place.1,
        with: name.to_owned() + &"\n".repeat(lines),
    })
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    #[test]
    fn the_functions_of_triggers_are_read() {
        for statement in [
            "CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n  NEW.b := \
             upper(NEW.b);\n  IF TG_OP = 'UPDATE' THEN RETURN OLD; END IF;\n  RETURN NEW;\nEND $$",
            "CREATE OR REPLACE FUNCTION s.f()\n RETURNS \"trigger\"\n LANGUAGE plpgsql\nAS $$ BEGIN \
             RETURN NULL; END $$",
            "CREATE FUNCTION s.f() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE \
             'x'; RETURN; END $$",
        ] {
            assert!(read(statement).is_ok(), "{statement}");
        }
    }

    #[test]
    fn a_trigger_function_keeps_its_lines() {
        let statement = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\nWHILE \
                         true LOOP NULL; END LOOP;\nRETURN NEW;\nEND $$";
        let known = with_known_types(statement).expect("parsed");
        assert!(known.contains("f(new record, old record, "), "{known}");
        assert!(known.contains(") RETURNS record"), "{known}");
        assert_eq!(known.lines().count(), statement.lines().count());
    }
}
