//! The functions that tables need: for defaults, CHECKs, generated columns and indexes.

use super::maker::Maker;
use crate::catalog::database::{Class, Database, Object, Routine, RoutineKind};
use crate::schema::convert::build::Draft;
use crate::schema::convert::lens::Lens;
use crate::schema::convert::post::{ROUTINE_ON_CHANGED_TYPE, texts_instead};
use crate::schema::convert::{Makes, Section};
use crate::schema::finding::{Finding, Severity};
use crate::schema::syntax;

/// Makes the functions of expressions in indexes: indexes are built before the other functions.
pub(super) fn build_for_indexes(maker: &mut Maker<'_, '_>) {
    let database = maker.build.database;
    for relation in &database.relations {
        if !maker.layout.is_made(relation.oid) && !relation.is_view() {
            continue;
        }
        for index in &relation.indexes {
            let object = Object::new(Class::Index, index.oid);
            maker.make_needed(object, &[Class::Routine]);
            let expressions = index.parts.iter().filter(|part| part.column.is_none());
            let texts = expressions.map(|part| &part.expression);
            for text in texts.chain(&index.predicate) {
                make_named(
                    maker,
                    &syntax::names_in_expression(text).unwrap_or_default(),
                );
            }
        }
    }
}

/// Makes the functions of a text. What can not be made is said by who needs it.
fn make_named(maker: &mut Maker<'_, '_>, names: &syntax::Names) {
    for function in &names.functions {
        for oid in maker.functions.get(function).cloned().unwrap_or_default() {
            maker.make(Object::new(Class::Routine, oid));
        }
    }
}

/// Makes a function after all that it needs.
///
/// # Errors
/// Why it can not be there before the tables.
pub(super) fn make(maker: &mut Maker<'_, '_>, routine: &Routine) -> Result<(), String> {
    let object = Object::new(Class::Routine, routine.oid);
    if let Some(extension) = &routine.extension {
        return match maker.build.made(object) {
            Some(_) => Ok(()),
            None => Err(format!(
                "{} belongs to the extension {extension}, which is left out",
                routine.signature()
            )),
        };
    }
    let definition = definition(maker, routine)?;
    let needs = needs(maker, object, routine)?;
    if let Err(misuse) = Lens::of_routine(maker.build, routine).routine(routine) {
        return Err(format!("{} uses {misuse}", routine.signature()));
    }
    let sql = maker
        .build
        .rewriter
        .statement(definition)
        .map_err(|error| format!("{}: {error}", routine.signature()))?;
    let rewritten = if sql == definition {
        Vec::new()
    } else {
        vec!["names and types as they are in the target".to_owned()]
    };
    let name = maker.build.mapping.name(&routine.name);
    let draft = Draft {
        section: Section::PreData,
        makes: Makes::EarlyRoutine,
        object: format!("function {name}({})", routine.arguments),
        name,
        sql,
        rewritten,
        needs,
    };
    maker.build.push(Some(object), draft);
    if let Some(finding) = changed_types(maker, routine, definition) {
        maker.build.find(finding);
    }
    Ok(())
}

/// Says that types of its signature or body are others in the target.
fn changed_types(maker: &Maker<'_, '_>, routine: &Routine, definition: &str) -> Option<Finding> {
    let named = syntax::names_in_statement(definition).ok()?.types;
    let becomes = texts_instead(&maker.build.rewrites, &named);
    let finding = Finding::new(
        &ROUTINE_ON_CHANGED_TYPE,
        format!("function {}", routine.signature()),
    );
    (!becomes.is_empty()).then(|| finding.detail(becomes))
}

/// The statement that creates it, if the target can have such a function.
fn definition<'r>(maker: &Maker<'_, '_>, routine: &'r Routine) -> Result<&'r str, String> {
    let signature = routine.signature();
    let profile = maker.build.profile;
    let speaks = |language: &str| match &profile.languages {
        Some(languages) => languages.value.iter().any(|known| known == language),
        None => matches!(language, "sql" | "plpgsql"),
    };
    if !matches!(routine.kind, RoutineKind::Function | RoutineKind::Window) {
        return Err(format!("{signature} is no function that a table can need"));
    }
    if !speaks(&routine.language) {
        return Err(format!("{signature} is written in {}", routine.language));
    }
    let alone = Database {
        routines: vec![routine.clone()],
        ..Database::default()
    };
    let findings = syntax::bodies(&alone, profile).into_iter();
    let mut refused = findings.filter(|f| f.kind.severity <= Severity::Loss);
    if let Some(finding) = refused.next() {
        return Err(format!("{signature}: {}", finding.kind.title));
    }
    let definition = routine.definition.as_deref();
    let definition = definition.ok_or_else(|| format!("{signature} has no definition"))?;
    Ok(definition.trim_end().trim_end_matches(';').trim_end())
}

/// Makes what the catalog says that it needs, and what its body names, which the catalog does not know.
fn needs(
    maker: &mut Maker<'_, '_>,
    object: Object,
    routine: &Routine,
) -> Result<Vec<Object>, String> {
    let edges = maker.build.needs_of(object).iter();
    let mut needed: Vec<Object> = edges.map(|edge| edge.on).collect();
    if routine.language == "sql" {
        let definition = routine.definition.as_deref().unwrap_or_default();
        let names = syntax::names_in_statement(definition).unwrap_or_default();
        let mut called = names.functions.iter();
        if let Some(why) = called.find_map(|name| maker.build.of_missing_extension(name)) {
            return Err(format!("{} → {why}", routine.signature()));
        }
        let tables = names.relations.iter().filter_map(|n| maker.tables.get(n));
        needed.extend(tables.map(|&oid| Object::new(Class::Relation, oid)));
        let functions = names
            .functions
            .iter()
            .filter_map(|n| maker.functions.get(n));
        let functions = functions
            .flatten()
            .map(|&oid| Object::new(Class::Routine, oid));
        needed.extend(functions.filter(|&function| function != object));
    }
    for &on in &needed {
        match on.class {
            Class::Routine => maker.routine(on.oid)?,
            Class::Relation => relation(maker, on)?,
            _ => maker.make(on),
        }
    }
    Ok(needed)
}

/// An SQL body is checked when the function is made: what it reads has to be there.
fn relation(maker: &mut Maker<'_, '_>, object: Object) -> Result<(), String> {
    maker.make(object);
    if maker.build.made(object).is_some() {
        return Ok(());
    }
    let name = maker.build.relation(object.oid).map(|r| r.name.to_string());
    let name = name.unwrap_or_else(|| "a table".to_owned());
    Err(format!(
        "its function reads {name}, which is not there before it"
    ))
}
