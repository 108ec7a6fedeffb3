//! Whose run it is: a new one over an empty target, or the one that the same command began before.

use std::collections::{BTreeMap, HashSet};

use uuid::Uuid;

use crate::catalog::database::Name;
use crate::catalog::is_system_schema;
use crate::endpoint::identity::identity;
use crate::endpoint::session::{WriteSettings, prepare_write};
use crate::ledger::{Claim, Ledger, NewRun, Owner, PlanRows, Run, State, statement_digest};
use crate::metrics::Event;
use crate::schema::convert::{Makes, Statement};
use crate::wire::{self, ConnectOptions, Connection, Reply};

use super::super::check::Assessment;
use super::super::copy::Surroundings;
use super::super::copy::enter::few;
use super::super::copy::resume::own;
use super::super::error::Error;
use super::super::prepare::configuration::source_key;
use super::super::prepare::refused;
use super::super::reach;
use super::accepts_occupied;
use super::restart::Restart;
use super::settings::Settings;

/// A run that this process owns.
pub(super) struct Entered {
    pub(super) ledger: Ledger,
    pub(super) target: ConnectOptions,
    pub(super) write: WriteSettings,
    pub(super) run: String,
    pub(super) owner: Owner,
    pub(super) continued: bool,
    /// What is applied already: objects and the digests of their statements.
    pub(super) known: BTreeMap<String, String>,
    /// The rows were copied to the end before.
    pub(super) copied_before: bool,
}

/// Finds the run that this command continues, or begins one.
pub(super) async fn enter(
    settings: &Settings,
    assessment: &Assessment,
    surroundings: &Surroundings,
) -> Result<Entered, Error> {
    let mut entering = Entering::look(settings, assessment).await?;
    if settings.copy.restart {
        entering.restart(surroundings).await?;
    }
    let Entering {
        mut ledger,
        target,
        write,
        migration,
        runs,
        copies,
        ..
    } = entering;
    let statements = &assessment.conversion.statements;
    let owner = Owner::this_process();
    let (run, known) = match runs.first() {
        Some(run) => go_on(&mut ledger, (run, &owner), statements, surroundings).await?,
        None => {
            if settings.parts.pre_data {
                let others = accepts_occupied(settings);
                refuse_occupied(&mut ledger, statements, others).await?;
            }
            (
                begin(&mut ledger, migration, &owner).await?,
                BTreeMap::new(),
            )
        }
    };
    Ok(Entered {
        ledger,
        target,
        write,
        run,
        owner,
        continued: !runs.is_empty(),
        known,
        copied_before: copies.iter().any(|copy| copy.state == State::Done),
    })
}

/// What is known before it is decided.
pub(super) struct Entering {
    pub(super) ledger: Ledger,
    target: ConnectOptions,
    pub(super) write: WriteSettings,
    /// Key of the source.
    key: String,
    /// Key of the migration.
    migration: String,
    /// Its runs, the newest first.
    runs: Vec<Run>,
    /// Copies of the same source.
    copies: Vec<Run>,
}

impl Entering {
    /// Asks source and target for it; changes nothing.
    async fn look(settings: &Settings, assessment: &Assessment) -> Result<Self, Error> {
        let key = key_of_source(settings).await?;
        let (mut connection, target) = connect(settings).await?;
        let mut write = WriteSettings::new("wire9/schema", &assessment.profile);
        if let Some(path) = &settings.copy.target_search_path {
            write.search_path(path)?;
        }
        prepare_write(&mut connection, &mut write).await?;
        let mut entering = Self {
            ledger: Ledger::new(connection, target.clone(), write.clone()),
            target,
            write,
            migration: format!("migrate {key}"),
            key,
            runs: Vec::new(),
            copies: Vec::new(),
        };
        entering.read().await?;
        Ok(entering)
    }

    async fn read(&mut self) -> Result<(), Error> {
        self.runs = self.ledger.runs(&self.migration).await?;
        self.copies = self.ledger.runs(&self.key).await?;
        Ok(())
    }

    /// `--restart`: drops what earlier runs have made.
    async fn restart(&mut self, surroundings: &Surroundings) -> Result<(), Error> {
        let owner = Owner::this_process();
        let (runs, copies) = (self.runs.clone(), self.copies.clone());
        for run in runs.iter().chain(&copies) {
            own(&mut self.ledger, run, &owner, &[], surroundings).await?;
        }
        for (number, run) in runs.iter().enumerate() {
            // The rows go with the newest.
            let copies = if number == 0 { copies.as_slice() } else { &[] };
            let restart = Restart::plan(self, run, copies).await?;
            restart.say(surroundings);
            restart.carry_out(&mut self.ledger, &owner).await?;
        }
        self.read().await
    }
}

