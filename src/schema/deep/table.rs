//! A table as the questions see it: its columns, and what the target will make of their values.

use std::collections::HashMap;

use crate::catalog::database::{Field, Relation, UserType, UserTypeKind};
use crate::catalog::{Shape, readable};
use crate::profile::{Fact, Profile, ServerKind};
use crate::schema::convert::{MappedColumn, MappedTable, RoundTrip};
use crate::sql;

use super::Ask;
use crate::schema::finding::Kind;

/// The name of the row that is read, in every question.
const ROW: &str = "wire9_row";

/// A table whose rows are moved.
pub(super) struct Table<'a> {
    /// What the target's table is made from.
    pub(super) root: &'a Relation,
    /// The relations that hold its rows.
    pub(super) leaves: Vec<&'a Relation>,
    pub(super) profile: &'a Profile,
    pub(super) columns: Vec<Column<'a>>,
}

/// A column of it.
pub(super) struct Column<'a> {
    pub(super) field: &'a Field,
    /// What it becomes; `None` where it is not sent.
    pub(super) mapped: Option<&'a MappedColumn>,
    /// The target's type, SQL; below a domain that the target has, too. Empty where it is not sent.
    to: String,
    /// How the target's value differs, where that can be computed.
    pub(super) cut: Option<Cut>,
}

/// How the target's value of a column comes from the source's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// A timestamp keeps that many digits of a second.
    Moment(u8),
    /// So does an interval: 0 or 3.
    Interval(u8),
    /// The mapping's own expression loses something.
    Expression,
}

impl<'a> Table<'a> {
    pub(super) fn new(
        root: &'a Relation,
        leaves: Vec<&'a Relation>,
        mapped: &'a MappedTable,
        profile: &'a Profile,
    ) -> Self {
        let sent: HashMap<&str, &MappedColumn> = mapped
            .columns
            .iter()
            .map(|c| (c.name.as_str(), c))
            .collect();
        let column = |field: &'a Field| {
            let mapped = sent.get(field.name.as_str()).copied();
            Column {
                field,
                mapped,
                to: mapped.map_or_else(String::new, |mapped| mapped.to.clone()),
                cut: mapped.and_then(|mapped| cut(field, &mapped.to, mapped, profile)),
            }
        };
        Self {
            root,
            leaves,
            profile,
            columns: root.columns.iter().map(column).collect(),
        }
    }

    /// The same where columns of domains that the target has, and of arrays of such, are seen as what is
    /// below them.
    pub(super) fn through_domains(mut self, types: &HashMap<u32, &UserType>) -> Self {
        for column in &mut self.columns {
            let user_type = types.get(&column.field.type_oid);
            let domain = user_type.is_some_and(|t| matches!(t.kind, UserTypeKind::Domain { .. }));
            // Only types of users are quoted: what is not is the domain's base type already.
            let Some(mapped) = column.mapped.filter(|m| domain && m.to.contains('"')) else {
                continue;
            };
            let below = below_domain(&column.field.data_type.base_name);
            column.cut = cut(column.field, below, mapped, self.profile);
            let array = column.field.data_type.shape == Shape::Array;
            column.to = format!("{below}{}", if array { "[]" } else { "" });
        }
        self
    }

    /// FROM one leaf, and nothing else.
    pub(super) fn plain_from(&self, leaf: &Relation) -> String {
        format!("ONLY {} AS {ROW}", leaf.name.quoted())
    }

    /// FROM all leaves. Where several are left they are read through their root.
    pub(super) fn whole_from(&self) -> String {
        match self.leaves.as_slice() {
            [only] if only.oid == self.root.oid => self.plain_from(only),
            _ => format!("{} AS {ROW}", self.root.name.quoted()),
        }
    }

    /// `SELECT` of every column under its own name, as the target will have it.
    pub(super) fn as_the_target_has_it(&self) -> String {
        let columns = self.columns.iter();
        let columns: Vec<String> = columns
            .map(|c| format!("{} AS {}", c.target_value(), sql::identifier(&c.field.name)))
            .collect();
        format!("SELECT {}", columns.join(", "))
    }

    /// The names of columns whose values change.
    pub(super) fn cut_columns(&self) -> impl Iterator<Item = &str> {
        let cut = self.columns.iter().filter(|column| column.cut.is_some());
        cut.map(|column| column.field.name.as_str())
    }

    /// `column public.orders.total`.
    pub(super) fn object(&self, column: &str) -> String {
        format!("column {}.{}", self.root.name, readable(column))
    }

    /// Asks for the number of rows for which a condition holds.
    pub(super) fn ask(&self, kind: &'static Kind, object: String, condition: &str) -> Ask {
        Ask {
            kind,
            object,
            detail: String::new(),
            count: format!("count(*) FILTER (WHERE {condition})"),
            rows: None,
            in_catalog: None,
        }
    }

    /// Whether somebody said that the target is a PostgreSQL, which keeps everything.
    pub(super) fn for_postgresql(&self) -> bool {
        matches!(&self.profile.server, Some(fact) if fact.value == ServerKind::Postgresql)
    }
}

