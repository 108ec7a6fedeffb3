//! What arrives is what was promised: the target is read by plain SQL, and held against the source's
//! catalog, and against the report.

use std::collections::BTreeSet;

use serde_json::Value;
use testenv::sample::Everything;
use testenv::{Database, equality};

use crate::harness::{Pair, Run, Sample};

/// Every object of a database that a migration makes, a line each, in the words of both sides. Types,
/// which a mapping may change, are not among them.
const OBJECTS: &str = "
    SELECT line FROM (
        SELECT 'table ' || c.oid::regclass::text AS line, c.relnamespace AS schema FROM pg_class c
        WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
    UNION ALL
        SELECT 'column ' || c.oid::regclass::text || '.' || a.attname || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END, c.relnamespace
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
    UNION ALL
        SELECT 'default ' || d.adrelid::regclass::text || '.' || a.attname, c.relnamespace
        FROM pg_attrdef d JOIN pg_class c ON c.oid = d.adrelid AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    UNION ALL
        SELECT 'constraint ' || k.contype::text || ' ' || k.conrelid::regclass::text || '.' || k.conname || ' (' ||
            (SELECT coalesce(string_agg(a.attname, ', ' ORDER BY o.n), '') FROM unnest(k.conkey) WITH ORDINALITY o (number, n)
             JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = o.number) || ')' ||
            CASE WHEN k.contype = 'f' THEN ' to ' || k.confrelid::regclass::text || ' ' || k.confupdtype::text || k.confdeltype::text ELSE '' END, c.relnamespace
        FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
        WHERE k.contype IN ('p', 'u', 'f', 'c') AND NOT c.relispartition AND k.conparentid = 0 AND k.conislocal
    UNION ALL
        SELECT 'index ' || i.indrelid::regclass::text || '.' || c.relname || CASE WHEN i.indisunique THEN ' unique' ELSE '' END, c.relnamespace
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
        WHERE NOT c.relispartition AND NOT t.relispartition AND i.indisvalid
    UNION ALL
        SELECT 'view ' || c.relkind::text || ' ' || c.oid::regclass::text, c.relnamespace FROM pg_class c
        WHERE c.relkind IN ('v', 'm') AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
    UNION ALL
        SELECT 'routine ' || p.oid::regprocedure::text, p.pronamespace FROM pg_proc p
        WHERE NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype IN ('e', 'i'))
    UNION ALL
        SELECT 'trigger ' || t.tgrelid::regclass::text || '.' || t.tgname, c.relnamespace FROM pg_trigger t
        JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal AND t.tgparentid = 0
    UNION ALL
        SELECT 'sequence ' || c.oid::regclass::text || ' by ' || s.seqincrement, c.relnamespace
        FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid
    ) all_of_them JOIN pg_namespace n ON n.oid = schema
    WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'wire9')
    ORDER BY 1";

fn objects(database: &Database) -> BTreeSet<String> {
    let rows = database.query(OBJECTS).expect("the catalog can be read");
    let lines = rows.into_iter().filter_map(|row| row.into_iter().next()?);
    // PostgreSQL 15 gives names of `pg_type` without their schema; so are both sides.
    lines.collect()
}

/// Objects of the source that are not in the target, and those that only the target has.
fn differences(pair: &Pair) -> (Vec<String>, Vec<String>) {
    let (here, there) = (objects(&pair.source), objects(pair.target()));
    let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect();
    (only(&here, &there), only(&there, &here))
}

/// Every sequence that a column takes its values from is beyond the values that the column holds.
#[track_caller]
fn assert_sequences_are_beyond(database: &Database) {
    let owned = "SELECT c.oid::regclass::text, a.attname, s.oid::regclass::text FROM pg_class s
        JOIN pg_depend d ON d.objid = s.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
        JOIN pg_class c ON c.oid = d.refobjid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE s.relkind = 'S' AND n.nspname NOT IN ('wire9', 'tiny')";
    let rows = database.query(owned).expect("the catalog can be read");
    assert!(!rows.is_empty());
    for row in rows {
        let part = |at: usize| row[at].clone().expect("a name");
        let (table, column, sequence) = (part(0), part(1), part(2));
        let sql = format!(
            "SELECT (s.last_value >= coalesce((SELECT max(\"{}\") FROM {table}), s.last_value)
                OR (SELECT seqincrement < 0 FROM pg_sequence WHERE seqrelid = '{sequence}'::regclass))::text FROM {sequence} s",
            column.replace('"', "\"\"")
        );
        let beyond: String = database.query_value(&sql).expect("it can be asked");
        assert_eq!(beyond, "true", "{sequence} of {table}.{column}");
    }
}

