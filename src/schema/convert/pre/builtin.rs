//! What PostgreSQL's own types become where the target does not take them.

use super::kinds;
use super::spelling::Spelling;
use crate::schema::finding::Kind;

/// The type that stands in for one that is not taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct StandIn {
    /// Its name.
    pub(super) to: &'static str,
    /// It takes the modifier of the other.
    pub(super) keeps_modifier: bool,
    /// What the source has to cast the value to, where the text of the one is no text of the other.
    pub(super) cast: Option<&'static str>,
    /// What the change is called.
    pub(super) kind: &'static Kind,
    /// Casts in SQL texts become the other type, too. Not those of types that PostgreSQL's functions
    /// take: `nextval('s'::regclass)`.
    pub(super) in_casts: bool,
}

/// Types that every target is believed to have unless it says otherwise: the documents list them, or
/// are silent about what no SQL database lacks.
const GRANTED: [&str; 18] = [
    "boolean",
    "integer",
    "bigint",
    "double precision",
    "numeric",
    "text",
    "character varying",
    "bytea",
    "date",
    "time without time zone",
    "timestamp without time zone",
    "timestamp with time zone",
    "interval",
    "uuid",
    "json",
    "jsonb",
    "tsvector",
    "tsquery",
];

/// Whether a type is believed to exist where nothing is known of it.
pub(super) fn is_granted(name: &str) -> bool {
    GRANTED.contains(&name)
}

/// All of PostgreSQL's types that may stand in a cast, in its own spelling.
pub(super) const TYPES: [&str; 63] = [
    "boolean",
    "integer",
    "bigint",
    "double precision",
    "numeric",
    "text",
    "character varying",
    "bytea",
    "date",
    "time without time zone",
    "timestamp without time zone",
    "timestamp with time zone",
    "interval",
    "uuid",
    "json",
    "jsonb",
    "tsvector",
    "tsquery",
    "smallint",
    "real",
    "character",
    "bpchar",
    "money",
    "oid",
    "xid",
    "cid",
    "xid8",
    "tid",
    "name",
    "\"char\"",
    "regclass",
    "regtype",
    "regproc",
    "regprocedure",
    "time with time zone",
    "xml",
    "inet",
    "cidr",
    "macaddr",
    "macaddr8",
    "bit",
    "bit varying",
    "point",
    "line",
    "lseg",
    "box",
    "path",
    "polygon",
    "circle",
    "pg_lsn",
    "jsonpath",
    "int4range",
    "int8range",
    "numrange",
    "tsrange",
    "tstzrange",
    "daterange",
    "int4multirange",
    "int8multirange",
    "nummultirange",
    "tsmultirange",
    "tstzmultirange",
    "datemultirange",
];

/// What stands in for a built-in type.
pub(super) fn stand_in(name: &str) -> StandIn {
    let near = |to, kind| StandIn {
        to,
        keeps_modifier: false,
        cast: None,
        kind,
        in_casts: true,
    };
    let internal = |to| StandIn {
        in_casts: false,
        ..near(to, &kinds::INTERNAL_TYPE)
    };
    match name {
        "smallint" => near("integer", &kinds::SMALLINT),
        "real" => near("double precision", &kinds::REAL),
        "character" => StandIn {
            keeps_modifier: true,
            ..near("character varying", &kinds::CHAR)
        },
        "bpchar" => near("text", &kinds::CHAR),
        "money" => StandIn {
            cast: Some("pg_catalog.numeric"),
            ..near("numeric", &kinds::MONEY)
        },
        "oid" | "xid" | "cid" => internal("bigint"),
        "name" => internal("character varying(63)"),
        "\"char\"" | "xid8" | "tid" => internal("text"),
        other if other.starts_with("reg") => internal("text"),
        _ => near("text", &kinds::TEXT_FORM),
    }
}

/// Whether any text is a value of a type.
pub(super) fn is_text(sql: &str) -> bool {
    const TEXTS: [&str; 5] = ["text", "character varying", "character", "bpchar", "name"];
    TEXTS.contains(&Spelling::of(sql).name.as_str())
}

/// Whether the functions and operators of one type work on the other, too.
pub(in crate::schema::convert) fn are_alike(one: &str, other: &str) -> bool {
    let (one, other) = (Spelling::of(one).name, Spelling::of(other).name);
    let number = |name: &str| is_integer(name) || NUMBERS.contains(&name);
    one == other || is_text(&one) && is_text(&other) || number(&one) && number(&other)
}

/// Whether a type is one of those that identity columns may have.
pub(super) fn is_integer(sql: &str) -> bool {
    let name = Spelling::of(sql).name;
    matches!(name.as_str(), "smallint" | "integer" | "bigint")
}

const NUMBERS: [&str; 4] = ["numeric", "real", "double precision", "money"];

/// Whether the values of an array of this type are divided by commas: `box` has semicolons.
pub(super) fn has_commas(name: &str) -> bool {
    name != "box"
}
