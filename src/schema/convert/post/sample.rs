//! Hand-built databases.

use crate::catalog::database::{
    Class, Constraint, ConstraintKind, Database, Dependency, Extension, Field, FieldDefault, Index,
    IndexPart, Name, Object, Other, OtherKind, Relation, RelationKind, Routine, RoutineKind,
    Trigger, UserType, UserTypeKind,
};
use crate::catalog::{DataType, Shape};
use crate::profile::Profile;
use crate::schema::convert::{Conversion, Wishes, convert};
use crate::schema::mapping::Mapping;

/// What a test converts.
pub(super) struct Case {
    pub(super) database: Database,
    pub(super) profile: Profile,
    pub(super) mapping: Mapping,
    pub(super) wishes: Wishes,
}

impl Case {
    pub(super) fn new(profile: Profile) -> Self {
        Self {
            database: Database::default(),
            profile,
            mapping: Mapping::default(),
            wishes: Wishes::default(),
        }
    }

    /// For a DB9 of which the documents tell everything that they tell.
    pub(super) fn db9() -> Self {
        Self::new(Profile::db9_documented())
    }

    pub(super) fn with(mut self, relation: Relation) -> Self {
        self.database.relations.push(relation);
        self
    }

    pub(super) fn routine(mut self, routine: Routine) -> Self {
        self.database.routines.push(routine);
        self
    }

    pub(super) fn edge(mut self, dependent: Object, on: Object) -> Self {
        self.database.dependencies.push(Dependency {
            dependent,
            column: None,
            on,
            on_column: None,
        });
        self
    }

    pub(super) fn edge_to_column(self, dependent: Object, on: Object, column: &str) -> Self {
        let mut case = self.edge(dependent, on);
        if let Some(edge) = case.database.dependencies.last_mut() {
            edge.on_column = Some(column.to_owned());
        }
        case
    }

    /// A base type of an extension.
    pub(super) fn user_type(mut self, oid: u32, name: &str, extension: &str) -> Self {
        self.database.types.push(UserType {
            oid,
            array_oid: 0,
            name: named(name),
            kind: UserTypeKind::Base,
            extension: Some(extension.to_owned()),
            comment: None,
        });
        self
    }

    pub(super) fn extension(mut self, oid: u32, name: &str) -> Self {
        self.database.extensions.push(Extension {
            oid,
            name: name.to_owned(),
            schema: "public".to_owned(),
            version: "1.0".to_owned(),
        });
        self
    }

    pub(super) fn other(mut self, oid: u32, kind: OtherKind, name: &str, of: Option<&str>) -> Self {
        self.database.others.push(Other {
            kind,
            oid,
            name: named(name),
            detail: String::new(),
            count: 1,
            extension: of.map(ToOwned::to_owned),
        });
        self
    }

    pub(super) fn convert(&self) -> Conversion {
        convert(&self.database, &self.profile, &self.mapping, self.wishes)
    }
}

/// `schema.name`, or a name without a schema.
pub(super) fn named(text: &str) -> Name {
    let (schema, name) = text.split_once('.').unwrap_or(("", text));
    Name::new(schema, name)
}

pub(super) fn relation(oid: u32) -> Object {
    Object::new(Class::Relation, oid)
}

pub(super) fn data_type(sql: &str) -> DataType {
    DataType {
        sql: sql.to_owned(),
        shape: Shape::Scalar,
        base: 0,
        base_name: sql.to_owned(),
        typmod: None,
        holds_timestamp: false,
    }
}

/// A table; columns are written `name type`.
pub(super) fn table(oid: u32, name: &str, columns: &[&str]) -> Relation {
    let mut table = Relation::new(oid, named(name), RelationKind::Table);
    let columns = columns.iter().zip(1..).map(|(column, number)| {
        let (name, sql) = column.split_once(' ').expect("name and type");
        Field {
            number,
            name: name.to_owned(),
            data_type: data_type(sql),
            type_oid: 0,
            dimensions: 0,
            not_null: false,
            default: FieldDefault::None,
            collation: None,
            inherited: false,
            storage: None,
            comment: None,
        }
    });
    table.columns = columns.collect();
    table
}

pub(super) fn view(oid: u32, name: &str, query: &str) -> Relation {
    let mut view = Relation::new(oid, named(name), RelationKind::View);
    view.query = Some(query.to_owned());
    view
}

pub(super) fn constraint(
    oid: u32,
    name: &str,
    kind: ConstraintKind,
    columns: &[&str],
) -> Constraint {
    let columns: Vec<String> = columns.iter().map(|c| (*c).to_owned()).collect();
    Constraint {
        oid,
        name: name.to_owned(),
        kind,
        definition: String::new(),
        columns,
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

pub(super) fn primary(oid: u32, name: &str, columns: &[&str]) -> Constraint {
    constraint(oid, name, ConstraintKind::Primary, columns)
}

pub(super) fn unique(oid: u32, name: &str, columns: &[&str]) -> Constraint {
    constraint(oid, name, ConstraintKind::Unique, columns)
}

/// A foreign key to `id` of a table.
pub(super) fn foreign(oid: u32, name: &str, column: &str, references: u32) -> Constraint {
    let mut key = constraint(oid, name, ConstraintKind::Foreign, &[column]);
    key.definition = format!("FOREIGN KEY ({column}) REFERENCES public.x(id)");
    key.references = Some(references);
    key.referenced_columns = vec!["id".to_owned()];
    key
}

pub(super) fn index(oid: u32, name: &str, method: &str, columns: &[&str]) -> Index {
    let parts = columns.iter().map(|column| IndexPart {
        column: Some((*column).to_owned()),
        expression: (*column).to_owned(),
        operator_class: None,
        collation: None,
        descending: false,
        nulls_first: false,
    });
    Index {
        oid,
        name: name.to_owned(),
        definition: String::new(),
        method: method.to_owned(),
        parts: parts.collect(),
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

/// A B-tree on one expression.
pub(super) fn expression_index(oid: u32, name: &str, expression: &str) -> Index {
    let mut index = index(oid, name, "btree", &["?"]);
    index.parts[0].column = None;
    index.parts[0].expression = expression.to_owned();
    index
}

/// A function of no arguments.
pub(super) fn function(oid: u32, name: &str, language: &str, body: &str) -> Routine {
    let name = named(name);
    let definition = format!(
        "CREATE OR REPLACE FUNCTION {}.{}()\n RETURNS integer\n LANGUAGE {language}\nAS $function${body}$function$\n",
        name.schema, name.name
    );
    Routine {
        oid,
        name,
        arguments: String::new(),
        kind: RoutineKind::Function,
        language: language.to_owned(),
        definition: Some(definition),
        body: body.to_owned(),
        sql_body: None,
        returns: 23,
        is_trigger: false,
        security_definer: false,
        settings: Vec::new(),
        extension: None,
        comment: None,
    }
}

/// A trigger AFTER INSERT on its table that calls `public.f`.
pub(super) fn trigger(oid: u32, name: &str, function: u32) -> Trigger {
    let definition = format!(
        "CREATE TRIGGER {name} AFTER INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.f()"
    );
    Trigger {
        oid,
        name: name.to_owned(),
        definition,
        function,
        for_each_row: true,
        enabled: 'O',
        constraint: false,
        transition_tables: false,
        inherited: false,
        extension: None,
        comment: None,
    }
}
