//! Constraints of tables, and CHECKs of domains.

use std::collections::HashMap;

use super::super::answer::{Fields, Read};
use super::reading::{Reading, class};
use super::texts::MANY;
use crate::catalog::database::{
    Constraint, ConstraintKind, Database, DomainCheck, Relation, UserTypeKind,
};
use crate::endpoint::error::Result;

/// A constraint, and columns by their numbers.
struct Raw {
    relation: u32,
    domain: u32,
    columns: Vec<i16>,
    referenced: Vec<i16>,
    constraint: Constraint,
}

pub(super) async fn read(reading: &mut Reading<'_>) -> Result<()> {
    let mut raws = Vec::new();
    let sql = constraints_sql(reading.version);
    reading
        .each("the constraints", &sql, |found, f| {
            let Some(mut raw) = read_constraint(&f)? else {
                return Ok(());
            };
            if raw.domain != 0 || found.relation(raw.relation).is_some() {
                raw.constraint.comment = found.comment(class::CONSTRAINT, raw.constraint.oid, 0);
                raws.push(raw);
            }
            Ok(())
        })
        .await?;
    define(reading, &mut raws).await?;
    let domains = domains(&reading.database);
    for mut raw in raws {
        if let Some(&place) = domains.get(&raw.domain) {
            push_check(&mut reading.database, place, raw.constraint);
            continue;
        }
        if let Some(referenced) = raw.constraint.references.and_then(|o| reading.relation(o)) {
            raw.constraint.referenced_columns = names(referenced, &raw.referenced);
        }
        if let Some(relation) = reading.relation(raw.relation) {
            raw.constraint.columns = names(relation, &raw.columns);
            relation.constraints.push(raw.constraint);
        }
    }
    Ok(())
}

/// One row per constraint. NOT NULL (PostgreSQL 18) is a property of columns here. A foreign key to a
/// partitioned table has one more entry per partition, on the same table: these are the server's own.
fn constraints_sql(version: u32) -> String {
    let enforced = if version >= 180_000 {
        "k.conenforced, k.conperiod"
    } else {
        "true, false"
    };
    format!(
        "SELECT k.oid, k.conrelid, k.contypid, k.conname, k.contype, \
                array_to_string(k.conkey, ' '), k.confrelid, array_to_string(k.confkey, ' '), \
                CASE WHEN k.contype IN ('p', 'u', 'x') THEN k.conindid ELSE 0 END, \
                k.condeferrable, k.condeferred, k.convalidated, k.connoinherit, \
                NOT k.conislocal OR k.conparentid <> 0, {enforced} \
         FROM pg_constraint k \
         WHERE k.oid >= 16384 AND k.contype <> 'n' \
           AND NOT EXISTS (SELECT FROM pg_constraint p \
                           WHERE p.oid = k.conparentid AND p.conrelid = k.conrelid) \
         ORDER BY k.conrelid, k.contypid, k.contype <> 'p', k.conname"
    )
}

fn read_constraint(f: &Fields<'_>) -> Read<Option<Raw>> {
    let Some(kind) = kind(f.letter(4)) else {
        return Ok(None);
    };
    let some = |oid: u32| (oid != 0).then_some(oid);
    Ok(Some(Raw {
        relation: f.number(1)?,
        domain: f.number(2)?,
        columns: f.numbers(5)?,
        referenced: f.numbers(7)?,
        constraint: Constraint {
            oid: f.number(0)?,
            name: f.text(3)?,
            kind,
            definition: String::new(),
            columns: Vec::new(),
            references: some(f.number(6)?),
            referenced_columns: Vec::new(),
            index: some(f.number(8)?),
            deferrable: f.truth(9),
            initially_deferred: f.truth(10),
            validated: f.truth(11),
            // Of other kinds it says that they are not inherited by nature.
            no_inherit: f.truth(12) && kind == ConstraintKind::Check,
            inherited: f.truth(13),
            enforced: f.truth(14),
            temporal: f.truth(15),
            comment: None,
        },
    }))
}

fn kind(contype: char) -> Option<ConstraintKind> {
    Some(match contype {
        'p' => ConstraintKind::Primary,
        'u' => ConstraintKind::Unique,
        'c' => ConstraintKind::Check,
        'f' => ConstraintKind::Foreign,
        'x' => ConstraintKind::Exclude,
        't' => ConstraintKind::Trigger,
        _ => return None,
    })
}

async fn define(reading: &mut Reading<'_>, raws: &mut [Raw]) -> Result<()> {
    const SQL: &str = "SELECT k.oid, 0, pg_get_constraintdef(k.oid) FROM pg_constraint k \
                       WHERE k.contype <> 'n' AND k.oid {range}";
    let oids = raws.iter().map(|raw| raw.constraint.oid).collect();
    let mut texts = reading.texts("the constraints", oids, SQL, MANY).await?;
    for raw in raws {
        let table = reading.relation(raw.relation).map(|r| r.name.to_string());
        let named = || {
            let table = table.unwrap_or_else(|| "a domain".to_owned());
            format!("constraint {} of {table}", raw.constraint.name)
        };
        let text = reading.text(&mut texts, (raw.constraint.oid, 0), named);
        raw.constraint.definition = text.unwrap_or_default();
    }
    Ok(())
}

/// Names of columns by their numbers; what has none (a system column) is left out.
pub(super) fn names(relation: &Relation, numbers: &[i16]) -> Vec<String> {
    numbers
        .iter()
        .filter_map(|&number| super::columns::by_number(relation, number))
        .map(|column| column.name.clone())
        .collect()
}

/// Places of domains by pg_type.oid.
fn domains(database: &Database) -> HashMap<u32, usize> {
    let types = database.types.iter().enumerate();
    types
        .filter(|(_, t)| matches!(t.kind, UserTypeKind::Domain { .. }))
        .map(|(place, t)| (t.oid, place))
        .collect()
}

fn push_check(database: &mut Database, place: usize, constraint: Constraint) {
    if let UserTypeKind::Domain { checks, .. } = &mut database.types[place].kind {
        checks.push(DomainCheck {
            oid: constraint.oid,
            name: constraint.name,
            definition: constraint.definition,
            validated: constraint.validated,
        });
    }
}
