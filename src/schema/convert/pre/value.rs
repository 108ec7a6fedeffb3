//! The CHECK of a domain for a column: `VALUE` becomes the column.

use super::tokens;
use crate::sql;

/// The condition with the column in the place of `VALUE`; `None` where it can not be read.
pub(in crate::schema) fn of_column(condition: &str, column: &str) -> Option<String> {
    let column = sql::identifier(column);
    let mut text = condition.to_owned();
    for at in values(condition)?.into_iter().rev() {
        text.replace_range(at..at + "VALUE".len(), &column);
    }
    Some(text)
}

/// Where `VALUE` stands, in order: by the parse tree, since `IS JSON VALUE` has the same word.
#[cfg(feature = "parser")]
fn values(condition: &str) -> Option<Vec<usize>> {
    const BEFORE: &str = "SELECT ";
    let tree = pg_query::parse(&format!("{BEFORE}{condition}"), 0).ok()?;
    let tree = serde_json::to_value(&tree.protobuf).ok()?;
    let words = tokens::words(condition);
    let mut found: Vec<usize> = Vec::new();
    references(&tree, &mut |location| {
        let at = usize::try_from(location).ok()?.checked_sub(BEFORE.len())?;
        let word = words.iter().find(|word| word.at.start == at)?;
        (word.name == "value" && word.at.len() == "VALUE".len()).then(|| found.push(at))
    });
    found.sort_unstable();
    found.dedup();
    Some(found)
}

/// Every place of a column's name in a tree.
#[cfg(feature = "parser")]
fn references(tree: &serde_json::Value, see: &mut impl FnMut(i64) -> Option<()>) {
    match tree {
        serde_json::Value::Object(fields) => {
            for (name, inner) in fields {
                if name == "ColumnRef"
                    && let Some(location) = inner.get("location").and_then(|l| l.as_i64())
                {
                    see(location);
                }
                references(inner, see);
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| references(item, see)),
        _ => {}
    }
}

/// Where `VALUE` stands, in order: by its words, which nothing else may share.
#[cfg(not(feature = "parser"))]
fn values(condition: &str) -> Option<Vec<usize>> {
    let words = tokens::words(condition);
    let json = words
        .windows(2)
        .any(|pair| pair[0].name == "json" && pair[1].name == "value");
    let values = words
        .iter()
        .filter(|word| word.name == "value" && !word.after_dot && word.at.len() == "VALUE".len());
    (!json).then(|| values.map(|word| word.at.start).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_becomes_the_column_wherever_it_is_the_value() {
        let of = |condition| of_column(condition, "to").unwrap();
        assert_eq!(
            of("((VALUE >= 0) AND (VALUE <= 100))"),
            "((\"to\" >= 0) AND (\"to\" <= 100))"
        );
        assert_eq!(
            of("(VALUE ~ 'VALUE'::text) OR public.value(VALUE) > (VALUE).value"),
            "(\"to\" ~ 'VALUE'::text) OR public.value(\"to\") > (\"to\").value"
        );
        assert_eq!(of("'größer' <> VALUE"), "'größer' <> \"to\"");
    }

    #[cfg(feature = "parser")]
    #[test]
    fn a_keyword_of_the_same_letters_stays() {
        let checked = of_column("VALUE IS JSON VALUE", "v").unwrap();
        assert_eq!(checked, "\"v\" IS JSON VALUE");
    }
}
