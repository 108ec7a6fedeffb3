//! `--restart`: a run that is dropped.

use crate::endpoint::session;
use crate::ledger::{Ledger, Owner, Progress, Run, TargetRow};
use crate::metrics::Event;

use super::super::error::Error;
use super::super::prepare::{OnExisting, Surroundings, refused};
use super::empty::{count, empty_all};
use super::enter::few;
use super::resume::own;

/// A run that is to be dropped, and the rows that it loaded.
pub(in crate::runs) struct Dropping {
    run: Run,
    /// Tables that are emptied: target number, table, rows that the run loaded into it.
    filled: Vec<(usize, TargetRow, u64)>,
}

impl Dropping {
    /// Finds out what would be dropped; changes nothing.
    ///
    /// # Errors
    /// Tables whose rows can not be told from those of others.
    pub(in crate::runs) async fn plan(
        ledger: &mut Ledger,
        write: &session::WriteSettings,
        on_existing: OnExisting,
        run: &Run,
    ) -> Result<Self, Error> {
        let dropping = Self {
            run: run.clone(),
            filled: filled(&ledger.progress(&run.run).await?),
        };
        dropping.refuse_mixed()?;
        if on_existing != OnExisting::Truncate {
            dropping.refuse_written_since(ledger, write).await?;
        }
        Ok(dropping)
    }

    /// What is dropped, for people.
    pub(in crate::runs) fn in_words(&self) -> String {
        let run = &self.run.run;
        if self.filled.is_empty() {
            return format!("--restart: dropping run {run}, which has loaded nothing");
        }
        let table =
            |(_, table, rows): &(usize, TargetRow, u64)| match table.state.is_told_by_batches() {
                true => format!("{} ({rows})", table.name),
                false => format!("{} (being reconciled)", table.name),
            };
        let tables: Vec<String> = self.filled.iter().map(table).collect();
        let rows: u64 = self.filled.iter().map(|(.., rows)| rows).sum();
        format!(
            "--restart: dropping run {run} and the {rows} rows that it loaded into: {}",
            few(&tables)
        )
    }

    /// Whether the run has loaded rows into a table.
    pub(in crate::runs) fn fills(&self, schema: &str, name: &str) -> bool {
        let mut tables = self.filled.iter().map(|(_, table, _)| &table.name);
        tables.any(|table| table.schema == schema && table.name == name)
    }

    /// Empties the tables that the run filled, and forgets it; `owner` has taken it over before this
    /// was planned.
    ///
    /// # Errors
    /// The target's refusal, its loss, or another process that has taken the run over since.
    pub(in crate::runs) async fn carry_out(
        self,
        ledger: &mut Ledger,
        owner: &Owner,
    ) -> Result<(), Error> {
        let run = &self.run.run;
        let filled = self.filled.into_iter();
        let targets = filled.map(|(number, t, _)| (number, t.name)).collect();
        empty_all(ledger, (run, owner), targets).await?;
        ledger.forget(run, owner).await?;
        Ok(())
    }

    fn refuse_mixed(&self) -> Result<(), Error> {
        let mixed = self.filled.iter().filter(|(_, t, _)| t.baseline != Some(0));
        let mixed: Vec<String> = mixed.map(|(_, t, _)| t.name.to_string()).collect();
        if mixed.is_empty() {
            return Ok(());
        }
        Err(refused(
            format!(
                "rows of run {} can not be told from others in: {}",
                self.run.run,
                few(&mixed)
            ),
            "these tables held rows before it appended to them; empty them by hand, or restore them, \
             then drop schema wire9",
        ))
    }

    /// A table that holds more rows than the run loaded is in use by somebody: it is not emptied for a
    /// restart.
    async fn refuse_written_since(
        &self,
        ledger: &mut Ledger,
        write: &session::WriteSettings,
    ) -> Result<(), Error> {
        let mut more = Vec::new();
        let told = self.filled.iter();
        for (_, target, loaded) in told.filter(|(_, t, _)| t.state.is_told_by_batches()) {
            if count(ledger, write, &target.name).await? > *loaded {
                more.push(target.name.to_string());
            }
        }
        if more.is_empty() {
            return Ok(());
        }
        Err(refused(
            format!(
                "tables hold rows besides those that run {} loaded: {}",
                self.run.run,
                few(&more)
            ),
            "--restart would empty them; if that is meant, say --on-existing truncate as well",
        ))
    }
}

/// The targets that hold rows of the run; those that are being reconciled may hold any.
fn filled(progress: &Progress) -> Vec<(usize, TargetRow, u64)> {
    let targets = progress.plan.targets.iter().enumerate();
    targets
        .map(|(number, target)| (number, target.clone(), progress.loaded(number)))
        .filter(|(_, target, rows)| *rows > 0 || !target.state.is_told_by_batches())
        .collect()
}

/// `--restart`: takes a run over, so that nothing of it can commit any more, and drops it, but says
/// before what goes with it.
pub(super) async fn drop_run(
    ledger: &mut Ledger,
    write: &session::WriteSettings,
    on_existing: OnExisting,
    run: &Run,
    surroundings: &Surroundings,
) -> Result<(), Error> {
    let owner = Owner::this_process();
    own(ledger, run, &owner, &[], surroundings).await?;
    let dropping = Dropping::plan(ledger, write, on_existing, run).await?;
    let _ = surroundings
        .events
        .try_send(Event::Notice(dropping.in_words()));
    dropping.carry_out(ledger, &owner).await
}
