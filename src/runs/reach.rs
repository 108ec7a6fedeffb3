//! Reaching the target: what every operation does first.

use crate::endpoint::identity::{Identity, identity};
use crate::profile::Profile;
use crate::wire::{ConnectOptions, Connection, SslMode};

use super::error::{Error, Exit};

/// A target that answered.
pub(super) struct Reached {
    /// An idle connection.
    pub(super) connection: Connection,
    /// How it was reached, pinned to that host.
    pub(super) options: ConnectOptions,
    /// Who it is.
    pub(super) identity: Identity,
}

/// Connects to the target, and refuses to go on with a DB9 over an unencrypted connection that nobody
/// asked for.
///
/// # Errors
/// Connection, authentication, the refusal.
pub(super) async fn target(options: &ConnectOptions) -> Result<Reached, Error> {
    let mut options = options.clone();
    let connected = Connection::connect(&options).await;
    let mut connection = connected.map_err(|e| Error::connect("the target", e))?;
    options.pin(connection.peer());
    let identity = identity(&mut connection).await?;
    let said_disable = matches!(options.sslmode(), (SslMode::Disable, true));
    if identity.is_db9() && connection.peer().tls.is_none() && !said_disable {
        return Err(Error::new(
            Exit::Refused,
            "the target is a DB9 and the connection to it is not encrypted",
        )
        .advise("say sslmode=require in the --db9 URI (or sslmode=disable to insist)"));
    }
    Ok(Reached {
        connection,
        options,
        identity,
    })
}

/// What a person says that the target accepts, if he said something: the text of `--profile`.
///
/// # Errors
/// The text is no profile.
pub(super) fn given(text: Option<&str>) -> Result<Option<Profile>, Error> {
    let given = text.map(Profile::from_toml);
    given.transpose().map_err(|e| {
        Error::new(Exit::Usage, "the --profile file can not be used")
            .because(e)
            .advise("mend that line of the file, or take it out")
    })
}
