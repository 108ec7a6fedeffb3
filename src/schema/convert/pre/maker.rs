//! Makes objects in the order in which they need each other.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::expressions::Read;
use super::layout::Layout;
use super::names::Names;
use super::spelling::qualified;
use super::{routines, sequences, tables, tokens, user_types};
use crate::catalog::database::{Class, Name, Object};
use crate::schema::convert::build::Build;

/// A build whose objects are made when another one needs them.
pub(super) struct Maker<'b, 'a> {
    pub(super) build: &'b mut Build<'a>,
    pub(super) layout: Layout,
    /// Routines by name.
    pub(super) functions: HashMap<&'a Name, Vec<u32>>,
    /// Relations by name.
    pub(super) tables: HashMap<&'a Name, u32>,
    /// Expressions that were read.
    pub(super) expressions: HashMap<String, Rc<Read>>,
    /// Names that are other than in the source.
    pub(super) names: Names,
    /// Functions and sequences that the expressions looked at since the last `take_used` need.
    used: Vec<Object>,
    /// Sequences by name.
    sequences: HashMap<&'a Name, u32>,
    /// Why a routine can not be made before the tables, pg_proc.oid.
    unusable: HashMap<u32, String>,
    begun: HashSet<Object>,
}

impl<'b, 'a> Maker<'b, 'a> {
    pub(super) fn new(build: &'b mut Build<'a>) -> Self {
        let database = build.database;
        let mut functions: HashMap<&Name, Vec<u32>> = HashMap::new();
        for routine in &database.routines {
            functions
                .entry(&routine.name)
                .or_default()
                .push(routine.oid);
        }
        Self {
            layout: Layout::new(database, build.profile, build.wishes),
            functions,
            tables: database
                .relations
                .iter()
                .map(|r| (&r.name, r.oid))
                .collect(),
            expressions: HashMap::new(),
            names: Names::default(),
            used: Vec::new(),
            sequences: database
                .sequences
                .iter()
                .map(|s| (&s.name, s.oid))
                .collect(),
            unusable: HashMap::new(),
            begun: HashSet::new(),
            build,
        }
    }

    /// Makes an object, if it is to be made and has not been. A circle ends where it began.
    pub(super) fn make(&mut self, object: Object) {
        if !self.begun.insert(object) || self.names.colliding.contains(&object) {
            return;
        }
        // What this one uses is no affair of the one that it is made for.
        let used = self.take_used();
        self.make_now(object);
        self.used = used;
    }

    fn make_now(&mut self, object: Object) {
        match object.class {
            Class::Type => {
                if let Some(user_type) = self.build.user_type(object.oid) {
                    user_types::make(self, user_type);
                }
            }
            Class::Sequence => {
                if let Some(sequence) = self.build.sequence(object.oid) {
                    sequences::make(self, sequence);
                }
            }
            Class::Routine => self.make_routine(object.oid),
            Class::Relation if self.layout.is_made(object.oid) => {
                if let Some(relation) = self.build.relation(object.oid) {
                    tables::make(self, relation);
                }
            }
            _ => {}
        }
    }

    /// Makes what an object needs, of these classes.
    pub(super) fn make_needed(&mut self, of: Object, classes: &[Class]) {
        let edges = self.build.needs_of(of).iter();
        let needed: Vec<Object> = edges
            .map(|edge| edge.on)
            .filter(|on| classes.contains(&on.class))
            .collect();
        for object in needed {
            self.make(object);
        }
    }

    /// Makes a routine, for something that can not be made without it.
    ///
    /// # Errors
    /// Why it is not there.
    pub(super) fn routine(&mut self, oid: u32) -> Result<(), String> {
        let object = Object::new(Class::Routine, oid);
        self.make(object);
        match self.unusable.get(&oid) {
            Some(why) => Err(why.clone()),
            None => {
                self.used.push(object);
                Ok(())
            }
        }
    }

    /// Makes the sequences that an expression names in its strings, `nextval('public.s'::regclass)`.
    pub(super) fn sequences_named(&mut self, expression: &str) {
        for oid in self.sequences_in(expression) {
            let object = Object::new(Class::Sequence, oid);
            self.make(object);
            self.used.push(object);
        }
    }

    /// The sequences that an expression names in its strings, pg_class.oid.
    pub(super) fn sequences_in(&self, expression: &str) -> Vec<u32> {
        let strings = tokens::strings(expression).into_iter();
        let named = strings.filter_map(|text| qualified(&text));
        let named = named.map(|(schema, name)| Name::new(schema, name));
        named
            .filter_map(|name| self.sequences.get(&name).copied())
            .collect()
    }

    /// What the expressions needed that were looked at since the last time.
    pub(super) fn take_used(&mut self) -> Vec<Object> {
        std::mem::take(&mut self.used)
    }

    fn make_routine(&mut self, oid: u32) {
        let Some(routine) = self.build.routine(oid) else {
            return;
        };
        if let Err(why) = routines::make(self, routine) {
            self.unusable.insert(oid, why);
        }
    }
}
