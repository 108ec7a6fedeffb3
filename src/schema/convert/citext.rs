//! Texts whose citext becomes text: `OPERATOR(public.=)` is `=`.

use crate::catalog::database::Name;
use crate::sql;

use super::build::Build;
use super::post::pieces;

/// What citext has, and text, too.
const OPERATORS: [&str; 18] = [
    "=", "<>", "<", "<=", ">", ">=", "~", "~*", "!~", "!~*", "~~", "~~*", "!~~", "!~~*", "~<~",
    "~<=~", "~>~", "~>=~",
];

impl Build<'_> {
    /// Whether an operator is one of citext, which is plain in the target.
    pub(super) fn is_of_citext(&self, operator: &Name) -> bool {
        let mut extensions = self.database.extensions.iter();
        let citext = extensions.any(|e| e.name == "citext" && e.schema == operator.schema);
        citext && OPERATORS.contains(&operator.name.as_str()) && self.replaces_citext()
    }

    /// Whether citext becomes another type.
    pub(super) fn replaces_citext(&self) -> bool {
        let mut types = self.rewrites.types.keys();
        types.any(|name| name.rsplit('.').next() == Some("citext"))
    }

    /// A text with the operators of text, where citext becomes that.
    pub(super) fn without_citext(&self, text: String) -> String {
        let mut extensions = self.database.extensions.iter();
        let citext = extensions.find(|extension| extension.name == "citext");
        match citext.filter(|_| text.contains("OPERATOR(") && self.replaces_citext()) {
            Some(citext) => plain_operators(&text, &citext.schema),
            None => text,
        }
    }
}

/// Operators of a schema as plain ones.
fn plain_operators(text: &str, schema: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let pieces = pieces(text);
    let mut at = 0;
    for (number, piece) in pieces.iter().enumerate() {
        plain.push_str(text.get(at..piece.start).unwrap_or_default());
        at = piece.start + piece.text.len();
        let after_word = number > 0 && pieces[number - 1].text == "OPERATOR";
        match operator_of(piece.text, schema).filter(|_| after_word) {
            Some(operator) => {
                plain.truncate(plain.trim_end().len() - "OPERATOR".len());
                plain.push_str(operator);
            }
            None => match piece
                .text
                .strip_prefix('(')
                .and_then(|g| g.strip_suffix(')'))
            {
                Some(inside) => plain.push_str(&format!("({})", plain_operators(inside, schema))),
                None => plain.push_str(piece.text),
            },
        }
    }
    plain.push_str(text.get(at..).unwrap_or_default());
    plain
}

/// The operator in `(public.=)`.
fn operator_of<'t>(group: &'t str, schema: &str) -> Option<&'t str> {
    let inside = group.strip_prefix('(')?.strip_suffix(')')?;
    let quoted = sql::identifier(schema);
    let rest = inside
        .strip_prefix(schema)
        .or_else(|| inside.strip_prefix(&quoted))?;
    let operator = rest.strip_prefix('.')?;
    OPERATORS.contains(&operator).then_some(operator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_of_a_schema_become_plain_ones_outside_of_strings() {
        let text =
            "SELECT ((a OPERATOR(public.=) 'OPERATOR(public.=)') AND (b OPERATOR(other.=) c))";
        assert_eq!(
            plain_operators(text, "public"),
            "SELECT ((a = 'OPERATOR(public.=)') AND (b OPERATOR(other.=) c))"
        );
        assert_eq!(
            plain_operators("a OPERATOR(\"S s\".~~*) b", "S s"),
            "a ~~* b"
        );
    }
}
