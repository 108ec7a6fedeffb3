//! Type names as SQL writes them: where one ends in a text, and which type it is, whatever the spelling.

use super::keywords::needs_quotes;
use super::lexer::{Kind, Lexed};
use crate::sql;

/// A type, the same for all its spellings, without modifier.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::schema) struct TypeKey {
    /// The schema; empty for `pg_catalog` and where none is written.
    pub(in crate::schema) schema: String,
    /// `pg_type.typname`: `int4` for `integer`.
    pub(in crate::schema) name: String,
    /// It is an array of that.
    pub(in crate::schema) array: bool,
}

/// A type name in a text, as numbers of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::schema) struct TypeSpan {
    /// What it names.
    pub(in crate::schema) key: TypeKey,
    /// First token.
    pub(in crate::schema) first: usize,
    /// The token after the name and its modifiers, before array bounds.
    pub(in crate::schema) end: usize,
    /// The token after the array bounds; `end` where there are none.
    pub(in crate::schema) array_end: usize,
    /// The modifiers with their parentheses.
    pub(in crate::schema) modifiers: Option<(usize, usize)>,
    /// `%TYPE` or `%ROWTYPE` follows the name: it is no type but a column or table.
    pub(in crate::schema) of_column: bool,
}

/// Spellings that differ from `pg_type.typname`; what `format_type` prints comes first.
const SPELLINGS: [(&str, &str); 19] = [
    ("integer", "int4"),
    ("int", "int4"),
    ("smallint", "int2"),
    ("bigint", "int8"),
    ("real", "float4"),
    ("double precision", "float8"),
    ("float", "float8"),
    ("numeric", "numeric"),
    ("decimal", "numeric"),
    ("dec", "numeric"),
    ("boolean", "bool"),
    ("character varying", "varchar"),
    ("character", "bpchar"),
    ("nchar", "bpchar"),
    ("bit varying", "varbit"),
    ("timestamp without time zone", "timestamp"),
    ("timestamp with time zone", "timestamptz"),
    ("time without time zone", "time"),
    ("time with time zone", "timetz"),
];

impl TypeKey {
    /// The type that a text names: `money`, `character varying`, `public.email`, `integer[]`.
    pub(in crate::schema) fn from_sql(text: &str) -> Option<Self> {
        let lexed = Lexed::new(text).ok()?;
        let span = type_span(&lexed, 0)?;
        let all = span.array_end == lexed.tokens.len();
        all.then_some(Self {
            array: span.array_end > span.end,
            ..span.key
        })
    }

    /// As SQL writes it, without modifier.
    pub(in crate::schema) fn to_sql(&self) -> String {
        let name = if self.schema.is_empty() {
            let spelled = SPELLINGS
                .iter()
                .find(|(_, internal)| *internal == self.name);
            match spelled {
                Some((spelling, _)) => (*spelling).to_owned(),
                None if self.name == "char" => "\"char\"".to_owned(),
                // Names of types of the server are keywords of a kind that needs none here.
                None if self
                    .name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '_') =>
                {
                    self.name.clone()
                }
                None => plain_or_quoted(&self.name),
            }
        } else {
            let schema = plain_or_quoted(&self.schema);
            format!("{schema}.{}", plain_or_quoted(&self.name))
        };
        if self.array { name + "[]" } else { name }
    }
}

/// The spellings of a type that differ from `pg_type.typname`.
pub(in crate::schema) fn type_spellings(internal: &str) -> impl Iterator<Item = &'static str> {
    let same = SPELLINGS.iter().filter(move |(_, name)| *name == internal);
    // `char` and `national` are left out of the table: they are read as keywords, never written.
    let more: &[&str] = match internal {
        "bpchar" | "varchar" => &["char", "national", "nchar"],
        _ => &[],
    };
    same.map(|(spelling, _)| *spelling)
        .chain(more.iter().copied())
}

/// An identifier as PostgreSQL prints it: with quotes where it is a keyword, or not made of lower-case
/// letters, digits and `_`.
pub(in crate::schema) fn plain_or_quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let starts_well = name.starts_with(|c: char| !c.is_ascii_digit());
    if starts_well && name.chars().all(plain) && !needs_quotes(name) {
        name.to_owned()
    } else {
        sql::identifier(name)
    }
}

/// Reads the type name that begins at a token.
pub(in crate::schema) fn type_span(lexed: &Lexed<'_>, first: usize) -> Option<TypeSpan> {
    if !lexed.is_name(first) {
        return None;
    }
    if lexed.is_word(first, "setof") {
        return type_span(lexed, first + 1);
    }
    let mut span = keyword_type(lexed, first).or_else(|| named_type(lexed, first))?;
    span.array_end = array_bounds(lexed, span.end);
    Some(span)
}

/// Types that the grammar knows by keywords.
fn keyword_type(lexed: &Lexed<'_>, first: usize) -> Option<TypeSpan> {
    if lexed.get(first)?.kind != Kind::Word || lexed.is_symbol(first + 1, ".") {
        return None;
    }
    let word = lexed.name(first).into_owned();
    let word_at = |at: usize, word: &str| lexed.is_word(at, word);
    let varying = |at: usize| word_at(at, "varying");
    let (name, after) = match word.as_str() {
        "double" if word_at(first + 1, "precision") => ("float8", first + 2),
        "character" | "char" | "nchar" if varying(first + 1) => ("varchar", first + 2),
        "character" | "char" | "nchar" => ("bpchar", first + 1),
        "national" if varying(first + 2) => ("varchar", first + 3),
        "national" if word_at(first + 1, "character") || word_at(first + 1, "char") => {
            ("bpchar", first + 2)
        }
        "bit" if varying(first + 1) => ("varbit", first + 2),
        "time" | "timestamp" => return Some(moment(lexed, first, &word)),
        "interval" => return Some(interval(lexed, first)),
        _ => return None,
    };
    Some(with_modifiers(lexed, first, after, builtin(name)))
}

