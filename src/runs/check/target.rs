//! What is known of the target: its profile and its state.

use std::time::Duration;

use crate::catalog::database::TargetState;
use crate::endpoint::introspect;
use crate::endpoint::probe::{ProbeSettings, probe};
use crate::profile::{Profile, ServerKind};
use crate::schema::finding::Finding;
use crate::schema::inspect;
use crate::wire::ConnectOptions;

use super::super::error::Error;
use super::super::reach::{self, Reached};

/// Bytes of the COPY that the probe rolls back: the size at which batches begin.
const COPY_BYTES: usize = 8 << 20;

/// What the target accepts, how it stands, and what the probe has to say.
pub(super) struct Target {
    pub(super) profile: Profile,
    /// `None` where it was not named.
    pub(super) state: Option<TargetState>,
    pub(super) findings: Vec<Finding>,
}

/// Which target.
pub(super) struct Asked<'a> {
    /// `None`: none is named.
    pub(super) target: Option<&'a ConnectOptions>,
    /// `Settings::profile`.
    pub(super) profile: Option<&'a str>,
    /// How long a silent server is waited for.
    pub(super) io_timeout: Duration,
}

/// Probes the target, or takes DB9's documents where none is named.
pub(super) async fn look(asked: &Asked<'_>) -> Result<Target, Error> {
    let given = reach::given(asked.profile)?;
    let Some(options) = asked.target else {
        return Ok(Target {
            profile: profile(None, given),
            state: None,
            findings: Vec::new(),
        });
    };
    let mut options = options.clone();
    options.set_reply_timeout(asked.io_timeout);
    let Reached {
        mut connection,
        options,
        ..
    } = reach::target(&options).await?;
    let probe_settings = ProbeSettings {
        reconnect: Some(options),
        copy_bytes: COPY_BYTES,
    };
    let probed = probe(&mut connection, &probe_settings).await?;
    let state = introspect::target_state(&mut connection).await?;
    connection.close().await;
    Ok(Target {
        findings: inspect::of_probe(&probed.profile, &probed.notes),
        profile: profile(Some(probed.profile), given),
        state: Some(state),
    })
}

/// The profile that decides the schema: what was given lies over what was probed. A target that is no
/// DB9 stands in for one: DB9's documents decide, unless the given profile is PostgreSQL's.
fn profile(probed: Option<Profile>, given: Option<Profile>) -> Profile {
    let postgresql = given.as_ref().is_some_and(is_postgresql);
    let mut profile = match probed {
        None if postgresql => Profile::default(),
        None => Profile::db9_documented(),
        Some(probed) if probed.is_db9() || postgresql => probed,
        Some(probed) => stand_in(probed),
    };
    if let Some(given) = given {
        profile.overlay(given);
    }
    profile
}

fn is_postgresql(profile: &Profile) -> bool {
    matches!(&profile.server, Some(fact) if fact.value == ServerKind::Postgresql)
}

/// DB9's documents over a probe of something else, whose limits on time and connections are its own.
fn stand_in(probed: Profile) -> Profile {
    let own = Profile {
        server: probed.server.clone(),
        version: probed.version.clone(),
        max_connections: probed.max_connections.clone(),
        statement_timeout_ms: probed.statement_timeout_ms.clone(),
        statement_timeout_lifts: probed.statement_timeout_lifts.clone(),
        idle_in_transaction_timeout_ms: probed.idle_in_transaction_timeout_ms.clone(),
        ..Profile::default()
    };
    let mut profile = probed;
    profile.overlay(Profile::db9_documented());
    profile.overlay(own);
    profile
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Fact;

    #[test]
    fn a_target_that_is_no_db9_gets_the_schema_of_one() {
        let mut probed = Profile::postgresql();
        probed.statement_timeout_ms = Some(Fact::probed(7));
        let decides = profile(Some(probed.clone()), None);
        assert_eq!(Profile::yes(&decides.partitioning), Some(false));
        assert_eq!(decides.statement_timeout_ms, Some(Fact::probed(7)));
        assert_eq!(decides.server, Profile::postgresql().server);
        let given = Profile::postgresql();
        let decides = profile(Some(probed), Some(given));
        assert_eq!(Profile::yes(&decides.partitioning), Some(true));
    }

    #[test]
    fn what_is_given_lies_over_the_documents() {
        let given = Profile {
            timestamp_digits: Some(Fact::probed(6)),
            ..Profile::default()
        };
        let decides = profile(None, Some(given));
        assert_eq!(decides.timestamp_digits, Some(Fact::probed(6)));
        assert_eq!(
            decides.timestamptz_digits,
            Profile::db9_documented().timestamptz_digits
        );
        let postgresql = profile(None, Some(Profile::postgresql()));
        assert_eq!(postgresql.types, None, "nothing of DB9 is left");
    }
}
