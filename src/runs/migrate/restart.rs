//! `--restart`: what a migration made is dropped, newest kind first, and nothing else.
//!
//! What it made is what the ledger says: the statements that were applied, by the readable names of
//! their objects. Schemas and extensions stay, since they are made only where they are missing, and the
//! ledger does not know which were there. Nothing is dropped with CASCADE: an object of somebody else
//! that depends on one of these stops the restart, by name.
//!
//! Each DROP and the removal of its row in the ledger are one transaction: a restart that dies leaves a
//! migration that has made less, which the same command drops on or, without `--restart`, continues.

use crate::ledger::{self, Ledger, Owner, Run};
use crate::metrics::Event;
use crate::sql;

use super::super::copy::enter::few;
use super::super::copy::restart::Dropping;
use super::super::copy::{OnExisting, Surroundings};
use super::super::error::Error;
use super::super::prepare::refused;
use super::enter::Entering;

/// Dependent objects still exist.
const DEPENDED_ON: &str = "2BP01";

/// What a restart drops.
pub(super) struct Restart<'a> {
    run: &'a Run,
    /// Readable object and its DROP, in the order in which they are tried.
    objects: Vec<(String, String)>,
    /// Schemas and extensions.
    stays: Vec<String>,
    /// The copies of the same source, whose rows are dropped.
    copies: Vec<Dropping>,
}

