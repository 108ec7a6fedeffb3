//! Post-data: unique constraints, indexes, foreign keys, routines, views, triggers, comments, statistics.
//!
//! ```text
//! constraints ─▶ indexes ─▶ foreign keys ─▶ routines, views ─▶ triggers ─▶ comments ─▶ ANALYZE
//!      └────────────┴── routines that an expression calls come before it
//! ```
//!
//! Whatever needs something that is not in the target is left out, and the chain is named.

mod changes;
mod checks;
mod comments;
mod foreign_keys;
mod homes;
mod indexes;
mod letter_case;
mod method;
mod names;
mod needs;
mod parts;
mod routines;
mod source;
mod stance;
mod statistics;
mod text;
mod triggers;
mod types;
mod unique;
mod views;

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use crate::catalog::database::{Name, Object, Relation};
use crate::profile::ServerKind;
use crate::schema::finding::{Finding, Kind, Severity};
use crate::schema::syntax;

use super::build::{Build, Draft};
use super::{Makes, Section};
use changes::Changes;
use homes::Homes;
use names::Taken;
use needs::Needs;
use source::Source;
use types::Tables;

pub use foreign_keys::{Orphans, orphans};
pub(super) use routines::{CHANGED_TYPE as ROUTINE_ON_CHANGED_TYPE, texts_instead};
pub(super) use text::pieces;

/// The kinds of findings of this part.
pub(in crate::schema) const KINDS: &[&Kind] = &[
    &NOT_PARSED,
    &stance::NOT_DOCUMENTED,
    &names::RENAMED,
    &unique::DEFERRABLE,
    &unique::NULLS_NOT_DISTINCT,
    &unique::INCLUDE,
    &unique::PARTITION_UNIQUE,
    &unique::EXCLUDE,
    &unique::TEMPORAL,
    &method::SCANS_TABLE,
    &method::METHOD_REFUSED,
    &method::HASH_AS_BTREE,
    &method::METHOD_REPLACED,
    &method::HNSW_KEY,
    &indexes::INVALID,
    &indexes::NEEDS_MISSING,
    &indexes::PARTIAL,
    &indexes::PARTIAL_UNIQUE,
    &parts::EXPRESSION,
    &parts::ORDERING,
    &parts::OPERATOR_CLASS,
    &parts::OPERATOR_CLASS_MISSING,
    &parts::COLLATION,
    &indexes::OPTIONS,
    &indexes::PARTITION_INDEX,
    &indexes::OF_ALL_PARTITIONS,
    &indexes::CLUSTERED,
    &indexes::CHANGED_TYPE,
    &letter_case::CASE_KEY,
    &foreign_keys::REFUSED,
    &foreign_keys::TARGET_MISSING,
    &foreign_keys::NOT_VALID,
    &foreign_keys::NOT_ENFORCED,
    &foreign_keys::PARTITION,
    &routines::LANGUAGE,
    &routines::SQL_BODY,
    &routines::NAME_TAKEN,
    &routines::AGGREGATE,
    &routines::PROCEDURE,
    &routines::NEEDS_MISSING,
    &routines::CALLS_MISSING,
    &routines::SECURITY_DEFINER,
    &routines::CHANGED_TYPE,
    &routines::LOST_TYPE,
    &views::REFUSED,
    &views::NEEDS_MISSING,
    &views::TOO_DEEP,
    &views::OPTIONS,
    &views::CHANGED_TYPE,
    &views::LOST_TYPE,
    &views::NAME_TAKEN,
    &views::MATERIALIZED_AS_VIEW,
    &views::UNPOPULATED,
    &triggers::DISABLED,
    &triggers::REFUSED,
    &triggers::STATEMENT,
    &triggers::CONSTRAINT,
    &triggers::CONSTRAINT_PLAIN,
    &triggers::PARTITION,
    &triggers::OF_ALL_PARTITIONS,
    &triggers::NEEDS_MISSING,
    &triggers::LOST_TYPE,
    &comments::LEFT_OUT,
];

/// A definition that PostgreSQL's parser does not read.
pub(super) static NOT_PARSED: Kind = Kind {
    id: "definition-not-parsed",
    severity: Severity::Change,
    title: "definition that could not be read",
    happens: "it is sent as it stands: names and types that change are not replaced in it",
    why: "PostgreSQL's own parser refuses the text",
    remedy: "compare the statement with the rest of the schema",
};

pub(super) fn build(build: &mut Build<'_>) {
    let mut post = Post::new(build);
    let relations = post.relations();
    post.take_names_of_views(&relations);
    post.take_signatures();
    for relation in &relations {
        post.constraints(relation);
    }
    post.late_checks();
    for relation in relations.iter().filter(|r| r.is_table()) {
        post.indexes(relation);
    }
    for relation in &relations {
        post.foreign_keys(relation);
    }
    post.routines();
    post.views(&relations);
    for relation in &relations {
        post.rules(relation);
        post.triggers(relation);
    }
    post.comments(&relations);
    post.statistics(&relations);
}

