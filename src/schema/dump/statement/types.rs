//! CREATE TYPE and CREATE DOMAIN.

use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterDomainStmt, AlterEnumStmt, CompositeTypeStmt, ConstrType, Constraint, CreateDomainStmt,
    CreateEnumStmt, CreateRangeStmt,
};

use super::super::model::{Model, Pending, Place, unresolved};
use super::column::constraints;
use super::constraint::definition;
use super::sql::{Sql, options, relation_name, strings};
use crate::catalog::database::{DomainCheck, Name, UserType, UserTypeKind};
use crate::schema::syntax::type_name::TypeKey;

/// A type that is about to be known.
pub(super) fn push(model: &mut Model, name: Name, kind: UserTypeKind) -> usize {
    let (oid, array_oid) = (model.oid(), model.oid());
    model.push_type(UserType {
        oid,
        array_oid,
        name,
        kind,
        extension: None,
        comment: None,
    })
}

pub(super) fn create_enum(model: &mut Model, create: &CreateEnumStmt) -> Option<()> {
    let name = model.name(&strings(&create.type_name));
    let labels = strings(&create.vals)
        .into_iter()
        .map(str::to_owned)
        .collect();
    push(model, name, UserTypeKind::Enum(labels));
    Some(())
}

/// ALTER TYPE … ADD VALUE: dumps for an upgrade have it.
pub(super) fn add_value(model: &mut Model, alter: &AlterEnumStmt) -> Option<()> {
    let name = model.name(&strings(&alter.type_name));
    let place = *model.types.get(&name)?;
    let UserTypeKind::Enum(labels) = &mut model.database.types[place].kind else {
        return None;
    };
    let neighbour = labels.iter().position(|l| *l == alter.new_val_neighbor);
    let at = match neighbour {
        Some(at) if alter.new_val_is_after => at + 1,
        Some(at) => at,
        None => labels.len(),
    };
    labels.insert(at, alter.new_val.clone());
    Some(())
}

pub(super) fn composite(
    model: &mut Model,
    sql: &Sql<'_>,
    create: &CompositeTypeStmt,
) -> Option<()> {
    let name = relation_name(model, create.typevar.as_ref())?;
    let mut fields = Vec::new();
    let mut types = Vec::new();
    for node in &create.coldeflist {
        let Some(NodeEnum::ColumnDef(def)) = &node.node else {
            return None;
        };
        let written = sql.type_at(def.type_name.as_ref()?)?;
        fields.push((def.colname.clone(), unresolved(&written.sql)));
        types.push(written);
    }
    let place = push(model, name, UserTypeKind::Composite(fields));
    for (field, written) in types.iter().enumerate() {
        written.pend(model, Place::Composite(place, field));
    }
    Some(())
}

pub(super) fn domain(model: &mut Model, sql: &Sql<'_>, create: &CreateDomainStmt) -> Option<()> {
    let name = model.name(&strings(&create.domainname));
    let written = sql.type_at(create.type_name.as_ref()?)?;
    let of = |contype: ConstrType| {
        constraints(&create.constraints).find(move |c| c.contype() == contype)
    };
    let collation = create.coll_clause.as_ref();
    let default = of(ConstrType::ConstrDefault).and_then(|c| default(sql, create, c));
    let mut checks = Vec::new();
    for check in constraints(&create.constraints) {
        if check.contype() == ConstrType::ConstrCheck {
            checks.push(domain_check(model, sql, check)?);
        }
    }
    let kind = UserTypeKind::Domain {
        base: unresolved(&written.sql),
        base_oid: 0,
        not_null: of(ConstrType::ConstrNotnull).is_some(),
        default,
        collation: collation.map(|c| model.collation(&strings(&c.collname))),
        checks,
    };
    let place = push(model, name, kind);
    written.pend(model, Place::Inside(place));
    Some(())
}

fn domain_check(model: &mut Model, sql: &Sql<'_>, check: &Constraint) -> Option<DomainCheck> {
    Some(DomainCheck {
        oid: model.oid(),
        name: check.conname.clone(),
        definition: check_text(sql, check)?,
        validated: !check.skip_validation,
    })
}

/// `CHECK (…)` with NOT VALID, where the next CHECK may follow without a comma.
fn check_text(sql: &Sql<'_>, check: &Constraint) -> Option<String> {
    let whole = definition(sql, check)?;
    let at = sql.token(check.location)?;
    let first = if sql.lexed.is_word(at, "constraint") {
        at + 2
    } else {
        at
    };
    let closing = sql.lexed.closing(first + 1)?;
    let not_valid =
        sql.lexed.is_word(closing + 1, "not") && sql.lexed.is_word(closing + 2, "valid");
    let end = closing + 1 + if not_valid { 2 } else { 0 };
    Some(sql.slice(first, end).to_owned()).filter(|text| whole.starts_with(text.as_str()))
}

/// The default of a domain: up to the next constraint.
fn default(sql: &Sql<'_>, create: &CreateDomainStmt, node: &Constraint) -> Option<String> {
    let at = sql.token(node.location)?;
    let others = constraints(&create.constraints).filter_map(|c| sql.token(c.location));
    let end = others.filter(|&other| other > at).min();
    let end = end.unwrap_or(sql.lexed.tokens.len());
    Some(sql.slice(at + 1, end).to_owned())
}

/// ALTER DOMAIN … ADD CONSTRAINT … NOT VALID.
pub(super) fn alter_domain(
    model: &mut Model,
    sql: &Sql<'_>,
    alter: &AlterDomainStmt,
) -> Option<()> {
    let name = model.name(&strings(&alter.type_name));
    let Some(NodeEnum::Constraint(node)) = alter.def.as_ref()?.node.as_ref() else {
        return None;
    };
    let check = domain_check(model, sql, node)?;
    let place = *model.types.get(&name)?;
    let UserTypeKind::Domain { checks, .. } = &mut model.database.types[place].kind else {
        return None;
    };
    checks.push(check);
    Some(())
}

pub(super) fn range(model: &mut Model, sql: &Sql<'_>, create: &CreateRangeStmt) -> Option<()> {
    let name = model.name(&strings(&create.type_name));
    let subtype = options(&create.params).find(|option| option.defname == "subtype")?;
    let Some(NodeEnum::TypeName(type_name)) = subtype.arg.as_ref()?.node.as_ref() else {
        return None;
    };
    let parts = strings(&type_name.names);
    let key = match parts.as_slice() {
        ["pg_catalog", name] | [name] => TypeKey {
            schema: String::new(),
            name: (*name).to_owned(),
            array: false,
        },
        [.., schema, name] => TypeKey {
            schema: (*schema).to_owned(),
            name: (*name).to_owned(),
            array: false,
        },
        [] => return None,
    };
    let subtype = unresolved(key.to_sql());
    let others = options(&create.params).filter(|option| option.defname != "subtype");
    let others = others.filter_map(|option| {
        let first = sql.token(option.location)?;
        Some(sql.slice(first, sql.item_end(first)).to_owned())
    });
    let options = others.collect();
    let place = push(model, name, UserTypeKind::Range { subtype, options });
    let pending = Pending { key, typmod: -1 };
    model.pending.insert(Place::Inside(place), pending);
    Some(())
}
