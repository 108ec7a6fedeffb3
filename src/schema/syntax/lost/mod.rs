//! Where a text uses what a type of the source has and the other type of the target does not: `host(addr)`
//! where `addr` becomes text, a field of a composite that becomes text.
//!
//! ```text
//! query ─▶ parse tree ─▶ scopes (FROM, WITH, parameters) ─▶ type of each value ─▶ Misuse
//! ```
//!
//! What is said is certain: of a value whose type is not known nothing is said, nor of a function or
//! operator that may be a user's own.

mod family;
#[cfg(feature = "parser")]
mod query;
#[cfg(feature = "parser")]
mod scope;
#[cfg(feature = "parser")]
mod value;

use std::fmt;

use crate::catalog::database::Name;

pub(in crate::schema) use family::Family;

/// A type of the source whose values are of another type in the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::schema) struct Lost {
    /// Its name, as SQL writes it.
    pub(in crate::schema) name: String,
    /// Which functions and operators it has.
    pub(in crate::schema) family: Family,
    /// The type in the target, SQL text.
    pub(in crate::schema) becomes: String,
}

/// The columns of a relation or a query, and what is lost of their types.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::schema) struct Columns {
    /// By name, in order; `None` for a type that stays, or is not known.
    pub(in crate::schema) columns: Vec<(String, Option<Lost>)>,
    /// There are others whose names are not known.
    pub(in crate::schema) more: bool,
}

/// Something that is not there for the other type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::schema) struct Misuse {
    what: String,
    lost: Lost,
}

/// What texts are read against.
pub(in crate::schema) trait World {
    /// The columns of a relation; the schema is empty where none is written.
    fn columns(&self, relation: &Name) -> Option<Columns>;

    /// What a type becomes that stands in a cast or a signature, as SQL writes it without modifier.
    fn becomes(&self, type_sql: &str) -> Option<Lost>;

    /// Whether users have a function of this bare name.
    fn has_function(&self, name: &str) -> bool;

    /// Whether users have an operator of this bare name.
    fn has_operator(&self, name: &str) -> bool;
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Lost { name, becomes, .. } = &self.lost;
        write!(f, "{} of {name}, which becomes {becomes}", self.what)
    }
}

impl Columns {
    /// Nothing is known of them.
    #[cfg(feature = "parser")]
    fn unknown() -> Self {
        Self {
            columns: Vec::new(),
            more: true,
        }
    }
}

/// The columns that a view's query has in the target.
///
/// # Errors
/// The first thing that is not there for the other type.
#[cfg(feature = "parser")]
pub(in crate::schema) fn view(query: &str, world: &dyn World) -> Result<Columns, Misuse> {
    query::view(query, world)
}

/// Looks through CREATE FUNCTION, whose body is checked when it is made where it is SQL.
///
/// # Errors
/// The first thing that is not there for the other type.
#[cfg(feature = "parser")]
pub(in crate::schema) fn routine(definition: &str, world: &dyn World) -> Result<(), Misuse> {
    query::routine(definition, world)
}

/// Looks through the WHEN of CREATE TRIGGER.
///
/// # Errors
/// The first thing that is not there for the other type.
#[cfg(feature = "parser")]
pub(in crate::schema) fn trigger(definition: &str, world: &dyn World) -> Result<(), Misuse> {
    query::trigger(definition, world)
}

/// Without a parser nothing is certain.
#[cfg(not(feature = "parser"))]
pub(in crate::schema) fn view(_: &str, _: &dyn World) -> Result<Columns, Misuse> {
    Ok(Columns {
        columns: Vec::new(),
        more: true,
    })
}

/// Without a parser nothing is certain.
#[cfg(not(feature = "parser"))]
pub(in crate::schema) fn routine(_: &str, _: &dyn World) -> Result<(), Misuse> {
    Ok(())
}

/// Without a parser nothing is certain.
#[cfg(not(feature = "parser"))]
pub(in crate::schema) fn trigger(_: &str, _: &dyn World) -> Result<(), Misuse> {
    Ok(())
}

#[cfg(all(test, feature = "parser"))]
mod tests;
