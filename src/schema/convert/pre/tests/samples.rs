//! Databases by hand.

use crate::catalog::database::{
    Class, ColumnName, Constraint, ConstraintKind, Database, Dependency, DomainCheck, Extension,
    Field, FieldDefault, Index, IndexPart, Name, Object, Position, Relation, RelationKind, Routine,
    RoutineKind, Schema, Sequence, UserType, UserTypeKind,
};
use crate::catalog::{DataType, Shape};

/// `schema.name`, both plain.
pub(super) fn name(text: &str) -> Name {
    let (schema, name) = text.split_once('.').expect("a schema and a name");
    Name::new(schema, name)
}

pub(super) fn database() -> Database {
    Database {
        schemas: vec![Schema {
            oid: 2200,
            name: "public".to_owned(),
            ..Schema::default()
        }],
        ..Database::default()
    }
}

/// A type from its SQL text, as far as the conversion looks.
pub(super) fn data_type(sql: &str) -> DataType {
    let element = sql.trim_end_matches("[]");
    let plain: String = element.split('(').next().unwrap_or_default().to_owned();
    let timestamp = element.starts_with("timestamp");
    let zoned = element.ends_with("with time zone");
    let base = match (timestamp, zoned) {
        (true, true) => 1184,
        (true, false) => 1114,
        _ => 0,
    };
    let shape = match () {
        () if element != sql => Shape::Array,
        () if element.ends_with("range") => Shape::Range,
        () => Shape::Scalar,
    };
    DataType {
        sql: sql.to_owned(),
        shape,
        base,
        base_name: plain,
        typmod: None,
        holds_timestamp: timestamp || matches!(element, "tsrange" | "tstzrange"),
    }
}

pub(super) fn field(column: &str, sql: &str) -> Field {
    Field {
        number: 0,
        name: column.to_owned(),
        data_type: data_type(sql),
        type_oid: 0,
        dimensions: u16::from(sql.ends_with("[]")),
        not_null: false,
        default: FieldDefault::None,
        collation: None,
        inherited: false,
        storage: None,
        comment: None,
    }
}

/// A table whose columns are `name type [NOT NULL] [DEFAULT …]`.
pub(super) fn table(oid: u32, table: &str, columns: &[&str]) -> Relation {
    let mut relation = Relation::new(oid, name(table), RelationKind::Table);
    for (number, column) in columns.iter().enumerate() {
        let (column, rest) = column.split_once(' ').expect("a name and a type");
        let (rest, default) = match rest.split_once(" DEFAULT ") {
            Some((rest, text)) => (rest, FieldDefault::Expression(text.to_owned())),
            None => (rest, FieldDefault::None),
        };
        let sql = rest.trim_end_matches(" NOT NULL");
        relation.columns.push(Field {
            number: i16::try_from(number + 1).expect("few columns"),
            not_null: sql != rest,
            default,
            ..field(column, sql)
        });
    }
    relation
}

pub(super) fn constraint(
    oid: u32,
    constraint: &str,
    kind: ConstraintKind,
    definition: &str,
    columns: &[&str],
) -> Constraint {
    Constraint {
        oid,
        name: constraint.to_owned(),
        kind,
        definition: definition.to_owned(),
        columns: columns.iter().map(|&c| c.to_owned()).collect(),
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

pub(super) fn check(oid: u32, name: &str, definition: &str) -> Constraint {
    constraint(oid, name, ConstraintKind::Check, definition, &[])
}

/// A primary key and its index.
pub(super) fn with_key(mut relation: Relation, columns: &[&str]) -> Relation {
    let key = format!("{}_pkey", relation.name.name);
    let definition = format!("PRIMARY KEY ({})", columns.join(", "));
    let (key_oid, index_oid) = (relation.oid + 1, relation.oid + 2);
    let mut primary = constraint(key_oid, &key, ConstraintKind::Primary, &definition, columns);
    primary.index = Some(index_oid);
    relation.constraints.push(primary);
    let mut index = index(index_oid, &key, columns);
    index.unique = true;
    index.constraint = Some(key_oid);
    relation.indexes.push(index);
    relation
}

pub(super) fn index(oid: u32, name: &str, columns: &[&str]) -> Index {
    Index {
        oid,
        name: name.to_owned(),
        definition: String::new(),
        method: "btree".to_owned(),
        parts: columns.iter().map(|column| part(column)).collect(),
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

fn part(column: &str) -> IndexPart {
    IndexPart {
        column: Some(column.to_owned()),
        expression: column.to_owned(),
        operator_class: None,
        collation: None,
        descending: false,
        nulls_first: false,
    }
}

pub(super) fn sequence(oid: u32, sequence: &str, owner: Option<(&str, &str)>) -> Sequence {
    Sequence {
        oid,
        name: name(sequence),
        data_type: "bigint".to_owned(),
        start: 1,
        increment: 1,
        minimum: 1,
        maximum: i64::MAX,
        cache: 1,
        cycles: false,
        position: Some(Position {
            last_value: 1,
            is_called: false,
        }),
        owner: owner.map(|(table, column)| ColumnName {
            table: name(table),
            column: column.to_owned(),
        }),
        identity: false,
        unlogged: false,
        extension: None,
        comment: None,
    }
}

pub(super) fn user_type(oid: u32, of: &str, kind: UserTypeKind) -> UserType {
    UserType {
        oid,
        array_oid: oid + 1,
        name: name(of),
        kind,
        extension: None,
        comment: None,
    }
}

pub(super) fn enumeration(oid: u32, of: &str, labels: &[&str]) -> UserType {
    let labels = labels.iter().map(|&label| label.to_owned()).collect();
    user_type(oid, of, UserTypeKind::Enum(labels))
}

/// A domain with the CHECKs of these conditions.
pub(super) fn domain(oid: u32, of: &str, base: &str, checks: &[&str]) -> UserType {
    let checks = checks.iter().enumerate().map(|(i, check)| DomainCheck {
        oid: oid + 10,
        name: format!("{}_check{i}", name(of).name),
        definition: format!("CHECK {check}"),
        validated: true,
    });
    let kind = UserTypeKind::Domain {
        base: data_type(base),
        base_oid: 0,
        not_null: false,
        default: None,
        collation: None,
        checks: checks.collect(),
    };
    user_type(oid, of, kind)
}

pub(super) fn routine(oid: u32, of: &str, language: &str, body: &str) -> Routine {
    Routine {
        oid,
        name: name(of),
        arguments: String::new(),
        kind: RoutineKind::Function,
        language: language.to_owned(),
        definition: Some(format!(
            "CREATE OR REPLACE FUNCTION {of}()\n RETURNS bigint\n LANGUAGE {language}\nAS \
             $function${body}$function$\n"
        )),
        body: body.to_owned(),
        sql_body: None,
        returns: 20,
        is_trigger: false,
        security_definer: false,
        settings: Vec::new(),
        extension: None,
        comment: None,
    }
}

pub(super) fn extension(oid: u32, extension: &str) -> Extension {
    Extension {
        oid,
        name: extension.to_owned(),
        schema: "public".to_owned(),
        version: "1.0".to_owned(),
    }
}

/// `dependent`, of which a column, needs `on`.
pub(super) fn needs(dependent: (Class, u32), column: Option<&str>, on: (Class, u32)) -> Dependency {
    Dependency {
        dependent: Object::new(dependent.0, dependent.1),
        column: column.map(str::to_owned),
        on: Object::new(on.0, on.1),
        on_column: None,
    }
}
