//! Databases by hand, for the tests of this part.

use crate::catalog::database::{
    Database, Field, FieldDefault, Index, IndexPart, Name, Other, OtherKind, Relation,
    RelationKind, ServerState, TargetState,
};
use crate::catalog::{DataType, Shape};
use crate::profile::Profile;
use crate::schema::finding::Finding;

use super::Looked;

/// Everything that is looked at; a clean PostgreSQL 15 in UTF-8 and C, and a DB9 as documented.
pub(super) struct Sample {
    pub(super) database: Database,
    pub(super) state: ServerState,
    pub(super) profile: Profile,
    pub(super) target: Option<TargetState>,
    pub(super) jobs: u32,
}

impl Default for Sample {
    fn default() -> Self {
        let mut database = Database::default();
        database.server.version = 150_004;
        database.server.encoding = "UTF8".to_owned();
        database.server.collation_is_c = true;
        database.server.default_isolation = "read committed".to_owned();
        Self {
            database,
            state: ServerState::default(),
            profile: Profile::db9_documented(),
            target: Some(TargetState::default()),
            jobs: 4,
        }
    }
}

impl Sample {
    pub(super) fn looked(&self) -> Looked<'_> {
        Looked {
            database: &self.database,
            state: Some(&self.state),
            profile: &self.profile,
            target: self.target.as_ref(),
            jobs: self.jobs,
        }
    }
}

/// Findings as `id object (count): detail`.
pub(super) fn found(sample: &Sample, find: fn(&Looked<'_>) -> Vec<Finding>) -> Vec<String> {
    let text = |f: Finding| {
        let detail = match f.detail.is_empty() {
            true => String::new(),
            false => format!(": {}", f.detail),
        };
        format!("{} {} ({}){detail}", f.kind.id, f.object, f.count)
    };
    find(&sample.looked()).into_iter().map(text).collect()
}

/// An empty table of schema public.
pub(super) fn table(name: &str) -> Relation {
    relation(name, RelationKind::Table)
}

pub(super) fn relation(name: &str, kind: RelationKind) -> Relation {
    let oid = 20_000 + u32::from(name.bytes().next().unwrap_or_default());
    Relation::new(oid, Name::new("public", name), kind)
}

/// A scalar column of a built-in type.
pub(super) fn column(number: i16, name: &str, typname: &str) -> Field {
    Field {
        number,
        name: name.to_owned(),
        data_type: DataType {
            sql: typname.to_owned(),
            shape: Shape::Scalar,
            base: 0,
            base_name: typname.to_owned(),
            typmod: None,
            holds_timestamp: false,
        },
        type_oid: 0,
        dimensions: 0,
        not_null: false,
        default: FieldDefault::None,
        collation: None,
        inherited: false,
        storage: None,
        comment: None,
    }
}

/// A valid B-tree index on columns.
pub(super) fn index(name: &str, columns: &[&str]) -> Index {
    let part = |column: &&str| IndexPart {
        column: Some((*column).to_owned()),
        expression: (*column).to_owned(),
        operator_class: None,
        collation: None,
        descending: false,
        nulls_first: false,
    };
    Index {
        oid: 0,
        name: name.to_owned(),
        definition: String::new(),
        method: "btree".to_owned(),
        parts: columns.iter().map(part).collect(),
        include: Vec::new(),
        unique: false,
        nulls_not_distinct: false,
        predicate: None,
        constraint: None,
        parent: None,
        valid: true,
        options: Vec::new(),
        tablespace: None,
        clustered: false,
        comment: None,
    }
}

/// An object without a schema.
pub(super) fn other(kind: OtherKind, name: &str, detail: &str, count: u64) -> Other {
    Other {
        kind,
        oid: 0,
        name: Name::new("", name),
        detail: detail.to_owned(),
        count,
        extension: None,
    }
}
