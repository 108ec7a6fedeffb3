//! What can be installed: index methods, extensions and their types.

use std::collections::BTreeMap;

use super::features::run;
use super::{Prober, probed};
use crate::endpoint::error::Result;
use crate::profile::{MethodAnswer, ServerKind, TypeAnswer};
use crate::sql;

/// Tries all of it.
pub(super) async fn probe(prober: &mut Prober<'_>, schema: &str) -> Result<()> {
    index_methods(prober, schema).await?;
    extensions(prober, schema).await
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
        return extension_types(prober, schema).await;
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
    extension_types(prober, schema).await
}

/// Types of extensions that databases have, and the extension.
const TYPES: [(&str, &str); 2] = [("vector(3)", "vector"), ("hstore", "hstore")];

/// A type that is refused need not be missing: its extension is.
async fn extension_types(prober: &mut Prober<'_>, schema: &str) -> Result<()> {
    for (ty, extension) in TYPES {
        let install = format!("CREATE EXTENSION IF NOT EXISTS {extension}");
        let create = format!("CREATE TABLE {{s}}.of_{extension} (v {ty})");
        let alone = run(prober, schema, &["BEGIN", &create, "ROLLBACK"]).await?;
        let taken = alone.is_ok()
            || run(prober, schema, &["BEGIN", &install, &create, "ROLLBACK"])
                .await?
                .is_ok();
        if let (true, Some(types)) = (taken, &mut prober.profile.types) {
            types.value.insert(ty.to_owned(), TypeAnswer::Accepted);
        }
    }
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
