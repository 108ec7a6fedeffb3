//! Tables under construction: what several queries tell of them comes together here.

use std::collections::{HashMap, HashSet};

use crate::catalog::{Catalog, Column, Key, Kind, Table};

/// The tables read so far.
#[derive(Default)]
pub(super) struct Relations {
    tables: Vec<Table>,
    index: HashMap<u32, usize>,
    /// Tables with `relispartition`: their one parent is a partitioned table.
    partitions: HashSet<u32>,
    /// Child, its parents in the order of INHERITS.
    inherits: HashMap<u32, Vec<u32>>,
    /// Table, keys as attnums.
    keys: HashMap<u32, Vec<(bool, Vec<i16>)>>,
}

impl Relations {
    pub(super) fn push(&mut self, table: Table) {
        self.index.insert(table.oid, self.tables.len());
        self.tables.push(table);
    }

    pub(super) fn get_mut(&mut self, oid: u32) -> Option<&mut Table> {
        self.index.get(&oid).map(|&i| &mut self.tables[i])
    }

    pub(super) fn push_column(&mut self, oid: u32, column: Column) {
        if let Some(table) = self.get_mut(oid) {
            table.columns.push(column);
        }
    }

    pub(super) fn push_partition(&mut self, oid: u32) {
        self.partitions.insert(oid);
    }

    pub(super) fn push_parent(&mut self, child: u32, parent: u32) {
        self.inherits.entry(child).or_default().push(parent);
    }

    /// A key by the numbers of its columns.
    pub(super) fn push_key(&mut self, oid: u32, primary: bool, columns: Vec<i16>) {
        self.keys.entry(oid).or_default().push((primary, columns));
    }

    /// Resolves what refers to other rows.
    pub(super) fn finish(mut self, server_version: u32) -> Catalog {
        for index in 0..self.tables.len() {
            let oid = self.tables[index].oid;
            if self.partitions.contains(&oid) {
                self.tables[index].ancestors = self.ancestors(oid);
            } else {
                self.inherit(oid);
            }
            let keys = self.keys.remove(&oid).unwrap_or_default();
            self.tables[index].keys = usable(&self.tables[index], keys);
        }
        Catalog::new(server_version, self.tables)
    }

    /// The partitioned tables above a partition. No tree is higher than there are tables.
    fn ancestors(&self, oid: u32) -> Vec<u32> {
        let parent = |child: &u32| Some(*self.inherits.get(child)?.first()?);
        std::iter::successors(parent(&oid), |above| {
            self.partitions.contains(above).then(|| parent(above))?
        })
        .take(self.tables.len())
        .collect()
    }

    fn inherit(&mut self, oid: u32) {
        let parents = self.inherits.get(&oid).cloned().unwrap_or_default();
        for &parent in &parents {
            if let Some(parent) = self.get_mut(parent) {
                parent.children.push(oid);
            }
        }
        if let Some(child) = self.get_mut(oid) {
            child.parents = parents;
        }
    }
}

/// The keys of which all columns are NOT NULL, the primary key first, then the shortest.
fn usable(table: &Table, keys: Vec<(bool, Vec<i16>)>) -> Vec<Key> {
    if table.kind != Kind::Ordinary {
        return Vec::new();
    }
    let part = |number: &i16| {
        let column = table.columns.iter().find(|c| c.number == *number)?;
        column
            .not_null
            .then(|| (column.name.clone(), column.data_type.sql.clone()))
    };
    let mut keys: Vec<Key> = keys
        .into_iter()
        .filter_map(|(primary, columns)| {
            let columns: Option<Vec<_>> = columns.iter().map(part).collect();
            columns.map(|columns| Key { primary, columns })
        })
        .filter(|key| !key.columns.is_empty())
        .collect();
    keys.sort_by_key(|key| (!key.primary, key.columns.len()));
    keys
}
