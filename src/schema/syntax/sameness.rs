//! Whether two texts have one parse tree: without places, names of casts of constants, and brackets, which is
//! where servers differ that write out what they understood.

use serde_json::{Map, Value};

use super::Grammatical;
use super::lexer::Lexed;
use super::tree::{self, Grammar};

/// See `syntax::same`.
pub(super) fn same(one: &str, other: &str, grammar: Grammatical) -> Option<bool> {
    Some(tree_of(one, grammar)? == tree_of(other, grammar)?)
}

fn tree_of(text: &str, grammar: Grammatical) -> Option<Value> {
    let sql = match grammar {
        Grammatical::Statement | Grammatical::Result => text.to_owned(),
        Grammatical::Expression => format!("SELECT ({text}\n)"),
        Grammatical::Constraint => format!("ALTER TABLE t ADD {text}"),
    };
    let lexed = Lexed::new(&sql).ok()?;
    let mut statements = tree::parse(&lexed, Grammar::Statements).ok()?;
    let statement = statements.pop().filter(|_| statements.is_empty())?.node;
    let found = match grammar {
        Grammatical::Result => tree::node(&statement, "CreateFunctionStmt")?
            .get("return_type")
            .cloned()
            .unwrap_or_default(),
        _ => statement,
    };
    Some(plain(found))
}

/// The tree without places and without casts of constants.
fn plain(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(plain).collect(),
        Value::Object(fields) => of_object(fields),
        other => other,
    }
}

fn of_object(fields: Map<String, Value>) -> Value {
    if let Some(Value::Object(cast)) = fields.get("TypeCast") {
        let constant = cast
            .get("arg")
            .and_then(|arg| arg.get("node").or(Some(arg)));
        if let Some(constant) = constant.filter(|node| node.get("AConst").is_some()) {
            return plain(constant.clone());
        }
    }
    let is_place = |key: &str| key == "location" || key.ends_with("_location") || key == "stmt_len";
    let kept = fields.into_iter().filter(|(key, _)| !is_place(key));
    Value::Object(kept.map(|(key, value)| (key, plain(value))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_and_casts_of_constants_are_no_difference_and_the_rest_is() {
        let same = |a, b| same(a, b, Grammatical::Expression);
        assert_eq!(same("a > 'x'::text", "((a > 'x'))"), Some(true));
        assert_eq!(same("nextval('s'::regclass)", "nextval('s')"), Some(true));
        assert_eq!(same("a > 1", "a > 2"), Some(false));
        assert_eq!(same("a::text > 'x'", "a > 'x'"), Some(false));
        assert_eq!(same("a >", "a"), None);
    }
}
