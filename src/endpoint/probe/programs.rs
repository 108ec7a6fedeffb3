//! What can be called: languages, statements of PL/pgSQL, functions.

use super::features::run;
use super::{Prober, probed};
use crate::endpoint::error::Result;
use crate::sql;

/// Tries all of it.
pub(super) async fn probe(prober: &mut Prober<'_>, schema: &str) -> Result<()> {
    languages(prober, schema).await?;
    functions(prober).await
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

/// A statement of PL/pgSQL by its word in `Profile::plpgsql_missing`: declarations beside `n integer := 0`,
/// and statements that make `n` 42 or answer 42.
struct Says {
    word: &'static str,
    declares: &'static str,
    body: &'static str,
}

const fn says(word: &'static str, declares: &'static str, body: &'static str) -> Says {
    Says {
        word,
        declares,
        body,
    }
}

const VALUES: [Says; 13] = [
    says("while", "", "WHILE n < 42 LOOP n := n + 1; END LOOP;"),
    says("execute", "", "EXECUTE 'SELECT 42' INTO n;"),
    says(
        "exception",
        "",
        "BEGIN n := 1 / 0; EXCEPTION WHEN division_by_zero THEN n := 42; END;",
    ),
    says(
        "cursor",
        "c CURSOR FOR SELECT 42;",
        "OPEN c; FETCH c INTO n; CLOSE c;",
    ),
    says(
        "foreach",
        "x integer;",
        "FOREACH x IN ARRAY ARRAY[40, 2] LOOP n := n + x; END LOOP;",
    ),
    says(
        "loop",
        "",
        "LOOP n := n + 1; IF n = 42 THEN RETURN n; END IF; END LOOP;",
    ),
    says(
        "exit",
        "",
        "FOR i IN 1..100 LOOP n := i; EXIT WHEN i = 42; END LOOP;",
    ),
    says(
        "continue",
        "",
        "FOR i IN 1..43 LOOP CONTINUE WHEN i = 43; n := i; END LOOP;",
    ),
    says(
        "case",
        "",
        "CASE n WHEN 0 THEN n := 42; ELSE n := 1; END CASE;",
    ),
    says(
        "get diagnostics",
        "",
        "PERFORM 1; GET DIAGNOSTICS n = ROW_COUNT; n := n + 41;",
    ),
    says("assert", "", "ASSERT n = 0; n := 42;"),
    says("do", "", "DO 'BEGIN END'; n := 42;"),
    says(
        "raise using",
        "",
        "RAISE DEBUG USING MESSAGE = 'a probe'; n := 42;",
    ),
];

/// Those of functions that answer rows.
const ROWS: [Says; 2] = [
    says("return next", "", "n := 42; RETURN NEXT n;"),
    says("return query", "", "RETURN QUERY SELECT 42;"),
];

async fn plpgsql(prober: &mut Prober<'_>, schema: &str) -> Result<()> {
    let values = VALUES.iter().map(|says| (says, "integer", "RETURN n;"));
    let rows = ROWS.iter().map(|says| (says, "SETOF integer", "RETURN;"));
    let mut missing = Vec::new();
    for (number, (says, returns, end)) in values.chain(rows).enumerate() {
        let Says { declares, body, .. } = says;
        let create = format!(
            "CREATE FUNCTION {{s}}.says{number}() RETURNS {returns} LANGUAGE plpgsql AS \
             $wire9$ DECLARE n integer := 0; {declares} BEGIN {body} {end} END $wire9$"
        );
        let call = format!("SELECT * FROM {{s}}.says{number}()");
        let answered = match run(prober, schema, &[&create, &call]).await? {
            Ok(replies) => replies.last().and_then(|r| r.value(0)) == Some("42"),
            Err(_) => false,
        };
        if !answered {
            missing.push(says.word.to_owned());
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
