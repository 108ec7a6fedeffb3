//! Before a run goes on: whether the target holds what the ledger says, and the source still has the rows that
//! were copied.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use crate::endpoint::snapshot::Snapshot;
use crate::engine;
use crate::lane::{Shared, Work};
use crate::ledger::{Changes, Ledger, Progress, TargetState};

use super::super::error::Error;
use super::super::prepare::{Prepared, Settings};
use super::enter::{Entered, few};
use super::reconcile::{Compared, reconcile};
use super::resume::held;

/// Before a run goes on: the target must hold what the ledger says, and the source must still have
/// the rows that were copied. Tables of which the source has others now are reconciled; those that held
/// rows before the run are left out, by name.
pub(super) async fn prove(
    entered: &mut Entered,
    prepared: &Prepared,
    shared: &Shared,
    settings: &Settings,
    phase: &impl Fn(&str),
) -> Result<(), Error> {
    if !entered.continued {
        return Ok(());
    }
    phase("comparing the target with the ledger");
    let counts = engine::count_target(shared, &prepared.target_names(), settings.jobs).await;
    held(&entered.progress, counts, false)?;
    let broken_off = unfinished(&entered.progress);
    let earlier = entered.earlier_snapshot.as_deref().and_then(Proven::read);
    match earlier.filter(|e| e.snapshot.shows_the_same_as(&prepared.snapshot)) {
        Some(still) => {
            entered.problems = still.problems();
            if !broken_off.is_empty() {
                let only = |target| broken_off.contains(&target);
                mend(
                    entered,
                    prepared,
                    (shared, settings),
                    &broken_off,
                    (only, phase),
                )
                .await?;
            }
        }
        None => {
            phase(
                "the source may have been written since: comparing what was copied with the source",
            );
            let all = |_| true;
            let mixed = mend(
                entered,
                prepared,
                (shared, settings),
                &broken_off,
                (all, phase),
            )
            .await?;
            let proven = Proven {
                snapshot: prepared.snapshot.clone(),
                changed: pairs_of(prepared, &mixed),
            };
            entered.problems.extend(proven.problems());
            let (run, owner) = (&entered.run, &entered.owner);
            entered
                .ledger
                .set_snapshot(run, owner, &proven.text())
                .await?;
        }
    }
    entered.reconciled = reconciled_by(&mut entered.ledger, &entered.run).await?;
    Ok(())
}

/// Forgets what was proven: the next process compares all that is copied, whether or not the source has moved.
pub(super) async fn doubt(entered: &mut Entered) -> Result<(), Error> {
    const NOT_PROVEN: &str = "";
    let (run, owner) = (&entered.run, &entered.owner);
    let ledger = &mut entered.ledger;
    Ok(ledger.set_snapshot(run, owner, NOT_PROVEN).await?)
}

/// Compares what was copied of these targets with the source, and reconciles those of which it has others
/// now; answers those that can not be.
async fn mend(
    entered: &mut Entered,
    prepared: &Prepared,
    (shared, settings): (&Shared, &Settings),
    broken_off: &BTreeSet<usize>,
    (wanted, phase): (impl Fn(usize) -> bool, &impl Fn(&str)),
) -> Result<BTreeSet<usize>, Error> {
    let compared = compared(entered, prepared, (shared, settings), wanted).await?;
    let changed = changed(&compared, prepared, broken_off);
    let (reconcilable, mixed) = apart(&entered.progress, changed);
    if !reconcilable.is_empty() {
        phase(&reconciling(prepared, &reconcilable));
        let wanted = (&reconcilable, compared.as_slice());
        reconcile(entered, prepared, (shared, settings), wanted).await?;
    }
    Ok(mixed)
}

/// What was changed to reconcile tables, by target.
pub(super) async fn reconciled_by(
    ledger: &mut Ledger,
    run: &str,
) -> Result<BTreeMap<usize, Changes>, Error> {
    let repaired = ledger.repaired(run).await?;
    let changes = repaired.into_iter();
    Ok(changes.map(|(target, r)| (target, r.changes)).collect())
}

/// Targets that a process before this one has begun to reconcile.
fn unfinished(progress: &Progress) -> BTreeSet<usize> {
    let targets = progress.plan.targets.iter().enumerate();
    let begun = targets.filter(|(_, t)| t.state == TargetState::Reconciling);
    begun.map(|(number, _)| number).collect()
}

