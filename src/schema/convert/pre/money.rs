//! Amounts of money in expressions: `'$1,234.50'::money` is the text of one locale, `'1234.50'` is a
//! number everywhere.

use std::borrow::Cow;

use super::tokens;

/// The expression with its amounts as numbers, whose casts become numeric later; `None` where an amount
/// can not be read.
pub(super) fn numbers(expression: &str) -> Option<Cow<'_, str>> {
    if !expression.contains("'::money") {
        return Some(Cow::Borrowed(expression));
    }
    let mut text = expression.to_owned();
    let literals = tokens::literals(expression).into_iter().rev();
    for literal in literals.filter(|at| expression[at.end..].starts_with("::money")) {
        let array = expression[literal.end..].starts_with("::money[]");
        let amount = &expression[literal.start + 1..literal.end - 1];
        let number = number(amount).filter(|_| !array)?;
        text.replace_range(literal.start + 1..literal.end - 1, &number);
    }
    Some(Cow::Owned(text))
}

/// Dollars and amounts without a sign; a comma may be a decimal point elsewhere, and is trusted only
/// where a point follows or the dollar stands before.
fn number(amount: &str) -> Option<String> {
    let dollars = amount.contains('$');
    let plain = amount.replace(['$', ','], "");
    let digits = plain.strip_prefix('-').unwrap_or(&plain);
    let readable = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && digits.bytes().filter(|b| *b == b'.').count() <= 1
        && digits.bytes().any(|b| b.is_ascii_digit());
    (readable && (dollars || !amount.contains(','))).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn amounts_are_numbers_where_they_can_be_read() {
        let same = |text: &str, expected: &str| assert_eq!(numbers(text).unwrap(), expected);
        same("'$1,234.50'::money", "'1234.50'::money");
        same("'-$5.00'::money", "'-5.00'::money");
        same("(0)::money", "(0)::money");
        same(
            "((a > '$0.00'::money) AND (b <> '$'::text) AND (a < '$9.10'::money))",
            "((a > '0.00'::money) AND (b <> '$'::text) AND (a < '9.10'::money))",
        );
        for unreadable in [
            "'1.234,50 €'::money",
            "'1,50'::money",
            "'{$1.00,$2.00}'::money[]",
            "'$'::money",
        ] {
            assert_eq!(numbers(unreadable), None, "{unreadable}");
        }
    }
}
