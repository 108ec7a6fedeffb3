//! Functions and procedures, each after what it needs.

use std::collections::HashMap;

use crate::catalog::database::{Class, Name, Object, Routine, RoutineKind};
use crate::catalog::readable;
use crate::profile::Profile;
use crate::schema::convert::Makes;
use crate::schema::convert::lens::Lens;
use crate::schema::finding::{Finding, Kind, Severity};
use crate::schema::syntax::{self, Rewrites};

use super::needs::Need;
use super::source::routine_word;
use super::stance::{NOT_DOCUMENTED, Stance};
use super::text::{Piece, items, pieces};
use super::{Changes, Left, Made, Post};

/// A routine in a language that is not there.
pub(super) static LANGUAGE: Kind = Kind {
    id: "routine-language",
    severity: Severity::Loss,
    title: "routine in a language that the target does not have",
    happens: "it is left out",
    why: "languages sql and plpgsql only (DB9 documentation, early 2026)",
    remedy: "write it in SQL or PL/pgSQL, or move its work into the application",
};

/// BEGIN ATOMIC and RETURN.
pub(super) static SQL_BODY: Kind = Kind {
    id: "sql-body-as-text",
    severity: Severity::Change,
    title: "routine whose body is a list of statements (BEGIN ATOMIC, RETURN)",
    happens: "its body becomes a string: the server no longer knows what it depends on",
    why: "SQL-standard bodies are not documented for DB9",
    remedy: "nothing",
};

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

/// A routine over a type that is another one.
pub(in crate::schema::convert) static CHANGED_TYPE: Kind = Kind {
    id: "routine-on-changed-type",
    severity: Severity::Change,
    title: "routine over a type that becomes another one",
    happens: "it is made with the other type; where a body in PL/pgSQL uses operators, functions or fields \
              of the old one it fails when it runs",
    why: "the type is not in the target",
    remedy: "look at its body, and call it on the target",
};

/// A routine that uses what the other type does not have.
pub(super) static LOST_TYPE: Kind = Kind {
    id: "routine-of-lost-type",
    severity: Severity::Loss,
    title: "routine in SQL that uses functions, operators or fields of a type that becomes another one",
    happens: "it is left out, and so is what can not be made without it",
    why: "they are not there for the other type: the target would refuse the routine",
    remedy: "write its body for the other type, and create it in the target",
};

/// pg_type.oid of `event_trigger`, part of the protocol.
const EVENT_TRIGGER: u32 = 3838;

/// Why a routine is not made.
enum Refusal {
    /// With a finding of its own.
    Left(Left),
    /// Its body has its own findings.
    Body(String),
}

