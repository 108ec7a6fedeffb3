//! Runs: who began which, who owns it, how it ends.

use crate::planted::Mistake;
use crate::sql::literal;
use crate::wire::Reply;

use super::error::{Error, Result};
use super::layout::Standing;
use super::owner::Owner;
use super::plan::PlanRows;
use super::store::{Ended, Ledger, Statement};
use super::{SCHEMA, VERSION};

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Work is left.
    Open,
    /// Its verdict was reached.
    Done,
}

/// A run as the ledger knows it.
#[derive(Debug, Clone)]
pub struct Run {
    /// UUID.
    pub run: String,
    /// What it copies from where and how, as its settings' text; compared, never guessed at.
    pub settings: String,
    /// The key of its source: runs of one source compete.
    pub source: String,
    /// The snapshot under which its chunks were read, as text that the run layer wrote.
    pub snapshot: String,
    /// How far it is.
    pub state: State,
    /// The process that works on it, or did last.
    pub owner: Owner,
    /// Counts the owner's signs of life.
    pub beat: u64,
    /// Seconds since the last one, by the target's clock.
    pub silent: f64,
}

/// A run that begins.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// UUID.
    pub run: String,
    /// See `Run::settings`.
    pub settings: String,
    /// See `Run::source`.
    pub source: String,
    /// See `Run::snapshot`.
    pub snapshot: String,
    /// This process.
    pub owner: Owner,
    /// Lanes and their tokens, by lane number.
    pub tokens: Vec<String>,
}

/// How an attempt to own a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// This process owns the run.
    Ours,
    /// Another process was faster.
    Lost,
}

/// The statements that create the ledger's tables; the names and columns in them are what a ledger is
/// known by.
pub(super) const TABLES: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS wire9.run (run text PRIMARY KEY, layout integer NOT NULL, \
     slot text NOT NULL UNIQUE, source text NOT NULL, settings text NOT NULL, \
     snapshot text NOT NULL, state text NOT NULL, owner text NOT NULL, token text NOT NULL, \
     beat bigint NOT NULL, beat_at timestamptz NOT NULL, began_at timestamptz NOT NULL)",
    "CREATE TABLE IF NOT EXISTS wire9.pair (run text NOT NULL, pair integer NOT NULL, \
     source_schema text NOT NULL, source_name text NOT NULL, target integer NOT NULL, \
     PRIMARY KEY (run, pair))",
    "CREATE TABLE IF NOT EXISTS wire9.target (run text NOT NULL, target integer NOT NULL, \
     schema_name text NOT NULL, table_name text NOT NULL, baseline bigint, \
     truncated integer NOT NULL, state text NOT NULL, PRIMARY KEY (run, target))",
    "CREATE TABLE IF NOT EXISTS wire9.chunk (run text NOT NULL, pair integer NOT NULL, \
     chunk integer NOT NULL, bounds text NOT NULL, bytes bigint NOT NULL, \
     PRIMARY KEY (run, pair, chunk))",
    "CREATE TABLE IF NOT EXISTS wire9.lane (run text NOT NULL, lane integer NOT NULL, \
     token text NOT NULL, batches bigint NOT NULL, PRIMARY KEY (run, lane))",
    "CREATE TABLE IF NOT EXISTS wire9.batch (run text NOT NULL, pair integer NOT NULL, \
     chunk integer NOT NULL, first_row bigint NOT NULL, row_count bigint NOT NULL, \
     digest text NOT NULL, read_bytes bigint NOT NULL, sent_bytes bigint NOT NULL, \
     changed text NOT NULL, is_last integer NOT NULL, rejected bigint NOT NULL, \
     rejected_digest text NOT NULL, rejects_bytes bigint NOT NULL, records_bytes bigint NOT NULL, \
     read_sum text NOT NULL, part_sums text NOT NULL, PRIMARY KEY (run, pair, chunk, first_row))",
    "CREATE TABLE IF NOT EXISTS wire9.repair (run text NOT NULL, target integer NOT NULL, \
     batch bigint NOT NULL, deleted bigint NOT NULL, inserted bigint NOT NULL, \
     replaced bigint NOT NULL, PRIMARY KEY (run, target, batch))",
];