/// Says what `--restart` would drop.
pub(super) async fn would_drop(
    settings: &Settings,
    assessment: &Assessment,
    surroundings: &Surroundings,
) -> Result<(), Error> {
    if !settings.copy.restart {
        return Ok(());
    }
    let mut entering = Entering::look(settings, assessment).await?;
    let (runs, copies) = (entering.runs.clone(), entering.copies.clone());
    match runs.first() {
        Some(run) => {
            let restart = Restart::plan(&mut entering, run, &copies).await?;
            restart.say(surroundings);
        }
        None => {
            let text = "--restart: there is no earlier migration to drop".to_owned();
            let _ = surroundings.events.try_send(Event::Notice(text));
        }
    }
    Ok(())
}

async fn key_of_source(settings: &Settings) -> Result<String, Error> {
    if let Some(dump) = &settings.dump {
        return Ok(format!("dump {}", dump.file));
    }
    let mut options = settings.check.source.clone();
    options.set_reply_timeout(settings.check.io_timeout);
    let connected = Connection::connect(&options).await;
    let mut connection = connected.map_err(|e| Error::connect("the source", e))?;
    let identity = identity(&mut connection).await?;
    connection.close().await;
    Ok(source_key(&identity))
}

async fn connect(settings: &Settings) -> Result<(Connection, ConnectOptions), Error> {
    let mut options = settings.copy.target.clone();
    options.set_reply_timeout(settings.check.io_timeout);
    let reached = reach::target(&options).await?;
    Ok((reached.connection, reached.options))
}

async fn begin(ledger: &mut Ledger, migration: String, owner: &Owner) -> Result<String, Error> {
    ledger.create_statements().await?;
    let new = NewRun {
        run: Uuid::new_v4().to_string(),
        // What is applied is compared statement by statement.
        settings: "{}".to_owned(),
        source: migration,
        snapshot: String::new(),
        owner: owner.clone(),
        tokens: Vec::new(),
    };
    match ledger.begin(&new, &PlanRows::default()).await? {
        Claim::Ours => Ok(new.run),
        Claim::Lost => Err(refused(
            "another wire9 process has just begun a migration of this source",
            "let it finish, or stop it; then repeat the command",
        )),
    }
}

async fn go_on(
    ledger: &mut Ledger,
    (run, owner): (&Run, &Owner),
    statements: &[Statement],
    surroundings: &Surroundings,
) -> Result<(String, BTreeMap<String, String>), Error> {
    own(ledger, run, owner, &[], surroundings).await?;
    ledger.create_statements().await?;
    let known = ledger.statements(&run.run).await?;
    refuse_changed(statements, &known)?;
    refuse_missing(ledger, statements, &known).await?;
    Ok((run.run.clone(), known))
}

/// What is applied already must be what would be applied now.
fn refuse_changed(statements: &[Statement], known: &BTreeMap<String, String>) -> Result<(), Error> {
    let changed: Vec<String> = statements
        .iter()
        .filter(|s| {
            let before = known.get(&s.object);
            before.is_some_and(|digest| *digest != statement_digest(&s.sql))
        })
        .map(|s| s.object.clone())
        .collect();
    let now: HashSet<&str> = statements.iter().map(|s| s.object.as_str()).collect();
    let gone = known.keys().filter(|object| !now.contains(object.as_str()));
    let different: Vec<String> = changed.into_iter().chain(gone.cloned()).collect();
    if different.is_empty() {
        return Ok(());
    }
    Err(refused(
        format!(
            "this migration has made objects that are another today, in the source or by the options: {}",
            few(&different)
        ),
        "repeat the command that began it, or begin anew with --restart, which drops what it made",
    ))
}

/// What is applied already must still be there.
async fn refuse_missing(
    ledger: &mut Ledger,
    statements: &[Statement],
    known: &BTreeMap<String, String>,
) -> Result<(), Error> {
    let there: HashSet<Name> = relations(ledger)
        .await?
        .into_iter()
        .map(|r| r.name)
        .collect();
    let missing: Vec<String> = statements
        .iter()
        .filter(|s| known.contains_key(&s.object) && is_relation(s.makes))
        .filter(|s| !there.contains(&s.name))
        .map(|s| s.object.clone())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(refused(
        format!(
            "this migration has made objects that are not in the target any more: {}",
            few(&missing)
        ),
        "begin anew with --restart, which drops the rest of what it made",
    ))
}

/// A relation of the target.
struct Relation {
    name: Name,
    /// pg_class.relkind.
    kind: String,
}

