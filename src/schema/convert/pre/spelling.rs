//! Types as SQL writes them, taken apart: `timestamp(3) without time zone[]` is the array of the type
//! `timestamp without time zone` with the modifier `3`.

use crate::catalog::database::Name;
use crate::sql;

/// A type's text in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spelling {
    /// Without modifier, in PostgreSQL's own spelling: `character varying`, `public.email`, `"char"`.
    pub(super) name: String,
    /// Between the parentheses.
    pub(super) modifier: Option<String>,
    /// It is an array of that.
    pub(super) array: bool,
    /// The element's text as it was, with its modifier.
    pub(super) element: String,
}

impl Spelling {
    /// Takes a type's text apart; other names of built-in types (`int2`, `varchar`) become PostgreSQL's.
    pub(super) fn of(sql: &str) -> Self {
        let mut element = sql.trim();
        let mut array = false;
        while let Some(inner) = without_brackets(element) {
            element = inner;
            array = true;
        }
        let (name, modifier) = split_modifier(element);
        Self {
            name: canonical(&name),
            modifier,
            array,
            element: element.to_owned(),
        }
    }

    /// Fraction digits of a second that a time type of this text holds.
    pub(super) fn fraction_digits(&self) -> u8 {
        let seconds = !self.element.starts_with("interval")
            || !self.element.contains(" to ") && !self.element.contains(' ')
            || self.element.contains("second");
        let given = self.modifier.as_ref().and_then(|m| m.trim().parse().ok());
        if seconds { given.unwrap_or(6) } else { 0 }
    }

    /// Precision and scale of `numeric(p,s)`.
    pub(super) fn precision(&self) -> Option<(u32, i32)> {
        let modifier = self.modifier.as_deref()?;
        let (precision, scale) = modifier.split_once(',').unwrap_or((modifier, "0"));
        Some((precision.trim().parse().ok()?, scale.trim().parse().ok()?))
    }

    /// The type with the modifier of another one, or with its own where that has none.
    pub(super) fn with_modifier(&self, other: &Self) -> String {
        let Some(modifier) = &other.modifier else {
            return self.element.clone();
        };
        // `timestamp(3) without time zone`
        let timed = self.name.starts_with("time");
        match self.name.split_once(' ').filter(|_| timed) {
            Some((word, rest)) => format!("{word}({modifier}) {rest}"),
            None => format!("{}({modifier})", self.name),
        }
    }

    /// `(10,2)`, or nothing.
    pub(super) fn modifier_text(&self) -> String {
        self.modifier
            .as_ref()
            .map_or_else(String::new, |modifier| format!("({modifier})"))
    }
}

/// By what types are compared, however they are spelled and quoted, without modifier and brackets.
pub(in crate::schema) fn type_key(sql: &str) -> String {
    let name = Spelling::of(sql).name;
    qualified(&name).map_or(name, |(schema, name)| sql::qualified(&schema, &name))
}

/// `integer[]` and `integer[3]` without what stands at the end.
fn without_brackets(sql: &str) -> Option<&str> {
    let inner = sql.strip_suffix(']')?;
    let (inner, size) = inner.rsplit_once('[')?;
    size.bytes()
        .all(|b| b.is_ascii_digit())
        .then_some(inner.trim_end())
}

/// Cuts the first group in parentheses out that stands outside double quotes.
fn split_modifier(sql: &str) -> (String, Option<String>) {
    let mut quoted = false;
    let open = sql.find(|c: char| {
        quoted ^= c == '"';
        c == '(' && !quoted
    });
    let Some(open) = open else {
        return (sql.to_owned(), None);
    };
    let Some(close) = sql[open..].find(')').map(|at| open + at) else {
        return (sql.to_owned(), None);
    };
    let name = format!("{}{}", sql[..open].trim_end(), &sql[close + 1..]);
    (name, Some(sql[open + 1..close].to_owned()))
}