impl<'a> Restart<'a> {
    /// Finds out what would be dropped; changes nothing.
    ///
    /// # Errors
    /// An object of which it can not be told how it is dropped; rows that the migration did not load.
    pub(super) async fn plan(
        entering: &mut Entering,
        run: &'a Run,
        copies: &[Run],
    ) -> Result<Self, Error> {
        let known = entering.ledger.statements(&run.run).await?;
        let (mut objects, mut stays, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
        for object in known.into_keys() {
            match how(&object) {
                Some(How::Drop(rank, sql)) => objects.push((rank, object, sql)),
                Some(How::Stays) => stays.push(object),
                Some(How::Goes) => {}
                None => unknown.push(object),
            }
        }
        if !unknown.is_empty() {
            return Err(refused(
                format!(
                    "it can not be told how to drop what this migration made: {}",
                    few(&unknown)
                ),
                "drop these and schema wire9 by hand, then migrate anew",
            ));
        }
        objects.sort();
        let mut dropped = Vec::new();
        for copy in copies {
            let (ledger, write) = (&mut entering.ledger, &entering.write);
            dropped.push(Dropping::plan(ledger, write, OnExisting::Fail, copy).await?);
        }
        let objects: Vec<_> = objects.into_iter().map(|(_, o, sql)| (o, sql)).collect();
        refuse_strange_rows(&mut entering.ledger, &objects, &dropped).await?;
        Ok(Self {
            run,
            objects,
            stays,
            copies: dropped,
        })
    }

    /// Says what is dropped, before anything is.
    pub(super) fn say(&self, surroundings: &Surroundings) {
        let run = &self.run.run;
        let names: Vec<String> = self.objects.iter().map(|(o, _)| o.clone()).collect();
        let mut lines = vec![match names.len() {
            0 => format!("--restart: dropping migration {run}, which has made nothing"),
            n => format!(
                "--restart: dropping migration {run} and the {n} objects that it made: {}",
                few(&names)
            ),
        }];
        lines.extend(self.copies.iter().map(Dropping::in_words));
        if !self.stays.is_empty() {
            lines.push(format!("--restart: these stay: {}", few(&self.stays)));
        }
        for line in lines {
            let _ = surroundings.events.try_send(Event::Notice(line));
        }
    }

    /// Drops it.
    ///
    /// # Errors
    /// Objects of others that depend on what is dropped, the target's refusal, its loss.
    pub(super) async fn carry_out(self, ledger: &mut Ledger, owner: &Owner) -> Result<(), Error> {
        for copy in self.copies {
            copy.carry_out(ledger, owner).await?;
        }
        let mut left = self.objects;
        while !left.is_empty() {
            let before = left.len();
            left = round(ledger, (&self.run.run, owner), left).await?;
            if left.len() == before {
                let names: Vec<String> = left.into_iter().map(|(object, _)| object).collect();
                return Err(refused(
                    format!(
                        "objects that this migration did not make depend on what it made: {}",
                        few(&names)
                    ),
                    "drop those by hand, then repeat the command; what was dropped so far is gone",
                ));
            }
        }
        ledger.forget_statements(&self.run.run, owner).await?;
        ledger.forget(&self.run.run, owner).await?;
        Ok(())
    }
}

/// Drops what nothing depends on; answers the rest.
async fn round(
    ledger: &mut Ledger,
    owned: (&str, &Owner),
    objects: Vec<(String, String)>,
) -> Result<Vec<(String, String)>, Error> {
    let mut left = Vec::new();
    for (object, sql) in objects {
        match ledger.drop_object(owned, (&object, &sql)).await {
            Ok(()) => {}
            Err(ledger::Error::Wire { source, .. }) if source.code() == Some(DEPENDED_ON) => {
                left.push((object, sql));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(left)
}

/// Tables that the migration made and did not fill must be empty: rows in them are somebody else's.
async fn refuse_strange_rows(
    ledger: &mut Ledger,
    objects: &[(String, String)],
    copies: &[Dropping],
) -> Result<(), Error> {
    let mut strange = Vec::new();
    for (object, _) in objects {
        let table = object.strip_prefix("table ").and_then(names);
        let Some([schema, name]) = table.as_deref() else {
            continue;
        };
        let filled = copies.iter().any(|copy| copy.fills(schema, name));
        if !filled && ledger.holds_rows(schema, name).await? {
            strange.push(object.clone());
        }
    }
    if strange.is_empty() {
        return Ok(());
    }
    Err(refused(
        format!(
            "rows that this migration did not load are in what it made: {}",
            few(&strange)
        ),
        "--restart would drop them; empty or drop these tables by hand if that is meant",
    ))
}

/// How an object is dropped.
#[derive(Debug, PartialEq, Eq)]
enum How {
    /// By this statement; lower ranks come first.
    Drop(u8, String),
    /// With what it belongs to.
    Goes,
    /// Not at all.
    Stays,
}

/// From the readable name of an object, as `schema::convert` writes it.
fn how(object: &str) -> Option<How> {
    let rest = |word: &str| object.strip_prefix(word);
    let named = |rank, what: &str, text: &str| {
        let [schema, name] = names(text)?.try_into().ok()?;
        let name = sql::qualified(&schema, &name);
        Some(How::Drop(rank, format!("DROP {what} IF EXISTS {name}")))
    };
    let constraint = |rank, text: &str| {
        let [schema, table, name] = names(text)?.try_into().ok()?;
        let table = sql::qualified(&schema, &table);
        let name = sql::identifier(&name);
        let drop = format!("ALTER TABLE IF EXISTS {table} DROP CONSTRAINT IF EXISTS {name}");
        Some(How::Drop(rank, drop))
    };
    if let Some(text) = rest("foreign key ") {
        return constraint(0, text);
    }
    if let Some(text) = rest("trigger ") {
        let [schema, table, name] = names(text)?.try_into().ok()?;
        let (table, name) = (sql::qualified(&schema, &table), sql::identifier(&name));
        let drop = format!("DROP TRIGGER IF EXISTS {name} ON {table}");
        return Some(How::Drop(0, drop));
    }
    if let Some(text) = rest("unique constraint ").or_else(|| rest("exclusion constraint ")) {
        return constraint(2, text);
    }
    for (word, rank, what) in [
        ("materialized view ", 1, "MATERIALIZED VIEW"),
        ("view ", 1, "VIEW"),
        ("index ", 2, "INDEX"),
        ("table ", 3, "TABLE"),
        ("sequence ", 4, "SEQUENCE"),
        ("type ", 6, "TYPE"),
    ] {
        if let Some(text) = rest(word) {
            return named(rank, what, text);
        }
    }
    for (word, what) in [("function ", "FUNCTION"), ("procedure ", "PROCEDURE")] {
        if let Some(text) = rest(word) {
            return routine(what, text);
        }
    }
    let goes = ["owner of ", "comment on ", "analyze "];
    if goes.iter().any(|word| object.starts_with(word)) {
        return Some(How::Goes);
    }
    let stays = ["schema ", "extension "];
    let stays = stays.iter().any(|word| object.starts_with(word));
    stays.then_some(How::Stays)
}

/// `public.f(integer, text)`; the arguments are the source's own text.
fn routine(what: &str, text: &str) -> Option<How> {
    let open = (0..text.len()).find(|&at| {
        let is_open = text.as_bytes()[at] == b'(';
        is_open && text[..at].matches('"').count().is_multiple_of(2)
    })?;
    let [schema, name] = names(&text[..open])?.try_into().ok()?;
    let arguments = &text[open..];
    if arguments.contains(';') || !arguments.ends_with(')') {
        return None;
    }
    let name = sql::qualified(&schema, &name);
    Some(How::Drop(
        5,
        format!("DROP {what} IF EXISTS {name}{arguments}"),
    ))
}

/// The parts of a readable name; `None` where one is not shown as it is.
fn names(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let (part, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_name(quoted)?,
            None => {
                let end = rest.find('.').unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        let is_shown = !part.is_empty() && !part.contains('\\');
        parts.push(is_shown.then_some(part)?);
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None if after.is_empty() => return Some(parts),
            None => return None,
        }
    }
}

/// A name behind its opening quote, and what follows it.
fn quoted_name(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let end = rest.find('"')?;
        name.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                name.push('"');
                rest = after;
            }
            None => return Some((name, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drop_of(object: &str) -> String {
        match how(object) {
            Some(How::Drop(_, sql)) => sql,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn every_kind_of_object_is_dropped_by_its_own_statement() {
        for (object, sql) in [
            ("table public.t", "DROP TABLE IF EXISTS \"public\".\"t\""),
            (
                "table public.\"My \"\"a.b\"\"\"",
                "DROP TABLE IF EXISTS \"public\".\"My \"\"a.b\"\"\"",
            ),
            (
                "foreign key s.t.\"a.b\"",
                "ALTER TABLE IF EXISTS \"s\".\"t\" DROP CONSTRAINT IF EXISTS \"a.b\"",
            ),
            (
                "trigger s.t.x",
                "DROP TRIGGER IF EXISTS \"x\" ON \"s\".\"t\"",
            ),
            (
                "function s.f(integer, \"s\".\"T\")",
                "DROP FUNCTION IF EXISTS \"s\".\"f\"(integer, \"s\".\"T\")",
            ),
            (
                "materialized view s.v",
                "DROP MATERIALIZED VIEW IF EXISTS \"s\".\"v\"",
            ),
        ] {
            assert_eq!(drop_of(object), sql, "{object}");
        }
        assert_eq!(how("comment on table s.t"), Some(How::Goes));
        assert_eq!(how("schema app"), Some(How::Stays));
    }

    #[test]
    fn what_is_not_shown_as_it_is_or_not_known_is_not_guessed_at() {
        for object in [
            "table public.\"a\\nb\"",
            "table t",
            "table a.b.c",
            "table public.\"open",
            "function s.f(); DROP TABLE x",
            "rule s.t.r",
            "",
        ] {
            assert_eq!(how(object), None, "{object}");
        }
    }

    #[test]
    fn foreign_keys_go_first_and_types_last() {
        let rank = |object: &str| match how(object) {
            Some(How::Drop(rank, _)) => rank,
            other => panic!("{object}: {other:?}"),
        };
        let order = [
            "foreign key s.t.f",
            "view s.v",
            "index s.i",
            "table s.t",
            "sequence s.q",
            "function s.f()",
            "type s.y",
        ];
        assert!(order.is_sorted_by_key(|object| rank(object)));
    }
}
