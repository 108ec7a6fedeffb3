//! Questions about the values of each column, all answered by one pass over the table.

use crate::catalog::Shape;
use crate::catalog::database::Database;
use crate::profile::Profile;
use crate::schema::finding::Kind;
use crate::sql;

use super::table::{Column, Cut, Table};
use super::{Ask, kinds};

/// What is asked of a column: the kind that rows with such a value are, and the condition on the row.
type Asked = (&'static Kind, String);

pub(super) fn asks(table: &Table<'_>, database: &Database) -> Vec<Ask> {
    let mut asks = Vec::new();
    for column in table.columns.iter().filter(|c| c.mapped.is_some()) {
        let mut asked = Vec::from_iter(encoding(column, database));
        if column.field.data_type.base_name == "bpchar" {
            asked.extend(padding(column));
        }
        if !column.arrives_as_text() {
            asked.extend(of_type(column, table, database));
            asked.extend(arrays(column, table));
        }
        let object = table.object(&column.field.name);
        let ask = |(kind, condition): &Asked| table.ask(kind, object.clone(), condition);
        asks.extend(asked.iter().map(ask));
    }
    asks
}

/// By the type of the values, or of the elements of an array.
fn of_type(column: &Column<'_>, table: &Table<'_>, database: &Database) -> Vec<Asked> {
    let profile = table.profile;
    let data_type = &column.field.data_type;
    if matches!(data_type.shape, Shape::Composite | Shape::Range)
        || (data_type.holds_timestamp && data_type.moment().is_none())
    {
        return inside(column, profile).into_iter().collect();
    }
    match data_type.base_name.as_str() {
        "timestamp" | "timestamptz" | "date" => moments(column, profile),
        "time" | "timetz" => times(column, profile).into_iter().collect(),
        "interval" => intervals(column, profile),
        "numeric" => numerics(column, profile, database.server.version),
        "float4" | "float8" => floats(column, profile),
        "bit" | "varbit" if !table.for_postgresql() => {
            vec![(
                &kinds::BIT_LENGTH,
                column.any(|x| format!("length({x}) > 64")),
            )]
        }
        _ => Vec::new(),
    }
}

/// COPY sends the blanks of char(n), and they are taken off for a type that would keep them.
fn padding(column: &Column<'_>) -> Option<Asked> {
    let padded = |x: &str| format!("octet_length({x}) <> octet_length({x}::text)");
    column
        .arrives_as_text()
        .then(|| (&kinds::CHAR_PADDING, column.any(padded)))
}

fn moments(column: &Column<'_>, profile: &Profile) -> Vec<Asked> {
    let arrives = column.arrives_as();
    if !arrives.starts_with("timestamp") && arrives != "date" {
        return Vec::new();
    }
    let mut asked = Vec::new();
    if let Some(cut @ Cut::Moment(_)) = column.cut {
        let loses = column.any(|x| format!("{x} <> {}", cut.of(x)));
        asked.push((&kinds::TIMESTAMP_DIGITS, loses));
    }
    let mut unless = |taken, kind, condition: &dyn Fn(&str) -> String| {
        if Profile::yes(taken) != Some(true) {
            asked.push((kind, column.any(condition)));
        }
    };
    unless(&profile.infinity, &kinds::INFINITY, &|x| {
        format!("NOT isfinite({x})")
    });
    unless(&profile.bc, &kinds::BC, &|x| {
        format!("isfinite({x}) AND {x} < '0001-01-01'::date")
    });
    unless(&profile.years_above_9999, &kinds::YEAR_ABOVE_9999, &|x| {
        format!("isfinite({x}) AND {x} >= '10000-01-01'::date")
    });
    asked
}

fn times(column: &Column<'_>, profile: &Profile) -> Option<Asked> {
    let kept = profile.time_digits.as_ref()?.value;
    let arrives = column.arrives_as();
    if kept >= 6 || !arrives.starts_with("time") || arrives.starts_with("timestamp") {
        return None;
    }
    let unit = 10_u32.pow(6 - u32::from(kept));
    let loses = |x: &str| format!("extract(microseconds FROM {x})::bigint % {unit} <> 0");
    Some((&kinds::TIME_DIGITS, column.any(loses)))
}

fn intervals(column: &Column<'_>, profile: &Profile) -> Vec<Asked> {
    let narrow = profile
        .interval_digits
        .as_ref()
        .is_some_and(|fact| fact.value < 6);
    if column.arrives_as() != "interval" || !narrow {
        return Vec::new();
    }
    let days = column.any(|x| format!("extract(day FROM {x}) <> 0"));
    let mut asked = vec![(&kinds::INTERVAL_DAYS, days)];
    if let Some(cut @ Cut::Interval(_)) = column.cut {
        let loses = column.any(|x| format!("{x} <> {}", cut.of(x)));
        asked.push((&kinds::INTERVAL_DIGITS, loses));
    }
    asked
}

/// Digits that a declared numeric may have at most; `None` where any number may come.
fn precision(column: &Column<'_>) -> Option<u32> {
    let typmod = column.field.data_type.typmod?;
    u32::try_from((typmod - 4) >> 16).ok()
}

/// PostgreSQL's own limit of a declared numeric: who keeps that keeps all.
const ALL_DIGITS: u32 = 1_000;

fn numerics(column: &Column<'_>, profile: &Profile, version: u32) -> Vec<Asked> {
    if !matches!(column.arrives_as().as_str(), "numeric" | "decimal") {
        return Vec::new();
    }
    let mut asked = Vec::new();
    let kept = profile
        .numeric_digits
        .as_ref()
        .map_or(ALL_DIGITS, |fact| fact.value);
    if kept < ALL_DIGITS && precision(column).is_none_or(|digits| digits > kept) {
        // Zeros at the end of the fraction say nothing, those before the first digit neither.
        let beyond = column.any(|x| {
            let bare = format!("trim_scale(abs({x}))");
            format!(
                "(length(ltrim(replace({bare}::text, '.', ''), '0')) > {kept} OR scale({bare}) > {kept})"
            )
        });
        asked.push((&kinds::NUMERIC_DIGITS, beyond));
    }
    if Profile::yes(&profile.nan) != Some(true) {
        // Infinite numerics came with PostgreSQL 14; the word is an error before.
        let infinite = if version >= 140_000 {
            ", 'Infinity', '-Infinity'"
        } else {
            ""
        };
        asked.push((
            &kinds::NAN,
            column.any(|x| format!("{x} IN ('NaN'{infinite})")),
        ));
    }
    asked
}

fn floats(column: &Column<'_>, profile: &Profile) -> Vec<Asked> {
    let mut asked = Vec::new();
    let arrives = column.arrives_as();
    if column.field.data_type.base_name == "float4" && arrives == "double precision" {
        let other = column.any(|x| format!("{x}::float8 <> {x}::text::float8"));
        asked.push((&kinds::FLOAT4, other));
    }
    if Profile::yes(&profile.nan) != Some(true) {
        let odd = column.any(|x| format!("{x} IN ('NaN', 'Infinity', '-Infinity')"));
        asked.push((&kinds::NAN, odd));
    }
    asked
}

/// A composite or range shows its timestamps in its text form, without zeros at their end.
fn inside(column: &Column<'_>, profile: &Profile) -> Option<Asked> {
    let kept = profile.fraction_digits();
    if !column.field.data_type.holds_timestamp || kept >= 6 {
        return None;
    }
    let digits = sql::literal(&format!(":\\d\\d\\.\\d{{{}}}", kept + 1));
    let finds = format!("{}::text ~ {digits}", column.value());
    Some((&kinds::TIMESTAMP_INSIDE, finds))
}

fn arrays(column: &Column<'_>, table: &Table<'_>) -> Vec<Asked> {
    let array = column.field.data_type.shape == Shape::Array && column.arrives_as_array();
    if !array || Profile::yes(&table.profile.multi_dimensional_arrays) == Some(true) {
        return Vec::new();
    }
    let value = column.value();
    vec![
        (
            &kinds::ARRAY_DIMENSIONS,
            format!("array_ndims({value}) > 1"),
        ),
        (
            &kinds::ARRAY_BOUNDS,
            format!("array_lower({value}, 1) <> 1"),
        ),
    ]
}

/// Bytes of well-formed UTF-8, two hexadecimal digits each (Unicode, table 3-7).
const UTF8_IN_HEX: &str = "^([0-7][0-9a-f]|(c[2-9a-f]|d[0-9a-f])[89ab][0-9a-f]|\
    e0[ab][0-9a-f][89ab][0-9a-f]|e[1-9a-cef]([89ab][0-9a-f]){2}|ed[89][0-9a-f][89ab][0-9a-f]|\
    f0[9ab][0-9a-f]([89ab][0-9a-f]){2}|f[1-3]([89ab][0-9a-f]){3}|f48[0-9a-f]([89ab][0-9a-f]){2})*$";

/// A server in SQL_ASCII takes any byte; in every other encoding it has checked them.
fn encoding(column: &Column<'_>, database: &Database) -> Option<Asked> {
    let data_type = &column.field.data_type;
    let text = matches!(data_type.shape, Shape::Scalar | Shape::Array)
        && matches!(
            data_type.base_name.as_str(),
            "text" | "varchar" | "bpchar" | "citext" | "json" | "xml" | "name"
        );
    if !text || database.server.encoding != "SQL_ASCII" {
        return None;
    }
    let odd = column.any(|x| {
        let form = sql::literal(UTF8_IN_HEX);
        format!("encode(convert_to({x}::text, 'SQL_ASCII'), 'hex') !~ {form}")
    });
    Some((&kinds::INVALID_UTF8, odd))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::database::Relation;
    use crate::schema::convert::MappedTable;
    use crate::schema::deep::samples::{database, table};

    fn asked(relation: &Relation, mapped: &MappedTable, profile: &Profile) -> Vec<String> {
        let (database, _) = database(relation.clone(), mapped.clone());
        let table = Table::new(relation, vec![relation], mapped, profile);
        let text = |ask: Ask| {
            let condition = ask.count.trim_start_matches("count(*) FILTER (WHERE ");
            format!("{}: {}", ask.kind.id, condition.trim_end_matches(')'))
        };
        asks(&table, &database).into_iter().map(text).collect()
    }

    fn ids(columns: &[(&str, &str, &str)], profile: &Profile) -> Vec<String> {
        let (relation, mapped) = table(columns);
        let asked = asked(&relation, &mapped, profile);
        asked
            .iter()
            .map(|a| a.split(':').next().unwrap_or_default().to_owned())
            .collect()
    }

    #[test]
    fn each_type_has_its_questions() {
        let profile = Profile::db9_documented();
        let unbounded = ["deep-infinity", "deep-bc", "deep-year-above-9999"];
        for (from, to, expected) in [
            ("text", "text", &[][..]),
            ("int4", "integer", &[]),
            ("date", "date", &unbounded),
            ("numeric", "numeric", &["deep-numeric-digits", "deep-nan"]),
            ("float4", "double precision", &["deep-float4", "deep-nan"]),
            ("float8", "double precision", &["deep-nan"]),
            (
                "interval",
                "interval",
                &["deep-interval-days", "deep-interval-digits"],
            ),
            ("bpchar(3)", "character varying(3)", &["deep-char-padding"]),
            ("varbit", "bit varying", &["deep-bit-length"]),
            (
                "int4[]",
                "integer[]",
                &["deep-array-dimensions", "deep-array-bounds"],
            ),
            ("int4[]", "jsonb", &[]),
            ("timestamp", "text", &[]),
        ] {
            assert_eq!(
                ids(&[("a", from, to)], &profile),
                expected,
                "{from} to {to}"
            );
        }
        let moment = ids(
            &[("a", "timestamptz", "timestamp with time zone")],
            &profile,
        );
        assert_eq!(
            moment,
            [&["deep-timestamp-digits"][..], &unbounded].concat()
        );
    }

    #[test]
    fn a_postgresql_loses_nothing_of_a_value() {
        let columns = [
            ("a", "timestamptz", "timestamp with time zone"),
            ("b", "numeric", "numeric"),
            ("c", "interval", "interval"),
            ("d", "int4[]", "integer[]"),
            ("e", "varbit", "bit varying"),
            ("f", "float4", "real"),
            ("g", "bpchar(3)", "character(3)"),
        ];
        assert_eq!(ids(&columns, &Profile::postgresql()), [""; 0]);
    }

    #[test]
    fn elements_of_arrays_are_asked_one_by_one() {
        let (relation, mapped) = table(&[("a", "timestamp[]", "timestamp without time zone[]")]);
        let asked = asked(&relation, &mapped, &Profile::db9_documented());
        assert_eq!(
            asked[0],
            "deep-timestamp-digits: EXISTS (SELECT FROM unnest(wire9_row.\"a\") AS wire9_part(x) \
             WHERE wire9_part.x <> date_trunc('milliseconds', wire9_part.x"
        );
    }

    #[test]
    fn only_a_server_that_checks_nothing_is_asked_for_other_bytes() {
        let (relation, mapped) = table(&[("a", "text", "text")]);
        let (mut database, _) = database(relation.clone(), mapped.clone());
        "SQL_ASCII".clone_into(&mut database.server.encoding);
        let profile = Profile::db9_documented();
        let table = Table::new(&relation, vec![&relation], &mapped, &profile);
        let asks = asks(&table, &database);
        assert_eq!(asks.len(), 1);
        assert_eq!(asks[0].kind.id, "deep-invalid-utf8");
    }
}