impl Ledger {
    /// Creates the ledger's schema and tables where they are not.
    ///
    /// # Errors
    /// `Foreign`, `NoRight`, the target's refusal, or its loss; nothing was created then.
    pub async fn create(&mut self) -> Result<()> {
        const DOING: &str = "creating its tables";
        match self.standing().await? {
            Standing::Complete => return Ok(()),
            Standing::Schema => {}
            // IF NOT EXISTS asks for the right to create, whether or not there is something to create.
            Standing::Nothing => {
                let schema = format!("CREATE SCHEMA IF NOT EXISTS {SCHEMA}");
                if let Err(error) = self.read(DOING, &schema).await {
                    return Err(self.not_created(error).await);
                }
            }
        }
        for statement in TABLES {
            self.read(DOING, statement).await?;
        }
        Ok(())
    }

    /// All runs of a source, the newest first; none where there is no ledger.
    ///
    /// # Errors
    /// The target's loss, `Foreign`, `NoRight`, `Version`, `Unreadable`.
    pub async fn runs(&mut self, source: &str) -> Result<Vec<Run>> {
        if self.standing().await? != Standing::Complete {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT run, layout, settings, source, snapshot, state, owner, beat, \
             extract(epoch FROM now() - beat_at) FROM wire9.run WHERE source = {} \
             ORDER BY began_at DESC",
            literal(source)
        );
        let reply = self.read("reading the runs", &sql).await?;
        read_runs(&reply)
    }

    /// All runs, the newest first, each with the time at which it began, in UTC.
    ///
    /// # Errors
    /// The target's loss, `Version`, `Unreadable`.
    pub(super) async fn all_runs(&mut self) -> Result<Vec<(Run, String)>> {
        let sql = "SELECT run, layout, settings, source, snapshot, state, owner, beat, \
                   extract(epoch FROM now() - beat_at), \
                   date_trunc('second', began_at AT TIME ZONE 'UTC') \
                   FROM wire9.run ORDER BY began_at DESC";
        let reply = self.read("reading the runs", sql).await?;
        let began = |row: &Vec<Option<String>>| row.get(9).cloned().flatten().unwrap_or_default();
        let times: Vec<String> = reply.rows.iter().map(began).collect();
        Ok(read_runs(&reply)?.into_iter().zip(times).collect())
    }

    /// The unfinished runs of every source, the newest first; none where there is no ledger.
    ///
    /// # Errors
    /// As `runs`.
    pub async fn open_runs(&mut self) -> Result<Vec<Run>> {
        if self.standing().await? != Standing::Complete {
            return Ok(Vec::new());
        }
        let runs = self.all_runs().await?.into_iter().map(|(run, _)| run);
        Ok(runs.filter(|run| run.state == State::Open).collect())
    }

    /// The run of a UUID; `None` where the ledger, if there is one, does not know it.
    ///
    /// # Errors
    /// As `runs`.
    pub async fn find(&mut self, run: &str) -> Result<Option<Run>> {
        if self.standing().await? != Standing::Complete {
            return Ok(None);
        }
        let all = self.all_runs().await?;
        Ok(all.into_iter().map(|(of, _)| of).find(|of| of.run == run))
    }

    /// One run anew.
    ///
    /// # Errors
    /// As `runs`.
    pub async fn run(&mut self, of: &Run) -> Result<Option<Run>> {
        Ok(self
            .runs(&of.source)
            .await?
            .into_iter()
            .find(|r| r.run == of.run))
    }

