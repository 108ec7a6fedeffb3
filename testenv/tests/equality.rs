//! The judge judged: it must see each kind of difference, and nothing where there is none.

use std::io::{Read, Write};

use testenv::equality::{self, Difference, TablePair};
use testenv::sample::{self, Everything};
use testenv::{Cluster, ClusterOptions, Database};

fn database(hint: &str) -> Database {
    Cluster::shared().database(hint).expect("create a database")
}

fn differences(source: &Database, target: &Database, digits: u8) -> Vec<String> {
    let found = equality::compare_all(&source.uri(), &target.uri(), digits).expect("compare");
    found.iter().map(ToString::to_string).collect()
}

/// A shop and its exact copy, to which one thing is then done.
fn shop_with(change: &str) -> Vec<String> {
    let source = database("source");
    sample::shop(&source, 0.005).expect("fill");
    let target = Cluster::shared().database_from(&source).expect("clone");
    assert_eq!(
        differences(&source, &target, 6),
        Vec::<String>::new(),
        "before the change"
    );
    target.execute(change).expect("change");
    differences(&source, &target, 6)
}

#[test]
fn one_changed_value_is_seen() {
    let found = shop_with("UPDATE customers SET name = name || ' ' WHERE id = 7");
    assert_eq!(found, ["public.customers: 100 rows, but not the same"]);
}

#[test]
fn null_in_place_of_an_empty_string_is_seen() {
    let found = shop_with("UPDATE customers SET notes = NULL WHERE notes = '' AND id = 11");
    assert_eq!(found, ["public.customers: 100 rows, but not the same"]);
}

#[test]
fn two_swapped_values_are_seen() {
    let swap = "UPDATE products SET stock = CASE id WHEN 1 THEN 26 ELSE 13 END WHERE id IN (1, 2)";
    assert_eq!(
        shop_with(swap),
        ["public.products: 10 rows, but not the same"]
    );
}

#[test]
fn one_deleted_row_is_seen() {
    let found = shop_with(
        "DELETE FROM readings WHERE (sensor, at) IN (SELECT sensor, at FROM readings LIMIT 1)",
    );
    assert_eq!(
        found,
        ["public.readings: 750 rows in the source, 749 in the target"]
    );
}

#[test]
fn one_doubled_keyless_row_is_seen() {
    let found = shop_with("INSERT INTO events SELECT * FROM events LIMIT 1");
    assert_eq!(
        found,
        ["public.events: 400 rows in the source, 401 in the target"]
    );
}

#[test]
fn one_row_doubled_in_place_of_another_is_seen() {
    let source = database("source");
    source
        .execute("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1), (2), (2)")
        .expect("fill");
    let target = database("target");
    target
        .execute("CREATE TABLE t (a int); INSERT INTO t VALUES (3), (3), (4), (4)")
        .expect("fill");
    assert_eq!(
        differences(&source, &target, 6),
        ["public.t: 4 rows, but not the same"]
    );
}

#[test]
fn one_changed_microsecond_is_seen() {
    let change = "UPDATE orders SET placed_at = placed_at + interval '1 microsecond' WHERE id = 3";
    assert_eq!(
        shop_with(change),
        ["public.orders: 250 rows, but not the same"]
    );
}

#[test]
fn a_missing_table_and_a_missing_column_are_seen() {
    let found = shop_with("DROP TABLE events; ALTER TABLE products DROP COLUMN photo");
    assert_eq!(
        found,
        [
            "public.events: not in the target",
            "public.products.photo: not in the target"
        ]
    );
}

const MOMENTS: &str =
    "CREATE TABLE t (id int PRIMARY KEY, l timestamp, z timestamptz, a timestamp[])";

