//! Tables, views, and what belongs to them.

use super::{Name, Position};
use crate::catalog::{DataType, Persistence};

/// What a relation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RelationKind {
    /// An ordinary table; it may be a partition or have INHERITS children.
    Table,
    /// A partitioned table.
    Partitioned,
    /// A foreign table.
    Foreign,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
}

/// A table or view.
#[derive(Debug, Clone, PartialEq)]
pub struct Relation {
    /// pg_class.oid.
    pub oid: u32,
    /// Its name.
    pub name: Name,
    /// What it is.
    pub kind: RelationKind,
    /// Whether it survives a crash.
    pub persistence: Persistence,
    /// Columns in attnum order, inherited and generated ones, too.
    pub columns: Vec<Field>,
    /// Constraints of every kind but NOT NULL of columns.
    pub constraints: Vec<Constraint>,
    /// Indexes, those of constraints among them.
    pub indexes: Vec<Index>,
    /// Triggers, those of the system excluded.
    pub triggers: Vec<Trigger>,
    /// Policies of row-level security.
    pub policies: Vec<Policy>,
    /// ENABLE ROW LEVEL SECURITY.
    pub row_security: bool,
    /// FORCE ROW LEVEL SECURITY.
    pub force_row_security: bool,
    /// Rewrite rules other than a view's own.
    pub rules: Vec<Rule>,
    /// Of a partitioned table: its strategy and key.
    pub partitioning: Option<Partitioning>,
    /// Of a partition: the partitioned table above it, pg_class.oid.
    pub partition_of: Option<u32>,
    /// Of a partition: `FOR VALUES …`.
    pub partition_bound: Option<String>,
    /// Parents by INHERITS, in their order.
    pub inherits: Vec<u32>,
    /// Of a view or materialized view: its query, `pg_get_viewdef` without the final semicolon.
    pub query: Option<String>,
    /// Of a materialized view: it holds rows.
    pub populated: bool,
    /// Of a view: `check_option`, `security_barrier`, `security_invoker` …; of a table its storage
    /// parameters, `fillfactor=70`.
    pub options: Vec<String>,
    /// Of a foreign table: its server.
    pub foreign_server: Option<String>,
    /// Tablespace other than the database's own.
    pub tablespace: Option<String>,
    /// Access method other than `heap`.
    pub access_method: Option<String>,
    /// `REPLICA IDENTITY` other than the default: `full`, `nothing`, or an index's name.
    pub replica_identity: Option<String>,
    /// Of `CREATE TABLE … OF type`: the type.
    pub of_type: Option<Name>,
    /// Estimated rows; `None` where the server never counted.
    pub rows: Option<u64>,
    /// Bytes of heap and TOAST.
    pub bytes: u64,
    /// The connected user may SELECT all of it.
    pub readable: bool,
    /// Name of the extension that it belongs to.
    pub extension: Option<String>,
    /// COMMENT ON it.
    pub comment: Option<String>,
}

/// A column with everything that its definition says.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// pg_attribute.attnum.
    pub number: i16,
    /// Its name.
    pub name: String,
    /// Its type, seen through domains and arrays.
    pub data_type: DataType,
    /// pg_type.oid as declared.
    pub type_oid: u32,
    /// Dimensions as declared (attndims); not enforced by PostgreSQL.
    pub dimensions: u16,
    /// NOT NULL.
    pub not_null: bool,
    /// Where its value comes from when none is given.
    pub default: FieldDefault,
    /// Collation other than the type's own, for columns that have one.
    pub collation: Option<Name>,
    /// It is only inherited, and not defined here.
    pub inherited: bool,
    /// STORAGE or COMPRESSION other than the type's own, as SQL words.
    pub storage: Option<String>,
    /// COMMENT ON it.
    pub comment: Option<String>,
}

/// Where a column's value comes from when none is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum FieldDefault {
    /// NULL.
    #[default]
    None,
    /// DEFAULT expression.
    Expression(String),
    /// GENERATED ALWAYS AS (expression) STORED.
    Stored(String),
    /// GENERATED ALWAYS AS (expression) VIRTUAL (PostgreSQL 18).
    Virtual(String),
    /// GENERATED … AS IDENTITY; the sequence is in `Database::sequences`.
    Identity {
        /// ALWAYS, else BY DEFAULT.
        always: bool,
        /// pg_class.oid of the sequence.
        sequence: u32,
    },
}

/// PARTITION BY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partitioning {
    /// `range`, `list` or `hash`.
    pub strategy: String,
    /// `pg_get_partkeydef`: `RANGE (created_at)`.
    pub key: String,
}

/// What a constraint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConstraintKind {
    /// PRIMARY KEY.
    Primary,
    /// UNIQUE.
    Unique,
    /// CHECK.
    Check,
    /// FOREIGN KEY.
    Foreign,
    /// EXCLUDE.
    Exclude,
    /// CONSTRAINT TRIGGER: see the triggers.
    Trigger,
}

