//! Indexes with their parts.

use std::collections::HashMap;

use super::super::answer::{Fields, Read};
use super::columns::by_number;
use super::constraints::names;
use super::reading::{DEFAULT_COLLATION, Reading, class};
use super::texts::{MANY, Texts};
use crate::catalog::database::{Field, Index, IndexPart, Name, Relation};
use crate::endpoint::error::Result;
use crate::sql;

/// An index, and its parts by numbers.
struct Raw {
    relation: u32,
    /// Columns, 0 for an expression; the key parts first.
    columns: Vec<i16>,
    key_parts: usize,
    options: Vec<i16>,
    operator_classes: Vec<u32>,
    collations: Vec<u32>,
    has_expressions: bool,
    has_predicate: bool,
    index: Index,
}

/// What parts refer to.
struct Referred {
    /// Names by pg_opclass.oid, of those that are not their type's default.
    operator_classes: HashMap<u32, Name>,
    /// Names by pg_collation.oid.
    collations: HashMap<u32, Name>,
    /// Columns' own collations by table and number, less the default.
    columns: HashMap<(u32, i16), u32>,
}

pub(super) async fn read(reading: &mut Reading<'_>) -> Result<()> {
    let mut raws = Vec::new();
    let sql = indexes_sql(reading.version);
    reading
        .each("the indexes", &sql, |found, f| {
            let mut raw = read_index(&f)?;
            if found.relation(raw.relation).is_some() {
                raw.index.comment = found.comment(class::RELATION, raw.index.oid, 0);
                raws.push(raw);
            }
            Ok(())
        })
        .await?;
    let referred = Referred {
        operator_classes: operator_classes(reading).await?,
        collations: collations(reading).await?,
        columns: std::mem::take(&mut reading.collated),
    };
    let mut printed = Printed::read(reading, &raws).await?;
    for mut raw in raws {
        let table = reading.relation(raw.relation).map(|r| r.name.clone());
        let Some(table) = table else { continue };
        printed.define(reading, &mut raw, &table);
        if let Some(relation) = reading.relation(raw.relation) {
            let key = raw.key_parts.min(raw.columns.len());
            raw.index.include = names(relation, &raw.columns[key..]);
            raw.index.parts = (0..key)
                .map(|n| part(&raw, n, relation, &referred, &mut printed.parts))
                .collect();
            relation.indexes.push(raw.index);
        }
    }
    Ok(())
}

/// One row per index.
fn indexes_sql(version: u32) -> String {
    let nulls = if version >= 150_000 {
        "i.indnullsnotdistinct"
    } else {
        "false"
    };
    format!(
        "SELECT i.indexrelid, i.indrelid, c.relname, m.amname, i.indkey, i.indnkeyatts, \
                i.indoption, i.indclass, i.indcollation, i.indexprs IS NOT NULL, \
                i.indpred IS NOT NULL, i.indisunique, {nulls}, i.indisvalid AND i.indisready, \
                i.indisclustered, array_to_json(c.reloptions), t.spcname, h.inhparent, k.oid \
         FROM pg_index i \
         JOIN pg_class c ON c.oid = i.indexrelid \
         JOIN pg_am m ON m.oid = c.relam \
         LEFT JOIN pg_tablespace t ON t.oid = c.reltablespace \
         LEFT JOIN pg_inherits h ON h.inhrelid = c.oid \
         LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid \
                                  AND k.contype IN ('p', 'u', 'x') \
         WHERE i.indexrelid >= 16384 AND i.indislive \
         ORDER BY i.indrelid, NOT i.indisprimary, c.relname"
    )
}

fn read_index(f: &Fields<'_>) -> Read<Raw> {
    let some = |column| f.owned(column).and_then(|oid| oid.parse().ok());
    Ok(Raw {
        relation: f.number(1)?,
        columns: f.numbers(4)?,
        key_parts: f.number(5)?,
        options: f.numbers(6)?,
        operator_classes: f.numbers(7)?,
        collations: f.numbers(8)?,
        has_expressions: f.truth(9),
        has_predicate: f.truth(10),
        index: Index {
            oid: f.number(0)?,
            name: f.text(2)?,
            definition: String::new(),
            method: f.text(3)?,
            parts: Vec::new(),
            include: Vec::new(),
            unique: f.truth(11),
            nulls_not_distinct: f.truth(12),
            predicate: None,
            constraint: some(18),
            parent: some(17),
            valid: f.truth(13),
            options: f.list(15)?,
            tablespace: f.owned(16),
            clustered: f.truth(14),
            comment: None,
        },
    })
}

