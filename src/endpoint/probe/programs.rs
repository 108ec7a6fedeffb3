//! What can be called and installed: languages, statements of PL/pgSQL, functions, index methods,
//! extensions.

use std::collections::BTreeMap;

use super::features::run;
use super::{Prober, probed};
use crate::endpoint::error::Result;
use crate::profile::{MethodAnswer, ServerKind};
use crate::sql;

/// Tries all of it; `schema` is quoted.
pub(super) async fn probe(prober: &mut Prober<'_>, schema: &str) -> Result<()> {
    languages(prober, schema).await?;
    functions(prober).await?;
    index_methods(prober, schema).await?;
    extensions(prober, schema).await
}

/// A function in each language that every PostgreSQL has.
async fn languages(prober: &mut Prober<'_>, schema: &str) -> Result<()> {
    let mut known = Vec::new();
    for (language, body) in [("sql", "SELECT 42"), ("plpgsql", "BEGIN RETURN 42; END")] {
        let create = format!(
            "CREATE FUNCTION {{s}}.in_{language}() RETURNS integer LANGUAGE {language} AS '{body}'"
        );
        let call = format!("SELECT {{s}}.in_{language}()");
        if run(prober, schema, &[&create, &call]).await?.is_ok() {
            known.push(language.to_owned());
        }
    }
    if known.iter().any(|language| language == "plpgsql") {
        plpgsql(prober, schema).await?;
    }
    prober.profile.languages = probed(known);
    Ok(())
}

/// Statements of PL/pgSQL by the words of `Profile::plpgsql_missing`: declarations, and a body that ends
/// with `n` at 42.
const STATEMENTS: [(&str, &str, &str); 15] = [
    ("while", "", "WHILE n < 42 LOOP n := n + 1; END LOOP;"),
    ("execute", "", "EXECUTE 'SELECT 42' INTO n;"),
    (
        "exception",
        "",
        "BEGIN n := 1 / 0; EXCEPTION WHEN division_by_zero THEN n := 42; END;",
    ),
    (
        "cursor",
        "c CURSOR FOR SELECT 42;",
        "OPEN c; FETCH c INTO n; CLOSE c;",
    ),
    (
        "foreach",
        "x int;",
        "FOREACH x IN ARRAY ARRAY[40, 2] LOOP n := n + x; END LOOP;",
    ),
    (
        "loop",
        "",
        "LOOP n := n + 1; IF n = 42 THEN RETURN n; END IF; END LOOP;",
    ),
    (
        "exit",
        "",
        "FOR i IN 1..100 LOOP n := i; EXIT WHEN i = 42; END LOOP;",
    ),
    (
        "continue",
        "",
        "FOR i IN 1..43 LOOP CONTINUE WHEN i = 43; n := i; END LOOP;",
    ),
    (
        "case",
        "",
        "CASE n WHEN 0 THEN n := 42; ELSE n := 1; END CASE;",
    ),
    (
        "get diagnostics",
        "",
        "PERFORM 1; GET DIAGNOSTICS n = ROW_COUNT; n := n + 41;",
    ),
    ("assert", "", "ASSERT n = 0; n := 42;"),
    ("do", "", "DO 'BEGIN END'; n := 42;"),
    (
        "raise using",
        "",
        "RAISE DEBUG USING MESSAGE = 'a probe'; n := 42;",
    ),
    // These answer rows.
    ("return next", "SETOF", "n := 42; RETURN NEXT n; RETURN;"),
    ("return query", "SETOF", "RETURN QUERY SELECT 42; RETURN;"),
];

async fn plpgsql(prober: &mut Prober<'_>, schema: &str) -> Result<()> {
    let mut missing = Vec::new();
    for (number, (word, declared, body)) in STATEMENTS.into_iter().enumerate() {
        let (setof, declared, last) = match declared {
            "SETOF" => ("SETOF ", "", ""),
            declared => ("", declared, " RETURN n;"),
        };
        let create = format!(
            "CREATE FUNCTION {{s}}.says{number}() RETURNS {setof}integer LANGUAGE plpgsql AS \
             $wire9$ DECLARE n integer := 0; {declared} BEGIN {body}{last} END $wire9$"
        );
        let call = format!("SELECT * FROM {{s}}.says{number}()");
        let answered = match run(prober, schema, &[&create, &call]).await? {
            Ok(replies) => replies.last().and_then(|r| r.value(0)) == Some("42"),
            Err(_) => false,
        };
        if !answered {
            missing.push(word.to_owned());
        }
    }
    procedures(prober, schema, &mut missing).await?;
    prober.profile.plpgsql_missing = probed(missing);
    Ok(())
}

/// Statements that only a procedure may hold.
async fn procedures(
    prober: &mut Prober<'_>,
    schema: &str,
    missing: &mut Vec<String>,
) -> Result<()> {
    let empty = "CREATE PROCEDURE {s}.empty() LANGUAGE plpgsql AS 'BEGIN END'";
    if run(prober, schema, &[empty]).await?.is_err() {
        // Without procedures nothing can be said of their statements.
        return Ok(());
    }
    let call = "CALL {s}.empty();".replace("{s}", schema);
    for (word, body) in [
        ("commit", "COMMIT;"),
        ("rollback", "ROLLBACK;"),
        ("call", call.as_str()),
    ] {
        let create =
            format!("CREATE PROCEDURE {{s}}.ends_{word}() LANGUAGE plpgsql AS 'BEGIN {body} END'");
        let call = format!("CALL {{s}}.ends_{word}()");
        let created = run(prober, schema, &[&create]).await?.is_ok();
        // In a Query of its own: COMMIT is refused inside a transaction block.
        if !created || run(prober, schema, &[&call]).await?.is_err() {
            missing.push(word.to_owned());
        }
    }
    Ok(())
}

