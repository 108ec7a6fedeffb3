//! Statements: the scopes of their parts, and the columns of their results.

use serde_json::Value;

use super::super::lexer::{Kind, Lexed};
use super::super::parsed;
use super::super::tree::{self, Fields, Grammar, Parsed};
use super::scope::{Item, Scope};
use super::{Columns, Family, Lost, Misuse, World};
use crate::catalog::database::Name;

/// `SETOP_NONE` of the parser.
const NO_SET_OPERATION: i64 = 1;

/// Reads texts against a world.
pub(super) struct Reader<'w> {
    pub(super) world: &'w dyn World,
    /// Parameters of the function whose body is read.
    pub(super) parameters: Vec<(String, Option<Lost>)>,
}

/// The columns of a view.
pub(super) fn view(query: &str, world: &dyn World) -> Result<Columns, Misuse> {
    let reader = Reader {
        world,
        parameters: Vec::new(),
    };
    match statements(query).as_slice() {
        [only] => reader.statement(&only.node, None),
        _ => Ok(Columns::unknown()),
    }
}

/// A routine in SQL.
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
    let reader = Reader {
        world,
        parameters: parameters(create, world),
    };
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
    returned(create, &result, world)
}

/// The WHEN of a trigger.
pub(super) fn trigger(definition: &str, world: &dyn World) -> Result<(), Misuse> {
    let all = statements(definition);
    let create = all
        .first()
        .and_then(|s| tree::node(&s.node, "CreateTrigStmt"));
    let Some(create) = create else {
        return Ok(());
    };
    let relation = create.get("relation").and_then(Value::as_object);
    let columns = relation.and_then(|relation| world.columns(&relation_name(relation)));
    let columns = columns.unwrap_or_else(Columns::unknown);
    let row = |alias: &str| Item {
        alias: alias.to_owned(),
        columns: columns.clone(),
    };
    let scope = Scope {
        items: vec![row("old"), row("new")],
        ..Scope::default()
    };
    let reader = Reader {
        world,
        parameters: Vec::new(),
    };
    match create.get("when_clause") {
        Some(when) => reader.value(when, &scope).map(|_| ()),
        None => Ok(()),
    }
}

