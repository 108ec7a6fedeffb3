//! Columns as CREATE TABLE writes them.

use pg_query::NodeEnum;
use pg_query::protobuf::{ColumnDef, ConstrType, Constraint, Node};

use super::super::model::{Model, unresolved};
use super::sql::{Sql, Written, strings};
use crate::catalog::database::{Field, FieldDefault};

/// A column, and its type that is to be looked up.
pub(super) fn column(model: &Model, sql: &Sql<'_>, def: &ColumnDef) -> Option<(Field, Written)> {
    let written = sql.type_at(def.type_name.as_ref()?)?;
    let first = sql.token(def.location)?;
    let end = sql.item_end(first);
    let collation = def.coll_clause.as_ref();
    let mut bounds: Vec<usize> = constraints(&def.constraints)
        .map(|c| c.location)
        .chain(collation.map(|c| c.location))
        .filter_map(|location| sql.token(location))
        .collect();
    bounds.push(end);
    bounds.sort_unstable();
    let mut field = Field {
        number: 0,
        name: def.colname.clone(),
        data_type: unresolved(&written.sql),
        type_oid: 0,
        dimensions: written.dimensions,
        not_null: false,
        default: FieldDefault::None,
        collation: collation.map(|c| model.collation(&strings(&c.collname))),
        inherited: false,
        storage: storage(def),
        comment: None,
    };
    for constraint in constraints(&def.constraints) {
        let at = sql.token(constraint.location)?;
        let next = bounds
            .iter()
            .copied()
            .find(|&bound| bound > at)
            .unwrap_or(end);
        match constraint.contype() {
            ConstrType::ConstrIdentity if model.is_plan => {
                field.not_null = true;
                field.default = FieldDefault::Identity {
                    always: constraint.generated_when == "a",
                    sequence: 0,
                };
            }
            _ => apply(sql, constraint, (at, next), &mut field)?,
        }
    }
    Some((field, written))
}

/// Constraints among nodes.
pub(super) fn constraints(nodes: &[Node]) -> impl Iterator<Item = &Constraint> {
    nodes.iter().filter_map(|node| match node.node.as_ref()? {
        NodeEnum::Constraint(constraint) => Some(constraint.as_ref()),
        _ => None,
    })
}

/// What a constraint within a column says of it; `None` for one that dumps do not have there.
fn apply(
    sql: &Sql<'_>,
    constraint: &Constraint,
    (at, end): (usize, usize),
    field: &mut Field,
) -> Option<()> {
    match constraint.contype() {
        ConstrType::ConstrNotnull => field.not_null = true,
        ConstrType::ConstrNull => {}
        ConstrType::ConstrDefault => {
            field.default = FieldDefault::Expression(sql.slice(at + 1, end).to_owned());
        }
        ConstrType::ConstrGenerated => {
            field.default = generated(sql, constraint, at)?;
        }
        _ => return None,
    }
    Some(())
}

/// `GENERATED ALWAYS AS (…) STORED`
fn generated(sql: &Sql<'_>, constraint: &Constraint, at: usize) -> Option<FieldDefault> {
    let open = (at..at + 8).find(|&at| sql.lexed.is_symbol(at, "("))?;
    let closing = sql.lexed.closing(open)?;
    let text = sql.slice(open + 1, closing).to_owned();
    Some(if constraint.generated_kind == "v" {
        FieldDefault::Virtual(text)
    } else {
        FieldDefault::Stored(text)
    })
}

fn storage(def: &ColumnDef) -> Option<String> {
    let storage = (!def.storage_name.is_empty())
        .then(|| format!("STORAGE {}", def.storage_name.to_uppercase()));
    let compression =
        (!def.compression.is_empty()).then(|| format!("COMPRESSION {}", def.compression));
    let all: Vec<String> = storage.into_iter().chain(compression).collect();
    (!all.is_empty()).then(|| all.join(" "))
}