/// PostgreSQL's own spelling of a built-in type; every other name as it is.
fn canonical(name: &str) -> String {
    let name = name.strip_prefix("pg_catalog.").unwrap_or(name);
    if name.starts_with('"') || name.contains('.') {
        return if name == "\"bit\"" {
            "bit".to_owned()
        } else {
            name.to_owned()
        };
    }
    let lower = name.to_ascii_lowercase();
    let known = match lower.as_str() {
        "int2" => "smallint",
        "int" | "int4" => "integer",
        "int8" => "bigint",
        "float4" => "real",
        "float8" | "float" => "double precision",
        "decimal" => "numeric",
        "bool" => "boolean",
        "varchar" => "character varying",
        "char" => "character",
        "varbit" => "bit varying",
        "timestamp" => "timestamp without time zone",
        "timestamptz" => "timestamp with time zone",
        "time" => "time without time zone",
        "timetz" => "time with time zone",
        other if other.starts_with("interval") => "interval",
        other => other,
    };
    known.to_owned()
}

/// A name as `regclass` and `format_type` write it: quoted where it needs to be.
pub(super) fn spelled(name: &Name) -> String {
    format!("{}.{}", bare(&name.schema), bare(&name.name))
}

fn bare(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let starts_with_digit = name.starts_with(|c: char| c.is_ascii_digit());
    if !name.is_empty() && name.chars().all(plain) && !starts_with_digit {
        name.to_owned()
    } else {
        sql::identifier(name)
    }
}

/// Splits a type's or table's qualified name, `public."Odd Name"`; `None` for one without a schema.
pub(super) fn qualified(name: &str) -> Option<(String, String)> {
    let (schema, rest) = identifier(name)?;
    let (name, rest) = identifier(rest.strip_prefix('.')?)?;
    rest.is_empty().then_some((schema, name))
}

/// The identifier at the start of a text, unquoted, and what follows it.
fn identifier(text: &str) -> Option<(String, &str)> {
    let Some(inner) = text.strip_prefix('"') else {
        let end = text.find('.').unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let mut name = String::new();
    let mut characters = inner.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        if c != '"' {
            name.push(c);
        } else if characters.next_if(|&(_, next)| next == '"').is_some() {
            name.push('"');
        } else {
            return Some((name, &inner[at + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_its_name_its_modifier_and_whether_it_is_an_array() {
        let of = |sql: &str| {
            let spelling = Spelling::of(sql);
            (
                spelling.name,
                spelling.modifier.unwrap_or_default(),
                spelling.array,
            )
        };
        let is = |name: &str, modifier: &str, array| (name.to_owned(), modifier.to_owned(), array);
        assert_eq!(of("integer"), is("integer", "", false));
        assert_eq!(of("numeric(10,2)[]"), is("numeric", "10,2", true));
        let timestamp = "timestamp without time zone";
        assert_eq!(
            of("timestamp(3) without time zone"),
            is(timestamp, "3", false)
        );
        assert_eq!(of("varchar(5)"), is("character varying", "5", false));
        assert_eq!(of("\"char\""), is("\"char\"", "", false));
        assert_eq!(
            of("public.\"odd (1)\"(7)"),
            is("public.\"odd (1)\"", "7", false)
        );
        assert_eq!(of("interval day to second(3)[]"), is("interval", "3", true));
        assert_eq!(of("\"bit\""), is("bit", "", false));
    }

    #[test]
    fn digits_come_from_the_modifier() {
        assert_eq!(Spelling::of("interval year to month").fraction_digits(), 0);
        assert_eq!(Spelling::of("interval").fraction_digits(), 6);
        assert_eq!(Spelling::of("interval(2)").fraction_digits(), 2);
        assert_eq!(
            Spelling::of("interval day to second(3)").fraction_digits(),
            3
        );
        assert_eq!(Spelling::of("time(0) with time zone").fraction_digits(), 0);
        assert_eq!(Spelling::of("numeric(30,-2)").precision(), Some((30, -2)));
        let with = |a: &str, b: &str| Spelling::of(a).with_modifier(&Spelling::of(b));
        assert_eq!(
            with("timestamptz", "timestamp(3)"),
            "timestamp(3) with time zone"
        );
        assert_eq!(with("varchar", "char(7)"), "character varying(7)");
        assert_eq!(with("char(36)", "uuid"), "char(36)");
    }

    #[test]
    fn a_qualified_name_is_unquoted() {
        let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(qualified("public.email"), pair("public", "email"));
        assert_eq!(qualified("\"a.b\".\"c\"\"d\""), pair("a.b", "c\"d"));
        assert_eq!(qualified("integer"), None);
    }
}
