//! Tables by hand, for the tests of this part.

use crate::catalog::database::{
    Constraint, ConstraintKind, Database, Field, FieldDefault, Index, IndexPart, Name, Relation,
    RelationKind,
};
use crate::catalog::{DataType, Shape};
use crate::schema::convert::{Conversion, MappedColumn, MappedTable, RoundTrip};

/// A column of a built-in type: `timestamp(3)`, `numeric[]`.
pub(super) fn column(name: &str, sql_type: &str) -> Field {
    let (element, shape) = match sql_type.strip_suffix("[]") {
        Some(element) => (element, Shape::Array),
        None => (sql_type, Shape::Scalar),
    };
    let (typname, typmod) = match element.split_once('(') {
        Some((typname, digits)) => (typname, digits.trim_end_matches(')').parse().ok()),
        None => (element, None),
    };
    let base = match typname {
        "timestamp" => 1114,
        "timestamptz" => 1184,
        "bpchar" => 1042,
        "text" => 25,
        _ => 0,
    };
    Field {
        number: 1,
        name: name.to_owned(),
        data_type: DataType {
            sql: sql_type.to_owned(),
            shape,
            base,
            base_name: typname.to_owned(),
            typmod,
            holds_timestamp: typname.starts_with("timestamp"),
        },
        type_oid: base,
        dimensions: 0,
        not_null: false,
        default: FieldDefault::None,
        collation: None,
        inherited: false,
        storage: None,
        comment: None,
    }
}

/// A column that arrives as a type.
pub(super) fn mapped(name: &str, to: &str) -> MappedColumn {
    MappedColumn {
        name: name.to_owned(),
        from: String::new(),
        to: to.to_owned(),
        expression: None,
        round_trip: RoundTrip::Exact,
    }
}

/// Table `public.t` of columns (name, type, type in the target).
pub(super) fn table(columns: &[(&str, &str, &str)]) -> (Relation, MappedTable) {
    let name = Name::new("public", "t");
    let mut relation = Relation::new(20_000, name.clone(), RelationKind::Table);
    relation.columns = columns
        .iter()
        .map(|(name, from, _)| column(name, from))
        .collect();
    let mapped = MappedTable {
        source: name.clone(),
        leaves: vec![name.clone()],
        target: name,
        columns: columns
            .iter()
            .map(|(name, _, to)| mapped(name, to))
            .collect(),
    };
    (relation, mapped)
}

/// A database of one table.
pub(super) fn database(relation: Relation, mapped: MappedTable) -> (Database, Conversion) {
    let mut database = Database::default();
    database.server.version = 150_004;
    database.server.encoding = "UTF8".to_owned();
    database.relations.push(relation);
    let conversion = Conversion {
        tables: vec![mapped],
        ..Conversion::default()
    };
    (database, conversion)
}

/// A unique index on columns or expressions in brackets.
pub(super) fn unique(name: &str, parts: &[&str]) -> Index {
    let part = |part: &&str| IndexPart {
        column: (!part.starts_with('(')).then(|| (*part).to_owned()),
        expression: (*part).to_owned(),
        operator_class: None,
        collation: None,
        descending: false,
        nulls_first: false,
    };
    Index {
        oid: 30_000,
        name: name.to_owned(),
        definition: String::new(),
        method: "btree".to_owned(),
        parts: parts.iter().map(part).collect(),
        include: Vec::new(),
        unique: true,
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

/// A constraint on columns.
pub(super) fn constraint(kind: ConstraintKind, definition: &str, columns: &[&str]) -> Constraint {
    Constraint {
        oid: 40_000,
        name: "c".to_owned(),
        kind,
        definition: definition.to_owned(),
        columns: columns.iter().map(|c| (*c).to_owned()).collect(),
        references: None,
        referenced_columns: Vec::new(),
        index: None,
        deferrable: false,
        initially_deferred: false,
        validated: true,
        enforced: true,
        no_inherit: false,
        inherited: false,
        temporal: false,
        comment: None,
    }
}
