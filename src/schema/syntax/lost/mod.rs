//! Where a text uses what a type of the source has and the other type of the target does not: `host(addr)`
//! where `addr` becomes text, a field of a composite that becomes text.
//!
//! ```text
//! query ─▶ parse tree ─▶ scopes (FROM, WITH, parameters) ─▶ type of each value ─▶ Misuse
//! ```
//!
//! What is said is certain: of a value whose type is not known nothing is said, nor of a function or
//! operator that may be the server's or a user's own. What users' functions return is what their headers say.

mod family;
mod from;
mod query;
mod scope;
mod signature;
mod value;

use std::collections::BTreeSet;
use std::fmt;

use crate::catalog::database::Name;

pub(in crate::schema) use family::Family;
pub(in crate::schema) use signature::Signature;

/// A type of the source whose values, or parts of them, are of another type in the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::schema) struct Lost {
    /// Its name, as SQL writes it.
    pub(in crate::schema) name: String,
    /// Which functions and operators it has.
    pub(in crate::schema) family: Family,
    /// The type in the target, SQL text.
    pub(in crate::schema) becomes: String,
    /// What is lost of its parts, where it still has some.
    pub(in crate::schema) inside: Inside,
}

/// The parts of a value that it still has in the target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::schema) enum Inside {
    /// None, or none that is lost.
    #[default]
    Nothing,
    /// Of an array.
    Elements(Box<Lost>),
    /// Of a row.
    Fields(Columns),
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

    /// What a user's function returns for these arguments; the schema is empty where none is written.
    fn returns(&self, function: &Name, arguments: &[Option<Lost>]) -> Option<Lost>;

    /// Whether users have an operator of this bare name.
    fn has_operator(&self, name: &str) -> bool;
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Lost { name, becomes, .. } = &self.lost;
        write!(f, "{} of {name}, which becomes {becomes}", self.what)
    }
}

impl Lost {
    /// An array of such values.
    pub(in crate::schema) fn array(self) -> Self {
        if self.family == Family::Array {
            return self;
        }
        Self {
            name: format!("{}[]", self.name),
            family: Family::Array,
            becomes: format!("{}[]", self.becomes),
            inside: Inside::Elements(Box::new(self)),
        }
    }

    /// An element of an array that is still one.
    fn element(self) -> Option<Self> {
        match self.inside {
            Inside::Elements(element) => Some(*element),
            Inside::Nothing | Inside::Fields(_) => None,
        }
    }

    /// Whether the values are texts in the target: of other types it is not known what they have.
    fn is_text(&self) -> bool {
        self.becomes == "text"
    }

    /// Whether it is still of parts, and has what arrays and rows have.
    fn is_whole(&self) -> bool {
        !self.is_text() && matches!(self.family, Family::Array | Family::Composite)
    }
}

impl Columns {
    /// A row of them, if something of it is lost.
    fn row(self, name: &str) -> Option<Lost> {
        let any = self.columns.iter().any(|(_, lost)| lost.is_some());
        any.then(|| Lost {
            name: name.to_owned(),
            family: Family::Composite,
            becomes: name.to_owned(),
            inside: Inside::Fields(self),
        })
    }

    /// Nothing is known of them.
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
pub(in crate::schema) fn view(query: &str, world: &dyn World) -> Result<Columns, Misuse> {
    query::view(query, world)
}

/// The columns of a query, and which columns of relations it names, as far as a world knows them.
pub(in crate::schema) fn used(
    query: &str,
    world: &dyn World,
) -> (Columns, BTreeSet<(Name, String)>) {
    query::used(query, world)
}

/// Looks through CREATE FUNCTION, whose body is checked when it is made where it is SQL.
///
/// # Errors
/// The first thing that is not there for the other type.
pub(in crate::schema) fn routine(definition: &str, world: &dyn World) -> Result<(), Misuse> {
    signature::routine(definition, world)
}

/// Looks through the WHEN of CREATE TRIGGER.
///
/// # Errors
/// The first thing that is not there for the other type.
pub(in crate::schema) fn trigger(definition: &str, world: &dyn World) -> Result<(), Misuse> {
    query::trigger(definition, world)
}

#[cfg(test)]
mod tests;
