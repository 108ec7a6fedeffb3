//! Texts without PostgreSQL's parser: what their tokens can tell.

use super::lexer::{Kind, Lexed};
use super::text::Wrapped;
use super::type_name::{chain, type_span};
use super::wanted::Wanted;
use super::{Name, Names, NotParsed, by_words};

/// Rewrites a text by its tokens.
pub(super) fn rewrite(wrapped: &Wrapped<'_>, wanted: &Wanted) -> Result<String, NotParsed> {
    if is_routine(&Lexed::new(&wrapped.sql)?) {
        let why = "the body of a routine is not read without PostgreSQL's parser";
        return Err(NotParsed(why.to_owned()));
    }
    by_words(&wrapped.sql, wanted).map(|text| wrapped.unwrapped(&text))
}

/// What a text may name: of `a.b` it is not known whether it is a relation or a column.
pub(super) fn names(wrapped: &Wrapped<'_>) -> Result<Names, NotParsed> {
    let lexed = Lexed::new(&wrapped.sql)?;
    if is_routine(&lexed) {
        let why = "the body of a routine is not read without PostgreSQL's parser";
        return Err(NotParsed(why.to_owned()));
    }
    let mut names = Names::default();
    let mut at = 0;
    while at < lexed.tokens.len() {
        at = name_at(&lexed, at, &mut names);
    }
    names.sort();
    Ok(names)
}

fn name_at(lexed: &Lexed<'_>, at: usize, names: &mut Names) -> usize {
    if !lexed.is_name(at) {
        return at + 1;
    }
    let (parts, after) = chain(lexed, at);
    let before = at.checked_sub(1);
    let cast = before.is_some_and(|b| lexed.is_symbol(b, "::") || lexed.is_word(b, "as"));
    let literal = lexed.get(after).is_some_and(|t| t.kind == Kind::Text);
    let name = match parts.as_slice() {
        [name] => Name::new("", name),
        [schema, name, ..] => Name::new(schema, name),
        [] => return after,
    };
    match type_span(lexed, at) {
        Some(span) if cast || literal => {
            names.types.push(span.key.to_sql());
            return span.array_end;
        }
        _ if lexed.is_symbol(after, "(") => names.functions.push(name),
        _ if parts.len() > 1 => names.relations.push(name),
        _ => {}
    }
    after
}

fn is_routine(lexed: &Lexed<'_>) -> bool {
    let replace = lexed.is_word(1, "or") && lexed.is_word(2, "replace");
    let what = if replace { 3 } else { 1 };
    let create = lexed.is_word(0, "create")
        && (lexed.is_word(what, "function") || lexed.is_word(what, "procedure"));
    create || lexed.is_word(0, "do")
}
