//! Sequences and their positions.

use pg_query::NodeEnum;
use pg_query::protobuf::{AlterSeqStmt, CreateSeqStmt, Node, SelectStmt};

use super::super::model::Model;
use super::sql::{Sql, constants, option, options, relation_name, strings};
use crate::catalog::database::{ColumnName, Name, Position, Sequence};
use crate::schema::syntax::lexer::Lexed;
use crate::schema::syntax::type_name::chain;

/// CREATE SEQUENCE.
pub(super) fn create(model: &mut Model, create: &CreateSeqStmt) -> Option<()> {
    let name = relation_name(model, create.sequence.as_ref())?;
    let mut sequence = from_options(model, name, &create.options);
    sequence.unlogged = create.sequence.as_ref()?.relpersistence == "u";
    model.push_sequence(sequence);
    Some(())
}

/// A sequence from its options.
pub(super) fn from_options(model: &mut Model, name: Name, nodes: &[Node]) -> Sequence {
    let number = |name: &str| option(nodes, name).and_then(|value| value.parse::<i64>().ok());
    let data_type = match option(nodes, "as").as_deref() {
        Some("int2" | "smallint") => "smallint",
        Some("int4" | "integer") => "integer",
        _ => "bigint",
    };
    let (least, most) = match data_type {
        "smallint" => (i64::from(i16::MIN), i64::from(i16::MAX)),
        "integer" => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    };
    let increment = number("increment").unwrap_or(1);
    let minimum = number("minvalue").unwrap_or(if increment > 0 { 1 } else { least });
    let maximum = number("maxvalue").unwrap_or(if increment > 0 { most } else { -1 });
    let start = number("start").unwrap_or(if increment > 0 { minimum } else { maximum });
    Sequence {
        oid: model.oid(),
        name,
        data_type: data_type.to_owned(),
        start,
        increment,
        minimum,
        maximum,
        cache: number("cache").unwrap_or(1),
        cycles: option(nodes, "cycle").is_some_and(|value| value == "true"),
        position: None,
        owner: None,
        identity: false,
        unlogged: false,
        extension: None,
        comment: None,
    }
}

/// ALTER SEQUENCE … OWNED BY.
pub(super) fn alter(model: &mut Model, alter: &AlterSeqStmt) -> Option<()> {
    let name = relation_name(model, alter.sequence.as_ref())?;
    for element in options(&alter.options) {
        if element.defname != "owned_by" {
            return None;
        }
        let Some(NodeEnum::List(list)) = element.arg.as_ref()?.node.as_ref() else {
            return None;
        };
        let parts = strings(&list.items);
        let owner = match parts.as_slice() {
            ["none"] => None,
            [table @ .., column] => Some(ColumnName {
                table: model.name(table),
                column: (*column).to_owned(),
            }),
            [] => return None,
        };
        model.sequence(&name)?.owner = owner;
    }
    Some(())
}

/// `SELECT pg_catalog.setval('public.s', 42, true)`, `SELECT pg_catalog.set_config('search_path', …)`, and
/// what puts large objects back.
pub(super) fn select(model: &mut Model, sql: &Sql<'_>, select: &SelectStmt) -> Option<()> {
    if restores_statistics(select) {
        return Some(());
    }
    let target = select.target_list.first()?;
    let Some(NodeEnum::ResTarget(target)) = &target.node else {
        return None;
    };
    let Some(NodeEnum::FuncCall(call)) = target.val.as_ref()?.node.as_ref() else {
        return None;
    };
    let arguments = constants(&call.args);
    match *strings(&call.funcname).last()? {
        "setval" => setval(model, &arguments),
        "set_config" => {
            let [name, value, ..] = arguments.as_slice() else {
                return None;
            };
            if name == "search_path" {
                model.settings.schema = Some(value.clone()).filter(|v| !v.is_empty());
            }
            Some(())
        }
        "lo_create" => {
            model.large_objects += 1;
            Some(())
        }
        // Data of large objects.
        "lo_open" | "lowrite" | "lo_close" => {
            model.has_data |= sql.lexed.is_word(0, "select") && call.funcname.len() == 2;
            Some(())
        }
        "pg_extension_config_dump" => Some(()),
        _ => None,
    }
}

/// `SELECT * FROM pg_catalog.pg_restore_relation_stats(…)` and its like (PostgreSQL 18): the target
/// collects its own.
fn restores_statistics(select: &SelectStmt) -> bool {
    let functions = select
        .from_clause
        .iter()
        .filter_map(|node| match &node.node {
            Some(NodeEnum::RangeFunction(function)) => Some(&function.functions),
            _ => None,
        });
    let lists = functions.flatten().filter_map(|node| match &node.node {
        Some(NodeEnum::List(list)) => Some(&list.items),
        _ => None,
    });
    let mut calls = lists.flatten().filter_map(|node| match &node.node {
        Some(NodeEnum::FuncCall(call)) => strings(&call.funcname).last().copied(),
        _ => None,
    });
    calls.any(|name| name.starts_with("pg_restore_"))
}

fn setval(model: &mut Model, arguments: &[String]) -> Option<()> {
    let [text, value, rest @ ..] = arguments else {
        return None;
    };
    let lexed = Lexed::new(text).ok()?;
    let (parts, _) = chain(&lexed, 0);
    let name = model.name(&parts.iter().map(String::as_str).collect::<Vec<_>>());
    model.sequence(&name)?.position = Some(Position {
        last_value: value.parse().ok()?,
        is_called: rest
            .first()
            .is_none_or(|called| called == "true" || called == "t"),
    });
    Some(())
}
