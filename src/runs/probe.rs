//! `wire9 probe`: what a target accepts.

use crate::profile::Profile;
use crate::wire::ConnectOptions;

/// Probes a target; the profile and notes for people.
///
/// # Errors
/// Connection and authentication.
pub async fn probe(target: &ConnectOptions) -> Result<(Profile, Vec<String>), super::Error> {
    let _ = target;
    todo!()
}
