//! Function bodies: the languages that exist, and what PL/pgSQL has there (guide: variables,
//! IF/ELSIF, FOR, PERFORM, RAISE, RETURN; no WHILE, EXECUTE, EXCEPTION, cursors).

use pg_query::NodeEnum;
use pg_query::protobuf::{DefElem, Node};
use serde_json::Value;

use super::Ruling;

/// What the parser calls the features that are missing, and what people call them.
const MISSING: [(&str, &str); 10] = [
    ("PLpgSQL_stmt_while", "WHILE in PL/pgSQL"),
    ("PLpgSQL_stmt_dynexecute", "EXECUTE in PL/pgSQL"),
    ("PLpgSQL_stmt_dynfors", "FOR … IN EXECUTE in PL/pgSQL"),
    ("PLpgSQL_exception_block", "EXCEPTION in PL/pgSQL"),
    ("PLpgSQL_stmt_open", "OPEN of a cursor in PL/pgSQL"),
    ("PLpgSQL_stmt_fetch", "FETCH in PL/pgSQL"),
    ("PLpgSQL_stmt_close", "CLOSE of a cursor in PL/pgSQL"),
    ("PLpgSQL_stmt_forc", "FOR over a cursor in PL/pgSQL"),
    ("cursor_explicit_expr", "a cursor in PL/pgSQL"),
    (
        "PLpgSQL_stmt_return_query_dynamic",
        "RETURN QUERY EXECUTE in PL/pgSQL",
    ),
];

/// Judges CREATE FUNCTION, CREATE PROCEDURE and DO.
pub(crate) fn judge(node: &NodeEnum, text: &str) -> Ruling {
    let language = match node {
        NodeEnum::CreateFunctionStmt(function) => {
            language(&function.options).unwrap_or_else(|| "sql".to_owned())
        }
        NodeEnum::DoStmt(block) => language(&block.args).unwrap_or_else(|| "plpgsql".to_owned()),
        _ => return Ruling::Pass,
    };
    match language.as_str() {
        "sql" => Ruling::Pass,
        "plpgsql" => body(text),
        other => Ruling::refuse("42704", &format!("language \"{other}\" does not exist")),
    }
}

fn body(text: &str) -> Ruling {
    let Ok(parsed) = pg_query::parse_plpgsql(text) else {
        return Ruling::Pass;
    };
    let missing = MISSING.iter().find(|(key, _)| has_key(&parsed, key));
    missing.map_or(Ruling::Pass, |(_, name)| Ruling::unsupported(name))
}

fn language(options: &[Node]) -> Option<String> {
    options
        .iter()
        .find_map(|option| match option.node.as_ref()? {
            NodeEnum::DefElem(element) if element.defname == "language" => string_of(element),
            _ => None,
        })
}

fn string_of(element: &DefElem) -> Option<String> {
    match element.arg.as_ref()?.node.as_ref()? {
        NodeEnum::String(string) => Some(string.sval.to_ascii_lowercase()),
        _ => None,
    }
}

fn has_key(value: &Value, key: &str) -> bool {
    match value {
        Value::Object(map) => map
            .iter()
            .any(|(name, inner)| name == key || has_key(inner, key)),
        Value::Array(items) => items.iter().any(|item| has_key(item, key)),
        _ => false,
    }
}
