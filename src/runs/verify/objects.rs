//! The schema: what `migrate` would make, against what is there.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Kind, readable};
use crate::schema::convert::{Conversion, Makes, MappedTable};

use super::super::prepare::Prepared;
use super::Beside;
use super::asking::{Asking, Texts};

/// Kinds of objects, and the question that lists those of the target: what it is called in a conversion, schema
/// or table, name.
const KINDS: &[(&[Makes], &str, &str)] = &[
    (
        &[Makes::Schema],
        "schemas",
        "SELECT 'schema', nspname::text FROM pg_catalog.pg_namespace",
    ),
    (
        &[Makes::Extension],
        "extensions",
        "SELECT 'extension', extname::text FROM pg_catalog.pg_extension",
    ),
    (
        &[Makes::Type],
        "types",
        "SELECT 'type', n.nspname::text, t.typname::text FROM pg_catalog.pg_type t \
         JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace",
    ),
    (
        &[
            Makes::Table,
            Makes::Sequence,
            Makes::Index,
            Makes::View,
            Makes::MaterializedView,
        ],
        "tables, sequences, indexes and views",
        "SELECT CASE c.relkind WHEN 'S' THEN 'sequence' WHEN 'i' THEN 'index' WHEN 'I' THEN 'index' \
         WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'table' END, \
         n.nspname::text, c.relname::text FROM pg_catalog.pg_class c \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace",
    ),
    (
        &[Makes::Unique, Makes::ForeignKey],
        "constraints",
        "SELECT CASE k.contype WHEN 'f' THEN 'foreign key' WHEN 'x' THEN 'exclusion constraint' \
         ELSE 'unique constraint' END, n.nspname::text, c.relname::text, k.conname::text \
         FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace",
    ),
    (
        &[Makes::Trigger],
        "triggers",
        "SELECT 'trigger', n.nspname::text, c.relname::text, t.tgname::text \
         FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace",
    ),
    (
        &[Makes::EarlyRoutine, Makes::Routine],
        "functions and procedures",
        "SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END, \
         n.nspname::text, p.proname::text FROM pg_catalog.pg_proc p \
         JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace",
    ),
];

/// Compares the objects of a conversion with the target's.
pub(super) async fn look(
    prepared: &Prepared,
    conversion: &Conversion,
    asking: &mut Asking<'_>,
    beside: &mut Beside,
) {
    for (makes, kind, question) in KINDS {
        let wanted = wanted(conversion, makes);
        if wanted.is_empty() {
            continue;
        }
        match asking.ask(&[question]).await {
            Ok(rows) => compare(&wanted, &there(rows), beside),
            Err(why) => beside.gap(*kind, why),
        }
    }
    for table in &conversion.tables {
        columns(prepared, table, beside);
    }
    primary_keys(prepared, conversion, asking, beside).await;
}

/// The objects that statements of these kinds make, and how often one is named: a function may have several
/// forms.
fn wanted<'c>(conversion: &'c Conversion, makes: &[Makes]) -> BTreeMap<&'c str, usize> {
    let mut wanted = BTreeMap::new();
    let made = conversion
        .statements
        .iter()
        .filter(|s| makes.contains(&s.makes));
    for statement in made {
        // What stands in the brackets is spelled by the server.
        let name = match statement.makes {
            Makes::EarlyRoutine | Makes::Routine => statement.object.split('(').next(),
            _ => None,
        };
        *wanted.entry(name.unwrap_or(&statement.object)).or_default() += 1;
    }
    wanted
}

/// The target's objects in the words of a conversion.
fn there(rows: Texts) -> BTreeMap<String, usize> {
    let mut there = BTreeMap::new();
    for row in rows {
        let texts: Vec<String> = row.into_iter().flatten().collect();
        if let [word, parts @ ..] = texts.as_slice() {
            let name: Vec<String> = parts.iter().map(|part| readable(part)).collect();
            *there
                .entry(format!("{word} {}", name.join(".")))
                .or_default() += 1;
        }
    }
    there
}

fn compare(wanted: &BTreeMap<&str, usize>, there: &BTreeMap<String, usize>, beside: &mut Beside) {
    for (object, times) in wanted {
        match there.get(*object) {
            Some(found) if found >= times => beside.holds(*object),
            Some(_) => beside.wrong(*object, "some of its forms are missing in the target"),
            None => beside.wrong(*object, "is missing in the target"),
        }
    }
}

/// Columns of a table.
fn columns(prepared: &Prepared, mapped: &MappedTable, beside: &mut Beside) {
    let Some(table) = prepared.target_catalog.table(&mapped.target) else {
        return;
    };
    let there: BTreeSet<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
    for column in &mapped.columns {
        if !there.contains(column.name.as_str()) {
            let object = format!("column {}.{}", mapped.target, readable(&column.name));
            beside.wrong(object, "is missing in the target");
        }
    }
}

const PRIMARY_KEYS: &str = "SELECT 'primary key of', n.nspname::text, c.relname::text \
    FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class c ON c.oid = x.indrelid \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE x.indisprimary";

/// Primary keys are made with their tables, and have no statement of their own.
async fn primary_keys(
    prepared: &Prepared,
    conversion: &Conversion,
    asking: &mut Asking<'_>,
    beside: &mut Beside,
) {
    let has_key = |mapped: &&MappedTable| {
        let source = prepared.catalog.table(&mapped.source);
        source.is_some_and(|t| t.kind == Kind::Ordinary && t.keys.iter().any(|key| key.primary))
    };
    let tables = conversion.tables.iter().filter(has_key);
    let names: Vec<String> = tables
        .map(|t| format!("primary key of {}", t.target))
        .collect();
    let wanted: BTreeMap<&str, usize> = names.iter().map(|name| (name.as_str(), 1)).collect();
    if wanted.is_empty() {
        return;
    }
    match asking.ask(&[PRIMARY_KEYS]).await {
        Ok(rows) => compare(&wanted, &there(rows), beside),
        Err(why) => beside.gap("primary keys", why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_and_a_function_may_have_several_forms() {
        let row = |texts: &[&str]| texts.iter().map(|t| Some((*t).to_owned())).collect();
        let there = there(vec![
            row(&["table", "public", "T"]),
            row(&["function", "public", "f"]),
            row(&["schema", "public"]),
        ]);
        let wanted = BTreeMap::from([
            ("table public.\"T\"", 1),
            ("function public.f", 2),
            ("schema public", 1),
            ("view public.v", 1),
        ]);
        let mut beside = Beside::default();
        compare(&wanted, &there, &mut beside);
        let wrong: Vec<&str> = beside
            .facts
            .iter()
            .filter(|fact| fact.problem.is_some())
            .map(|fact| fact.object.as_str())
            .collect();
        assert_eq!(wrong, ["function public.f", "view public.v"]);
        assert_eq!(beside.facts.len(), 4);
    }
}
