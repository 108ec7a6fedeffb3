//! What introspection reads from real servers, and what is decided from it.

use testenv::fault::Close;
use testenv::{Action, Cluster, Database, Fault, FaultProxy, Trigger};
use wire9::catalog::{
    Catalog, Generated, Kind, Moment, SelectPrivilege, Shape, Splitting, Table, TableName,
};
use wire9::endpoint::introspect;
use wire9::plan::{self, Split, Thresholds};
use wire9::schema::{self, FractionDigits, Problem, Selection};
use wire9::sql::{self, Source};
use wire9::wire::{ConnectOptions, Connection, Endpoint, Environment};

/// Tables of every kind and shape.
const SHAPES: &str = r#"
    CREATE SCHEMA archive;
    CREATE SCHEMA "Odd ""S";
    CREATE SCHEMA wire9;
    CREATE SCHEMA wire9_probe_1;
    CREATE TABLE wire9.batch (id int);
    CREATE TABLE wire9_probe_1.t (id int);
    CREATE TABLE plain (id int PRIMARY KEY, b text DEFAULT 'x', c int GENERATED ALWAYS AS IDENTITY);
    CREATE TABLE part (id int, at timestamp) PARTITION BY RANGE (id);
    CREATE TABLE archive.part_1 PARTITION OF part FOR VALUES FROM (0) TO (10);
    CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (id);
    CREATE TABLE archive.part_2a PARTITION OF part_2 FOR VALUES FROM (10) TO (15);
    CREATE TABLE parent (a int);
    CREATE TABLE child (b int) INHERITS (parent);
    CREATE TABLE no_column ();
    CREATE TABLE only_generated (g int GENERATED ALWAYS AS (1) STORED);
    CREATE DOMAIN d1 AS timestamp(3);
    CREATE DOMAIN d2 AS d1;
    CREATE TYPE pair AS (x int, y d2[]);
    CREATE TABLE typed (a d2, b d2[], c pair, d tstzrange, f char(5), g timestamptz(2)[], h pair[],
                        i oidvector, j int);
    CREATE TABLE "Odd ""S"."we
ird" ("C ol" int NOT NULL, "x" bigint NOT NULL, UNIQUE ("x", "C ol"));
    CREATE TABLE keys (a int UNIQUE, b int NOT NULL, c int NOT NULL, d int NOT NULL UNIQUE DEFERRABLE);
    CREATE UNIQUE INDEX ON keys (b) INCLUDE (c);
    CREATE UNIQUE INDEX ON keys (c) WHERE c > 3;
    CREATE UNIQUE INDEX ON keys ((b + 1));
    ALTER TABLE keys DROP COLUMN d;
    CREATE VIEW seen AS SELECT 1 AS one;
    CREATE MATERIALIZED VIEW stored AS SELECT 1 AS one;
    CREATE UNLOGGED TABLE unlogged (a int);
    CREATE TEMP TABLE temporary (a int);
    CREATE TABLE wide (id int, t text);
    ALTER TABLE wide ALTER t SET STORAGE EXTERNAL;
    INSERT INTO wide SELECT n, repeat('x', 10000) FROM generate_series(1, 100) n;
"#;

fn database(hint: &str, statements: &str) -> Database {
    let database = Cluster::shared().database(hint).expect("a database");
    database.execute(statements).expect("the test's tables");
    database
}

async fn connect(database: &Database) -> Connection {
    connect_to(&database.socket_uri()).await
}

async fn connect_to(uri: &str) -> Connection {
    let environment = Environment::default();
    let options = ConnectOptions::parse(uri, Endpoint::Postgres, &environment);
    let connection = Connection::connect(&options.expect("a URI of testenv")).await;
    connection.expect("the server answers")
}

/// Reads the source as a run does: in a snapshot, without a search path.
async fn source(database: &Database) -> Catalog {
    source_as(database, "postgres").await
}

async fn source_as(database: &Database, role: &str) -> Catalog {
    let mut connection = connect(database).await;
    let begin = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = ''; \
         SET LOCAL row_security = off; SET LOCAL ROLE {role}"
    );
    connection
        .query(&begin)
        .await
        .expect("a transaction begins");
    introspect::source(&mut connection)
        .await
        .expect("the catalogs are read")
}

