//! What a schema may be made of: each feature is tried on objects of the scratch schema.

use super::{Prober, Try, probed};
use crate::endpoint::error::Result;
use crate::profile::{Fact, Profile};

/// A yes-or-no field of the profile.
type Field = fn(&mut Profile) -> &mut Option<Fact<bool>>;

/// A feature, and how it shows. `{s}` is the scratch schema in each statement.
struct Feature {
    field: Field,
    /// Statements that must be taken.
    takes: &'static [&'static str],
    /// The value that the last of them must answer; empty for none.
    answers: &'static str,
    /// A statement that must then be refused as breaking a constraint; empty for none.
    refuses: &'static str,
}

/// A feature that shows by being taken.
const fn taken(field: Field, takes: &'static [&'static str]) -> Feature {
    answered(field, takes, "")
}

/// A feature that shows by the last statement's answer.
const fn answered(field: Field, takes: &'static [&'static str], answers: &'static str) -> Feature {
    Feature {
        field,
        takes,
        answers,
        refuses: "",
    }
}

/// A feature that shows by what is then refused.
const fn enforced(field: Field, takes: &'static [&'static str], refuses: &'static str) -> Feature {
    Feature {
        field,
        takes,
        answers: "",
        refuses,
    }
}

/// The table that most features are tried on.
const PLAIN: &[&str] = &[
    "CREATE TABLE {s}.plain (a integer NOT NULL PRIMARY KEY, b text)",
    "INSERT INTO {s}.plain VALUES (1, 'x')",
];