/// A source with microseconds, and a target as it should be with three digits.
fn moments() -> (Database, Database) {
    let (source, target) = (database("source"), database("target"));
    source
        .execute(&format!(
            "{MOMENTS}; INSERT INTO t VALUES
        (1, '2024-12-31 23:59:59.999999', '1969-12-31 23:59:59.9996+00',
            '[0:2]={{\"2024-01-01 00:00:00.100456\",NULL,infinity}}'),
        (2, '0044-03-15 12:00:00.000456 BC', '-infinity', '{{\"2024-01-01 00:00:00.000456\"}}'),
        (3, '12345-06-07 08:09:10.120999', NULL, '{{}}')"
        ))
        .expect("fill");
    target
        .execute(&format!(
            "{MOMENTS}; INSERT INTO t VALUES
        (1, '2024-12-31 23:59:59.999', '1969-12-31 23:59:59.999+00',
            '[0:2]={{\"2024-01-01 00:00:00.1\",NULL,infinity}}'),
        (2, '0044-03-15 12:00:00 BC', '-infinity', '{{\"2024-01-01 00:00:00\"}}'),
        (3, '12345-06-07 08:09:10.12', NULL, '{{}}')"
        ))
        .expect("fill");
    (source, target)
}

#[test]
fn moments_are_expected_to_be_cut_and_not_rounded() {
    let (source, target) = moments();
    assert_eq!(differences(&source, &target, 3), Vec::<String>::new());
    assert_eq!(
        differences(&source, &target, 6),
        ["public.t: 3 rows, but not the same"]
    );
    for rounded in [
        "UPDATE t SET l = '2025-01-01 00:00:00' WHERE id = 1",
        "UPDATE t SET z = '1970-01-01 00:00:00+00' WHERE id = 1",
        "UPDATE t SET a = '{\"2024-01-01 00:00:00.001\"}' WHERE id = 2",
        "UPDATE t SET a[0] = '2024-01-01 00:00:00.100456' WHERE id = 1",
    ] {
        let changed = Cluster::shared().database_from(&target).expect("clone");
        changed.execute(rounded).expect("change");
        assert_eq!(differences(&source, &changed, 3).len(), 1, "{rounded}");
    }
}

#[test]
fn every_number_of_digits_cuts_as_text_would_be_cut() {
    for (digits, kept) in [
        (0, ""),
        (1, ".1"),
        (2, ".12"),
        (3, ".123"),
        (4, ".1234"),
        (5, ".12345"),
    ] {
        let (source, target) = (database("source"), database("target"));
        let filled = |fraction: &str| {
            format!(
                "{MOMENTS}; INSERT INTO t VALUES (1, '1969-01-01 00:00:01{fraction}',
                '2024-01-01 00:00:01{fraction}+00', '{{\"0044-03-15 12:00:00{fraction} BC\"}}')"
            )
        };
        source.execute(&filled(".123456")).expect("fill");
        target.execute(&filled(kept)).expect("fill");
        assert_eq!(
            differences(&source, &target, digits),
            Vec::<String>::new(),
            "{digits} digits"
        );
        assert_eq!(
            differences(&source, &target, digits + 1).len(),
            1,
            "{digits} digits"
        );
    }
}

#[test]
fn everything_arrives_by_a_plain_copy_but_what_the_target_rounds() {
    let (source, target) = (database("source"), database("target"));
    sample::everything(&source, Everything::QUICK).expect("fill");
    sample::execute_all(&target, &sample::everything_target(Everything::QUICK)).expect("tables");
    load(&source, &target);
    let found = differences(&source, &target, 6);
    assert_eq!(
        found,
        ["public.moments_fewer_digits: 3 rows, but not the same"]
    );
}

#[test]
fn the_shop_and_chinook_arrive_by_a_plain_copy() {
    let (source, target) = (database("source"), database("target"));
    sample::shop(&source, 0.01).expect("fill");
    sample::execute_all(&target, &sample::shop_target()).expect("tables");
    load(&source, &target);
    equality::assert_equal(&source.uri(), &target.uri(), 6);

    let (source, target) = (database("source"), database("target"));
    sample::chinook(&source).expect("fill");
    sample::execute_all(&target, &sample::chinook_target()).expect("tables");
    load(&source, &target);
    equality::assert_equal(&source.uri(), &target.uri(), 6);
}