async fn target(database: &Database) -> Catalog {
    let mut connection = connect(database).await;
    introspect::target(&mut connection)
        .await
        .expect("the catalogs are read")
}

fn find<'a>(catalog: &'a Catalog, schema: &str, name: &str) -> &'a Table {
    let table = catalog.table(&TableName::new(schema, name));
    table.unwrap_or_else(|| panic!("no table {schema}.{name}"))
}

fn public<'a>(catalog: &'a Catalog, name: &str) -> &'a Table {
    find(catalog, "public", name)
}

#[tokio::test]
async fn every_kind_of_table_is_seen_and_none_of_the_system_or_of_wire9() {
    let database = database("kinds", SHAPES);
    let catalog = source(&database).await;
    let kind = |name| public(&catalog, name).kind;
    assert_eq!(kind("plain"), Kind::Ordinary);
    assert_eq!(kind("part"), Kind::Partitioned);
    assert_eq!(
        (kind("seen"), kind("stored")),
        (Kind::View, Kind::MaterializedView)
    );
    let schemas = catalog.tables().iter().map(|t| t.name.schema.as_str());
    let mut schemas: Vec<&str> = schemas.collect();
    schemas.dedup();
    assert_eq!(schemas, ["Odd \"S", "archive", "public"]);
    assert!(
        catalog
            .table(&TableName::new("public", "temporary"))
            .is_none()
    );
    assert!(catalog.server_version >= 130_000);
    assert_eq!(catalog.server_version / 10_000, Cluster::shared().version());
}

#[tokio::test]
async fn leaves_know_their_root_and_children_their_parent() {
    let database = database("trees", SHAPES);
    for catalog in [source(&database).await, target(&database).await] {
        let root = public(&catalog, "part");
        for leaf in ["part_1", "part_2a"] {
            assert_eq!(
                catalog.root(find(&catalog, "archive", leaf)).name,
                root.name
            );
        }
        let between = public(&catalog, "part_2").oid;
        let leaf = find(&catalog, "archive", "part_2a");
        assert_eq!(leaf.ancestors, [between, root.oid]);
        assert!(leaf.parents.is_empty() && root.children.is_empty());
        let (parent, child) = (public(&catalog, "parent"), public(&catalog, "child"));
        assert_eq!(
            (&parent.children, &child.parents),
            (&vec![child.oid], &vec![parent.oid])
        );
        assert!(child.ancestors.is_empty());
    }
}

#[tokio::test]
async fn columns_tell_their_types_through_domains_defaults_and_generation() {
    let database = database("columns", SHAPES);
    for catalog in [source(&database).await, target(&database).await] {
        let plain = public(&catalog, "plain");
        let defaults: Vec<bool> = plain.columns.iter().map(|c| c.has_default).collect();
        assert_eq!(defaults, [false, true, true]);
        assert!(plain.columns[2].identity && plain.columns[0].not_null);
        assert!(public(&catalog, "no_column").columns.is_empty());
        let generated = &public(&catalog, "only_generated").columns[0];
        assert_eq!(generated.generated, Generated::Stored);

        let typed = public(&catalog, "typed");
        let types: Vec<_> = typed.columns.iter().map(|c| &c.data_type).collect();
        let shapes: Vec<Shape> = types.iter().map(|t| t.shape).collect();
        let (array, scalar) = (Shape::Array, Shape::Scalar);
        assert_eq!(
            shapes[..6],
            [scalar, array, Shape::Composite, Shape::Range, scalar, array]
        );
        assert_eq!(types[0].moment(), Some(Moment::Timestamp));
        assert_eq!(types[1].moment(), Some(Moment::Timestamp));
        assert_eq!(types[5].moment(), Some(Moment::Timestamptz));
        let digits = |n: usize| types[n].fraction_digits();
        assert_eq!((digits(0), digits(1), digits(5)), (3, 3, 2));
        assert!(types[4].is_char() && types[8].moment().is_none());
    }
    let catalog = source(&database).await;
    assert_eq!(
        public(&catalog, "typed").columns[0].data_type.sql,
        "public.d2"
    );
    let holds = |c: &wire9::catalog::Column| c.data_type.holds_timestamp;
    let held: Vec<bool> = public(&catalog, "typed")
        .columns
        .iter()
        .map(holds)
        .collect();
    assert_eq!(
        held,
        [true, true, true, true, false, true, true, false, false]
    );
}

