//! Sources that are broken, closed, or full of traps.

use testenv::standin::Limits;

use crate::scene::{command, findings, printed, refused, source, standin};

#[test]
fn an_invalid_index_is_left_out_and_found() {
    let source = source(
        "CREATE TABLE t (id integer PRIMARY KEY, a integer); INSERT INTO t VALUES (1, 1), (2, 1)",
    );
    let mut client = source.client().expect("a session");
    let failed = client.batch_execute("CREATE UNIQUE INDEX CONCURRENTLY t_a ON t (a)");
    assert!(failed.is_err(), "the values are not unique");
    let target = standin(Limits::default());
    let found = findings(&source, Some(&target));
    let named: Vec<(&str, &str)> = found
        .iter()
        .map(|f| (f.id.as_str(), f.object.as_str()))
        .collect();
    assert_eq!(named, [("invalid-index", "index public.t_a")]);
    command("migrate", &source, Some(&target))
        .run()
        .ends_with(0);
}

#[test]
fn a_chain_of_views_on_what_is_left_out_is_left_out_and_named() {
    let source = source(
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE far (id integer) SERVER s;
         CREATE VIEW one AS SELECT id FROM far; CREATE VIEW two AS SELECT id FROM one; CREATE MATERIALIZED VIEW three AS SELECT id FROM two WITH NO DATA;
         CREATE FUNCTION four() RETURNS SETOF two LANGUAGE sql AS 'SELECT * FROM public.two';
         CREATE TABLE kept (id integer PRIMARY KEY); CREATE VIEW near AS SELECT id FROM kept; INSERT INTO kept VALUES (1)",
    );
    let target = standin(Limits::default());
    let run = command("migrate", &source, Some(&target))
        .run()
        .ends_with(0);
    for name in [
        "public.one",
        "public.two",
        "public.three",
        "public.four()",
        "public.far",
    ] {
        let line = run.stdout.lines().find(|line| line.contains(name));
        assert!(line.is_some(), "{name} is not in\n{}", run.stdout);
    }
    let there = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind <> 'i'";
    let there: String = target.database().query_value(there).expect("names");
    assert_eq!(there, "kept near");
}

#[test]
fn circular_foreign_keys_arrive() {
    let source = source(
        "CREATE TABLE a (id integer PRIMARY KEY, b integer); CREATE TABLE b (id integer PRIMARY KEY, c integer, me integer REFERENCES b);
         CREATE TABLE c (id integer PRIMARY KEY, a integer REFERENCES a);
         ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b; ALTER TABLE b ADD FOREIGN KEY (c) REFERENCES c;
         INSERT INTO a VALUES (1, NULL); INSERT INTO c VALUES (1, 1); INSERT INTO b VALUES (1, 1, 1); UPDATE a SET b = 1",
    );
    let target = standin(Limits::default());
    command("migrate", &source, Some(&target))
        .run()
        .ends_with(0);
    let keys = "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated AND connamespace = 'public'::regnamespace";
    assert_eq!(
        target.database().query_value::<i64>(keys).expect("counted"),
        4
    );
    testenv::equality::assert_equal(&source.uri(), &target.admin_uri(), 3);
}

#[test]
fn a_function_that_calls_a_missing_one_is_found_and_stops_nothing() {
    let source = source(
        "SET check_function_bodies = off;
         CREATE FUNCTION in_sql() RETURNS integer LANGUAGE sql AS 'SELECT public.gone(1)';
         CREATE FUNCTION in_plpgsql() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN public.gone(1); END';
         CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1)",
    );
    let target = standin(Limits::default());
    let found = findings(&source, Some(&target));
    let broken: Vec<&str> = found
        .iter()
        .filter(|finding| finding.id.starts_with("broken-"))
        .map(|finding| finding.object.as_str())
        .collect();
    assert_eq!(
        broken,
        ["function public.in_plpgsql()", "function public.in_sql()"],
        "{found:#?}"
    );
    let run = command("migrate", &source, Some(&target)).run();
    assert_eq!(run.code, Some(0), "{}\n{}", run.stdout, run.stderr);
    assert_eq!(target.database().count("public.t").expect("counted"), 1);
}

#[test]
fn two_tables_that_a_map_brings_together_are_a_blocker_by_name() {
    let source = source(
        "CREATE TABLE a (id integer PRIMARY KEY); CREATE SCHEMA other; CREATE TABLE other.a (id integer PRIMARY KEY)",
    );
    let target = standin(Limits::default());
    let run = command("migrate", &source, Some(&target));
    let file = run.folder().join("map.toml");
    let path = file.to_string_lossy().into_owned();
    std::fs::write(&file, "[schemas]\nother = \"public\"\n").expect("it can be written");
    let run = run.args(&["--map", &path]).run();
    assert_eq!(run.code, Some(9), "{}\n{}", run.stdout, run.stderr);
    run.says("name-collision").says("public.a");
    let tables = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    assert_eq!(
        target
            .database()
            .query_value::<i64>(tables)
            .expect("counted"),
        0
    );
}

#[test]
fn what_the_user_may_not_read_stops_a_migration_with_its_name() {
    let source = source(
        "CREATE TABLE open (id integer PRIMARY KEY); CREATE TABLE closed (id integer PRIMARY KEY); CREATE SEQUENCE hidden;
         DO $$ BEGIN CREATE ROLE proof_clerk LOGIN; EXCEPTION WHEN duplicate_object THEN END $$; GRANT SELECT ON open TO proof_clerk",
    );
    let target = standin(Limits::default());
    let uri = source.uri().replace("postgres@", "proof_clerk@");
    let run = crate::harness::Wire9::between("migrate", &uri, &target.uri()).run();
    run.ends_with(9)
        .says("not-readable")
        .says("public.closed")
        .never_says("public.open ");
    let tables = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    assert_eq!(
        target
            .database()
            .query_value::<i64>(tables)
            .expect("counted"),
        0
    );
}

#[test]
fn tables_without_columns_rows_or_keys_arrive() {
    let source = source(
        "CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES; INSERT INTO nothing DEFAULT VALUES;
         CREATE TABLE only_generated (a integer GENERATED ALWAYS AS (1) STORED); INSERT INTO only_generated DEFAULT VALUES;
         CREATE TABLE keyless (a integer, b text); INSERT INTO keyless VALUES (1, 'x'), (1, 'x'), (NULL, NULL);
         CREATE TABLE dropped (a integer, b integer, c integer); ALTER TABLE dropped DROP COLUMN b; INSERT INTO dropped VALUES (1, 3)",
    );
    let target = standin(Limits::default());
    let script = printed(&source, Some(&target));
    let fresh = standin(Limits::default());
    assert!(refused(&fresh, &script).is_empty(), "{script}");
    command("migrate", &source, Some(&target))
        .run()
        .ends_with(0);
    for (table, rows) in [
        ("nothing", 2),
        ("only_generated", 1),
        ("keyless", 3),
        ("dropped", 1),
    ] {
        let found = target
            .database()
            .count(&format!("public.{table}"))
            .expect("counted");
        assert_eq!(found, rows, "{table}");
    }
}
