//! Objects as nodes of the dependency graph, and those of which only the existence matters.

use super::Name;

/// What an OID names: the catalogs that a conversion goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// pg_namespace.
    Schema,
    /// pg_extension.
    Extension,
    /// pg_type, arrays and row types folded into their element or relation.
    Type,
    /// pg_class of kind `S`.
    Sequence,
    /// pg_class of a table, view, materialized view or foreign table.
    Relation,
    /// pg_class of kind `i` or `I`.
    Index,
    /// pg_constraint.
    Constraint,
    /// pg_proc.
    Routine,
    /// pg_trigger.
    Trigger,
    /// Anything else (an operator, a cast, a collation …): see `Database::others`.
    Other,
}

/// One object of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Object {
    /// Its catalog.
    pub class: Class,
    /// Its OID there.
    pub oid: u32,
}

impl Object {
    /// An object from its catalog and OID.
    pub fn new(class: Class, oid: u32) -> Self {
        Self { class, oid }
    }
}

/// `dependent` can not exist without `on`: an edge of pg_depend, with rewrite rules folded into their
/// view, column defaults into their table, and parts of an object into the object. That a column owns a
/// sequence is no edge: see `Sequence::owner`. Members of an extension need it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Dependency {
    /// Who needs.
    pub dependent: Object,
    /// Of a relation: the column whose default, generation expression or type needs it; `None` for the
    /// object as a whole.
    pub column: Option<String>,
    /// Who is needed.
    pub on: Object,
    /// Of a relation that is needed: the column.
    pub on_column: Option<String>,
}

/// A kind of object that no conversion goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OtherKind {
    /// pg_cast.
    Cast,
    /// pg_operator.
    Operator,
    /// pg_opclass and pg_opfamily.
    OperatorClass,
    /// pg_ts_config, pg_ts_dict, pg_ts_parser, pg_ts_template.
    TextSearch,
    /// pg_collation.
    Collation,
    /// pg_conversion.
    Conversion,
    /// pg_statistic_ext.
    Statistics,
    /// pg_event_trigger.
    EventTrigger,
    /// pg_publication.
    Publication,
    /// pg_subscription.
    Subscription,
    /// pg_foreign_data_wrapper.
    ForeignDataWrapper,
    /// pg_foreign_server.
    ForeignServer,
    /// pg_user_mapping.
    UserMapping,
    /// pg_language other than internal, c, sql, plpgsql.
    Language,
    /// pg_default_acl.
    DefaultPrivileges,
    /// pg_seclabel.
    SecurityLabel,
    /// pg_largeobject_metadata: one entry for all.
    LargeObjects,
    /// An owner other than the connected user: one entry per role.
    Owner,
    /// Grants to others than the owner: one entry per role.
    Grants,
    /// pg_tablespace of an object: one entry per tablespace.
    Tablespace,
    /// pg_db_role_setting of this database: one entry for it and one per role.
    Settings,
    /// pg_transform, access methods and whatever is not named above.
    Something,
}

/// An object of which only the existence matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// What it is.
    pub kind: OtherKind,
    /// Its OID; 0 where several were summed up.
    pub oid: u32,
    /// Its name; the schema is empty where it lives in none.
    pub name: Name,
    /// What more is known, for people: `text AS integer`, `for 3 tables`.
    pub detail: String,
    /// How many it stands for.
    pub count: u64,
    /// Name of the extension that it belongs to.
    pub extension: Option<String>,
}
