//! Routines: what they take and return, and what their bodies in SQL do.

use serde_json::Value;

use super::super::lexer::{Kind, Lexed};
use super::super::tree::{self, Fields};
use super::query::{Reader, statements, type_lost};
use super::scope::Scope;
use super::{Columns, Family, Lost, Misuse, World};

/// `FunctionParameterMode` of the parser.
mod mode {
    pub(super) const OUT: i64 = 2;
    pub(super) const INOUT: i64 = 3;
    pub(super) const VARIADIC: i64 = 4;
    pub(super) const TABLE: i64 = 5;
}

/// What a function takes and returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::schema) struct Signature {
    /// The polymorphic types of its arguments (`anyelement`), by their places.
    arguments: Vec<Option<Any>>,
    /// Arguments without a default.
    fewest: usize,
    /// The last one may be given any number of times.
    variadic: bool,
    result: Returned,
}

/// What a function returns.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Returned {
    /// The same for all arguments; `None` where nothing of it is lost.
    Lost(Option<Lost>),
    /// A type that the arguments' tell.
    Any(Any),
}

/// Polymorphic types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Any {
    Element,
    Array,
}

impl Signature {
    /// The signature in a CREATE FUNCTION; `None` where that is not read.
    pub(in crate::schema) fn of(definition: &str, world: &dyn World) -> Option<Self> {
        let all = statements(definition);
        let create = all.first()?;
        let create = tree::node(&create.node, "CreateFunctionStmt")?;
        let given: Vec<&Fields> = inputs(create).collect();
        let is_open = |parameter: &&&Fields| {
            let default = parameter.get("defexpr");
            default.is_none_or(Value::is_null) && mode_of(parameter) != Some(mode::VARIADIC)
        };
        let any = |parameter: &&Fields| any(parameter.get("arg_type")?);
        Some(Self {
            arguments: given.iter().map(any).collect(),
            fewest: given.iter().filter(is_open).count(),
            variadic: given
                .iter()
                .any(|parameter| mode_of(parameter) == Some(mode::VARIADIC)),
            result: returned(create, world),
        })
    }

    /// Whether so many arguments can be given.
    pub(in crate::schema) fn takes(&self, count: usize) -> bool {
        self.fewest <= count && (self.variadic || count <= self.arguments.len())
    }

    /// What it returns for these arguments.
    pub(in crate::schema) fn result(&self, arguments: &[Option<Lost>]) -> Option<Lost> {
        let wanted = match &self.result {
            Returned::Lost(lost) => return lost.clone(),
            Returned::Any(any) => *any,
        };
        let mut told = self.arguments.iter().zip(arguments);
        told.find_map(|(any, lost)| match (any.as_ref()?, wanted) {
            (Any::Element, Any::Element) | (Any::Array, Any::Array) => lost.clone(),
            (Any::Element, Any::Array) => lost.clone().map(Lost::array),
            (Any::Array, Any::Element) => lost.clone()?.element(),
        })
    }
}

/// A routine in SQL: what its body does.
pub(super) fn routine(definition: &str, world: &dyn World) -> Result<(), Misuse> {
    let Ok(lexed) = Lexed::new(definition) else {
        return Ok(());
    };
    let all = statements(definition);
    let create = all
        .first()
        .and_then(|s| tree::node(&s.node, "CreateFunctionStmt"));
    let Some(create) = create.filter(|create| is_sql(create)) else {
        return Ok(());
    };
    let reader = Reader::new(world, parameters(create, world));
    if let Some(body) = create.get("sql_body").filter(|body| !body.is_null()) {
        // `BEGIN ATOMIC` and `RETURN` hold statements and expressions.
        return reader.parts(body, &Scope::default()).map(|_| ());
    }
    let Some(body) = body(&lexed, create) else {
        return Ok(());
    };
    let mut result = Columns::unknown();
    for statement in statements(&body) {
        result = reader.statement(&statement.node, None)?;
    }
    row_returned(create, &result, world)
}

