//! What every SQL text of the source goes through.

use std::collections::BTreeMap;

use super::builtin;
use super::mapped_type::{Declared, TypeMap};
use super::spelling::spelled;
use crate::catalog::database::{Database, Name, UserType};
use crate::catalog::{DataType, Shape};
use crate::profile::Profile;
use crate::schema::convert::build::Build;
use crate::schema::mapping::Mapping;
use crate::schema::syntax::{Rewriter, Rewrites};

/// Functions of extensions that PostgreSQL has built in by now.
const BUILT_IN_BY_NOW: [(&str, &str); 1] = [("pgcrypto", "gen_random_uuid")];

/// Fills the replacements of a build.
pub(super) fn fill(build: &mut Build<'_>) {
    let regclass = Profile::yes(&build.profile.nextval_regclass) == Some(true);
    build.rewrites = Rewrites {
        names: names(build.database, build.mapping, &build.types),
        schemas: build.mapping.schemas.clone(),
        types: types(build.database, &build.types),
        plain_nextval: !regclass,
    };
    build.rewriter = Rewriter::new(&build.rewrites);
}

fn names(database: &Database, mapping: &Mapping, types: &TypeMap<'_>) -> BTreeMap<Name, Name> {
    let renamed = mapping.tables.iter().filter(|(from, to)| from != to);
    let missing = database
        .extensions
        .iter()
        .filter(|extension| !types.has_extension(&extension.name));
    let built_in = missing.flat_map(|extension| {
        let functions = BUILT_IN_BY_NOW.iter();
        functions
            .filter(|(of, _)| *of == extension.name)
            .map(|(_, function)| {
                let name = Name::new(extension.schema.clone(), *function);
                (name, Name::new("pg_catalog", *function))
            })
    });
    renamed
        .map(|(from, to)| (from.clone(), to.clone()))
        .chain(built_in)
        .chain(owned(database, mapping))
        .collect()
}

/// Sequences of tables that move: a sequence lives in the schema of the table that owns it.
fn owned(database: &Database, mapping: &Mapping) -> Vec<(Name, Name)> {
    let sequences = database.sequences.iter();
    let moved = sequences.filter_map(|sequence| {
        let owner = sequence.owner.as_ref()?;
        let target = mapping.name(&owner.table);
        let stays = mapping.schema(&sequence.name.schema) == target.schema;
        let name = Name::new(target.schema, sequence.name.name.clone());
        (!stays).then(|| (sequence.name.clone(), name))
    });
    moved.collect()
}

fn types(database: &Database, types: &TypeMap<'_>) -> BTreeMap<String, String> {
    let built_in = builtin::TYPES
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), types.cast_of(name)?)));
    let users = database
        .types
        .iter()
        .filter_map(|user_type| Some((spelled(&user_type.name), replacement(types, user_type)?)));
    built_in.chain(users).collect()
}

/// What a type of a user becomes where it is not created.
fn replacement(types: &TypeMap<'_>, user_type: &UserType) -> Option<String> {
    let kept = user_type
        .extension
        .as_ref()
        .is_some_and(|extension| types.has_extension(extension));
    if kept || types.creates(user_type) {
        return None;
    }
    let data_type = DataType {
        sql: user_type.name.quoted(),
        shape: Shape::Scalar,
        base: user_type.oid,
        base_name: user_type.name.name.clone(),
        typmod: None,
        holds_timestamp: false,
    };
    let declared = Declared {
        oid: user_type.oid,
        data_type: &data_type,
        dimensions: 0,
    };
    Some(types.map(declared).sql)
}
