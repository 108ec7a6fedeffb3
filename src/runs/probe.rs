//! `wire9 probe`: what a target accepts.

use crate::endpoint::probe::{self, ProbeSettings};
use crate::profile::Profile;
use crate::wire::{ConnectOptions, Connection};

use super::error::Error;

/// Bytes of the COPY that the probe rolls back: the size at which batches begin.
const COPY_BYTES: usize = 8 << 20;

/// Probes a target; the profile and notes for people.
///
/// # Errors
/// Connection and authentication.
pub async fn probe(target: &ConnectOptions) -> Result<(Profile, Vec<String>), Error> {
    let connected = Connection::connect(target).await;
    let mut connection = connected.map_err(|e| Error::connect("the target", e))?;
    let settings = ProbeSettings {
        reconnect: Some(target.clone()),
        copy_bytes: COPY_BYTES,
    };
    let probed = probe::probe(&mut connection, &settings).await?;
    connection.close().await;
    Ok((probed.profile, probed.notes))
}
