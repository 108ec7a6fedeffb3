//! `wire9 verify --repair`: tables that were found different are made equal to the source's snapshot.
//!
//! ```text
//! a repair that was broken off: taken over ─▶ verify ─▶ what would be changed, told ─▶ a run in the ledger
//!   ─▶ repair ─▶ verify again ─▶ the run is forgotten
//! ```
//! The run is there for its fence: neither a copy of the same source nor a second repair can work beside it, and
//! nothing of a process that died commits once another one has taken it over. So that happens before
//! anything is read.

mod owned;

use crate::engine::Heartbeat;
use crate::lane::Shared;
use crate::ledger::{Changes, Ledger, State};
use crate::metrics::Event;
use crate::verify::{self, Checked, Options, Verdict, repair};

use super::super::copy::enter::few;
use super::super::copy::reconcile::{limits, subjects};
use super::super::error::Error;
use super::super::prepare::configuration::source_key;
use super::super::prepare::{Prepared, Settings, Surroundings, refused};
use super::Unverified;
use owned::{Owned, enter, take_over};

/// Whether tables are repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repairing {
    /// Only say what would be changed.
    pub dry_run: bool,
    /// Repair although user triggers would fire.
    pub allow_triggers: bool,
}

/// What a repair has done to a table.
#[derive(Debug)]
pub struct Repaired {
    /// What was to be changed.
    pub planned: Changes,
    /// What was changed; `None`: it was only asked what would be.
    pub changed: Option<Changes>,
    /// Why the target did not take all of it.
    pub refused: Option<verify::Error>,
}

/// A repair from its beginning to its end.
pub(super) struct Repair<'a> {
    prepared: &'a Prepared,
    settings: &'a Settings,
    surroundings: &'a Surroundings,
    asked: Option<Repairing>,
    ledger: Ledger,
    owned: Option<Owned>,
}

/// The tables, what was found of them, and how that was found.
pub(super) type Verified<'v> = (
    &'v [verify::Table],
    &'v mut [Result<Checked, Unverified>],
    Options,
);

impl<'a> Repair<'a> {
    /// Before anything is read: nothing of a repair that was broken off may commit any more.
    pub(super) async fn begin(
        prepared: &'a Prepared,
        (settings, surroundings): (&'a Settings, &'a Surroundings),
        asked: Option<Repairing>,
    ) -> Result<Self, Error> {
        let target = &prepared.target;
        let mut ledger = Ledger::unconnected(target.options.clone(), target.write.clone());
        let mut owned = None;
        if asked.is_some_and(|how| !how.dry_run) {
            let runs = ledger
                .runs(&source_key(&prepared.snapshot.identity))
                .await?;
            if let Some(run) = runs.iter().find(|run| run.state == State::Open) {
                owned = Some(take_over(&mut ledger, run, surroundings).await?);
            }
        }
        Ok(Self {
            prepared,
            settings,
            surroundings,
            asked,
            ledger,
            owned,
        })
    }

    /// Repairs what was found different, and verifies it again; by table: what was done.
    pub(super) async fn finish(
        mut self,
        shared: &Shared,
        (tables, checked, options): Verified<'_>,
    ) -> Result<Vec<Option<Repaired>>, Error> {
        let mut repaired: Vec<Option<Repaired>> = checked.iter().map(|_| None).collect();
        let Some(how) = self.asked else {
            return Ok(repaired);
        };
        let wrong: Vec<usize> = (0..tables.len())
            .filter(|&i| differs(&checked[i]))
            .collect();
        for &place in &wrong {
            let planned = repair::survey(shared, &tables[place], limits(self.settings)).await?;
            self.tell(place, planned, how);
            repaired[place] = Some(Repaired {
                planned,
                changed: None,
                refused: None,
            });
        }
        if !how.dry_run && !wrong.is_empty() {
            self.check(&wrong, &repaired, how)?;
            self.repair(shared, tables, &wrong, &mut repaired).await?;
            self.verify_again(shared, (tables, checked, options), &wrong)
                .await;
        }
        self.end().await?;
        Ok(repaired)
    }

    fn tell(&self, place: usize, planned: Changes, how: Repairing) {
        let would = if how.dry_run { "would be" } else { "will be" };
        let text = format!(
            "{}: {} rows {would} deleted, {} inserted, {} replaced",
            self.prepared.matching.targets[place].name,
            planned.deleted,
            planned.inserted,
            planned.replaced
        );
        let _ = self.surroundings.events.try_send(Event::Notice(text));
    }

