//! Finds out what a target accepts, in a scratch schema that is dropped again.

use super::error::Result;
use crate::profile::Profile;
use crate::wire::{ConnectOptions, Connection};

/// How to probe.
#[derive(Clone)]
pub struct ProbeSettings {
    /// How to connect anew to drop the scratch schema where a try has cost the connection.
    pub reconnect: Option<ConnectOptions>,
    /// Bytes of the COPY that is rolled back: the largest batch of the run.
    pub copy_bytes: usize,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Probed {
    /// The profile.
    pub profile: Profile,
    /// For people: what was odd, what could not be tried, what was left behind.
    pub notes: Vec<String>,
}

/// Probes the server on an idle connection.
///
/// Every item is a try of its own: a refusal is an answer. Where the server takes no scratch schema,
/// the documented values stand, and a note says so.
///
/// # Errors
/// The loss of the connection.
pub async fn probe(connection: &mut Connection, settings: &ProbeSettings) -> Result<Probed> {
    let _ = (connection, settings);
    todo!()
}
