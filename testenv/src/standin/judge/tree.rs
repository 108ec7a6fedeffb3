//! What may stand anywhere in a statement: types, system columns, clauses. The parse tree is walked as
//! a tree of plain values, so that no kind of node can be forgotten.

use pg_query::NodeEnum;
use pg_query::protobuf::{Node, RawStmt};
use serde_json::{Map, Value};

use super::super::limits::{Limits, NarrowTypes};
use super::Ruling;

/// Types that do not exist there: xml, cidr, ranges (guide), macaddr, money (tidb).
const MISSING_TYPES: [&str; 17] = [
    "xml",
    "cidr",
    "macaddr",
    "macaddr8",
    "money",
    "int8range",
    "numrange",
    "tsrange",
    "tstzrange",
    "daterange",
    "int4multirange",
    "int8multirange",
    "nummultirange",
    "tsmultirange",
    "tstzmultirange",
    "datemultirange",
    "lo",
];

/// guide: no; tidb: in part.
const PARTLY_MISSING_TYPES: [&str; 2] = ["inet", "int4range"];

/// db9: "use integer / double precision / varchar".
const NARROW_TYPES: [&str; 5] = ["int2", "float4", "bpchar", "smallserial", "serial2"];

/// Not documented there.
const SYSTEM_COLUMNS: [&str; 6] = ["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"];

/// Judges everything inside one statement; `value` is its node.
pub(crate) fn judge(value: &Value, limits: &Limits) -> Ruling {
    let mut ruling = Ruling::Pass;
    let ddl = matches!(kind_of(value).as_str(), "CreateStmt" | "AlterTableStmt");
    walk(value, &mut |name, object| {
        if matches!(ruling, Ruling::Pass) {
            ruling = judge_object(name, object, ddl, limits);
        }
    });
    ruling
}

/// Takes rows that hold only constants out of INSERT … VALUES: there may be megabytes of them, and
/// nothing to judge.
pub(crate) fn drop_constant_rows(raw: &mut RawStmt) {
    let node = raw.stmt.as_mut().and_then(|stmt| stmt.node.as_mut());
    let Some(NodeEnum::InsertStmt(insert)) = node else {
        return;
    };
    let select = insert
        .select_stmt
        .as_mut()
        .and_then(|select| select.node.as_mut());
    if let Some(NodeEnum::SelectStmt(select)) = select {
        select.values_lists.retain(|row| !is_constant(row));
    }
}

fn is_constant(row: &Node) -> bool {
    let constant = |item: &Node| matches!(item.node, Some(NodeEnum::AConst(_)));
    matches!(&row.node, Some(NodeEnum::List(row)) if row.items.iter().all(constant))
}

/// Whether a word by itself names something that does not exist there.
pub(super) fn is_missing_word(word: &str, limits: &Limits) -> bool {
    let partly = PARTLY_MISSING_TYPES.contains(&word) && !limits.inet_and_int4range;
    partly || MISSING_TYPES.contains(&word) || SYSTEM_COLUMNS.contains(&word)
}

/// The parser's name for a node.
pub(crate) fn kind_of(value: &Value) -> String {
    let key = value.as_object().and_then(|object| object.keys().next());
    key.cloned().unwrap_or_default()
}

fn judge_object(name: &str, object: &Map<String, Value>, ddl: bool, limits: &Limits) -> Ruling {
    if object.contains_key("names") && object.contains_key("array_bounds") {
        return judge_type(object, limits);
    }
    match name {
        "ColumnDef" => judge_column(object, limits),
        "ColumnRef" => judge_reference(object),
        "RangeTableSample" => Ruling::unsupported("TABLESAMPLE"),
        "FuncCall" if ddl => judge_default(object),
        "FuncCall" => judge_call(object, limits),
        _ => Ruling::Pass,
    }
}

fn judge_type(object: &Map<String, Value>, limits: &Limits) -> Ruling {
    let name = builtin_type(object).unwrap_or_default();
    let partly = PARTLY_MISSING_TYPES.contains(&name.as_str()) && !limits.inet_and_int4range;
    if partly || MISSING_TYPES.contains(&name.as_str()) {
        return Ruling::refuse("42704", &format!("type \"{name}\" does not exist"));
    }
    if list(object, "array_bounds").len() > 1 && !limits.multidimensional_arrays {
        return Ruling::unsupported("an array of more than one dimension");
    }
    Ruling::Pass
}

fn judge_column(object: &Map<String, Value>, limits: &Limits) -> Ruling {
    let kind = object.get("type_name").and_then(Value::as_object);
    let name = kind.and_then(builtin_type).unwrap_or_default();
    if limits.narrow_types == NarrowTypes::Refused && NARROW_TYPES.contains(&name.as_str()) {
        let advice = "use integer, double precision or varchar";
        return Ruling::refuse("0A000", &format!("type {name} is not supported: {advice}"));
    }
    Ruling::Pass
}

fn judge_reference(object: &Map<String, Value>) -> Ruling {
    let fields = list(object, "fields");
    let name = fields.last().and_then(string).unwrap_or_default();
    if SYSTEM_COLUMNS.contains(&name) {
        return Ruling::refuse("42703", &format!("column \"{name}\" does not exist"));
    }
    Ruling::Pass
}

/// `DEFAULT nextval('s'::regclass)` must lose its cast (tidb).
fn judge_default(object: &Map<String, Value>) -> Ruling {
    let called = list(object, "funcname").last().and_then(string) == Some("nextval");
    let cast = list(object, "args")
        .first()
        .and_then(|argument| node(argument, "TypeCast"));
    let kind = cast
        .and_then(|cast| cast.get("type_name"))
        .and_then(Value::as_object);
    if called && kind.and_then(builtin_type).as_deref() == Some("regclass") {
        return Ruling::unsupported("nextval of a regclass as a default");
    }
    Ruling::Pass
}

/// `set_config` is SET by another name.
fn judge_call(object: &Map<String, Value>, limits: &Limits) -> Ruling {
    if list(object, "funcname").last().and_then(string) != Some("set_config") {
        return Ruling::Pass;
    }
    let first = list(object, "args")
        .first()
        .and_then(|argument| node(argument, "AConst"));
    let setting = first.and_then(|constant| find_string(constant.get("val")?));
    super::statement::judge_setting(setting.unwrap_or_default(), limits)
}

/// The name of a type that is written without a schema, or with `pg_catalog`.
fn builtin_type(object: &Map<String, Value>) -> Option<String> {
    let names: Vec<&str> = list(object, "names").iter().filter_map(string).collect();
    match names.as_slice() {
        [name] | ["pg_catalog", name] => Some((*name).to_owned()),
        _ => None,
    }
}

fn walk(value: &Value, see: &mut impl FnMut(&str, &Map<String, Value>)) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map {
                if let Value::Object(object) = inner {
                    see(name, object);
                }
                walk(inner, see);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, see)),
        _ => {}
    }
}

fn list<'a>(object: &'a Map<String, Value>, key: &str) -> &'a [Value] {
    object
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The fields of a node, if it is of this kind.
fn node<'a>(value: &'a Value, kind: &str) -> Option<&'a Map<String, Value>> {
    value.get("node")?.get(kind)?.as_object()
}

fn string(value: &Value) -> Option<&str> {
    value.get("node")?.get("String")?.get("sval")?.as_str()
}

fn find_string(value: &Value) -> Option<&str> {
    match value {
        Value::Object(map) => map
            .get("sval")
            .and_then(Value::as_str)
            .or_else(|| map.values().find_map(find_string)),
        _ => None,
    }
}
