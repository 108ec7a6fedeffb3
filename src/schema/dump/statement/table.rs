//! CREATE TABLE of every form.

use pg_query::NodeEnum;
use pg_query::protobuf::{CreateForeignTableStmt, CreateStmt, PartitionStrategy};

use super::super::model::{Model, Place, unresolved};
use super::column::{column, constraints};
use super::constraint;
use super::sql::{Sql, Written, parameters, relation_name, strings};
use crate::catalog::Persistence;
use crate::catalog::database::{
    Field, FieldDefault, Name, Partitioning, Relation, RelationKind, UserTypeKind,
};

/// CREATE TABLE; the place of the table.
pub(super) fn create(model: &mut Model, sql: &Sql<'_>, create: &CreateStmt) -> Option<usize> {
    let name = relation_name(model, create.relation.as_ref())?;
    let kind = if create.partspec.is_some() {
        RelationKind::Partitioned
    } else {
        RelationKind::Table
    };
    let mut relation = Relation::new(model.oid(), name, kind);
    let persistence = &create.relation.as_ref()?.relpersistence;
    if persistence == "u" {
        relation.persistence = Persistence::Unlogged;
    }
    relation.options = parameters(&create.options);
    relation.partitioning = partitioning(sql, create);
    relation.tablespace = model.settings.tablespace.clone();
    if let Some(tablespace) = &relation.tablespace {
        *model.tablespaces.entry(tablespace.clone()).or_default() += 1;
    }
    relation.access_method = Some(&create.access_method)
        .filter(|method| !method.is_empty())
        .cloned()
        .or_else(|| model.settings.access_method.clone())
        .filter(|method| method != "heap" && kind == RelationKind::Table);
    relation.readable = true;
    let of_type = create.of_typename.as_ref().map(|t| strings(&t.names));
    relation.of_type = of_type.map(|parts| model.name(&parts));
    let parents = parents(model, create);
    relation.inherits = parents
        .iter()
        .map(|&p| model.database.relations[p].oid)
        .collect();
    let mut types = inherit(model, &mut relation, &parents);
    types.extend(columns_of_type(model, &mut relation));
    let complete = own_columns(model, sql, create, &mut relation, &mut types);
    number(&mut relation);
    let place = model.push_relation(relation);
    for (column, written) in types {
        let at = model.database.relations[place]
            .columns
            .iter()
            .position(|c| c.name == column);
        if let Some(at) = at {
            written.pend(model, Place::Column(place, at));
        }
    }
    inherit_constraints(model, place, &parents);
    for table_constraint in constraints(&create.table_elts).chain(constraints(&create.constraints))
    {
        constraint::add(model, sql, place, table_constraint)?;
    }
    complete.then_some(place)
}

/// CREATE FOREIGN TABLE.
pub(super) fn foreign(
    model: &mut Model,
    sql: &Sql<'_>,
    create: &CreateForeignTableStmt,
) -> Option<()> {
    let place = self::create(model, sql, create.base_stmt.as_ref()?)?;
    let relation = &mut model.database.relations[place];
    relation.kind = RelationKind::Foreign;
    relation.foreign_server = Some(create.servername.clone());
    relation.tablespace = None;
    relation.access_method = None;
    Some(())
}

fn partitioning(sql: &Sql<'_>, create: &CreateStmt) -> Option<Partitioning> {
    let spec = create.partspec.as_ref()?;
    let strategy = match spec.strategy() {
        PartitionStrategy::List => "list",
        PartitionStrategy::Hash => "hash",
        _ => "range",
    };
    // `PARTITION BY RANGE (created_at)`: the parser's place is PARTITION.
    let first = sql.token(spec.location)? + 2;
    let closing = sql.lexed.closing(first + 1)?;
    Some(Partitioning {
        strategy: strategy.to_owned(),
        key: sql.slice(first, closing + 1).to_owned(),
    })
}

/// Places of the tables that it INHERITS.
fn parents(model: &Model, create: &CreateStmt) -> Vec<usize> {
    let names = create
        .inh_relations
        .iter()
        .filter_map(|node| match node.node.as_ref()? {
            NodeEnum::RangeVar(relation) => relation_name(model, Some(relation)),
            _ => None,
        });
    names
        .filter_map(|name| model.relations.get(&name).copied())
        .collect()
}

