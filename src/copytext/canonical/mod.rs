//! One text per value: what two servers may print differently is brought to one form before it is
//! compared. The form is only hashed, never sent.
//!
//! A field is given as its COPY text, escaped. What can not be read as its type keeps its text, so
//! that it compares as text: a difference may then be reported that is none, never the reverse.

mod json;
mod list;
mod number;

use std::borrow::Cow;

use super::field::{NULL, unescaped};

/// How a field is brought to its one form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Canonical {
    /// One value.
    Scalar(Form),
    /// An array of such values, of any number of dimensions.
    Array(Form),
}

/// What does not count when two values of a type are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `numeric`: zeros at either end, and how the exponent is written.
    Numeric,
    /// `real`: how many digits the value of 32 bits is printed with.
    Float4,
    /// `double precision`: how many digits the value of 64 bits is printed with.
    Float8,
    /// `jsonb`: key order, all but the last of equal keys, white space, escapes, zeros of numbers.
    Jsonb,
    /// `char(n)`: spaces at the end.
    Padded,
    /// `timestamp`, `timestamptz` in UTC, `time`: zeros at the end of the fraction.
    Moment,
}

/// The one form of a field's COPY text.
pub fn canonical(kind: Canonical, field: &[u8]) -> Cow<'_, [u8]> {
    if field == NULL {
        return Cow::Borrowed(field);
    }
    let form = match kind {
        Canonical::Scalar(Form::Jsonb) => json::canonical(&unescaped(field)),
        Canonical::Scalar(form) => scalar(form, field),
        Canonical::Array(form) => list::canonical(&unescaped(field), form),
    };
    form.map_or(Cow::Borrowed(field), Cow::Owned)
}

/// `None`: it can not be read, or is in its one form already.
fn scalar(form: Form, text: &[u8]) -> Option<Vec<u8>> {
    match form {
        Form::Numeric => number::numeric(text),
        Form::Float4 => number::float4(text),
        Form::Float8 => number::float8(text),
        Form::Jsonb => json::canonical(text),
        Form::Padded => unpadded(text),
        Form::Moment => moment(text),
    }
}

fn unpadded(text: &[u8]) -> Option<Vec<u8>> {
    let spaces = text.iter().rev().take_while(|b| **b == b' ').count();
    (spaces > 0).then(|| text[..text.len() - spaces].to_vec())
}

