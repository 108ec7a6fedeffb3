//! Ranges of a key, and pages along it, as conditions of a SELECT. Pure.
//!
//! A column's own order is what its index gives: nothing here names a collation.

use crate::sql;

/// A half-open range of a key of the target: one column, or several that are compared as a row. No column of
/// it is ever NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    /// The columns' names in the target, in the order of the key.
    pub columns: Vec<String>,
    /// The first key, a text per column; `None`: open.
    pub from: Option<Vec<String>>,
    /// The key after the last; `None`: open.
    pub to: Option<Vec<String>>,
}

impl KeyRange {
    /// The range as a condition; `None`: all rows.
    pub(super) fn condition(&self) -> Option<String> {
        let key = key(&self.columns);
        let from = self.from.as_ref().map(|from| compared(&key, ">=", from));
        let to = self.to.as_ref().map(|to| compared(&key, "<", to));
        match (from, to) {
            (Some(from), Some(to)) => Some(format!("{from} AND {to}")),
            (from, to) => from.or(to),
        }
    }
}

/// That a row comes behind this key.
pub(super) fn behind(columns: &[String], last: &[String]) -> String {
    compared(&key(columns), ">", last)
}

fn compared(key: &str, sign: &str, values: &[String]) -> String {
    let literals = sql::literals(values);
    match values {
        [_] => format!("{key} {sign} {literals}"),
        _ => format!("{key} {sign} ({literals})"),
    }
}

fn key(columns: &[String]) -> String {
    let names = sql::identifiers(columns);
    match columns {
        [_] => names,
        _ => format!("({names})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn range(columns: &[&str], from: Option<&[&str]>, to: Option<&[&str]>) -> Option<String> {
        let range = KeyRange {
            columns: texts(columns),
            from: from.map(texts),
            to: to.map(texts),
        };
        range.condition()
    }

    #[test]
    fn ranges_are_half_open() {
        let middle = range(&["id"], Some(&["5"]), Some(&["9"]));
        assert_eq!(middle.as_deref(), Some("\"id\" >= '5' AND \"id\" < '9'"));
        let first = range(&["id"], None, Some(&["5"]));
        assert_eq!(first.as_deref(), Some("\"id\" < '5'"));
        let last = range(&["id"], Some(&["9"]), None);
        assert_eq!(last.as_deref(), Some("\"id\" >= '9'"));
        assert_eq!(range(&["id"], None, None), None);
    }

    #[test]
    fn a_key_of_several_columns_is_compared_as_a_row() {
        let from = range(&["a b", "c"], Some(&["it's", "\\"]), None);
        assert_eq!(
            from.as_deref(),
            Some("(\"a b\", \"c\") >= ('it''s',  E'\\\\')")
        );
        let page = behind(&texts(&["a", "c"]), &texts(&["", "1"]));
        assert_eq!(page, "(\"a\", \"c\") > ('', '1')");
        assert_eq!(behind(&texts(&["a"]), &texts(&["x"])), "\"a\" > 'x'");
    }
}
