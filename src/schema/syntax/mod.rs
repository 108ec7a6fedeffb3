//! SQL and PL/pgSQL texts as PostgreSQL's own parser sees them: what they name, which features they use,
//! and the same text with names, casts and types replaced.
//!
//! With the feature `parser` (on by default) the texts are parsed by PostgreSQL's own parser. Without
//! it an exact lexer sees the tokens: it rewrites what tokens can tell, and every body is *not checked*.

mod bodies;
mod keywords;
pub(in crate::schema) mod lexer;
#[cfg(feature = "parser")]
pub(in crate::schema) mod lost;
#[cfg(feature = "parser")]
mod parsed;
#[cfg(feature = "parser")]
mod plpgsql;
mod rewrite;
#[cfg(feature = "parser")]
mod roles;
#[cfg(feature = "parser")]
mod sameness;
mod text;
#[cfg(feature = "parser")]
pub(in crate::schema) mod tree;
pub(in crate::schema) mod type_name;
mod wanted;
#[cfg(not(feature = "parser"))]
mod words;

use std::collections::BTreeMap;

use crate::catalog::database::{Database, Name};
use crate::profile::Profile;

use super::finding::Finding;
use lexer::Lexed;
#[cfg(feature = "parser")]
use parsed as way;
use text::Wrapped;
use wanted::{Concern, Wanted};
#[cfg(not(feature = "parser"))]
use words as way;

pub(super) use bodies::KINDS;
pub use bodies::{Refused, refused_features};

/// What is to be replaced in a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rewrites {
    /// Relations, types, sequences and routines that get another name, in strings that are cast to
    /// regclass too.
    pub names: BTreeMap<Name, Name>,
    /// Schemas whose objects move.
    pub schemas: BTreeMap<String, String>,
    /// Types in casts and definitions that become another one; keys as SQL writes them without
    /// modifier (`money`, `public.email`).
    pub types: BTreeMap<String, String>,
    /// `nextval('s'::regclass)` becomes `nextval('s')`.
    pub plain_nextval: bool,
}

/// What a text names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Functions that it calls; the schema is empty where none is written.
    pub functions: Vec<Name>,
    /// Relations.
    pub relations: Vec<Name>,
    /// Types in casts and definitions, as SQL writes them without modifier.
    pub types: Vec<String>,
    /// Operators that are written with their schema.
    pub operators: Vec<Name>,
    /// Collations that are written with their schema.
    pub collations: Vec<Name>,
    /// Text-search configurations and dictionaries that constants name.
    pub text_search: Vec<Name>,
}

impl Names {
    /// Each name once, in order.
    fn sort(&mut self) {
        self.functions.sort();
        self.functions.dedup();
        self.relations.sort();
        self.relations.dedup();
        self.types.sort();
        self.types.dedup();
        self.operators.sort();
        self.operators.dedup();
        self.collations.sort();
        self.collations.dedup();
        self.text_search.sort();
        self.text_search.dedup();
    }
}

/// A text that the parser can not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("PostgreSQL's parser does not read it: {0}")]
pub struct NotParsed(pub String);

/// Replacements that are made in many texts: prepared once.
#[derive(Debug, Clone, Default)]
pub struct Rewriter(Wanted);

impl Rewriter {
    /// Prepares replacements.
    pub fn new(rewrites: &Rewrites) -> Self {
        Self(Wanted::new(rewrites))
    }

    /// An expression (a default) or the definition of a constraint (`CHECK (…)`) with the replacements
    /// made; the very same text where nothing is to be replaced.
    ///
    /// # Errors
    /// The text is not parsed, or can not be rewritten without a change of its meaning.
    pub fn expression(&self, text: &str) -> Result<String, NotParsed> {
        let wanted = &self.0;
        match wanted.concern(&Lexed::new(text)?) {
            Concern::Nothing => Ok(text.to_owned()),
            Concern::Nextval => by_words(text, wanted),
            Concern::Names => way::rewrite(&Wrapped::expression(text)?, wanted),
        }
    }

    /// A statement (a view's query, CREATE INDEX, CREATE FUNCTION with its body where that is SQL or
    /// PL/pgSQL) with the replacements made.
    ///
    /// # Errors
    /// The text is not parsed, or can not be rewritten without a change of its meaning.
    pub fn statement(&self, text: &str) -> Result<String, NotParsed> {
        let wanted = &self.0;
        match wanted.concern(&Lexed::new(text)?) {
            Concern::Nothing => Ok(text.to_owned()),
            Concern::Nextval | Concern::Names => way::rewrite(&Wrapped::statement(text), wanted),
        }
    }
}

/// One expression with the replacements made.
///
/// # Errors
/// As [`Rewriter::expression`].
pub fn expression(text: &str, rewrites: &Rewrites) -> Result<String, NotParsed> {
    Rewriter::new(rewrites).expression(text)
}

/// One statement with the replacements made.
///
/// # Errors
/// As [`Rewriter::statement`].
pub fn statement(text: &str, rewrites: &Rewrites) -> Result<String, NotParsed> {
    Rewriter::new(rewrites).statement(text)
}

/// What an expression or the definition of a constraint names.
///
/// # Errors
/// The text is not parsed.
pub fn names_in_expression(text: &str) -> Result<Names, NotParsed> {
    way::names(&Wrapped::expression(text)?)
}

/// What a statement names, in the body of a function in SQL or PL/pgSQL, too.
///
/// # Errors
/// The text is not parsed.
pub fn names_in_statement(text: &str) -> Result<Names, NotParsed> {
    way::names(&Wrapped::statement(text))
}

/// What a statement names outside of bodies in strings.
///
/// # Errors
/// The text is not parsed.
#[cfg(feature = "parser")]
pub(super) fn names_in_definition(text: &str) -> Result<Names, NotParsed> {
    parsed::names_outside_of_bodies(text)
}

/// What two texts that are compared are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grammatical {
    /// A statement, or a query.
    Statement,
    /// An expression.
    Expression,
    /// The definition of a constraint.
    Constraint,
    /// A CREATE FUNCTION or PROCEDURE, of which the result is compared.
    Result,
}

/// Whether two texts say the same, however they are written; `None`: one of them is not read.
pub(super) fn same(one: &str, other: &str, grammar: Grammatical) -> Option<bool> {
    #[cfg(feature = "parser")]
    return sameness::same(one, other, grammar);
    #[cfg(not(feature = "parser"))]
    {
        let _ = grammar;
        (one == other).then_some(true)
    }
}

/// Rewrites what tokens can tell.
fn by_words(text: &str, wanted: &Wanted) -> Result<String, NotParsed> {
    let lexed = Lexed::new(text)?;
    rewrite::apply(text, rewrite::edits(&lexed, None, wanted)?)
}

/// Features of routines, triggers and views of the database that the target does not have, with the line
/// in the body; a body that can not be read is a finding of its own, `not-checked`.
pub fn bodies(database: &Database, profile: &Profile) -> Vec<Finding> {
    bodies::findings(database, profile)
}

#[cfg(test)]
mod tests;
