//! Columns of tables and views, and fields of composite types.

use std::collections::{BTreeSet, HashMap};

use super::super::answer::{Fields, Read};
use super::super::types;
use super::reading::{DEFAULT_COLLATION, Reading, class};
use super::texts::{MANY, Texts};
use super::types::UserTypes;
use crate::catalog::database::{Database, Field, FieldDefault, Name, Relation};
use crate::catalog::{DataType, Types};
use crate::endpoint::error::Result;

/// What columns told of types.
pub(super) struct Typed {
    /// Every type in use, and what it is made of.
    pub(super) types: Types,
    /// Fields of composite types by pg_class.oid.
    pub(super) fields: HashMap<u32, Vec<(String, DataType)>>,
}

/// A column whose type is not resolved yet.
struct Raw {
    relation: u32,
    /// pg_attribute.atttypmod
    typmod: i32,
    /// Of a composite type.
    composite: bool,
    /// DEFAULT or a generation expression exists.
    has_default: bool,
    /// pg_attribute.attgenerated
    generated: char,
    /// pg_attribute.attcollation
    collation: u32,
    field: Field,
}

pub(super) async fn read(reading: &mut Reading<'_>, user_types: &UserTypes) -> Result<Typed> {
    let mut raws = Vec::new();
    let sql = columns_sql(reading.version);
    reading
        .each("the columns", &sql, |found, f| {
            let mut raw = read_column(&f)?;
            let number = raw.field.number.into();
            raw.field.comment = found.comment(class::RELATION, raw.relation, number);
            if raw.composite || found.relation(raw.relation).is_some() {
                raws.push(raw);
            }
            Ok(())
        })
        .await?;
    let mut used: BTreeSet<u32> = raws.iter().map(|raw| raw.field.type_oid).collect();
    used.extend(user_types.used());
    let types = types::types(reading.connection, reading.version, &used).await?;
    let mut defaults = Defaults::read(reading).await?;
    let mut fields: HashMap<u32, Vec<_>> = HashMap::new();
    for mut raw in raws {
        let sql = std::mem::take(&mut raw.field.data_type.sql);
        raw.field.data_type = types.resolve(raw.field.type_oid, raw.typmod, sql);
        if raw.composite {
            let field = (raw.field.name, raw.field.data_type);
            fields.entry(raw.relation).or_default().push(field);
        } else {
            raw.push(reading, &mut defaults);
        }
    }
    Ok(Typed { types, fields })
}

/// One row per column. PostgreSQL 18 sets attnotnull for constraints that were never validated, too.
fn columns_sql(version: u32) -> String {
    let not_null = if version >= 180_000 {
        "a.attnotnull AND NOT EXISTS (SELECT FROM pg_constraint k \
         WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND NOT k.convalidated \
         AND k.conkey[1] = a.attnum)"
    } else {
        "a.attnotnull"
    };
    let compression = if version >= 140_000 {
        "a.attcompression"
    } else {
        "''"
    };
    format!(
        "SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, \
                format_type(a.atttypid, a.atttypmod), {not_null}, a.attndims, a.attidentity, \
                a.attgenerated, a.atthasdef, NOT a.attislocal, c.relkind = 'c', \
                ln.nspname, l.collname, \
                CASE WHEN a.attstorage <> t.typstorage THEN a.attstorage END, {compression}, \
                a.attcollation \
         FROM pg_attribute a \
         JOIN pg_class c ON c.oid = a.attrelid \
         LEFT JOIN pg_type t ON t.oid = a.atttypid \
         LEFT JOIN pg_collation l ON l.oid = a.attcollation AND a.attcollation <> t.typcollation \
         LEFT JOIN pg_namespace ln ON ln.oid = l.collnamespace \
         WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c') \
           AND c.relpersistence <> 't' AND a.attnum > 0 AND NOT a.attisdropped \
         ORDER BY a.attrelid, a.attnum"
    )
}

fn read_column(f: &Fields<'_>) -> Read<Raw> {
    let default = match f.letter(8) {
        ' ' => FieldDefault::None,
        kind => FieldDefault::Identity {
            always: kind == 'a',
            sequence: 0,
        },
    };
    Ok(Raw {
        relation: f.number(0)?,
        typmod: f.number(4)?,
        composite: f.truth(12),
        has_default: f.truth(10),
        generated: f.letter(9),
        collation: f.number(17)?,
        field: Field {
            number: f.number(1)?,
            name: f.text(2)?,
            data_type: Types::default().resolve(0, -1, f.text(5)?),
            type_oid: f.number(3)?,
            dimensions: f.number(7)?,
            not_null: f.truth(6),
            default,
            collation: f.optional_name(13),
            inherited: f.truth(11),
            storage: storage(f.letter(15), f.letter(16)),
            comment: None,
        },
    })
}

