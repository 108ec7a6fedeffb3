//! Routines: their language, their statements, and what a target would refuse.

use super::Refused;
use crate::catalog::database::{Routine, RoutineKind};
use crate::profile::Profile;

#[cfg(feature = "parser")]
pub(super) use parsed::{look, refused};

/// `function public.f(integer)`.
pub(super) fn readable(routine: &Routine) -> String {
    let kind = match routine.kind {
        RoutineKind::Procedure => "procedure",
        RoutineKind::Aggregate => "aggregate",
        RoutineKind::Function | RoutineKind::Window => "function",
    };
    format!("{kind} {}", routine.signature())
}

/// Why a routine is not read, if it is not; the conversion tells of a language that is missing.
pub(super) fn not_read(routine: &Routine, profile: &Profile) -> Option<String> {
    let read = matches!(
        routine.language.as_str(),
        "sql" | "plpgsql" | "c" | "internal"
    );
    let aggregate = routine.kind == RoutineKind::Aggregate;
    if read || aggregate || missing_language(routine, profile).is_some() {
        return None;
    }
    Some(format!("a body in {} is not read", routine.language))
}

/// Whether it has a body that is SQL or PL/pgSQL, and may come to the target.
pub(super) fn has_text(routine: &Routine, profile: &Profile) -> bool {
    routine.kind != RoutineKind::Aggregate
        && matches!(routine.language.as_str(), "sql" | "plpgsql")
        && missing_language(routine, profile).is_none()
}

fn missing_language<'r>(routine: &'r Routine, profile: &Profile) -> Option<&'r str> {
    if routine.kind == RoutineKind::Aggregate {
        return None;
    }
    let known = profile.languages.as_ref()?;
    let has = known.value.contains(&routine.language);
    (!has).then_some(routine.language.as_str())
}

fn language_refusal(routine: &Routine, profile: &Profile) -> Option<Refused> {
    let language = missing_language(routine, profile)?;
    Some(Refused {
        what: format!("the language {language}"),
        lines: Vec::new(),
    })
}

/// Without the parser only the language is known.
#[cfg(not(feature = "parser"))]
pub(super) fn refused(routine: &Routine, profile: &Profile) -> Vec<Refused> {
    language_refusal(routine, profile).into_iter().collect()
}

#[cfg(feature = "parser")]
mod parsed {
    use super::super::super::NotParsed;
    use super::super::super::lexer::Lexed;
    use super::super::super::plpgsql::{self, Found, Reading};
    use super::super::super::tree::{self, Grammar};
    use super::super::kinds;
    use super::super::known::Known;
    use super::super::sql::{self, From, Use};
    use super::*;
    use crate::catalog::database::Database;
    use crate::profile::ServerKind;
    use crate::schema::finding::{Finding, Kind};

    /// Looks through one routine.
    pub(in super::super) fn look(
        routine: &Routine,
        known: &Known<'_>,
        findings: &mut Vec<Finding>,
    ) {
        if let Some(why) = not_read(routine, known.profile) {
            let finding = Finding::new(&kinds::NOT_CHECKED, readable(routine));
            findings.push(finding.detail(why));
        }
        if !has_text(routine, known.profile) {
            return;
        }
        if let Err(why) = look_inside(routine, known, findings) {
            let finding = Finding::new(&kinds::NOT_CHECKED, readable(routine));
            findings.push(finding.detail(why.0));
        }
        look_at_settings(routine, known, findings);
    }

    fn look_inside(
        routine: &Routine,
        known: &Known<'_>,
        findings: &mut Vec<Finding>,
    ) -> Result<(), NotParsed> {
        let object = readable(routine);
        let uses = if routine.language == "plpgsql" {
            let reading = read(routine)?;
            for found in plpgsql::features(&reading, &routine.body) {
                findings.extend(plpgsql_finding(&object, &found, known.profile));
            }
            plpgsql_uses(&reading, known)?
        } else {
            sql_uses(routine, known)?
        };
        for (kind, what, lines) in uses {
            let count = lines.len().max(1) as u64;
            let detail = what + &in_lines(&lines);
            findings.push(Finding::new(kind, &object).counted(count).detail(detail));
        }
        Ok(())
    }

    fn read(routine: &Routine) -> Result<Reading, NotParsed> {
        let definition = routine.definition.as_deref();
        plpgsql::read(definition.ok_or_else(|| NotParsed("its text is not known".to_owned()))?)
    }