impl Column<'_> {
    /// The source's value, SQL.
    pub(super) fn value(&self) -> String {
        format!("{ROW}.{}", sql::identifier(&self.field.name))
    }

    /// The target's type without length and brackets: `timestamp without time zone`; empty where it is
    /// not sent.
    pub(super) fn arrives_as(&self) -> String {
        bare(&self.to)
    }

    /// Whether the target's type is an array.
    pub(super) fn arrives_as_array(&self) -> bool {
        self.to.trim_end().ends_with("[]")
    }

    /// Whether the target keeps it as a text of some kind, which changes nothing in it.
    pub(super) fn arrives_as_text(&self) -> bool {
        let scalar = !self.arrives_as_array();
        let name = self.arrives_as();
        scalar
            && matches!(
                name.as_str(),
                "text" | "character varying" | "varchar" | "json" | "jsonb"
            )
    }

    /// A condition on the value, or on any element of an array.
    pub(super) fn any(&self, condition: impl Fn(&str) -> String) -> String {
        match self.field.data_type.shape {
            Shape::Array => format!(
                "EXISTS (SELECT FROM unnest({}) AS wire9_part(x) WHERE {})",
                self.value(),
                condition("wire9_part.x")
            ),
            _ => condition(&self.value()),
        }
    }

    /// The target's value, SQL.
    fn target_value(&self) -> String {
        let sent = match self.mapped.and_then(|mapped| mapped.expression.as_deref()) {
            Some(expression) => format!("({expression})"),
            None => self.value(),
        };
        let Some(cut) = self.cut else {
            return sent;
        };
        match self.field.data_type.shape {
            Shape::Array if cut != Cut::Expression => format!(
                "CASE WHEN {sent} IS NULL THEN NULL ELSE ARRAY(SELECT {} FROM unnest({sent}) \
                 WITH ORDINALITY AS wire9_part(x, n) ORDER BY n) END",
                cut.of("wire9_part.x")
            ),
            _ => cut.of(&sent),
        }
    }
}

impl Cut {
    /// What is left of a value, SQL.
    pub(super) fn of(self, value: &str) -> String {
        match self {
            Self::Expression => value.to_owned(),
            Self::Moment(3) | Self::Interval(3) => format!("date_trunc('milliseconds', {value})"),
            Self::Moment(0) | Self::Interval(_) => format!("date_trunc('second', {value})"),
            Self::Moment(digits) => {
                let unit = 10_u32.pow(6 - u32::from(digits.min(6)));
                format!(
                    "CASE WHEN isfinite({value}) THEN {value} - (extract(microseconds FROM {value})\
                     ::bigint % {unit}) * interval '1 microsecond' ELSE {value} END"
                )
            }
        }
    }
}

/// The SQL name of the type that a domain over this one has below it in the target.
fn below_domain(base_name: &str) -> &str {
    match base_name {
        "timestamp" => "timestamp without time zone",
        "timestamptz" => "timestamp with time zone",
        "float4" => "double precision",
        "bpchar" => "character varying",
        other => other,
    }
}

fn cut(field: &Field, to: &str, mapped: &MappedColumn, profile: &Profile) -> Option<Cut> {
    let digits_of_type = declared_digits(to).unwrap_or(6);
    let to = bare(to);
    let own = field.data_type.fraction_digits();
    if field.data_type.moment().is_some() && to.starts_with("timestamp") {
        let zoned = to == "timestamp with time zone" || to == "timestamptz";
        let kept = match zoned {
            true => &profile.timestamptz_digits,
            false => &profile.timestamp_digits,
        };
        let kept = digits(kept).min(digits_of_type);
        return (kept < own).then_some(Cut::Moment(kept));
    }
    if field.data_type.base_name == "interval" && to == "interval" {
        // An interval can only be cut at a unit that has a name.
        return match digits(&profile.interval_digits) {
            kept @ (0 | 3) => Some(Cut::Interval(kept)),
            _ => None,
        };
    }
    (mapped.round_trip == RoundTrip::Lossy && mapped.expression.is_some())
        .then_some(Cut::Expression)
}

fn digits(kept: &Option<Fact<u8>>) -> u8 {
    kept.as_ref().map_or(6, |fact| fact.value)
}

/// A type's name without schema of the system, length, and brackets, in small letters.
fn bare(sql_type: &str) -> String {
    let text = sql_type.trim().to_ascii_lowercase();
    let text = text
        .trim_start_matches("pg_catalog.")
        .trim_end_matches("[]");
    let bare = match (text.find('('), text.find(')')) {
        (Some(from), Some(to)) if from < to => format!("{}{}", &text[..from], &text[to + 1..]),
        _ => text.to_owned(),
    };
    bare.trim().to_owned()
}

/// 3 of `timestamp(3) without time zone`.
fn declared_digits(sql_type: &str) -> Option<u8> {
    let (_, after) = sql_type.split_once('(')?;
    let (digits, _) = after.split_once(')')?;
    digits.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::deep::samples::{column, mapped};

    #[test]
    fn types_are_known_without_length_and_brackets() {
        assert_eq!(
            bare("timestamp(3) without time zone"),
            "timestamp without time zone"
        );
        assert_eq!(bare("numeric(19,2)[]"), "numeric");
        assert_eq!(bare(" pg_catalog.text "), "text");
        assert_eq!(declared_digits("timestamp(3) without time zone"), Some(3));
        assert_eq!(declared_digits("text"), None);
    }

    #[test]
    fn a_timestamp_is_cut_to_what_type_and_target_keep() {
        let profile = Profile::db9_documented();
        let cut_as = |from: &str, to: &str| {
            let field = column("at", from);
            cut(&field, to, &mapped("at", to), &profile)
        };
        assert_eq!(
            cut_as("timestamp", "timestamp without time zone"),
            Some(Cut::Moment(3))
        );
        assert_eq!(
            cut_as("timestamptz", "timestamp(0) with time zone"),
            Some(Cut::Moment(0))
        );
        assert_eq!(
            cut_as("timestamptz", "text"),
            None,
            "a text keeps every digit"
        );
        assert_eq!(
            cut_as("timestamp(3)", "timestamp(3) without time zone"),
            None
        );
        assert_eq!(cut_as("interval", "interval"), Some(Cut::Interval(3)));
        assert_eq!(cut_as("text", "text"), None);
    }
}