async fn operator_classes(reading: &mut Reading<'_>) -> Result<HashMap<u32, Name>> {
    let sql = "SELECT o.oid, n.nspname, o.opcname FROM pg_opclass o \
               JOIN pg_namespace n ON n.oid = o.opcnamespace WHERE NOT o.opcdefault";
    named(reading, "the operator classes", sql).await
}

async fn collations(reading: &mut Reading<'_>) -> Result<HashMap<u32, Name>> {
    let sql = "SELECT l.oid, n.nspname, l.collname FROM pg_collation l \
               JOIN pg_namespace n ON n.oid = l.collnamespace";
    named(reading, "the collations", sql).await
}

async fn named(reading: &mut Reading<'_>, what: &str, sql: &str) -> Result<HashMap<u32, Name>> {
    let mut names = HashMap::new();
    reading
        .each(what, sql, |_, f| {
            names.insert(f.number(0)?, f.name(1)?);
            Ok(())
        })
        .await?;
    Ok(names)
}

/// What the server prints of indexes.
struct Printed {
    definitions: Texts,
    predicates: Texts,
    parts: Texts,
}

impl Printed {
    async fn read(reading: &mut Reading<'_>, raws: &[Raw]) -> Result<Self> {
        const DEFINITIONS: &str = "SELECT i.indexrelid, 0, pg_get_indexdef(i.indexrelid) \
                                   FROM pg_index i WHERE i.indexrelid {range}";
        const PREDICATES: &str = "SELECT i.indexrelid, 0, pg_get_expr(i.indpred, i.indrelid) \
             FROM pg_index i WHERE i.indpred IS NOT NULL AND i.indexrelid {range}";
        const PARTS: &str = "SELECT i.indexrelid, n, pg_get_indexdef(i.indexrelid, n, false) \
             FROM pg_index i, generate_series(1, i.indnkeyatts) n \
             WHERE i.indexprs IS NOT NULL AND i.indkey[n - 1] = 0 AND i.indexrelid {range}";
        let oids = |wanted: fn(&Raw) -> bool| {
            let wanted = raws.iter().filter(|raw| wanted(raw));
            wanted.map(|raw| raw.index.oid).collect::<Vec<u32>>()
        };
        let what = "the indexes";
        let (all, partial, expressions) = (
            oids(|_| true),
            oids(|raw| raw.has_predicate),
            oids(|raw| raw.has_expressions),
        );
        Ok(Self {
            definitions: reading.texts(what, all, DEFINITIONS, MANY).await?,
            predicates: reading.texts(what, partial, PREDICATES, MANY).await?,
            parts: reading.texts(what, expressions, PARTS, MANY).await?,
        })
    }

    /// Gives an index its definition and predicate.
    fn define(&mut self, reading: &mut Reading<'_>, raw: &mut Raw, table: &Name) {
        let index = &mut raw.index;
        let name = index.name.clone();
        let named = || format!("index {name} of {table}");
        let text = reading.text(&mut self.definitions, (index.oid, 0), named);
        index.definition = text.unwrap_or_default();
        if raw.has_predicate {
            index.predicate = reading.text(&mut self.predicates, (index.oid, 0), named);
        }
    }
}

/// The key part of that number, counted from 0.
fn part(
    raw: &Raw,
    n: usize,
    relation: &Relation,
    referred: &Referred,
    printed: &mut Texts,
) -> IndexPart {
    // pg_index.indoption: 1 is DESC, 2 NULLS FIRST.
    let options = raw.options.get(n).copied().unwrap_or(0);
    let column = by_number(relation, raw.columns[n]);
    let expression = match column {
        Some(column) => sql::identifier(&column.name),
        None => {
            let part = i32::try_from(n + 1).unwrap_or(0);
            printed.take(raw.index.oid, part).unwrap_or_default()
        }
    };
    let collation = collation(raw, n, column, &expression, referred);
    IndexPart {
        column: column.map(|column| column.name.clone()),
        expression,
        operator_class: raw
            .operator_classes
            .get(n)
            .and_then(|oid| referred.operator_classes.get(oid).cloned()),
        collation,
        descending: options & 1 != 0,
        nulls_first: options & 2 != 0,
    }
}

/// A part's collation where it is not the column's own. An expression has the one that follows from its
/// operands unless the definition names another.
fn collation(
    raw: &Raw,
    n: usize,
    column: Option<&Field>,
    expression: &str,
    referred: &Referred,
) -> Option<Name> {
    let oid = *raw.collations.get(n)?;
    let name = referred.collations.get(&oid)?;
    let named = match column {
        Some(column) => {
            let own = referred.columns.get(&(raw.relation, column.number));
            *own.unwrap_or(&DEFAULT_COLLATION) != oid
        }
        None => {
            let printed = format!("{expression} COLLATE ");
            raw.index.definition.contains(&printed)
        }
    };
    named.then(|| name.clone())
}