type Typed = Vec<(String, Written)>;

/// Takes the columns of the parents.
fn inherit(model: &Model, relation: &mut Relation, parents: &[usize]) -> Typed {
    let mut types = Vec::new();
    for &parent in parents {
        for (at, column) in model.database.relations[parent].columns.iter().enumerate() {
            if relation.column(&column.name).is_some() {
                continue;
            }
            let mut own = column.clone();
            own.inherited = true;
            own.comment = None;
            if matches!(own.default, FieldDefault::Identity { .. }) {
                own.default = FieldDefault::None;
            }
            let place = Place::Column(parent, at);
            if let Some(pending) = model.pending.get(&place) {
                let written = Written {
                    sql: column.data_type.sql.clone(),
                    key: pending.key.clone(),
                    typmod: pending.typmod,
                    dimensions: column.dimensions,
                };
                types.push((own.name.clone(), written));
            }
            relation.columns.push(own);
        }
    }
    types
}

/// The columns of `CREATE TABLE … OF type`.
fn columns_of_type(model: &Model, relation: &mut Relation) -> Typed {
    let place = relation
        .of_type
        .as_ref()
        .and_then(|name| model.types.get(name));
    let Some(&place) = place else {
        return Vec::new();
    };
    let UserTypeKind::Composite(fields) = &model.database.types[place].kind else {
        return Vec::new();
    };
    let mut types = Vec::new();
    for (at, (name, data_type)) in fields.iter().enumerate() {
        relation.columns.push(plain_column(name, &data_type.sql));
        let place = Place::Composite(place, at);
        if let Some(pending) = model.pending.get(&place) {
            let written = Written {
                sql: data_type.sql.clone(),
                key: pending.key.clone(),
                typmod: pending.typmod,
                dimensions: 0,
            };
            types.push((name.clone(), written));
        }
    }
    types
}

fn plain_column(name: &str, type_sql: &str) -> Field {
    Field {
        number: 0,
        name: name.to_owned(),
        data_type: unresolved(type_sql),
        type_oid: 0,
        dimensions: 0,
        not_null: false,
        default: FieldDefault::None,
        collation: None,
        inherited: false,
        storage: None,
        comment: None,
    }
}

/// Takes the columns that are written; whether all were understood.
fn own_columns(
    model: &Model,
    sql: &Sql<'_>,
    create: &CreateStmt,
    relation: &mut Relation,
    types: &mut Typed,
) -> bool {
    let mut complete = true;
    for element in &create.table_elts {
        let Some(NodeEnum::ColumnDef(def)) = &element.node else {
            continue;
        };
        let merged = relation.columns.iter().position(|c| c.name == def.colname);
        if def.type_name.is_none() {
            // `a WITH OPTIONS NOT NULL` of a typed table.
            let not_null = constraints(&def.constraints)
                .any(|c| c.contype() == pg_query::protobuf::ConstrType::ConstrNotnull);
            match merged {
                Some(at) => relation.columns[at].not_null |= not_null,
                None => complete = false,
            }
            continue;
        }
        let Some((field, written)) = column(model, sql, def) else {
            complete = false;
            continue;
        };
        match merged {
            Some(at) => {
                let not_null = relation.columns[at].not_null;
                relation.columns[at] = field;
                relation.columns[at].not_null |= not_null;
                types.retain(|(name, _)| *name != def.colname);
            }
            None => relation.columns.push(field),
        }
        types.push((def.colname.clone(), written));
    }
    complete
}

fn number(relation: &mut Relation) {
    for (number, column) in (1i16..).zip(&mut relation.columns) {
        column.number = number;
    }
}

/// CHECKs of parents hold for children, too.
fn inherit_constraints(model: &mut Model, place: usize, parents: &[usize]) {
    for &parent in parents {
        let checks: Vec<_> = model.database.relations[parent]
            .constraints
            .iter()
            .filter(|c| c.kind == crate::catalog::database::ConstraintKind::Check)
            .filter(|c| !c.no_inherit)
            .cloned()
            .collect();
        for mut check in checks {
            check.oid = model.oid();
            check.inherited = true;
            check.comment = None;
            model.database.relations[place].constraints.push(check);
        }
    }
}

/// The name of a table at a place.
pub(super) fn name_at(model: &Model, place: usize) -> Name {
    model.database.relations[place].name.clone()
}