    /// Enters a new run with its whole plan, in one transaction. Two processes that begin a run of the
    /// same source at the same time collide in `slot`: one of them gets `Lost`.
    ///
    /// # Errors
    /// The target's refusal, or its loss.
    pub async fn begin(&mut self, new: &NewRun, plan: &PlanRows) -> Result<Claim> {
        let slot = literal(&format!("open {}", new.source));
        let mut statements = vec![Statement::new(format!(
            "INSERT INTO wire9.run (run, layout, slot, source, settings, snapshot, state, owner, \
             token, beat, beat_at, began_at) SELECT {run}, {VERSION}, {slot}, {}, {}, {}, 'open', {}, \
             {}, 0, now(), now() WHERE NOT EXISTS (SELECT 1 FROM wire9.run WHERE slot = {slot})",
            literal(&new.source),
            literal(&new.settings),
            literal(&new.snapshot),
            literal(&owner_text(&new.owner)),
            literal(&new.owner.token),
            run = literal(&new.run),
        ))];
        statements[0].must = Some("INSERT 0 1".into());
        statements.extend(plan.statements(&new.run));
        statements.extend(lanes(&new.run, 0, &new.tokens));
        let applied = format!("SELECT 1 FROM wire9.run WHERE run = {}", literal(&new.run));
        match self
            .transact("entering the run and its plan", &statements, &applied)
            .await?
        {
            Ended::Committed => Ok(Claim::Ours),
            Ended::Unmet(_) => Ok(Claim::Lost),
        }
    }

    /// Takes a run over from the owner that `seen` shows: the run and all its lanes get new tokens in
    /// one transaction, so that nothing which the old owner has under way can commit afterwards.
    ///
    /// # Errors
    /// The target's refusal, or its loss.
    pub async fn take_over(
        &mut self,
        seen: &Run,
        owner: &Owner,
        tokens: &[String],
    ) -> Result<Claim> {
        let run = literal(&seen.run);
        let token = literal(&owner.token);
        let mut statements = vec![Statement::must(
            format!(
                "UPDATE wire9.run SET owner = {}, token = {token}, beat = beat + 1, beat_at = now() \
                 WHERE run = {run} AND token = {}",
                literal(&owner_text(owner)),
                literal(&seen.owner.token),
            ),
            "UPDATE 1",
        )];
        // Every lane that the old owner may have: with this the rows are locked, which waits for its
        // transactions, and their tokens are nobody's.
        statements.push(Statement::new(format!(
            "UPDATE wire9.lane SET token = {token} WHERE run = {run}"
        )));
        statements.push(Statement::new(format!(
            "DELETE FROM wire9.lane WHERE run = {run}"
        )));
        if Mistake::TokenOnlyRead.is_made() && tokens.is_empty() {
            statements.truncate(1);
        }
        statements.extend(lanes(&seen.run, 0, tokens));
        let applied = format!("SELECT 1 FROM wire9.run WHERE run = {run} AND token = {token}");
        match self
            .transact("taking the run over", &statements, &applied)
            .await?
        {
            Ended::Committed => Ok(Claim::Ours),
            Ended::Unmet(_) => Ok(Claim::Lost),
        }
    }

    /// A sign of life. `false`: another process owns the run.
    ///
    /// # Errors
    /// The target's loss.
    pub async fn beat(&mut self, run: &str, owner: &Owner) -> Result<bool> {
        let sql = format!(
            "UPDATE wire9.run SET beat = beat + 1, beat_at = now() WHERE run = {} AND token = {}",
            literal(run),
            literal(&owner.token)
        );
        Ok(self.read("giving a sign of life", &sql).await?.tag.as_str() == "UPDATE 1")
    }

    /// Stores the snapshot under which the run goes on.
    ///
    /// # Errors
    /// `TakenOver`, or the target's loss.
    pub async fn set_snapshot(&mut self, run: &str, owner: &Owner, snapshot: &str) -> Result<()> {
        self.update(run, owner, &format!("snapshot = {}", literal(snapshot)))
            .await
    }

    /// The run has its verdict.
    ///
    /// # Errors
    /// `TakenOver`, or the target's loss.
    pub async fn finish(&mut self, run: &str, owner: &Owner) -> Result<()> {
        let slot = literal(&format!("done {run}"));
        self.update(run, owner, &format!("state = 'done', slot = {slot}"))
            .await
    }

