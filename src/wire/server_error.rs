//! ErrorResponse and NoticeResponse: read, and at once cut down to what may be shown.

use std::fmt;

use super::frame::Fields;
use super::redact;

/// An ErrorResponse (or NoticeResponse) of the server.
///
/// It never holds a row value: PostgreSQL quotes values in the message (class 22), in DETAIL (class
/// 23) and in CONTEXT, so these are cut down to names and positions when the message is read, and
/// `Display` and `Debug` can not show what is not there.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ServerError {
    /// `ERROR`, `FATAL`, `PANIC`, or a notice's severity (never localized).
    pub severity: String,
    /// SQLSTATE, five characters.
    pub code: String,
    /// Schema that the error is about.
    pub schema: Option<String>,
    /// Table that the error is about; from its field, else from the text of CONTEXT.
    pub table: Option<String>,
    /// Column that the error is about; from its field, else from the text of CONTEXT.
    pub column: Option<String>,
    /// Function that the error was raised in, `public.f(integer)`, from the text of CONTEXT.
    pub function: Option<String>,
    /// Constraint that refused the row.
    pub constraint: Option<String>,
    /// 1-based line of the COPY, from the text of CONTEXT (`COPY t, line 3, column a: …`) or, where a
    /// server puts it there, of the message.
    pub copy_line: Option<u64>,
    /// The server's message, without values.
    pub message: String,
    /// The server's hint, where its class speaks of names alone.
    pub hint: Option<String>,
    /// 1-based character of the statement that the error points at.
    pub position: Option<u64>,
}

impl ServerError {
    /// The server's message, without values.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The class of the SQLSTATE, its first two characters.
    pub fn class(&self) -> &str {
        self.code.get(..2).unwrap_or_default()
    }

    /// Whether the server closes the connection with it.
    pub fn is_fatal(&self) -> bool {
        matches!(self.severity.as_str(), "FATAL" | "PANIC")
    }

    /// Whether a notice is worth keeping: WARNING and above.
    pub(super) fn is_warning_or_above(&self) -> bool {
        !matches!(self.severity.as_str(), "DEBUG" | "LOG" | "INFO" | "NOTICE")
    }

    /// Reads the fields of a message's body; `None` where they are cut off.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        Raw::parse(body).map(Raw::shown)
    }
}

/// For people: SQLSTATE, the server's words, and the names involved; never a row value.
impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.severity, self.code)?;
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        if let Some(place) = self.place() {
            write!(f, " ({place})")?;
        }
        match &self.hint {
            Some(hint) => write!(f, "; hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerError({self})")
    }
}

