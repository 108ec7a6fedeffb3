//! Which functions and operators go with a type. The lists are what pg_proc of PostgreSQL 13 to 18 has for
//! arguments of these types, less functions that a text has as well and that do the same there.

/// Types that have their functions in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::schema) enum Family {
    /// `inet`, `cidr`.
    Network,
    /// `macaddr`, `macaddr8`.
    MacAddress,
    /// `bit`, `bit varying`.
    Bits,
    /// `point` to `circle`.
    Geometry,
    /// Ranges and multiranges.
    Range,
    /// `xml`.
    Xml,
    /// `json`, `jsonb`.
    Json,
    /// `jsonpath`.
    JsonPath,
    /// `tsvector`, `tsquery`.
    TextSearch,
    /// Dates, times and intervals.
    Time,
    /// `pg_lsn`.
    Position,
    /// `money`.
    Money,
    /// Enums.
    Enum,
    /// Rows.
    Composite,
    /// Arrays.
    Array,
    /// `hstore`.
    Pairs,
    /// Other types of extensions, and whatever else.
    Other,
}

impl Family {
    /// The family of a type, by its `pg_type.typname`.
    pub(in crate::schema) fn of_name(typname: &str) -> Self {
        match typname {
            "inet" | "cidr" => Self::Network,
            "macaddr" | "macaddr8" => Self::MacAddress,
            "bit" | "varbit" => Self::Bits,
            "point" | "line" | "lseg" | "box" | "path" | "polygon" | "circle" => Self::Geometry,
            "xml" => Self::Xml,
            "json" | "jsonb" => Self::Json,
            "jsonpath" => Self::JsonPath,
            "tsvector" | "tsquery" => Self::TextSearch,
            "date" | "time" | "timetz" | "timestamp" | "timestamptz" | "interval" => Self::Time,
            "pg_lsn" => Self::Position,
            "money" => Self::Money,
            "hstore" => Self::Pairs,
            name if name.ends_with("range") => Self::Range,
            _ => Self::Other,
        }
    }

    /// Whether a function of the server that is given a value of these types, among so many arguments, does
    /// not exist for a text, or is another one.
    pub(super) fn owns(self, function: &str, arguments: usize) -> bool {
        // `box(p, q)`; with one argument it may be read as a cast.
        let makes = self == Self::Geometry && arguments > 1 && MAKERS.contains(&function);
        makes || self.functions().contains(&function)
    }

    fn functions(self) -> &'static [&'static str] {
        match self {
            Self::Network => NETWORK,
            Self::MacAddress => &["trunc", "macaddr8_set7bit"],
            Self::Bits => &[
                "get_bit",
                "set_bit",
                "bit_count",
                "bit_length",
                "octet_length",
                "bit_and",
                "bit_or",
                "bit_xor",
            ],
            Self::Geometry => GEOMETRY,
            Self::Range => RANGE,
            Self::Xml => &["xpath", "xpath_exists", "xmlexists", "xmlagg"],
            Self::Json => JSON,
            Self::JsonPath => JSON_PATH,
            Self::TextSearch => TEXT_SEARCH,
            Self::Time => TIME,
            Self::Position => &[
                "pg_wal_lsn_diff",
                "pg_walfile_name",
                "pg_walfile_name_offset",
            ],
            Self::Money => &["cash_words"],
            Self::Enum => &["enum_first", "enum_last", "enum_range"],
            Self::Composite => &["row_to_json"],
            Self::Array => ARRAY,
            Self::Pairs | Self::Other => &[],
        }
    }

    /// Whether `||` puts values of the type together otherwise than texts.
    pub(super) fn joins_otherwise(self) -> bool {
        matches!(
            self,
            Self::Array | Self::Json | Self::TextSearch | Self::Pairs
        )
    }
}

/// Operators that a text has; of all others there is none that takes one.
pub(super) const OF_TEXT: [&str; 26] = [
    "=", "<>", "!=", "<", "<=", ">", ">=", "~", "~*", "!~", "!~*", "~~", "~~*", "!~~", "!~~*",
    "||", "^@", "@@", "@@@", "~<~", "~<=~", "~>~", "~>=~", "*=", "*<>", "~=~",
];

/// Operators by which rows are compared.
pub(super) const COMPARISONS: [&str; 7] = ["=", "<>", "!=", "<", "<=", ">", ">="];

