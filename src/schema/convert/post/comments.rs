//! COMMENT ON everything that was made, where it is wished for.

use crate::catalog::database::{
    Class, Constraint, ConstraintKind, Index, Name, Object, Relation, RelationKind, Routine,
    UserTypeKind,
};
use crate::catalog::readable;
use crate::schema::convert::{Makes, Section, Statement};
use crate::schema::finding::{Finding, Kind, Severity};
use crate::sql;

use super::source::{relation_word, routine_word};
use super::stance::Stance;
use super::{Changes, Post};

/// Comments that are not carried over.
pub(super) static LEFT_OUT: Kind = Kind {
    id: "comments-left-out",
    severity: Severity::Note,
    title: "comments on objects",
    happens: "they are left out",
    why: "the DB9 guide \"Migrate from PostgreSQL\" exports with --no-comments; COMMENT ON is not documented",
    remedy: "say --comments to keep them where the target takes them",
};

/// A comment on something of the target.
struct Comment {
    /// `table public.orders`: what it is on.
    readable: String,
    /// The same in SQL: `TABLE "public"."orders"`.
    on: String,
    /// The schema-qualified name of the object or of its table.
    name: Name,
    text: String,
    /// The statement that makes it.
    made: usize,
}

impl<'a> Post<'_, 'a> {
    /// Comments on objects that were made; or one finding that counts them all.
    pub(super) fn comments(&mut self, relations: &[&'a Relation]) {
        let mut comments = self.comments_on_namespaces();
        comments.extend(self.comments_on_types());
        comments.extend(self.comments_on_sequences());
        for relation in relations {
            comments.extend(self.comments_of_relation(relation));
        }
        comments.extend(self.comments_on_routines());
        if comments.is_empty() {
            return;
        }
        let stance = Stance::of(&self.build.profile.comments);
        if !self.build.wishes.comments || stance.is_refused() {
            let count = u64::try_from(comments.len()).unwrap_or(u64::MAX);
            let database = &self.build.database.server.database;
            let object = format!("database {}", readable(database));
            let mut finding = Finding::new(&LEFT_OUT, object.trim_end()).counted(count);
            if self.build.wishes.comments {
                finding = finding.detail(stance.because());
            }
            self.build.find(finding);
            return;
        }
        for comment in comments {
            self.build.conversion.statements.push(comment.statement());
        }
    }

    fn comments_on_namespaces(&self) -> Vec<Comment> {
        let schemas = self.build.database.schemas.iter();
        let schemas = schemas.filter(|s| s.extension.is_none());
        let found = schemas.filter_map(|schema| {
            let made = self.build.made(Object::new(Class::Schema, schema.oid))?;
            let name = &self.build.conversion.statements[made].name;
            // A schema's statement carries its name in either part.
            let plain = if name.name.is_empty() {
                &name.schema
            } else {
                &name.name
            };
            Some(Comment {
                readable: format!("schema {}", readable(plain)),
                on: format!("SCHEMA {}", sql::identifier(plain)),
                name: name.clone(),
                text: schema.comment.clone()?,
                made,
            })
        });
        found.collect()
    }

    fn comments_on_types(&self) -> Vec<Comment> {
        let types = self.build.database.types.iter();
        let found = types.filter(|t| t.extension.is_none()).filter_map(|t| {
            let word = match t.kind {
                UserTypeKind::Domain { .. } => "domain",
                _ => "type",
            };
            self.comment(Object::new(Class::Type, t.oid), word, t.comment.as_ref()?)
        });
        found.collect()
    }

    fn comments_on_sequences(&self) -> Vec<Comment> {
        let sequences = self.build.database.sequences.iter();
        let own = sequences.filter(|s| s.extension.is_none() && !s.identity);
        let found = own.filter_map(|s| {
            let object = Object::new(Class::Sequence, s.oid);
            self.comment(object, "sequence", s.comment.as_ref()?)
        });
        found.collect()
    }

    fn comments_on_routines(&self) -> Vec<Comment> {
        let routines = self.build.database.routines.iter();
        let own = routines.filter(|r| r.extension.is_none());
        own.filter_map(|r| self.comment_on_routine(r)).collect()
    }

    fn comment_on_routine(&self, routine: &Routine) -> Option<Comment> {
        let object = Object::new(Class::Routine, routine.oid);
        let mut comment = self.comment(
            object,
            routine_word(routine.kind),
            routine.comment.as_ref()?,
        )?;
        let plain = format!("({})", routine.arguments);
        comment.readable.push_str(&plain);
        comment.on = self.routine_meant(routine);
        Some(comment)
    }

    /// `FUNCTION "public"."f"(integer)`, with the names and types of the target.
    pub(super) fn routine_meant(&self, routine: &Routine) -> String {
        let word = routine_word(routine.kind).to_uppercase();
        let source = format!("{word} {}({})", routine.name.quoted(), routine.arguments);
        let statement = format!("COMMENT ON {source} IS NULL");
        let rewritten = self.statement(&statement, &mut Changes::new());
        let meant = rewritten.strip_prefix("COMMENT ON ");
        let meant = meant.and_then(|rest| rest.strip_suffix(" IS NULL"));
        meant.map_or(source, ToOwned::to_owned)
    }

    /// A comment on an object whose statement carries its name.
    fn comment(&self, object: Object, word: &str, text: &str) -> Option<Comment> {
        let made = self.build.made(object)?;
        let statement = &self.build.conversion.statements[made];
        let name = statement.name.clone();
        // What came with another object (the sequence of an identity column) has no name here.
        let own = match object.class {
            Class::Sequence => statement.makes == Makes::Sequence,
            Class::Type => statement.makes == Makes::Type,
            _ => true,
        };
        own.then(|| Comment {
            readable: format!("{word} {name}"),
            on: format!("{} {}", word.to_uppercase(), name.quoted()),
            name,
            text: text.to_owned(),
            made,
        })
    }

    /// Comments on a relation, and on its columns, constraints, indexes and triggers.
    fn comments_of_relation(&self, relation: &Relation) -> Vec<Comment> {
        let object = Object::new(Class::Relation, relation.oid);
        let made = self.build.made(object);
        let Some(made) = made.filter(|_| !self.homes.is_part(relation.oid)) else {
            return Vec::new();
        };
        let statement = &self.build.conversion.statements[made];
        let kind = match statement.makes {
            Makes::View => RelationKind::View,
            Makes::MaterializedView => RelationKind::MaterializedView,
            _ => RelationKind::Table,
        };
        let name = &statement.name;
        let text = relation.comment.as_deref();
        let own = text.and_then(|text| self.comment(object, relation_word(kind), text));
        let columns = relation.columns.iter().filter_map(|c| {
            let text = c.comment.as_deref()?;
            Some(Comment::on_column(name, &c.name, text, made))
        });
        let constraints = relation.constraints.iter().filter_map(|c| {
            let own = self.build.made(super::unique::object(c));
            let own = own.or_else(|| comes_with(c, &statement.sql).then_some(made))?;
            let text = c.comment.as_deref()?;
            Some(Comment::on_part("constraint", &c.name, name, text, own))
        });
        let indexes = relation.indexes.iter();
        let indexes = indexes.filter_map(|index| self.comment_on_index(index));
        let triggers = relation.triggers.iter().filter_map(|t| {
            let made = self.build.made(Object::new(Class::Trigger, t.oid))?;
            let text = t.comment.as_deref()?;
            Some(Comment::on_part("trigger", &t.name, name, text, made))
        });
        let parts = columns.chain(constraints).chain(indexes).chain(triggers);
        own.into_iter().chain(parts).collect()
    }

    /// Of indexes that are no constraint's.
    fn comment_on_index(&self, index: &Index) -> Option<Comment> {
        let made = self.build.made(super::indexes::object(index))?;
        let own = self.build.conversion.statements[made].makes == Makes::Index;
        let text = index.comment.as_ref().filter(|_| own)?;
        self.comment(super::indexes::object(index), "index", text)
    }
}