/// In an order in which none needs a later one. What lives in no schema is tried in a transaction that is
/// rolled back.
const FEATURES: &[Feature] = &[
    taken(
        |p| &mut p.enums,
        &[
            "CREATE TYPE {s}.e AS ENUM ('z', 'a')",
            "CREATE TABLE {s}.enums (v {s}.e)",
            "INSERT INTO {s}.enums VALUES ('a'), ('z')",
        ],
    ),
    answered(
        |p| &mut p.enum_declaration_order,
        &["SELECT v::text AS label FROM {s}.enums ORDER BY v LIMIT 1"],
        "z",
    ),
    enforced(
        |p| &mut p.domains,
        &[
            "CREATE DOMAIN {s}.d AS integer CHECK (VALUE > 0)",
            "CREATE TABLE {s}.domains (v {s}.d)",
            "INSERT INTO {s}.domains VALUES (1)",
        ],
        "INSERT INTO {s}.domains VALUES (-1)",
    ),
    answered(
        |p| &mut p.composite_types,
        &[
            "CREATE TYPE {s}.c AS (n integer, t text)",
            "CREATE TABLE {s}.composites (v {s}.c)",
            "INSERT INTO {s}.composites VALUES (ROW(1, 'x'))",
            "SELECT v::text FROM {s}.composites",
        ],
        "(1,x)",
    ),
    answered(
        |p| &mut p.partitioning,
        &[
            "CREATE TABLE {s}.parts (a integer) PARTITION BY RANGE (a)",
            "CREATE TABLE {s}.part PARTITION OF {s}.parts FOR VALUES FROM (0) TO (10)",
            "INSERT INTO {s}.parts VALUES (5)",
            "SELECT a FROM {s}.part",
        ],
        "5",
    ),
    answered(
        |p| &mut p.inheritance,
        &[
            "CREATE TABLE {s}.parent (a integer)",
            "CREATE TABLE {s}.child (b integer) INHERITS ({s}.parent)",
            "INSERT INTO {s}.child VALUES (1, 2)",
            "SELECT a FROM {s}.parent",
        ],
        "1",
    ),
    taken(
        |p| &mut p.row_level_security,
        &[
            "CREATE TABLE {s}.secured (a integer)",
            "ALTER TABLE {s}.secured ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY wire9_probe ON {s}.secured USING (a > 0)",
        ],
    ),
    taken(
        |p| &mut p.rules,
        &[
            "CREATE TABLE {s}.ruled (a integer)",
            "CREATE RULE wire9_probe AS ON DELETE TO {s}.ruled DO INSTEAD NOTHING",
        ],
    ),
    taken(
        |p| &mut p.foreign_data,
        &[
            "BEGIN",
            "CREATE FOREIGN DATA WRAPPER wire9_probe",
            "CREATE SERVER wire9_probe FOREIGN DATA WRAPPER wire9_probe",
            "CREATE FOREIGN TABLE {s}.far (a integer) SERVER wire9_probe",
            "ROLLBACK",
        ],
    ),
    taken(
        |p| &mut p.publications,
        &["BEGIN", "CREATE PUBLICATION wire9_probe", "ROLLBACK"],
    ),
    taken(
        |p| &mut p.event_triggers,
        &[
            "BEGIN",
            "CREATE FUNCTION {s}.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
            "CREATE EVENT TRIGGER wire9_probe ON ddl_command_end EXECUTE FUNCTION {s}.on_ddl()",
            "ROLLBACK",
        ],
    ),
    taken(
        |p| &mut p.tablespaces,
        &["CREATE TABLE {s}.placed (a integer) TABLESPACE pg_default"],
    ),
    taken(
        |p| &mut p.unlogged_tables,
        &["CREATE UNLOGGED TABLE {s}.unlogged (a integer)"],
    ),
    taken(
        |p| &mut p.large_objects,
        &["BEGIN", "SELECT lo_create(0)", "ROLLBACK"],
    ),
    answered(
        |p| &mut p.aggregates,
        &[
            "CREATE FUNCTION {s}.plus(integer, integer) RETURNS integer LANGUAGE sql AS \
             'SELECT $1 + $2'",
            "CREATE AGGREGATE {s}.total(integer) (SFUNC = {s}.plus, STYPE = integer, INITCOND = '0')",
            "SELECT {s}.total(a) FROM {s}.plain",
        ],
        "1",
    ),
    taken(
        |p| &mut p.custom_operators,
        &[
            "CREATE FUNCTION {s}.near(integer, integer) RETURNS boolean LANGUAGE sql AS \
             'SELECT abs($1 - $2) < 2'",
            "CREATE OPERATOR {s}.~~~ (LEFTARG = integer, RIGHTARG = integer, FUNCTION = {s}.near)",
            "CREATE COLLATION {s}.bytes FROM \"C\"",
            "CREATE TEXT SEARCH CONFIGURATION {s}.words (COPY = pg_catalog.simple)",
            "CREATE STATISTICS {s}.both (dependencies) ON a, b FROM {s}.plain",
        ],
    ),
    answered(
        |p| &mut p.generated_stored,
        &[
            "CREATE TABLE {s}.computed (a integer, b integer GENERATED ALWAYS AS (a * 2) STORED)",
            "INSERT INTO {s}.computed (a) VALUES (21)",
            "SELECT b FROM {s}.computed",
        ],
        "42",
    ),
    answered(
        |p| &mut p.generated_virtual,
        &[
            "CREATE TABLE {s}.unstored (a integer, b integer GENERATED ALWAYS AS (a * 2) VIRTUAL)",
            "INSERT INTO {s}.unstored (a) VALUES (21)",
            "SELECT b FROM {s}.unstored",
        ],
        "42",
    ),
    answered(
        |p| &mut p.nextval_regclass,
        &[
            "CREATE SEQUENCE {s}.seq1",
            "CREATE TABLE {s}.numbered (a bigint DEFAULT nextval('{s}.seq1'::regclass), b text)",
            "INSERT INTO {s}.numbered (b) VALUES ('x')",
            "SELECT a FROM {s}.numbered",
        ],
        "1",
    ),
    answered(
        |p| &mut p.sequence_options,
        &[
            "CREATE SEQUENCE {s}.seq2 AS integer INCREMENT BY -2 MINVALUE -100 MAXVALUE 10 \
             START WITH 10 CACHE 5 CYCLE",
            "SELECT nextval('{s}.seq2')",
            "SELECT nextval('{s}.seq2')",
        ],
        "8",
    ),
    taken(
        |p| &mut p.late_primary_key,
        &[
            "CREATE TABLE {s}.late (a integer NOT NULL)",
            "INSERT INTO {s}.late VALUES (1)",
            "ALTER TABLE {s}.late ADD PRIMARY KEY (a)",
        ],
    ),
    enforced(
        |p| &mut p.check_constraints,
        &[
            "CREATE TABLE {s}.checked (a integer CHECK (a > 0))",
            "INSERT INTO {s}.checked VALUES (1)",
        ],
        "INSERT INTO {s}.checked VALUES (-1)",
    ),
    taken(
        |p| &mut p.foreign_keys,
        &[
            "CREATE TABLE {s}.referring (a integer)",
            "INSERT INTO {s}.referring VALUES (1)",
            "ALTER TABLE {s}.referring ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES {s}.plain (a)",
        ],
    ),
    taken(
        |p| &mut p.deferrable_constraints,
        &["CREATE TABLE {s}.deferrable (a integer, UNIQUE (a) DEFERRABLE INITIALLY DEFERRED)"],
    ),
    taken(
        |p| &mut p.exclude_constraints,
        &["CREATE TABLE {s}.excluding (a integer, EXCLUDE USING btree (a WITH =))"],
    ),
    taken(
        |p| &mut p.not_valid_constraints,
        &[
            "CREATE TABLE {s}.unchecked (a integer)",
            "ALTER TABLE {s}.unchecked ADD CONSTRAINT c CHECK (a > 0) NOT VALID",
        ],
    ),
    taken(
        |p| &mut p.nulls_not_distinct,
        &["CREATE TABLE {s}.nulls (a integer, UNIQUE NULLS NOT DISTINCT (a))"],
    ),
    taken(
        |p| &mut p.include_columns,
        &["CREATE INDEX by_1 ON {s}.plain (a) INCLUDE (b)"],
    ),
    taken(
        |p| &mut p.partial_indexes,
        &["CREATE INDEX by_2 ON {s}.plain (b) WHERE a > 5"],
    ),
    taken(
        |p| &mut p.expression_indexes,
        &["CREATE INDEX by_3 ON {s}.plain (lower(b))"],
    ),
    taken(
        |p| &mut p.index_ordering,
        &["CREATE INDEX by_4 ON {s}.plain (a DESC NULLS LAST, b NULLS FIRST)"],
    ),
    taken(
        |p| &mut p.operator_classes,
        &["CREATE INDEX by_5 ON {s}.plain (b text_pattern_ops)"],
    ),
    answered(
        |p| &mut p.views,
        &[
            "CREATE VIEW {s}.seen AS SELECT a FROM {s}.plain",
            "SELECT a FROM {s}.seen",
        ],
        "1",
    ),
    answered(
        |p| &mut p.materialized_views,
        &[
            "CREATE MATERIALIZED VIEW {s}.stored AS SELECT a FROM {s}.plain",
            "REFRESH MATERIALIZED VIEW {s}.stored",
            "SELECT a FROM {s}.stored",
        ],
        "1",
    ),
    taken(
        |p| &mut p.procedures,
        &[
            "CREATE PROCEDURE {s}.work() LANGUAGE plpgsql AS 'BEGIN PERFORM 1; END'",
            "CALL {s}.work()",
        ],
    ),
    answered(
        |p| &mut p.row_triggers,
        &[
            "CREATE TABLE {s}.triggered (a integer, b text)",
            "CREATE FUNCTION {s}.touch() RETURNS trigger LANGUAGE plpgsql AS \
             'BEGIN NEW.b := ''touched''; RETURN NEW; END'",
            "CREATE TRIGGER t BEFORE INSERT ON {s}.triggered FOR EACH ROW \
             EXECUTE FUNCTION {s}.touch()",
            "INSERT INTO {s}.triggered VALUES (1, 'x')",
            "SELECT b FROM {s}.triggered",
        ],
        "touched",
    ),
    taken(
        |p| &mut p.statement_triggers,
        &[
            "CREATE TABLE {s}.watched (a integer)",
            "CREATE FUNCTION {s}.watch() RETURNS trigger LANGUAGE plpgsql AS \
             'BEGIN RETURN NULL; END'",
            "CREATE TRIGGER t AFTER INSERT ON {s}.watched FOR EACH STATEMENT \
             EXECUTE FUNCTION {s}.watch()",
            "INSERT INTO {s}.watched VALUES (1)",
        ],
    ),
    taken(
        |p| &mut p.comments,
        &["COMMENT ON TABLE {s}.plain IS 'a probe of wire9'"],
    ),
    taken(|p| &mut p.analyze, &["ANALYZE {s}.plain"]),
    taken(
        |p| &mut p.listen_notify,
        &[
            "LISTEN wire9_probe",
            "NOTIFY wire9_probe",
            "UNLISTEN wire9_probe",
        ],
    ),
    answered(
        |p| &mut p.serializable,
        &[
            "BEGIN ISOLATION LEVEL SERIALIZABLE",
            "SHOW transaction_isolation",
            "ROLLBACK",
        ],
        "serializable",
    ),
    answered(
        |p| &mut p.tablesample,
        &["SELECT a FROM {s}.plain TABLESAMPLE BERNOULLI (100)"],
        "1",
    ),
    taken(
        |p| &mut p.system_columns,
        &["SELECT ctid, xmin FROM {s}.plain"],
    ),
];

