//! Statements of a dump, one kind per file.

mod alter;
mod column;
mod constraint;
mod index;
mod others;
mod routine;
mod sequence;
mod sql;
mod table;
mod trigger;
mod types;
mod view;

use pg_query::NodeEnum;
use pg_query::protobuf::VariableSetStmt;

use super::DumpError;
use super::model::Model;
use crate::schema::syntax::NotParsed;
use crate::schema::syntax::lexer::Lexed;
use crate::schema::syntax::tree;
use sql::Sql;

/// Takes a statement in.
pub(super) fn take(model: &mut Model, text: &str, line: u64) -> Result<(), DumpError> {
    model.statements += 1;
    let first = text.split(|c: char| !c.is_ascii_alphabetic()).next();
    if matches!(first, Some("INSERT" | "COPY")) {
        model.has_data = true;
        return Ok(());
    }
    let read = Lexed::new(text).and_then(|lexed| {
        let node = tree::parse_one(&lexed)?;
        let sql = Sql { lexed: &lexed };
        Ok(node.is_none_or(|node| statement(model, &sql, &node).is_some()))
    });
    match read {
        Ok(true) => Ok(()),
        Ok(false) => {
            model.not_read(line, format_args!("{} …", beginning(text)));
            Ok(())
        }
        // What begins with no SQL at all is no dump.
        Err(NotParsed(why)) if model.statements == 1 => Err(DumpError::NotSql { line, why }),
        Err(NotParsed(why)) => {
            model.not_read(line, format_args!("{} …: {why}", beginning(text)));
            Ok(())
        }
    }
}

/// A command of psql.
pub(super) fn command(model: &mut Model, text: &str, line: u64) -> Result<(), DumpError> {
    let Some(target) = text.strip_prefix("\\connect") else {
        return Ok(());
    };
    if !model.database.schemas.is_empty() || !model.database.relations.is_empty() {
        return Err(DumpError::SeveralDatabases { line });
    }
    let words = target.split_whitespace();
    // `\connect -reuse-previous=on "dbname='shop'"` is the form for odd names.
    if let Some(name) = words.clone().last().filter(|w| !w.starts_with('-')) {
        name.trim_matches('"')
            .clone_into(&mut model.database.server.database);
    }
    Ok(())
}

/// The first words of a statement: no value is among them.
fn beginning(text: &str) -> String {
    let words = text
        .split(|c: char| !c.is_ascii_alphabetic())
        .filter(|word| !word.is_empty())
        .take_while(|word| word.chars().all(|c| c.is_ascii_uppercase()));
    let words: Vec<&str> = words.take(4).collect();
    if words.is_empty() {
        "a statement".to_owned()
    } else {
        words.join(" ")
    }
}

/// `None`: the statement, or something in it, is not known.
fn statement(model: &mut Model, sql: &Sql<'_>, node: &NodeEnum) -> Option<()> {
    match node {
        NodeEnum::CreateStmt(create) => table::create(model, sql, create).map(|_| ()),
        NodeEnum::CreateForeignTableStmt(create) => table::foreign(model, sql, create),
        NodeEnum::AlterTableStmt(alter) => alter::table(model, sql, alter),
        NodeEnum::IndexStmt(create) => index::create(model, sql, create),
        NodeEnum::CreateSeqStmt(create) => sequence::create(model, create),
        NodeEnum::AlterSeqStmt(alter) => sequence::alter(model, alter),
        NodeEnum::SelectStmt(select) => sequence::select(model, sql, select),
        NodeEnum::CreateEnumStmt(create) => types::create_enum(model, create),
        NodeEnum::AlterEnumStmt(alter) => types::add_value(model, alter),
        NodeEnum::CompositeTypeStmt(create) => types::composite(model, sql, create),
        NodeEnum::CreateDomainStmt(create) => types::domain(model, sql, create),
        NodeEnum::AlterDomainStmt(alter) => types::alter_domain(model, sql, alter),
        NodeEnum::CreateRangeStmt(create) => types::range(model, sql, create),
        NodeEnum::DefineStmt(define) => others::define(model, sql, define),
        NodeEnum::CreateFunctionStmt(create) => routine::create(model, sql, create),
        NodeEnum::ViewStmt(create) => view::create(model, sql, create),
        NodeEnum::CreateTableAsStmt(create) => view::materialized(model, sql, create),
        NodeEnum::RefreshMatViewStmt(refresh) => view::refresh(model, refresh),
        NodeEnum::CreateTrigStmt(create) => trigger::create(model, sql, create),
        NodeEnum::VariableSetStmt(set) => {
            setting(model, set);
            Some(())
        }
        other => others::statement(model, sql, other),
    }
}

/// `SET default_tablespace = …` and the like hold for the tables that follow.
fn setting(model: &mut Model, set: &VariableSetStmt) {
    let values = sql::constants(&set.args);
    let value = values.first().filter(|value| !value.is_empty()).cloned();
    match set.name.as_str() {
        "default_tablespace" => model.settings.tablespace = value,
        "default_table_access_method" => {
            model.settings.access_method = value.filter(|method| method != "heap");
        }
        "search_path" => model.settings.schema = value.filter(|schema| schema != "pg_catalog"),
        _ => {}
    }
}