    /// A use, and the lines of the body on which it is.
    type Lines = (&'static Kind, String, Vec<u64>);

    fn plpgsql_uses(reading: &Reading, known: &Known<'_>) -> Result<Vec<Lines>, NotParsed> {
        let mut all: Vec<Lines> = Vec::new();
        let mut made = std::collections::HashSet::new();
        for text in reading.texts() {
            let lexed = Lexed::new(text.sql)?;
            let is_statement = text.grammar == Grammar::Statements;
            if !is_statement && !sql::is_suspicious(&lexed, known) && !has_calls(&lexed) {
                continue;
            }
            let statements = tree::parse(&lexed, text.grammar)?;
            for statement in &statements {
                tree::walk(&statement.node, &mut |seen| {
                    made.extend(sql::made_table(seen).map(str::to_owned));
                });
            }
            for found in sql::uses(&statements, From::Body, known) {
                let line = text.line + line_in(text.sql, found.at);
                add(&mut all, found, line);
            }
        }
        // A table that another statement of the same body makes.
        all.retain(|(kind, what, _)| kind.id != kinds::BROKEN_REFERENCE.id || !made.contains(what));
        Ok(all)
    }

    /// A qualified call may be of a function that does not exist.
    fn has_calls(lexed: &Lexed<'_>) -> bool {
        (1..lexed.tokens.len()).any(|at| {
            lexed.is_symbol(at + 1, "(") && lexed.is_symbol(at - 1, ".") && lexed.is_name(at)
        })
    }

    fn sql_uses(routine: &Routine, known: &Known<'_>) -> Result<Vec<Lines>, NotParsed> {
        let mut all = Vec::new();
        let whole = routine.sql_body.as_ref().and(routine.definition.as_deref());
        let text = whole.unwrap_or(&routine.body);
        let lexed = Lexed::new(text)?;
        let statements = tree::parse(&lexed, Grammar::Statements)?;
        for found in sql::uses(&statements, From::Body, known) {
            let line = 1 + line_in(text, found.at);
            add(&mut all, found, line);
        }
        Ok(all)
    }

    fn line_in(text: &str, at: Option<usize>) -> u64 {
        let before = at.and_then(|at| text.get(..at)).unwrap_or_default();
        before.matches('\n').count() as u64
    }

    fn add(all: &mut Vec<Lines>, found: Use, line: u64) {
        let same = all
            .iter_mut()
            .find(|(kind, what, _)| kind.id == found.kind.id && *what == found.what);
        match same {
            Some((_, _, lines)) => lines.push(line),
            None => all.push((found.kind, found.what, vec![line])),
        }
    }

    /// `SET default_transaction_isolation TO 'serializable'` and the like in the definition.
    fn look_at_settings(routine: &Routine, known: &Known<'_>, findings: &mut Vec<Finding>) {
        let serializable = Profile::yes(&known.profile.serializable) != Some(true);
        for setting in &routine.settings {
            let Some((name, value)) = setting.split_once('=') else {
                continue;
            };
            let isolation = name.ends_with("transaction_isolation");
            let found = if isolation && value == "serializable" && serializable {
                &kinds::SERIALIZABLE
            } else if name == "session_replication_role" && !known.is_postgresql {
                &kinds::REPLICATION_ROLE
            } else {
                continue;
            };
            let detail = format!("SET {name}");
            findings.push(Finding::new(found, readable(routine)).detail(detail));
        }
    }

    fn plpgsql_finding(object: &str, found: &Found, profile: &Profile) -> Option<Finding> {
        let kind = match (is_missing(found.word, profile), found.word) {
            (Some(true), "while") => &kinds::PLPGSQL_WHILE,
            (Some(true), "execute") => &kinds::PLPGSQL_EXECUTE,
            (Some(true), "exception") => &kinds::PLPGSQL_EXCEPTION,
            (Some(true), "cursor") => &kinds::PLPGSQL_CURSOR,
            (Some(true), _) => &kinds::PLPGSQL_MISSING,
            (Some(false), _) => return None,
            (None, _) => &kinds::PLPGSQL_UNDOCUMENTED,
        };
        let detail = found.word.to_uppercase() + &in_lines(&found.lines);
        let count = found.lines.len().max(1) as u64;
        Some(Finding::new(kind, object).counted(count).detail(detail))
    }

    /// Whether PL/pgSQL there lacks something; `None` is open.
    fn is_missing(word: &str, profile: &Profile) -> Option<bool> {
        let server = profile.server.as_ref().map(|fact| fact.value);
        if server == Some(ServerKind::Postgresql) {
            return Some(false);
        }
        let fact = profile.plpgsql_missing.as_ref()?;
        if fact
            .value
            .iter()
            .any(|missing| missing.eq_ignore_ascii_case(word))
        {
            return Some(true);
        }
        // A document lists what is missing as far as its author thought of it; a probe tried.
        match fact.known {
            crate::profile::Known::Documented(_) => None,
            crate::profile::Known::Probed | crate::profile::Known::Given => Some(false),
        }
    }

    /// ` (lines 3 and 7)`.
    fn in_lines(lines: &[u64]) -> String {
        let numbers: Vec<String> = lines.iter().take(10).map(u64::to_string).collect();
        let more = if lines.len() > 10 { ", …" } else { "" };
        match numbers.as_slice() {
            [] => String::new(),
            [one] => format!(" (line {one})"),
            many => format!(" (lines {}{more})", many.join(", ")),
        }
    }

    /// What of a routine its target would refuse.
    pub(in super::super) fn refused(routine: &Routine, profile: &Profile) -> Vec<Refused> {
        if let Some(refused) = language_refusal(routine, profile) {
            return vec![refused];
        }
        match routine.language.as_str() {
            "plpgsql" => refused_plpgsql(routine, profile),
            "sql" => refused_sql(routine, profile),
            _ => Vec::new(),
        }
    }

    fn refused_plpgsql(routine: &Routine, profile: &Profile) -> Vec<Refused> {
        let Ok(reading) = read(routine) else {
            return Vec::new();
        };
        plpgsql::features(&reading, &routine.body)
            .into_iter()
            .filter(|found| is_missing(found.word, profile) == Some(true))
            .map(|found| Refused {
                what: found.word.to_uppercase(),
                lines: found.lines,
            })
            .collect()
    }

    /// The statements of a function in SQL are looked at when it is made.
    fn refused_sql(routine: &Routine, profile: &Profile) -> Vec<Refused> {
        let database = Database::default();
        let known = Known::new(&database, profile);
        let certain = [
            &kinds::TABLESAMPLE,
            &kinds::SYSTEM_COLUMN,
            &kinds::MISSING_FUNCTION,
            &kinds::LISTEN_NOTIFY,
            &kinds::LARGE_OBJECT_FUNCTION,
        ];
        let uses = sql_uses(routine, &known).unwrap_or_default();
        uses.into_iter()
            .filter(|(kind, _, _)| certain.iter().any(|c| c.id == kind.id))
            .map(|(_, what, lines)| Refused { what, lines })
            .collect()
    }
}