/// What a run says of what is not the same: its findings, and what it lists behind `LEFT OUT`.
fn left_out(run: &Run) -> String {
    let listed = run
        .stdout
        .split_once("LEFT OUT")
        .map_or("", |(_, rest)| rest);
    run.result()["findings"].to_string() + listed
}

/// Every object that is missing is named by the report.
#[track_caller]
fn assert_named(missing: &[String], run: &Run) {
    let said = left_out(run);
    for object in missing {
        // `constraint c t.checked (…)` and `view v v` have a letter before the name.
        let at = if object.starts_with("constraint ") || object.starts_with("view ") {
            2
        } else {
            1
        };
        let name = object.split([' ', '(']).nth(at).expect("a name");
        let last = name.rsplit('.').next().expect("a part").trim_matches('"');
        assert!(said.contains(last), "{object} is not named in\n{said}");
    }
}

#[test]
fn chinook_arrives_with_every_key_column_and_index_of_its_source() {
    let pair = Pair::empty(Sample::Chinook);
    let run = pair.migrate().run().ends_with(0);
    assert_eq!(differences(&pair), (vec![], vec![]));
    pair.assert_equal(3);
    assert_eq!(run.result()["statements"]["failed"], Value::Array(vec![]));
}

#[test]
fn the_shop_arrives_with_every_object_of_its_source() {
    let pair = Pair::empty(Sample::Shop(0.01));
    let run = pair.migrate().run().ends_with(0);
    let (missing, new) = differences(&pair);
    assert_named(&missing, &run);
    assert_eq!(new, Vec::<String>::new());
    pair.assert_equal(3);
    assert_sequences_are_beyond(pair.target());
}

#[test]
fn everything_arrives_with_what_its_report_promises() {
    let pair = Pair::empty(Sample::Everything(Everything::QUICK));
    // One value of its own row turns this CHECK false when it is cut.
    let drop = "ALTER DOMAIN later_stamp DROP CONSTRAINT later_stamp_check";
    pair.source
        .execute(drop)
        .expect("the constraint is dropped");
    let run = pair.migrate().run().ends_with(0);
    let (missing, _) = differences(&pair);
    assert_named(&missing, &run);
    assert_sequences_are_beyond(pair.target());
}

/// Out of the way: rows that no longer satisfy a key or a CHECK when they are cut.
const LOADABLE: &str =
    "DELETE FROM planted.moment_key WHERE note = 'two'; DELETE FROM planted.moment_check";

const BLOCKERS: &str = "row-security,large-objects";

#[test]
fn what_is_planted_arrives_as_its_report_promises() {
    let pair = Pair::empty(Sample::Sql {
        source: "SELECT 1",
        target: "",
    });
    testenv::sample::planted(&pair.source).expect("planted");
    pair.source.execute(LOADABLE).expect("removed");
    let run = pair
        .migrate()
        .args(&["--accept", BLOCKERS])
        .run()
        .ends_with(0);
    let (missing, new) = differences(&pair);
    assert_named(&missing, &run);
    assert_named(&new, &run);
    assert_planted_rows(&pair);
}

#[track_caller]
fn assert_planted_rows(pair: &Pair) {
    let (source, target) = (pair.source.uri(), pair.standin.admin_uri());
    let (mut pairs, _) = equality::pair_all(&source, &target).expect("described");
    for pair in &mut pairs {
        // They are text now: of another spelling than a row's text has.
        pair.columns.retain(|column| {
            column.source_type == column.target_type || !column.source.starts_with("c_")
        });
    }
    let differences = equality::compare(&source, &target, &pairs, 3);
    assert_eq!(differences.expect("they can be compared"), []);
    for (table, rows) in [
        ("planted.part_root", 3),
        ("planted.inherit_parent", 1),
        ("planted.inherit_child", 1),
    ] {
        assert_eq!(pair.target_rows(table), rows, "{table}");
    }
}
