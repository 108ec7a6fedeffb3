//! What the stand-in enforces, as data. The sources are the public documents summed up in the
//! project's notes on DB9: *guide* (the DB9 guide "Migrate from PostgreSQL"), *db9* (other pages of
//! its documentation, early 2026), *stg* (their staging copy, later) and *tidb* (the documentation of
//! PingCAP's "PostgreSQL-compatible TiDB Cloud Starter", autumn 2026). They disagree: the defaults
//! follow the guide, then the stricter page, and the later pages are switches.

use std::time::Duration;

/// How the stand-in proves who its clients are. (Which of them DB9 uses is not documented.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PasswordExchange {
    /// The password itself, inside TLS.
    #[default]
    Cleartext,
    /// The MD5 exchange.
    Md5,
    /// SCRAM-SHA-256.
    Scram,
    /// SCRAM-SHA-256, and SCRAM-SHA-256-PLUS offered before it.
    ScramPlus,
}

/// What happens to timestamps that are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimestampDigits {
    /// Three fraction digits, the rest cut off (guide, db9, stg: "millisecond precision").
    #[default]
    CutToMilliseconds,
    /// Three fraction digits, rounded (no page excludes it).
    RoundToMilliseconds,
    /// All six (tidb).
    Microseconds,
}

/// What becomes of int2, float4 and char(n) as types of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NarrowTypes {
    /// An error (db9: "use integer / double precision / varchar").
    #[default]
    Refused,
    /// int4, float8 and varchar(n) (stg, tidb).
    Aliased,
}

/// What a session can do about a timeout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeoutChange {
    /// SET works (db9, tidb).
    #[default]
    Allowed,
    /// SET is an error.
    Refused,
    /// SET says that it worked, and changes nothing.
    Ignored,
}

/// What SERIALIZABLE does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Serializable {
    /// An error (guide).
    #[default]
    Refused,
    /// A warning, and REPEATABLE READ (a later page).
    Downgraded,
}

/// A feature of which no document says whether it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undocumented {
    /// CREATE DOMAIN.
    Domain,
    /// CREATE TYPE … AS (…).
    CompositeType,
    /// COLLATE of a column or index.
    Collate,
    /// CREATE UNLOGGED TABLE.
    Unlogged,
    /// WITH (…) of a table or index.
    StorageParameter,
    /// GENERATED ALWAYS AS (…) STORED.
    GeneratedColumn,
    /// DEFERRABLE and constraint triggers.
    Deferrable,
    /// EXCLUDE.
    Exclude,
    /// NOT VALID.
    NotValid,
    /// NULLS NOT DISTINCT.
    NullsNotDistinct,
    /// INCLUDE.
    Include,
    /// WHERE of an index.
    PartialIndex,
    /// An expression as part of an index.
    ExpressionIndex,
    /// DESC, NULLS FIRST, NULLS LAST of an index.
    IndexOrdering,
    /// An operator class of an index.
    OperatorClass,
    /// CREATE MATERIALIZED VIEW.
    MaterializedView,
    /// CREATE TRIGGER.
    Trigger,
    /// FOR EACH STATEMENT.
    StatementTrigger,
    /// CREATE PROCEDURE.
    Procedure,
    /// BEGIN ATOMIC and RETURN as a body.
    SqlBody,
    /// CREATE AGGREGATE.
    Aggregate,
    /// Operators, casts, operator classes, collations, text-search objects.
    CustomOperator,
    /// CREATE STATISTICS.
    ExtendedStatistics,
    /// COMMENT ON.
    Comment,
    /// ANALYZE.
    Analyze,
}

impl Undocumented {
    /// All of them.
    pub const ALL: [Self; 25] = [
        Self::Domain,
        Self::CompositeType,
        Self::Collate,
        Self::Unlogged,
        Self::StorageParameter,
        Self::GeneratedColumn,
        Self::Deferrable,
        Self::Exclude,
        Self::NotValid,
        Self::NullsNotDistinct,
        Self::Include,
        Self::PartialIndex,
        Self::ExpressionIndex,
        Self::IndexOrdering,
        Self::OperatorClass,
        Self::MaterializedView,
        Self::Trigger,
        Self::StatementTrigger,
        Self::Procedure,
        Self::SqlBody,
        Self::Aggregate,
        Self::CustomOperator,
        Self::ExtendedStatistics,
        Self::Comment,
        Self::Analyze,
    ];

