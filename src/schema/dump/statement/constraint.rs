//! Constraints of tables, and the indexes that come with them.

use pg_query::NodeEnum;
use pg_query::protobuf::{ConstrType, Constraint as Node, Node as AnyNode};

use super::super::model::Model;
use super::index;
use super::sql::{Sql, parameters, relation_name, strings};
use super::table::name_at;
use crate::catalog::database::{Constraint, ConstraintKind, Index, IndexPart, RelationKind};
use crate::schema::syntax::tree;
use crate::sql;

/// Adds a constraint to the table at a place.
pub(super) fn add(model: &mut Model, sql: &Sql<'_>, place: usize, node: &Node) -> Option<()> {
    let Some(kind) = kind(node.contype()) else {
        return not_null(model, place, node);
    };
    let definition = definition(sql, node)?;
    let mut constraint = Constraint {
        oid: model.oid(),
        name: node.conname.clone(),
        kind,
        definition: definition.to_owned(),
        columns: columns(model, place, node),
        references: None,
        referenced_columns: strings(&node.pk_attrs)
            .into_iter()
            .map(str::to_owned)
            .collect(),
        index: None,
        deferrable: node.deferrable,
        initially_deferred: node.initdeferred,
        validated: !node.skip_validation,
        enforced: !is_not_enforced(definition),
        no_inherit: node.is_no_inherit,
        inherited: false,
        temporal: node.without_overlaps || node.fk_with_period,
        comment: None,
    };
    let indexed = matches!(
        kind,
        ConstraintKind::Primary | ConstraintKind::Unique | ConstraintKind::Exclude
    );
    if indexed {
        let index = index_of(model, place, node, &constraint);
        constraint.index = Some(index.oid);
        index::push(model, place, index);
    }
    if kind == ConstraintKind::Primary {
        not_null_columns(model, place, &constraint.columns);
    }
    let at = model.database.relations[place].constraints.len();
    if let Some(target) = relation_name(model, node.pktable.as_ref()) {
        model.references.push((place, at, target));
    }
    model.database.relations[place].constraints.push(constraint);
    Some(())
}

fn kind(contype: ConstrType) -> Option<ConstraintKind> {
    Some(match contype {
        ConstrType::ConstrPrimary => ConstraintKind::Primary,
        ConstrType::ConstrUnique => ConstraintKind::Unique,
        ConstrType::ConstrCheck => ConstraintKind::Check,
        ConstrType::ConstrForeign => ConstraintKind::Foreign,
        ConstrType::ConstrExclusion => ConstraintKind::Exclude,
        _ => return None,
    })
}

/// `ADD CONSTRAINT t_a_not_null NOT NULL a` (PostgreSQL 18): a property of the column here.
fn not_null(model: &mut Model, place: usize, node: &Node) -> Option<()> {
    if node.contype() != ConstrType::ConstrNotnull {
        return None;
    }
    if !node.skip_validation {
        let columns: Vec<String> = strings(&node.keys).into_iter().map(str::to_owned).collect();
        not_null_columns(model, place, &columns);
    }
    Some(())
}

fn not_null_columns(model: &mut Model, place: usize, columns: &[String]) {
    for column in &mut model.database.relations[place].columns {
        column.not_null |= columns.contains(&column.name);
    }
}

/// The definition as `pg_get_constraintdef` prints it: what follows the name.
pub(super) fn definition<'s>(sql: &Sql<'s>, node: &Node) -> Option<&'s str> {
    let at = sql.token(node.location)?;
    let first = if sql.lexed.is_word(at, "constraint") {
        at + 2
    } else {
        at
    };
    Some(sql.slice(first, sql.item_end(first)))
}

fn is_not_enforced(definition: &str) -> bool {
    definition.ends_with(" NOT ENFORCED")
}

/// The columns of a constraint, in its order.
fn columns(model: &Model, place: usize, node: &Node) -> Vec<String> {
    let owned = |nodes: &[AnyNode]| strings(nodes).into_iter().map(str::to_owned).collect();
    match node.contype() {
        ConstrType::ConstrForeign => owned(&node.fk_attrs),
        ConstrType::ConstrExclusion => excluded(node),
        ConstrType::ConstrCheck => named_in(model, place, node),
        _ => owned(&node.keys),
    }
}

fn excluded(node: &Node) -> Vec<String> {
    let elements = node.exclusions.iter().filter_map(|exclusion| {
        let Some(NodeEnum::List(pair)) = &exclusion.node else {
            return None;
        };
        match pair.items.first()?.node.as_ref()? {
            NodeEnum::IndexElem(element) => Some(element.name.clone()),
            _ => None,
        }
    });
    elements.filter(|name| !name.is_empty()).collect()
}

/// The columns that a CHECK names.
fn named_in(model: &Model, place: usize, node: &Node) -> Vec<String> {
    let relation = &model.database.relations[place];
    let expression = node.raw_expr.as_ref().and_then(|e| e.node.as_ref());
    let value = expression.and_then(|node| serde_json::to_value(node).ok());
    let mut columns: Vec<String> = Vec::new();
    tree::walk(&value.unwrap_or_default(), &mut |seen| {
        if seen.kind == "ColumnRef" {
            let parts = tree::strings(seen.fields, "fields");
            let name = parts.first().copied().unwrap_or_default();
            if relation.column(name).is_some() && !columns.iter().any(|c| c == name) {
                columns.push(name.to_owned());
            }
        }
    });
    columns
}

/// The index that a key or exclusion comes with.
fn index_of(model: &mut Model, place: usize, node: &Node, constraint: &Constraint) -> Index {
    let table = name_at(model, place);
    let exclusion = constraint.kind == ConstraintKind::Exclude;
    let method = match node.access_method.as_str() {
        "" if node.without_overlaps => "gist",
        "" => "btree",
        method => method,
    };
    let parts: Vec<IndexPart> = constraint
        .columns
        .iter()
        .map(|c| index::plain_part(c))
        .collect();
    let include: Vec<String> = strings(&node.including)
        .into_iter()
        .map(str::to_owned)
        .collect();
    let written: Vec<String> = constraint
        .columns
        .iter()
        .map(|c| index::printed(c))
        .collect();
    let unique = if exclusion { "" } else { "UNIQUE " };
    let partitioned = model.database.relations[place].kind == RelationKind::Partitioned;
    let only = if partitioned { "ONLY " } else { "" };
    let mut definition = format!(
        "CREATE {unique}INDEX {} ON {only}{} USING {method} ({})",
        index::printed(&constraint.name),
        index::printed_name(&table),
        written.join(", "),
    );
    if !include.is_empty() {
        let columns: Vec<String> = include.iter().map(|c| index::printed(c)).collect();
        definition += &format!(" INCLUDE ({})", columns.join(", "));
    }
    if node.nulls_not_distinct {
        definition += " NULLS NOT DISTINCT";
    }
    Index {
        oid: model.oid(),
        name: constraint.name.clone(),
        definition,
        method: method.to_owned(),
        parts,
        include,
        unique: !exclusion,
        nulls_not_distinct: node.nulls_not_distinct,
        predicate: None,
        constraint: Some(constraint.oid),
        parent: None,
        valid: true,
        options: parameters(&node.options),
        tablespace: model.settings.tablespace.clone(),
        clustered: false,
        comment: None,
    }
}

/// An identifier in double quotes, as the model's parts have it.
pub(super) fn quoted(name: &str) -> String {
    sql::identifier(name)
}
