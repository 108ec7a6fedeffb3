//! `wire9 probe`: what a target accepts.

use crate::endpoint::probe::{self, ProbeSettings};
use crate::profile::Profile;
use crate::wire::ConnectOptions;

use super::error::Error;
use super::reach::{self, Reached};

/// Bytes of the COPY that the probe rolls back: the size at which batches begin.
const COPY_BYTES: usize = 8 << 20;

/// Probes a target; the profile and notes for people.
///
/// # Errors
/// Connection and authentication.
pub async fn probe(target: &ConnectOptions) -> Result<(Profile, Vec<String>), Error> {
    let Reached {
        mut connection,
        options,
        ..
    } = reach::target(target).await?;
    let settings = ProbeSettings {
        reconnect: Some(options),
        copy_bytes: COPY_BYTES,
    };
    let probed = probe::probe(&mut connection, &settings).await?;
    connection.close().await;
    Ok((probed.profile, probed.notes))
}