/// Tries every feature.
pub(super) async fn probe(prober: &mut Prober<'_>, schema: &str) -> Result<()> {
    if let Err(refusal) = run(prober, schema, PLAIN).await? {
        prober.note(format!(
            "no table could be created to try features on ({refusal}): they are as documented"
        ));
        return Ok(());
    }
    for feature in FEATURES {
        if let Some(there) = feature.shows(prober, schema).await? {
            *(feature.field)(&mut prober.profile) = probed(there);
        }
    }
    collations(prober, schema).await?;
    identifiers(prober, schema).await
}

impl Feature {
    /// Whether the feature is there; `None` where only the privilege for it is missing.
    async fn shows(&self, prober: &mut Prober<'_>, schema: &str) -> Result<Option<bool>> {
        let replies = match run(prober, schema, self.takes).await? {
            Ok(replies) => replies,
            Err(refusal) if refusal.code == NO_PRIVILEGE => return Ok(None),
            Err(_) => return Ok(Some(false)),
        };
        if !self.answers.is_empty() {
            let last = replies.iter().rev().find(|reply| !reply.rows.is_empty());
            let answer = last.and_then(|reply| reply.value(0));
            return Ok(Some(answer == Some(self.answers)));
        }
        if self.refuses.is_empty() {
            return Ok(Some(true));
        }
        let broken = run(prober, schema, &[self.refuses]).await?;
        Ok(Some(broken.is_err_and(|refusal| refusal.class() == "23")))
    }
}

