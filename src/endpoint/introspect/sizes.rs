//! Sizes of a few tables, read again under their locks.

use std::collections::HashMap;

use super::answer::each;
use super::source::pages;
use crate::catalog::Table;
use crate::endpoint::error::Result;
use crate::wire::Connection;

/// How large a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// pg_class.oid.
    pub oid: u32,
    /// Pages of the heap.
    pub pages: u32,
    /// Bytes of heap and TOAST.
    pub bytes: u64,
}

/// The sizes of some tables, for a plan of several chunks: to be read while their locks are held, so
/// that no row can lie behind the last page counted and still be seen by the snapshot. (A row that
/// the snapshot sees was there before; the last chunk is open-ended anyhow.)
///
/// # Errors
/// The server's; a table that is gone has no row in the answer.
pub async fn sizes(connection: &mut Connection, tables: &[&Table]) -> Result<HashMap<u32, Size>> {
    let mut found = HashMap::new();
    if tables.is_empty() {
        return Ok(found);
    }
    let oids: Vec<String> = tables.iter().map(|t| t.oid.to_string()).collect();
    let sql = format!(
        "SELECT c.oid, pg_catalog.pg_relation_size(c.oid), \
                CASE WHEN c.reltoastrelid <> 0 \
                     THEN pg_catalog.pg_relation_size(c.reltoastrelid) ELSE 0 END, \
                pg_catalog.current_setting('block_size') \
         FROM pg_catalog.pg_class c \
         WHERE c.oid IN ({}) AND pg_catalog.pg_relation_size(c.oid) IS NOT NULL",
        oids.join(", ")
    );
    let doing = format!("reading the sizes of {} tables", tables.len());
    each(connection, &doing, &sql, |fields| {
        let heap: u64 = fields.number(1)?;
        let toast: u64 = fields.number(2)?;
        let oid = fields.number(0)?;
        let size = Size {
            oid,
            pages: pages(heap, fields.number(3)?),
            bytes: heap.saturating_add(toast),
        };
        found.insert(oid, size);
        Ok(())
    })
    .await?;
    Ok(found)
}
