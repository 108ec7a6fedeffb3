//! Which tables and which of their rows, as typed, for every command that is about rows.

use clap::Args;

use crate::runs::{Error, Exit};
use crate::schema::Selection;

/// Which tables, and which rows of them.
#[derive(Debug, Args)]
pub(super) struct SelectionArguments {
    /// Only tables of schemas that match this pattern; repeatable [default: all schemas].
    #[arg(long, value_name = "PATTERN", help_heading = "Which rows")]
    schema: Vec<String>,

    /// Only tables that match this pattern, `[SCHEMA.]TABLE`; repeatable [default: all tables].
    #[arg(long, value_name = "PATTERN", help_heading = "Which rows")]
    table: Vec<String>,

    /// Leave out tables that match this pattern, `[SCHEMA.]TABLE`; repeatable [default: none].
    #[arg(long, value_name = "PATTERN", help_heading = "Which rows")]
    exclude_table: Vec<String>,

    /// This table without its inheritance children; repeatable [default: none].
    #[arg(long, value_name = "TABLE", help_heading = "Which rows")]
    only: Vec<String>,

    #[command(flatten)]
    pub(super) rows: RowArguments,
}

/// Which rows of a table, and how much of their timestamps.
#[derive(Debug, Args)]
pub(super) struct RowArguments {
    /// Only rows of the table for which the SQL expression holds; repeatable [default: all rows].
    #[arg(long = "where", value_name = "TABLE=EXPR", help_heading = "Which rows")]
    condition: Vec<String>,

    /// Fraction digits of a second that timestamps are cut to, `auto` or 0 to 6; auto is what the
    /// target keeps.
    #[arg(long, value_name = "auto|0..6", default_value = "auto")]
    #[arg(value_parser = fraction_digits, help_heading = "Which rows")]
    fraction_digits: FractionDigits,
}

/// `--fraction-digits`: `None` is `auto`. A type of its own, since clap reads an `Option` as an
/// argument that may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FractionDigits(Option<u8>);

impl SelectionArguments {
    /// What they mean.
    pub(super) fn selection(&self) -> Result<Selection, Error> {
        named("--schema", &self.schema)?;
        named("--table", &self.table)?;
        named("--exclude-table", &self.exclude_table)?;
        named("--only", &self.only)?;
        Ok(Selection {
            schemas: self.schema.clone(),
            tables: self.table.clone(),
            exclude: self.exclude_table.clone(),
            only: self.only.clone(),
            conditions: self.rows.conditions()?,
        })
    }
}

impl RowArguments {
    /// Tables and the conditions on their rows.
    pub(super) fn conditions(&self) -> Result<Vec<(String, String)>, Error> {
        self.condition.iter().map(|text| condition(text)).collect()
    }

    /// Fraction digits that timestamps are cut to; `None` is what the target keeps.
    pub(super) fn fraction_digits(&self) -> Option<u8> {
        self.fraction_digits.0
    }
}

/// Refuses an empty pattern (an unset shell variable), which is never meant.
pub(super) fn named(argument: &str, patterns: &[String]) -> Result<(), Error> {
    if patterns.iter().all(|pattern| !pattern.trim().is_empty()) {
        return Ok(());
    }
    let advice = format!("give {argument} a name or a pattern, or leave it out");
    Err(Error::new(Exit::Usage, format!("{argument} is empty")).advise(advice))
}

/// `TABLE=EXPR`, cut at the first `=` outside of a quoted name. Not shown in the error: a condition
/// may hold values.
fn condition(text: &str) -> Result<(String, String), Error> {
    let mut quoted = false;
    let cut = text.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        *c == '=' && !quoted
    });
    let (table, expression) = match cut {
        Some((at, _)) => (text[..at].trim(), text[at + 1..].trim()),
        None => ("", ""),
    };
    if table.is_empty() || expression.is_empty() {
        let advice = "give --where a table, = and an SQL expression: --where 'orders=id > 1000'";
        return Err(Error::new(Exit::Usage, "--where is not TABLE=EXPR").advise(advice));
    }
    Ok((table.to_owned(), expression.to_owned()))
}

fn fraction_digits(text: &str) -> Result<FractionDigits, String> {
    match text {
        "auto" => Ok(FractionDigits(None)),
        digit => match digit.parse::<u8>() {
            Ok(digits @ 0..=6) => Ok(FractionDigits(Some(digits))),
            _ => Err("give auto, or a number of digits from 0 to 6".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fraction_digits_are_auto_or_zero_to_six() {
        assert_eq!(fraction_digits("auto"), Ok(FractionDigits(None)));
        assert_eq!(fraction_digits("0"), Ok(FractionDigits(Some(0))));
        assert_eq!(fraction_digits("6"), Ok(FractionDigits(Some(6))));
        for text in ["7", "-1", "", "three", "256"] {
            assert!(fraction_digits(text).is_err(), "{text}");
        }
    }

    #[test]
    fn conditions_are_cut_at_the_first_equals_sign_outside_of_a_name() {
        let cut = |text| condition(text).ok();
        let pair = |t: &str, e: &str| Some((t.to_owned(), e.to_owned()));
        assert_eq!(cut("orders=id = 1"), pair("orders", "id = 1"));
        assert_eq!(cut(" a.b = x >= 2 "), pair("a.b", "x >= 2"));
        assert_eq!(cut("\"a=b\".c=x"), pair("\"a=b\".c", "x"));
    }

    #[test]
    fn a_condition_that_is_none_is_refused_without_being_shown() {
        for text in ["orders", "=s3cret", "orders=", "\"orders=s3cret", ""] {
            let error = condition(text).expect_err(text);
            assert_eq!(error.exit, Exit::Usage);
            assert!(!format!("{error:?}").contains("s3cret"));
        }
    }

    #[test]
    fn an_empty_pattern_is_refused_by_its_arguments_name() {
        let error = named("--table", &["a".to_owned(), " ".to_owned()]).expect_err("empty");
        assert_eq!(
            (error.exit, error.what.as_str()),
            (Exit::Usage, "--table is empty")
        );
        assert!(named("--table", &[]).is_ok());
    }
}