/// A constraint of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// pg_constraint.oid.
    pub oid: u32,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ConstraintKind,
    /// `pg_get_constraintdef`: `PRIMARY KEY (id)`, `CHECK ((a > 0))`.
    pub definition: String,
    /// Its columns, in its order.
    pub columns: Vec<String>,
    /// Of a foreign key: the table referred to, pg_class.oid.
    pub references: Option<u32>,
    /// Of a foreign key: the columns referred to.
    pub referenced_columns: Vec<String>,
    /// Of a key or exclusion: its index, pg_class.oid.
    pub index: Option<u32>,
    /// DEFERRABLE.
    pub deferrable: bool,
    /// INITIALLY DEFERRED.
    pub initially_deferred: bool,
    /// Not NOT VALID.
    pub validated: bool,
    /// Not NOT ENFORCED (PostgreSQL 18).
    pub enforced: bool,
    /// NO INHERIT.
    pub no_inherit: bool,
    /// It comes from a parent (partitioning or INHERITS), and is not defined here.
    pub inherited: bool,
    /// WITHOUT OVERLAPS or PERIOD (PostgreSQL 18).
    pub temporal: bool,
    /// COMMENT ON it.
    pub comment: Option<String>,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// pg_class.oid.
    pub oid: u32,
    /// Its name; it lives in its table's schema.
    pub name: String,
    /// `pg_get_indexdef`.
    pub definition: String,
    /// `btree`, `gin` …
    pub method: String,
    /// Key parts, in order.
    pub parts: Vec<IndexPart>,
    /// INCLUDE columns.
    pub include: Vec<String>,
    /// UNIQUE.
    pub unique: bool,
    /// NULLS NOT DISTINCT (PostgreSQL 15).
    pub nulls_not_distinct: bool,
    /// WHERE.
    pub predicate: Option<String>,
    /// pg_constraint.oid of the constraint that it carries.
    pub constraint: Option<u32>,
    /// Of an index of a partition: the partitioned index above it, pg_class.oid.
    pub parent: Option<u32>,
    /// It is complete: neither a failed CONCURRENTLY nor the shell of a partitioned table's.
    pub valid: bool,
    /// Storage parameters.
    pub options: Vec<String>,
    /// Tablespace other than the database's own.
    pub tablespace: Option<String>,
    /// The table is clustered on it.
    pub clustered: bool,
    /// COMMENT ON it.
    pub comment: Option<String>,
}

/// A key part of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexPart {
    /// The column; `None` for an expression.
    pub column: Option<String>,
    /// The column's quoted name, or the expression as `pg_get_indexdef(index, n, false)` prints it.
    pub expression: String,
    /// Operator class other than the type's default.
    pub operator_class: Option<Name>,
    /// Collation other than the column's own.
    pub collation: Option<Name>,
    /// DESC.
    pub descending: bool,
    /// NULLS FIRST.
    pub nulls_first: bool,
}

/// A trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// pg_trigger.oid.
    pub oid: u32,
    /// Its name.
    pub name: String,
    /// `pg_get_triggerdef`.
    pub definition: String,
    /// pg_proc.oid of its function.
    pub function: u32,
    /// FOR EACH ROW, else FOR EACH STATEMENT.
    pub for_each_row: bool,
    /// `tgenabled`: `O` origin, `D` disabled, `R` replica, `A` always.
    pub enabled: char,
    /// A constraint trigger.
    pub constraint: bool,
    /// REFERENCING OLD TABLE or NEW TABLE.
    pub transition_tables: bool,
    /// It is a copy of a partitioned table's trigger.
    pub inherited: bool,
    /// Name of the extension that it belongs to.
    pub extension: Option<String>,
    /// COMMENT ON it.
    pub comment: Option<String>,
}

/// A policy of row-level security.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// `ALL`, `SELECT` …
    pub command: String,
}

/// A rewrite rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// `INSERT`, `UPDATE` …
    pub event: String,
}

impl Relation {
    /// A permanent, readable relation without columns or anything else.
    pub fn new(oid: u32, name: Name, kind: RelationKind) -> Self {
        Self {
            oid,
            name,
            kind,
            persistence: Persistence::Permanent,
            columns: Vec::new(),
            constraints: Vec::new(),
            indexes: Vec::new(),
            triggers: Vec::new(),
            policies: Vec::new(),
            row_security: false,
            force_row_security: false,
            rules: Vec::new(),
            partitioning: None,
            partition_of: None,
            partition_bound: None,
            inherits: Vec::new(),
            query: None,
            populated: true,
            options: Vec::new(),
            foreign_server: None,
            tablespace: None,
            access_method: None,
            replica_identity: None,
            of_type: None,
            rows: None,
            bytes: 0,
            readable: true,
            extension: None,
            comment: None,
        }
    }

    /// Whether it is a table that holds rows of its own or of its partitions.
    pub fn is_table(&self) -> bool {
        matches!(
            self.kind,
            RelationKind::Table | RelationKind::Partitioned | RelationKind::Foreign
        )
    }

    /// Whether it is a view of either kind.
    pub fn is_view(&self) -> bool {
        matches!(
            self.kind,
            RelationKind::View | RelationKind::MaterializedView
        )
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Field> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// The primary key.
    pub fn primary_key(&self) -> Option<&Constraint> {
        self.constraints
            .iter()
            .find(|c| c.kind == ConstraintKind::Primary)
    }
}

impl FieldDefault {
    /// The expression of a default or generated column.
    pub fn expression(&self) -> Option<&str> {
        match self {
            Self::Expression(text) | Self::Stored(text) | Self::Virtual(text) => Some(text),
            Self::None | Self::Identity { .. } => None,
        }
    }

    /// Whether the server computes the value, so that none may be sent.
    pub fn is_generated(&self) -> bool {
        matches!(self, Self::Stored(_) | Self::Virtual(_))
    }
}

/// What `setval` needs.
impl Position {
    /// The value that `nextval` gives next, where that does not overflow.
    pub fn next(self, increment: i64) -> Option<i64> {
        if self.is_called {
            self.last_value.checked_add(increment)
        } else {
            Some(self.last_value)
        }
    }
}
