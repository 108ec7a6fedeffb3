//! Whether a condition of `--where TABLE=EXPR` gives the same rows in every transaction that shares a
//! snapshot: readers are many, and a chunk may be read again.

use std::collections::BTreeSet;

use super::attempt::attempt;
use super::error::{Doing as _, Error, Result};
use super::sqltext::{Token, tokens};
use crate::catalog::{TableName, readable};
use crate::sql;
use crate::wire::{self, Connection};

/// Inside a source transaction: whether `--where TABLE=EXPR` can be used, with the answer that two
/// transactions under one snapshot give the same rows. The transaction survives a refusal.
///
/// # Errors
/// `Wire` with the server's error for what is no condition on this table; `Refused` for volatile
/// functions and for the current time, by name.
pub async fn check_condition(
    connection: &mut Connection,
    table: &TableName,
    condition: &str,
) -> Result<()> {
    closed(condition).map_err(|what| refused(table, what, "write one SQL expression"))?;
    let plan = explain(connection, table, condition).await?;
    if let Some(name) = depends_on_time(condition, &plan) {
        let what = format!("uses {name}, which differs from transaction to transaction");
        return Err(refused(table, &what, "write its value as a literal"));
    }
    let volatile = volatile_functions(connection, &calls(&plan), table).await?;
    if volatile.is_empty() {
        return Ok(());
    }
    let what = format!("uses volatile functions ({})", volatile.join(", "));
    Err(refused(
        table,
        &what,
        "use a condition on columns and constants alone",
    ))
}

/// Functions that are not volatile, but whose value is another in each transaction or connection.
const BY_TRANSACTION: [&str; 10] = [
    "now",
    "transaction_timestamp",
    "statement_timestamp",
    "pg_backend_pid",
    "txid_current",
    "txid_current_if_assigned",
    "pg_current_xact_id",
    "pg_current_xact_id_if_assigned",
    "inet_client_port",
    "pg_my_temp_schema",
];

/// Keywords of the same kind.
const TIME_KEYWORDS: [&str; 5] = [
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
];

/// Literals that mean the time of the transaction when they are read as a date or a timestamp.
const TIME_LITERALS: [&str; 4] = ["now", "today", "tomorrow", "yesterday"];

fn refused(table: &TableName, what: &str, remedy: &str) -> Error {
    Error::Refused {
        what: format!("the condition on table {table} {what}"),
        remedy: remedy.to_owned(),
    }
}

/// The condition is put between parentheses: it must not leave them, nor end the statement.
fn closed(condition: &str) -> Result<(), &'static str> {
    let tokens = tokens(condition).ok_or("has a quote or a comment that does not end")?;
    let mut depth = 0_usize;
    for token in &tokens {
        match token {
            Token::Mark('(') => depth += 1,
            Token::Mark(')') => {
                depth = depth
                    .checked_sub(1)
                    .ok_or("closes a parenthesis that it did not open")?;
            }
            Token::Mark(';') => return Err("holds a semicolon"),
            _ => {}
        }
    }
    match (depth, tokens.is_empty()) {
        (0, false) => Ok(()),
        (0, true) => Err("is empty"),
        _ => Err("leaves a parenthesis open"),
    }
}

/// The plan's text: the condition as the server understood it, names qualified, constants folded.
async fn explain(
    connection: &mut Connection,
    table: &TableName,
    condition: &str,
) -> Result<String> {
    // The newline ends a comment at the end of the condition.
    let sql = format!(
        "EXPLAIN (VERBOSE, COSTS OFF) SELECT 1 FROM ONLY {} WHERE ({condition}\n)",
        table.quoted(),
    );
    let doing = format!("checking the condition on table {table}");
    // In a Query of its own: a syntax error anywhere in a Query runs nothing of it.
    let savepoint = "SAVEPOINT wire9_condition";
    connection.query(savepoint).await.doing(&doing)?;
    let answer = attempt(connection, &sql, &doing).await?;
    let undo = "ROLLBACK TO SAVEPOINT wire9_condition; RELEASE SAVEPOINT wire9_condition";
    connection.query(undo).await.doing(&doing)?;
    let replies = answer.map_err(|refusal| Error::Wire {
        doing,
        source: wire::Error::Server(refusal),
    })?;
    let lines: Vec<&str> = replies
        .last()
        .map(|reply| reply.rows.as_slice())
        .unwrap_or_default()
        .iter()
        .filter_map(|row| row.first()?.as_deref())
        .collect();
    Ok(lines.join("\n"))
}

/// A function as the plan names it: with its schema unless that is `pg_catalog`.
type Function = (Option<String>, String);

/// Names that are followed by an opening parenthesis.
fn calls(plan: &str) -> BTreeSet<Function> {
    let tokens = tokens(plan).unwrap_or_default();
    let mut found = BTreeSet::new();
    for (i, pair) in tokens.windows(2).enumerate() {
        let [Token::Name(name), Token::Mark('(')] = pair else {
            continue;
        };
        let schema = match (
            i.checked_sub(2).and_then(|j| tokens.get(j)),
            i.checked_sub(1),
        ) {
            (Some(Token::Name(schema)), Some(dot)) if tokens[dot] == Token::Mark('.') => {
                Some(schema.clone())
            }
            _ => None,
        };
        found.insert((schema, name.clone()));
    }
    found
}

