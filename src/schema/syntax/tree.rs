//! PostgreSQL's own parser, and its parse trees as trees of plain values: a walk over them can not forget
//! a kind of node.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::thread;

use serde_json::{Map, Value};

use super::NotParsed;
use super::lexer::Lexed;

/// The fields of a node.
pub(in crate::schema) type Fields = Map<String, Value>;

/// The parser writes its warnings to file descriptor 2 and catches them there, with `dup2`: two calls at
/// once would leave the process without its standard error.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Texts of more tokens are parsed on a stack of their own: C code and decoding recurse as deep as
/// a text nests, which is at most its number of tokens.
const TOKENS_ON_A_COMMON_STACK: usize = 2_000;

/// Bytes of stack per token there.
const STACK_PER_TOKEN: usize = 4 << 10;

/// Texts of more tokens are not parsed: a GiB of stack.
const MOST_TOKENS: usize = 250_000;

/// Why there is no tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::schema) enum NoTree {
    /// The text is no SQL.
    Wrong(NotParsed),
    /// It is nested more deeply than the parser's interface can tell (some fifty operators in a row).
    TooDeep,
}

impl From<NoTree> for NotParsed {
    fn from(why: NoTree) -> Self {
        match why {
            NoTree::Wrong(error) => error,
            NoTree::TooDeep => NotParsed("it is nested too deeply".to_owned()),
        }
    }
}

/// One statement of a text.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::schema) struct Parsed {
    /// Its node, `{"SelectStmt": {…}}`.
    pub(in crate::schema) node: Value,
    /// Where it begins and ends in the text.
    pub(in crate::schema) place: (usize, usize),
}

/// What the parser shall read a text as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::schema) enum Grammar {
    /// Statements.
    Statements,
    /// What PL/pgSQL has as an expression: a SELECT without its SELECT.
    PlpgsqlExpression,
    /// An assignment of PL/pgSQL to a target of that many parts, 1 to 3.
    PlpgsqlAssignment(u8),
}

/// Parses a text.
pub(in crate::schema) fn parse(lexed: &Lexed<'_>, grammar: Grammar) -> Result<Vec<Parsed>, NoTree> {
    let tokens = lexed.tokens.len();
    on_a_stack_for(tokens, || parse_here(lexed.sql, grammar))?
}

/// Parses a CREATE FUNCTION or DO whose language is PL/pgSQL: the parser's own JSON.
pub(in crate::schema) fn parse_plpgsql(lexed: &Lexed<'_>) -> Result<Value, NoTree> {
    let tokens = lexed.sql.len() / 2;
    on_a_stack_for(tokens, || {
        guarded(|| pg_query::parse_plpgsql(lexed.sql))?.map_err(no_tree)
    })?
}

fn parse_here(sql: &str, grammar: Grammar) -> Result<Vec<Parsed>, NoTree> {
    use pg_query::ParserOptions;
    let options = match grammar {
        Grammar::Statements => ParserOptions::DEFAULT,
        Grammar::PlpgsqlExpression => ParserOptions::PLPGSQL_EXPR,
        Grammar::PlpgsqlAssignment(2) => ParserOptions::PLPGSQL_ASSIGN2,
        Grammar::PlpgsqlAssignment(3) => ParserOptions::PLPGSQL_ASSIGN3,
        Grammar::PlpgsqlAssignment(_) => ParserOptions::PLPGSQL_ASSIGN1,
    };
    let parsed = guarded(|| pg_query::parse(sql, options))?.map_err(no_tree)?;
    let statements = parsed.protobuf.stmts.iter();
    Ok(statements
        .filter_map(|raw| {
            let start = usize::try_from(raw.stmt_location)
                .unwrap_or(0)
                .min(sql.len());
            let length = usize::try_from(raw.stmt_len).unwrap_or(0);
            let end = if length == 0 {
                sql.len()
            } else {
                start + length
            };
            let node = raw.stmt.as_ref()?.node.as_ref()?;
            Some(Parsed {
                node: serde_json::to_value(node).ok()?,
                place: (start, end.min(sql.len())),
            })
        })
        .collect())
}

/// Runs the parser alone, and turns a panic inside its binding into an error.
fn guarded<T>(parse: impl FnOnce() -> T) -> Result<T, NoTree> {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    catch_unwind(AssertUnwindSafe(parse))
        .map_err(|_| NoTree::Wrong(NotParsed("the parser failed".to_owned())))
}

fn on_a_stack_for<T: Send>(tokens: usize, work: impl FnOnce() -> T + Send) -> Result<T, NoTree> {
    if tokens <= TOKENS_ON_A_COMMON_STACK {
        return Ok(work());
    }
    if tokens > MOST_TOKENS {
        return Err(NoTree::Wrong(NotParsed("it is too long".to_owned())));
    }
    let failed = || NoTree::Wrong(NotParsed("there is no memory for the parser".to_owned()));
    let stack = tokens * STACK_PER_TOKEN + (4 << 20);
    thread::scope(|scope| {
        let worker = thread::Builder::new()
            .stack_size(stack)
            .spawn_scoped(scope, work)
            .map_err(|_| failed())?;
        worker.join().map_err(|_| failed())
    })
}

