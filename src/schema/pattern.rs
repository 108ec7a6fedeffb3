//! Patterns of names, as psql and pg_dump write them.
//!
//! `*` is any text, `?` any character, a dot separates schema and name. Letters fold to lower case
//! outside double quotes; within them everything is itself, and a doubled quote is one.

use std::collections::BTreeSet;

use crate::catalog::TableName;

/// A pattern that can not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A double quote that never closes.
    #[error("it has a double quote that does not close")]
    OpenQuote,
    /// More parts than schema and name.
    #[error("it has too many dots")]
    TooManyParts,
    /// Nothing, or nothing on one side of the dot.
    #[error("it has an empty name")]
    Empty,
    /// `--where` without `=`, or nothing after it.
    #[error("it is not of the form TABLE=EXPRESSION")]
    NoCondition,
}

/// A pattern for tables or schemas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    text: String,
    schema: Vec<Piece>,
    name: Vec<Piece>,
}

/// One element of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Exactly(char),
    AnyCharacter,
    AnyText,
}

impl Pattern {
    /// `TABLE` (in whatever schema) or `SCHEMA.TABLE`.
    pub(super) fn table(text: &str) -> Result<Self, PatternError> {
        let mut parts = parts(text)?;
        let name = parts.pop().unwrap_or_default();
        let schema = parts.pop().unwrap_or_else(|| vec![Piece::AnyText]);
        if !parts.is_empty() {
            Err(PatternError::TooManyParts)
        } else if name.is_empty() || schema.is_empty() {
            Err(PatternError::Empty)
        } else {
            Ok(Self {
                text: text.to_owned(),
                schema,
                name,
            })
        }
    }

    /// A schema's name.
    pub(super) fn schema(text: &str) -> Result<Self, PatternError> {
        let mut parts = parts(text)?;
        let schema = parts.pop().unwrap_or_default();
        if !parts.is_empty() {
            Err(PatternError::TooManyParts)
        } else if schema.is_empty() {
            Err(PatternError::Empty)
        } else {
            let name = vec![Piece::AnyText];
            Ok(Self {
                text: text.to_owned(),
                schema,
                name,
            })
        }
    }

    /// As it was typed.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn matches(&self, table: &TableName) -> bool {
        matches(&self.schema, &table.schema) && matches(&self.name, &table.name)
    }

    /// Up to three schemas whose names are near.
    pub(super) fn nearest<'a>(&self, schemas: impl Iterator<Item = &'a str>) -> Vec<String> {
        let wanted = plain(&self.schema);
        let schemas: BTreeSet<&str> = schemas.collect();
        closest(
            schemas
                .into_iter()
                .map(|s| (distance(&wanted, s), s.to_owned())),
        )
    }

    /// Up to three tables whose names are near.
    pub(super) fn nearest_tables<'a>(
        &self,
        tables: impl Iterator<Item = &'a TableName>,
    ) -> Vec<String> {
        let wanted = plain(&self.name);
        closest(tables.map(|t| (distance(&wanted, &t.name), t.to_string())))
    }
}

/// Splits `TABLE=EXPRESSION` at the first `=` outside of double quotes.
pub(super) fn split_condition(text: &str) -> Result<(&str, &str), PatternError> {
    let mut quoted = false;
    let at = text.char_indices().find(|&(_, c)| {
        quoted ^= c == '"';
        c == '=' && !quoted
    });
    let (table, expression) = at
        .map(|(at, _)| (text[..at].trim(), text[at + 1..].trim()))
        .filter(|(_, expression)| !expression.is_empty())
        .ok_or(PatternError::NoCondition)?;
    Ok((table, expression))
}

/// The parts between unquoted dots.
fn parts(text: &str) -> Result<Vec<Vec<Piece>>, PatternError> {
    let mut parts = vec![Vec::new()];
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let last = parts.len() - 1;
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => {
                parts[last].push(Piece::Exactly('"'));
            }
            '"' => quoted = !quoted,
            _ if quoted => parts[last].push(Piece::Exactly(c)),
            '.' => parts.push(Vec::new()),
            '*' => parts[last].push(Piece::AnyText),
            '?' => parts[last].push(Piece::AnyCharacter),
            _ => parts[last].extend(c.to_lowercase().map(Piece::Exactly)),
        }
    }
    if quoted {
        return Err(PatternError::OpenQuote);
    }
    Ok(parts)
}

/// Matching with one point to return to, so that many stars cost no more than length × length.
fn matches(pattern: &[Piece], name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(Piece::AnyText) => {
                star = Some((p, n));
                p += 1;
                continue;
            }
            Some(Piece::AnyCharacter) => (p, n) = (p + 1, n + 1),
            Some(Piece::Exactly(c)) if *c == name[n] => (p, n) = (p + 1, n + 1),
            _ => {
                let Some((star_p, star_n)) = star else {
                    return false;
                };
                star = Some((star_p, star_n + 1));
                (p, n) = (star_p + 1, star_n + 1);
            }
        }
    }
    pattern[p..].iter().all(|piece| *piece == Piece::AnyText)
}

/// The pattern's own characters.
fn plain(pattern: &[Piece]) -> String {
    pattern
        .iter()
        .filter_map(|piece| match piece {
            Piece::Exactly(c) => Some(*c),
            Piece::AnyCharacter | Piece::AnyText => None,
        })
        .collect()
}

