//! Pre-data: schemas, extensions, types, sequences, the functions that tables need, and the tables with
//! their primary keys.

mod builtin;
mod columns;
mod constraints;
mod expressions;
mod kinds;
mod layout;
mod maker;
mod mapped_type;
mod money;
mod names;
mod rewrites;
mod routines;
mod schemas;
mod sequences;
mod spelling;
mod tables;
mod text;
mod tokens;
mod user_types;
mod value;

use super::build::Build;
use maker::Maker;

#[cfg(feature = "parser")]
pub(in crate::schema::convert) use builtin::are_alike;
pub(in crate::schema) use kinds::KINDS;
pub(in crate::schema::convert) use mapped_type::{Declared, TypeMap};
pub(in crate::schema) use spelling::type_key;
pub(in crate::schema) use value::of_column as check_of_column;

pub(super) fn build(build: &mut Build<'_>) {
    rewrites::fill(build);
    schemas::build(build);
    let mut maker = Maker::new(build);
    names::check(&mut maker);
    user_types::build(&mut maker);
    sequences::build(&mut maker);
    routines::build_for_indexes(&mut maker);
    tables::build(&mut maker);
    sequences::finish(&mut maker);
}

#[cfg(test)]
mod tests;
