//! What must be known before anything is decided: the target and its profile, the source, its
//! snapshot and catalog, and which table goes where. Nothing is written. What copies and what verifies
//! begin with it.

pub(super) mod configuration;
pub(super) mod cutting;
mod found;
mod lanes;
mod settings;

use crate::catalog::{Catalog, TableName};
use crate::endpoint::identity::Identity;
use crate::endpoint::introspect;
use crate::endpoint::probe::{ProbeSettings, probe_rows};
use crate::endpoint::session::{WriteSettings, check_condition};
use crate::endpoint::snapshot::{Activity, Keeper, KeeperGuard, Snapshot};
use crate::engine;
use crate::metrics::Event;
use crate::profile::{Profile, ServerKind};
use crate::schema::{self, FractionDigits, Matching};
use crate::wire::{ConnectOptions, Connection};

use super::error::{Error, Exit};
use super::reach::{self, Reached};

pub(super) use lanes::{loading, shared, work};
pub use settings::{Mapped, OnExisting, Rejecting, Settings, Surroundings};

/// The target and what it accepts.
pub(super) struct Target {
    pub(super) options: ConnectOptions,
    /// An idle connection.
    pub(super) connection: Option<Connection>,
    pub(super) identity: Identity,
    pub(super) profile: Profile,
    pub(super) write: WriteSettings,
}

/// Everything that is known before anything is decided.
pub(super) struct Prepared {
    pub(super) target: Target,
    pub(super) source_options: ConnectOptions,
    pub(super) snapshot: Snapshot,
    pub(super) activity: Activity,
    pub(super) catalog: Catalog,
    pub(super) target_catalog: Catalog,
    pub(super) matching: Matching,
    /// By target: its wave in the load order.
    pub(super) waves: Vec<usize>,
    pub(super) notes: Vec<String>,
    pub(super) keeper: Option<Keeper>,
}

/// What is prepared for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Rows are loaded: foreign keys order the load, and triggers would fire.
    Load,
    /// Rows are read.
    Verify,
    /// Rows are read, and those that differ are mended: foreign keys order that table by table.
    Repair,
}

pub(super) async fn prepare(
    settings: &Settings,
    surroundings: &Surroundings,
    purpose: Purpose,
) -> Result<Prepared, Error> {
    let phase = "probing the target; taking a snapshot of the source and reading its catalog";
    let _ = surroundings.events.try_send(Event::Phase(phase.to_owned()));
    // Neither side needs the other yet, and both make many round trips. Where one fails the other is
    // driven to its end all the same: a probe that is dropped leaves its scratch schema behind.
    let (target, source) = tokio::join!(target(settings), source(settings));
    let (target, mut source) = (target?, source?);
    let (target, mut target_catalog, mut notes) = target;
    if purpose != Purpose::Load {
        target_catalog.only_to_read();
    }
    notes.extend(source.notes);
    let digits = digits(settings, &target.profile);
    let selection = &settings.selection;
    let catalogs = (&source.catalog, &target_catalog);
    let mut matching = match &settings.mapped {
        Some(mapped) => schema::match_mapped(catalogs, &mapped.tables, selection, digits)?,
        None => schema::match_tables(catalogs.0, catalogs.1, selection, digits)?,
    };
    let made_here = settings.mapped.as_ref().is_some_and(|m| m.made_here);
    if purpose == Purpose::Verify || (purpose == Purpose::Load && made_here) {
        free_order(&mut matching);
    }
    let waves = match purpose {
        Purpose::Load | Purpose::Verify => waves(&matching)?,
        Purpose::Repair => vec![0; matching.targets.len()],
    };
    if purpose == Purpose::Load {
        check_triggers(&matching, settings, &mut notes)?;
    }
    for pair in &matching.pairs {
        if let Some(condition) = &pair.condition {
            check_condition(source.keeper.connection(), &pair.source, condition).await?;
        }
    }
    notes.extend(matching.notes.iter().map(ToString::to_string));
    Ok(Prepared {
        target,
        source_options: source.options,
        snapshot: source.keeper.snapshot().clone(),
        activity: source.activity,
        catalog: source.catalog,
        target_catalog,
        matching,
        waves,
        notes,
        keeper: Some(source.keeper),
    })
}

/// What is known of the source alone.
struct Source {
    options: ConnectOptions,
    keeper: Keeper,
    activity: Activity,
    catalog: Catalog,
    notes: Vec<String>,
}

/// Takes the snapshot and reads the catalog under it.
async fn source(settings: &Settings) -> Result<Source, Error> {
    let mut options = settings.source.clone();
    options.set_reply_timeout(settings.io_timeout);
    let mut connection = Connection::connect(&options)
        .await
        .map_err(|e| Error::connect("the source", e))?;
    options.pin(connection.peer());
    let activity = Activity::capture(&mut connection).await?;
    connection.close().await;
    let mut keeper = Keeper::open(&options, "wire9/keeper").await?;
    let catalog = introspect::source(keeper.connection()).await?;
    let mut notes = Vec::new();
    if keeper.pooled() {
        notes.push(
            "a pooler stands before the source; every setting is made per transaction".into(),
        );
    }
    Ok(Source {
        options,
        keeper,
        activity,
        catalog,
        notes,
    })
}

impl Prepared {
    /// Gives the keeper to its task; the plan holds all its locks by now.
    pub(super) fn guard(mut self) -> (KeeperGuard, Self) {
        let keeper = self.keeper.take().expect("the keeper is guarded once");
        (keeper.guard(), self)
    }

    pub(super) fn keeper(&mut self) -> &mut Keeper {
        self.keeper.as_mut().expect("the keeper is not guarded yet")
    }

