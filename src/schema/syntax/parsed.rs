//! Texts by PostgreSQL's parser, with their bodies.

use super::lexer::{Kind, Lexed, dollar_quote};
use super::rewrite::{self, Edit};
use super::roles::roles;
use super::text::Wrapped;
use super::tree::{self, Fields, Grammar, NoTree, Parsed};
use super::type_name::TypeKey;
use super::wanted::{Concern, Wanted};
use super::{Name, Names, NotParsed, by_words};
use crate::sql;

/// Rewrites a text, and the bodies of routines in it.
pub(super) fn rewrite(wrapped: &Wrapped<'_>, wanted: &Wanted) -> Result<String, NotParsed> {
    let text = rewritten(&wrapped.sql, wanted)?;
    Ok(wrapped.unwrapped(&text))
}

/// What a text names, in bodies of routines, too.
pub(super) fn names(wrapped: &Wrapped<'_>) -> Result<Names, NotParsed> {
    let mut names = Names::default();
    collect_names(&wrapped.sql, &mut names)?;
    names.sort();
    Ok(names)
}

/// What a text names, without the bodies of routines.
pub(super) fn names_outside_of_bodies(text: &str) -> Result<Names, NotParsed> {
    let lexed = Lexed::new(text)?;
    let statements = tree::parse(&lexed, Grammar::Statements)?;
    let mut names = Names::default();
    names_of(&lexed, &statements, &mut names);
    names.sort();
    Ok(names)
}

fn rewritten(text: &str, wanted: &Wanted) -> Result<String, NotParsed> {
    let lexed = Lexed::new(text)?;
    let statements = match tree::parse(&lexed, Grammar::Statements) {
        Ok(statements) => statements,
        Err(NoTree::TooDeep) => return by_words(text, wanted),
        Err(NoTree::Wrong(error)) => return Err(error),
    };
    let mut edits = rewrite::edits(&lexed, Some(&roles(&statements)), wanted)?;
    for routine in statements.iter().filter_map(|s| Routine::of(&lexed, s)) {
        edits.extend(body_edit(&lexed, &routine, wanted)?);
    }
    let result = rewrite::apply(text, edits)?;
    // Nothing that a replacement may have broken leaves here.
    if result != text {
        tree::parse(&Lexed::new(&result)?, Grammar::Statements)?;
    }
    Ok(result)
}

/// A CREATE FUNCTION, CREATE PROCEDURE or DO with a body in a string.
struct Routine {
    language: String,
    /// The token of the body.
    body: usize,
    /// Its place in the text.
    place: (usize, usize),
}

impl Routine {
    fn of(lexed: &Lexed<'_>, statement: &Parsed) -> Option<Self> {
        let (options, otherwise) =
            if let Some(create) = tree::node(&statement.node, "CreateFunctionStmt") {
                (tree::list(create, "options"), "sql")
            } else {
                let block = tree::node(&statement.node, "DoStmt")?;
                (tree::list(block, "args"), "plpgsql")
            };
        let option = |name: &str| {
            let options = options.iter().filter_map(|o| tree::node(o, "DefElem"));
            options
                .into_iter()
                .find(|o| tree::string(o, "defname") == name)
        };
        let language = option("language").and_then(|o| tree::sval(o.get("arg")?));
        let body = body_token(lexed, option("as")?)?;
        Some(Self {
            language: language.unwrap_or(otherwise).to_ascii_lowercase(),
            body,
            place: statement.place,
        })
    }
}

/// The string after AS (of DO: the block).
fn body_token(lexed: &Lexed<'_>, option: &Fields) -> Option<usize> {
    let start = tree::location(option)?;
    let first = lexed.at(start)?;
    (first..first + 2).find(|&at| lexed.get(at).is_some_and(|t| t.kind == Kind::Text))
}