/// Functions whose result is of the type of their first argument.
pub(super) const OF_ITS_ARGUMENT: [&str; 16] = [
    "array_append",
    "array_cat",
    "array_remove",
    "array_replace",
    "array_reverse",
    "array_shuffle",
    "array_sort",
    "trim_array",
    "max",
    "min",
    "lag",
    "lead",
    "first_value",
    "last_value",
    "nth_value",
    "any_value",
];

/// Functions whose result is an array of what their first argument is.
pub(super) const ARRAY_OF_ITS_ARGUMENT: [&str; 2] = ["array_agg", "array_fill"];

const MAKERS: [&str; 7] = ["point", "line", "lseg", "box", "path", "polygon", "circle"];

const NETWORK: &[&str] = &[
    "abbrev",
    "broadcast",
    "family",
    "host",
    "hostmask",
    "inet_merge",
    "inet_same_family",
    "masklen",
    "netmask",
    "network",
    "set_masklen",
];

const GEOMETRY: &[&str] = &[
    "area",
    "bound_box",
    "center",
    "diagonal",
    "diameter",
    "height",
    "isclosed",
    "ishorizontal",
    "isopen",
    "isparallel",
    "isperp",
    "isvertical",
    "length",
    "npoints",
    "pclose",
    "popen",
    "radius",
    "slope",
    "width",
];

const RANGE: &[&str] = &[
    "isempty",
    "lower",
    "lower_inc",
    "lower_inf",
    "multirange",
    "range_agg",
    "range_intersect_agg",
    "range_merge",
    "range_minus_multi",
    "unnest",
    "upper",
    "upper_inc",
    "upper_inf",
];

const JSON: &[&str] = &[
    "json_array_elements",
    "json_array_elements_text",
    "json_array_length",
    "json_each",
    "json_each_text",
    "json_extract_path",
    "json_extract_path_text",
    "json_object_keys",
    "json_populate_record",
    "json_populate_recordset",
    "json_strip_nulls",
    "json_to_record",
    "json_to_recordset",
    "json_typeof",
    "jsonb_path_exists_tz",
    "jsonb_path_match_tz",
    "jsonb_path_query_array_tz",
    "jsonb_path_query_first_tz",
    "jsonb_path_query_tz",
    "jsonb_array_elements",
    "jsonb_array_elements_text",
    "jsonb_array_length",
    "jsonb_delete",
    "jsonb_delete_path",
    "jsonb_each",
    "jsonb_each_text",
    "jsonb_extract_path",
    "jsonb_extract_path_text",
    "jsonb_insert",
    "jsonb_object_keys",
    "jsonb_path_exists",
    "jsonb_path_match",
    "jsonb_path_query",
    "jsonb_path_query_array",
    "jsonb_path_query_first",
    "jsonb_populate_record",
    "jsonb_populate_recordset",
    "jsonb_pretty",
    "jsonb_set",
    "jsonb_set_lax",
    "jsonb_strip_nulls",
    "jsonb_to_record",
    "jsonb_to_recordset",
    "jsonb_typeof",
];

const JSON_PATH: &[&str] = &[
    "jsonb_path_exists",
    "jsonb_path_exists_tz",
    "jsonb_path_match",
    "jsonb_path_match_tz",
    "jsonb_path_query",
    "jsonb_path_query_array",
    "jsonb_path_query_array_tz",
    "jsonb_path_query_first",
    "jsonb_path_query_first_tz",
    "jsonb_path_query_tz",
];

const TEXT_SEARCH: &[&str] = &[
    "length",
    "numnode",
    "querytree",
    "setweight",
    "strip",
    "ts_delete",
    "ts_filter",
    "ts_rank",
    "ts_rank_cd",
    "ts_rewrite",
    "tsquery_phrase",
    "tsvector_to_array",
    "unnest",
];

const TIME: &[&str] = &[
    "age",
    "avg",
    "date_bin",
    "date_part",
    "date_trunc",
    "daterange",
    "extract",
    "generate_series",
    "isfinite",
    "justify_days",
    "justify_hours",
    "justify_interval",
    "overlaps",
    "sum",
    "timezone",
    "to_char",
    "tsrange",
    "tstzrange",
];

const ARRAY: &[&str] = &[
    "array_append",
    "array_cat",
    "array_dims",
    "array_length",
    "array_lower",
    "array_ndims",
    "array_position",
    "array_positions",
    "array_prepend",
    "array_remove",
    "array_replace",
    "array_reverse",
    "array_sample",
    "array_shuffle",
    "array_sort",
    "array_to_json",
    "array_to_string",
    "array_upper",
    "cardinality",
    "generate_subscripts",
    "trim_array",
    "unnest",
];