    /// What a server that does not have it calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Domain => "a domain",
            Self::CompositeType => "a composite type",
            Self::Collate => "COLLATE",
            Self::Unlogged => "an unlogged table",
            Self::StorageParameter => "a storage parameter",
            Self::GeneratedColumn => "a generated column",
            Self::Deferrable => "a DEFERRABLE constraint",
            Self::Exclude => "an EXCLUDE constraint",
            Self::NotValid => "a NOT VALID constraint",
            Self::NullsNotDistinct => "NULLS NOT DISTINCT",
            Self::Include => "INCLUDE",
            Self::PartialIndex => "a partial index",
            Self::ExpressionIndex => "an expression index",
            Self::IndexOrdering => "an index with DESC or NULLS FIRST",
            Self::OperatorClass => "an operator class",
            Self::MaterializedView => "a materialized view",
            Self::Trigger => "a trigger",
            Self::StatementTrigger => "a statement-level trigger",
            Self::Procedure => "a procedure",
            Self::SqlBody => "an SQL-standard function body",
            Self::Aggregate => "an aggregate",
            Self::CustomOperator => "a custom operator",
            Self::ExtendedStatistics => "extended statistics",
            Self::Comment => "COMMENT",
            Self::Analyze => "ANALYZE",
        }
    }
}

/// The limits and refusals of a stand-in.
#[derive(Debug, Clone)]
pub struct Limits {
    /// What `version()` says; it contains `db9-server` (guide).
    pub version: String,
    /// Connections at one time (db9: 1,000). One more is refused with 53300.
    pub connections: usize,
    /// The longest line of a COPY FROM, bytes (db9: 32 MB, read as 32 MiB). 54000 above it.
    pub line_bytes: usize,
    /// `statement_timeout` of a new session before scaling (db9, tidb: 60 s).
    pub statement_timeout: Duration,
    /// `idle_in_transaction_session_timeout` of a new session before scaling (db9: 60 s; stg: 600 s).
    pub idle_in_transaction_timeout: Duration,
    /// The idle-in-transaction timeout also counts between two CopyData messages (db9: "a stalled
    /// COPY may be killed by it too").
    pub idle_timeout_in_copy: bool,
    /// COPY data of one transaction, bytes; 54000 above it (not documented; systems on TiKV usually
    /// stop near 100 MB). `None`: no limit.
    pub transaction_bytes: Option<u64>,
    /// Both timeouts are multiplied by this: 1/30 turns a minute into two seconds of a test.
    pub time_scale: f64,
    /// What SET can do to either timeout (db9, tidb: lift it).
    pub timeout_change: TimeoutChange,
    /// What is kept of timestamps (guide: milliseconds).
    pub timestamp_digits: TimestampDigits,
    /// int2, float4, char(n) (db9: refused; stg, tidb: aliased).
    pub narrow_types: NarrowTypes,
    /// inet and int4range exist (guide: no; tidb: in part).
    pub inet_and_int4range: bool,
    /// Arrays may have more than one dimension (tidb: no).
    pub multidimensional_arrays: bool,
    /// A primary key can be added to a table that has rows (tidb: it may be refused).
    pub late_primary_key: bool,
    /// Row-level security exists (guide: no; a later page: yes).
    pub row_level_security: bool,
    /// SERIALIZABLE (guide: an error).
    pub serializable: Serializable,
    /// TRUNCATE of several tables, CASCADE, RESTART IDENTITY, ONLY (tidb: no).
    pub truncate_forms: bool,
    /// Rows that one UPDATE or DELETE may change, `db9.dml_table_scan_max_rows`; SET to 0 lifts it (db9).
    /// It is about rows that are scanned; here those that are changed count, so that what goes by key is
    /// never refused. `None`: no limit, and no such setting.
    pub dml_table_scan_max_rows: Option<u64>,
    /// Extensions that CREATE EXTENSION accepts (guide: nine).
    pub extensions: Vec<String>,
    /// Access methods of indexes (guide: B-tree, HNSW, and GIN, GiST, Hash as table scans).
    pub index_methods: Vec<String>,
    /// A COPY outside a transaction block leaves nothing behind when it fails (not documented, and
    /// on such engines often untrue). `false`: rows before the failing ones stay, in text format.
    pub autocommit_copy_atomic: bool,
    /// A COPY inside a transaction block is rolled back with it (expected, to be probed). `false`:
    /// the end of a COPY commits all that its transaction did so far.
    pub transactional_copy: bool,
    /// `pg_terminate_backend` exists (not documented).
    pub terminate_backend: bool,
    /// One simple Query may hold several statements (not documented).
    pub several_statements: bool,
    /// COPY TO works for a table whose name needs quotes ("do not rely on").
    pub quoted_copy_to: bool,
    /// Features that are refused, of those of which no document says whether they are there.
    pub refused: Vec<Undocumented>,
    /// Functions that do not exist there: not documented, or documented as missing.
    pub missing_functions: Vec<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            version: "PostgreSQL 15.0 (db9-server 0.9.0) compatible, stand-in".to_owned(),
            connections: 1_000,
            line_bytes: 32 * 1024 * 1024,
            statement_timeout: Duration::from_secs(60),
            idle_in_transaction_timeout: Duration::from_secs(60),
            idle_timeout_in_copy: true,
            transaction_bytes: None,
            time_scale: 1.0,
            timeout_change: TimeoutChange::Allowed,
            timestamp_digits: TimestampDigits::CutToMilliseconds,
            narrow_types: NarrowTypes::Refused,
            inet_and_int4range: false,
            multidimensional_arrays: false,
            late_primary_key: false,
            row_level_security: false,
            serializable: Serializable::Refused,
            truncate_forms: false,
            dml_table_scan_max_rows: Some(10_000),
            extensions: owned(&EXTENSIONS),
            index_methods: owned(&["btree", "hnsw", "gin", "gist", "hash"]),
            autocommit_copy_atomic: true,
            transactional_copy: true,
            terminate_backend: true,
            several_statements: true,
            quoted_copy_to: true,
            refused: Vec::new(),
            missing_functions: owned(&MISSING_FUNCTIONS),
        }
    }
}