impl ServerError {
    /// `table s.t, constraint c, line 3, column a, character 8`
    fn place(&self) -> Option<String> {
        let table = self.table.as_ref().map(|table| match &self.schema {
            Some(schema) => format!("table {schema}.{table}"),
            None => format!("table {table}"),
        });
        let parts = [
            table,
            self.constraint
                .as_ref()
                .map(|constraint| format!("constraint {constraint}")),
            self.function
                .as_ref()
                .map(|function| format!("in function {function}")),
            self.copy_line.map(|line| format!("line {line}")),
            self.column
                .as_ref()
                .map(|column| format!("column {column}")),
            self.position
                .map(|position| format!("character {position}")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// The fields as the server sent them. Lives only while a message is read.
#[derive(Default)]
struct Raw {
    shown: ServerError,
    message: String,
    hint: Option<String>,
    context: String,
    routine: String,
}

impl Raw {
    fn parse(body: &[u8]) -> Option<Self> {
        let mut fields = Fields::of(body);
        let mut raw = Self::default();
        let mut localized = String::new();
        loop {
            let kind = fields.u8()?;
            if kind == 0 {
                break;
            }
            let text = String::from_utf8_lossy(fields.cstr()?).into_owned();
            match kind {
                b'S' => localized = word(&text),
                b'V' => raw.shown.severity = word(&text),
                b'C' => raw.shown.code = word(&text),
                b'M' => raw.message = text,
                b'H' => raw.hint = Some(text),
                b'W' => raw.context = text,
                b'R' => raw.routine = text,
                b'P' => raw.shown.position = text.parse().ok(),
                b's' => raw.shown.schema = Some(name(&text)),
                b't' => raw.shown.table = Some(name(&text)),
                b'c' => raw.shown.column = Some(name(&text)),
                b'n' => raw.shown.constraint = Some(name(&text)),
                _ => {}
            }
        }
        if raw.shown.severity.is_empty() {
            raw.shown.severity = localized;
        }
        Some(raw)
    }

    fn shown(self) -> ServerError {
        let mut shown = self.shown;
        // PL/pgSQL's RAISE may use any code; its text is the user's.
        let raised = self.routine == "exec_stmt_raise";
        shown.message = redact::message(&shown.code, raised, &self.message);
        let hint = self
            .hint
            .filter(|_| redact::shows_hint(&shown.code) && !raised);
        shown.hint = hint.map(|hint| redact::one_line(&hint));
        let place = Place::of_context(&self.context);
        let place = place
            .or_else(|| Place::of_message(&self.message))
            .unwrap_or_default();
        shown.table = shown.table.or(place.table);
        shown.column = shown.column.or(place.column);
        shown.copy_line = place.line;
        shown.function = function_of(&self.context);
        shown
    }
}

/// Severities and codes are single words; anything else is not shown.
fn word(text: &str) -> String {
    text.chars()
        .filter(char::is_ascii_alphanumeric)
        .take(16)
        .collect()
}

/// Names have at most 63 bytes, or somewhat more with their quotes.
fn name(text: &str) -> String {
    redact::one_line(text)
}

/// The innermost function, on the first line of a CONTEXT: `PL/pgSQL function f(integer) line 1 at
/// IF`, `SQL function "f" statement 1`. Later lines may be parts of a value.
fn function_of(context: &str) -> Option<String> {
    let line = context.lines().next()?;
    let function = match line.strip_prefix("PL/pgSQL function ") {
        Some(rest) => &rest[..rest.rfind(" line ").or_else(|| rest.rfind(" while "))?],
        None => {
            let rest = line.strip_prefix("SQL function \"")?;
            &rest[..rest.rfind('"')?]
        }
    };
    Some(name(function))
}

/// Where in a COPY something went wrong.
#[derive(Debug, Default, PartialEq, Eq)]
struct Place {
    table: Option<String>,
    line: Option<u64>,
    column: Option<String>,
}

impl Place {
    /// `COPY t, line 3, column a: "abc"`, on any line of a CONTEXT. The first one counts: the value
    /// comes last and may look like another one.
    fn of_context(context: &str) -> Option<Self> {
        context.lines().find_map(Self::of_copy_line)
    }

    fn of_copy_line(line: &str) -> Option<Self> {
        let rest = line.strip_prefix("COPY ")?;
        // A table's name may hold `, line ` itself: the first that a number follows counts.
        let found = rest.match_indices(", line ").find_map(|(at, mark)| {
            let (line, after) = number(&rest[at + mark.len()..])?;
            let ends = after.is_empty() || after.starts_with([',', ':']);
            ends.then_some((at, line, after))
        });
        let (table_ends, line, after) = found?;
        Some(Self {
            table: Some(name(&rest[..table_ends])),
            line: Some(line),
            column: after.strip_prefix(", column ").map(column_of),
        })
    }

    /// A server without CONTEXT may write `… at line 3` or `… row 3` into the message; what is quoted
    /// does not count, nor what may be a value for other reasons.
    fn of_message(message: &str) -> Option<Self> {
        if let Some(place) = Self::of_copy_line(message) {
            return Some(place);
        }
        let words = redact::own_words(message);
        let line = ["line ", "row "].iter().find_map(|mark| {
            words.match_indices(mark).find_map(|(at, _)| {
                let begins = words[..at]
                    .chars()
                    .next_back()
                    .is_none_or(|c| !c.is_alphanumeric());
                let (line, after) = number(&words[at + mark.len()..])?;
                let ends = after.chars().next().is_none_or(|c| !c.is_alphanumeric());
                (begins && ends).then_some(line)
            })
        });
        line.map(|line| Self {
            line: Some(line),
            ..Self::default()
        })
    }
}

/// The name before `: "value"` or `: null input`.
fn column_of(rest: &str) -> String {
    let end = [": \"", ": null input"]
        .iter()
        .filter_map(|mark| rest.find(mark))
        .min();
    let end = end.or_else(|| rest.find(": ")).unwrap_or(rest.len());
    name(&rest[..end])
}

fn number(text: &str) -> Option<(u64, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn body(fields: &[(char, &str)]) -> Vec<u8> {
        let mut body = Vec::new();
        for (kind, text) in fields {
            body.push(*kind as u8);
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
        body.push(0);
        body
    }

    fn parse(fields: &[(char, &str)]) -> ServerError {
        ServerError::parse(&body(fields)).unwrap()
    }

    #[test]
    fn a_bad_value_in_a_copy_shows_its_place_and_not_itself() {
        let error = parse(&[
            ('S', "FEHLER"),
            ('V', "ERROR"),
            ('C', "22P02"),
            ('M', "invalid input syntax for type integer: \"hunter2\""),
            ('W', "COPY t, line 3, column a: \"hunter2\""),
            ('R', "pg_strtoint32"),
        ]);
        let text =
            "ERROR 22P02: invalid input syntax for type integer: … (table t, line 3, column a)";
        assert_eq!(error.to_string(), text);
        assert_eq!(format!("{error:?}"), format!("ServerError({text})"));
        assert_eq!(
            (error.copy_line, error.column.as_deref()),
            (Some(3), Some("a"))
        );
    }

    #[test]
    fn the_detail_of_a_duplicate_key_is_never_shown() {
        let error = parse(&[
            ('V', "ERROR"),
            ('C', "23505"),
            (
                'M',
                "duplicate key value violates unique constraint \"t_pkey\"",
            ),
            ('D', "Key (id)=(hunter2) already exists."),
            ('s', "public"),
            ('t', "t"),
            ('n', "t_pkey"),
            ('W', "COPY t, line 2"),
        ]);
        assert_eq!(
            error.to_string(),
            "ERROR 23505: duplicate key value violates unique constraint \"t_pkey\" \
             (table public.t, constraint t_pkey, line 2)"
        );
    }

    #[test]
    fn the_innermost_function_is_named_and_no_value_is_taken_for_one() {
        let function =
            |context: &str| parse(&[('V', "ERROR"), ('C', "42P01"), ('W', context)]).function;
        let copy = "COPY t, line 1: \"hunter2\"";
        let plpgsql = format!("PL/pgSQL function public.f(integer) line 3 at IF\n{copy}");
        assert_eq!(function(&plpgsql).as_deref(), Some("public.f(integer)"));
        let sql = format!("SQL function \"f\" during inlining\n{copy}");
        assert_eq!(function(&sql).as_deref(), Some("f"));
        let value = "COPY t, line 1: \"\nPL/pgSQL function hunter2 line 1 at IF\"";
        assert_eq!(function(value), None);
        assert_eq!(function(""), None);
    }

    #[test]
    fn contexts_of_copy_are_read_in_every_form() {
        let place = |context: &str| {
            let place = Place::of_context(context).unwrap_or_default();
            (
                place.table.unwrap_or_default(),
                place.line,
                place.column.unwrap_or_default(),
            )
        };
        for (context, table, line, column) in [
            ("COPY t, line 1", "t", Some(1), ""),
            ("COPY t, line 12: \"a\tb\"", "t", Some(12), ""),
            ("COPY t, line 1, column b: null input", "t", Some(1), "b"),
            ("COPY t, line 1, column b", "t", Some(1), "b"),
            (
                "COPY odd, line x, line 4, column a b: \"v\"",
                "odd, line x",
                Some(4),
                "a b",
            ),
            ("COPY t, line 1: \"x\nCOPY u, line 9\"", "t", Some(1), ""),
            (
                "PL/pgSQL function f() line 3 at RAISE\nCOPY t, line 7",
                "t",
                Some(7),
                "",
            ),
            ("COPY t, line", "", None, ""),
            ("SQL statement \"SELECT 1\"", "", None, ""),
        ] {
            assert_eq!(
                place(context),
                (table.into(), line, column.into()),
                "{context}"
            );
        }
    }

    #[test]
    fn a_line_that_stands_in_the_message_is_read_but_not_one_in_a_value() {
        let line = |message: &str| parse(&[('C', "22P02"), ('M', message)]).copy_line;
        assert_eq!(line("invalid value for integer at line 5"), Some(5));
        assert_eq!(line("Data too long for column 'a' at row 6"), Some(6));
        assert_eq!(line("COPY t, line 7: value too long"), Some(7));
        assert_eq!(
            line("invalid input syntax for type integer: \"at line 5\""),
            None
        );
        assert_eq!(line("outline 5 is deadline 6"), None);
    }

    #[test]
    fn the_place_in_the_statement_is_shown() {
        let error = parse(&[
            ('V', "ERROR"),
            ('C', "42703"),
            ('M', "no column"),
            ('P', "8"),
        ]);
        assert_eq!(error.to_string(), "ERROR 42703: no column (character 8)");
    }

    #[test]
    fn hints_are_shown_where_the_class_speaks_of_names() {
        let hint = |code| parse(&[('C', code), ('M', "m"), ('H', "try \"x\"")]).hint;
        assert_eq!(hint("42703").as_deref(), Some("try \"x\""));
        assert_eq!(hint("22P02"), None);
    }

    #[test]
    fn a_body_that_is_cut_off_is_no_error_message() {
        let whole = body(&[('V', "ERROR"), ('C', "42601"), ('M', "text")]);
        for end in 0..whole.len() {
            assert_eq!(ServerError::parse(&whole[..end]), None, "{end}");
        }
    }

    proptest! {
        #[test]
        fn no_body_makes_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,60}") {
            let _ = ServerError::parse(&bytes);
            let _ = parse(&[('C', &text.replace('\0', "")), ('M', &text), ('W', &format!("COPY {text}"))]).to_string();
        }
    }
}