fn body_edit(
    lexed: &Lexed<'_>,
    routine: &Routine,
    wanted: &Wanted,
) -> Result<Option<Edit>, NotParsed> {
    if wanted.concern_of_text(lexed.raw(routine.body)) == Concern::Nothing {
        return Ok(None);
    }
    let body = lexed
        .text(routine.body)
        .ok_or_else(|| NotParsed("its body has escapes of its own".to_owned()))?;
    let new = match routine.language.as_str() {
        "sql" => rewritten(&body, wanted)?,
        "plpgsql" => super::plpgsql::rewritten(lexed, routine.place, &body, wanted)?,
        // The name of a function of the server itself, or of a library.
        "internal" | "c" => return Ok(None),
        other => return Err(NotParsed(format!("a body in {other} is not read"))),
    };
    let raw = lexed.raw(routine.body);
    let with = match dollar_quote(raw) {
        Some(quote) if !new.contains(quote) => format!("{quote}{new}{quote}"),
        _ => sql::literal(&new),
    };
    let token = lexed.tokens[routine.body];
    let edit = Edit {
        start: token.start,
        end: token.end,
        with,
    };
    Ok((new != body).then_some(edit))
}

fn collect_names(text: &str, names: &mut Names) -> Result<(), NotParsed> {
    let lexed = Lexed::new(text)?;
    let statements = tree::parse(&lexed, Grammar::Statements)?;
    names_of(&lexed, &statements, names);
    for routine in statements.iter().filter_map(|s| Routine::of(&lexed, s)) {
        let Some(body) = lexed.text(routine.body) else {
            continue;
        };
        match routine.language.as_str() {
            "sql" => collect_names(&body, names)?,
            "plpgsql" => super::plpgsql::collect_names(&lexed, routine.place, names)?,
            _ => {}
        }
    }
    Ok(())
}

/// What these statements name.
pub(super) fn names_of(lexed: &Lexed<'_>, statements: &[Parsed], names: &mut Names) {
    let with = roles(statements).with;
    for statement in statements {
        tree::walk(&statement.node, &mut |seen| {
            let fields = seen.fields;
            if seen.is_relation() {
                let schema = tree::string(fields, "schemaname");
                let name = tree::string(fields, "relname");
                if !schema.is_empty() || !with.contains(name) {
                    names.relations.push(Name::new(schema, name));
                }
            } else if seen.is_call() {
                names
                    .functions
                    .extend(name_of(&tree::strings(fields, "funcname")));
            } else if seen.is_type() {
                names.types.extend(type_of(fields));
            } else if matches!(seen.kind, "CollateClause" | "coll_clause") {
                let collation = name_of(&tree::strings(fields, "collname"));
                let written = collation.filter(|collation| !collation.schema.is_empty());
                names.collations.extend(written);
            } else if seen.kind == "AExpr" {
                let operator = name_of(&tree::strings(fields, "name"));
                names
                    .operators
                    .extend(operator.filter(|operator| !operator.schema.is_empty()));
            }
        });
    }
    for at in 0..lexed.tokens.len() {
        if lexed.tokens[at].kind != Kind::Text {
            continue;
        }
        let named = match rewrite::registry(lexed, at) {
            Some("regclass") => &mut names.relations,
            Some("regconfig" | "regdictionary") => &mut names.text_search,
            _ => continue,
        };
        named.extend(lexed.text(at).and_then(|text| name_in(&text)));
    }
}

fn name_of(parts: &[&str]) -> Option<Name> {
    match parts {
        [name] => Some(Name::new("", *name)),
        [.., schema, name] => Some(Name::new(*schema, *name)),
        [] => None,
    }
}

/// The type that a TypeName node names, as SQL writes it; `None` for `column%TYPE`.
pub(super) fn type_of(fields: &Fields) -> Option<String> {
    if fields.get("pct_type").and_then(serde_json::Value::as_bool) == Some(true) {
        return None;
    }
    let name = name_of(&tree::strings(fields, "names"))?;
    let schema = if name.schema == "pg_catalog" {
        String::new()
    } else {
        name.schema
    };
    let key = TypeKey {
        schema,
        name: name.name,
        array: !tree::list(fields, "array_bounds").is_empty(),
    };
    Some(key.to_sql())
}

/// The object that a text of a `reg…` type names.
fn name_in(text: &str) -> Option<Name> {
    let lexed = Lexed::new(text).ok()?;
    if !lexed.is_name(0) {
        return None;
    }
    let (parts, _) = super::type_name::chain(&lexed, 0);
    name_of(&parts.iter().map(String::as_str).collect::<Vec<_>>())
}
