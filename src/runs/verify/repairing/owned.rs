//! The run of a repair: what its transactions are fenced by.

use uuid::Uuid;

use crate::ledger::{Claim, Fence, Ledger, NewRun, Owner, PlanRows, Run};

use super::super::super::copy::enter::snapshot_text;
use super::super::super::copy::resume::own;
use super::super::super::error::Error;
use super::super::super::prepare::configuration::REPAIR;
use super::super::super::prepare::{Prepared, Surroundings, refused};

/// A run that this process owns.
pub(super) struct Owned {
    pub(super) fence: Fence,
    pub(super) owner: Owner,
}

/// Takes over a repair that was broken off; any other unfinished run of the source is in the way.
pub(super) async fn take_over(
    ledger: &mut Ledger,
    run: &Run,
    surroundings: &Surroundings,
) -> Result<Owned, Error> {
    if run.settings != REPAIR {
        return Err(refused(
            format!("run {} of this source is unfinished", run.run),
            "let the command that began it complete it: that makes its tables equal, too; then repeat this one",
        ));
    }
    let owner = Owner::this_process();
    let token = Uuid::new_v4().to_string();
    own(
        ledger,
        run,
        &owner,
        std::slice::from_ref(&token),
        surroundings,
    )
    .await?;
    Ok(Owned {
        fence: fence(&run.run, token),
        owner,
    })
}

/// Begins a run; it has no plan.
pub(super) async fn enter(
    ledger: &mut Ledger,
    source: &str,
    prepared: &Prepared,
) -> Result<Owned, Error> {
    let token = Uuid::new_v4().to_string();
    let new = NewRun {
        run: Uuid::new_v4().to_string(),
        settings: REPAIR.to_owned(),
        source: source.to_owned(),
        snapshot: snapshot_text(prepared),
        owner: Owner::this_process(),
        tokens: vec![token.clone()],
    };
    ledger.create().await?;
    match ledger.begin(&new, &PlanRows::default()).await? {
        Claim::Ours => Ok(Owned {
            fence: fence(&new.run, token),
            owner: new.owner,
        }),
        Claim::Lost => Err(refused(
            "another wire9 process has just begun a run of this source",
            "let it finish, or stop it; then repeat the command",
        )),
    }
}

fn fence(run: &str, token: String) -> Fence {
    Fence {
        run: run.to_owned(),
        lane: 0,
        token,
    }
}
