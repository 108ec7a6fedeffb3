//! Tables, views and materialized views, less what belongs to them.

use super::super::answer::{Fields, Read};
use super::super::source::known_rows;
use super::reading::{Reading, class, is_user_schema};
use super::texts::{LOCKING, MANY};
use crate::catalog::Persistence;
use crate::catalog::database::{Partitioning, Relation, RelationKind};
use crate::endpoint::error::Result;

/// One row per relation. The privilege is that of a copy: the table, or every column that is sent.
const RELATIONS: &str = "\
SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence, c.relrowsecurity, \
       c.relforcerowsecurity, c.relispopulated, array_to_json(c.reloptions), s.srvname, t.spcname, \
       nullif(m.amname, 'heap'), \
       CASE c.relreplident WHEN 'f' THEN 'full' WHEN 'n' THEN 'nothing' \
         WHEN 'i' THEN (SELECT b.relname FROM pg_index i JOIN pg_class b ON b.oid = i.indexrelid \
                        WHERE i.indrelid = c.oid AND i.indisreplident) END, \
       yn.nspname, y.typname, c.reltuples, c.relispartition, \
       CASE p.partstrat WHEN 'r' THEN 'range' WHEN 'l' THEN 'list' WHEN 'h' THEN 'hash' END, \
       (SELECT string_agg(i.inhparent::text, ' ' ORDER BY i.inhseqno) \
        FROM pg_inherits i WHERE i.inhrelid = c.oid), \
       n.usage AND (has_table_privilege(c.oid, 'SELECT') \
         OR has_any_column_privilege(c.oid, 'SELECT') \
            AND NOT EXISTS (SELECT FROM pg_attribute a \
                            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
                              AND a.attgenerated = '' \
                              AND NOT has_column_privilege(c.oid, a.attnum, 'SELECT'))) \
FROM pg_class c \
JOIN (SELECT oid, nspname, has_schema_privilege(oid, 'USAGE') AS usage FROM pg_namespace) n \
  ON n.oid = c.relnamespace \
LEFT JOIN pg_tablespace t ON t.oid = c.reltablespace \
LEFT JOIN pg_am m ON m.oid = c.relam \
LEFT JOIN pg_foreign_table f ON f.ftrelid = c.oid \
LEFT JOIN pg_foreign_server s ON s.oid = f.ftserver \
LEFT JOIN pg_type y ON y.oid = c.reloftype \
LEFT JOIN pg_namespace yn ON yn.oid = y.typnamespace \
LEFT JOIN pg_partitioned_table p ON p.partrelid = c.oid \
WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'f', 'v', 'm') AND c.relpersistence <> 't' \
ORDER BY n.nspname, c.relname";

pub(super) async fn read(reading: &mut Reading<'_>) -> Result<()> {
    reading
        .each("the tables and views", RELATIONS, |found, f| {
            if let Some(mut relation) = read_relation(&f)? {
                relation.extension = found.extension(class::RELATION, relation.oid);
                relation.comment = found.comment(class::RELATION, relation.oid, 0);
                found.push(relation);
            }
            Ok(())
        })
        .await?;
    sizes(reading).await?;
    queries(reading).await?;
    partitions(reading).await
}

fn read_relation(f: &Fields<'_>) -> Read<Option<Relation>> {
    let (oid, name) = (f.number(0)?, f.name(1)?);
    let Some(kind) = kind(f.letter(3)).filter(|_| is_user_schema(&name.schema)) else {
        return Ok(None);
    };
    let mut relation = Relation::new(oid, name, kind);
    if f.letter(4) == 'u' {
        relation.persistence = Persistence::Unlogged;
    }
    relation.row_security = f.truth(5);
    relation.force_row_security = f.truth(6);
    relation.populated = f.truth(7);
    relation.options = f.list(8)?;
    relation.foreign_server = f.owned(9);
    relation.tablespace = f.owned(10);
    relation.access_method = f.owned(11);
    relation.replica_identity = f.owned(12);
    relation.of_type = f.optional_name(13);
    relation.rows = known_rows(f.number(15)?);
    relation.partitioning = f.owned(17).map(|strategy| Partitioning {
        strategy,
        key: String::new(),
    });
    let parents = f.numbers(18)?;
    if f.truth(16) {
        relation.partition_of = parents.first().copied();
    } else {
        relation.inherits = parents;
    }
    relation.readable = f.truth(19);
    Ok(Some(relation))
}

