//! Statements: the scopes of their parts, and the columns of their results.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::Value;

use super::super::lexer::Lexed;
use super::super::parsed;
use super::super::tree::{self, Fields, Grammar, Parsed};
use super::scope::{Item, Scope};
use super::{Columns, Inside, Lost, Misuse, World};
use crate::catalog::database::Name;

/// `SETOP_NONE` of the parser.
const NO_SET_OPERATION: i64 = 1;

/// Reads texts against a world.
pub(super) struct Reader<'w> {
    pub(super) world: &'w dyn World,
    /// Parameters of the function whose body is read.
    pub(super) parameters: Vec<(String, Option<Lost>)>,
    /// Columns of relations that were named.
    used: RefCell<BTreeSet<(Name, String)>>,
}

/// The columns of a view.
pub(super) fn view(query: &str, world: &dyn World) -> Result<Columns, Misuse> {
    Reader::new(world, Vec::new()).query(query)
}

/// The columns of a view, and those of relations that it names.
pub(super) fn used(query: &str, world: &dyn World) -> (Columns, BTreeSet<(Name, String)>) {
    let reader = Reader::new(world, Vec::new());
    let columns = reader.query(query);
    let columns = columns.unwrap_or_else(|_| Columns::unknown());
    (columns, reader.used.into_inner())
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
        relation: None,
    };
    let scope = Scope {
        items: vec![row("old"), row("new")],
        ..Scope::default()
    };
    let reader = Reader::new(world, Vec::new());
    match create.get("when_clause") {
        Some(when) => reader.value(when, &scope).map(|_| ()),
        None => Ok(()),
    }
}

/// The statements of a text; none where it is not read.
pub(super) fn statements(text: &str) -> Vec<Parsed> {
    let lexed = Lexed::new(text).ok();
    let parsed = lexed.and_then(|lexed| tree::parse(&lexed, Grammar::Statements).ok());
    parsed.unwrap_or_default()
}

/// What becomes of the type that a TypeName node names.
pub(super) fn type_lost(type_name: &Value, world: &dyn World) -> Option<Lost> {
    let fields = type_name.as_object()?;
    let fields = fields
        .get("node")
        .map_or(Some(fields), |_| tree::node(type_name, "TypeName"))?;
    world.becomes(&parsed::type_of(fields)?)
}

pub(super) fn relation_name(relation: &Fields) -> Name {
    Name::new(
        tree::string(relation, "schemaname"),
        tree::string(relation, "relname"),
    )
}

impl<'w> Reader<'w> {
    pub(super) fn new(world: &'w dyn World, parameters: Vec<(String, Option<Lost>)>) -> Self {
        Self {
            world,
            parameters,
            used: RefCell::default(),
        }
    }

    /// Remembers that a column of an item is named.
    pub(super) fn note_use(&self, item: &Item, column: &str) {
        let Some((relation, own)) = &item.relation else {
            return;
        };
        let mut columns = item.columns.columns.iter();
        let place = columns.position(|(name, _)| name == column);
        if let Some(own) = place.and_then(|place| own.get(place)) {
            let named = (relation.clone(), own.clone());
            self.used.borrow_mut().insert(named);
        }
    }

    fn query(&self, query: &str) -> Result<Columns, Misuse> {
        match statements(query).as_slice() {
            [only] => self.statement(&only.node, None),
            _ => Ok(Columns::unknown()),
        }
    }

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
            if let Some(columns) = self.star(value, scope)? {
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

    /// The columns of `*`, `alias.*` and `(row).*`; `None` where the value is no star.
    fn star(&self, value: &Value, scope: &Scope<'_>) -> Result<Option<Columns>, Misuse> {
        if let Some(alias) = star(value) {
            let items = scope.items.iter();
            for item in items.filter(|item| alias.as_ref().is_none_or(|a| *a == item.alias)) {
                let columns = item.columns.columns.iter();
                columns.for_each(|(name, _)| self.note_use(item, name));
            }
            return Ok(Some(scope.star(alias.as_deref())));
        }
        let parts = tree::node(value, "AIndirection").map(|row| tree::list(row, "indirection"));
        let last = parts.and_then(|parts| parts.last());
        if last.is_none_or(|last| tree::node(last, "AStar").is_none()) {
            return Ok(None);
        }
        let row = self.value(value, scope)?;
        Ok(Some(match row.map(|row| row.inside) {
            Some(Inside::Fields(fields)) => fields,
            _ => Columns::unknown(),
        }))
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
}

pub(super) fn rename(columns: &mut Columns, names: &[&str]) {
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
