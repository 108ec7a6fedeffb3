//! Functions and procedures, each after what it needs.

use crate::catalog::database::{Class, Object, Routine, RoutineKind};
use crate::catalog::readable;
use crate::schema::convert::Makes;
use crate::schema::finding::{Finding, Kind, Severity};

use super::needs::Need;
use super::source::routine_word;
use super::stance::{NOT_DOCUMENTED, Stance};
use super::text::{Piece, items, pieces};
use super::{Changes, Left, Made, Post};

/// Two routines of one name and the same arguments.
pub(super) static NAME_TAKEN: Kind = Kind {
    id: "routine-name-taken",
    severity: Severity::Loss,
    title: "routine that another one would replace",
    happens: "it is left out",
    why: "mapped types or schemas give two routines the same name and arguments",
    remedy: "rename one of them in the source, or map its schema otherwise in --map",
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

/// pg_type.oid of `event_trigger`, part of the protocol.
const EVENT_TRIGGER: u32 = 3838;

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
        if let Some(why) = self.refused(routine) {
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

    fn routine_sql(&mut self, routine: &Routine, need: &Need) -> Result<(String, Changes), Left> {
        let profile = self.build.profile;
        let mut changes = Changes::new();
        let definition = match (routine.kind, &routine.definition) {
            (RoutineKind::Aggregate, definition) => {
                let stance = Stance::of(&profile.aggregates);
                let taken = definition.as_ref().filter(|_| stance.is_taken());
                let why = match stance {
                    Stance::Taken => "its definition is not known".to_owned(),
                    _ => stance.because(),
                };
                taken.ok_or(Left::new(&AGGREGATE, why))?
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
        if let Some(chain) = self.broken(need) {
            return Err(Left::new(
                &NEEDS_MISSING,
                format!("{} → {chain}", routine.signature()),
            ));
        }
        if routine.returns == EVENT_TRIGGER && !self.is_postgresql() {
            let why = "it returns event_trigger, and there are no event triggers";
            return Err(Left::new(&NEEDS_MISSING, why));
        }
        let signature = self.signature(routine);
        if !self.signatures.insert(signature) {
            let name = self.renamed(&routine.name);
            return Err(Left::new(
                &NAME_TAKEN,
                format!("{name}({})", routine.arguments),
            ));
        }
        Ok((self.statement(definition, &mut changes), changes))
    }

    /// Takes the signatures of the routines of the first section.
    pub(super) fn take_signatures(&mut self) {
        for routine in &self.build.database.routines {
            if self
                .build
                .made(Object::new(Class::Routine, routine.oid))
                .is_some()
            {
                let signature = self.signature(routine);
                self.signatures.insert(signature);
            }
        }
    }

    /// What tells a routine from others in the target: its name and the types of its arguments.
    fn signature(&self, routine: &Routine) -> String {
        let meant = self.routine_meant(routine);
        let name = self.renamed(&routine.name);
        let group = pieces(&meant).last().map_or("", |piece| piece.text);
        let inside = group.strip_prefix('(').and_then(|g| g.strip_suffix(')'));
        let types: Vec<String> = items(inside.unwrap_or_default())
            .map(argument_type)
            .collect();
        format!("{name}({})", types.join(", "))
    }

    /// What of its language or body the target refuses.
    fn refused(&self, routine: &Routine) -> Option<String> {
        let languages = self.build.profile.languages.as_ref()?;
        if routine.kind == RoutineKind::Aggregate || languages.value.contains(&routine.language) {
            return None;
        }
        Some(format!("language {}", readable(&routine.language)))
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
        // Functions that the server or an extension does not have are the body's own findings.
        let own = need
            .may
            .iter()
            .filter(|&&on| self.source.extension_of(on).is_none());
        let missing: Vec<String> = own.filter_map(|&on| self.missing(on)).collect();
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

/// The type of an argument, without its mode and name: `VARIADIC a integer[]` is `integer[]`.
fn argument_type(argument: &str) -> String {
    let pieces = pieces(argument);
    let mode = |piece: &Piece<'_>| matches!(piece.text, "IN" | "OUT" | "INOUT" | "VARIADIC");
    let modes = pieces.iter().take_while(|piece| mode(piece)).count();
    let rest = &pieces[modes..];
    let named = match rest {
        [first, second, ..] => {
            let begins_type = TYPES_OF_SEVERAL_WORDS.contains(&first.text);
            !begins_type && !matches!(second.text, "." | "[" | "]") && !second.text.starts_with('(')
        }
        _ => false,
    };
    let first = rest.get(usize::from(named));
    first.map_or_else(String::new, |piece| {
        argument[piece.start..].trim().to_owned()
    })
}

const TYPES_OF_SEVERAL_WORDS: [&str; 7] = [
    "double",
    "character",
    "timestamp",
    "time",
    "bit",
    "interval",
    "national",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_told_by_its_type_alone() {
        for (argument, data_type) in [
            ("integer", "integer"),
            ("a integer", "integer"),
            ("VARIADIC a integer[]", "integer[]"),
            ("INOUT \"a b\" public.\"T\"", "public.\"T\""),
            ("double precision", "double precision"),
            (
                "a timestamp without time zone",
                "timestamp without time zone",
            ),
            ("public.email", "public.email"),
            ("", ""),
        ] {
            assert_eq!(argument_type(argument), data_type, "{argument}");
        }
    }
}