fn kind(relkind: char) -> Option<RelationKind> {
    Some(match relkind {
        'r' => RelationKind::Table,
        'p' => RelationKind::Partitioned,
        'f' => RelationKind::Foreign,
        'v' => RelationKind::View,
        'm' => RelationKind::MaterializedView,
        _ => return None,
    })
}

/// Sizes are asked for like texts: the function waits for the locks of others. Where it waits in vain,
/// the pages that the last VACUUM counted must do.
async fn sizes(reading: &mut Reading<'_>) -> Result<()> {
    const SQL: &str = "\
        SELECT c.oid, 0, pg_relation_size(c.oid) \
               + CASE WHEN c.reltoastrelid <> 0 THEN pg_relation_size(c.reltoastrelid) ELSE 0 END \
        FROM pg_class c WHERE c.relkind IN ('r', 'm') AND c.oid {range}";
    const PAGES: &str = "\
        SELECT c.oid, 0, c.relpages * current_setting('block_size')::bigint \
        FROM pg_class c WHERE c.relkind IN ('r', 'm') AND c.oid {range}";
    let mut missing = Vec::new();
    let stored =
        reading.select(|r| matches!(r.kind, RelationKind::Table | RelationKind::MaterializedView));
    for sql in [SQL, PAGES] {
        let objects = if sql == SQL { stored.clone() } else { missing };
        let mut texts = reading
            .texts("the sizes of tables", objects.clone(), sql, MANY)
            .await?;
        missing = Vec::new();
        for relation in &mut reading.database.relations {
            match texts.take(relation.oid, 0).map(|text| text.parse()) {
                Some(bytes) => relation.bytes = bytes.unwrap_or(0),
                None if objects.binary_search(&relation.oid).is_ok() => missing.push(relation.oid),
                None => {}
            }
        }
        missing.sort_unstable();
        if missing.is_empty() {
            break;
        }
    }
    Ok(())
}

/// Queries of views.
async fn queries(reading: &mut Reading<'_>) -> Result<()> {
    const SQL: &str = "SELECT c.oid, 0, pg_get_viewdef(c.oid) FROM pg_class c \
                       WHERE c.relkind IN ('v', 'm') AND c.oid {range}";
    let views = reading.select(Relation::is_view);
    let mut texts = reading.texts("views", views, SQL, LOCKING).await?;
    let mut relations = std::mem::take(&mut reading.database.relations);
    for view in relations.iter_mut().filter(|r| r.is_view()) {
        let named = || format!("view {}", view.name);
        let text = reading.text(&mut texts, (view.oid, 0), named);
        view.query = text.map(|text| text.trim().trim_end_matches(';').to_owned());
    }
    reading.database.relations = relations;
    Ok(())
}

/// Keys of partitioned tables, bounds of partitions.
async fn partitions(reading: &mut Reading<'_>) -> Result<()> {
    const KEYS: &str = "SELECT p.partrelid, 0, pg_get_partkeydef(p.partrelid) \
                        FROM pg_partitioned_table p WHERE p.partrelid {range}";
    const BOUNDS: &str = "SELECT c.oid, 0, pg_get_expr(c.relpartbound, c.oid) FROM pg_class c \
                          WHERE c.relispartition AND c.oid {range}";
    let parents = reading.select(|r| r.partitioning.is_some());
    let leaves = reading.select(|r| r.partition_of.is_some());
    let what = "keys of partitioned tables";
    let mut keys = reading.texts(what, parents, KEYS, MANY).await?;
    let what = "bounds of partitions";
    let mut bounds = reading.texts(what, leaves, BOUNDS, MANY).await?;
    let mut relations = std::mem::take(&mut reading.database.relations);
    for relation in &mut relations {
        let named = || format!("partitioned table {}", relation.name);
        if let Some(partitioning) = &mut relation.partitioning {
            let key = reading.text(&mut keys, (relation.oid, 0), named);
            partitioning.key = key.unwrap_or_default();
        }
        if relation.partition_of.is_some() {
            let named = || format!("partition {}", relation.name);
            relation.partition_bound = reading.text(&mut bounds, (relation.oid, 0), named);
        }
    }
    reading.database.relations = relations;
    Ok(())
}

impl Reading<'_> {
    /// OIDs of the relations that are wanted, in order.
    fn select(&self, wanted: impl Fn(&Relation) -> bool) -> Vec<u32> {
        let relations = self.database.relations.iter();
        let mut oids: Vec<u32> = relations.filter(|r| wanted(r)).map(|r| r.oid).collect();
        oids.sort_unstable();
        oids
    }
}