/// The statements of a text; none where it is not read.
fn statements(text: &str) -> Vec<Parsed> {
    let lexed = Lexed::new(text).ok();
    let parsed = lexed.and_then(|lexed| tree::parse(&lexed, Grammar::Statements).ok());
    parsed.unwrap_or_default()
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

/// Names and types of the parameters that have a number: `$1`.
fn parameters(create: &Fields, world: &dyn World) -> Vec<(String, Option<Lost>)> {
    /// `FUNC_PARAM_OUT` and `FUNC_PARAM_TABLE`.
    const RESULTS: [i64; 2] = [2, 5];
    let all = tree::list(create, "parameters").iter();
    let all = all.filter_map(|parameter| tree::node(parameter, "FunctionParameter"));
    let given = all.filter(|parameter| {
        let mode = parameter.get("mode").and_then(Value::as_i64);
        mode.is_none_or(|mode| !RESULTS.contains(&mode))
    });
    given
        .map(|parameter| {
            let lost = parameter.get("arg_type").and_then(|t| type_lost(t, world));
            (tree::string(parameter, "name").to_owned(), lost)
        })
        .collect()
}

/// A row of several columns is no text: `RETURNS address AS 'SELECT 'x', 1'`.
fn returned(create: &Fields, result: &Columns, world: &dyn World) -> Result<(), Misuse> {
    let lost = create.get("return_type").and_then(|t| type_lost(t, world));
    match lost {
        Some(lost)
            if lost.family == Family::Composite && !result.more && result.columns.len() > 1 =>
        {
            Err(Misuse {
                what: "result".to_owned(),
                lost,
            })
        }
        _ => Ok(()),
    }
}

/// What becomes of the type that a TypeName node names.
pub(super) fn type_lost(type_name: &Value, world: &dyn World) -> Option<Lost> {
    let fields = type_name.as_object()?;
    let fields = fields
        .get("node")
        .map_or(Some(fields), |_| tree::node(type_name, "TypeName"))?;
    world.becomes(&parsed::type_of(fields)?)
}

fn relation_name(relation: &Fields) -> Name {
    Name::new(
        tree::string(relation, "schemaname"),
        tree::string(relation, "relname"),
    )
}

impl Reader<'_> {
    /// A statement of any kind: the columns of its result.
    pub(super) fn statement(
        &self,
        node: &Value,
        outer: Option<&Scope<'_>>,
    ) -> Result<Columns, Misuse> {
        if let Some(select) = tree::node(node, "SelectStmt") {
            return self.select(select, outer);
        }
        for kind in ["InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"] {
            if let Some(change) = tree::node(node, kind) {
                self.change(change, outer)?;
            }
        }
        Ok(Columns::unknown())
    }

    /// INSERT, UPDATE, DELETE, MERGE.
    fn change(&self, change: &Fields, outer: Option<&Scope<'_>>) -> Result<(), Misuse> {
        let mut scope = Scope::inside(outer);
        self.with(change, &mut scope)?;
        if let Some(relation) = change.get("relation").and_then(Value::as_object) {
            let item = self.relation(relation, &scope);
            scope.items.push(item);
        }
        for field in ["from_clause", "using_clause"] {
            for item in tree::list(change, field) {
                self.from(item, &mut scope)?;
            }
        }
        if let Some(source) = change.get("source_relation") {
            self.from(source, &mut scope)?;
        }
        let done = [
            "relation",
            "from_clause",
            "using_clause",
            "source_relation",
            "with_clause",
        ];
        let rest = change.iter().filter(|(f, _)| !done.contains(&f.as_str()));
        for (_, part) in rest {
            self.parts(part, &scope)?;
        }
        Ok(())
    }

    /// SELECT, VALUES, and what UNION and the like put together.
    pub(super) fn select(
        &self,
        select: &Fields,
        outer: Option<&Scope<'_>>,
    ) -> Result<Columns, Misuse> {
        let mut scope = Scope::inside(outer);
        self.with(select, &mut scope)?;
        let operation = select.get("op").and_then(Value::as_i64);
        if operation.is_some_and(|operation| operation > NO_SET_OPERATION) {
            return self.set_operation(select, &scope);
        }
        let lists = tree::list(select, "values_lists");
        if !lists.is_empty() {
            return self.values(lists, &scope);
        }
        for item in tree::list(select, "from_clause") {
            self.from(item, &mut scope)?;
        }
        let columns = self.targets(tree::list(select, "target_list"), &scope)?;
        let done = ["with_clause", "from_clause", "target_list", "larg", "rarg"];
        let rest = select.iter().filter(|(f, _)| !done.contains(&f.as_str()));
        for (_, part) in rest {
            self.parts(part, &scope)?;
        }
        Ok(columns)
    }

    fn set_operation(&self, select: &Fields, scope: &Scope<'_>) -> Result<Columns, Misuse> {
        let side = |name: &str| match select.get(name).and_then(Value::as_object) {
            Some(side) => self.select(side, Some(scope)),
            None => Ok(Columns::unknown()),
        };
        let (mut left, right) = (side("larg")?, side("rarg")?);
        for (at, (_, lost)) in left.columns.iter_mut().enumerate() {
            // Both have one type; of a NULL, or of the query itself, nothing is known.
            let other = right.columns.get(at);
            *lost = lost
                .take()
                .or_else(|| other.and_then(|(_, lost)| lost.clone()));
        }
        Ok(left)
    }

    fn values(&self, lists: &[Value], scope: &Scope<'_>) -> Result<Columns, Misuse> {
        let mut columns: Vec<(String, Option<Lost>)> = Vec::new();
        for (row, list) in lists.iter().enumerate() {
            let items = tree::node(list, "List").map_or(&[][..], |list| tree::list(list, "items"));
            for (at, item) in items.iter().enumerate() {
                let lost = self.value(item, scope)?;
                match columns.get_mut(at) {
                    Some((_, known)) => *known = known.take().or(lost),
                    None if row == 0 => columns.push((format!("column{}", at + 1), lost)),
                    _ => {}
                }
            }
        }
        Ok(Columns {
            columns,
            more: false,
        })
    }

    fn targets(&self, targets: &[Value], scope: &Scope<'_>) -> Result<Columns, Misuse> {
        let mut result = Columns::default();
        for target in targets.iter().filter_map(|t| tree::node(t, "ResTarget")) {
            let Some(value) = target.get("val") else {
                continue;
            };
            if let Some(star) = star(value) {
                let columns = scope.star(star.as_deref());
                result.columns.extend(columns.columns);
                result.more |= columns.more;
                continue;
            }
            let lost = self.value(value, scope)?;
            let name = match tree::string(target, "name") {
                "" => implied_name(value),
                name => name.to_owned(),
            };
            result.columns.push((name, lost));
        }
        Ok(result)
    }

    fn with(&self, statement: &Fields, scope: &mut Scope<'_>) -> Result<(), Misuse> {
        let Some(with) = statement.get("with_clause").and_then(Value::as_object) else {
            return Ok(());
        };
        let recursive = with.get("recursive").and_then(Value::as_bool) == Some(true);
        for query in tree::list(with, "ctes") {
            let Some(query) = tree::node(query, "CommonTableExpr") else {
                continue;
            };
            let name = tree::string(query, "ctename").to_owned();
            if recursive {
                scope.with.push((name.clone(), Columns::unknown()));
            }
            let mut columns = match query.get("ctequery") {
                Some(inner) => self.statement(inner, Some(scope))?,
                None => Columns::unknown(),
            };
            rename(&mut columns, &tree::strings(query, "aliascolnames"));
            scope.with.push((name, columns));
        }
        Ok(())
    }

    /// One item of FROM.
    fn from(&self, item: &Value, scope: &mut Scope<'_>) -> Result<(), Misuse> {
        if let Some(relation) = tree::node(item, "RangeVar") {
            let item = self.relation(relation, scope);
            scope.items.push(item);
        } else if let Some(sample) = tree::node(item, "RangeTableSample") {
            if let Some(relation) = sample.get("relation") {
                self.from(relation, scope)?;
            }
        } else if let Some(sub) = tree::node(item, "RangeSubselect") {
            let columns = match sub.get("subquery") {
                Some(query) => self.statement(query, Some(scope))?,
                None => Columns::unknown(),
            };
            scope.items.push(called("", columns, sub));
        } else if let Some(join) = tree::node(item, "JoinExpr") {
            self.join(join, scope)?;
        } else {
            self.function(item, scope)?;
        }
        Ok(())
    }

    fn relation(&self, relation: &Fields, scope: &Scope<'_>) -> Item {
        let name = relation_name(relation);
        let with = if name.schema.is_empty() {
            scope.with(&name.name).cloned()
        } else {
            None
        };
        let columns = with.or_else(|| self.world.columns(&name));
        let columns = columns.unwrap_or_else(Columns::unknown);
        called(&name.name, columns, relation)
    }

    fn join(&self, join: &Fields, scope: &mut Scope<'_>) -> Result<(), Misuse> {
        let first = scope.items.len();
        for side in ["larg", "rarg"] {
            if let Some(side) = join.get(side) {
                self.from(side, scope)?;
            }
        }
        if let Some(condition) = join.get("quals") {
            self.value(condition, scope)?;
        }
        if join.get("alias").is_some_and(|alias| !alias.is_null()) {
            // Its sides are no longer seen.
            let mut columns = Columns::default();
            for item in scope.items.drain(first..) {
                columns.more |= item.columns.more;
                columns.columns.extend(item.columns.columns);
            }
            // USING brings a column once.
            columns.more = true;
            scope.items.push(called("", columns, join));
        }
        Ok(())
    }

    /// A function, XMLTABLE, JSON_TABLE.
    fn function(&self, item: &Value, scope: &mut Scope<'_>) -> Result<(), Misuse> {
        let inner = item.get("node").unwrap_or(item);
        let fields = inner.as_object().and_then(|wrapper| wrapper.iter().next());
        let Some((kind, Value::Object(fields))) = fields else {
            return Ok(());
        };
        if kind == "RangeTableFunc" {
            self.xml_table(fields, scope)?;
        }
        for (_, part) in fields {
            self.parts(part, scope)?;
        }
        self.fields_of_elements(fields, scope)?;
        let definitions = tree::list(fields, "coldeflist").iter();
        let definitions = definitions.filter_map(|d| tree::node(d, "ColumnDef"));
        let columns = definitions.map(|definition| {
            let lost = definition
                .get("type_name")
                .and_then(|t| type_lost(t, self.world));
            (tree::string(definition, "colname").to_owned(), lost)
        });
        let columns = Columns {
            columns: columns.collect(),
            more: true,
        };
        scope.items.push(called("", columns, fields));
        Ok(())
    }

    /// `unnest(rows) AS r(a, b)`: elements that are no rows any more have one column.
    fn fields_of_elements(&self, item: &Fields, scope: &Scope<'_>) -> Result<(), Misuse> {
        let alias = item.get("alias").and_then(Value::as_object);
        let names = alias.map_or(0, |alias| tree::strings(alias, "colnames").len());
        let ordinality = item.get("ordinality").and_then(Value::as_bool) == Some(true);
        let [function] = tree::list(item, "functions") else {
            return Ok(());
        };
        let call = tree::node(function, "List").and_then(|list| tree::list(list, "items").first());
        let Some(call) = call.and_then(|call| tree::node(call, "FuncCall")) else {
            return Ok(());
        };
        let is_unnest = tree::strings(call, "funcname").last() == Some(&"unnest");
        let [array] = tree::list(call, "args") else {
            return Ok(());
        };
        match self.value(array, scope)? {
            Some(lost) if is_unnest && names > 1 + usize::from(ordinality) => Err(Misuse {
                what: "unnest() into columns".to_owned(),
                lost,
            }),
            _ => Ok(()),
        }
    }

    fn xml_table(&self, table: &Fields, scope: &Scope<'_>) -> Result<(), Misuse> {
        let document = match table.get("docexpr") {
            Some(document) => self.value(document, scope)?,
            None => None,
        };
        match document {
            Some(lost) if lost.family == Family::Xml => Err(Misuse {
                what: "XMLTABLE".to_owned(),
                lost,
            }),
            _ => Ok(()),
        }
    }
}