    async fn update(&mut self, run: &str, owner: &Owner, set: &str) -> Result<()> {
        let token = literal(&owner.token);
        let sql = format!(
            "UPDATE wire9.run SET {set} WHERE run = {} AND token = {token}",
            literal(run)
        );
        // The update is the same however often it is done, so an unknown outcome is no doubt.
        let reply = self.read("updating the run", &sql).await?;
        if reply.tag.as_str() == "UPDATE 1" {
            return Ok(());
        }
        let sql = format!("SELECT owner FROM wire9.run WHERE run = {}", literal(run));
        let reply = self.read("reading the run's owner", &sql).await?;
        let owner = reply.value(0).and_then(read_owner);
        let owner = owner.map_or_else(|| "unknown".to_owned(), |o| o.to_string());
        Err(Error::TakenOver { owner })
    }

    /// Forgets a run that this process owns: its batches, plan, lanes and itself.
    ///
    /// # Errors
    /// The target's refusal, or its loss.
    pub async fn forget(&mut self, run: &str, owner: &Owner) -> Result<Claim> {
        let id = literal(run);
        let mut statements = vec![Statement::must(
            format!(
                "DELETE FROM wire9.run WHERE run = {id} AND token = {}",
                literal(&owner.token)
            ),
            "DELETE 1",
        )];
        // The batches of a long run are many.
        statements.push(Statement::lift_scan_limit());
        for table in ["batch", "chunk", "lane", "pair", "target", "repair"] {
            statements.push(Statement::new(format!(
                "DELETE FROM wire9.{table} WHERE run = {id}"
            )));
        }
        let applied =
            format!("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM wire9.run WHERE run = {id})");
        match self
            .transact("forgetting the run", &statements, &applied)
            .await?
        {
            Ended::Committed => Ok(Claim::Ours),
            Ended::Unmet(_) => Ok(Claim::Lost),
        }
    }
}

/// Lane rows from number `first` on.
fn lanes(run: &str, first: usize, tokens: &[String]) -> Vec<Statement> {
    let rows: Vec<String> = tokens
        .iter()
        .enumerate()
        .map(|(i, token)| format!("({}, {}, {}, 0)", literal(run), first + i, literal(token)))
        .collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let sql = "INSERT INTO wire9.lane (run, lane, token, batches) VALUES ";
    vec![Statement::new(format!("{sql}{}", rows.join(", ")))]
}

pub(super) fn owner_text(owner: &Owner) -> String {
    serde_json::to_string(owner).expect("a struct of strings and numbers is JSON")
}

pub(super) fn read_owner(text: &str) -> Option<Owner> {
    serde_json::from_str(text).ok()
}

fn read_runs(reply: &Reply) -> Result<Vec<Run>> {
    let layout = |row: &Vec<Option<String>>| row.get(1)?.as_deref()?.parse::<u32>().ok();
    if let Some(found) = reply.rows.iter().filter_map(layout).find(|&l| l != VERSION) {
        return Err(Error::Version {
            found,
            known: VERSION,
        });
    }
    let unreadable = || Error::Unreadable {
        what: "a row of wire9.run".to_owned(),
    };
    reply
        .rows
        .iter()
        .map(|row| read_run(row).ok_or_else(unreadable))
        .collect()
}

pub(super) fn read_run(row: &[Option<String>]) -> Option<Run> {
    let text = |i: usize| row.get(i)?.as_deref();
    Some(Run {
        run: text(0)?.to_owned(),
        settings: text(2)?.to_owned(),
        source: text(3)?.to_owned(),
        snapshot: text(4)?.to_owned(),
        state: match text(5)? {
            "open" => State::Open,
            "done" => State::Done,
            _ => return None,
        },
        owner: read_owner(text(6)?)?,
        beat: text(7)?.parse().ok()?,
        silent: text(8)?.parse().ok()?,
    })
}