/// Functions that applications use and that a server may lack. (Those that every server has are among
/// them: a catalog that does not list these lists none of its own.)
const FUNCTIONS: &str = include_str!("functions.txt");

/// Functions whose absence says that the catalog is partial, not that they do not exist.
const CERTAIN: [&str; 3] = ["lower", "length", "now"];

async fn functions(prober: &mut Prober<'_>) -> Result<()> {
    let wanted: Vec<&str> = FUNCTIONS
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::split_whitespace)
        .collect();
    let list = format!(
        "SELECT DISTINCT proname::text FROM pg_catalog.pg_proc WHERE proname IN ({})",
        sql::literals(&wanted),
    );
    let Ok(replies) = prober.run("functions", &[&list]).await? else {
        return Ok(());
    };
    let rows = replies.iter().flat_map(|reply| &reply.rows);
    let known: Vec<&str> = rows.filter_map(|row| row.first()?.as_deref()).collect();
    if CERTAIN.iter().all(|name| known.contains(name)) {
        let missing = wanted.iter().filter(|name| !known.contains(name));
        prober.profile.missing_functions = probed(missing.map(|&name| name.to_owned()).collect());
    }
    Ok(())
}

/// Access methods, and an index of each.
const METHODS: [(&str, &str); 6] = [
    ("btree", "(a)"),
    ("hash", "(a)"),
    ("gin", "(t)"),
    ("gist", "(t)"),
    ("spgist", "(b)"),
    ("brin", "(a)"),
];

/// A method that is taken need not be used by queries: what the documents say of that stands. One that they
/// have as refused may be a table scan.
async fn index_methods(prober: &mut Prober<'_>, schema: &str) -> Result<()> {
    let create = "CREATE TABLE {s}.indexed (a integer, b text, t tsvector)";
    if run(prober, schema, &[create]).await?.is_err() {
        return Ok(());
    }
    let documented = prober.profile.index_methods.take();
    let mut answers: BTreeMap<String, MethodAnswer> =
        documented.map_or_else(BTreeMap::new, |fact| fact.value);
    let is_postgresql = prober.kind() == ServerKind::Postgresql;
    for (method, on) in METHODS {
        let create = format!("CREATE INDEX by_{method} ON {{s}}.indexed USING {method} {on}");
        let taken = run(prober, schema, &[&create]).await?.is_ok();
        let answer = match (taken, answers.get(method)) {
            (false, _) => MethodAnswer::Refused,
            (true, _) if is_postgresql => MethodAnswer::Full,
            (true, Some(MethodAnswer::Full)) => MethodAnswer::Full,
            (true, _) => MethodAnswer::Scan,
        };
        answers.insert(method.to_owned(), answer);
    }
    prober.profile.index_methods = probed(answers);
    Ok(())
}

/// Extensions that can be created: what a server lists, and what the documents name, each tried in a
/// transaction that is rolled back. Where DDL is not rolled back nothing is tried.
async fn extensions(prober: &mut Prober<'_>, schema: &str) -> Result<()> {
    let list = "SELECT name::text FROM pg_catalog.pg_available_extensions ORDER BY 1";
    let listed = prober.run("extensions", &[list]).await?.ok();
    let listed: Option<Vec<String>> = listed.map(|replies| {
        let rows = replies.into_iter().flat_map(|reply| reply.rows);
        rows.filter_map(|mut row| row.pop().flatten()).collect()
    });
    if prober.kind() == ServerKind::Postgresql {
        prober.profile.extensions = listed.and_then(probed);
        return Ok(());
    }
    if !rolls_back_ddl(prober, schema).await? {
        prober.note("DDL is not rolled back: which extensions can be created was not tried");
        return Ok(());
    }
    let documented = prober.profile.extensions.as_ref();
    let mut candidates = documented
        .map(|fact| fact.value.clone())
        .unwrap_or_default();
    candidates.extend(listed.unwrap_or_default());
    candidates.sort_unstable();
    candidates.dedup();
    let mut taken = Vec::new();
    for name in candidates.into_iter().take(MOST_EXTENSIONS) {
        let create = format!("CREATE EXTENSION IF NOT EXISTS {}", sql::identifier(&name));
        let statements = ["BEGIN", &create, "ROLLBACK"];
        if prober.takes("CREATE EXTENSION", &statements).await? {
            taken.push(name);
        }
    }
    prober.profile.extensions = probed(taken);
    Ok(())
}

/// Tries beyond this are not worth their time: a DB9 has nine.
const MOST_EXTENSIONS: usize = 100;

async fn rolls_back_ddl(prober: &mut Prober<'_>, schema: &str) -> Result<bool> {
    let create = "CREATE TABLE {s}.gone (a integer)";
    let begun = run(prober, schema, &["BEGIN", create, "ROLLBACK"]).await?;
    let gone = run(prober, schema, &["SELECT a FROM {s}.gone"]).await?;
    Ok(begun.is_ok() && gone.is_err())
}
