//! `wire9 status`: the runs that a target knows, how far they are, and what a continuation would do.

use crate::endpoint::session::WriteSettings;
use crate::ledger::{Ledger, Summary};
use crate::profile::Profile;
use crate::wire::ConnectOptions;

use super::error::Error;
use super::reach;

/// The runs of the target's ledger, the newest first; `None` where there is no ledger.
///
/// # Errors
/// Connection and authentication, a ledger that can not be read.
pub async fn status(target: &ConnectOptions) -> Result<Option<Vec<Summary>>, Error> {
    let mut ledger = ledger(target).await?;
    Ok(ledger.survey().await?)
}

/// The ledger of a target.
pub(super) async fn ledger(target: &ConnectOptions) -> Result<Ledger, Error> {
    let reached = reach::target(target).await?;
    // Nothing of a profile matters to the few small statements that follow.
    let settings = WriteSettings::new("wire9", &Profile::default());
    Ok(Ledger::new(reached.connection, reached.options, settings))
}