/// `timestamp (3) with time zone`.
fn moment(lexed: &Lexed<'_>, first: usize, word: &str) -> TypeSpan {
    let mut span = with_modifiers(lexed, first, first + 1, builtin(word));
    let zone = lexed.is_word(span.end + 1, "time") && lexed.is_word(span.end + 2, "zone");
    if zone && lexed.is_word(span.end, "with") {
        span.key.name = format!("{word}tz");
        span.end += 3;
    } else if zone && lexed.is_word(span.end, "without") {
        span.end += 3;
    }
    span
}

/// `interval day to second(3)`.
fn interval(lexed: &Lexed<'_>, first: usize) -> TypeSpan {
    const FIELDS: [&str; 6] = ["year", "month", "day", "hour", "minute", "second"];
    let field = |at: usize| FIELDS.iter().any(|field| lexed.is_word(at, field));
    let mut after = first + 1;
    if field(after) {
        after += 1;
        if lexed.is_word(after, "to") && field(after + 1) {
            after += 2;
        }
    }
    with_modifiers(lexed, first, after, builtin("interval"))
}

fn named_type(lexed: &Lexed<'_>, first: usize) -> Option<TypeSpan> {
    let (parts, after) = chain(lexed, first);
    let of_column = lexed.is_symbol(after, "%")
        && (lexed.is_word(after + 1, "type") || lexed.is_word(after + 1, "rowtype"));
    let quoted = lexed.get(first)?.kind == Kind::Quoted;
    let key = match parts.as_slice() {
        [name] if quoted => builtin(name),
        [name] => builtin(spelled(name)),
        [schema, name] if schema == "pg_catalog" => builtin(name),
        [.., schema, name] => TypeKey {
            schema: schema.clone(),
            name: name.clone(),
            array: false,
        },
        [] => return None,
    };
    let mut span = with_modifiers(lexed, first, after, key);
    span.of_column = of_column;
    Some(span)
}

/// The parts of a qualified name that begins at a token, and the token after it.
pub(in crate::schema) fn chain(lexed: &Lexed<'_>, first: usize) -> (Vec<String>, usize) {
    let mut parts = vec![lexed.name(first).into_owned()];
    let mut after = first + 1;
    while lexed.is_symbol(after, ".") && lexed.is_name(after + 1) {
        parts.push(lexed.name(after + 1).into_owned());
        after += 2;
    }
    (parts, after)
}

fn with_modifiers(lexed: &Lexed<'_>, first: usize, after: usize, key: TypeKey) -> TypeSpan {
    let closing = lexed
        .is_symbol(after, "(")
        .then(|| lexed.closing(after))
        .flatten();
    let end = closing.map_or(after, |closing| closing + 1);
    TypeSpan {
        key,
        first,
        end,
        array_end: end,
        modifiers: closing.map(|closing| (after, closing)),
        of_column: false,
    }
}

/// `[]`, `[3]`, `ARRAY`, `ARRAY[3]`.
fn array_bounds(lexed: &Lexed<'_>, mut at: usize) -> usize {
    if lexed.is_word(at, "array") {
        at += 1;
    }
    while lexed.is_symbol(at, "[") {
        match lexed.closing(at) {
            Some(closing) => at = closing + 1,
            None => return at,
        }
    }
    at
}

fn spelled(word: &str) -> &str {
    let found = SPELLINGS.iter().find(|(spelling, _)| *spelling == word);
    found.map_or(word, |(_, internal)| internal)
}

fn builtin(name: &str) -> TypeKey {
    TypeKey {
        schema: String::new(),
        name: name.to_owned(),
        array: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> String {
        let key = TypeKey::from_sql(text).expect(text);
        format!(
            "{}.{}{}",
            key.schema,
            key.name,
            if key.array { "[]" } else { "" }
        )
    }

    #[test]
    fn all_spellings_of_a_type_are_one() {
        for text in ["int", "INTEGER", "int4", "pg_catalog.int4", "\"int4\""] {
            assert_eq!(key(text), ".int4", "{text}");
        }
        for text in [
            "varchar(3)",
            "character varying",
            "char varying(3)",
            "national char varying",
        ] {
            assert_eq!(key(text), ".varchar", "{text}");
        }
        assert_eq!(key("timestamp(3) with time zone"), ".timestamptz");
        assert_eq!(key("timestamptz"), ".timestamptz");
        assert_eq!(key("time without time zone"), ".time");
        assert_eq!(key("interval day to second(3)"), ".interval");
        assert_eq!(key("double precision[]"), ".float8[]");
        assert_eq!(key("public.email"), "public.email");
        assert_eq!(key("\"Odd Schema\".\"T\"[3]"), "Odd Schema.T[]");
    }

    #[test]
    fn char_in_quotes_is_another_type() {
        assert_eq!(key("\"char\""), ".char");
        assert_eq!(key("char"), ".bpchar");
        assert_eq!(TypeKey::from_sql("\"char\"").unwrap().to_sql(), "\"char\"");
    }

    #[test]
    fn a_type_is_written_as_format_type_does() {
        for text in [
            "character varying",
            "timestamp with time zone",
            "money",
            "bit varying",
            "public.email",
        ] {
            assert_eq!(TypeKey::from_sql(text).unwrap().to_sql(), text);
        }
        assert_eq!(TypeKey::from_sql("int8").unwrap().to_sql(), "bigint");
    }

    #[test]
    fn what_is_no_type_name_is_none() {
        for text in ["", "1", "a b", "a.", "'x'"] {
            assert_eq!(TypeKey::from_sql(text), None, "{text}");
        }
    }
}