impl Limits {
    /// Everything that may be missing is missing.
    #[must_use]
    pub fn strictest() -> Self {
        Limits {
            refused: Undocumented::ALL.to_vec(),
            index_methods: owned(&["btree", "hnsw"]),
            ..Limits::default()
        }
    }

    /// Everything that the later pages have is there.
    #[must_use]
    pub fn latest() -> Self {
        Limits {
            timestamp_digits: TimestampDigits::Microseconds,
            narrow_types: NarrowTypes::Aliased,
            inet_and_int4range: true,
            row_level_security: true,
            serializable: Serializable::Downgraded,
            index_methods: owned(&["btree", "hnsw", "gin"]),
            ..Limits::default()
        }
    }
}

/// guide, "Extensions".
const EXTENSIONS: [&str; 9] = [
    "http",
    "uuid-ossp",
    "hstore",
    "fs9",
    "pg_cron",
    "parquet",
    "zhparser",
    "vector",
    "embedding",
];

/// Snapshots, large objects (tidb: none), server-side files, notifications (guide: none), and hash
/// functions other than md5.
const MISSING_FUNCTIONS: [&str; 33] = [
    "pg_export_snapshot",
    "pg_notify",
    "pg_listening_channels",
    "lo_creat",
    "lo_create",
    "lo_from_bytea",
    "lo_export",
    "lo_import",
    "lo_open",
    "lo_close",
    "lo_get",
    "lo_put",
    "lo_lseek",
    "lo_lseek64",
    "lo_tell",
    "lo_tell64",
    "lo_truncate",
    "lo_truncate64",
    "lo_unlink",
    "loread",
    "lowrite",
    "pg_read_file",
    "pg_read_binary_file",
    "pg_ls_dir",
    "hashtext",
    "hashtextextended",
    "hash_record",
    "hash_record_extended",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
    "pg_relation_filenode",
];

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