fn no_tree(error: pg_query::Error) -> NoTree {
    match error {
        pg_query::Error::Decode(_) => NoTree::TooDeep,
        // The JSON of a body that is nested more deeply than its reader goes.
        pg_query::Error::InvalidJson(_) => NoTree::TooDeep,
        pg_query::Error::Parse(message) if message.contains("nested too deeply") => NoTree::TooDeep,
        pg_query::Error::Parse(message) => NoTree::Wrong(NotParsed(without_values(&message))),
        other => NoTree::Wrong(NotParsed(other.to_string())),
    }
}

/// The parser quotes the text at which it stopped, which may be a value: a string's first words.
fn without_values(message: &str) -> String {
    match message.find(" at or near ") {
        Some(at) if message[at..].contains('\'') => message[..at].to_owned(),
        _ => message.to_owned(),
    }
}

/// An object of a tree.
#[derive(Debug, Clone, Copy)]
pub(in crate::schema) struct Seen<'v> {
    /// The field of its parent under which it stands, itself or in a list.
    pub(in crate::schema) field: &'v str,
    /// The node's kind; where the field's type says the kind, the field.
    pub(in crate::schema) kind: &'v str,
    /// Its fields.
    pub(in crate::schema) fields: &'v Fields,
}

/// Calls `see` for every object of a node, outer ones first.
pub(in crate::schema) fn walk<'v>(node: &'v Value, see: &mut impl FnMut(Seen<'v>)) {
    if let Value::Object(wrapper) = node {
        walk_node("", wrapper, see);
    }
}

/// `{"FuncCall": {…}}`
fn walk_node<'v>(field: &'v str, wrapper: &'v Fields, see: &mut impl FnMut(Seen<'v>)) {
    for (kind, inner) in wrapper {
        if let Value::Object(fields) = inner {
            walk_fields(
                Seen {
                    field,
                    kind,
                    fields,
                },
                see,
            );
        }
    }
}

fn walk_fields<'v>(seen: Seen<'v>, see: &mut impl FnMut(Seen<'v>)) {
    see(seen);
    for (field, inner) in seen.fields {
        walk_value(field, inner, see);
    }
}

fn walk_value<'v>(field: &'v str, value: &'v Value, see: &mut impl FnMut(Seen<'v>)) {
    match value {
        Value::Object(fields) => match fields.get("node") {
            Some(Value::Object(wrapper)) => walk_node(field, wrapper, see),
            Some(_) => {}
            None => {
                let kind = field;
                walk_fields(
                    Seen {
                        field,
                        kind,
                        fields,
                    },
                    see,
                );
            }
        },
        Value::Array(items) => items.iter().for_each(|item| walk_value(field, item, see)),
        _ => {}
    }
}

impl<'v> Seen<'v> {
    /// It names a relation.
    pub(in crate::schema) fn is_relation(&self) -> bool {
        self.fields.contains_key("relname") && self.fields.contains_key("relpersistence")
    }

    /// It names a type.
    pub(in crate::schema) fn is_type(&self) -> bool {
        self.fields.contains_key("names") && self.fields.contains_key("array_bounds")
    }

    /// It calls a function.
    pub(in crate::schema) fn is_call(&self) -> bool {
        self.fields.contains_key("funcname") && self.fields.contains_key("agg_within_group")
    }
}

/// The list of that name; empty where there is none.
pub(in crate::schema) fn list<'v>(fields: &'v Fields, key: &str) -> &'v [Value] {
    fields
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The fields of a node of that kind, wrapped (`{"node": {"FuncCall": …}}`) or not.
pub(in crate::schema) fn node<'v>(value: &'v Value, kind: &str) -> Option<&'v Fields> {
    let inner = value.get("node").unwrap_or(value);
    inner.get(kind)?.as_object()
}

/// A text field; empty where there is none.
pub(in crate::schema) fn string<'v>(fields: &'v Fields, key: &str) -> &'v str {
    fields.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The value of a String node.
pub(in crate::schema) fn sval(value: &Value) -> Option<&str> {
    node(value, "String")?.get("sval")?.as_str()
}

/// A list of String nodes: a qualified name.
pub(in crate::schema) fn strings<'v>(fields: &'v Fields, key: &str) -> Vec<&'v str> {
    list(fields, key).iter().filter_map(sval).collect()
}

/// The `location` of a node; `None` for -1.
pub(in crate::schema) fn location(fields: &Fields) -> Option<usize> {
    usize::try_from(fields.get("location")?.as_i64()?).ok()
}

/// The string of a constant, and where it stands.
pub(in crate::schema) fn string_constant(value: &Value) -> Option<(&str, Option<usize>)> {
    let constant = node(value, "AConst")?;
    let text = constant.get("val")?.get("Sval")?.get("sval")?.as_str()?;
    Some((text, location(constant)))
}

/// An expression without the casts around it.
pub(in crate::schema) fn without_casts(mut value: &Value) -> &Value {
    while let Some(inner) = node(value, "TypeCast").and_then(|cast| cast.get("arg")) {
        value = inner;
    }
    value
}

/// Parses one statement into the parser's own structures.
pub(in crate::schema) fn parse_one(
    lexed: &Lexed<'_>,
) -> Result<Option<pg_query::NodeEnum>, NoTree> {
    on_a_stack_for(lexed.tokens.len(), || {
        let options = pg_query::ParserOptions::DEFAULT;
        let parsed = guarded(|| pg_query::parse(lexed.sql, options))?.map_err(no_tree)?;
        let mut statements = parsed.protobuf.stmts.into_iter();
        Ok(statements.next().and_then(|raw| raw.stmt?.node))
    })?
}
