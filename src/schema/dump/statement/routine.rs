//! CREATE FUNCTION and CREATE PROCEDURE.

use pg_query::NodeEnum;
use pg_query::protobuf::{CreateFunctionStmt, FunctionParameterMode, Node, VariableSetStmt};

use super::super::model::Model;
use super::sql::{Sql, constants, option, options, string, strings};
use crate::catalog::database::{Routine, RoutineKind};
use crate::schema::syntax::type_name::plain_or_quoted;

/// Takes a routine in.
pub(super) fn create(model: &mut Model, sql: &Sql<'_>, create: &CreateFunctionStmt) -> Option<()> {
    let name = model.name(&strings(&create.funcname));
    let window = option(&create.options, "window").is_some_and(|value| value == "true");
    let kind = match (create.is_procedure, window) {
        (true, _) => RoutineKind::Procedure,
        (false, true) => RoutineKind::Window,
        (false, false) => RoutineKind::Function,
    };
    let result = create.return_type.as_ref();
    let result_name = result.map(|t| strings(&t.names)).unwrap_or_default();
    let routine = Routine {
        oid: model.oid(),
        name,
        arguments: arguments(sql, create)?,
        kind,
        language: option(&create.options, "language").unwrap_or_else(|| "sql".to_owned()),
        definition: Some(sql.text().to_owned()),
        body: body(create).unwrap_or_default(),
        sql_body: create.sql_body.is_some().then(|| sql_body(sql)).flatten(),
        returns: 0,
        is_trigger: result_name.last() == Some(&"trigger"),
        security_definer: option(&create.options, "security").is_some_and(|v| v == "true"),
        settings: settings(&create.options),
        extension: None,
        comment: None,
    };
    let place = model.push_routine(routine);
    if let Some(written) = result.and_then(|t| sql.type_at(t)) {
        model.results.push((place, written.key));
    }
    Some(())
}

/// `pg_get_function_identity_arguments`: without defaults, and without the columns of RETURNS TABLE.
fn arguments(sql: &Sql<'_>, create: &CreateFunctionStmt) -> Option<String> {
    let mut all = Vec::new();
    for node in &create.parameters {
        let Some(NodeEnum::FunctionParameter(parameter)) = &node.node else {
            return None;
        };
        if parameter.mode() == FunctionParameterMode::FuncParamTable {
            continue;
        }
        let first = sql.token(parameter.location)?;
        let end = sql.item_end(first);
        let default = (first..end)
            .find(|&at| sql.lexed.is_word(at, "default") || sql.lexed.is_symbol(at, "="));
        let end = default
            .filter(|_| parameter.defexpr.is_some())
            .unwrap_or(end);
        all.push(sql.slice(first, end).to_owned());
    }
    Some(all.join(", "))
}

/// The body in a string; of a function in C the name in its library, as pg_proc.prosrc has it.
fn body(create: &CreateFunctionStmt) -> Option<String> {
    let element = options(&create.options).find(|o| o.defname == "as")?;
    let Some(NodeEnum::List(list)) = element.arg.as_ref()?.node.as_ref() else {
        return None;
    };
    list.items.last().and_then(string).map(str::to_owned)
}

/// What follows the header: `BEGIN ATOMIC …` or `RETURN …`.
fn sql_body(sql: &Sql<'_>) -> Option<String> {
    let lexed = sql.lexed;
    let begin = (0..lexed.tokens.len())
        .find(|&at| lexed.is_word(at, "begin") && lexed.is_word(at + 1, "atomic"));
    let at = begin.or_else(|| sql.find_word(0, "return"))?;
    Some(sql.slice(at, lexed.tokens.len()).to_owned())
}

/// SET clauses as pg_proc.proconfig has them: `search_path=app, public`.
fn settings(nodes: &[Node]) -> Vec<String> {
    options(nodes)
        .filter(|option| option.defname == "set")
        .filter_map(|option| match option.arg.as_ref()?.node.as_ref()? {
            NodeEnum::VariableSetStmt(set) => Some(setting(set)),
            _ => None,
        })
        .collect()
}

fn setting(set: &VariableSetStmt) -> String {
    let values = constants(&set.args);
    // Lists of names are quoted one by one.
    let list = matches!(set.name.as_str(), "search_path" | "temp_tablespaces");
    let value = if list {
        let names = values.iter().map(|value| match value.as_str() {
            "" => "\"\"".to_owned(),
            name => plain_or_quoted(name),
        });
        names.collect::<Vec<_>>().join(", ")
    } else {
        values.join(", ")
    };
    format!("{}={value}", set.name)
}
