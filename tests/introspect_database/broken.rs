//! Catalogs with holes, locks and missing privileges: what can be read is read, what can not is named.

use std::time::{Duration, Instant};

use testenv::Cluster;
use wire9::catalog::database::{Name, OtherKind, Position};
use wire9::endpoint::introspect;

use super::{app, connect, index, others, planted, read, read_as, relation};

#[tokio::test]
async fn an_index_that_failed_to_build_is_told_as_not_valid() {
    let database = Cluster::shared().database("invalid").expect("a database");
    let sql = "CREATE SCHEMA app; CREATE TABLE app.t (a int); INSERT INTO app.t VALUES (1), (1)";
    database.execute(sql).expect("filled");
    let create = "CREATE UNIQUE INDEX CONCURRENTLY failed ON app.t (a)";
    assert!(database.execute(create).is_err(), "the key is not unique");
    let found = read(&database).await;
    assert!(!index(relation(&found, "t"), "failed").valid);
}

#[tokio::test]
async fn broken_entries_cost_themselves_alone() {
    let cluster = super::cluster(Cluster::shared().version());
    let database = planted(&cluster);
    database
        .execute(
            "CREATE VIEW app.of_child AS SELECT b FROM app.child; \
             DELETE FROM pg_proc WHERE proname IN ('touch', 'on_ddl'); \
             UPDATE pg_type SET typname = 'lost' WHERE typname = 'mood'; \
             DELETE FROM pg_class WHERE relname = 'parent'; \
             DELETE FROM pg_class WHERE relname = 'child'; \
             DELETE FROM pg_opclass WHERE opcname = 'reverse'; \
             DELETE FROM pg_attrdef WHERE pg_get_expr(adbin, adrelid) = 'nextval(''app.called''::regclass)'; \
             UPDATE pg_constraint SET conbin = NULL WHERE conname = 'positive'; \
             DELETE FROM pg_proc WHERE proname = 'next_code'",
        )
        .expect("broken");
    let found = read(&database).await;
    let noted = |what: &str| found.not_read.iter().any(|note| note.contains(what));
    assert!(noted("view app.of_child"), "{:#?}", found.not_read);
    assert!(
        noted("trigger touched of app.customers"),
        "{:#?}",
        found.not_read
    );
    assert!(
        noted("constraint positive of app.customers"),
        "{:#?}",
        found.not_read
    );
    assert!(
        noted("default of column app.customers.other"),
        "{:#?}",
        found.not_read
    );
    assert_eq!(relation(&found, "of_child").query, None);
    // The neighbours are whole.
    assert!(relation(&found, "happy").query.is_some());
    let customers = relation(&found, "customers");
    assert!(
        index(customers, "by_twice")
            .definition
            .starts_with("CREATE INDEX")
    );
    let default = customers
        .column("serial")
        .and_then(|c| c.default.expression());
    assert_eq!(
        default,
        Some("nextval('app.customers_serial_seq'::regclass)")
    );
}

#[tokio::test]
async fn a_table_that_somebody_locks_costs_its_views_and_no_patience() {
    let database = Cluster::shared().database("locked").expect("a database");
    database
        .execute(
            "CREATE SCHEMA app; CREATE TABLE app.held (a int); CREATE TABLE app.free (a int); \
             CREATE VIEW app.of_free AS SELECT a FROM app.free; \
             DO $$ BEGIN FOR n IN 1..50 LOOP \
               EXECUTE format('CREATE VIEW app.of_held_%s AS SELECT a FROM app.held', n); \
             END LOOP; END $$",
        )
        .expect("filled");
    let mut holder = connect(&database).await;
    let lock = "BEGIN; LOCK TABLE app.held IN ACCESS EXCLUSIVE MODE";
    holder.query(lock).await.expect("locked");
    let begun = Instant::now();
    let found = read(&database).await;
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(relation(&found, "of_held_1").query, None);
    assert!(relation(&found, "of_free").query.is_some());
    assert!(
        found
            .not_read
            .iter()
            .any(|n| n.contains("view app.of_held_50"))
    );
    assert_eq!(relation(&found, "held").columns.len(), 1);
}