fn option<'c>(create: &'c Fields, name: &str) -> Option<&'c Fields> {
    let options = tree::list(create, "options").iter();
    let mut options = options.filter_map(|option| tree::node(option, "DefElem"));
    options.find(|option| tree::string(option, "defname") == name)
}

fn is_sql(create: &Fields) -> bool {
    let language = option(create, "language").and_then(|o| tree::sval(o.get("arg")?));
    language.is_none_or(|language| language.eq_ignore_ascii_case("sql"))
}

/// The string after AS.
fn body(lexed: &Lexed<'_>, create: &Fields) -> Option<String> {
    let start = tree::location(option(create, "as")?)?;
    let first = lexed.at(start)?;
    let at = (first..first + 2).find(|&at| lexed.get(at).is_some_and(|t| t.kind == Kind::Text))?;
    lexed.text(at).map(|text| text.into_owned())
}

fn mode_of(parameter: &Fields) -> Option<i64> {
    parameter.get("mode").and_then(Value::as_i64)
}

fn all_parameters(create: &Fields) -> impl Iterator<Item = &Fields> {
    let all = tree::list(create, "parameters").iter();
    all.filter_map(|parameter| tree::node(parameter, "FunctionParameter"))
}

/// Parameters that have a number: `$1`.
fn inputs(create: &Fields) -> impl Iterator<Item = &Fields> {
    all_parameters(create).filter(|parameter| {
        let mode = mode_of(parameter);
        mode.is_none_or(|mode| ![mode::OUT, mode::TABLE].contains(&mode))
    })
}

/// Parameters that are columns of the result.
fn outputs(create: &Fields) -> impl Iterator<Item = &Fields> {
    all_parameters(create).filter(|parameter| {
        let mode = mode_of(parameter);
        mode.is_some_and(|mode| [mode::OUT, mode::INOUT, mode::TABLE].contains(&mode))
    })
}

/// Names and types of the parameters that have a number.
fn parameters(create: &Fields, world: &dyn World) -> Vec<(String, Option<Lost>)> {
    inputs(create)
        .map(|parameter| named(parameter, world))
        .collect()
}

fn named(parameter: &Fields, world: &dyn World) -> (String, Option<Lost>) {
    let lost = parameter.get("arg_type").and_then(|t| type_lost(t, world));
    (tree::string(parameter, "name").to_owned(), lost)
}

fn returned(create: &Fields, world: &dyn World) -> Returned {
    let outputs: Vec<&Fields> = outputs(create).collect();
    let only = match outputs.as_slice() {
        [] => create.get("return_type"),
        [only] => only.get("arg_type"),
        several => {
            let columns = several.iter().map(|output| named(output, world));
            let columns = Columns {
                columns: columns.collect(),
                more: false,
            };
            return Returned::Lost(columns.row("record"));
        }
    };
    match only.and_then(any) {
        Some(any) => Returned::Any(any),
        None => Returned::Lost(only.and_then(|t| type_lost(t, world))),
    }
}

fn any(type_name: &Value) -> Option<Any> {
    let fields = type_name.as_object()?;
    match *tree::strings(fields, "names").last()? {
        "anyelement" | "anynonarray" | "anyenum" | "anycompatible" | "anycompatiblenonarray" => {
            Some(Any::Element)
        }
        "anyarray" | "anycompatiblearray" => Some(Any::Array),
        _ => None,
    }
}

/// A row of several columns is no text: `RETURNS address AS 'SELECT 'x', 1'`.
fn row_returned(create: &Fields, result: &Columns, world: &dyn World) -> Result<(), Misuse> {
    let lost = create.get("return_type").and_then(|t| type_lost(t, world));
    match lost {
        Some(lost)
            if lost.family == Family::Composite
                && lost.is_text()
                && !result.more
                && result.columns.len() > 1 =>
        {
            Err(Misuse {
                what: "result".to_owned(),
                lost,
            })
        }
        _ => Ok(()),
    }
}
