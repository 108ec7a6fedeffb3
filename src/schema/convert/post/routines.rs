//! Functions and procedures, each after what it needs.

use crate::catalog::database::{Class, Object, Routine, RoutineKind};
use crate::catalog::readable;
use crate::schema::convert::Makes;
use crate::schema::finding::{Finding, Kind, Severity};

use super::needs::Need;
use super::source::routine_word;
use super::stance::{NOT_DOCUMENTED, Stance};
use super::{Changes, Left, Made, Post};

/// A routine in a language that is not there.
pub(super) static LANGUAGE: Kind = Kind {
    id: "routine-language",
    severity: Severity::Loss,
    title: "routine in a language that the target does not have",
    happens: "it is left out",
    why: "languages sql and plpgsql only (DB9 documentation, early 2026)",
    remedy: "write it in SQL or PL/pgSQL, or in the application",
};

/// CREATE AGGREGATE.
pub(super) static AGGREGATE: Kind = Kind {
    id: "aggregate",
    severity: Severity::Loss,
    title: "aggregate of a user",
    happens: "it is left out",
    why: "CREATE AGGREGATE is not documented for DB9",
    remedy: "write the queries with an aggregate of the server",
};

/// CREATE PROCEDURE.
pub(super) static PROCEDURE: Kind = Kind {
    id: "procedure-refused",
    severity: Severity::Loss,
    title: "procedure",
    happens: "it is left out",
    why: "the target does not take procedures",
    remedy: "write it as a function, or in the application",
};

/// A routine that can not be made.
pub(super) static NEEDS_MISSING: Kind = Kind {
    id: "routine-needs-missing",
    severity: Severity::Loss,
    title: "routine that needs what is left out",
    happens: "it is left out, too",
    why: "its arguments, its result or its SQL body name what is not in the target",
    remedy: "write it without that, and create it in the target",
};

/// A routine that will fail when it runs.
pub(super) static CALLS_MISSING: Kind = Kind {
    id: "routine-calls-missing",
    severity: Severity::Loss,
    title: "routine that uses what is left out",
    happens: "it is made, and fails when it comes to that line",
    why: "its body names what is not in the target",
    remedy: "write it without that",
};

/// SECURITY DEFINER.
pub(super) static SECURITY_DEFINER: Kind = Kind {
    id: "security-definer",
    severity: Severity::Change,
    title: "routine with the rights of its owner (SECURITY DEFINER)",
    happens: "it runs with the rights of the role that creates it in the target",
    why: "owners are not carried over",
    remedy: "look at what it lets its callers do, or change its owner in the target",
};

impl<'a> Post<'_, 'a> {
    /// All routines that are not there yet, in the order of their names as far as their needs allow.
    pub(super) fn routines(&mut self) {
        let all = self.build.database.routines.iter();
        let mut routines: Vec<&Routine> = all.collect();
        routines.sort_by(|a, b| (&a.name, &a.arguments).cmp(&(&b.name, &b.arguments)));
        for routine in routines {
            self.ensure(Object::new(Class::Routine, routine.oid));
        }
    }

    /// Makes a routine, or leaves it out; what it needs has been looked at.
    pub(super) fn routine(&mut self, routine: &'a Routine) {
        let object = Object::new(Class::Routine, routine.oid);
        let readable = format!("{} {}", routine_word(routine.kind), routine.signature());
        let need = self.need(object);
        if let Some(why) = self.refused.get(&readable).cloned() {
            // The finding is the body's own, with its line.
            self.chains.insert(object, readable.clone());
            self.build.leave_out(object, readable, why);
            return;
        }
        match self.routine_sql(routine, &need) {
            Ok((sql, changes)) => self.make_routine(routine, &readable, sql, changes, need),
            Err(left) => {
                if let Some(chain) = self.broken(&need) {
                    let chain = format!("{} → {chain}", routine.signature());
                    self.chains.insert(object, chain);
                }
                self.leave(object, &readable, left);
            }
        }
    }

    fn routine_sql(&self, routine: &Routine, need: &Need) -> Result<(String, Changes), Left> {
        let profile = self.build.profile;
        let mut changes = Changes::new();
        let definition = match (routine.kind, &routine.definition) {
            (RoutineKind::Aggregate, definition) => {
                let stance = Stance::of(&profile.aggregates);
                let taken = definition.as_ref().filter(|_| stance.is_taken());
                taken.ok_or_else(|| Left::new(&AGGREGATE, stance.because()))?
            }
            (_, Some(definition)) => definition,
            (_, None) => {
                return Err(Left::new(
                    &NEEDS_MISSING,
                    "its definition could not be read",
                ));
            }
        };
        if routine.kind == RoutineKind::Procedure {
            let stance = Stance::of(&profile.procedures);
            match stance {
                Stance::Refused(_) => return Err(Left::new(&PROCEDURE, stance.because())),
                Stance::Open => changes.push((&NOT_DOCUMENTED, "CREATE PROCEDURE".to_owned())),
                Stance::Taken => {}
            }
        }
        self.language(routine)?;
        if let Some(chain) = self.broken(need) {
            return Err(Left::new(
                &NEEDS_MISSING,
                format!("{} → {chain}", routine.signature()),
            ));
        }
        Ok((self.statement(definition, &mut changes), changes))
    }

    fn language(&self, routine: &Routine) -> Result<(), Left> {
        let Some(languages) = &self.build.profile.languages else {
            return Ok(());
        };
        if languages.value.contains(&routine.language) {
            return Ok(());
        }
        let language = readable(&routine.language);
        Err(Left::new(&LANGUAGE, format!("language {language}")))
    }

    fn make_routine(
        &mut self,
        routine: &Routine,
        source: &str,
        sql: String,
        mut changes: Changes,
        need: Need,
    ) {
        let name = self.renamed(&routine.name);
        let word = routine_word(routine.kind);
        let used = need.may.iter().filter_map(|&on| self.missing(on));
        let used = used.chain(match routine.language.as_str() {
            "sql" => Vec::new(),
            _ => need.absent.clone(),
        });
        let missing: Vec<String> = used.collect();
        if !missing.is_empty() {
            changes.push((&CALLS_MISSING, format!("it uses {}", missing.join(", "))));
        }
        if routine.security_definer && !self.is_postgresql() {
            self.build.find(Finding::new(&SECURITY_DEFINER, source));
        }
        let made = Made {
            makes: Makes::Routine,
            readable: format!("{word} {name}({})", routine.arguments),
            name,
            sql,
            needs: need.must,
        };
        self.add(
            Some(Object::new(Class::Routine, routine.oid)),
            made,
            changes,
        );
    }
}
