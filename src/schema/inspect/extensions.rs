//! Extensions that the target does not have, and the usual way out of each.

use crate::catalog::readable;
use crate::schema::finding::{Finding, Kind, Severity};

use super::Looked;

pub(super) static UNSUPPORTED: Kind = Kind {
    id: "extension-unsupported",
    severity: Severity::Loss,
    title: "extension that the target does not have",
    happens: "it is left out, and what needs its types, functions or operators with it",
    why: "an extension that is not in the target's list is not available (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "the line of each extension names the usual way out",
};

pub(super) static NOT_NEEDED: Kind = Kind {
    id: "extension-not-needed",
    severity: Severity::Note,
    title: "extension for the operation of the source",
    happens: "it is left out: no data and no statement of an application needs it",
    why: "an extension that is not in the target's list is not available (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "none is needed; use what the target's operator offers instead",
};

/// What to do without an extension.
const WAYS_OUT: &[(&str, &str)] = &[
    (
        "address_standardizer",
        "standardize addresses in the application",
    ),
    (
        "age",
        "keep nodes and edges in tables, walk them by WITH RECURSIVE",
    ),
    ("autoinc", "use a sequence or an identity column"),
    ("bloom", "use B-tree indexes"),
    ("btree_gin", "use B-tree indexes, or GIN without it"),
    (
        "btree_gist",
        "needed for EXCLUDE only: check overlaps in the application",
    ),
    (
        "citext",
        "text plus a unique index on lower(col), and lower(…) in comparisons",
    ),
    (
        "cube",
        "double precision[] or text, distances in the application",
    ),
    ("dblink", "ask the other server from the application"),
    ("dict_int", "a built-in text-search configuration"),
    ("dict_xsyn", "a built-in text-search configuration"),
    (
        "earthdistance",
        "compute distances by SQL (haversine) or in the application",
    ),
    ("file_fdw", "load the file by COPY FROM STDIN"),
    ("fuzzystrmatch", "compute distances in the application"),
    (
        "hll",
        "count(DISTINCT …), or keep sketches as bytea in the application",
    ),
    ("hstore", "jsonb"),
    ("insert_username", "a trigger function in PL/pgSQL"),
    ("intarray", "built-in operators of integer[]"),
    ("ip4r", "text, or numeric bounds"),
    ("isn", "text with a CHECK"),
    ("jsonb_plperl", "PL/pgSQL or the application"),
    ("jsonb_plpython3u", "PL/pgSQL or the application"),
    ("lo", "bytea columns"),
    (
        "ltree",
        "text paths with LIKE 'a.b.%' and a B-tree index, or WITH RECURSIVE",
    ),
    (
        "moddatetime",
        "a trigger function in PL/pgSQL that sets the column",
    ),
    (
        "mysql_fdw",
        "copy the rows (--foreign-tables), or ask that server from the application",
    ),
    (
        "oracle_fdw",
        "copy the rows (--foreign-tables), or ask that server from the application",
    ),
    ("orafce", "write its functions in SQL"),
    (
        "pg_bigm",
        "LIKE without an index, or a search engine beside",
    ),
    ("pg_cron", "a scheduler outside of the database"),
    (
        "pg_net",
        "the extension http, or requests from the application",
    ),
    (
        "pg_partman",
        "none is needed: partitions become one table; delete old rows by a job",
    ),
    ("pg_search", "a search engine beside, or tsvector with GIN"),
    (
        "pg_trgm",
        "LIKE and ILIKE without its index, or a search engine beside; similarity() is gone",
    ),
    (
        "pg_uuidv7",
        "make the UUIDs in the application, or by gen_random_uuid()",
    ),
    (
        "pgcrypto",
        "gen_random_uuid() and sha256() are built in; crypt() and encryption in the application",
    ),
    ("pgjwt", "sign tokens in the application"),
    ("pglogical", "replication is not supported"),
    (
        "pgmq",
        "a table with FOR UPDATE SKIP LOCKED, or a message queue",
    ),
    ("pgrouting", "compute routes in the application"),
    ("pgsodium", "encrypt in the application"),
    ("plperl", "PL/pgSQL or the application"),
    ("plperlu", "PL/pgSQL or the application"),
    ("plpython3u", "PL/pgSQL or the application"),
    ("pltcl", "PL/pgSQL or the application"),
    ("pltclu", "PL/pgSQL or the application"),
    ("plv8", "PL/pgSQL or the application"),
    (
        "postgis",
        "geometry as text (WKT) or bytea (WKB), or numeric coordinates; spatial queries elsewhere",
    ),
    ("postgis_raster", "rasters as bytea or in object storage"),
    (
        "postgis_sfcgal",
        "geometry as text (WKT); spatial queries elsewhere",
    ),
    ("postgis_tiger_geocoder", "geocode in the application"),
    (
        "postgis_topology",
        "geometry as text (WKT); spatial queries elsewhere",
    ),
    (
        "postgres_fdw",
        "copy the rows (--foreign-tables), or ask that server from the application",
    ),
    ("refint", "foreign keys"),
    ("rum", "GIN, or a search engine beside"),
    ("seg", "two double precision columns"),
    ("supabase_vault", "keep secrets outside of the database"),
    (
        "tablefunc",
        "count(*) FILTER (WHERE …) for crosstab, WITH RECURSIVE for connectby",
    ),
    (
        "tcn",
        "LISTEN/NOTIFY is not supported: poll, or push from the application",
    ),
    (
        "tds_fdw",
        "copy the rows (--foreign-tables), or ask that server from the application",
    ),
    (
        "temporal_tables",
        "a trigger function in PL/pgSQL that writes the history",
    ),
    (
        "timescaledb",
        "hypertables become plain tables; continuous aggregates become materialized views",
    ),
    (
        "timescaledb_toolkit",
        "compute in SQL or in the application",
    ),
    ("tsm_system_rows", "ORDER BY random() LIMIT n"),
    ("tsm_system_time", "ORDER BY random() LIMIT n"),
    (
        "unaccent",
        "translate(…), or unaccent in the application before it is stored",
    ),
    (
        "uuid-ossp",
        "gen_random_uuid() is built in; other versions in the application",
    ),
    (
        "vector",
        "real[] or double precision[], distances in the application",
    ),
    ("vectorscale", "the extension vector with HNSW"),
    ("xml2", "xml becomes text: parse it in the application"),
];