    /// By target: the targets that must be complete before.
    pub(super) fn parents(&self) -> Vec<Vec<usize>> {
        self.matching
            .targets
            .iter()
            .map(|t| t.parents.clone())
            .collect()
    }

    pub(super) fn schedule_tables(&self) -> Vec<engine::Table> {
        let table = |pair: &schema::Pair| engine::Table {
            target: pair.target,
            transforms: pair.recipe.transforms.len(),
        };
        self.matching.pairs.iter().map(table).collect()
    }

    /// By pair: the table to count on the source, and its `--where`.
    pub(super) fn counted_pairs(&self) -> Vec<(TableName, Option<String>)> {
        let counted = |p: &schema::Pair| (p.source.clone(), p.condition.clone());
        self.matching.pairs.iter().map(counted).collect()
    }

    pub(super) fn target_names(&self) -> Vec<TableName> {
        self.matching
            .targets
            .iter()
            .map(|t| t.name.clone())
            .collect()
    }
}

/// Connects to the target, finds out what it accepts, and refuses what must not be written to.
async fn target(settings: &Settings) -> Result<(Target, Catalog, Vec<String>), Error> {
    let mut options = settings.target.clone();
    options.set_reply_timeout(settings.io_timeout);
    let Reached {
        mut connection,
        options,
        identity,
    } = reach::target(&options).await?;
    let lanes = u64::try_from(settings.jobs).unwrap_or(u64::MAX);
    let batch = settings.max_memory / (2 * lanes).max(1);
    let probe_settings = ProbeSettings {
        reconnect: Some(options.clone()),
        copy_bytes: usize::try_from(batch.min(8 << 20)).unwrap_or(8 << 20),
    };
    let probed = probe_rows(&mut connection, &probe_settings).await?;
    let mut profile = probed.profile;
    let mut notes = probed.notes;
    if let Some(given) = reach::given(settings.profile.as_deref())? {
        profile.overlay(given);
    }
    check_profile(&profile, &mut notes)?;
    notes.push(found::note(&profile));
    notes.extend(found::more_than_kept(settings.fraction_digits, &profile));
    let mut write = WriteSettings::new("wire9", &profile);
    if let Some(path) = &settings.target_search_path {
        write.search_path(path)?;
    }
    for refused in crate::endpoint::session::prepare_write(&mut connection, &mut write).await? {
        notes.push(format!(
            "the target does not take the setting {} = {} ({})",
            refused.name, refused.wanted, refused.answer
        ));
    }
    let catalog = introspect::target(&mut connection).await?;
    let target = Target {
        options,
        connection: Some(connection),
        identity,
        profile,
        write,
    };
    Ok((target, catalog, notes))
}

/// A refusal before anything was written.
pub(super) fn refused(what: impl Into<String>, advice: impl Into<String>) -> Error {
    Error::new(Exit::Refused, what).advise(advice)
}

/// What no target may lack, and what should be known of this one.
///
/// # Errors
/// It would not be loaded exactly once.
pub(super) fn check_profile(profile: &Profile, notes: &mut Vec<String>) -> Result<(), Error> {
    if Profile::yes(&profile.copy_rolls_back) == Some(false) {
        return Err(refused(
            "the target keeps rows of a COPY whose transaction was rolled back, so a failed batch \
             would leave rows behind",
            "this target can not be loaded exactly once by COPY; load a target that rolls back COPY",
        ));
    }
    let timeout = profile
        .statement_timeout_ms
        .as_ref()
        .map_or(0, |fact| fact.value);
    if timeout > 0 && Profile::yes(&profile.statement_timeout_lifts) == Some(false) {
        notes.push(format!(
            "the target's statement timeout of {timeout} ms can not be lifted: a batch that hits it \
             is halved until it passes"
        ));
    }
    let kind = profile.server.as_ref().map(|fact| fact.value);
    if kind != Some(ServerKind::Db9) {
        notes.push("the target is not a DB9".to_owned());
    }
    Ok(())
}

fn digits(settings: &Settings, profile: &Profile) -> FractionDigits {
    let kept = |fact: &Option<crate::profile::Fact<u8>>| {
        settings
            .fraction_digits
            .unwrap_or_else(|| fact.as_ref().map_or(6, |fact| fact.value))
    };
    FractionDigits {
        timestamp: kept(&profile.timestamp_digits),
        timestamptz: kept(&profile.timestamptz_digits),
    }
}

/// Foreign keys and triggers of a conversion come after the rows: those that are there already stem from
/// a copy that was finished before, and hold nothing up.
fn free_order(matching: &mut Matching) {
    for target in &mut matching.targets {
        target.parents.clear();
        target.references.clear();
        target.triggers.clear();
    }
}

fn waves(matching: &Matching) -> Result<Vec<usize>, Error> {
    let mut waves = vec![0; matching.targets.len()];
    for (wave, targets) in schema::load_order(matching)?.into_iter().enumerate() {
        for target in targets {
            waves[target] = wave;
        }
    }
    Ok(waves)
}

fn check_triggers(
    matching: &Matching,
    settings: &Settings,
    notes: &mut Vec<String>,
) -> Result<(), Error> {
    let named = |t: &schema::Target| format!("{} ({})", t.name, t.triggers.join(", "));
    let with: Vec<String> = matching
        .targets
        .iter()
        .filter(|t| !t.triggers.is_empty())
        .map(named)
        .collect();
    if with.is_empty() {
        return Ok(());
    }
    if !settings.allow_triggers {
        return Err(refused(
            format!(
                "target tables have triggers that would fire: {}",
                with.join("; ")
            ),
            "drop them and create them after the copy, or say --allow-triggers",
        ));
    }
    notes.push(format!("triggers fired in the target: {}", with.join("; ")));
    Ok(())
}
