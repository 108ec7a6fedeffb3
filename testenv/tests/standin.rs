//! The stand-in does what DB9 documents: each limit is seen to hold.

mod raw;

use std::process::Command;
use std::time::Duration;

use raw::{Raw, message_of, outcome};
use testenv::standin::{
    Limits, NarrowTypes, PasswordExchange, Serializable, Standin, StandinOptions, TimeoutChange,
    TimestampDigits, Undocumented,
};

fn start() -> Standin {
    Standin::start(StandinOptions::default()).expect("start the stand-in")
}

fn start_with(change: impl FnOnce(&mut Limits)) -> Standin {
    let mut options = StandinOptions::default();
    change(&mut options.limits);
    Standin::start(options).expect("start the stand-in")
}

/// Standard output, or standard error, of psql.
fn psql(uri: &str, sql: &str) -> Result<String, String> {
    let output = Command::new("psql")
        .args(["-XAtqv", "ON_ERROR_STOP=1", "-c", sql, uri])
        .output();
    let output = output.expect("psql is part of PostgreSQL");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stderr))
    }
}

#[test]
fn a_client_sees_a_db9_server_and_its_own_tenant() {
    let standin = start();
    let sql = "SELECT version(), current_database(), current_user";
    let seen = psql(&standin.uri(), sql).expect("psql");
    assert!(seen.contains("db9-server"), "{seen}");
    assert!(seen.ends_with("|postgres|tenant.admin"), "{seen}");
}

#[test]
fn without_tls_nobody_gets_in() {
    let standin = start();
    let plain = standin.uri().replace("require", "disable");
    assert!(
        psql(&plain, "SELECT 1")
            .unwrap_err()
            .contains("TLS is required")
    );
}

#[test]
fn the_certificate_is_verified_by_its_own_authority_alone() {
    let standin = start();
    let uri = standin.uri().replace("require", "verify-full");
    let with = |file: std::path::PathBuf| format!("{uri}&sslrootcert={}", file.display());
    assert_eq!(
        psql(&with(standin.ca_file()), "SELECT 1").as_deref(),
        Ok("1")
    );
    assert!(
        psql(&with(standin.wrong_ca_file()), "SELECT 1")
            .unwrap_err()
            .contains("certificate")
    );
}

#[test]
fn every_password_exchange_takes_the_secret_and_no_other() {
    use PasswordExchange::{Cleartext, Md5, Scram, ScramPlus};
    for password_exchange in [Cleartext, Md5, Scram, ScramPlus] {
        let options = StandinOptions {
            password_exchange,
            ..Default::default()
        };
        let standin = Standin::start(options).expect("start");
        assert_eq!(
            psql(&standin.uri(), "SELECT 1").as_deref(),
            Ok("1"),
            "{password_exchange:?}"
        );
        let wrong = psql(&standin.uri_with("guess"), "SELECT 1").unwrap_err();
        assert!(
            wrong.contains("password authentication failed"),
            "{password_exchange:?}: {wrong}"
        );
    }
}

#[test]
fn channel_binding_is_there_only_where_it_is_offered() {
    for (exchange, works) in [
        (PasswordExchange::ScramPlus, true),
        (PasswordExchange::Scram, false),
    ] {
        let options = StandinOptions {
            password_exchange: exchange,
            ..Default::default()
        };
        let standin = Standin::start(options).expect("start");
        let uri = format!("{}&channel_binding=require", standin.uri());
        assert_eq!(psql(&uri, "SELECT 1").is_ok(), works, "{exchange:?}");
    }
}

#[test]
fn another_user_or_database_is_refused() {
    let standin = start();
    let other = standin.uri().replace("tenant.admin", "tenant.other");
    assert!(
        psql(&other, "SELECT 1")
            .unwrap_err()
            .contains("password authentication failed")
    );
    let other = standin.uri().replace("/postgres", "/shop");
    assert!(
        psql(&other, "SELECT 1")
            .unwrap_err()
            .contains("does not exist")
    );
}

#[test]
fn a_token_is_checked_when_a_session_starts_and_not_later() {
    let standin = start();
    let token = standin.issue_token(Duration::from_millis(1500));
    let uri = standin.uri_with(&token);
    assert_eq!(psql(&uri, "SELECT 1").as_deref(), Ok("1"));
    let mut session = Raw::standin(&standin);
    std::thread::sleep(Duration::from_millis(1600));
    assert!(psql(&uri, "SELECT 1").is_err());
    assert_eq!(session.value("SELECT 2"), "2");
}

#[test]
fn one_connection_above_the_cap_is_refused_with_53300() {
    let standin = start_with(|limits| limits.connections = 2);
    let first = Raw::standin(&standin);
    let _second = Raw::standin(&standin);
    let refused = Raw::standin_as(&standin, "third").err().expect("refused");
    assert_eq!(refused.to_string(), "53300");
    assert_eq!(standin.log().peak_connections(), 2);
    drop(first);
    let again = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        Raw::standin_as(&standin, "again").is_ok()
    });
    assert!(again, "a seat that was left is free");
}

