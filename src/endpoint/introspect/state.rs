//! The state of the servers: how much room they have, what is going on there.

use crate::catalog::database::{ServerState, TargetState};
use crate::endpoint::error::Result;
use crate::wire::Connection;

/// What the source does at the moment. What it refuses to tell is in `not_read`.
///
/// # Errors
/// A connection that is lost; never a refusal.
pub async fn server_state(_connection: &mut Connection) -> Result<ServerState> {
    Ok(ServerState::default())
}

/// What is in the target, and how much room it has.
///
/// # Errors
/// A connection that is lost; never a refusal.
pub async fn target_state(_connection: &mut Connection) -> Result<TargetState> {
    Ok(TargetState::default())
}
