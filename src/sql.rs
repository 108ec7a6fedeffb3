//! Quoting and COPY statements: the only place of the program that quotes.

use std::fmt::Write as _;

/// An identifier as SQL text, always in double quotes.
///
/// A NUL byte can not occur in a PostgreSQL identifier; one that is given is dropped.
pub fn identifier(name: &str) -> String {
    let mut quoted = String::with_capacity(name.len() + 2);
    quoted.push('"');
    for c in name.chars().filter(|&c| c != '\0') {
        if c == '"' {
            quoted.push('"');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// A string as an SQL literal that means the same under either setting of
/// `standard_conforming_strings`.
pub fn literal(text: &str) -> String {
    let escaped = text.contains('\\');
    let mut quoted = String::with_capacity(text.len() + 3);
    quoted.push_str(if escaped { " E'" } else { "'" });
    for c in text.chars().filter(|&c| c != '\0') {
        if c == '\'' || c == '\\' {
            quoted.push(c);
        }
        quoted.push(c);
    }
    quoted.push('\'');
    quoted
}

/// `"schema"."table"`.
pub fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", identifier(schema), identifier(name))
}

/// Identifiers, quoted and joined by commas.
pub fn identifiers<S: AsRef<str>>(names: &[S]) -> String {
    join(names.iter().map(|n| identifier(n.as_ref())))
}

/// Literals, joined by commas.
pub fn literals<S: AsRef<str>>(values: &[S]) -> String {
    join(values.iter().map(|v| literal(v.as_ref())))
}

/// What is read of one table.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Schema, unquoted.
    pub schema: &'a str,
    /// Table, unquoted.
    pub name: &'a str,
    /// What is sent of each row, in order; may be empty.
    pub columns: &'a [Value<'a>],
    /// A further condition, SQL text.
    pub condition: Option<&'a str>,
}

/// A value that is read of each row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// A column, unquoted.
    Column(&'a str),
    /// What the server computes of the row, SQL text.
    Computed(&'a str),
}

/// A half-open range of a table; `None` is an open end.
#[derive(Debug, Clone, Copy)]
pub enum Range<'a> {
    /// All rows.
    Whole,
    /// Heap pages.
    Pages {
        /// First page.
        from: Option<u32>,
        /// Page after the last.
        to: Option<u32>,
    },
    /// Keys, as one row comparison.
    Keys {
        /// Column name and SQL type of each part.
        columns: &'a [(String, String)],
        /// Lower bound, a text per part.
        from: Option<&'a [String]>,
        /// Upper bound.
        to: Option<&'a [String]>,
    },
    /// The row that stands there.
    Row {
        /// Its `ctid` as text.
        ctid: &'a str,
    },
}

/// `COPY (SELECT … FROM ONLY … WHERE …) TO STDOUT`.
///
/// Without columns it sends an empty line per row. A key range is ordered by the whole key, so that
/// it gives the same order each time.
pub fn copy_out(source: &Source<'_>, range: Range<'_>) -> String {
    format!("COPY ({}) TO STDOUT", select(source, range))
}

/// The SELECT inside `copy_out`, for counting and explaining.
pub fn select(source: &Source<'_>, range: Range<'_>) -> String {
    let mut sql = String::from("SELECT ");
    if !source.columns.is_empty() {
        let _ = write!(sql, "{} ", join(source.columns.iter().map(Value::text)));
    }
    sql.push_str(&from(source, range));
    if let Some(order) = range.order() {
        let _ = write!(sql, " {order}");
    }
    sql
}

/// Asks for the `ctid` of the row that `copy_out` sends as the nth, from 1. It limits nothing, since a limit may
/// bring another plan, and with it another order.
pub fn nth_row(source: &Source<'_>, range: Range<'_>, nth: u64) -> String {
    let order = range.order().unwrap_or_default();
    let from = from(source, range);
    format!(
        "SELECT ctid FROM (SELECT ctid, row_number() OVER ({order}) AS nth {from}) numbered \
         WHERE nth = {nth}"
    )
}

