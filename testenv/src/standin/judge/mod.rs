//! Judges statements by PostgreSQL's own parser, as DB9 is documented to judge them.
//!
//! - [`statement`] knows what whole statements are refused, and their clauses;
//! - [`tree`] finds, anywhere in a statement, types, columns and clauses that do not exist there;
//! - [`plpgsql`] looks into the bodies of functions;
//! - [`undocumented`] knows the features of which the documents say nothing;
//! - [`deep`] judges by words what is nested too deeply for the parser's interface.
//!
//! What does not parse is left to the server, which says so better.

mod deep;
mod plpgsql;
mod statement;
mod tree;
mod undocumented;

use std::ops::Range;

use pg_query::NodeEnum;
use pg_query::protobuf::RawStmt;
use serde_json::Value;

use super::limits::Limits;
use crate::fault::link::Refusal;
use crate::fault::statement::range;

pub(crate) use statement::is_utf8;

/// What a query string is to the stand-in.
#[derive(Default)]
pub(crate) struct Judgement {
    /// Where in the text the first refused statement begins, and the server's words about it.
    pub(crate) refused: Option<(usize, Refusal)>,
    /// What the server gets instead.
    pub(crate) rewritten: Option<String>,
    /// Warnings that go before the answer.
    pub(crate) warnings: Vec<String>,
    /// The COPY FROM STDIN in it.
    pub(crate) copy_in: Option<CopyFrom>,
    kinds: Vec<(String, Range<usize>)>,
}

/// A COPY FROM STDIN.
pub(crate) struct CopyFrom {
    /// It is the whole query string, and in text format without options.
    pub(crate) text_alone: bool,
}

/// The limits, with the timeouts that a session has.
pub(crate) struct JudgeLimits<'a> {
    pub(crate) limits: &'a Limits,
    /// `statement_timeout` and `idle_in_transaction_session_timeout`, milliseconds, scaled.
    pub(crate) timeouts: (u128, u128),
}

/// What one statement is.
pub(crate) enum Ruling {
    Pass,
    Refuse(Refusal),
    /// The server gets this text instead, and the client this warning first.
    Rewrite {
        text: String,
        warning: Option<String>,
    },
}

impl Ruling {
    /// 0A000: the feature does not exist there.
    pub(crate) fn unsupported(what: &str) -> Ruling {
        Ruling::refuse("0A000", &format!("{what} is not supported"))
    }

    pub(crate) fn refuse(sqlstate: &str, message: &str) -> Ruling {
        Ruling::Refuse(Refusal {
            sqlstate: sqlstate.to_owned(),
            message: message.to_owned(),
        })
    }

    fn or_else(self, next: impl FnOnce() -> Ruling) -> Ruling {
        match self {
            Ruling::Pass => next(),
            decided => decided,
        }
    }
}

/// Judges a Query, or (`extended`) a Parse.
pub(crate) fn judge(sql: &str, limits: &JudgeLimits<'_>, extended: bool) -> Judgement {
    let mut judgement = Judgement::default();
    let mut parsed = match pg_query::parse(sql, 0) {
        Ok(parsed) => parsed.protobuf,
        Err(pg_query::Error::Decode(_)) => {
            judgement.refused = deep::judge(sql, limits.limits).map(|refusal| (0, refusal));
            return judgement;
        }
        Err(_) => return judgement,
    };
    parsed.stmts.iter_mut().for_each(tree::drop_constant_rows);
    let statements = &parsed.stmts;
    if statements.len() > 1 && !limits.limits.several_statements {
        let why = Refusal {
            sqlstate: "42601".to_owned(),
            message: "one query may hold one statement".to_owned(),
        };
        judgement.refused = Some((0, why));
    }
    let mut edits = Vec::new();
    for raw in statements {
        let place = range(sql, raw.stmt_location, raw.stmt_len);
        judgement.judge_one(
            raw,
            &sql[place.clone()],
            place,
            (limits, extended),
            &mut edits,
        );
    }
    if let Some(copy) = &mut judgement.copy_in {
        copy.text_alone &= statements.len() == 1;
    }
    judgement.rewritten = (!edits.is_empty()).then(|| edited(sql, edits));
    judgement
}

impl Judgement {
    /// The parser's name and the text of each statement; the whole text where it did not parse.
    pub(crate) fn statements(&self, sql: &str) -> Vec<(String, String)> {
        if self.kinds.is_empty() {
            return vec![(String::new(), sql.to_owned())];
        }
        let text = |place: &Range<usize>| sql[place.clone()].trim().to_owned();
        self.kinds
            .iter()
            .map(|(kind, place)| (kind.clone(), text(place)))
            .collect()
    }

    fn judge_one(
        &mut self,
        raw: &RawStmt,
        text: &str,
        place: Range<usize>,
        (limits, extended): (&JudgeLimits<'_>, bool),
        edits: &mut Vec<(Range<usize>, String)>,
    ) {
        let Some(node) = raw.stmt.as_ref().and_then(|stmt| stmt.node.as_ref()) else {
            return;
        };
        let value = serde_json::to_value(node).unwrap_or(Value::Null);
        self.kinds.push((tree::kind_of(&value), place.clone()));
        if let NodeEnum::CopyStmt(copy) = node
            && copy.is_from
            && copy.filename.is_empty()
            && !copy.is_program
        {
            self.copy_in = Some(CopyFrom {
                text_alone: copy.options.is_empty(),
            });
        }
        let ruling = statement::judge(node, limits, extended)
            .or_else(|| tree::judge(&value, limits.limits))
            .or_else(|| plpgsql::judge(node, text))
            .or_else(|| undocumented::judge(node, limits.limits))
            .or_else(|| statement::alias_types(raw, limits.limits));
        match ruling {
            Ruling::Pass => {}
            Ruling::Refuse(refusal) => {
                self.refused.get_or_insert((place.start, refusal));
            }
            Ruling::Rewrite { text, warning } => {
                self.warnings.extend(warning);
                edits.push((place, text));
            }
        }
    }
}

/// `sql` with whole statements replaced, in order.
fn edited(sql: &str, edits: Vec<(Range<usize>, String)>) -> String {
    let mut text = String::new();
    let mut at = 0;
    for (place, replacement) in edits {
        text.push_str(&sql[at..place.start]);
        text.push_str(&replacement);
        at = place.end;
    }
    text + &sql[at..]
}
