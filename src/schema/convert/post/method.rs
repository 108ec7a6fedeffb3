//! Access methods and operator classes: what the target makes of them, and which types they take.

use crate::catalog::database::Relation;
use crate::profile::{Fact, MethodAnswer, Profile};
use crate::schema::finding::{Kind, Severity};

use super::stance::NOT_DOCUMENTED;
use super::{Changes, Left};

/// An index that no query uses.
pub(super) static SCANS_TABLE: Kind = Kind {
    id: "index-scans-table",
    severity: Severity::Change,
    title: "index that queries do not use",
    happens: "it is made, but queries scan the table",
    why: "GIN, GiST and Hash are accepted but fall back to a table scan (DB9 guide \"Migrate from \
          PostgreSQL\")",
    remedy: "look at the queries that need it; a B-tree on an expression or a generated column may do",
};

/// An index of a method that the target refuses.
pub(super) static METHOD_REFUSED: Kind = Kind {
    id: "index-method-refused",
    severity: Severity::Loss,
    title: "index of a method that the target does not have",
    happens: "it is left out: queries scan the table",
    why: "SP-GiST and BRIN are refused (TiDB Cloud Starter documentation, autumn 2026)",
    remedy: "look at the queries that need it; a B-tree may do",
};

/// A hash index.
pub(super) static HASH_AS_BTREE: Kind = Kind {
    id: "hash-index-as-btree",
    severity: Severity::Change,
    title: "hash index",
    happens: "a B-tree is made in its place, which finds the same rows",
    why: "Hash is accepted but falls back to a table scan (DB9 guide \"Migrate from PostgreSQL\"), or is \
          refused (TiDB Cloud Starter documentation, autumn 2026)",
    remedy: "nothing, unless the values are longer than a key may be",
};

/// An index of a method that another one replaces.
pub(super) static METHOD_REPLACED: Kind = Kind {
    id: "ivfflat-index-as-hnsw",
    severity: Severity::Change,
    title: "IVFFlat index",
    happens: "an HNSW index with the server's own parameters is made in its place",
    why: "B-tree and HNSW are in full (DB9 guide \"Migrate from PostgreSQL\"); IVFFlat is not documented",
    remedy: "measure recall and latency of the nearest-neighbour queries",
};

/// An HNSW index on a table without a key of one column.
pub(super) static HNSW_KEY: Kind = Kind {
    id: "hnsw-primary-key",
    severity: Severity::Loss,
    title: "HNSW index on a table without a primary key of one column",
    happens: "it is left out: nearest-neighbour queries scan the table",
    why: "HNSW wants a primary key of one column (DB9 documentation, early 2026)",
    remedy: "give the table a primary key of one column, and create the index",
};

/// The method that an index gets.
pub(super) fn method<'m>(
    profile: &Profile,
    wanted: &'m str,
    changes: &mut Changes,
) -> Result<&'m str, Left> {
    let Some(methods) = &profile.index_methods else {
        return Ok(wanted);
    };
    let answer = methods.value.get(wanted).copied();
    let full = |name: &str| methods.value.get(name) == Some(&MethodAnswer::Full);
    match (wanted, answer) {
        (_, Some(MethodAnswer::Full)) => Ok(wanted),
        ("hash", _) if full("btree") => {
            changes.push((&HASH_AS_BTREE, "USING btree, not hash".to_owned()));
            Ok("btree")
        }
        ("ivfflat", _) if full("hnsw") => {
            changes.push((&METHOD_REPLACED, "USING hnsw, not ivfflat".to_owned()));
            Ok("hnsw")
        }
        (_, Some(MethodAnswer::Scan)) => {
            changes.push((
                &SCANS_TABLE,
                format!("{wanted}: made, but queries scan the table"),
            ));
            Ok(wanted)
        }
        (_, Some(MethodAnswer::Refused)) => Err(refused(wanted, methods)),
        (_, None) => {
            changes.push((&NOT_DOCUMENTED, format!("access method {wanted}")));
            Ok(wanted)
        }
    }
}

