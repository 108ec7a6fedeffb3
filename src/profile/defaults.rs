//! Documented defaults: the only place of the program that holds a number of DB9.
//!
//! Collected 2026-11-23. `guide` is the DB9 guide "Migrate from PostgreSQL"; `db9` are other pages of
//! the DB9 documentation (early 2026); `stg` is their staging copy (later); `tidb` is the
//! documentation of "PostgreSQL-compatible TiDB Cloud Starter" (autumn 2026), believed to be the same
//! engine. The pages disagree, so each value is what a loader can rely on where nothing was probed.

use super::{Fact, MethodAnswer, Profile, ServerKind, TypeAnswer};

const GUIDE: &str = "DB9 guide \"Migrate from PostgreSQL\", 2026-11-23";
const DB9: &str = "DB9 documentation, early 2026";
const TIDB: &str = "TiDB Cloud Starter documentation, autumn 2026";
const POSTGRESQL: &str = "PostgreSQL documentation, version 15";

impl Profile {
    /// What DB9's documents say.
    pub fn db9_documented() -> Self {
        Self {
            server: documented(ServerKind::Db9, GUIDE),
            // Microseconds on a later page (`tidb`): only a probe can tell.
            timestamp_digits: documented(3, GUIDE),
            timestamptz_digits: documented(3, GUIDE),
            time_digits: documented(6, DB9),
            // "Months apart from a millisecond part".
            interval_digits: documented(3, DB9),
            max_line_bytes: documented(32_000_000, DB9),
            statement_timeout_ms: documented(60_000, DB9),
            statement_timeout_lifts: documented(true, DB9),
            // 600 s in `stg`: the smaller one is safe under either.
            idle_in_transaction_timeout_ms: documented(60_000, DB9),
            max_connections: documented(1_000, DB9),
            dml_scan_max_rows: documented(10_000, DB9),
            repeatable_read: documented(true, GUIDE),
            copy_query_to: documented(false, TIDB),
            // 28 to 29 digits.
            numeric_digits: documented(28, DB9),
            multi_dimensional_arrays: documented(false, TIDB),
            identity_by_alter: documented(false, TIDB),
            // "SERIAL, BIGSERIAL, and GENERATED ALWAYS AS IDENTITY columns work."
            identity_in_create: documented(true, GUIDE),
            types: documented(db9_types(), GUIDE),
            extensions: documented(owned(&DB9_EXTENSIONS), GUIDE),
            index_methods: documented(db9_index_methods(), GUIDE),
            enums: documented(true, DB9),
            enum_declaration_order: documented(false, DB9),
            collations: documented(false, DB9),
            partitioning: documented(false, GUIDE),
            inheritance: documented(false, GUIDE),
            // A later page has it: only a probe can tell.
            row_level_security: documented(false, GUIDE),
            rules: documented(false, DB9),
            foreign_data: documented(false, GUIDE),
            publications: documented(false, GUIDE),
            tablespaces: documented(false, DB9),
            large_objects: documented(false, TIDB),
            nextval_regclass: documented(false, TIDB),
            sequence_options: documented(true, TIDB),
            late_primary_key: documented(false, TIDB),
            view_depth: documented(64, DB9),
            languages: documented(owned(&["sql", "plpgsql"]), DB9),
            plpgsql_missing: documented(owned(&PLPGSQL_MISSING), GUIDE),
            listen_notify: documented(false, GUIDE),
            advisory_locks_global: documented(false, GUIDE),
            serializable: documented(false, GUIDE),
            identifier_bytes: documented(63, DB9),
            ..Self::default()
        }
    }