/// Drops the zeros at the end of the fraction, and a point that nothing follows.
fn moment(text: &[u8]) -> Option<Vec<u8>> {
    let point = memchr::memchr(b'.', text)?;
    let digits = &text[point + 1..];
    let digits = &digits[..digits.iter().take_while(|b| b.is_ascii_digit()).count()];
    let zeros = digits.iter().rev().take_while(|b| **b == b'0').count();
    let kept = digits.len() - zeros;
    let end = point + 1 + digits.len();
    let start = if kept == 0 { point } else { point + 1 + kept };
    (start < end).then(|| [&text[..start], &text[end..]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(kind: Canonical, text: &str) -> String {
        String::from_utf8(canonical(kind, text.as_bytes()).into_owned()).expect("UTF-8")
    }

    fn alike(kind: Canonical, texts: &[&str]) {
        for text in texts {
            assert_eq!(
                form(kind, text),
                form(kind, texts[0]),
                "{text} and {}",
                texts[0]
            );
        }
    }

    fn unlike(kind: Canonical, texts: &[&str]) {
        for (i, one) in texts.iter().enumerate() {
            for other in &texts[i + 1..] {
                assert_ne!(form(kind, one), form(kind, other), "{one} and {other}");
            }
        }
    }

    #[test]
    fn null_is_not_a_value() {
        for kind in [Form::Numeric, Form::Jsonb, Form::Padded, Form::Moment] {
            assert_eq!(form(Canonical::Scalar(kind), "\\N"), "\\N");
            assert_eq!(form(Canonical::Array(kind), "\\N"), "\\N");
        }
        unlike(Canonical::Scalar(Form::Jsonb), &["\\N", "null", "\"\""]);
        unlike(Canonical::Array(Form::Numeric), &["\\N", "{NULL}", "{}"]);
    }

    #[test]
    fn padding_and_fractions_lose_what_does_not_count() {
        let padded = Canonical::Scalar(Form::Padded);
        alike(padded, &["ab", "ab   ", "ab "]);
        unlike(padded, &["ab", " ab", "ab\\t"]);
        let moment = Canonical::Scalar(Form::Moment);
        alike(
            moment,
            &["2024-01-01 00:00:00.1+00", "2024-01-01 00:00:00.100+00"],
        );
        alike(moment, &["2024-01-01 00:00:00", "2024-01-01 00:00:00.000"]);
        alike(
            moment,
            &["0044-03-15 12:00:00.5 BC", "0044-03-15 12:00:00.50 BC"],
        );
        unlike(
            moment,
            &["12:00:00.5", "12:00:00.05", "12:00:00", "12:00:00+00"],
        );
        assert_eq!(form(moment, "infinity"), "infinity");
    }

    #[test]
    fn numbers_are_compared_by_value() {
        let numeric = Canonical::Scalar(Form::Numeric);
        alike(
            numeric,
            &["1.5", "1.50", "01.5", "15e-1", "0.15E+1", "+1.5"],
        );
        alike(numeric, &["0", "0.00", "-0", "0e5"]);
        unlike(
            numeric,
            &[
                "1.5",
                "-1.5",
                "15",
                "1.50000000000000000000000000001",
                "NaN",
                "0",
            ],
        );
        let float = Canonical::Scalar(Form::Float8);
        alike(float, &["0.1", "0.10000000000000001", "1e-1"]);
        alike(float, &["Infinity", "inf", "infinity"]);
        unlike(
            float,
            &[
                "0.1",
                "0.10000000000000002",
                "NaN",
                "Infinity",
                "-Infinity",
                "0",
                "-0",
            ],
        );
        alike(Canonical::Scalar(Form::Float4), &["0.1", "0.100000001"]);
        // Beyond the range of the type, as a column of a wider one may hold them.
        let beyond = ["1e40", "1e41", "Infinity", "1e-50", "1e-51", "0"];
        unlike(Canonical::Scalar(Form::Float4), &beyond);
        unlike(float, &["1e400", "1e401", "Infinity", "1e-400", "0"]);
        assert_eq!(form(float, "no number"), "no number");
        let array = Canonical::Array(Form::Numeric);
        alike(array, &["{1.0,NULL,2}", "{1,NULL,2.000}"]);
        unlike(
            array,
            &[
                "{1,2}",
                "{2,1}",
                "{{1,2}}",
                "[0:1]={1,2}",
                "{1,NULL}",
                "{12}",
            ],
        );
    }

    #[test]
    fn jsonb_is_compared_by_value() {
        let jsonb = Canonical::Scalar(Form::Jsonb);
        alike(
            jsonb,
            &[
                r#"{"a": 1, "b": [1.0, "é"]}"#,
                r#"{"b":[1,"\\u00e9"],"a":1.00}"#,
                r#"{"a":0,"b":[1,"é"],"a":1e0}"#,
            ],
        );
        unlike(
            jsonb,
            &[
                "1", "\"1\"", "[1]", "true", "null", "{}", "[]", "[null]", "\"\"", "\" \"",
            ],
        );
        unlike(
            jsonb,
            &[
                "0.1",
                "0.10000000000000000001",
                "12345678901234567890",
                "12345678901234567891",
            ],
        );
        unlike(
            jsonb,
            &[
                r#"{"a":1,"b":2}"#,
                r#"{"a":2,"b":1}"#,
                r#"["a","b"]"#,
                r#"["b","a"]"#,
                r#"["a,b"]"#,
            ],
        );
        let array = Canonical::Array(Form::Jsonb);
        alike(
            array,
            &[
                r#"{"{\\"a\\": 1, \\"b\\": 2}",NULL}"#,
                r#"{"{\\"b\\":2,\\"a\\":1.0}",NULL}"#,
            ],
        );
        unlike(
            array,
            &[r#"{"\\"a\\""}"#, r#"{"\\"b\\""}"#, "{NULL}", "{null}"],
        );
    }

    #[test]
    fn json_too_deep_to_be_read_is_compared_as_text() {
        let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
        assert_eq!(form(Canonical::Scalar(Form::Jsonb), &deep), deep);
    }

    #[test]
    fn escapes_are_undone_before_a_value_is_read() {
        assert_eq!(&*unescaped(b"a\\nb\\\\c\\t\\x"), b"a\nb\\c\tx");
        assert_eq!(&*unescaped(b"plain"), b"plain");
    }
}