/// SQLSTATE `insufficient_privilege`.
const NO_PRIVILEGE: &str = "42501";

/// Collations under which `a` comes before `B`, as servers call them; bytewise it comes after.
const LINGUISTIC: [&str; 4] = ["und-x-icu", "en-x-icu", "en_US.utf8", "en_US"];

/// COLLATE may be taken, and do nothing.
async fn collations(prober: &mut Prober<'_>, schema: &str) -> Result<()> {
    for name in LINGUISTIC {
        let select = format!(
            "SELECT t FROM (VALUES ('B'), ('a')) v(t) ORDER BY t COLLATE \"{name}\" LIMIT 1"
        );
        let first = prober.value("COLLATE", &[&select]).await?;
        if let Some(first) = first {
            let create = format!("CREATE TABLE {{s}}.collated (t text COLLATE \"{name}\")");
            let taken = run(prober, schema, &[&create]).await?.is_ok();
            prober.profile.collations = probed(taken && first == "a");
            return Ok(());
        }
    }
    let create = "CREATE TABLE {s}.collated (t text COLLATE \"C\")";
    if run(prober, schema, &[create]).await?.is_err() {
        prober.profile.collations = probed(false);
    }
    Ok(())
}

/// Bytes of the identifier that is tried: PostgreSQL cuts it at 63.
const LONG_IDENTIFIER: usize = 128;

/// What is left of a long name; where that can not be seen, or the name is refused, the documents stand.
async fn identifiers(prober: &mut Prober<'_>, schema: &str) -> Result<()> {
    let name = format!("long_{}", "x".repeat(LONG_IDENTIFIER - "long_".len()));
    let create = format!("CREATE TABLE {schema}.{name} (a integer)");
    let stored = format!(
        "SELECT max(octet_length(table_name::text))::text FROM information_schema.tables \
         WHERE table_schema = '{schema}' AND table_name LIKE 'long\\_%'"
    );
    let bytes = prober
        .value("a long identifier", &[&create, &stored])
        .await?;
    if let Some(bytes) = bytes.and_then(|bytes| bytes.parse().ok()) {
        prober.profile.identifier_bytes = probed(bytes);
    }
    Ok(())
}

/// Runs statements in which `{s}` stands for the schema.
pub(super) async fn run(prober: &mut Prober<'_>, schema: &str, statements: &[&str]) -> Result<Try> {
    let statements = statements.iter().map(|sql| sql.replace("{s}", schema));
    let statements: Vec<String> = statements.collect();
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    let what = statements.last().copied().unwrap_or_default();
    prober.run(&format!("`{what}`"), &statements).await
}
