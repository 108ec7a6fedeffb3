//! CREATE INDEX.

use pg_query::NodeEnum;
use pg_query::protobuf::{IndexElem, IndexStmt, SortByDir, SortByNulls};

use super::super::model::Model;
use super::constraint::quoted;
use super::sql::{Sql, parameters, relation_name, strings};
use crate::catalog::database::{Index, IndexPart, Name, RelationKind};
use crate::schema::syntax::type_name::plain_or_quoted;

/// Takes an index in.
pub(super) fn create(model: &mut Model, sql: &Sql<'_>, create: &IndexStmt) -> Option<()> {
    let table = relation_name(model, create.relation.as_ref())?;
    let place = *model.relations.get(&table)?;
    // `CREATE INDEX i ON ONLY t USING btree (a)`.
    let using = sql.find_word(0, "using")?;
    let items = sql.items(using + 2);
    let mut parts = Vec::new();
    for (node, item) in create.index_params.iter().zip(items) {
        let Some(NodeEnum::IndexElem(element)) = &node.node else {
            return None;
        };
        parts.push(part(model, sql, element, item));
    }
    let include = create
        .index_including_params
        .iter()
        .filter_map(|node| match &node.node {
            Some(NodeEnum::IndexElem(element)) => Some(element.name.clone()),
            _ => None,
        });
    // The shell of a partitioned table's index is complete when all its parts are attached.
    let partitioned = model.database.relations[place].kind == RelationKind::Partitioned;
    let only = create.relation.as_ref().is_some_and(|r| !r.inh);
    let index = Index {
        oid: model.oid(),
        name: create.idxname.clone(),
        definition: sql.text().to_owned(),
        method: create.access_method.clone(),
        parts,
        include: include.collect(),
        unique: create.unique,
        nulls_not_distinct: create.nulls_not_distinct,
        predicate: predicate(sql, using).filter(|_| create.where_clause.is_some()),
        constraint: None,
        parent: None,
        valid: !only || partitioned,
        options: parameters(&create.options),
        tablespace: model.settings.tablespace.clone(),
        clustered: false,
        comment: None,
    };
    push(model, place, index);
    Some(())
}

/// Adds an index to the table at a place.
pub(super) fn push(model: &mut Model, place: usize, index: Index) {
    let relation = &mut model.database.relations[place];
    let name = Name::new(&relation.name.schema, &index.name);
    if let Some(tablespace) = &index.tablespace {
        *model.tablespaces.entry(tablespace.clone()).or_default() += 1;
    }
    relation.indexes.push(index);
    let at = relation.indexes.len() - 1;
    model.indexes.insert(name, (place, at));
}

/// What follows WHERE.
fn predicate(sql: &Sql<'_>, using: usize) -> Option<String> {
    let at = sql.find_word(using, "where")?;
    Some(sql.slice(at + 1, sql.lexed.tokens.len()).to_owned())
}

/// A key part; `item` are its tokens.
fn part(model: &Model, sql: &Sql<'_>, element: &IndexElem, item: (usize, usize)) -> IndexPart {
    let descending = element.ordering() == SortByDir::SortbyDesc;
    let nulls_first = match element.nulls_ordering() {
        SortByNulls::SortbyNullsFirst => true,
        SortByNulls::SortbyNullsLast => false,
        _ => descending,
    };
    let class = strings(&element.opclass);
    let collation = strings(&element.collation);
    let column = (!element.name.is_empty()).then(|| element.name.clone());
    IndexPart {
        expression: match &column {
            Some(column) => quoted(column),
            None => expression(sql, item).to_owned(),
        },
        column,
        operator_class: match class.as_slice() {
            [] => None,
            [name] => Some(Name::new("pg_catalog", *name)),
            parts => Some(model.name(parts)),
        },
        collation: (!collation.is_empty()).then(|| model.collation(&collation)),
        descending,
        nulls_first,
    }
}

/// An expression is in parentheses, or a call: `lower(name)`.
fn expression<'s>(sql: &Sql<'s>, (first, end): (usize, usize)) -> &'s str {
    let open = (first..end).find(|&at| sql.lexed.is_symbol(at, "("));
    let closing = open.and_then(|open| sql.lexed.closing(open));
    sql.slice(first, closing.map_or(end, |closing| closing + 1))
}

/// A part that is a column, in the type's own order.
pub(super) fn plain_part(column: &str) -> IndexPart {
    IndexPart {
        column: Some(column.to_owned()),
        expression: quoted(column),
        operator_class: None,
        collation: None,
        descending: false,
        nulls_first: false,
    }
}

/// An identifier as PostgreSQL prints it.
pub(super) fn printed(name: &str) -> String {
    plain_or_quoted(name)
}

/// A qualified name as PostgreSQL prints it.
pub(super) fn printed_name(name: &Name) -> String {
    format!("{}.{}", printed(&name.schema), printed(&name.name))
}
