//! Expressions: the type of a value, and what is done with it.

use serde_json::Value;

use super::super::tree::{self, Fields};
use super::family::{ARRAY_OF_ITS_ARGUMENT, COMPARISONS, OF_ITS_ARGUMENT, OF_TEXT};
use super::query::{Reader, type_lost};
use super::scope::{Meaning, Scope};
use super::{Family, Inside, Lost, Misuse};
use crate::catalog::database::Name;
use crate::catalog::readable;

/// `A_Expr_Kind` of the parser.
mod kind {
    pub(super) const OPERATOR: i64 = 1;
    pub(super) const ANY: i64 = 2;
    pub(super) const ALL: i64 = 3;
    pub(super) const NULLIF: i64 = 6;
}

/// `XmlExprOp` of the parser: those that take XML alone.
mod xml {
    pub(super) const CONCAT: i64 = 1;
    pub(super) const ROOT: i64 = 6;
    pub(super) const IS_DOCUMENT: i64 = 8;
}

/// What a value is; `None` where its type stays or is not known.
type Read = Result<Option<Lost>, Misuse>;

impl Reader<'_> {
    /// The type of an expression.
    pub(super) fn value(&self, value: &Value, scope: &Scope<'_>) -> Read {
        let inner = value.get("node").unwrap_or(value);
        let node = inner.as_object().and_then(|wrapper| wrapper.iter().next());
        let Some((kind, Value::Object(fields))) = node else {
            return Ok(None);
        };
        match kind.as_str() {
            "ColumnRef" => self.column(fields, scope),
            "ParamRef" => Ok(self.parameter(fields)),
            "TypeCast" => self.cast(fields, scope),
            "FuncCall" => self.call(fields, scope),
            "AExpr" => self.operation(fields, scope),
            "AIndirection" => self.part_of(fields, scope),
            "NamedArgExpr" => self.field(fields, "arg", scope),
            "AArrayExpr" => {
                let element = self.first_of(tree::list(fields, "elements"), scope)?;
                Ok(element.map(Lost::array))
            }
            "CoalesceExpr" | "MinMaxExpr" => self.first_of(tree::list(fields, "args"), scope),
            "CaseExpr" => self.case(fields, scope),
            "SubLink" => self.sublink(fields, scope),
            "XmlExpr" => self.xml(fields, scope),
            "XmlSerialize" => match self.field(fields, "expr", scope)? {
                Some(lost) if lost.family == Family::Xml => misuse("XMLSERIALIZE", lost),
                _ => Ok(None),
            },
            "SelectStmt" | "InsertStmt" | "UpdateStmt" | "DeleteStmt" | "MergeStmt" => {
                self.statement(inner, Some(scope)).map(|_| None)
            }
            "TypeName" => Ok(None),
            _ => {
                let mut parts = fields.values();
                parts.try_for_each(|part| self.parts(part, scope))?;
                Ok(None)
            }
        }
    }

    /// Every expression inside of a part of a node.
    pub(super) fn parts(&self, part: &Value, scope: &Scope<'_>) -> Result<(), Misuse> {
        match part {
            Value::Array(items) => items.iter().try_for_each(|item| self.parts(item, scope)),
            Value::Object(fields) => match fields.get("node") {
                Some(Value::Object(_)) => self.value(part, scope).map(|_| ()),
                Some(_) => Ok(()),
                None => {
                    let mut inner = fields.values();
                    inner.try_for_each(|inner| self.parts(inner, scope))
                }
            },
            _ => Ok(()),
        }
    }

    fn field(&self, fields: &Fields, name: &str, scope: &Scope<'_>) -> Read {
        match fields.get(name) {
            Some(value) => self.value(value, scope),
            None => Ok(None),
        }
    }

    fn column(&self, fields: &Fields, scope: &Scope<'_>) -> Read {
        let parts = tree::strings(fields, "fields");
        if let [before @ .., name] = parts.as_slice() {
            let holders = scope.holders(before.last().copied(), name);
            holders.iter().for_each(|item| self.note_use(item, name));
        }
        match parts.as_slice() {
            [name] => match scope.column(name) {
                Meaning::Value(lost) => Ok(lost),
                Meaning::Nothing => {
                    let row = || scope.row(name);
                    Ok(self.parameter_named(name).or_else(row))
                }
            },
            [.., alias, name] => match scope.column_of(alias, name) {
                Meaning::Value(lost) => Ok(lost),
                // A field of a parameter.
                Meaning::Nothing => match self.parameter_named(alias) {
                    Some(lost) => part(lost, Part::Field(name)),
                    None => Ok(None),
                },
            },
            [] => Ok(None),
        }
    }

    fn parameter(&self, fields: &Fields) -> Option<Lost> {
        let number = fields.get("number").and_then(Value::as_u64)?;
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        self.parameters.get(at)?.1.clone()
    }

    fn parameter_named(&self, name: &str) -> Option<Lost> {
        let mut all = self.parameters.iter();
        all.find(|(known, _)| known == name)?.1.clone()
    }

    fn cast(&self, fields: &Fields, scope: &Scope<'_>) -> Read {
        let from = self.field(fields, "arg", scope)?;
        let type_name = fields.get("type_name");
        let to = type_name.and_then(|t| type_lost(t, self.world));
        // The digits of a text are read as decimal ones.
        if let Some(lost) = from.filter(|lost| lost.family == Family::Bits && lost.is_text()) {
            let names = type_name.and_then(Value::as_object);
            let names = names.map(|t| tree::strings(t, "names")).unwrap_or_default();
            if matches!(names.last(), Some(&("int4" | "int8"))) {
                return misuse("cast to a number", lost);
            }
        }
        Ok(to)
    }

    fn first_of(&self, values: &[Value], scope: &Scope<'_>) -> Read {
        let mut first = None;
        for value in values {
            let lost = self.value(value, scope)?;
            first = first.or(lost);
        }
        Ok(first)
    }

    fn case(&self, fields: &Fields, scope: &Scope<'_>) -> Read {
        self.field(fields, "arg", scope)?;
        let mut first = None;
        for when in tree::list(fields, "args") {
            let Some(when) = tree::node(when, "CaseWhen") else {
                continue;
            };
            self.field(when, "expr", scope)?;
            first = first.or(self.field(when, "result", scope)?);
        }
        let otherwise = self.field(fields, "defresult", scope)?;
        Ok(first.or(otherwise))
    }

    fn sublink(&self, fields: &Fields, scope: &Scope<'_>) -> Read {
        /// `EXPR_SUBLINK` of the parser.
        const VALUE: i64 = 5;
        /// `ARRAY_SUBLINK` of the parser.
        const ARRAY: i64 = 7;
        self.field(fields, "testexpr", scope)?;
        let Some(query) = fields.get("subselect") else {
            return Ok(None);
        };
        let columns = self.statement(query, Some(scope))?;
        let first = columns.columns.into_iter().next();
        let first = first.and_then(|(_, lost)| lost);
        Ok(match fields.get("sub_link_type").and_then(Value::as_i64) {
            Some(VALUE) => first,
            Some(ARRAY) => first.map(Lost::array),
            _ => None,
        })
    }

    fn xml(&self, fields: &Fields, scope: &Scope<'_>) -> Read {
        self.first_of(tree::list(fields, "named_args"), scope)?;
        let argument = self.first_of(tree::list(fields, "args"), scope)?;
        let what = match fields.get("op").and_then(Value::as_i64) {
            Some(xml::CONCAT) => "XMLCONCAT",
            Some(xml::ROOT) => "XMLROOT",
            Some(xml::IS_DOCUMENT) => "IS DOCUMENT",
            _ => return Ok(None),
        };
        match argument {
            Some(lost) if lost.family == Family::Xml => misuse(what, lost),
            _ => Ok(None),
        }
    }

    /// `(c).field`, `a[1]`
    fn part_of(&self, fields: &Fields, scope: &Scope<'_>) -> Read {
        let mut whole = self.field(fields, "arg", scope)?;
        let parts = tree::list(fields, "indirection");
        parts.iter().try_for_each(|part| self.parts(part, scope))?;
        let mut subscripts = false;
        for step in parts {
            let Some(lost) = whole else {
                return Ok(None);
            };
            whole = match Part::of(step) {
                // All dimensions are subscripts of one array.
                Part::Element if subscripts => Some(lost),
                step => {
                    subscripts = matches!(step, Part::Element);
                    part(lost, step)?
                }
            };
        }
        Ok(whole)
    }

    fn call(&self, fields: &Fields, scope: &Scope<'_>) -> Read {
        let mut arguments = Vec::new();
        for argument in tree::list(fields, "args") {
            arguments.push(self.value(argument, scope)?);
        }
        for part in ["agg_order", "agg_filter", "over"] {
            if let Some(part) = fields.get(part) {
                self.parts(part, scope)?;
            }
        }
        let name = tree::strings(fields, "funcname");
        let (name, own) = match name.as_slice() {
            ["pg_catalog", name] => (*name, None),
            [name] if !self.world.has_function(name) => (*name, None),
            [name] => ("", Some(Name::new("", *name))),
            [.., schema, name] => ("", Some(Name::new(*schema, *name))),
            [] => return Ok(None),
        };
        match own {
            Some(own) => Ok(self.world.returns(&own, &arguments)),
            None => returned(name, arguments),
        }
    }

    fn operation(&self, fields: &Fields, scope: &Scope<'_>) -> Read {
        let left = self.field(fields, "lexpr", scope)?;
        let right = self.field(fields, "rexpr", scope)?;
        let names = tree::strings(fields, "name");
        let name = match names.as_slice() {
            ["pg_catalog", name] => *name,
            [name] if !self.world.has_operator(name) => *name,
            _ => return Ok(None),
        };
        let kind = fields.get("kind").and_then(Value::as_i64);
        match kind {
            Some(kind::OPERATOR) => {
                let unary = fields.get("lexpr").is_none_or(Value::is_null);
                for lost in [&left, &right].into_iter().flatten() {
                    if lost.is_text() && (unary || !OF_TEXT.contains(&name)) || joins(name, lost) {
                        return misuse(format!("operator {name}"), lost.clone());
                    }
                }
                if name == "||" {
                    let is_array = |lost: &Lost| lost.family == Family::Array;
                    let sides = [left, right].into_iter().flatten();
                    return Ok(sides.into_iter().find(is_array));
                }
                self.compared(name, fields, left.or(right))
            }
            Some(kind::ANY | kind::ALL) => match (left, right) {
                (_, Some(lost)) if lost.is_text() => misuse("ANY or ALL", lost),
                (Some(lost), _) if lost.is_text() && !OF_TEXT.contains(&name) => {
                    misuse(format!("operator {name}"), lost)
                }
                _ => Ok(None),
            },
            Some(kind::NULLIF) => Ok(left),
            _ => Ok(None),
        }
    }

    /// A row is compared with no text.
    fn compared(&self, name: &str, fields: &Fields, side: Option<Lost>) -> Read {
        let is_row = |field: &str| {
            let value = fields.get(field);
            value.is_some_and(|value| tree::node(value, "RowExpr").is_some())
        };
        match side {
            Some(lost)
                if lost.is_text()
                    && COMPARISONS.contains(&name)
                    && (is_row("lexpr") || is_row("rexpr")) =>
            {
                misuse("comparison with a row", lost)
            }
            _ => Ok(None),
        }
    }
}

