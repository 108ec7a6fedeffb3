//! Questions about the size of rows: none where no column can be large.

use crate::catalog::Shape;
use crate::schema::finding::Kind;

use super::table::{Column, Table};
use super::{Ask, kinds};

/// Bytes above which a row is told where no limit is known.
const LARGE: u64 = 4 << 20;

/// Characters of a varchar that are no matter: 1,600 such columns are still a small row.
const SHORT: i32 = 1_000;

pub(super) fn asks(table: &Table<'_>) -> Vec<Ask> {
    let wide: Vec<&Column<'_>> = table
        .columns
        .iter()
        .filter(|c| c.mapped.is_some() && is_wide(c))
        .collect();
    if wide.is_empty() {
        return Vec::new();
    }
    let line = sum(wide.iter().map(|column| line_bytes(column)));
    let row = sum(wide.iter().map(|column| stored_bytes(column)));
    let mut asks = Vec::new();
    let mut between = |kind: &'static Kind, bytes: &str, above: u64, most: Option<u64>| {
        let most = most.map_or_else(String::new, |most| format!(" AND {bytes} <= {most}"));
        let object = format!("table {}", table.root.name);
        let mut ask = table.ask(kind, object, &format!("{bytes} > {above}{most}"));
        ask.detail = format!("above {above} bytes");
        asks.push(ask);
    };
    if let Some(limit) = table.profile.max_line_bytes.as_ref().map(|fact| fact.value) {
        between(&kinds::LINE_TOO_LONG, &line, limit, None);
        between(&kinds::LINE_NEAR_LIMIT, &line, limit / 2, Some(limit));
    }
    match table.profile.max_row_bytes.as_ref().map(|fact| fact.value) {
        Some(limit) => {
            between(&kinds::ROW_TOO_LARGE, &row, limit, None);
            between(&kinds::ROW_LARGE, &row, limit / 2, Some(limit));
        }
        None if !table.for_postgresql() => between(&kinds::ROW_LARGE, &row, LARGE, None),
        None => {}
    }
    asks
}

fn sum(bytes: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = bytes.map(|bytes| format!("coalesce({bytes}, 0)")).collect();
    format!("({})", all.join(" + "))
}

/// Whether a value can be megabytes.
fn is_wide(column: &Column<'_>) -> bool {
    let data_type = &column.field.data_type;
    match data_type.base_name.as_str() {
        _ if data_type.shape != Shape::Scalar => data_type.shape != Shape::Range,
        "text" | "bytea" | "json" | "jsonb" | "xml" | "tsvector" | "hstore" | "citext" | "path"
        | "polygon" => true,
        "varchar" | "bpchar" => data_type.typmod.is_none_or(|characters| characters > SHORT),
        _ => false,
    }
}

/// Bytes of the value in a line of COPY, without escapes. `octet_length` of text and bytea reads no
/// more than their header.
fn line_bytes(column: &Column<'_>) -> String {
    match column.field.data_type.base_name.as_str() {
        "bytea" if column.field.data_type.shape == Shape::Scalar => {
            format!("2 * octet_length({})::bigint", column.value())
        }
        _ => stored_bytes(column),
    }
}

fn stored_bytes(column: &Column<'_>) -> String {
    let value = column.value();
    match column.field.data_type.base_name.as_str() {
        "text" | "varchar" | "bytea" if column.field.data_type.shape == Shape::Scalar => {
            format!("octet_length({value})::bigint")
        }
        _ => format!("octet_length({value}::text)::bigint"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Fact, Profile};
    use crate::schema::deep::samples::table;

    fn asked(columns: &[(&str, &str, &str)], profile: &Profile) -> Vec<Ask> {
        let (relation, mapped) = table(columns);
        asks(&Table::new(&relation, vec![&relation], &mapped, profile))
    }

    #[test]
    fn a_table_of_narrow_columns_is_not_asked() {
        let narrow = [
            ("a", "int4", "integer"),
            ("b", "varchar(40)", "character varying(40)"),
        ];
        assert_eq!(asked(&narrow, &Profile::db9_documented()), []);
    }

    #[test]
    fn lines_and_rows_are_measured_against_the_targets_limits() {
        let wide = [("a", "bytea", "bytea"), ("b", "jsonb", "jsonb")];
        let mut profile = Profile::db9_documented();
        let asks = asked(&wide, &profile);
        let ids: Vec<&str> = asks.iter().map(|ask| ask.kind.id).collect();
        assert_eq!(
            ids,
            [
                "deep-line-too-long",
                "deep-line-near-limit",
                "deep-row-large"
            ]
        );
        assert_eq!(
            asks[0].count,
            "count(*) FILTER (WHERE (coalesce(2 * octet_length(wire9_row.\"a\")::bigint, 0) + \
             coalesce(octet_length(wire9_row.\"b\"::text)::bigint, 0)) > 32000000)"
        );
        profile.max_row_bytes = Some(Fact::probed(1_000));
        let asks = asked(&wide, &profile);
        assert_eq!(asks[2].kind.id, "deep-row-too-large");
        assert!(asks[3].count.ends_with(
            "> 500 AND (coalesce(octet_length(wire9_row.\"a\")::bigint, 0) + \
             coalesce(octet_length(wire9_row.\"b\"::text)::bigint, 0)) <= 1000)"
        ));
    }
}