/// The three nearest names, of those that are near at all.
fn closest(candidates: impl Iterator<Item = (Option<usize>, String)>) -> Vec<String> {
    let mut near: Vec<(usize, String)> = candidates
        .filter_map(|(distance, name)| Some((distance?, name)))
        .collect();
    near.sort();
    near.truncate(3);
    near.into_iter().map(|(_, name)| name).collect()
}

/// Edits between two names, case aside; `None` where they have nothing to do with each other.
fn distance(wanted: &str, name: &str) -> Option<usize> {
    let (wanted, name) = (wanted.to_lowercase(), name.to_lowercase());
    if wanted == name {
        return Some(0);
    }
    let (shorter, longer) = if wanted.len() < name.len() {
        (&wanted, &name)
    } else {
        (&name, &wanted)
    };
    if shorter.len() >= 3 && longer.contains(shorter.as_str()) {
        return Some(1);
    }
    let edits = edits(&wanted, &name);
    (edits <= 1 + wanted.chars().count() / 4).then_some(edits)
}

/// Levenshtein's distance, with two rows.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hit(pattern: &str, schema: &str, name: &str) -> bool {
        let pattern = Pattern::table(pattern).expect("a pattern of the test");
        pattern.matches(&TableName::new(schema, name))
    }

    #[test]
    fn stars_question_marks_and_schemas_match_as_in_pg_dump() {
        assert!(hit("orders", "shop", "orders"));
        assert!(hit("ORDERS", "shop", "orders") && !hit("ORDERS", "shop", "ORDERS"));
        assert!(hit("shop.ord*", "shop", "orders") && !hit("shop.ord*", "old", "orders"));
        assert!(hit("o?ders", "shop", "orders") && !hit("o?ders", "shop", "oders"));
        assert!(hit("*.*", "a", "b") && hit("*a*b*", "s", "xxaxxbxx"));
        assert!(!hit("*a*b", "s", "xxaxxbxx"));
    }

    #[test]
    fn double_quotes_keep_case_dots_and_stars() {
        assert!(hit("\"Order Lines\"", "s", "Order Lines"));
        assert!(hit("\"a.b\".\"c*\"", "a.b", "c*") && !hit("\"c*\"", "s", "cx"));
        assert!(hit("\"say \"\"hi\"\"\"", "s", "say \"hi\""));
        assert!(hit("pre\"Fix\"*", "s", "preFixed"));
        assert!(hit("\"a\nb\"", "s", "a\nb"));
    }

    #[test]
    fn patterns_that_mean_nothing_are_errors() {
        let error = |text| Pattern::table(text).expect_err("no pattern");
        assert_eq!(error("\"a"), PatternError::OpenQuote);
        assert_eq!(error("a.b.c"), PatternError::TooManyParts);
        assert_eq!(error(""), PatternError::Empty);
        assert_eq!(error("a."), PatternError::Empty);
        let schema = Pattern::schema("a.b").expect_err("no schema");
        assert_eq!(schema, PatternError::TooManyParts);
    }

    #[test]
    fn a_condition_is_cut_at_the_first_equals_sign_outside_quotes() {
        assert_eq!(split_condition("t=a = 1"), Ok(("t", "a = 1")));
        assert_eq!(split_condition("\"x=y\" = z"), Ok(("\"x=y\"", "z")));
        assert!(split_condition("t").is_err() && split_condition("t= ").is_err());
    }

    #[test]
    fn near_names_are_offered() {
        let tables =
            ["orders", "order_lines", "customers", "Order"].map(|n| TableName::new("s", n));
        let near = |p: &str| {
            Pattern::table(p)
                .expect("a pattern")
                .nearest_tables(tables.iter())
        };
        assert_eq!(near("ordrs"), ["s.orders", "s.\"Order\""]);
        assert_eq!(near("order"), ["s.\"Order\"", "s.order_lines", "s.orders"]);
        assert_eq!(near("zebra"), Vec::<String>::new());
    }

    /// The obvious, exponential way.
    fn slowly(pattern: &[Piece], name: &[char]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some((Piece::AnyText, rest)), _) => {
                slowly(rest, name) || (!name.is_empty() && slowly(pattern, &name[1..]))
            }
            (Some((Piece::AnyCharacter, p)), Some((_, n))) => slowly(p, n),
            (Some((Piece::Exactly(c), p)), Some((d, n))) => c == d && slowly(p, n),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn matching_agrees_with_the_slow_way(pattern in "[ab*?]{0,8}", name in "[ab]{0,8}") {
            let pieces = parts(&pattern).expect("no quotes").remove(0);
            let chars: Vec<char> = name.chars().collect();
            prop_assert_eq!(matches(&pieces, &name), slowly(&pieces, &chars));
        }

        #[test]
        fn a_quoted_name_matches_itself_alone(schema in "\\PC{1,6}", name in "\\PC{1,6}", other in "\\PC{1,6}") {
            let quoted = TableName::new(schema.as_str(), name.as_str()).quoted();
            prop_assert!(hit(&quoted, &schema, &name));
            prop_assert_eq!(hit(&quoted, &schema, &other), name == other);
        }
    }
}
