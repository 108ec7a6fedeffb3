//! Documented defaults: the only place of the program that holds a number of DB9.
//!
//! Collected 2026-11-23. `guide` is the DB9 guide "Migrate from PostgreSQL"; `db9` are other pages of
//! the DB9 documentation (early 2026); `stg` is their staging copy (later); `tidb` is the
//! documentation of "PostgreSQL-compatible TiDB Cloud Starter" (autumn 2026), believed to be the same
//! engine. The pages disagree, so each value is what a loader can rely on where nothing was probed.

use super::{Fact, Profile, ServerKind, TypeAnswer};

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
            types: documented(db9_types(), GUIDE),
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