/// A condition that leaves out the rows that stand there, `ctid`s as text.
pub fn not_at<'a>(ctids: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = ctids.into_iter().map(|c| format!("\"{c}\"")).collect();
    let all = literal(&format!("{{{}}}", quoted.join(",")));
    format!("ctid <> ALL ({all}::pg_catalog.tid[])")
}

fn from(source: &Source<'_>, range: Range<'_>) -> String {
    let mut sql = format!("FROM ONLY {}", qualified(source.schema, source.name));
    let mut conditions = range.conditions();
    // The line end closes a comment at the end of the condition.
    conditions.extend(source.condition.map(|c| format!("({c}\n)")));
    if !conditions.is_empty() {
        let _ = write!(sql, " WHERE {}", conditions.join(" AND "));
    }
    sql
}

/// `COPY … FROM STDIN`; without columns it has no list, since `COPY t ()` is a syntax error.
pub fn copy_in<S: AsRef<str>>(schema: &str, name: &str, columns: &[S]) -> String {
    format!("{} FROM STDIN", copied(schema, name, columns))
}

/// `COPY … TO STDOUT` of a whole table; without columns it has no list.
pub fn copy_table<S: AsRef<str>>(schema: &str, name: &str, columns: &[S]) -> String {
    format!("{} TO STDOUT", copied(schema, name, columns))
}

fn copied<S: AsRef<str>>(schema: &str, name: &str, columns: &[S]) -> String {
    let table = qualified(schema, name);
    if columns.is_empty() {
        format!("COPY {table}")
    } else {
        format!("COPY {table} ({})", identifiers(columns))
    }
}

impl Value<'_> {
    fn text(&self) -> String {
        match self {
            Self::Column(name) => identifier(name),
            // The line end closes a comment at the end of the expression.
            Self::Computed(expression) => format!("({expression}\n)"),
        }
    }
}

impl Range<'_> {
    fn conditions(&self) -> Vec<String> {
        let bounds = match self {
            Range::Whole => [None, None],
            Range::Pages { from, to } => [
                from.map(|page| format!("ctid >= '({page},0)'::pg_catalog.tid")),
                to.map(|page| format!("ctid < '({page},0)'::pg_catalog.tid")),
            ],
            Range::Keys { columns, from, to } => [
                from.map(|key| key_condition(columns, ">=", key)),
                to.map(|key| key_condition(columns, "<", key)),
            ],
            Range::Row { ctid } => {
                let ctid = literal(ctid);
                [Some(format!("ctid = {ctid}::pg_catalog.tid")), None]
            }
        };
        bounds.into_iter().flatten().collect()
    }

    /// What gives its rows the same order each time.
    fn order(&self) -> Option<String> {
        match self {
            Range::Keys { columns, .. } => Some(format!("ORDER BY {}", key_columns(columns))),
            _ => None,
        }
    }
}

fn key_condition(columns: &[(String, String)], operator: &str, key: &[String]) -> String {
    let values = columns.iter().zip(key);
    let values =
        join(values.map(|((_, sql_type), value)| format!("{}::{sql_type}", literal(value))));
    format!("({}) {operator} ({values})", key_columns(columns))
}

fn key_columns(columns: &[(String, String)]) -> String {
    join(columns.iter().map(|(name, _)| identifier(name)))
}

