//! The database as far as the dump has told it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::catalog::database::{
    Database, Name, Other, OtherKind, Relation, Routine, Schema, Sequence, UserType,
};
use crate::catalog::{DataType, Shape};
use crate::schema::syntax::type_name::TypeKey;

/// Invented OIDs begin where those of users do.
const FIRST_OID: u32 = 16_384;

/// The database, and what is needed to find its parts again.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) database: Database,
    pub(super) statements: u64,
    pub(super) has_data: bool,
    /// The statements are a plan's and not pg_dump's: identity columns are made in CREATE TABLE, and what
    /// their sequences are is not asked.
    pub(super) is_plan: bool,
    /// What `SET` says for the tables that follow.
    pub(super) settings: Settings,
    pub(super) relations: HashMap<Name, usize>,
    pub(super) sequences: HashMap<Name, usize>,
    pub(super) types: HashMap<Name, usize>,
    pub(super) routines: HashMap<Name, Vec<usize>>,
    /// Indexes by their names: the table, and the place there.
    pub(super) indexes: HashMap<Name, (usize, usize)>,
    /// Types that are looked up at the end.
    pub(super) pending: HashMap<Place, Pending>,
    /// Foreign keys, whose tables may come later: table, constraint, table referred to.
    pub(super) references: Vec<(usize, usize, Name)>,
    /// Results of routines that are looked up at the end.
    pub(super) results: Vec<(usize, TypeKey)>,
    /// Functions of triggers.
    pub(super) trigger_functions: Vec<(usize, usize, Name)>,
    pub(super) refreshed: BTreeSet<Name>,
    pub(super) owners: BTreeMap<String, BTreeSet<String>>,
    pub(super) grants: BTreeMap<String, Granted>,
    pub(super) tablespaces: BTreeMap<String, u64>,
    pub(super) labels: BTreeMap<String, u64>,
    /// Relations of publications.
    pub(super) published: BTreeMap<String, u64>,
    pub(super) large_objects: u64,
    oids: u32,
}

/// What SET says.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) tablespace: Option<String>,
    pub(super) access_method: Option<String>,
    /// First schema of the search path: dumps before 2018 set it.
    pub(super) schema: Option<String>,
}

/// What a role was granted.
#[derive(Debug, Default)]
pub(super) struct Granted {
    pub(super) objects: BTreeSet<String>,
    pub(super) privileges: BTreeSet<String>,
}

/// A place whose type is looked up when all types are known.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) key: TypeKey,
    pub(super) typmod: i32,
}

/// Where a type stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Place {
    /// A column: relation, column.
    Column(usize, usize),
    /// A field of a composite type: type, field.
    Composite(usize, usize),
    /// The base of a domain, the bounds of a range.
    Inside(usize),
}

impl Model {
    pub(super) fn oid(&mut self) -> u32 {
        self.oids += 1;
        FIRST_OID + self.oids
    }

    /// A name, with the schema of the search path where none is written.
    pub(super) fn name(&self, parts: &[&str]) -> Name {
        match parts {
            [.., schema, name] => Name::new(*schema, *name),
            [name] => {
                let schema = self.settings.schema.as_deref().unwrap_or("public");
                Name::new(schema, *name)
            }
            [] => Name::new("", ""),
        }
    }

    pub(super) fn schema(&mut self, name: &str) -> &mut Schema {
        let place = self.database.schemas.iter().position(|s| s.name == name);
        let place = place.unwrap_or_else(|| {
            let oid = self.oid();
            self.database.schemas.push(Schema {
                oid,
                name: name.to_owned(),
                ..Schema::default()
            });
            self.database.schemas.len() - 1
        });
        &mut self.database.schemas[place]
    }

    pub(super) fn push_relation(&mut self, relation: Relation) -> usize {
        self.schema(&relation.name.schema.clone());
        let place = self.database.relations.len();
        self.relations.insert(relation.name.clone(), place);
        self.database.relations.push(relation);
        place
    }

    pub(super) fn push_sequence(&mut self, sequence: Sequence) -> usize {
        self.schema(&sequence.name.schema.clone());
        let place = self.database.sequences.len();
        self.sequences.insert(sequence.name.clone(), place);
        self.database.sequences.push(sequence);
        place
    }

    pub(super) fn push_type(&mut self, user_type: UserType) -> usize {
        if user_type.extension.is_none() {
            self.schema(&user_type.name.schema.clone());
        }
        // A shell is defined by a second statement.
        if let Some(&place) = self.types.get(&user_type.name) {
            self.database.types[place] = user_type;
            return place;
        }
        let place = self.database.types.len();
        self.types.insert(user_type.name.clone(), place);
        self.database.types.push(user_type);
        place
    }

    pub(super) fn push_routine(&mut self, routine: Routine) -> usize {
        self.schema(&routine.name.schema.clone());
        let place = self.database.routines.len();
        let namesakes = self.routines.entry(routine.name.clone()).or_default();
        namesakes.push(place);
        self.database.routines.push(routine);
        place
    }

    pub(super) fn relation(&mut self, name: &Name) -> Option<&mut Relation> {
        let place = *self.relations.get(name)?;
        self.database.relations.get_mut(place)
    }

    pub(super) fn sequence(&mut self, name: &Name) -> Option<&mut Sequence> {
        let place = *self.sequences.get(name)?;
        self.database.sequences.get_mut(place)
    }

    pub(super) fn other(&mut self, kind: OtherKind, name: Name, detail: impl Into<String>) {
        let oid = self.oid();
        self.database.others.push(Other {
            kind,
            oid,
            name,
            detail: detail.into(),
            count: 1,
            extension: None,
        });
    }

    pub(super) fn not_read(&mut self, line: u64, what: impl std::fmt::Display) {
        self.database
            .not_read
            .push(format!("line {line} of the dump: {what}"));
    }
}

/// A type as it is written, until it is looked up.
pub(super) fn unresolved(sql: impl Into<String>) -> DataType {
    DataType {
        sql: sql.into(),
        shape: Shape::Scalar,
        base: 0,
        base_name: String::new(),
        typmod: None,
        holds_timestamp: false,
    }
}

impl Model {
    /// The name of a collation: those of the server are written without their schema.
    pub(super) fn collation(&self, parts: &[&str]) -> Name {
        match parts {
            [name] => Name::new("pg_catalog", *name),
            _ => self.name(parts),
        }
    }
}