/// Refuses a target that holds what would be made, and one that holds anything else (`others`: that is
/// accepted).
async fn refuse_occupied(
    ledger: &mut Ledger,
    statements: &[Statement],
    others: bool,
) -> Result<(), Error> {
    let wanted = |makes: fn(Makes) -> bool| -> HashSet<&Name> {
        let all = statements.iter().filter(|s| makes(s.makes));
        all.map(|s| &s.name).collect()
    };
    let own = wanted(is_relation);
    let mut found: Vec<String> = relations(ledger)
        .await?
        .into_iter()
        .filter(|r| own.contains(&r.name) || (!others && is_table_or_view(&r.kind)))
        .map(|r| r.name.to_string())
        .collect();
    for (catalog, prefix, names) in [
        ("pg_type", "typ", wanted(|m| m == Makes::Type)),
        ("pg_proc", "pro", wanted(is_routine)),
    ] {
        let there = named(ledger, catalog, prefix).await?;
        let there = there.iter().filter(|name| names.contains(name));
        found.extend(there.map(ToString::to_string));
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(refused(
        format!("the target is not empty: {}", few(&found)),
        "give an empty database, or drop what it holds; to fill tables that exist, say --data-only",
    ))
}

fn is_relation(makes: Makes) -> bool {
    matches!(
        makes,
        Makes::Sequence | Makes::Table | Makes::Index | Makes::View | Makes::MaterializedView
    )
}

fn is_routine(makes: Makes) -> bool {
    matches!(makes, Makes::EarlyRoutine | Makes::Routine)
}

fn is_table_or_view(kind: &str) -> bool {
    matches!(kind, "r" | "p" | "f" | "v" | "m")
}

/// The relations of users, less those of extensions where the target tells these.
async fn relations(ledger: &mut Ledger) -> Result<Vec<Relation>, Error> {
    const ALL: &str = "SELECT n.nspname, c.relname, c.relkind FROM pg_catalog.pg_class c \
                       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace";
    const OF_NO_EXTENSION: &str = " LEFT JOIN pg_catalog.pg_depend d ON d.objid = c.oid \
         AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype = 'e' \
         WHERE d.objid IS NULL";
    let reply = ask(ledger, &[&format!("{ALL}{OF_NO_EXTENSION}"), ALL]).await?;
    let read = |row: &Vec<Option<String>>| {
        let kind = row.get(2).cloned().flatten()?;
        Some(Relation {
            name: name(row)?,
            kind,
        })
    };
    let all = reply.rows.iter().filter_map(read);
    Ok(all.filter(|r| !is_system_schema(&r.name.schema)).collect())
}

/// The names in a catalog, less those of the system.
async fn named(ledger: &mut Ledger, catalog: &str, prefix: &str) -> Result<Vec<Name>, Error> {
    let sql = format!(
        "SELECT n.nspname, o.{prefix}name FROM pg_catalog.{catalog} o \
         JOIN pg_catalog.pg_namespace n ON n.oid = o.{prefix}namespace"
    );
    let reply = ask(ledger, &[&sql]).await?;
    let all = reply.rows.iter().filter_map(|row| name(row));
    Ok(all.filter(|n| !is_system_schema(&n.schema)).collect())
}

fn name(row: &[Option<String>]) -> Option<Name> {
    Some(Name::new(row.first()?.as_deref()?, row.get(1)?.as_deref()?))
}

/// The answer to the first question that the target understands.
async fn ask(ledger: &mut Ledger, questions: &[&str]) -> Result<Reply, Error> {
    let connection = ledger.connection().await?;
    let mut refusal = None;
    for question in questions {
        match connection.query(question).await {
            Ok(reply) => return Ok(reply),
            Err(error @ wire::Error::Server(_)) => refusal = Some(error),
            Err(error) => {
                refusal = Some(error);
                break;
            }
        }
    }
    let source = refusal.expect("there is a question");
    let doing = "looking at what the target holds".to_owned();
    Err(crate::endpoint::Error::Wire { doing, source }.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::convert::Section;

    fn statement(object: &str, sql: &str) -> Statement {
        Statement {
            section: Section::PreData,
            makes: Makes::Table,
            object: object.to_owned(),
            name: Name::new("public", "t"),
            sql: sql.to_owned(),
            rewritten: Vec::new(),
            needs: Vec::new(),
        }
    }

    #[test]
    fn objects_that_are_another_today_are_named() {
        let known: BTreeMap<String, String> = [("a", "1"), ("b", "2"), ("c", "3")]
            .map(|(object, sql)| (object.to_owned(), statement_digest(sql)))
            .into();
        let same = [
            statement("a", "1"),
            statement("b", "2"),
            statement("c", "3"),
        ];
        assert!(refuse_changed(&same, &known).is_ok());
        let other = [
            statement("a", "1"),
            statement("b", "22"),
            statement("d", "4"),
        ];
        let error = refuse_changed(&other, &known).expect_err("changed");
        assert!(error.what.ends_with(": b, c"), "{}", error.what);
    }
}