impl Comment {
    fn on_column(table: &Name, column: &str, text: &str, made: usize) -> Self {
        Self {
            readable: format!("column {table}.{}", readable(column)),
            on: format!("COLUMN {}.{}", table.quoted(), sql::identifier(column)),
            name: table.clone(),
            text: text.to_owned(),
            made,
        }
    }

    /// On a constraint or trigger of a table.
    fn on_part(word: &str, part: &str, table: &Name, text: &str, made: usize) -> Self {
        let (quoted, on) = (sql::identifier(part), table.quoted());
        Self {
            readable: format!("{word} {table}.{}", readable(part)),
            on: format!("{} {quoted} ON {on}", word.to_uppercase()),
            name: table.clone(),
            text: text.to_owned(),
            made,
        }
    }

    fn statement(self) -> Statement {
        Statement {
            section: Section::PostData,
            makes: Makes::Comment,
            object: format!("comment on {}", self.readable),
            name: self.name,
            sql: format!(
                "COMMENT ON {} IS {}",
                self.on,
                sql::literal(&self.text).trim_start()
            ),
            rewritten: Vec::new(),
            needs: vec![self.made],
        }
    }
}

/// Whether a constraint is part of its table's statement.
fn comes_with(constraint: &Constraint, create: &str) -> bool {
    let kind = constraint.kind;
    matches!(kind, ConstraintKind::Primary | ConstraintKind::Check)
        && create.contains(&sql::identifier(&constraint.name))
}