    /// What stands in the way is said before anything is written.
    fn check(
        &self,
        wrong: &[usize],
        repaired: &[Option<Repaired>],
        how: Repairing,
    ) -> Result<(), Error> {
        let targets = &self.prepared.matching.targets;
        let named = |t: &crate::schema::Target| format!("{} ({})", t.name, t.triggers.join(", "));
        let with = wrong.iter().map(|&place| &targets[place]);
        let with: Vec<String> = with.filter(|t| !t.triggers.is_empty()).map(named).collect();
        if !with.is_empty() && !how.allow_triggers {
            return Err(refused(
                format!(
                    "tables to be repaired have triggers that would fire: {}",
                    few(&with)
                ),
                "drop them and create them after the repair, or say --allow-triggers",
            ));
        }
        let deletes = |place: &&usize| {
            let planned = repaired[**place].as_ref().map(|r| r.planned);
            planned.is_some_and(|planned| planned.deleted > 0)
        };
        let outside: Vec<String> = wrong
            .iter()
            .filter(deletes)
            .flat_map(|&place| self.referring_from_outside(place))
            .collect();
        if outside.is_empty() {
            return Ok(());
        }
        Err(refused(
            format!(
                "rows would be deleted to which tables refer that are not verified: {}",
                few(&outside)
            ),
            "verify these tables as well, or drop their foreign keys until the repair is done",
        ))
    }

    /// Tables that refer to a target and are no part of this verification: their rows may go with its rows.
    fn referring_from_outside(&self, place: usize) -> Vec<String> {
        let (catalog, targets) = (
            &self.prepared.target_catalog,
            &self.prepared.matching.targets,
        );
        let Some(parent) = catalog.table(&targets[place].name) else {
            return Vec::new();
        };
        let keys = catalog
            .foreign_keys
            .iter()
            .filter(|k| k.parent == parent.oid);
        let children = keys.filter_map(|key| catalog.by_oid(key.child));
        let outside = children.filter(|child| targets.iter().all(|t| t.name != child.name));
        outside
            .map(|child| format!("{} to {}", child.name, parent.name))
            .collect()
    }

    async fn repair(
        &mut self,
        shared: &Shared,
        tables: &[verify::Table],
        wrong: &[usize],
        repaired: &mut [Option<Repaired>],
    ) -> Result<(), Error> {
        let source = source_key(&self.prepared.snapshot.identity);
        let owned = match self.owned.take() {
            Some(owned) => owned,
            None => enter(&mut self.ledger, &source, self.prepared).await?,
        };
        let heartbeat = Heartbeat::start(
            self.ledger.beside(),
            owned.fence.run.clone(),
            owned.owner.clone(),
        );
        for &place in wrong {
            let name = &self.prepared.matching.targets[place].name;
            self.ledger.not_as_left(&source, name).await?;
        }
        let phase = Event::Phase(format!("repairing {} tables", wrong.len()));
        let _ = self.surroundings.events.try_send(phase);
        let subjects = subjects(self.prepared, wrong, tables);
        let writer = (&mut self.ledger, &owned.fence);
        let done = repair::repair(shared, writer, &subjects, limits(self.settings)).await;
        drop(heartbeat);
        self.owned = Some(owned);
        for (&place, outcome) in wrong.iter().zip(done?) {
            if let Some(repaired) = &mut repaired[place] {
                repaired.changed = Some(outcome.changes);
                repaired.refused = outcome.refused;
            }
        }
        Ok(())
    }

    /// Reads both sides of the repaired tables once more, and of those that refer to them: a foreign key may
    /// have taken their rows along.
    async fn verify_again(
        &self,
        shared: &Shared,
        (tables, checked, options): Verified<'_>,
        wrong: &[usize],
    ) {
        let phase = Event::Phase("verifying the repaired tables".to_owned());
        let _ = self.surroundings.events.try_send(phase);
        let refers = |place: &usize| {
            let parents = &self.prepared.matching.targets[*place].parents;
            parents.iter().any(|parent| wrong.contains(parent))
        };
        let again: Vec<usize> = (0..tables.len())
            .filter(|place| wrong.contains(place) || refers(place))
            .collect();
        let of: Vec<verify::Table> = again.iter().map(|&place| tables[place].clone()).collect();
        let options = Options {
            both: true,
            ..options
        };
        let found = verify::verify(shared, &of, options, |_, _| ()).await;
        for (place, found) in again.into_iter().zip(found) {
            checked[place] = found.map_err(Unverified::Rows);
        }
    }

    /// Nothing of it needs to be remembered.
    async fn end(&mut self) -> Result<(), Error> {
        let Some(owned) = self.owned.take() else {
            return Ok(());
        };
        self.ledger.forget(&owned.fence.run, &owned.owner).await?;
        if self
            .ledger
            .survey()
            .await?
            .is_some_and(|runs| runs.is_empty())
        {
            self.ledger.remove().await?;
        }
        Ok(())
    }
}

fn differs(checked: &Result<Checked, Unverified>) -> bool {
    matches!(
        checked,
        Ok(Checked {
            verdict: Verdict::Different(_),
            ..
        })
    )
}