impl From<Left> for Refusal {
    fn from(left: Left) -> Self {
        Self::Left(left)
    }
}

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
        match self.routine_sql(routine, &need) {
            Ok((sql, changes)) => self.make_routine(routine, &readable, sql, changes, need),
            // The finding is the body's own, with its line.
            Err(Refusal::Body(why)) => {
                self.chains.insert(object, readable.clone());
                self.build.leave_out(object, readable, why);
            }
            Err(Refusal::Left(left)) => {
                if let Some(chain) = self.broken(&need) {
                    let chain = format!("{} → {chain}", routine.signature());
                    self.chains.insert(object, chain);
                }
                self.leave(object, &readable, left);
            }
        }
    }

    fn routine_sql(
        &mut self,
        routine: &Routine,
        need: &Need,
    ) -> Result<(String, Changes), Refusal> {
        let mut changes = Changes::new();
        let definition = self.definition(routine, &mut changes)?;
        if let Some(why) = refused(routine, self.build.profile) {
            return Err(Refusal::Body(why));
        }
        let missing = |why: String| Err(Left::new(&NEEDS_MISSING, why));
        if let Some(chain) = self.broken(need) {
            missing(format!("{} → {chain}", routine.signature()))?;
        }
        if let Err(misuse) = Lens::of_routine(self.build, routine).routine(routine) {
            Err(Left::new(&LOST_TYPE, format!("it uses {misuse}")))?;
        }
        if routine.returns == EVENT_TRIGGER && !self.is_postgresql() {
            missing("it returns event_trigger, and there are no event triggers".to_owned())?;
        }
        let signature = self.signature(routine);
        if *self.signatures.entry(signature).or_insert(routine.oid) != routine.oid {
            let taken = format!("{}({})", self.renamed(&routine.name), routine.arguments);
            Err(Left::new(&NAME_TAKEN, taken))?;
        }
        Ok((self.statement(&definition, &mut changes), changes))
    }

    /// The definition, where the target has routines of this kind and language.
    fn definition(&self, routine: &Routine, changes: &mut Changes) -> Result<String, Left> {
        let profile = self.build.profile;
        let stance = match routine.kind {
            RoutineKind::Aggregate => Stance::of(&profile.aggregates),
            RoutineKind::Procedure => Stance::of(&profile.procedures),
            RoutineKind::Function | RoutineKind::Window => Stance::Taken,
        };
        match (routine.kind, &stance) {
            (_, Stance::Taken) => {}
            (RoutineKind::Procedure, Stance::Open) => {
                changes.push((&NOT_DOCUMENTED, "CREATE PROCEDURE".to_owned()));
            }
            (RoutineKind::Procedure, _) => {
                return Err(Left::new(&PROCEDURE, stance.because()));
            }
            _ => return Err(Left::new(&AGGREGATE, stance.because())),
        }
        let Some(definition) = &routine.definition else {
            let kind = match routine.kind {
                RoutineKind::Aggregate => &AGGREGATE,
                _ => &NEEDS_MISSING,
            };
            return Err(Left::new(kind, "its definition could not be read"));
        };
        match routine.kind {
            RoutineKind::Aggregate if !self.is_postgresql() && has_internal_state(definition) => {
                let why = "only superusers make one whose state is of the type internal";
                return Err(Left::new(&AGGREGATE, why));
            }
            RoutineKind::Aggregate => {}
            _ => self.language(routine)?,
        }
        let body = routine.sql_body.as_ref();
        let body = body.filter(|_| !self.is_postgresql());
        Ok(
            match body.and_then(|body| with_text_body(definition, body)) {
                Some(text) => {
                    changes.push((&SQL_BODY, "its body is a string".to_owned()));
                    text
                }
                None => definition.clone(),
            },
        )
    }

    fn language(&self, routine: &Routine) -> Result<(), Left> {
        let languages = self.build.profile.languages.as_ref();
        if languages.is_none_or(|known| known.value.contains(&routine.language)) {
            return Ok(());
        }
        let language = readable(&routine.language);
        Err(Left::new(&LANGUAGE, format!("language {language}")))
    }

    /// Takes the signatures of the routines of the first section, then those of routines whose arguments
    /// stay as they are: of two that become one, what calls it means that.
    pub(super) fn take_signatures(&mut self) {
        let routines = || self.build.database.routines.iter();
        let is_made = |routine: &&Routine| {
            let object = Object::new(Class::Routine, routine.oid);
            self.build.made(object).is_some()
        };
        let stays = |routine: &&Routine| {
            let named = self.renamed(&routine.name) == routine.name;
            named && self.signature(routine) == signature_of(&routine.name, &routine.arguments)
        };
        let mut taken: HashMap<String, u32> = HashMap::new();
        let first = routines().filter(is_made).chain(routines().filter(stays));
        for routine in first {
            taken.entry(self.signature(routine)).or_insert(routine.oid);
        }
        self.signatures = taken;
    }

    /// What tells a routine from others in the target: its name and the types of its arguments.
    fn signature(&self, routine: &Routine) -> String {
        let meant = self.routine_meant(routine);
        let name = self.renamed(&routine.name);
        let group = pieces(&meant).last().map_or("", |piece| piece.text);
        let inside = group.strip_prefix('(').and_then(|g| g.strip_suffix(')'));
        signature_of(&name, inside.unwrap_or_default())
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
        let types = texts_instead(&self.build.rewrites, &need.types);
        if !types.is_empty() {
            changes.push((&CHANGED_TYPE, types));
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

/// Which of these types are texts in the target, for people.
pub(in crate::schema::convert) fn texts_instead<'n>(
    rewrites: &Rewrites,
    types: impl IntoIterator<Item = &'n String>,
) -> String {
    let texts = types.into_iter().filter(|name| {
        let becomes = rewrites.types.get(*name);
        becomes.is_some_and(|becomes| becomes == "text")
    });
    let texts: Vec<String> = texts.map(|name| format!("{name} becomes text")).collect();
    texts.join(", ")
}

/// What of a body the target refuses, with the lines of the first.
fn refused(routine: &Routine, profile: &Profile) -> Option<String> {
    if routine.kind == RoutineKind::Aggregate {
        return None;
    }
    let refused = syntax::refused_features(routine, profile);
    let first = refused.first()?;
    let words: Vec<&str> = refused.iter().map(|r| r.what.as_str()).collect();
    let line = first.lines.first().map(|line| format!(" (line {line})"));
    Some(format!(
        "it uses {}{}",
        words.join(", "),
        line.unwrap_or_default()
    ))
}

/// Whether CREATE AGGREGATE says `STYPE = internal`.
fn has_internal_state(definition: &str) -> bool {
    let options = pieces(definition).last().map_or("", |piece| piece.text);
    let inside = options.strip_prefix('(').and_then(|o| o.strip_suffix(')'));
    items(inside.unwrap_or_default()).any(|option| {
        let words: Vec<&str> = pieces(option).iter().map(|piece| piece.text).collect();
        matches!(words.as_slice(), [name, "=", "internal"] if name.eq_ignore_ascii_case("stype"))
    })
}

/// A definition with its body, `BEGIN ATOMIC … END` or `RETURN …`, as a string.
fn with_text_body(definition: &str, body: &str) -> Option<String> {
    let body = body.trim();
    let head = definition.trim().trim_end_matches(';').trim_end();
    let head = head.strip_suffix(body)?;
    let inside = match body.strip_prefix("BEGIN ATOMIC") {
        Some(statements) => statements.strip_suffix("END")?.to_owned(),
        None => format!("SELECT {}", body.strip_prefix("RETURN ")?),
    };
    let mut tag = "function".to_owned();
    while inside.contains(&format!("${tag}$")) {
        tag.push('x');
    }
    Some(format!("{head}AS ${tag}${inside}${tag}$"))
}

fn signature_of(name: &Name, arguments: &str) -> String {
    let types: Vec<String> = items(arguments).map(argument_type).collect();
    format!("{name}({})", types.join(", "))
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
    fn a_body_of_statements_becomes_a_string() {
        let definition = "CREATE FUNCTION f()\n LANGUAGE sql\nBEGIN ATOMIC\n SELECT 1;\nEND\n";
        assert_eq!(
            with_text_body(definition, "BEGIN ATOMIC\n SELECT 1;\nEND").as_deref(),
            Some("CREATE FUNCTION f()\n LANGUAGE sql\nAS $function$\n SELECT 1;\n$function$")
        );
        assert_eq!(
            with_text_body(
                "CREATE FUNCTION f() RETURN '$function$'",
                "RETURN '$function$'"
            )
            .as_deref(),
            Some("CREATE FUNCTION f() AS $functionx$SELECT '$function$'$functionx$")
        );
        assert_eq!(
            with_text_body("CREATE FUNCTION f() AS ''", "RETURN 1"),
            None
        );
    }

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
