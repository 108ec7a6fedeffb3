//! Which statements of PL/pgSQL a body has, with the line of each.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::lexer::Lexed;
use super::super::tree::{self, Fields};
use super::Reading;

/// A statement of PL/pgSQL beyond what every target has (variables, IF, FOR, PERFORM, RAISE, RETURN).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Found {
    /// The word for it in `Profile::plpgsql_missing`: `while`, `execute`, `return query` …
    pub(in super::super) word: &'static str,
    /// The lines of the body on which it stands, from 1.
    pub(in super::super) lines: Vec<u64>,
}

/// The features of a body, in order of their words. `body` is the text that the reading is of.
pub(in super::super) fn features(reading: &Reading, body: &str) -> Vec<Found> {
    let mut walk = Walk {
        found: BTreeMap::new(),
        handlers: handler_lines(body).into_iter(),
    };
    walk.value("", &reading.0, 1);
    walk.found
        .into_iter()
        .map(|(word, mut lines)| {
            lines.sort_unstable();
            lines.dedup();
            Found { word, lines }
        })
        .collect()
}

/// The lines of `EXCEPTION WHEN`: the parser does not tell them. Their order is the tree's.
fn handler_lines(body: &str) -> Vec<u64> {
    let Ok(lexed) = Lexed::new(body) else {
        return Vec::new();
    };
    (0..lexed.tokens.len())
        .filter(|&at| lexed.is_word(at, "exception") && lexed.is_word(at + 1, "when"))
        .map(|at| lexed.line(lexed.tokens[at].start) as u64)
        .collect()
}

struct Walk {
    found: BTreeMap<&'static str, Vec<u64>>,
    handlers: std::vec::IntoIter<u64>,
}

impl Walk {
    fn value(&mut self, kind: &str, value: &Value, line: u64) {
        match value {
            Value::Object(fields) => {
                let line = fields.get("lineno").and_then(Value::as_u64).unwrap_or(line);
                self.object(kind, fields, line);
                for (kind, inner) in fields {
                    self.value(kind, inner, line);
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.value(kind, item, line);
                }
            }
            _ => {}
        }
    }

    fn object(&mut self, kind: &str, fields: &Fields, line: u64) {
        if kind == "PLpgSQL_exception_block" {
            let line = self.handlers.next().unwrap_or(line);
            return self.note("exception", line);
        }
        if fields.contains_key("dynquery") {
            self.note("execute", line);
        }
        if let Some(word) = word(kind, fields) {
            self.note(word, line);
        }
    }

    fn note(&mut self, word: &'static str, line: u64) {
        self.found.entry(word).or_default().push(line);
    }
}

/// The word for a statement; `None` for what every target has.
fn word(kind: &str, fields: &Fields) -> Option<&'static str> {
    let yes = |key: &str| fields.get(key).and_then(Value::as_bool) == Some(true);
    Some(match kind {
        "PLpgSQL_stmt_while" => "while",
        "PLpgSQL_stmt_dynexecute" | "PLpgSQL_stmt_dynfors" => "execute",
        "PLpgSQL_stmt_open" | "PLpgSQL_stmt_fetch" | "PLpgSQL_stmt_close" | "PLpgSQL_stmt_forc" => {
            "cursor"
        }
        "PLpgSQL_var" if fields.contains_key("cursor_explicit_expr") => "cursor",
        "PLpgSQL_stmt_foreach_a" => "foreach",
        "PLpgSQL_stmt_loop" => "loop",
        "PLpgSQL_stmt_exit" if yes("is_exit") => "exit",
        "PLpgSQL_stmt_exit" => "continue",
        "PLpgSQL_stmt_case" => "case",
        "PLpgSQL_stmt_getdiag" => "get diagnostics",
        "PLpgSQL_stmt_assert" => "assert",
        "PLpgSQL_stmt_return_next" => "return next",
        "PLpgSQL_stmt_return_query" => "return query",
        "PLpgSQL_stmt_commit" => "commit",
        "PLpgSQL_stmt_rollback" => "rollback",
        "PLpgSQL_stmt_call" if yes("is_call") => "call",
        "PLpgSQL_stmt_call" => "do",
        "PLpgSQL_stmt_raise" if !tree::list(fields, "options").is_empty() => "raise using",
        _ => return None,
    })
}