/// However many tables there are: one statement for them, one for their columns and types.
#[tokio::test]
async fn the_source_is_read_in_two_statements() {
    let database = database("statements", "CREATE TABLE t (a int, b numeric(10, 2)[])");
    let proxy = FaultProxy::start(&database.uri()).expect("a proxy");
    let nth = |nth| {
        Fault::new(
            Trigger::query("pg_catalog").nth(nth),
            Action::Cut(Close::Fin),
        )
    };
    let mut connection = connect_to(proxy.uri()).await;
    let third = proxy.faults().add(nth(3));
    let catalog = introspect::source(&mut connection).await;
    let catalog = catalog.expect("it is read");
    assert_eq!(
        public(&catalog, "t").columns[1].data_type.sql,
        "numeric(10,2)[]"
    );
    assert_eq!(third.fired(), 0);
    proxy.faults().disarm();
    let second = proxy.faults().add(nth(2));
    let mut connection = connect_to(proxy.uri()).await;
    let cut = introspect::source(&mut connection).await;
    assert!(cut.is_err() && second.fired() == 1, "they are counted");
}

#[tokio::test]
async fn only_keys_that_can_be_split_are_told() {
    let database = database("keys", SHAPES);
    let catalog = source(&database).await;
    let keys = |schema, name| {
        let keys = find(&catalog, schema, name).keys.iter();
        keys.map(|k| k.columns.iter().map(|c| c.0.clone()).collect())
            .collect::<Vec<Vec<String>>>()
    };
    assert_eq!(keys("public", "plain"), [["id"]]);
    assert_eq!(keys("public", "keys"), [["b"]]);
    assert_eq!(keys("Odd \"S", "we\nird"), [["x", "C ol"]]);
    assert_eq!(keys("public", "no_column"), Vec::<Vec<String>>::new());
    assert_eq!(
        find(&catalog, "Odd \"S", "we\nird").keys[0].columns[0].1,
        "bigint"
    );
}

/// PostgreSQL 18 has virtual columns, and NOT NULL that was never validated.
#[tokio::test]
async fn a_key_counts_as_not_null_only_where_that_was_checked() {
    let new = Cluster::shared().version() >= 18;
    let database = database("not_valid", "CREATE TABLE t (a int UNIQUE, b int)");
    if new {
        let statements = "ALTER TABLE t ADD CONSTRAINT checked NOT NULL a NOT VALID;
                          ALTER TABLE t ADD COLUMN v int GENERATED ALWAYS AS (b + 1) VIRTUAL;";
        database
            .execute(statements)
            .expect("PostgreSQL 18 takes it");
    }
    let catalog = source(&database).await;
    let table = public(&catalog, "t");
    assert!(table.keys.is_empty() && !table.columns[0].not_null);
    let generated = table.columns.get(2).map(|c| c.generated);
    assert_eq!(generated, new.then_some(Generated::Virtual));
    let validate = if new {
        "ALTER TABLE t VALIDATE CONSTRAINT checked"
    } else {
        "ALTER TABLE t ALTER a SET NOT NULL"
    };
    database.execute(validate).expect("there is no NULL");
    let catalog = source(&database).await;
    assert_eq!(public(&catalog, "t").keys.len(), 1);
}

#[tokio::test]
async fn sizes_count_toast_and_hold_for_tables_never_vacuumed() {
    let database = database("sizes", SHAPES);
    let catalog = source(&database).await;
    let wide = public(&catalog, "wide");
    assert!(wide.toast_bytes > 1_000_000, "{}", wide.toast_bytes);
    assert_eq!((wide.pages, wide.heap_bytes), (1, 8192));
    assert_eq!(wide.rows, None);
    assert_ne!(wide.relfilenode, 0);
    let mut connection = connect(&database).await;
    let sizes = introspect::sizes(&mut connection, &[wide, public(&catalog, "plain")]).await;
    let sizes = sizes.expect("sizes are read");
    assert_eq!(sizes[&wide.oid].bytes, wide.bytes());
    assert_eq!(sizes[&public(&catalog, "plain").oid].pages, 0);
}