/// Targets that can be made equal to a snapshot, and those that hold rows which are not the run's, or lack
/// rows that it rejected: their files are of another snapshot.
fn apart(progress: &Progress, targets: BTreeSet<usize>) -> (BTreeSet<usize>, BTreeSet<usize>) {
    let loaded = progress.by_pair();
    let whole = |target: usize| {
        let mut pairs = progress.plan.pairs.iter().zip(&loaded);
        pairs.all(|(pair, loaded)| pair.target != target || loaded.rejected == 0)
    };
    let own = |target: &usize| progress.plan.targets[*target].baseline == Some(0) && whole(*target);
    targets.into_iter().partition(own)
}

fn pairs_of(prepared: &Prepared, targets: &BTreeSet<usize>) -> BTreeSet<usize> {
    let pairs = prepared.matching.pairs.iter().enumerate();
    let wanted = pairs.filter(|(_, pair)| targets.contains(&pair.target));
    wanted.map(|(number, _)| number).collect()
}

fn reconciling(prepared: &Prepared, targets: &BTreeSet<usize>) -> String {
    let name = |&target: &usize| prepared.matching.targets[target].name.to_string();
    let names: Vec<String> = targets.iter().map(name).collect();
    format!(
        "rows that were copied have changed on the source since: reconciling {}",
        few(&names)
    )
}

/// The snapshot under which a run goes on, and what was found when it was compared with the rows that
/// were copied before. The tables that are not left out are exactly this snapshot's as far as they are
/// copied; a later snapshot that shows the same rows need not be compared with any.
struct Proven {
    snapshot: Snapshot,
    /// Pairs whose copied rows are others in it; they are left out.
    changed: BTreeSet<usize>,
}

/// As the ledger stores it where tables are left out; else the snapshot stands alone.
#[derive(Serialize, Deserialize)]
struct Partly {
    proven: Snapshot,
    changed: BTreeSet<usize>,
}

impl Proven {
    fn text(&self) -> String {
        let text = match self.changed.is_empty() {
            true => serde_json::to_string(&self.snapshot),
            false => serde_json::to_string(&Partly {
                proven: self.snapshot.clone(),
                changed: self.changed.clone(),
            }),
        };
        text.expect("a snapshot is JSON")
    }

    /// `None` where nothing is proven, or the text is of another version: everything is compared then.
    fn read(text: &str) -> Option<Self> {
        if let Ok(Partly { proven, changed }) = serde_json::from_str(text) {
            let snapshot = proven;
            return Some(Self { snapshot, changed });
        }
        let snapshot = serde_json::from_str(text).ok()?;
        let changed = BTreeSet::new();
        Some(Self { snapshot, changed })
    }

    fn problems(&self) -> HashMap<usize, String> {
        const PROBLEM: &str = "rows that were copied have changed on the source since, and can not be told \
                               from the rows that the table held before, or some of them were rejected: \
                               empty it, or restore it, and begin anew with --restart";
        let problem = |pair: &usize| (*pair, PROBLEM.to_owned());
        self.changed.iter().map(problem).collect()
    }
}

/// The begun chunks of these targets, and whether the source still has what was committed of them. Finished
/// ones are compared, too: a row may have moved into one.
async fn compared(
    entered: &Entered,
    prepared: &Prepared,
    (shared, settings): (&Shared, &Settings),
    wanted: impl Fn(usize) -> bool,
) -> Result<Vec<Compared>, Error> {
    let target = |work: &Work| prepared.matching.pairs[work.table].target;
    let begun = entered.works.iter().filter(|w| !w.done.is_empty());
    let begun: Vec<Work> = begun.filter(|w| wanted(target(w))).cloned().collect();
    let same = engine::redigest(shared, &begun, settings.jobs).await?;
    Ok(begun.into_iter().zip(same).collect())
}

/// The targets of which a row that was copied is another on the source now, and those whose reconciling was
/// broken off.
fn changed(
    compared: &[Compared],
    prepared: &Prepared,
    broken_off: &BTreeSet<usize>,
) -> BTreeSet<usize> {
    let others = compared.iter().filter(|(_, same)| !same);
    let targets = others.map(|(work, _)| prepared.matching.pairs[work.table].target);
    targets.chain(broken_off.iter().copied()).collect()
}