#[test]
fn only_the_rows_of_a_filter_are_expected() {
    let (source, target) = (database("source"), database("target"));
    source
        .execute("CREATE TABLE t AS SELECT i AS a FROM generate_series(1, 9) i")
        .expect("fill");
    target
        .execute("CREATE TABLE t AS SELECT i AS a FROM generate_series(1, 4) i")
        .expect("fill");
    let (mut pairs, _) = equality::pair_all(&source.uri(), &target.uri()).expect("pair");
    let found = |pairs: &[TablePair]| {
        equality::compare(&source.uri(), &target.uri(), pairs, 6).expect("compare")
    };
    assert!(matches!(
        found(&pairs)[..],
        [Difference::Count {
            source: 9,
            target: 4,
            ..
        }]
    ));
    pairs[0].filter = Some("a < 5".into());
    assert_eq!(found(&pairs), []);
}

#[test]
fn a_target_that_demands_tls_is_compared_too() {
    let options = ClusterOptions::new()
        .tls()
        .rule("hostnossl all all all reject");
    let cluster = Cluster::start(options).expect("start");
    let source = cluster.database("encrypted").expect("create");
    source.execute("CREATE TABLE t (a int)").expect("fill");
    let target = format!("{}?sslmode=require", source.uri());
    equality::assert_equal(&source.uri(), &target, 3);
}

/// Loads the target with plain COPY, parents before children, as PostgreSQL itself prints the values;
/// only the padding of `char(n)` is taken off.
fn load(source: &Database, target: &Database) {
    let (pairs, missing) = equality::pair_all(&source.uri(), &target.uri()).expect("pair");
    assert_eq!(missing, []);
    let (mut from, mut to) = (
        source.client().expect("source"),
        target.client().expect("target"),
    );
    to.batch_execute("SET session_replication_role = replica")
        .expect("no foreign keys");
    for pair in &pairs {
        let (select, columns) = statements(source, pair);
        let table = format!(
            "\"{}\".\"{}\"",
            doubled(&pair.target.schema),
            doubled(&pair.target.name)
        );
        let mut text = Vec::new();
        let mut rows = from
            .copy_out(&format!("COPY ({select}) TO STDOUT"))
            .expect("copy out");
        rows.read_to_end(&mut text).expect("read");
        drop(rows);
        let list = if columns.is_empty() {
            String::new()
        } else {
            format!("({columns})")
        };
        let mut writer = to
            .copy_in(&format!("COPY {table}{list} FROM STDIN"))
            .expect("copy in");
        writer.write_all(&text).expect("write");
        writer
            .finish()
            .unwrap_or_else(|error| panic!("{}: {error:?}", pair.source));
    }
}

fn statements(source: &Database, pair: &TablePair) -> (String, String) {
    let name = format!(
        "\"{}\".\"{}\"",
        doubled(&pair.source.schema),
        doubled(&pair.source.name)
    );
    let generated = source
        .query(&format!(
            "SELECT attname FROM pg_attribute WHERE attgenerated <> '' AND attrelid = $q${name}$q$::regclass"
        ))
        .expect("generated columns");
    let sent = |name: &str| !generated.iter().any(|row| row[0].as_deref() == Some(name));
    let columns: Vec<_> = pair
        .columns
        .iter()
        .filter(|column| sent(&column.source))
        .collect();
    let values = columns
        .iter()
        .map(|column| match column.source_type.as_str() {
            "character" => format!("\"{}\"::text", doubled(&column.source)),
            _ => format!("\"{}\"", doubled(&column.source)),
        });
    let values: Vec<String> = values.collect();
    let names: Vec<String> = columns
        .iter()
        .map(|column| format!("\"{}\"", doubled(&column.target)))
        .collect();
    let only = if pair.partitioned { "" } else { "ONLY" };
    (
        format!("SELECT {} FROM {only} {name}", values.join(", ")),
        names.join(", "),
    )
}

fn doubled(name: &str) -> String {
    name.replace('"', "\"\"")
}