fn refused<T>(wanted: &str, fact: &Fact<T>) -> Left {
    Left::new(
        &METHOD_REFUSED,
        format!("the target refuses {wanted} ({})", fact.known),
    )
}

/// Refuses an HNSW index on a DB9 table whose key is none of one column.
pub(super) fn check_key(profile: &Profile, method: &str, table: &Relation) -> Result<(), Left> {
    let columns = table.primary_key().map_or(0, |key| key.columns.len());
    if method == "hnsw" && profile.is_db9() && columns != 1 {
        let key = match columns {
            0 => "the table has no primary key".to_owned(),
            several => format!("the primary key has {several} columns"),
        };
        return Err(Left::new(&HNSW_KEY, key));
    }
    Ok(())
}

/// Whether a method has an operator class of its own accord for a type; `None` where that is not known
/// (types of users and of extensions).
pub(super) fn has_default_class(method: &str, data_type: &str) -> Option<bool> {
    let form = Form::of(data_type)?;
    Some(match method {
        "btree" => !matches!(form, Form::Geometric | Form::Document),
        "hash" => !matches!(form, Form::Geometric | Form::Document | Form::Search),
        "gin" => matches!(form, Form::Array | Form::Jsonb | Form::Search),
        "gist" => matches!(form, Form::Geometric | Form::Range | Form::Search),
        "spgist" => matches!(
            form,
            Form::Geometric | Form::Range | Form::Text | Form::Network
        ),
        "brin" => !matches!(
            form,
            Form::Array | Form::Jsonb | Form::Document | Form::Search
        ),
        _ => return None,
    })
}

/// Types that operator classes treat alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Scalar,
    Network,
    Array,
    Jsonb,
    /// json and xml: nothing can be compared.
    Document,
    Search,
    Range,
    Geometric,
}

impl Form {
    fn of(data_type: &str) -> Option<Self> {
        let text = data_type.trim().to_ascii_lowercase();
        if text.ends_with("[]") {
            return Some(Self::Array);
        }
        let plain = text.split('(').next().unwrap_or_default().trim();
        let plain = plain.strip_prefix("pg_catalog.").unwrap_or(plain);
        Some(match plain {
            "text" | "varchar" | "character varying" => Self::Text,
            "inet" | "cidr" => Self::Network,
            "jsonb" => Self::Jsonb,
            "json" | "xml" => Self::Document,
            "tsvector" | "tsquery" => Self::Search,
            "point" | "box" | "circle" | "polygon" | "path" | "line" | "lseg" => Self::Geometric,
            range if range.ends_with("range") && !range.contains('.') => Self::Range,
            scalar if SCALARS.contains(&scalar) => Self::Scalar,
            time if time.starts_with("timestamp") || time.starts_with("time") => Self::Scalar,
            _ => return None,
        })
    }
}

const SCALARS: [&str; 22] = [
    "smallint",
    "integer",
    "int",
    "bigint",
    "numeric",
    "decimal",
    "real",
    "double precision",
    "boolean",
    "bool",
    "date",
    "interval",
    "uuid",
    "bytea",
    "money",
    "bit",
    "bit varying",
    "character",
    "bpchar",
    "macaddr",
    "macaddr8",
    "oid",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_of_its_own_accord_depends_on_the_type() {
        assert_eq!(has_default_class("gin", "jsonb"), Some(true));
        assert_eq!(has_default_class("gin", "text[]"), Some(true));
        assert_eq!(
            has_default_class("gin", "character varying(20)"),
            Some(false)
        );
        assert_eq!(has_default_class("gist", "text"), Some(false));
        assert_eq!(has_default_class("gist", "tstzrange"), Some(true));
        assert_eq!(
            has_default_class("btree", "timestamp(3) with time zone"),
            Some(true)
        );
        assert_eq!(has_default_class("btree", "json"), Some(false));
        assert_eq!(has_default_class("gist", "public.ltree"), None);
        assert_eq!(has_default_class("bloom", "text"), None);
    }
}
