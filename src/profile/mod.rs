//! What a target accepts and how long it waits: the documented defaults of DB9 as dated data, which a
//! probe of the live target overrides, which a person's `--profile FILE` overrides.

mod defaults;
mod fact;
mod toml;

use std::collections::BTreeMap;

use serde::Serialize;

pub use self::fact::{Fact, Known, MethodAnswer, Rounding, ServerKind, TypeAnswer};
pub use self::toml::ProfileError;

/// Defines [`Profile`]: each field once, with its documentation, which `wire9 probe` prints too.
macro_rules! profile {
    ($( $(#[doc = $doc:literal])+ $name:ident : $type:ty, )+) => {
        /// What is known of a server. `None` is open: neither documented nor probed nor given.
        #[derive(Debug, Clone, PartialEq, Default, Serialize)]
        pub struct Profile {
            $(
                $(#[doc = $doc])+
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $name: Option<Fact<$type>>,
            )+
        }

        impl Profile {
            /// Takes every value of `other` that is known there.
            pub fn overlay(&mut self, other: Self) {
                $( if other.$name.is_some() { self.$name = other.$name; } )+
            }

            /// Sets a field by its name; `Ok(false)` where there is no such field.
            fn set(
                &mut self,
                field: &str,
                value: ::toml::Value,
                known: Known,
            ) -> Result<bool, ::toml::de::Error> {
                match field {
                    $( stringify!($name) => {
                        self.$name = Some(Fact { value: value.try_into()?, known });
                    } )+
                    _ => return Ok(false),
                }
                Ok(true)
            }

            /// Every field: its name, its documentation, and its value where it is known.
            fn fields(&self) -> Vec<toml::Field> {
                vec![ $( toml::Field::new(
                    stringify!($name),
                    &[$($doc),+],
                    self.$name.as_ref(),
                ) ),+ ]
            }
        }
    };
}

profile! {
    /// `db9`, `postgresql` or `other`, told from `version()`.
    server: ServerKind,
    /// `version()`.
    version: String,
    /// Fraction digits of a second that a stored `timestamp` keeps, 0 to 6.
    timestamp_digits: u8,
    /// Fraction digits of a second that a stored `timestamptz` keeps, 0 to 6.
    timestamptz_digits: u8,
    /// Fraction digits of a second that a stored `time` keeps, 0 to 6.
    time_digits: u8,
    /// Fraction digits of a second that a stored `interval` keeps, 0 to 6.
    interval_digits: u8,
    /// What becomes of digits beyond those kept in timestamps: `cuts` or `rounds`.
    timestamp_rounding: Rounding,
    /// Longest line of a COPY, in bytes.
    max_line_bytes: u64,
    /// `statement_timeout` of a new session, in milliseconds; 0 is none.
    statement_timeout_ms: u64,
    /// Whether `SET LOCAL statement_timeout = 0` lifts it.
    statement_timeout_lifts: bool,
    /// `idle_in_transaction_session_timeout` of a new session, in milliseconds; 0 is none.
    idle_in_transaction_timeout_ms: u64,
    /// Whether SET LOCAL changes `idle_in_transaction_session_timeout`.
    idle_in_transaction_timeout_lifts: bool,
    /// Connections that the server takes at all, those of others included.
    max_connections: u32,
    /// Rows that one UPDATE or DELETE may scan (`db9.dml_table_scan_max_rows`).
    dml_scan_max_rows: u64,
    /// Whether a COPY inside BEGIN leaves no rows after ROLLBACK.
    copy_rolls_back: bool,
    /// Bytes of the COPY that was rolled back when that was tried.
    copy_rolled_back_bytes: u64,
    /// Whether one simple Query may hold several statements.
    multi_statement: bool,
    /// Whether `pg_terminate_backend` exists.
    terminate_backend: bool,
    /// Whether a CancelRequest ends a running statement.
    cancel_request: bool,
    /// The largest `extra_float_digits` that SET takes.
    extra_float_digits: i8,
    /// Whether `pg_export_snapshot` works.
    export_snapshot: bool,
    /// Whether BEGIN ISOLATION LEVEL REPEATABLE READ holds.
    repeatable_read: bool,
    /// Whether `FOR UPDATE SKIP LOCKED` is taken.
    skip_locked: bool,
    /// Whether `COPY … TO STDOUT` takes a table whose name needs quotes.
    copy_to_quoted_name: bool,
    /// Whether `COPY (SELECT …) TO STDOUT` is taken.
    copy_query_to: bool,
    /// Whether timestamps and dates take `infinity`.
    infinity: bool,
    /// Whether timestamps take years BC.
    bc: bool,
    /// Whether timestamps take years above 9999.
    years_above_9999: bool,
    /// Whether `float8` and `numeric` both take NaN.
    nan: bool,
    /// Significant digits that a stored `numeric` keeps exactly (1000: at least).
    numeric_digits: u32,
    /// Whether arrays of two dimensions are taken.
    multi_dimensional_arrays: bool,
    /// Whether `GENERATED … AS IDENTITY` is taken in CREATE TABLE.
    identity_in_create: bool,
    /// Whether `ALTER TABLE … ALTER … ADD GENERATED … AS IDENTITY` is taken.
    identity_by_alter: bool,
    /// Per type what CREATE TABLE makes of it: `accepted`, `refused`, or the name of another type.
    types: BTreeMap<String, TypeAnswer>,
    /// Extensions that CREATE EXTENSION takes.
    extensions: Vec<String>,
    /// Per access method what CREATE INDEX makes of it: `full`, `scan` (taken, but queries scan the table)
    /// or `refused`. What is not listed is open.
    index_methods: BTreeMap<String, MethodAnswer>,
    /// Whether CREATE TYPE … AS ENUM is taken.
    enums: bool,
    /// Whether enums sort by declaration order, and not by label.
    enum_declaration_order: bool,
    /// Whether CREATE DOMAIN is taken, and its CHECK enforced.
    domains: bool,
    /// Whether CREATE TYPE … AS (…) is taken, and as type of a column.
    composite_types: bool,
    /// Whether text sorts by the collation of a column, and COLLATE is taken; otherwise it sorts bytewise.
    collations: bool,
    /// Whether PARTITION BY and PARTITION OF are taken.
    partitioning: bool,
    /// Whether INHERITS is taken.
    inheritance: bool,
    /// Whether policies and ENABLE ROW LEVEL SECURITY are taken.
    row_level_security: bool,
    /// Whether CREATE RULE is taken.
    rules: bool,
    /// Whether foreign-data wrappers, servers and tables are taken.
    foreign_data: bool,
    /// Whether publications and subscriptions are taken.
    publications: bool,
    /// Whether event triggers are taken.
    event_triggers: bool,
    /// Whether tablespaces are taken.
    tablespaces: bool,
    /// Whether CREATE UNLOGGED TABLE is taken.
    unlogged_tables: bool,
    /// Whether large objects exist.
    large_objects: bool,
    /// Whether users may create aggregates.
    aggregates: bool,
    /// Whether users may create operators, casts, operator classes, collations, text-search objects and
    /// extended statistics.
    custom_operators: bool,
    /// Whether GENERATED ALWAYS AS (…) STORED is taken.
    generated_stored: bool,
    /// Whether GENERATED ALWAYS AS (…) VIRTUAL is taken.
    generated_virtual: bool,
    /// Whether `nextval('s'::regclass)` is taken as a default.
    nextval_regclass: bool,
    /// Whether CREATE SEQUENCE takes AS, INCREMENT, MINVALUE, MAXVALUE, START, CACHE and CYCLE.
    sequence_options: bool,
    /// Whether a primary key can be added to a table that holds rows.
    late_primary_key: bool,
    /// Whether CHECK constraints are taken, and enforced.
    check_constraints: bool,
    /// Whether foreign keys are taken.
    foreign_keys: bool,
    /// Whether constraints may be DEFERRABLE.
    deferrable_constraints: bool,
    /// Whether EXCLUDE constraints are taken.
    exclude_constraints: bool,
    /// Whether a constraint may be added NOT VALID.
    not_valid_constraints: bool,
    /// Whether UNIQUE NULLS NOT DISTINCT is taken.
    nulls_not_distinct: bool,
    /// Whether an index may INCLUDE columns.
    include_columns: bool,
    /// Whether an index may have a WHERE.
    partial_indexes: bool,
    /// Whether an index may be on an expression.
    expression_indexes: bool,
    /// Whether an index may have DESC and NULLS FIRST.
    index_ordering: bool,
    /// Whether an index may name an operator class.
    operator_classes: bool,
    /// Whether views are taken.
    views: bool,
    /// Views on top of views, at most.
    view_depth: u32,
    /// Whether materialized views are taken.
    materialized_views: bool,
    /// Languages of functions.
    languages: Vec<String>,
    /// What PL/pgSQL does not have there: `while`, `execute`, `exception`, `cursor`, `foreach`, …
    plpgsql_missing: Vec<String>,
    /// Functions that do not exist there, of those that PostgreSQL has.
    missing_functions: Vec<String>,
    /// Whether procedures and CALL exist.
    procedures: bool,
    /// Whether row-level triggers are taken.
    row_triggers: bool,
    /// Whether statement-level triggers are taken.
    statement_triggers: bool,
    /// Whether COMMENT ON is taken.
    comments: bool,
    /// Whether ANALYZE is taken.
    analyze: bool,
    /// Whether LISTEN and NOTIFY work.
    listen_notify: bool,
    /// Whether an advisory lock holds on all nodes.
    advisory_locks_global: bool,
    /// Whether SERIALIZABLE is enforced.
    serializable: bool,
    /// Whether TABLESAMPLE is taken.
    tablesample: bool,
    /// Whether system columns (`ctid`, `xmin` …) exist.
    system_columns: bool,
    /// The longest identifier, in bytes.
    identifier_bytes: u32,
    /// Bytes of one stored row at most.
    max_row_bytes: u64,
}

impl Profile {
    /// What `--fraction-digits auto` means: the digits that timestamps of either kind keep here. What
    /// was given or probed counts, then what is documented, then PostgreSQL's 6.
    pub fn fraction_digits(&self) -> u8 {
        let digits = |fact: &Option<Fact<u8>>| fact.as_ref().map_or(6, |f| f.value);
        digits(&self.timestamp_digits).min(digits(&self.timestamptz_digits))
    }

    /// Whether the server is a DB9.
    pub fn is_db9(&self) -> bool {
        matches!(&self.server, Some(fact) if fact.value == ServerKind::Db9)
    }

    /// The value of a yes-or-no field; `None` is open.
    pub fn yes(field: &Option<Fact<bool>>) -> Option<bool> {
        field.as_ref().map(|f| f.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_means_what_was_probed_then_what_is_documented_then_six() {
        assert_eq!(Profile::default().fraction_digits(), 6);
        assert_eq!(Profile::postgresql().fraction_digits(), 6);
        let mut profile = Profile::db9_documented();
        assert_eq!(profile.fraction_digits(), 3);
        profile.timestamp_digits = Some(Fact::probed(6));
        assert_eq!(profile.fraction_digits(), 3, "timestamptz is still open");
        profile.timestamptz_digits = Some(Fact::probed(6));
        assert_eq!(profile.fraction_digits(), 6);
    }

    #[test]
    fn only_known_values_lie_over_others() {
        let mut profile = Profile::db9_documented();
        profile.overlay(Profile {
            max_connections: Some(Fact::probed(7)),
            ..Profile::default()
        });
        assert_eq!(profile.max_connections, Some(Fact::probed(7)));
        assert_eq!(
            profile.max_line_bytes,
            Profile::db9_documented().max_line_bytes
        );
    }
}