/// An item under its alias, with the names that it gives to columns.
fn called(name: &str, mut columns: Columns, fields: &Fields) -> Item {
    let alias = fields.get("alias").and_then(Value::as_object);
    if let Some(alias) = alias {
        let names = tree::strings(alias, "colnames");
        // A function's columns are named by these alone.
        if columns.columns.is_empty() {
            let unknown = names.iter().map(|name| ((*name).to_owned(), None));
            columns.columns = unknown.collect();
        }
        rename(&mut columns, &names);
    }
    let alias = alias.map_or(name, |alias| tree::string(alias, "aliasname"));
    Item {
        alias: alias.to_owned(),
        columns,
    }
}

fn rename(columns: &mut Columns, names: &[&str]) {
    for ((old, _), new) in columns.columns.iter_mut().zip(names) {
        (*new).clone_into(old);
    }
}

/// `*` and `alias.*`: of what.
fn star(value: &Value) -> Option<Option<String>> {
    let column = tree::node(value, "ColumnRef")?;
    let last = tree::list(column, "fields").last()?;
    tree::node(last, "AStar")?;
    let parts = tree::strings(column, "fields");
    Some(parts.last().map(|alias| (*alias).to_owned()))
}

/// The name of a column that has none.
fn implied_name(value: &Value) -> String {
    let column = tree::node(value, "ColumnRef").map(|c| tree::strings(c, "fields"));
    let call = || tree::node(value, "FuncCall").map(|c| tree::strings(c, "funcname"));
    let parts = column.or_else(call).unwrap_or_default();
    parts.last().copied().unwrap_or("?column?").to_owned()
}
