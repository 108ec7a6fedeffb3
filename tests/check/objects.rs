//! Objects and behaviour that no DDL shows, planted in a real source.

use testenv::{Cluster, ClusterOptions, sample};

use super::harness::Wire9;
use super::{check, expected, found, json, source};

#[test]
fn objects_that_have_no_place_in_a_db9_are_found_once_each() {
    let cluster = Cluster::start(ClusterOptions::new()).expect("a cluster");
    let source = cluster.database("planted").expect("the source is made");
    sample::planted(&source).expect("the source is filled");
    let run = check(&source)
        .args(&["--format", "json"])
        .run()
        .ends_with(9);
    let report = json(&run);
    for (id, object) in [
        ("row-security", "table planted.rls_table"),
        ("row-security", "table planted.rls_forced"),
        ("rule", "table planted.no_key"),
        ("event-trigger", "event trigger planted_event"),
        ("foreign-server", "foreign server planted_server"),
        ("foreign-server", "foreign-data wrapper planted_wrapper"),
        ("foreign-server", "user mapping postgres"),
        ("publication", "publication planted_publication"),
        ("collation", "collation planted.planted_collation"),
        ("text-search", "text search planted.planted_search"),
        ("statistics", "statistics planted.planted_statistics"),
        ("operator", "operator planted.\"===\""),
        ("cast", "cast planted.pair AS text"),
        ("large-objects", "large objects"),
        ("enum-order", "type planted.mood"),
    ] {
        let there = found(&report, id);
        let key = (id.to_owned(), object.to_owned());
        assert!(there.contains_key(&key), "no {id} {object} in {there:?}");
    }
}

#[test]
fn extensions_are_found_with_what_to_do_instead() {
    let source =
        source("CREATE EXTENSION pgcrypto; CREATE EXTENSION citext; CREATE EXTENSION hstore");
    let run = check(&source).args(&["--format", "json"]).run();
    assert_eq!(
        found(&json(&run), "extension-unsupported"),
        expected(&[
            ("extension-unsupported", "extension citext", 1),
            ("extension-unsupported", "extension pgcrypto", 1),
        ])
    );
    check(&source)
        .run()
        .says("gen_random_uuid() and sha256() are built in");
}

#[test]
fn text_that_sorts_by_a_language_is_found_where_something_depends_on_it() {
    let source = source(
        "CREATE COLLATION german (provider = icu, locale = 'de'); \
         CREATE TABLE t (id int PRIMARY KEY, a text COLLATE german, b text COLLATE german, c text COLLATE \"C\"); \
         CREATE INDEX t_a ON t (a); CREATE INDEX t_c ON t (c); \
         CREATE VIEW v AS SELECT b FROM t ORDER BY b",
    );
    let run = check(&source).args(&["--format", "json"]).run();
    let report = json(&run);
    assert_eq!(
        found(&report, "text-order"),
        expected(&[("text-order", "table public.t", 2)])
    );
    let detail = "a (index t_a), b (ORDER BY of view public.v)";
    assert!(run.stdout.contains(detail), "{}", run.stdout);
}

#[test]
fn what_sessions_do_now_is_found() {
    let cluster = Cluster::start(ClusterOptions::new().setting("max_prepared_transactions", "5"));
    let cluster = cluster.expect("a cluster");
    let source = cluster.database("busy").expect("the source is made");
    let name = source.name();
    source
        .execute(&format!(
            "ALTER DATABASE \"{name}\" SET default_transaction_isolation = serializable; CREATE TABLE t (id int PRIMARY KEY)"
        ))
        .expect("it is altered");
    let mut locking = source.client().expect("a session");
    locking
        .batch_execute("SELECT pg_advisory_lock(1), pg_advisory_lock(2)")
        .expect("locked");
    let mut listening = source.client().expect("a session");
    listening.batch_execute("LISTEN news").expect("listening");
    let mut preparing = source.client().expect("a session");
    let prepare =
        "BEGIN ISOLATION LEVEL READ COMMITTED; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'p'";
    preparing.batch_execute(prepare).expect("prepared");
    let run = check(&source).args(&["--format", "json"]).run();
    let report = json(&run);
    for (id, object, count) in [
        ("serializable-default", "default_transaction_isolation", 1),
        ("advisory-locks", "the source", 2),
        ("listen", "the source", 1),
        ("prepared-transactions", "the source", 1),
    ] {
        assert_eq!(
            found(&report, id),
            expected(&[(id, object, count)]),
            "{report}"
        );
    }
    preparing
        .batch_execute("ROLLBACK PREPARED 'p'")
        .expect("rolled back");
}

#[test]
fn what_the_user_may_not_read_is_a_blocker_by_name() {
    let cluster = Cluster::start(ClusterOptions::new()).expect("a cluster");
    let source = cluster.database("closed").expect("the source is made");
    source
        .execute(
            "CREATE ROLE clerk LOGIN; CREATE TABLE open (id int PRIMARY KEY, at timestamptz); \
             CREATE TABLE closed (id int PRIMARY KEY, at timestamptz); GRANT SELECT ON open TO clerk; \
             CREATE TABLE filtered (id int PRIMARY KEY, at timestamptz); GRANT SELECT ON filtered TO clerk; \
             ALTER TABLE filtered ENABLE ROW LEVEL SECURITY; CREATE POLICY none ON filtered USING (false)",
        )
        .expect("the source is filled");
    let uri = source.uri().replace("postgres@", "clerk@");
    let run = Wire9::bare()
        .args(&["check", "--postgres", &uri, "--deep", "--format", "json"])
        .run()
        .ends_with(9);
    let report = json(&run);
    assert_eq!(
        found(&report, "not-readable"),
        expected(&[("not-readable", "table public.closed", 1)])
    );
    assert_eq!(
        found(&report, "hidden-by-row-security"),
        expected(&[("hidden-by-row-security", "table public.filtered", 1)])
    );
    let not_read = found(&report, "deep-not-read");
    let tables: Vec<&str> = not_read.keys().map(|(_, object)| object.as_str()).collect();
    assert!(
        tables.iter().any(|t| t.contains("public.closed")),
        "{tables:?}"
    );
    assert!(
        tables.iter().any(|t| t.contains("public.filtered")),
        "{tables:?}"
    );
    assert!(
        !tables.iter().any(|t| t.contains("public.open")),
        "{tables:?}"
    );
}