#[tokio::test]
async fn privileges_and_row_security_are_those_of_the_user() {
    let statements = "
        CREATE ROLE reader_of_some;
        CREATE SCHEMA closed;
        CREATE TABLE closed.t (a int);
        CREATE TABLE whole (a int, b int);
        CREATE TABLE by_column (a int, b int, g int GENERATED ALWAYS AS (a) STORED);
        CREATE TABLE in_part (a int, b int);
        CREATE TABLE nothing (a int);
        CREATE TABLE hidden (a int);
        ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
        GRANT SELECT ON whole, hidden, closed.t TO reader_of_some;
        GRANT SELECT (a, b) ON by_column TO reader_of_some;
        GRANT SELECT (a) ON in_part TO reader_of_some;";
    let database = database("privileges", statements);
    let catalog = source_as(&database, "reader_of_some").await;
    let select = |name| public(&catalog, name).select;
    assert_eq!(select("whole"), SelectPrivilege::Table);
    assert_eq!(select("by_column"), SelectPrivilege::Columns);
    assert_eq!(select("in_part"), SelectPrivilege::None);
    assert_eq!(select("nothing"), SelectPrivilege::None);
    assert!(
        !find(&catalog, "closed", "t").can_select(),
        "no USAGE on its schema"
    );
    assert!(public(&catalog, "hidden").row_security_active);
    assert_eq!(
        catalog.splitting(public(&catalog, "by_column")),
        Splitting::Never
    );
    let owner = source(&database).await;
    assert!(!public(&owner, "hidden").row_security_active);
    assert!(owner.tables().iter().all(Table::can_select));
}

#[tokio::test]
async fn tables_of_extensions_and_foreign_tables_are_told() {
    let database = database(
        "extensions",
        "CREATE FOREIGN DATA WRAPPER nowhere;
         CREATE SERVER far FOREIGN DATA WRAPPER nowhere;
         CREATE TABLE root (id int) PARTITION BY LIST (id);
         CREATE FOREIGN TABLE far_leaf PARTITION OF root FOR VALUES IN (1) SERVER far;
         CREATE TABLE owned (a int);
         ALTER EXTENSION plpgsql ADD TABLE owned;",
    );
    let catalog = source(&database).await;
    assert_eq!(
        public(&catalog, "owned").extension.as_deref(),
        Some("plpgsql")
    );
    let leaf = public(&catalog, "far_leaf");
    assert_eq!((leaf.kind, leaf.ancestors.len()), (Kind::Foreign, 1));
    database
        .execute("ALTER EXTENSION plpgsql DROP TABLE owned")
        .expect("given back");
}

#[tokio::test]
async fn the_target_tells_triggers_and_foreign_keys() {
    let database = database(
        "triggers",
        "CREATE TABLE parent (id int PRIMARY KEY, up int CONSTRAINT up REFERENCES parent);
         CREATE TABLE child (id int, p int CONSTRAINT to_parent REFERENCES parent);
         CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
         CREATE TRIGGER \"loud one\" BEFORE INSERT ON child FOR EACH ROW EXECUTE FUNCTION f();
         CREATE TRIGGER off BEFORE INSERT ON child FOR EACH ROW EXECUTE FUNCTION f();
         ALTER TABLE child DISABLE TRIGGER off;",
    );
    let (source, target) = (source(&database).await, target(&database).await);
    assert_eq!(public(&target, "child").triggers, ["loud one"]);
    assert!(target.not_known.is_empty(), "{:?}", target.not_known);
    let matching = matched(&source, &target).expect("it matches");
    let refusals = schema::load_order(&matching).expect_err("a self-reference");
    let constraint = "up".to_owned();
    assert_eq!(
        refusals.list()[0].problem,
        Problem::SelfReference { constraint }
    );
    database
        .execute("ALTER TABLE parent DROP CONSTRAINT up")
        .expect("it is dropped");
    let target = self::target(&database).await;
    let matching = matched(&source, &target).expect("it matches");
    let waves = schema::load_order(&matching).expect("no circle is left");
    let names: Vec<&str> = waves
        .iter()
        .map(|w| matching.targets[w[0]].name.name.as_str())
        .collect();
    assert_eq!(names, ["parent", "child"]);
}

