//! Statements nested so deeply (some fifty operators in a row) that the parser accepts them and its
//! tree cannot be read. They are judged by their words, more strictly than by their tree: a statement
//! is refused where a word *might* be one that does not exist there.

use super::super::limits::Limits;
use super::tree;
use crate::fault::link::Refusal;

/// What is wrong with the statements, if anything is.
pub(crate) fn judge(sql: &str, limits: &Limits) -> Option<Refusal> {
    let utility = pg_query::is_utility_stmt(sql).map_or(true, |kinds| kinds.contains(&true));
    if utility {
        return Some(refusal(
            "54001",
            "the statement is nested too deeply".to_owned(),
        ));
    }
    let tokens = pg_query::scan(sql)
        .map(|scanned| scanned.tokens)
        .unwrap_or_default();
    let mut words = tokens.iter().filter_map(|token| {
        let range = usize::try_from(token.start).ok()?..usize::try_from(token.end).ok()?;
        Some(sql.get(range)?.trim_matches('"').to_ascii_lowercase())
    });
    let word = words.find(|word| word == "tablesample" || tree::is_missing_word(word, limits))?;
    Some(refusal(
        "0A000",
        format!("\"{word}\" in a deeply nested statement"),
    ))
}

fn refusal(sqlstate: &str, message: String) -> Refusal {
    Refusal {
        sqlstate: sqlstate.to_owned(),
        message,
    }
}
