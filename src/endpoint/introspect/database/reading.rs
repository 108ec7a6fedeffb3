//! A reading under way: the connection, what was read so far, and statements that may be refused.

use std::collections::HashMap;

use super::super::answer::{Fields, Patience, Read, each, guarded};
use super::super::source::server_version;
use crate::catalog::database::{Database, Relation};
use crate::catalog::is_system_schema;
use crate::endpoint::error::Result;
use crate::wire::Connection;

/// OIDs of catalogs, the same in every PostgreSQL.
pub(super) mod class {
    pub(in super::super) const TYPE: u32 = 1247;
    pub(in super::super) const ROUTINE: u32 = 1255;
    pub(in super::super) const RELATION: u32 = 1259;
    pub(in super::super) const ATTRDEF: u32 = 2604;
    pub(in super::super) const CONSTRAINT: u32 = 2606;
    pub(in super::super) const SCHEMA: u32 = 2615;
    pub(in super::super) const TRIGGER: u32 = 2620;
    pub(in super::super) const EXTENSION: u32 = 3079;
}

/// A column's comment has its number, the object itself 0.
pub(super) type Part = (u32, u32, i32);

/// A reading under way.
pub(super) struct Reading<'a> {
    pub(super) connection: &'a mut Connection,
    /// `server_version_num`.
    pub(super) version: u32,
    pub(super) database: Database,
    pub(super) patience: Patience,
    /// Comments by catalog, OID and column.
    pub(super) comments: HashMap<Part, String>,
    /// Names of extensions by catalog and OID of their members.
    pub(super) members: HashMap<(u32, u32), String>,
    /// Collations of columns by relation and number, less those of the database's default.
    pub(super) collated: HashMap<(u32, i16), u32>,
    /// Places in `database.relations` by pg_class.oid.
    places: HashMap<u32, usize>,
}

/// pg_collation.oid of `default`.
pub(super) const DEFAULT_COLLATION: u32 = 100;

impl<'a> Reading<'a> {
    pub(super) fn new(connection: &'a mut Connection) -> Self {
        Self {
            version: server_version(connection.parameter("server_version")),
            connection,
            database: Database::default(),
            patience: Patience::default(),
            comments: HashMap::new(),
            members: HashMap::new(),
            collated: HashMap::new(),
            places: HashMap::new(),
        }
    }

    /// Reads each row of a statement that every user may run.
    pub(super) async fn each(
        &mut self,
        what: &str,
        sql: &str,
        mut read: impl FnMut(&mut Found<'_>, Fields<'_>) -> Read,
    ) -> Result<()> {
        let mut found = Found {
            database: &mut self.database,
            comments: &mut self.comments,
            members: &self.members,
            places: &mut self.places,
        };
        let doing = format!("reading {what}");
        each(self.connection, &doing, sql, |f| read(&mut found, f)).await
    }

    /// As `each`, for what a user may be refused, or a server may lack: that is noted, and nothing read.
    pub(super) async fn optional(
        &mut self,
        what: &str,
        sql: &str,
        mut read: impl FnMut(&mut Found<'_>, Fields<'_>) -> Read,
    ) -> Result<()> {
        let mut found = Found {
            database: &mut self.database,
            comments: &mut self.comments,
            members: &self.members,
            places: &mut self.places,
        };
        let refused = guarded(self.connection, what, sql, self.patience, |f| {
            read(&mut found, f)
        })
        .await?;
        if let Err(refusal) = refused {
            self.note(format!("{what} could not be read: {refusal}"));
        }
        Ok(())
    }

    /// The relation of that OID; `None` for those of the system.
    pub(super) fn relation(&mut self, oid: u32) -> Option<&mut Relation> {
        let place = *self.places.get(&oid)?;
        self.database.relations.get_mut(place)
    }

    /// A text column as SQL that every server can send: one whose encoding is SQL_ASCII holds bytes of any
    /// encoding, and refuses a whole answer for one that is not UTF-8.
    pub(super) fn sendable(&self, column: &str) -> String {
        if self.database.server.encoding == "SQL_ASCII" {
            format!("regexp_replace({column}, '[\\x80-\\xff]', '?', 'g')")
        } else {
            column.to_owned()
        }
    }

    /// Notes what could not be read.
    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.database.not_read.push(text.into());
    }
}

/// What was found so far: the parts of a reading that rows go to while the connection is in use.
pub(super) struct Found<'a> {
    pub(super) database: &'a mut Database,
    comments: &'a mut HashMap<Part, String>,
    members: &'a HashMap<(u32, u32), String>,
    places: &'a mut HashMap<u32, usize>,
}

impl Found<'_> {
    pub(super) fn push(&mut self, relation: Relation) {
        self.places
            .insert(relation.oid, self.database.relations.len());
        self.database.relations.push(relation);
    }

    /// The relation of that OID; `None` for those of the system.
    pub(super) fn relation(&mut self, oid: u32) -> Option<&mut Relation> {
        let place = *self.places.get(&oid)?;
        self.database.relations.get_mut(place)
    }

    /// Takes the comment on an object, or on its column of that number.
    pub(super) fn comment(&mut self, class: u32, oid: u32, column: i32) -> Option<String> {
        self.comments.remove(&(class, oid, column))
    }

    /// The extension that an object belongs to.
    pub(super) fn extension(&self, class: u32, oid: u32) -> Option<String> {
        self.members.get(&(class, oid)).cloned()
    }
}

/// Whether a schema's objects are read.
pub(super) fn is_user_schema(name: &str) -> bool {
    !is_system_schema(name)
}