#[tokio::test]
async fn what_a_role_may_not_see_is_named_and_the_rest_read() {
    let cluster = super::cluster(Cluster::shared().version());
    let database = planted(&cluster);
    database
        .execute(
            "CREATE ROLE reader; GRANT USAGE ON SCHEMA app TO reader; \
             GRANT SELECT ON app.orders, app.called TO reader; \
             GRANT SELECT (owner) ON app.secret TO reader; \
             ALTER TABLE app.typed OWNER TO reader",
        )
        .expect("granted");
    let found = read_as(&database, "reader").await;
    let readable = |name| relation(&found, name).readable;
    assert!(readable("orders") && readable("secret") && !readable("parent"));
    let position = |name: &str| {
        found
            .sequences
            .iter()
            .find(|s| s.name == app(name))
            .unwrap()
            .position
    };
    assert_eq!(
        position("called"),
        Some(Position {
            last_value: 1,
            is_called: true
        })
    );
    assert_eq!(position("free"), None);
    let [note] = found.not_read.as_slice() else {
        panic!("one note: {:#?}", found.not_read);
    };
    assert!(
        note.contains("app.free") && !note.contains("app.called"),
        "{note}"
    );
    assert_eq!(found.server.user, "reader");
    let owners = others(&found, OtherKind::Owner);
    assert_eq!(
        owners.iter().map(|o| o.0.as_str()).collect::<Vec<_>>(),
        ["postgres"]
    );
    let grants = others(&found, OtherKind::Grants);
    let reader = grants
        .iter()
        .find(|g| g.0 == "reader")
        .expect("grants to the role");
    assert_eq!(reader.2, 4, "{reader:?}");
}

#[tokio::test]
async fn positions_of_many_sequences_are_read_and_lost_ones_cost_nobody() {
    let database = Cluster::shared().database("positions").expect("a database");
    database
        .execute(
            "CREATE SCHEMA app; \
             DO $$ BEGIN FOR n IN 1..450 LOOP \
               EXECUTE format('CREATE SEQUENCE app.s%s', n); \
               PERFORM setval(format('app.s%s', n), n, n % 2 = 0); \
             END LOOP; END $$; \
             CREATE TABLE app.s7_is_a_table (a int); DROP SEQUENCE app.s7",
        )
        .expect("filled");
    let mut names: Vec<Name> = (1..=450).map(|n| app(&format!("s{n}"))).collect();
    names.push(app("s7_is_a_table"));
    let mut connection = connect(&database).await;
    for begin in ["BEGIN ISOLATION LEVEL REPEATABLE READ", "COMMIT"] {
        // Inside a transaction, and outside one.
        connection.query(begin).await.expect(begin);
        let found = introspect::positions(&mut connection, &names)
            .await
            .expect("read");
        for (n, position) in (1..=450).zip(&found) {
            let expected = Position {
                last_value: n,
                is_called: n % 2 == 0,
            };
            assert_eq!(*position, (n != 7).then_some(expected), "{n}");
        }
        assert_eq!(found[450], None);
    }
}

#[tokio::test]
async fn a_sequence_that_is_refused_costs_nobody_else() {
    let database = Cluster::shared().database("refused").expect("a database");
    database
        .execute(
            "CREATE SCHEMA app; CREATE SEQUENCE app.a; CREATE SEQUENCE app.b; CREATE SEQUENCE app.c",
        )
        .expect("filled");
    let mut holder = connect(&database).await;
    let lock = "BEGIN; ALTER SEQUENCE app.b INCREMENT 2";
    holder.query(lock).await.expect("locked");
    let mut dropper = connect(&database).await;
    dropper
        .query("BEGIN; DROP SEQUENCE app.c")
        .await
        .expect("locked");
    let mut connection = connect(&database).await;
    connection.query("BEGIN").await.expect("begun");
    let names = [app("a"), app("b"), app("c")];
    let found = introspect::positions(&mut connection, &names)
        .await
        .expect("read");
    assert!(found[0].is_some() && found[1].is_some(), "{found:?}");
    assert_eq!(found[2], None, "it is about to go, and locked");
}

#[tokio::test]
async fn bytes_of_no_encoding_cost_their_object_alone() {
    let database = Cluster::shared()
        .database_encoded("ascii", "SQL_ASCII")
        .expect("a database");
    database
        .execute(
            r"CREATE SCHEMA app; CREATE TABLE app.t (a text DEFAULT E'caf\xe9', b text DEFAULT 'x');
              COMMENT ON TABLE app.t IS E'caf\xe9';
              DO $do$ BEGIN EXECUTE E'CREATE FUNCTION app.f() RETURNS text LANGUAGE plpgsql AS
                $f$ BEGIN RETURN ''caf\xe9''; END $f$'; END $do$;
              CREATE FUNCTION app.g() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        )
        .expect("filled");
    let found = read(&database).await;
    let table = relation(&found, "t");
    assert_eq!(table.comment.as_deref(), Some("caf?"));
    let default = |name: &str| table.column(name).and_then(|c| c.default.expression());
    assert_eq!((default("a"), default("b")), (None, Some("'x'::text")));
    let routine = |name| found.routines.iter().find(|r| r.name == app(name)).unwrap();
    assert_eq!(routine("f").definition, None);
    assert!(routine("g").definition.is_some());
    let noted = |what: &str| found.not_read.iter().any(|note| note.contains(what));
    assert!(noted("default of column app.t.a") && noted("function app.f()"));
    assert_eq!(found.not_read.len(), 2, "{:#?}", found.not_read);
}