/// What the documents say does not exist, and the SQLSTATE for it.
const REFUSED: &[(&str, &str)] = &[
    ("0A000", "CREATE TABLE p (a int) PARTITION BY RANGE (a)"),
    (
        "0A000",
        "CREATE TABLE p PARTITION OF t FOR VALUES FROM (1) TO (2)",
    ),
    ("0A000", "CREATE TABLE c (b int) INHERITS (t)"),
    ("0A000", "ALTER TABLE t INHERIT u"),
    ("0A000", "ALTER TABLE t ATTACH PARTITION u DEFAULT"),
    ("0A000", "ALTER TABLE t ENABLE ROW LEVEL SECURITY"),
    ("0A000", "CREATE POLICY p ON t"),
    ("0A000", "CREATE RULE r AS ON INSERT TO t DO NOTHING"),
    ("0A000", "CREATE SERVER s FOREIGN DATA WRAPPER w"),
    ("0A000", "CREATE FOREIGN TABLE f (a int) SERVER s"),
    ("0A000", "CREATE PUBLICATION p FOR ALL TABLES"),
    ("0A000", "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p"),
    ("0A000", "CREATE TABLESPACE s LOCATION '/tmp'"),
    ("0A000", "CREATE TABLE s (a int) TABLESPACE pg_default"),
    ("0A000", "CREATE EXTENSION pg_trgm"),
    ("0A000", "LISTEN a"),
    ("0A000", "NOTIFY a"),
    ("0A000", "BEGIN ISOLATION LEVEL SERIALIZABLE"),
    ("0A000", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"),
    (
        "0A000",
        "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    ),
    (
        "0A000",
        "SET default_transaction_isolation = 'serializable'",
    ),
    ("0A000", "START TRANSACTION READ ONLY, DEFERRABLE"),
    ("0A000", "SET session_replication_role = replica"),
    ("0A000", "SET LOCAL session_replication_role TO 'replica'"),
    (
        "0A000",
        "SELECT set_config('session_replication_role', 'replica', false)",
    ),
    ("0A000", "TRUNCATE t, u"),
    ("0A000", "TRUNCATE t CASCADE"),
    ("0A000", "TRUNCATE t RESTART IDENTITY"),
    ("0A000", "TRUNCATE ONLY t"),
    ("0A000", "COPY t FROM STDIN (FORMAT binary)"),
    ("0A000", "COPY t TO STDOUT BINARY"),
    ("0A000", "COPY (SELECT 1) TO STDOUT"),
    ("0A000", "COPY t FROM STDIN (FREEZE)"),
    ("0A000", "COPY t FROM STDIN (FORMAT csv, FORCE_NULL (a))"),
    ("0A000", "COPY t FROM STDIN (ENCODING 'UTF8')"),
    ("0A000", "COPY t FROM STDIN WHERE a > 1"),
    ("0A000", "COPY t TO '/tmp/file'"),
    ("0A000", "CREATE TABLE n (a int2)"),
    ("0A000", "CREATE TABLE n (a smallint[])"),
    ("0A000", "CREATE TABLE n (a float4)"),
    ("0A000", "CREATE TABLE n (a real)"),
    ("0A000", "CREATE TABLE n (a char(5))"),
    ("0A000", "ALTER TABLE t ADD b smallserial"),
    ("0A000", "ALTER TABLE t ALTER a TYPE int2"),
    ("42704", "CREATE TABLE n (a xml)"),
    ("42704", "CREATE TABLE n (a pg_catalog.inet)"),
    ("42704", "ALTER TABLE t ADD b cidr"),
    ("42704", "SELECT '1'::money"),
    ("42704", "SELECT CAST(NULL AS int4range)"),
    ("42704", "CREATE TABLE n (a macaddr8[])"),
    ("42704", "CREATE DOMAIN d AS tstzmultirange"),
    ("0A000", "CREATE TABLE n (a int[][])"),
    (
        "0A000",
        "ALTER TABLE t ALTER a ADD GENERATED ALWAYS AS IDENTITY",
    ),
    (
        "0A000",
        "CREATE TABLE n (a int DEFAULT nextval('s'::regclass))",
    ),
    (
        "0A000",
        "ALTER TABLE t ALTER a SET DEFAULT nextval('public.s'::regclass)",
    ),
    ("0A000", "ALTER SEQUENCE s RESTART 5"),
    ("0A000", "ALTER SEQUENCE s OWNED BY t.a INCREMENT 2"),
    ("42703", "SELECT ctid FROM t"),
    ("42703", "SELECT 1 FROM t x WHERE x.xmin::text > '5'"),
    ("42883", "SELECT pg_export_snapshot()"),
    ("42883", "SELECT lo_create(0)"),
    ("42883", "SELECT hashtext('a')"),
    ("0A000", "SELECT * FROM t TABLESAMPLE SYSTEM (10)"),
    ("42704", "CREATE INDEX ON t USING brin (a)"),
    (
        "42704",
        "CREATE FUNCTION f() RETURNS int LANGUAGE plperl AS 'return 1'",
    ),
    (
        "0A000",
        "DO $$ BEGIN WHILE true LOOP NULL; END LOOP; END $$",
    ),
    ("0A000", "DO $$ BEGIN EXECUTE 'SELECT 1'; END $$"),
    (
        "0A000",
        "DO $$ BEGIN FOR i IN 1..2 LOOP EXECUTE 'SELECT 1'; END LOOP; END $$",
    ),
    (
        "0A000",
        "DO $$ BEGIN NULL; EXCEPTION WHEN others THEN NULL; END $$",
    ),
    (
        "0A000",
        "DO $$ DECLARE c CURSOR FOR SELECT 1; BEGIN NULL; END $$",
    ),
    ("22023", "SET client_encoding = 'LATIN1'"),
    (
        "0A000",
        "WITH x AS (SELECT 1) SELECT 1; CREATE RULE r AS ON INSERT TO t DO NOTHING",
    ),
];

/// What looks alike and exists there.
const ACCEPTED: &[&str] = &[
    "CREATE TABLE a1 (a int PRIMARY KEY, b text[], c numeric(30,5), d jsonb, e uuid, f bytea)",
    "CREATE TABLE a2 (a bigint DEFAULT nextval('s'), b bigint GENERATED ALWAYS AS IDENTITY)",
    "CREATE TABLE a3 (a bigserial, b varchar(5), c timestamptz, d interval, e time, f tsvector)",
    "CREATE TYPE mood AS ENUM ('happy', 'sad')",
    "ALTER SEQUENCE s OWNED BY t.a",
    "SELECT setval('s', 5)",
    "TRUNCATE t",
    "BEGIN ISOLATION LEVEL REPEATABLE READ; COMMIT",
    "BEGIN; SAVEPOINT a; ROLLBACK TO a; COMMIT",
    "COPY t TO STDOUT",
    "COPY t (a) TO STDOUT (FORMAT csv, HEADER, DELIMITER ';', NULL 'x', QUOTE '\"', ESCAPE '\\')",
    "SET statement_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
    "SET client_encoding TO 'utf-8'",
    "CREATE INDEX ON t USING gin (to_tsvector('simple', a::text))",
    "CREATE VIEW v AS SELECT a FROM t",
    "SELECT md5('a'), gen_random_uuid()",
    "SELECT pg_try_advisory_lock(1)",
    "CREATE FUNCTION f(a int) RETURNS int LANGUAGE plpgsql AS \
     'BEGIN IF a > 1 THEN RETURN 2; END IF; FOR i IN 1..2 LOOP PERFORM i; END LOOP; RETURN 1; END'",
    "SELECT relname::text, relkind FROM pg_class WHERE oid = 't'::regclass",
    "SELECT 'ctid', 'xml'::text AS inet",
    "SET search_path = ''",
];

fn with_tables(standin: &Standin) -> Raw {
    let mut session = Raw::standin(standin);
    session.outcome("CREATE TABLE t (a int); CREATE TABLE u (a int); CREATE SEQUENCE s");
    session
}

#[test]
fn what_is_documented_as_missing_is_refused_with_its_sqlstate() {
    let standin = start();
    let mut session = with_tables(&standin);
    let wrong: Vec<_> = REFUSED
        .iter()
        .map(|(expected, sql)| (*expected, session.outcome(sql), *sql))
        .filter(|(expected, outcome, _)| expected != outcome)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_documented_as_there_is_accepted() {
    let standin = start();
    let mut session = with_tables(&standin);
    let refused: Vec<_> = ACCEPTED
        .iter()
        .map(|sql| (session.outcome(sql), *sql))
        .filter(|(outcome, _)| outcome.len() == 5 && outcome.chars().any(|c| c.is_ascii_digit()))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn a_refusal_inside_a_transaction_aborts_it() {
    let standin = start();
    let mut session = with_tables(&standin);
    session.outcome("BEGIN; INSERT INTO t VALUES (1)");
    let answer = session.query("TRUNCATE t CASCADE").expect("answer");
    assert_eq!(outcome(&answer), "0A000");
    assert_eq!(
        answer.last().map(|ready| ready.body.clone()),
        Some(b"E".to_vec())
    );
    assert_eq!(session.outcome("TRUNCATE t CASCADE"), "25P02");
    assert_eq!(session.outcome("COMMIT"), "ROLLBACK");
    assert_eq!(session.value("SELECT count(*) FROM t"), "0");
}

#[test]
fn statements_before_a_refused_one_of_the_same_query_are_rolled_back_with_it() {
    let standin = start();
    let mut session = with_tables(&standin);
    assert_eq!(
        session.outcome("INSERT INTO t VALUES (1); TRUNCATE t, u; SELECT 1"),
        "0A000"
    );
    assert_eq!(session.value("SELECT count(*) FROM t"), "0");
}

#[test]
fn the_extended_protocol_works_and_is_judged_alike() {
    let standin = start();
    let mut session = with_tables(&standin);
    let mut ask = |sql: &str| {
        session
            .send(&message_of(b'P', format!("\0{sql}\0\0\0").as_bytes()))
            .unwrap();
        session
            .send(&message_of(b'B', b"\0\0\0\0\0\0\0\0"))
            .unwrap();
        session.send(&message_of(b'E', b"\0\0\0\0\0")).unwrap();
        session.send(&message_of(b'S', b"")).unwrap();
        outcome(&session.until_ready().unwrap())
    };
    assert_eq!(ask("SELECT 1"), "SELECT 1");
    assert_eq!(ask("SELECT ctid FROM t"), "42703");
    assert_eq!(ask("COPY t FROM STDIN"), "0A000");
    assert_eq!(ask("SELECT 2"), "SELECT 1");
}

#[test]
fn a_statement_cannot_hide_behind_its_depth_or_its_size() {
    let standin = start();
    let mut session = with_tables(&standin);
    let deep = format!("'a' {}", "|| 'b' ".repeat(500));
    assert_eq!(session.outcome(&format!("SELECT {deep}")), "SELECT 1");
    assert_eq!(
        session.outcome(&format!("SELECT {deep}, ctid FROM t")),
        "0A000"
    );
    assert_eq!(
        session.outcome(&format!("CREATE VIEW v AS SELECT {deep}")),
        "54001"
    );
    let rows = "(1), ".repeat(20_000);
    assert_eq!(
        session.outcome(&format!("INSERT INTO t VALUES {rows} (2)")),
        "INSERT 0 20001"
    );
    let hidden = format!("INSERT INTO t VALUES {rows} ('2'::money::int)");
    assert_eq!(session.outcome(&hidden), "42704");
}

#[test]
fn stored_timestamps_are_cut_to_milliseconds_and_the_cutter_stays_hidden() {
    let standin = start();
    let mut session = Raw::standin(&standin);
    session.outcome(
        "CREATE DOMAIN moment AS timestamp;
         CREATE TABLE t (a timestamp DEFAULT '2020-01-01 00:00:00.123999', b timestamptz,
                         c timestamp[], d moment, e text)",
    );
    let row = "1969-12-31 23:59:59.999999\t2020-06-01 12:00:00.000999+02\t\
               [0:1]={\"2020-01-01 00:00:00.9999\",NULL}\t0044-03-15 01:02:03.456789 BC\t.123456\n";
    let sql = "COPY t FROM STDIN";
    assert_eq!(outcome(&session.copy(sql, row).unwrap()), "COPY 1");
    session.outcome("SET timezone = 'UTC'");
    assert_eq!(
        session.value("SELECT t::text FROM t"),
        "(\"1969-12-31 23:59:59.999\",\"2020-06-01 10:00:00+00\",\
         \"[0:1]={\"\"2020-01-01 00:00:00.999\"\",NULL}\",\"0044-03-15 01:02:03.456 BC\",.123456)"
    );
    session.outcome("DELETE FROM t; INSERT INTO t (b) VALUES ('infinity')");
    assert_eq!(
        session.value("SELECT a::text FROM t"),
        "2020-01-01 00:00:00.123"
    );
    session.outcome("UPDATE t SET a = '23:59:59.9999'::time + date '2020-01-01'");
    assert_eq!(
        session.value("SELECT a::text FROM t"),
        "2020-01-01 23:59:59.999"
    );
    assert_eq!(session.value("SELECT b::text FROM t"), "infinity");
    let visible = "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal";
    assert_eq!(session.value(visible), "0");
}

#[test]
fn an_array_of_two_dimensions_is_stored_only_where_asked() {
    for (multidimensional, outcome) in [(false, "0A000"), (true, "INSERT 0 1")] {
        let standin = start_with(|limits| limits.multidimensional_arrays = multidimensional);
        let mut session = Raw::standin(&standin);
        session.outcome("CREATE TABLE t (a int[], b timestamp[])");
        assert_eq!(
            session.outcome("INSERT INTO t VALUES ('{1,2}', '{}')"),
            "INSERT 0 1"
        );
        assert_eq!(
            session.outcome("INSERT INTO t VALUES ('{{1,2}}', NULL)"),
            outcome
        );
        assert_eq!(
            session.outcome("INSERT INTO t VALUES (NULL, '{{epoch}}')"),
            outcome
        );
    }
}

#[test]
fn a_primary_key_comes_before_the_rows_unless_told_otherwise() {
    for (late_primary_key, late) in [(false, "0A000"), (true, "ALTER TABLE")] {
        let standin = start_with(|limits| limits.late_primary_key = late_primary_key);
        let mut session = Raw::standin(&standin);
        session.outcome("CREATE TABLE t (a int NOT NULL)");
        assert_eq!(
            session.outcome("ALTER TABLE t ADD PRIMARY KEY (a)"),
            "ALTER TABLE"
        );
        session.outcome("INSERT INTO t VALUES (1)");
        assert_eq!(session.outcome("ALTER TABLE t ADD b int"), "ALTER TABLE");
        session.outcome("CREATE TABLE u AS SELECT 1 AS a");
        assert_eq!(session.outcome("ALTER TABLE u ADD PRIMARY KEY (a)"), late);
    }
}

#[test]
fn timestamps_stored_by_ddl_are_cut_as_well() {
    let standin = start();
    let mut session = Raw::standin(&standin);
    session.outcome("CREATE TABLE a AS SELECT timestamp '2020-01-01 00:00:00.9999' AS m");
    assert_eq!(
        session.value("SELECT m::text FROM a"),
        "2020-01-01 00:00:00.999"
    );
    session.outcome("ALTER TABLE a ADD n timestamp DEFAULT '2020-01-01 00:00:00.1239'");
    assert_eq!(
        session.value("SELECT n::text FROM a"),
        "2020-01-01 00:00:00.123"
    );
    session.outcome("ALTER TABLE a RENAME n TO \"N 'x'\"; INSERT INTO a DEFAULT VALUES");
    assert_eq!(
        session.value("SELECT count(*) FROM a WHERE \"N 'x'\"::text LIKE '%.123'"),
        "2"
    );
    session.outcome("CREATE TABLE b (x text); INSERT INTO b VALUES ('2020-01-01 00:00:00.7777')");
    session.outcome("ALTER TABLE b ALTER x TYPE timestamp USING x::timestamp");
    assert_eq!(
        session.value("SELECT x::text FROM b"),
        "2020-01-01 00:00:00.777"
    );
    session.outcome("CREATE TEMP TABLE c (m timestamp); INSERT INTO c VALUES ('epoch'::timestamp)");
    assert_eq!(
        session.outcome("UPDATE c SET m = m + interval '0.0009 s'"),
        "UPDATE 1"
    );
    assert_eq!(
        session.value("SELECT m::text FROM c"),
        "1970-01-01 00:00:00"
    );
}

#[test]
fn timestamps_are_rounded_or_kept_where_asked() {
    for (digits, stored) in [
        (TimestampDigits::RoundToMilliseconds, "2020-01-02 00:00:00"),
        (TimestampDigits::Microseconds, "2020-01-01 23:59:59.999999"),
    ] {
        let standin = start_with(|limits| limits.timestamp_digits = digits);
        let mut session = Raw::standin(&standin);
        session.outcome("CREATE TABLE t (a timestamp, b timestamptz[])");
        session.outcome("INSERT INTO t VALUES ('2020-01-01 23:59:59.999999', '{epoch}')");
        assert_eq!(session.value("SELECT a::text FROM t"), stored);
    }
}

#[test]
fn a_line_above_the_limit_fails_the_copy_wherever_messages_are_cut() {
    for pieces in [1, 3, 11] {
        let standin = start_with(|limits| limits.line_bytes = 20);
        let mut session = Raw::standin(&standin);
        session.outcome("CREATE TABLE t (a text)");
        for (length, expected) in [(20, "COPY 3"), (21, "54000")] {
            session.query("COPY t FROM STDIN").unwrap();
            let data = format!("a\n{}\nb\n", "x".repeat(length));
            for piece in data.as_bytes().chunks(data.len().div_ceil(pieces)) {
                session.send(&message_of(b'd', piece)).unwrap();
            }
            session.send(&message_of(b'c', b"")).unwrap();
            assert_eq!(
                outcome(&session.until_ready().unwrap()),
                expected,
                "{pieces} {length}"
            );
        }
        assert_eq!(session.value("SELECT count(*) FROM t"), "3");
    }
}

#[test]
fn timeouts_are_scaled_and_set_lifts_them_unless_told_otherwise() {
    for (change, survives) in [
        (TimeoutChange::Allowed, true),
        (TimeoutChange::Ignored, false),
        (TimeoutChange::Refused, false),
    ] {
        let standin = start_with(|limits| {
            limits.time_scale = 0.2 / 60.0;
            limits.timeout_change = change;
        });
        let mut session = Raw::standin(&standin);
        assert_eq!(session.outcome("SELECT pg_sleep(1)"), "57014", "{change:?}");
        session.outcome("SET statement_timeout = 0");
        let lifted = session.outcome("SELECT pg_sleep(0.5)");
        assert_eq!(lifted == "SELECT 1", survives, "{change:?}: {lifted}");
    }
}

#[test]
fn a_session_idle_in_its_transaction_is_ended() {
    let standin = start_with(|limits| limits.time_scale = 0.2 / 60.0);
    let mut session = Raw::standin(&standin);
    session.outcome("BEGIN");
    let last = session.read().expect("a last word");
    assert_eq!((last.tag, last.field(b'C').as_str()), ('E', "25P03"));
    assert!(session.read().is_err());
}

#[test]
fn narrow_types_are_aliases_where_asked() {
    let standin = start_with(|limits| limits.narrow_types = NarrowTypes::Aliased);
    let mut session = Raw::standin(&standin);
    session.outcome("CREATE TABLE t (a smallint, b real, c char(5)); SELECT 1");
    session.outcome("ALTER TABLE t ADD d int2[]");
    let sql = "SELECT string_agg(format_type(atttypid, atttypmod), ',' ORDER BY attnum)
               FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0";
    let types = "integer,double precision,character varying(5),integer[]";
    assert_eq!(session.value(sql), types);
}

#[test]
fn serializable_is_downgraded_with_a_warning_where_asked() {
    let standin = start_with(|limits| limits.serializable = Serializable::Downgraded);
    let mut session = Raw::standin(&standin);
    let answer = session.query("BEGIN ISOLATION LEVEL SERIALIZABLE").unwrap();
    assert_eq!(outcome(&answer), "BEGIN");
    assert_eq!(
        session.value("SHOW transaction_isolation"),
        "repeatable read"
    );
}

#[test]
fn advisory_locks_hold_nothing() {
    let standin = start();
    let mut one = Raw::standin(&standin);
    let mut other = Raw::standin(&standin);
    assert_eq!(one.value("SELECT pg_try_advisory_lock(7)"), "t");
    assert_eq!(other.value("SELECT pg_try_advisory_lock(7)"), "t");
    assert_eq!(other.outcome("SELECT pg_advisory_lock(7)"), "SELECT 1");
}

#[test]
fn an_autocommit_copy_that_fails_leaves_rows_only_where_asked() {
    for (atomic, left) in [(true, "0"), (false, "200")] {
        let standin = start_with(|limits| limits.autocommit_copy_atomic = atomic);
        let mut session = Raw::standin(&standin);
        session.outcome("CREATE TABLE t (a int)");
        let good: String = (0..100).map(|n| format!("{n}\n")).collect();
        session.query("COPY t FROM STDIN").unwrap();
        for data in [good.as_str(), good.as_str(), "1\nbad\n"] {
            session.send(&message_of(b'd', data.as_bytes())).unwrap();
        }
        session.send(&message_of(b'c', b"")).unwrap();
        assert_eq!(outcome(&session.until_ready().unwrap()), "22P02");
        assert_eq!(session.value("SELECT count(*) FROM t"), left);
        let all = format!("{good}{good}{good}1\n");
        assert_eq!(
            outcome(&session.copy("COPY t FROM STDIN", &all).unwrap()),
            "COPY 301"
        );
    }
}

#[test]
fn a_copy_survives_its_rollback_only_where_asked() {
    for (transactional, left) in [(true, "0"), (false, "1")] {
        let standin = start_with(|limits| limits.transactional_copy = transactional);
        let mut session = Raw::standin(&standin);
        session.outcome("CREATE TABLE t (a int)");
        session.outcome("BEGIN");
        assert_eq!(
            outcome(&session.copy("COPY t FROM STDIN", "1\n").unwrap()),
            "COPY 1"
        );
        assert_eq!(session.outcome("ROLLBACK"), "ROLLBACK");
        assert_eq!(session.value("SELECT count(*) FROM t"), left);
    }
}

#[test]
fn switches_that_the_documents_leave_open_can_be_set() {
    let standin = start_with(|limits| {
        limits.terminate_backend = false;
        limits.several_statements = false;
        limits.quoted_copy_to = false;
        limits.inet_and_int4range = true;
        limits.row_level_security = true;
        limits.truncate_forms = true;
    });
    let mut session = Raw::standin(&standin);
    assert_eq!(session.outcome("SELECT pg_terminate_backend(1)"), "42883");
    assert_eq!(session.outcome("SELECT 1; SELECT 2"), "42601");
    session.outcome("CREATE TABLE \"T\" (a int)");
    assert_eq!(session.outcome("COPY \"T\" TO STDOUT"), "42P01");
    assert_eq!(
        outcome(&session.copy("COPY \"T\" FROM STDIN", "1\n").unwrap()),
        "COPY 1"
    );
    assert_eq!(
        session.outcome("CREATE TABLE u (a inet, b int4range)"),
        "CREATE TABLE"
    );
    assert_eq!(
        session.outcome("ALTER TABLE u ENABLE ROW LEVEL SECURITY"),
        "ALTER TABLE"
    );
    assert_eq!(
        session.outcome("TRUNCATE \"T\", u RESTART IDENTITY CASCADE"),
        "TRUNCATE TABLE"
    );
}

#[test]
fn dml_over_many_rows_is_refused_until_the_limit_is_lifted() {
    let standin = start_with(|limits| limits.dml_table_scan_max_rows = Some(3));
    let mut session = Raw::standin(&standin);
    session.outcome("CREATE TABLE t (a int PRIMARY KEY)");
    session.outcome("INSERT INTO t SELECT generate_series(1, 10)");
    assert_eq!(session.value("SHOW db9.dml_table_scan_max_rows"), "3");
    assert_eq!(session.outcome("DELETE FROM t"), "54000");
    assert_eq!(session.outcome("UPDATE t SET a = -a"), "54000");
    assert_eq!(session.outcome("DELETE FROM t WHERE a <= 3"), "DELETE 3");
    session.outcome("BEGIN");
    session.outcome("SET LOCAL db9.dml_table_scan_max_rows = 0");
    assert_eq!(session.outcome("DELETE FROM t WHERE a <= 7"), "DELETE 4");
    session.outcome("COMMIT");
    session.outcome("INSERT INTO t SELECT generate_series(11, 20)");
    assert_eq!(
        session.outcome("DELETE FROM t"),
        "54000",
        "SET LOCAL is over"
    );
    let triggers = "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal";
    assert_eq!(session.value(triggers), "0", "they stay hidden");
    let standin = start_with(|limits| limits.dml_table_scan_max_rows = None);
    let mut session = Raw::standin(&standin);
    let set = "SET db9.dml_table_scan_max_rows = 0";
    assert_eq!(session.outcome(set), "42704");
}

#[test]
fn the_log_knows_what_was_said() {
    let standin = start();
    let mut session = with_tables(&standin);
    standin.log().clear();
    session.outcome("BEGIN; TRUNCATE t, u");
    session.outcome("ROLLBACK");
    session.copy("COPY t FROM STDIN", "1\n2\n").unwrap();
    let log = standin.log();
    assert_eq!(log.texts("CopyStmt"), ["COPY t FROM STDIN"]);
    assert_eq!(log.texts("TransactionStmt"), ["BEGIN", "ROLLBACK"]);
    let refused = log
        .statements()
        .iter()
        .find(|s| s.kind == "TruncateStmt")
        .unwrap()
        .refused
        .clone();
    assert_eq!(refused.as_deref(), Some("0A000"));
    assert_eq!((log.lines_sent(), log.connections_opened()), (2, 1));
}

#[test]
fn what_is_not_utf8_is_refused() {
    let standin = start();
    let mut session = Raw::standin(&standin);
    session.outcome("CREATE TABLE t (a text)");
    session.query("COPY t FROM STDIN").unwrap();
    session.send(&message_of(b'd', b"\xe9\n")).unwrap();
    session.send(&message_of(b'c', b"")).unwrap();
    assert_eq!(outcome(&session.until_ready().unwrap()), "22021");
}

#[test]
fn a_copy_that_stands_still_in_its_transaction_is_ended_unless_the_timeout_was_lifted() {
    let standin = start_with(|limits| limits.time_scale = 1.0 / 60.0);
    let mut session = Raw::standin(&standin);
    session.outcome("SET statement_timeout = 0; CREATE TABLE t (a int)");
    for (set, ended) in [
        ("SET LOCAL idle_in_transaction_session_timeout = 0", false),
        ("", true),
    ] {
        session.outcome(&format!("BEGIN; {set}"));
        session.query("COPY t FROM STDIN").unwrap();
        for _ in 0..3 {
            std::thread::sleep(Duration::from_millis(400));
            session.send(&message_of(b'd', b"1\n")).unwrap();
        }
        std::thread::sleep(Duration::from_millis(1500));
        let _ = session.send(&message_of(b'c', b""));
        let expected = if ended { "25P03" } else { "COPY 3" };
        assert_eq!(outcome(&[session.read().unwrap()]), expected);
        if !ended {
            session.until_ready().unwrap();
            assert_eq!(session.outcome("ROLLBACK"), "ROLLBACK");
        }
    }
    assert_eq!(standin.database().count("t").expect("count"), 0);
}

#[test]
fn a_transaction_above_its_limit_fails_with_54000() {
    let standin = start_with(|limits| limits.transaction_bytes = Some(10));
    let mut session = Raw::standin(&standin);
    session.outcome("CREATE TABLE t (a int)");
    for (second, expected) in [("12345\n", "54000"), ("1234\n", "COPY 1")] {
        session.outcome("BEGIN");
        assert_eq!(
            outcome(&session.copy("COPY t FROM STDIN", "1234\n").unwrap()),
            "COPY 1"
        );
        assert_eq!(
            outcome(&session.copy("COPY t FROM STDIN", second).unwrap()),
            expected
        );
        session.outcome("ROLLBACK");
    }
}

/// A statement that uses a feature; all run one after another on one database.
fn using(feature: Undocumented) -> &'static str {
    match feature {
        Undocumented::Domain => "CREATE DOMAIN d AS int CHECK (VALUE > 0)",
        Undocumented::CompositeType => "CREATE TYPE ct AS (a int, b text)",
        Undocumented::Collate => "CREATE TABLE u1 (a text COLLATE \"C\")",
        Undocumented::Unlogged => "CREATE UNLOGGED TABLE u2 (a int)",
        Undocumented::StorageParameter => "CREATE TABLE u3 (a int) WITH (fillfactor = 70)",
        Undocumented::GeneratedColumn => {
            "CREATE TABLE u4 (a int, b int GENERATED ALWAYS AS (a + 1) STORED)"
        }
        Undocumented::Deferrable => {
            "CREATE TABLE u5 (a int, CONSTRAINT u5a UNIQUE (a) DEFERRABLE INITIALLY DEFERRED)"
        }
        Undocumented::Exclude => "CREATE TABLE u6 (a int, EXCLUDE USING btree (a WITH =))",
        Undocumented::NotValid => "ALTER TABLE t ADD CONSTRAINT nv CHECK (id > 0) NOT VALID",
        Undocumented::NullsNotDistinct => "CREATE UNIQUE INDEX ON t (body) NULLS NOT DISTINCT",
        Undocumented::Include => "CREATE INDEX ON t (id) INCLUDE (body)",
        Undocumented::PartialIndex => "CREATE INDEX ON t (id) WHERE id > 0",
        Undocumented::ExpressionIndex => "CREATE INDEX ON t (lower(body))",
        Undocumented::IndexOrdering => "CREATE INDEX ON t (id DESC)",
        Undocumented::OperatorClass => "CREATE INDEX ON t (body text_pattern_ops)",
        Undocumented::MaterializedView => "CREATE MATERIALIZED VIEW mv AS SELECT 1 AS a",
        Undocumented::Trigger => {
            "CREATE TRIGGER tr BEFORE UPDATE ON t FOR EACH ROW \
             EXECUTE FUNCTION suppress_redundant_updates_trigger()"
        }
        Undocumented::StatementTrigger => {
            "CREATE TRIGGER ts AFTER UPDATE ON t EXECUTE FUNCTION nothing()"
        }
        Undocumented::Procedure => "CREATE PROCEDURE pr() LANGUAGE sql AS 'SELECT 1'",
        Undocumented::SqlBody => "CREATE FUNCTION sb() RETURNS int RETURN 1",
        Undocumented::Aggregate => "CREATE AGGREGATE ag(int) (SFUNC = int4pl, STYPE = int)",
        Undocumented::CustomOperator => {
            "CREATE OPERATOR === (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int)"
        }
        Undocumented::ExtendedStatistics => "CREATE STATISTICS es ON id, body FROM t",
        Undocumented::Comment => "COMMENT ON TABLE t IS 'a table'",
        Undocumented::Analyze => "ANALYZE t",
    }
}

#[test]
fn what_the_documents_do_not_mention_is_there_unless_told_otherwise() {
    let standin = start();
    let refusing = start_with(|limits| limits.refused = Undocumented::ALL.to_vec());
    let table = "CREATE TABLE t (id int PRIMARY KEY, body text)";
    let function = "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS \
                    $$ BEGIN RETURN NULL; END $$";
    for server in [&standin, &refusing] {
        psql(&server.uri(), table).expect("a table");
        psql(&server.uri(), function).expect("a function");
    }
    for feature in Undocumented::ALL {
        let sql = using(feature);
        psql(&standin.uri(), sql).unwrap_or_else(|e| panic!("{feature:?}: {e}"));
        let refused = psql(&refusing.uri(), sql).expect_err("it is refused");
        assert!(
            refused.contains("is not supported"),
            "{feature:?}: {refused}"
        );
    }
}

#[test]
fn each_feature_that_no_document_mentions_is_a_switch_of_its_own() {
    for feature in [
        Undocumented::Domain,
        Undocumented::PartialIndex,
        Undocumented::Analyze,
    ] {
        let standin = start_with(|limits| limits.refused = vec![feature]);
        psql(
            &standin.uri(),
            "CREATE TABLE t (id int PRIMARY KEY, body text)",
        )
        .expect("a table");
        for other in [
            Undocumented::Domain,
            Undocumented::PartialIndex,
            Undocumented::Analyze,
        ] {
            let refused = psql(&standin.uri(), using(other)).is_err();
            assert_eq!(refused, other == feature, "{feature:?}: {other:?}");
        }
    }
}
