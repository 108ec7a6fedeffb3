//! Who needs whom: by the source's own dependencies, and by what bodies name. From it follows the order
//! of routines and views, and what can not be made since something below it is not there.

use std::collections::HashMap;

use crate::catalog::database::{Class, Name, Object, Relation, Routine};
use crate::catalog::readable;
use crate::schema::syntax::{self, Names};

use super::Post;

/// What objects need, looked up once.
#[derive(Default)]
pub(super) struct Needs(HashMap<Object, Need>);

/// What one object needs.
#[derive(Debug, Clone, Default)]
pub(super) struct Need {
    /// Without these it can not be made.
    pub(super) must: Vec<Object>,
    /// Without these it fails when it runs.
    pub(super) may: Vec<Object>,
    /// Functions of PostgreSQL that the target does not have, of those that it calls.
    pub(super) absent: Vec<String>,
    /// Types that the body of a routine names, as SQL writes them.
    pub(super) types: Vec<String>,
}

impl<'a> Post<'_, 'a> {
    /// Makes routines and views that something needs, and that something itself where it is one of them:
    /// each after what it needs. A circle is broken where it was entered.
    pub(super) fn ensure(&mut self, object: Object) {
        let mut stack = vec![(object, false)];
        while let Some((object, needs_done)) = stack.pop() {
            if needs_done {
                self.decide(object);
            } else if self.is_open(object) && self.decided.insert(object) {
                stack.push((object, true));
                let need = self.need(object);
                let all = need.must.iter().chain(&need.may).rev();
                stack.extend(all.map(|&needed| (needed, false)));
            }
        }
    }

    /// Whether an object is a routine or view that was neither made nor left out.
    fn is_open(&self, object: Object) -> bool {
        let ours = match object.class {
            Class::Routine => self.source.routine(object.oid).is_some(),
            Class::Relation => {
                let relation = self.source.relation(object.oid);
                relation.is_some_and(Relation::is_view)
            }
            _ => false,
        };
        ours && self.source.extension_of(object).is_none()
            && self.build.made(object).is_none()
            && self.build.why_left_out(object).is_none()
    }

    fn decide(&mut self, object: Object) {
        if let (Class::Routine, Some(routine)) = (object.class, self.source.routine(object.oid)) {
            self.routine(routine);
        } else if let Some(relation) = self.source.relation(object.oid) {
            self.view(relation);
        }
    }

    /// What an object needs.
    pub(super) fn need(&mut self, object: Object) -> Need {
        if let Some(need) = self.needs.0.get(&object) {
            return need.clone();
        }
        let need = self.find_need(object);
        self.needs.0.insert(object, need.clone());
        need
    }

    fn find_need(&self, object: Object) -> Need {
        let told = self.build.needs_of(object).iter().map(|edge| edge.on);
        let mut need = Need {
            must: told.filter(|&on| on != object).collect(),
            ..Need::default()
        };
        match object.class {
            Class::Routine => {
                if let Some(routine) = self.source.routine(object.oid) {
                    self.needs_of_body(routine, &mut need);
                }
            }
            Class::Relation => {
                let relation = self.source.relation(object.oid);
                if let Some(query) = relation.and_then(|r| r.query.as_deref()) {
                    let query = query.trim().trim_end_matches(';');
                    if let Ok(names) = syntax::names_in_statement(query) {
                        need.absent = self.absent(&names);
                        need.must.extend(self.objects(&names, &[]));
                    }
                }
            }
            _ => {}
        }
        tidy(&mut need, object);
        need
    }

    /// An SQL body is checked when the function is made, any other when it runs.
    fn needs_of_body(&self, routine: &Routine, need: &mut Need) {
        let Some(Ok(names)) = routine
            .definition
            .as_deref()
            .map(syntax::names_in_statement)
        else {
            return;
        };
        let schemas = routine.search_path();
        let named = self.objects(&names, &schemas);
        need.absent = self.absent(&names);
        need.types.clone_from(&names.types);
        if routine.language == "sql" {
            need.must.extend(named);
        } else {
            need.may.extend(named);
        }
    }

    /// What an expression needs: functions of users by the dependencies of its object, those of the
    /// server by their names.
    pub(super) fn need_of_expressions<'t>(
        &self,
        object: Object,
        texts: impl Iterator<Item = &'t str>,
    ) -> Need {
        let mut need = self.find_need(object);
        for names in texts.filter_map(|text| syntax::names_in_expression(text).ok()) {
            need.absent.extend(self.absent(&names));
            let functions = names.functions.iter();
            need.must
                .extend(functions.flat_map(|name| self.routines_meant(name, &[])));
        }
        tidy(&mut need, object);
        need
    }

    /// Functions that are called and that are not there: of those of PostgreSQL what the profile lists, and
    /// of those that nobody knows (a dump does not tell an extension's) what an extension had.
    fn absent(&self, names: &Names) -> Vec<String> {
        let missing = self.build.profile.missing_functions.as_ref();
        let is_listed = |name: &Name| missing.is_some_and(|list| list.value.contains(&name.name));
        let called = names.functions.iter();
        let absent = called.filter_map(|name| match name.schema.as_str() {
            "" | "pg_catalog" => {
                is_listed(name).then(|| format!("function {}", readable(&name.name)))
            }
            _ => self.build.of_missing_extension(name),
        });
        let operators = names.operators.iter();
        let operators = operators.filter_map(|name| self.build.operator_missing(name));
        absent.chain(operators).collect()
    }

    /// The objects that are meant by names; those without a schema are looked for in `schemas`.
    fn objects(&self, names: &Names, schemas: &[String]) -> Vec<Object> {
        let relations = names.relations.iter().filter_map(|name| {
            let mut found = candidates(name, schemas);
            found.find_map(|name| self.source.relation_named(&name))
        });
        let relations = relations.map(|r| Object::new(Class::Relation, r.oid));
        let functions = names.functions.iter();
        let functions = functions.flat_map(|name| self.routines_meant(name, schemas));
        let types = names.types.iter();
        let types = types.filter_map(|name| self.source.type_named(&name.replace('"', "")));
        let types = types.map(|t| Object::new(Class::Type, t.oid));
        relations.chain(functions).chain(types).collect()
    }

    fn routines_meant(&self, name: &Name, schemas: &[String]) -> Vec<Object> {
        let mut found = candidates(name, schemas).map(|name| self.source.routines_named(&name));
        let first = found.find(|all| !all.is_empty());
        let oids = first.unwrap_or_default().iter().map(|r| r.oid);
        oids.map(|oid| Object::new(Class::Routine, oid)).collect()
    }

    /// Why something that an object can not be made without is not there: the chain down to what is
    /// missing.
    pub(super) fn broken(&self, need: &Need) -> Option<String> {
        let objects = need.must.iter().filter_map(|&on| self.missing(on));
        objects.chain(need.absent.iter().cloned()).next()
    }

    /// Why an object is not in the target: the chain from it to what is missing. `None` where it is
    /// there, or where nothing is known of it.
    pub(super) fn missing(&self, object: Object) -> Option<String> {
        if let Some(chain) = self.chains.get(&object) {
            return Some(chain.clone());
        }
        if self.is_replaced(object) {
            return None;
        }
        if let Some(extension) = self.source.extension_of(object) {
            return self.extension_missing(extension, object);
        }
        match object.class {
            Class::Relation => self.relation_missing(object),
            Class::Other => self.source.other(object.oid).map(|_| self.label(object)),
            _ => self.build.why_left_out(object).map(|_| self.label(object)),
        }
    }

    fn relation_missing(&self, object: Object) -> Option<String> {
        let relation = self.source.relation(object.oid)?;
        if relation.is_view() {
            return self.build.why_left_out(object).map(|_| self.label(object));
        }
        match self.homes.of(relation.oid) {
            Some(home) if self.homes.is_part(relation.oid) => Some(format!(
                "partition {} (its rows are in {})",
                relation.name, home.name
            )),
            Some(_) => None,
            None => Some(self.label(object)),
        }
    }

    /// Whether something else is there in its place: another type, or the server's own function.
    fn is_replaced(&self, object: Object) -> bool {
        let rewrites = &self.build.rewrites;
        match object.class {
            Class::Type => self.source.user_type(object.oid).is_some_and(|t| {
                let plain = format!("{}.{}", t.name.schema, t.name.name);
                let types = &rewrites.types;
                types.contains_key(&plain) || types.contains_key(&t.name.to_string())
            }),
            Class::Routine => self.source.routine(object.oid).is_some_and(|r| {
                let new = rewrites.names.get(&r.name);
                new.is_some_and(|new| new.schema == "pg_catalog")
            }),
            Class::Other => self.is_citext_operator(object.oid) && self.build.replaces_citext(),
            _ => false,
        }
    }

    /// Objects of an extension come with it. Where nothing was decided, the profile's list counts.
    fn extension_missing(&self, name: &str, object: Object) -> Option<String> {
        let extension = self.source.extension_named(name);
        let extension = extension.map(|e| Object::new(Class::Extension, e.oid));
        if name == "plpgsql" || extension.is_some_and(|e| self.build.made(e).is_some()) {
            return None;
        }
        let left = extension.is_some_and(|e| self.build.why_left_out(e).is_some());
        let listed = self.build.profile.extensions.as_ref();
        let listed = listed.is_none_or(|list| list.value.iter().any(|known| known == name));
        let missing = left || !listed;
        missing.then(|| match object.class {
            Class::Extension => self.label(object),
            _ => format!("{} → extension {}", self.label(object), readable(name)),
        })
    }

    fn label(&self, object: Object) -> String {
        self.source.label(object)
    }
}

/// Each need once, and none of the object itself.
fn tidy(need: &mut Need, object: Object) {
    for objects in [&mut need.must, &mut need.may] {
        objects.sort_unstable();
        objects.dedup();
        objects.retain(|&on| on != object);
    }
    need.absent.sort_unstable();
    need.absent.dedup();
}

/// A name as it is, or in each of the schemas where it has none.
fn candidates<'s>(name: &Name, schemas: &'s [String]) -> impl Iterator<Item = Name> + use<'s> {
    let whole = (!name.schema.is_empty()).then(|| name.clone());
    let schemas = if whole.is_some() { &[] } else { schemas };
    let name = name.name.clone();
    let inside = schemas
        .iter()
        .map(move |s| Name::new(s.clone(), name.clone()));
    whole.into_iter().chain(inside)
}