    /// What PostgreSQL does, in the versions that are supported.
    pub fn postgresql() -> Self {
        let yes = || documented(true, POSTGRESQL);
        Self {
            server: documented(ServerKind::Postgresql, POSTGRESQL),
            timestamp_digits: documented(6, POSTGRESQL),
            timestamptz_digits: documented(6, POSTGRESQL),
            time_digits: documented(6, POSTGRESQL),
            interval_digits: documented(6, POSTGRESQL),
            // The limit of a field and of a message, less room for the rest of the row.
            max_line_bytes: documented(1_000_000_000, POSTGRESQL),
            statement_timeout_lifts: yes(),
            idle_in_transaction_timeout_lifts: yes(),
            copy_rolls_back: yes(),
            multi_statement: yes(),
            terminate_backend: yes(),
            cancel_request: yes(),
            extra_float_digits: documented(3, POSTGRESQL),
            repeatable_read: yes(),
            skip_locked: yes(),
            copy_to_quoted_name: yes(),
            copy_query_to: yes(),
            infinity: yes(),
            bc: yes(),
            years_above_9999: yes(),
            nan: yes(),
            numeric_digits: documented(1_000, POSTGRESQL),
            multi_dimensional_arrays: yes(),
            identity_in_create: yes(),
            identity_by_alter: yes(),
            enums: yes(),
            enum_declaration_order: yes(),
            domains: yes(),
            composite_types: yes(),
            collations: yes(),
            partitioning: yes(),
            inheritance: yes(),
            row_level_security: yes(),
            rules: yes(),
            foreign_data: yes(),
            publications: yes(),
            event_triggers: yes(),
            tablespaces: yes(),
            unlogged_tables: yes(),
            large_objects: yes(),
            aggregates: yes(),
            custom_operators: yes(),
            generated_stored: yes(),
            nextval_regclass: yes(),
            sequence_options: yes(),
            late_primary_key: yes(),
            check_constraints: yes(),
            foreign_keys: yes(),
            deferrable_constraints: yes(),
            exclude_constraints: yes(),
            not_valid_constraints: yes(),
            nulls_not_distinct: yes(),
            include_columns: yes(),
            partial_indexes: yes(),
            expression_indexes: yes(),
            index_ordering: yes(),
            operator_classes: yes(),
            views: yes(),
            materialized_views: yes(),
            plpgsql_missing: documented(Vec::new(), POSTGRESQL),
            missing_functions: documented(Vec::new(), POSTGRESQL),
            procedures: yes(),
            row_triggers: yes(),
            statement_triggers: yes(),
            comments: yes(),
            analyze: yes(),
            listen_notify: yes(),
            advisory_locks_global: yes(),
            serializable: yes(),
            tablesample: yes(),
            system_columns: yes(),
            identifier_bytes: documented(63, POSTGRESQL),
            ..Self::default()
        }
    }
}

fn documented<T>(value: T, source: &str) -> Option<Fact<T>> {
    Some(Fact::documented(value, source))
}

/// The types that the guide names as not supported.
fn db9_types() -> std::collections::BTreeMap<String, TypeAnswer> {
    ["xml", "cidr", "inet", "int4range"]
        .into_iter()
        .map(|name| (name.to_owned(), TypeAnswer::Refused))
        .collect()
}

/// "Extensions" of the guide.
const DB9_EXTENSIONS: [&str; 9] = [
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

/// "It does not support: WHILE loops, EXECUTE, exception handling, cursor operations."
const PLPGSQL_MISSING: [&str; 4] = ["while", "execute", "exception", "cursor"];

/// "B-tree and HNSW full; GIN/GiST/Hash accepted but fall back to table scan". A later page (`tidb`)
/// has GIN work, and GiST, Hash, SP-GiST and BRIN refused.
fn db9_index_methods() -> std::collections::BTreeMap<String, MethodAnswer> {
    [
        ("btree", MethodAnswer::Full),
        ("hnsw", MethodAnswer::Full),
        ("gin", MethodAnswer::Scan),
        ("gist", MethodAnswer::Scan),
        ("hash", MethodAnswer::Scan),
        ("spgist", MethodAnswer::Refused),
        ("brin", MethodAnswer::Refused),
    ]
    .into_iter()
    .map(|(name, answer)| (name.to_owned(), answer))
    .collect()
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