/// Those that only a person who runs the source needs.
const OPERATION: &[&str] = &[
    "adminpack",
    "amcheck",
    "auto_explain",
    "aws_commons",
    "google_vacuum_mgmt",
    "hypopg",
    "index_advisor",
    "old_snapshot",
    "pageinspect",
    "pg_buffercache",
    "pg_freespacemap",
    "pg_hint_plan",
    "pg_logicalinspect",
    "pg_overexplain",
    "pg_prewarm",
    "pg_proctab",
    "pg_qualstats",
    "pg_repack",
    "pg_stat_kcache",
    "pg_stat_monitor",
    "pg_stat_statements",
    "pg_surgery",
    "pg_visibility",
    "pg_wait_sampling",
    "pg_walinspect",
    "pgaudit",
    "pgrowlocks",
    "pgstattuple",
    "pgtap",
    "plpgsql_check",
    "plprofiler",
    "pldbgapi",
    "rds_tools",
    "set_user",
    "sslinfo",
    "supautils",
    "system_stats",
];

pub(super) fn find(looked: &Looked<'_>) -> Vec<Finding> {
    // Where no list is known, PostgreSQL's own rule holds: what is installed there can be installed.
    let Some(taken) = &looked.profile.extensions else {
        return Vec::new();
    };
    let extensions = looked.database.extensions.iter();
    extensions
        .filter(|e| e.name != "plpgsql" && !taken.value.contains(&e.name))
        .map(|e| finding(&e.name, &e.version))
        .collect()
}

fn finding(name: &str, version: &str) -> Finding {
    let object = format!("extension {}", readable(name));
    if OPERATION.contains(&name) {
        return Finding::new(&NOT_NEEDED, object);
    }
    let detail = match way_out(name) {
        Some(way) => format!("usual way out: {way}"),
        None => format!("version {version}; look at what uses it"),
    };
    Finding::new(&UNSUPPORTED, object).detail(detail)
}

fn way_out(name: &str) -> Option<&'static str> {
    let known = WAYS_OUT.iter().find(|(extension, _)| *extension == name);
    known.map(|(_, way)| *way)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::database::Extension;
    use crate::profile::Profile;
    use crate::schema::inspect::samples::{Sample, found};

    fn sample(names: &[&str]) -> Sample {
        let mut sample = Sample::default();
        let extension = |name: &&str| Extension {
            name: (*name).to_owned(),
            version: "1.2".to_owned(),
            ..Extension::default()
        };
        sample.database.extensions = names.iter().map(extension).collect();
        sample
    }

    #[test]
    fn each_extension_that_is_missing_is_found_with_its_way_out() {
        let names = [
            "plpgsql",
            "hstore",
            "uuid-ossp",
            "pgcrypto",
            "homemade",
            "pg_stat_statements",
        ];
        let mut sample = sample(&names);
        assert_eq!(
            found(&sample, find),
            [
                "extension-unsupported extension pgcrypto (1): usual way out: gen_random_uuid() and \
                 sha256() are built in; crypt() and encryption in the application",
                "extension-unsupported extension homemade (1): version 1.2; look at what uses it",
                "extension-not-needed extension pg_stat_statements (1)",
            ]
        );
        sample.profile = Profile::postgresql();
        assert_eq!(found(&sample, find), [""; 0]);
    }

    #[test]
    fn the_extensions_that_the_guide_names_have_a_way_out() {
        for name in [
            "postgis",
            "pg_trgm",
            "pgcrypto",
            "ltree",
            "citext",
            "timescaledb",
        ] {
            assert!(way_out(name).is_some(), "{name}");
        }
        assert!(WAYS_OUT.is_sorted_by_key(|(name, _)| *name));
        let both = OPERATION.iter().find(|name| way_out(name).is_some());
        assert_eq!(both, None);
    }
}