/// A conversion whose tables are made, while the rest is added.
struct Post<'b, 'a> {
    build: &'b mut Build<'a>,
    source: Source<'a>,
    homes: Homes<'a>,
    tables: Tables,
    taken: Taken,
    /// Views whose names something else has.
    name_taken: HashSet<u32>,
    needs: Needs,
    /// Why an object is not in the target: the objects from it to the one that is missing.
    chains: HashMap<Object, String>,
    /// Routines and views that were looked at.
    decided: HashSet<Object>,
    /// Routines as the target tells them apart, and whose (pg_proc.oid) each is.
    signatures: HashMap<String, u32>,
    /// Views on top of views: per view how many.
    depths: HashMap<u32, u32>,
}

/// Why an object is left out: the kind of finding and what is particular to it.
struct Left {
    kind: &'static Kind,
    detail: String,
    /// How many it stands for.
    count: u64,
}

impl<'b, 'a> Post<'b, 'a> {
    fn new(build: &'b mut Build<'a>) -> Self {
        let source = Source::new(build.database);
        let homes = Homes::new(build, &source);
        let taken = Taken::new(build, &homes);
        Self {
            source,
            homes,
            tables: Tables::new(build),
            taken,
            name_taken: HashSet::new(),
            needs: Needs::default(),
            chains: HashMap::new(),
            decided: HashSet::new(),
            signatures: HashMap::new(),
            depths: HashMap::new(),
            build,
        }
    }

    /// Relations of users, in the order of their names.
    fn relations(&self) -> Vec<&'a Relation> {
        let all = self.build.database.relations.iter();
        let mut relations: Vec<&Relation> = all.filter(|r| r.extension.is_none()).collect();
        relations.sort_by(|a, b| a.name.cmp(&b.name));
        relations
    }

    /// Takes the names of views before those of indexes, which can give way.
    fn take_names_of_views(&mut self, relations: &[&Relation]) {
        for view in relations.iter().filter(|r| r.is_view()) {
            let name = self.renamed(&view.name);
            if !self.taken.take(&name) {
                self.name_taken.insert(view.oid);
            }
        }
    }

    /// Whether the target is a PostgreSQL, which takes what PostgreSQL prints.
    fn is_postgresql(&self) -> bool {
        matches!(&self.build.profile.server, Some(fact) if fact.value == ServerKind::Postgresql)
    }

    /// The name that an object of the source gets.
    fn renamed(&self, name: &Name) -> Name {
        let rewrites = &self.build.rewrites;
        if let Some(new) = rewrites.names.get(name) {
            return new.clone();
        }
        self.build.mapping.name(name)
    }

    /// Adds a statement of the second section, and the findings that come with it.
    fn add(&mut self, object: Option<Object>, made: Made, changes: Changes) -> usize {
        let (rewritten, findings) = changes.told(&made.readable);
        for finding in findings {
            self.build.find(finding);
        }
        self.build.push(
            object,
            Draft {
                section: Section::PostData,
                makes: made.makes,
                object: made.readable,
                name: made.name,
                sql: made.sql,
                rewritten,
                needs: made.needs,
            },
        )
    }

    /// Leaves an object out, with its finding.
    fn leave(&mut self, object: Object, readable: &str, left: Left) {
        let why = match left.detail.as_str() {
            "" => left.kind.title,
            detail => detail,
        };
        self.chains
            .entry(object)
            .or_insert_with(|| readable.to_owned());
        self.build.leave_out(object, readable, why);
        let finding = Finding::new(left.kind, readable).detail(left.detail);
        self.build.find(finding.counted(left.count));
    }

    /// An expression with names and types replaced.
    fn expression(&self, text: &str, changes: &mut Changes) -> String {
        let rewritten = self.build.rewriter.expression(text);
        self.build
            .without_citext(or_as_it_is(rewritten, text, changes))
    }

    /// A statement with names and types replaced.
    fn statement(&self, text: &str, changes: &mut Changes) -> String {
        let text = text.trim().trim_end_matches(';').trim_end();
        let rewritten = self.build.rewriter.statement(text);
        let rewritten = self
            .build
            .without_citext(or_as_it_is(rewritten, text, changes));
        if rewritten != text {
            changes.remark("with the names and types of the target");
        }
        rewritten
    }
}

/// The text as it is, with a finding, where it was not read.
fn or_as_it_is(
    rewritten: Result<String, syntax::NotParsed>,
    text: &str,
    changes: &mut Changes,
) -> String {
    rewritten.unwrap_or_else(|error| {
        changes.push((&NOT_PARSED, error.to_string()));
        text.to_owned()
    })
}

/// A statement that is to be added.
struct Made {
    makes: Makes,
    /// Readable and unique.
    readable: String,
    name: Name,
    sql: String,
    needs: Vec<Object>,
}

impl Left {
    fn new(kind: &'static Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            count: 1,
        }
    }

    fn counted(mut self, count: usize) -> Self {
        self.count = u64::try_from(count).unwrap_or(u64::MAX);
        self
    }
}