fn matched(source: &Catalog, target: &Catalog) -> Result<schema::Matching, schema::Refusals> {
    let digits = FractionDigits {
        timestamp: 3,
        timestamptz: 3,
    };
    schema::match_tables(source, target, &Selection::default(), digits)
}

/// A server that refuses parts of its catalogs, inside a transaction and outside.
#[tokio::test]
async fn what_a_target_refuses_to_tell_is_noted_and_the_rest_is_read() {
    let database = database(
        "partial",
        "CREATE ROLE kept_in_the_dark;
         CREATE TABLE t (id int NOT NULL, at timestamptz(3));
         REVOKE SELECT ON pg_catalog.pg_trigger, pg_catalog.pg_constraint, pg_catalog.pg_inherits,
           pg_catalog.pg_attribute FROM public;
         GRANT SELECT (attrelid, attnum, attname, atttypid, atttypmod, attnotnull, attisdropped)
           ON pg_catalog.pg_attribute TO public;",
    );
    for begin in [
        "SET ROLE kept_in_the_dark",
        "BEGIN; SET LOCAL ROLE kept_in_the_dark",
    ] {
        let mut connection = connect(&database).await;
        connection.query(begin).await.expect("the role is set");
        let catalog = introspect::target(&mut connection).await;
        let catalog = catalog.expect("the rest is read");
        let not_known = [
            "defaults of columns",
            "generated columns",
            "identity columns",
            "partitions and inheritance",
            "which triggers are enabled",
            "triggers",
            "foreign keys",
        ];
        assert_eq!(catalog.not_known, not_known);
        let column = &public(&catalog, "t").columns[1];
        assert_eq!(column.data_type.fraction_digits(), 3);
        assert_eq!(column.data_type.sql, "timestamp(3) with time zone");
        assert!(column.has_default, "the server shall judge");
        let alive = connection.query("SELECT 1").await;
        assert!(alive.is_ok(), "the transaction lives");
    }
}

/// How many rows of a table each range holds.
async fn counts(connection: &mut Connection, table: &Table, chunks: &[plan::Chunk]) -> Vec<u64> {
    let mut counts = Vec::new();
    for chunk in chunks {
        let source = Source {
            schema: &table.name.schema,
            name: &table.name.name,
            columns: &[],
            condition: None,
        };
        let count = format!(
            "SELECT count(*) FROM ({}) s",
            sql::select(&source, chunk.bounds.range())
        );
        let reply = connection
            .query(&count)
            .await
            .expect("the range is valid SQL");
        counts.push(
            reply
                .value(0)
                .and_then(|c| c.parse().ok())
                .expect("a count"),
        );
    }
    counts
}

fn small_chunks() -> Thresholds {
    let mut thresholds = Thresholds::new(4);
    thresholds.smallest = 64 << 10;
    thresholds
}

fn planned(table: &Table, split: Split) -> plan::Table {
    plan::Table {
        pair: 0,
        pages: table.pages,
        bytes: table.bytes(),
        wave: 0,
        split,
    }
}

#[tokio::test]
async fn page_ranges_hold_every_row_once_and_rows_that_come_later_too() {
    let database = database(
        "pages",
        "CREATE TABLE t AS SELECT n, repeat('x', 100) FROM generate_series(1, 40000) n",
    );
    let catalog = source(&database).await;
    let table = public(&catalog, "t");
    let has_tid_range_scan = Cluster::shared().version() >= 14;
    let by = if has_tid_range_scan {
        Splitting::Pages
    } else {
        Splitting::Never
    };
    assert_eq!(catalog.splitting(table), by);
    database
        .execute("INSERT INTO t SELECT n, '' FROM generate_series(1, 999) n")
        .expect("rows");
    let chunks = plan::chunks(&[planned(table, Split::Pages)], &small_chunks());
    assert!(chunks.len() >= 16, "{}", chunks.len());
    let mut connection = connect(&database).await;
    let counts = counts(&mut connection, table, &chunks).await;
    assert_eq!(counts.iter().sum::<u64>(), 40_999);
}