fn join(items: impl Iterator<Item = String>) -> String {
    let mut joined = String::new();
    for (i, item) in items.enumerate() {
        let _ = write!(joined, "{}{item}", if i == 0 { "" } else { ", " });
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_inside_identifiers_are_doubled() {
        assert_eq!(identifier("a\"b c\n"), "\"a\"\"b c\n\"");
        assert_eq!(qualified("select", "T"), "\"select\".\"T\"");
    }

    #[test]
    fn literals_survive_both_string_syntaxes() {
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("a\\b"), " E'a\\\\b'");
        assert_eq!(literals(&["a", "b"]), "'a', 'b'");
    }

    #[test]
    fn the_nth_row_is_numbered_in_the_order_in_which_rows_are_sent() {
        let keys = Range::Keys {
            columns: &[("id".to_owned(), "integer".to_owned())],
            from: Some(&["7".to_owned()]),
            to: None,
        };
        assert_eq!(
            nth_row(&ORDERS, keys, 3),
            "SELECT ctid FROM (SELECT ctid, row_number() OVER (ORDER BY \"id\") AS nth FROM ONLY \
             \"shop\".\"orders\" WHERE (\"id\") >= ('7'::integer)) numbered WHERE nth = 3"
        );
    }

    #[test]
    fn rows_are_taken_or_left_out_by_their_place() {
        assert!(
            copy_out(&ORDERS, Range::Row { ctid: "(0,1)" }).contains(" WHERE ctid = '(0,1)'::")
        );
        assert_eq!(
            not_at(["(0,1)", "(2,3)"]),
            "ctid <> ALL ('{\"(0,1)\",\"(2,3)\"}'::pg_catalog.tid[])"
        );
    }

    const ORDERS: Source<'_> = Source {
        schema: "shop",
        name: "orders",
        columns: &[Value::Column("id"), Value::Column("at")],
        condition: None,
    };

    #[test]
    fn a_page_range_is_half_open() {
        let range = |from, to| copy_out(&ORDERS, Range::Pages { from, to });
        assert_eq!(
            range(Some(7), Some(9)),
            "COPY (SELECT \"id\", \"at\" FROM ONLY \"shop\".\"orders\" WHERE \
             ctid >= '(7,0)'::pg_catalog.tid AND ctid < '(9,0)'::pg_catalog.tid) TO STDOUT"
        );
        assert!(!range(None, Some(9)).contains(">="));
        assert!(!range(Some(7), None).contains(" < "));
    }

    #[test]
    fn a_key_range_compares_and_orders_by_the_whole_key() {
        let columns = [
            ("a".to_owned(), "bigint".to_owned()),
            ("b c".to_owned(), "public.\"T\"".to_owned()),
        ];
        let from = ["1".to_owned(), "it's".to_owned()];
        let range = Range::Keys {
            columns: &columns,
            from: Some(&from),
            to: None,
        };
        assert_eq!(
            select(&ORDERS, range),
            "SELECT \"id\", \"at\" FROM ONLY \"shop\".\"orders\" WHERE \
             (\"a\", \"b c\") >= ('1'::bigint, 'it''s'::public.\"T\") ORDER BY \"a\", \"b c\""
        );
    }

    #[test]
    fn a_computed_value_stands_in_the_place_of_its_column() {
        let source = Source {
            columns: &[
                Value::Column("id"),
                Value::Computed("\"price\"::numeric -- EUR"),
            ],
            ..ORDERS
        };
        assert_eq!(
            select(&source, Range::Whole),
            "SELECT \"id\", (\"price\"::numeric -- EUR\n) FROM ONLY \"shop\".\"orders\""
        );
    }

    #[test]
    fn a_table_without_columns_is_copied_without_a_list() {
        let source = Source {
            columns: &[],
            condition: Some("true -- all"),
            ..ORDERS
        };
        assert_eq!(
            copy_out(&source, Range::Whole),
            "COPY (SELECT FROM ONLY \"shop\".\"orders\" WHERE (true -- all\n)) TO STDOUT"
        );
        let none: [&str; 0] = [];
        assert_eq!(copy_in("a", "b", &none), "COPY \"a\".\"b\" FROM STDIN");
        assert_eq!(
            copy_in("a", "b", &["x"]),
            "COPY \"a\".\"b\" (\"x\") FROM STDIN"
        );
    }
}