/// The first thing in a condition that means another time in each transaction.
fn depends_on_time(condition: &str, plan: &str) -> Option<String> {
    let planned = tokens(plan).unwrap_or_default();
    // After a dot it is a column of that name: the plan qualifies all of them.
    let column = |i: usize| i.checked_sub(1).map(|i| &planned[i]) == Some(&Token::Mark('.'));
    let keyword = planned
        .iter()
        .enumerate()
        .find_map(|(i, token)| match token {
            Token::Name(name) if TIME_KEYWORDS.contains(&name.to_lowercase().as_str()) => {
                (!column(i)).then(|| name.to_uppercase())
            }
            _ => None,
        });
    if keyword.is_some() {
        return keyword;
    }
    if let Some((_, name)) = calls(plan)
        .into_iter()
        .find(|(schema, name)| schema.is_none() && BY_TRANSACTION.contains(&name.as_str()))
    {
        return Some(format!("{name}()"));
    }
    // `'today'::date` is folded before the plan: the literal is gone there. As text it is still there.
    let survives = |literal: &str| planned.contains(&Token::Literal(literal.to_owned()));
    tokens(condition)?
        .into_iter()
        .find_map(|token| match token {
            Token::Literal(text)
                if TIME_LITERALS.contains(&text.trim().to_lowercase().as_str())
                    && !survives(&text) =>
            {
                Some(format!("the literal '{}'", text.trim()))
            }
            _ => None,
        })
}

/// Those of the functions of which any form is volatile, as names for people.
async fn volatile_functions(
    connection: &mut Connection,
    calls: &BTreeSet<Function>,
    table: &TableName,
) -> Result<Vec<String>> {
    if calls.is_empty() {
        return Ok(Vec::new());
    }
    let wanted: Vec<String> = calls
        .iter()
        .map(|(schema, name)| {
            let schema = schema.as_deref().unwrap_or("pg_catalog");
            format!("({}, {})", sql::literal(schema), sql::literal(name))
        })
        .collect();
    let sql = format!(
        "SELECT DISTINCT n.nspname::text, p.proname::text FROM pg_catalog.pg_proc p \
         JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
         WHERE p.provolatile = 'v' AND (n.nspname, p.proname) IN ({}) ORDER BY 1, 2",
        wanted.join(", "),
    );
    let doing = format!("looking up the functions of the condition on table {table}");
    let reply = connection.query(&sql).await.doing(doing)?;
    Ok(reply
        .rows
        .iter()
        .map(|row| match row.as_slice() {
            [Some(schema), Some(name)] if schema != "pg_catalog" => {
                format!("{}.{}", readable(schema), readable(name))
            }
            [_, Some(name)] => readable(name),
            _ => "unnamed".to_owned(),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_can_not_leave_its_parentheses() {
        for wrong in [
            "a) OR (b",
            "a; DROP TABLE x",
            "(a",
            "",
            "-- x",
            "a = 'x",
            "a /* b",
        ] {
            assert!(closed(wrong).is_err(), "{wrong}");
        }
        for right in [
            "a = ')'",
            "a = $$;$$",
            "\"a;\" > 1 -- (",
            "f(a) /* ) /* ; */ */",
        ] {
            assert_eq!(closed(right), Ok(()), "{right}");
        }
    }

    #[test]
    fn calls_are_found_outside_literals_alone() {
        let plan = "Filter: ((t.a > public.\"F x\"(random())) AND (b = 'nextval('::text))";
        let found: Vec<_> = calls(plan).into_iter().collect();
        assert!(found.contains(&(None, "random".to_owned())));
        assert!(found.contains(&(Some("public".to_owned()), "F x".to_owned())));
        assert!(!found.iter().any(|(_, name)| name == "nextval"));
    }

    #[test]
    fn the_current_time_is_found_in_each_of_its_disguises() {
        for (condition, plan) in [
            ("at < now()", "Filter: (t.at < now())"),
            (
                "at < current_timestamp",
                "Filter: (t.at < CURRENT_TIMESTAMP)",
            ),
            ("at < 'Today'::date", "Filter: (t.at < '2026-11-24'::date)"),
            ("d < localtime(0)", "Filter: (t.d < LOCALTIME(0))"),
        ] {
            assert!(depends_on_time(condition, plan).is_some(), "{condition}");
        }
        for (condition, plan) in [
            ("state = 'today'", "Filter: (t.state = 'today'::text)"),
            ("\"now\" = 1", "Filter: (t.now = 1)"),
            ("\"current_date\" > d", "Filter: (t.\"current_date\" > t.d)"),
            ("at < '2026-01-01'", "Filter: (t.at < '2026-01-01'::date)"),
        ] {
            assert_eq!(depends_on_time(condition, plan), None, "{condition}");
        }
    }
}