#[tokio::test]
async fn sampled_keys_cut_a_table_into_even_parts_that_hold_every_row_once() {
    // One outlier must not take all rows into one part; a key with quotes and a text must be quoted.
    let database = database(
        "sampled",
        "CREATE TABLE t (\"a \"\"b\" bigint, c text, PRIMARY KEY (c, \"a \"\"b\"));
         INSERT INTO t SELECT n, 'it''s \\' || n % 5 FROM generate_series(1, 60000) n;
         INSERT INTO t VALUES (9000000000000000000, 'zz');
         ANALYZE t;",
    );
    let catalog = source(&database).await;
    let table = public(&catalog, "t");
    let key = &table.keys[0];
    let mut connection = connect(&database).await;
    let boundaries = introspect::sample_keys(&mut connection, table, key, 30).await;
    let boundaries = boundaries.expect("it can be sampled");
    assert!(
        (25..=30).contains(&boundaries.len()),
        "{}",
        boundaries.len()
    );
    let split = Split::Keys {
        columns: key.columns.clone(),
        boundaries,
    };
    let chunks = plan::chunks(&[planned(table, split)], &small_chunks());
    assert!(chunks.len() >= 10, "{}", chunks.len());
    let counts = counts(&mut connection, table, &chunks).await;
    assert_eq!(counts.iter().sum::<u64>(), 60_001);
    let largest = counts.iter().max().copied().unwrap_or_default();
    assert!(largest < 60_001 / 5, "{counts:?}");
}

#[tokio::test]
async fn a_table_that_is_tiny_or_empty_gives_few_boundaries() {
    let statements = "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE one (id int PRIMARY KEY);
                      INSERT INTO one VALUES (7);";
    let database = database("tiny", statements);
    let catalog = source(&database).await;
    let mut connection = connect(&database).await;
    connection
        .query("BEGIN")
        .await
        .expect("a transaction begins");
    for name in ["t", "one"] {
        let table = public(&catalog, name);
        let keys = introspect::sample_keys(&mut connection, table, &table.keys[0], 10).await;
        assert_eq!(keys.expect("it can be sampled"), Vec::<Vec<String>>::new());
    }
}

#[tokio::test]
async fn what_can_not_be_sampled_is_not_split_and_the_transaction_lives() {
    let statements = "CREATE TABLE t (id int PRIMARY KEY); CREATE VIEW v AS SELECT id FROM t;";
    let database = database("unsampled", statements);
    let catalog = source(&database).await;
    let key = &public(&catalog, "t").keys[0];
    let mut connection = connect(&database).await;
    connection
        .query("BEGIN")
        .await
        .expect("a transaction begins");
    let keys = introspect::sample_keys(&mut connection, public(&catalog, "v"), key, 10).await;
    assert_eq!(
        keys.expect("a refusal is an answer"),
        Vec::<Vec<String>>::new()
    );
    assert!(connection.query("SELECT 1").await.is_ok());
}

/// The judge's sample of everything against its own target schema.
#[tokio::test]
async fn the_sample_of_everything_matches_its_target() {
    use testenv::sample::{self, Everything};
    let cluster = Cluster::shared();
    let from = cluster.database("everything").expect("a database");
    let to = cluster.database("everything_target").expect("a database");
    sample::everything(&from, Everything::QUICK).expect("the sample");
    sample::execute_all(&to, &sample::everything_target(Everything::QUICK)).expect("the target");
    let (source, target) = (source(&from).await, target(&to).await);
    let matching = matched(&source, &target).unwrap_or_else(|refusals| panic!("{refusals}"));
    assert!(matching.pairs.len() > 20, "{}", matching.pairs.len());
    schema::load_order(&matching).unwrap_or_else(|refusals| panic!("{refusals}"));
    let cut = matching
        .pairs
        .iter()
        .flat_map(|p| &p.recipe.transforms)
        .count();
    assert!(cut > 3, "{cut} columns are rewritten");
}