/// One step into a value.
enum Part<'p> {
    Field(&'p str),
    Fields,
    Element,
    Slice,
}

impl<'p> Part<'p> {
    fn of(step: &'p Value) -> Self {
        let is_slice =
            |subscript: &Fields| subscript.get("is_slice").and_then(Value::as_bool) == Some(true);
        match (tree::sval(step), tree::node(step, "AIndices")) {
            (Some(field), _) => Self::Field(field),
            (None, Some(subscript)) if is_slice(subscript) => Self::Slice,
            (None, Some(_)) => Self::Element,
            (None, None) => Self::Fields,
        }
    }
}

/// A part of a value; of all fields the row that they make.
fn part(whole: Lost, step: Part<'_>) -> Read {
    if whole.is_text() {
        let what = match step {
            Part::Field(field) => format!("field {}", readable(field)),
            Part::Fields => "fields".to_owned(),
            Part::Element | Part::Slice => "subscript".to_owned(),
        };
        return misuse(what, whole);
    }
    Ok(match step {
        Part::Field(field) => match whole.inside {
            Inside::Fields(fields) => {
                let mut columns = fields.columns.into_iter();
                columns
                    .find(|(name, _)| name == field)
                    .and_then(|(_, lost)| lost)
            }
            Inside::Nothing | Inside::Elements(_) => None,
        },
        Part::Element => whole.element(),
        Part::Slice | Part::Fields => Some(whole),
    })
}

/// What a function of the server returns.
fn returned(name: &str, arguments: Vec<Option<Lost>>) -> Read {
    let count = arguments.len();
    for lost in arguments.iter().flatten() {
        // An array of other elements is still one.
        if !lost.is_whole() && lost.family.owns(name, count) {
            return misuse(format!("{name}()"), lost.clone());
        }
    }
    if name == "array_prepend" {
        return Ok(arguments.into_iter().nth(1).flatten());
    }
    let Some(first) = arguments.into_iter().next().flatten() else {
        return Ok(None);
    };
    Ok(match name {
        "unnest" => first.element(),
        _ if OF_ITS_ARGUMENT.contains(&name) => Some(first),
        _ if ARRAY_OF_ITS_ARGUMENT.contains(&name) => Some(first.array()),
        _ => None,
    })
}

fn joins(operator: &str, lost: &Lost) -> bool {
    operator == "||" && lost.is_text() && lost.family.joins_otherwise()
}

fn misuse<T>(what: impl Into<String>, lost: Lost) -> Result<T, Misuse> {
    let what = what.into();
    Err(Misuse { what, lost })
}