/// STORAGE and COMPRESSION as SQL words.
fn storage(attstorage: char, attcompression: char) -> Option<String> {
    let storage = match attstorage {
        'p' => "STORAGE PLAIN",
        'e' => "STORAGE EXTERNAL",
        'm' => "STORAGE MAIN",
        'x' => "STORAGE EXTENDED",
        _ => "",
    };
    let compression = match attcompression {
        'p' => "COMPRESSION pglz",
        'l' => "COMPRESSION lz4",
        _ => "",
    };
    let words = [storage, compression].join(" ");
    let words = words.trim();
    (!words.is_empty()).then(|| words.to_owned())
}

/// Defaults and generation expressions.
struct Defaults {
    /// pg_attrdef.oid by relation and column.
    oids: HashMap<(u32, i16), u32>,
    texts: Texts,
}

impl Defaults {
    async fn read(reading: &mut Reading<'_>) -> Result<Self> {
        const OIDS: &str = "SELECT oid, adrelid, adnum FROM pg_attrdef WHERE oid >= 16384";
        const TEXTS: &str = "SELECT d.oid, 0, pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d \
                             WHERE d.oid {range}";
        let what = "the defaults of columns";
        let mut oids = HashMap::new();
        reading
            .each(what, OIDS, |_, f| {
                oids.insert((f.number(1)?, f.number(2)?), f.number(0)?);
                Ok(())
            })
            .await?;
        let all = oids.values().copied().collect();
        let texts = reading.texts(what, all, TEXTS, MANY).await?;
        Ok(Self { oids, texts })
    }
}

impl Raw {
    /// Gives the column to its relation.
    fn push(mut self, reading: &mut Reading<'_>, defaults: &mut Defaults) {
        let name = reading.relation(self.relation).map(|r| r.name.clone());
        let Some(name) = name else {
            return;
        };
        if self.has_default {
            let named = || format!("the default of column {}.{}", name, self.field.name);
            let column = (self.relation, self.field.number);
            let oid = defaults.oids.get(&column).copied().unwrap_or(0);
            let text = reading.text(&mut defaults.texts, (oid, 0), named);
            self.field.default = default(self.generated, text);
        }
        if ![0, DEFAULT_COLLATION].contains(&self.collation) {
            let column = (self.relation, self.field.number);
            reading.collated.insert(column, self.collation);
        }
        if let Some(relation) = reading.relation(self.relation) {
            relation.columns.push(self.field);
        }
    }
}

/// Of a default that can not be read nothing is left; a generated column stays one.
fn default(attgenerated: char, text: Option<String>) -> FieldDefault {
    match (attgenerated, text) {
        ('s', text) => FieldDefault::Stored(text.unwrap_or_default()),
        ('v', text) => FieldDefault::Virtual(text.unwrap_or_default()),
        (_, Some(text)) => FieldDefault::Expression(text),
        (_, None) => FieldDefault::None,
    }
}

/// The column of that number; columns are in the order of their numbers.
pub(super) fn by_number(relation: &Relation, number: i16) -> Option<&Field> {
    let place = relation
        .columns
        .binary_search_by_key(&number, |column| column.number);
    relation.columns.get(place.ok()?)
}

/// Tells identity columns their sequence. Those of partitions take from the sequence of the partitioned
/// table (PostgreSQL 17).
pub(super) fn identities(database: &mut Database) {
    let sequences: HashMap<(Name, String), u32> = database
        .sequences
        .iter()
        .filter(|sequence| sequence.identity)
        .filter_map(|sequence| {
            let owner = sequence.owner.clone()?;
            Some(((owner.table, owner.column), sequence.oid))
        })
        .collect();
    let tree: HashMap<u32, (Name, Option<u32>)> = database
        .relations
        .iter()
        .map(|r| (r.oid, (r.name.clone(), r.partition_of)))
        .collect();
    for relation in &mut database.relations {
        let above: Vec<&Name> = upwards(relation, &tree);
        for column in &mut relation.columns {
            if let FieldDefault::Identity { sequence, .. } = &mut column.default {
                let mut own = above
                    .iter()
                    .filter_map(|&name| sequences.get(&(name.clone(), column.name.clone())));
                *sequence = own.next().copied().unwrap_or(0);
            }
        }
    }
}

/// The names of a relation and of the partitioned tables above it. No tree is higher than 64.
fn upwards<'a>(relation: &Relation, tree: &'a HashMap<u32, (Name, Option<u32>)>) -> Vec<&'a Name> {
    std::iter::successors(tree.get(&relation.oid), |(_, parent)| {
        tree.get(parent.as_ref()?)
    })
    .take(64)
    .map(|(name, _)| name)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storage_is_written_as_sql_words() {
        assert_eq!(storage(' ', ' '), None);
        assert_eq!(storage('e', ' ').as_deref(), Some("STORAGE EXTERNAL"));
        assert_eq!(
            storage('m', 'l').as_deref(),
            Some("STORAGE MAIN COMPRESSION lz4")
        );
    }
}
