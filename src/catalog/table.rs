//! A table as the catalogs describe it.

use super::{DataType, TableName};

/// What a relation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A table that holds rows; a partition leaf, too.
    Ordinary,
    /// A partitioned table: its rows are in its leaves.
    Partitioned,
    /// A foreign table: its rows are on another server.
    Foreign,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
}

impl Kind {
    /// `pg_class.relkind`; `None` for what holds no rows (indexes, sequences, composite types …).
    pub fn from_relkind(relkind: &str) -> Option<Self> {
        match relkind {
            "r" => Some(Self::Ordinary),
            "p" => Some(Self::Partitioned),
            "f" => Some(Self::Foreign),
            "v" => Some(Self::View),
            "m" => Some(Self::MaterializedView),
            _ => None,
        }
    }

    /// In words, with an article.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Ordinary => "a table",
            Self::Partitioned => "a partitioned table",
            Self::Foreign => "a foreign table",
            Self::View => "a view",
            Self::MaterializedView => "a materialized view",
        }
    }

    /// Whether `--table` means such a relation.
    pub fn is_table(self) -> bool {
        matches!(self, Self::Ordinary | Self::Partitioned | Self::Foreign)
    }
}

/// Whether a table survives a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persistence {
    /// Logged.
    Permanent,
    /// Emptied by a crash, not on standbys.
    Unlogged,
}

/// How far the user may read a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelectPrivilege {
    /// The whole table.
    Table,
    /// Each column that is sent, but not the table: it can be read, and neither locked nor split.
    Columns,
    /// Not all of it.
    None,
}

/// How far the user of the target may fill a table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum InsertPrivilege {
    /// The whole table; or the server does not tell, and shall judge.
    #[default]
    Table,
    /// These columns alone.
    Columns(Vec<String>),
}

/// How a column gets its value from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Generated {
    /// It does not.
    #[default]
    Never,
    /// Computed when written.
    Stored,
    /// Computed when read (PostgreSQL 18).
    Virtual,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// attnum, from 1, with gaps where columns were dropped.
    pub number: i16,
    /// Its name, unquoted.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
    /// NOT NULL, validated.
    pub not_null: bool,
    /// It has a default, or is an identity column.
    pub has_default: bool,
    /// Whether it is a generated column.
    pub generated: Generated,
    /// GENERATED … AS IDENTITY.
    pub identity: bool,
}

/// The columns of a primary key, or of a valid unique index over NOT NULL columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Whether it is the primary key.
    pub primary: bool,
    /// Column names and SQL types, in index order.
    pub columns: Vec<(String, String)>,
}

/// How a table can be read in several chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Splitting {
    /// By ctid.
    Pages,
    /// By ranges of a key, from sampled boundaries.
    Keys(Key),
    /// Only as a whole.
    Never,
}

/// A table, view or foreign table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// pg_class.oid.
    pub oid: u32,
    /// Schema and name.
    pub name: TableName,
    /// What it is.
    pub kind: Kind,
    /// Whether it survives a crash.
    pub persistence: Persistence,
    /// Of a partition: the oids of the partitioned tables above it, the root last.
    pub ancestors: Vec<u32>,
    /// Parents by INHERITS, not by partitioning.
    pub parents: Vec<u32>,
    /// Direct children by INHERITS, not by partitioning.
    pub children: Vec<u32>,
    /// Columns in attnum order, generated ones, too.
    pub columns: Vec<Column>,
    /// Bytes of the main fork.
    pub heap_bytes: u64,
    /// Pages of the main fork.
    pub pages: u32,
    /// Bytes of the TOAST table.
    pub toast_bytes: u64,
    /// Estimated rows; `None` where the server never counted.
    pub rows: Option<u64>,
    /// Access method; `None` where there is none or it is not known.
    pub access_method: Option<String>,
    /// pg_class.relfilenode as the snapshot of the query saw it.
    pub relfilenode: u32,
    /// Keys that can be split, the primary key first.
    pub keys: Vec<Key>,
    /// How far the user may read it.
    pub select: SelectPrivilege,
    /// How far the user may fill it; read on the target only.
    pub insert: InsertPrivilege,
    /// The user lacks USAGE on its schema; read on the target only.
    pub schema_closed: bool,
    /// Row-level security would hide rows from this user.
    pub row_security_active: bool,
    /// Name of the extension that it belongs to.
    pub extension: Option<String>,
    /// Names of enabled user triggers; read on the target only.
    pub triggers: Vec<String>,
}

impl Table {
    /// A permanent, readable table without columns, rows or anything else.
    pub fn new(oid: u32, name: TableName, kind: Kind) -> Self {
        Self {
            oid,
            name,
            kind,
            persistence: Persistence::Permanent,
            ancestors: Vec::new(),
            parents: Vec::new(),
            children: Vec::new(),
            columns: Vec::new(),
            heap_bytes: 0,
            pages: 0,
            toast_bytes: 0,
            rows: None,
            access_method: None,
            relfilenode: 0,
            keys: Vec::new(),
            select: SelectPrivilege::Table,
            insert: InsertPrivilege::Table,
            schema_closed: false,
            row_security_active: false,
            extension: None,
            triggers: Vec::new(),
        }
    }

    /// Bytes of rows: heap and TOAST.
    pub fn bytes(&self) -> u64 {
        self.heap_bytes.saturating_add(self.toast_bytes)
    }

    /// Estimated rows: the server's figure, else one row per 100 bytes of the heap.
    pub fn estimated_rows(&self) -> u64 {
        self.rows.unwrap_or(self.heap_bytes / 100)
    }

    /// Whether the user may read every column that is sent.
    pub fn can_select(&self) -> bool {
        self.select != SelectPrivilege::None
    }

    /// Whether its pages are addressed by ctid.
    pub fn is_heap(&self) -> bool {
        self.access_method.as_deref() == Some("heap")
    }

    /// Whether it is a partition of another table.
    pub fn is_partition(&self) -> bool {
        !self.ancestors.is_empty()
    }

    /// Columns that hold values of their own.
    pub fn stored_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns
            .iter()
            .filter(|c| c.generated == Generated::Never)
    }
}
