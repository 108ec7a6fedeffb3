//! FROM: what gives columns, and under which names.

use serde_json::Value;

use super::super::tree::{self, Fields};
use super::query::{Reader, relation_name, rename, type_lost};
use super::scope::{Item, Scope};
use super::{Columns, Family, Inside, Lost, Misuse};

impl Reader<'_> {
    /// One item of FROM.
    pub(super) fn from(&self, item: &Value, scope: &mut Scope<'_>) -> Result<(), Misuse> {
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
            let item = self.computed(item, scope)?;
            scope.items.extend(item);
        }
        Ok(())
    }

    /// A table, a view, a query of WITH.
    pub(super) fn relation(&self, relation: &Fields, scope: &Scope<'_>) -> Item {
        let name = relation_name(relation);
        let with = if name.schema.is_empty() {
            scope.with(&name.name).cloned()
        } else {
            None
        };
        let of_with = with.is_some();
        let columns = with.or_else(|| self.world.columns(&name));
        let columns = columns.unwrap_or_else(Columns::unknown);
        let own = columns.columns.iter().map(|(name, _)| name.clone());
        let own = own.collect();
        let mut item = called(&name.name, columns, relation);
        item.relation = (!of_with).then_some((name, own));
        item
    }

    fn join(&self, join: &Fields, scope: &mut Scope<'_>) -> Result<(), Misuse> {
        let first = scope.items.len();
        for side in ["larg", "rarg"] {
            if let Some(side) = join.get(side) {
                self.from(side, scope)?;
            }
        }
        for name in tree::strings(join, "using_clause") {
            let sides = scope.items[first..].iter();
            sides.for_each(|item| self.note_use(item, name));
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

    /// Functions, XMLTABLE, JSON_TABLE.
    fn computed(&self, item: &Value, scope: &Scope<'_>) -> Result<Option<Item>, Misuse> {
        let inner = item.get("node").unwrap_or(item);
        let fields = inner.as_object().and_then(|wrapper| wrapper.iter().next());
        let Some((kind, Value::Object(fields))) = fields else {
            return Ok(None);
        };
        if kind == "RangeFunction" {
            return self.functions(fields, scope).map(Some);
        }
        if kind == "RangeTableFunc" {
            self.xml_table(fields, scope)?;
        }
        let mut parts = fields.values();
        parts.try_for_each(|part| self.parts(part, scope))?;
        Ok(Some(called("", Columns::unknown(), fields)))
    }

    /// `f(x) AS f(a, b)`, `ROWS FROM (f(x), g(x)) WITH ORDINALITY`
    fn functions(&self, item: &Fields, scope: &Scope<'_>) -> Result<Item, Misuse> {
        let alias = item.get("alias").and_then(Value::as_object);
        let names = alias.map_or(0, |alias| tree::strings(alias, "colnames").len());
        let ordinality = item.get("ordinality").and_then(Value::as_bool) == Some(true);
        let functions = tree::list(item, "functions");
        let mut columns = Columns::default();
        for function in functions {
            let parts = tree::node(function, "List").map_or(&[][..], |l| tree::list(l, "items"));
            let (Some(call), definitions) = (parts.first(), parts.get(1)) else {
                continue;
            };
            let several = functions.len() == 1 && names > 1 + usize::from(ordinality);
            let own = match definitions.and_then(|list| tree::node(list, "List")) {
                Some(list) => self.defined(tree::list(list, "items")),
                None => self.rows_of(call, several, scope)?,
            };
            columns.more |= own.more;
            columns.columns.extend(own.columns);
        }
        let definitions = tree::list(item, "coldeflist");
        if !definitions.is_empty() {
            columns = self.defined(definitions);
        }
        if columns.more {
            // Which column is where is not known.
            columns.columns.clear();
        } else if let ([(only, _)], Some(alias)) = (&mut columns.columns[..], alias) {
            tree::string(alias, "aliasname").clone_into(only);
        }
        if ordinality {
            columns.columns.push(("ordinality".to_owned(), None));
        }
        Ok(called("", columns, item))
    }

    /// `AS f(a integer, b text)`
    fn defined(&self, definitions: &[Value]) -> Columns {
        let definitions = definitions
            .iter()
            .filter_map(|definition| tree::node(definition, "ColumnDef"));
        let columns = definitions.map(|definition| {
            let data_type = definition.get("type_name");
            let lost = data_type.and_then(|t| type_lost(t, self.world));
            (tree::string(definition, "colname").to_owned(), lost)
        });
        Columns {
            columns: columns.collect(),
            more: false,
        }
    }

    /// The columns of one function; `several` where more than one name is given to them.
    fn rows_of(&self, call: &Value, several: bool, scope: &Scope<'_>) -> Result<Columns, Misuse> {
        let fields = tree::node(call, "FuncCall");
        let name = fields.and_then(|call| tree::strings(call, "funcname").last().copied());
        let name = name.unwrap_or_default();
        let arguments = fields.map_or(&[][..], |call| tree::list(call, "args"));
        let mut columns = Columns::default();
        if name == "unnest" && arguments.len() > 1 {
            for array in arguments {
                let element = self.value(array, scope)?.and_then(Lost::element);
                add(&mut columns, name, element);
            }
            return Ok(columns);
        }
        let result = self.value(call, scope)?;
        // What is no row any more has one column.
        let is_row = |lost: &&Lost| lost.family == Family::Composite && lost.is_text();
        if let Some(lost) = result.as_ref().filter(is_row).filter(|_| several) {
            return Err(Misuse {
                what: format!("{name}() into columns"),
                lost: lost.clone(),
            });
        }
        add(&mut columns, name, result);
        Ok(columns)
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

/// The column that a function gives, or those of its rows; of a type that stays it may be a row.
fn add(columns: &mut Columns, function: &str, result: Option<Lost>) {
    match result {
        Some(Lost {
            inside: Inside::Fields(fields),
            ..
        }) => {
            columns.more |= fields.more;
            columns.columns.extend(fields.columns);
        }
        Some(lost) => columns.columns.push((function.to_owned(), Some(lost))),
        None => columns.more = true,
    }
}

/// An item under its alias, with the names that it gives to columns.
pub(super) fn called(name: &str, mut columns: Columns, fields: &Fields) -> Item {
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
        relation: None,
    }
}
