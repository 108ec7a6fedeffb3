//! Connection options as libpq spells them.

use std::fmt;
use std::time::Duration;

/// Which of the two endpoints the options are for: it decides the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `--postgres`: sslmode `prefer` where nothing is said.
    Postgres,
    /// `--db9`: sslmode `require` where nothing is said.
    Db9,
}

/// A secret; its `Debug` and `Display` show nothing of it.
#[derive(Clone)]
pub struct Secret(());

/// libpq's sslmode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum SslMode {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// What the process' surroundings say: `PG*` variables, the home folder, `.pgpass`. A value, so that
/// tests need not change the process.
#[derive(Clone, Default)]
pub struct Environment {}

impl Environment {
    /// The environment of this process.
    pub fn of_process() -> Self {
        todo!()
    }
}

/// Options that make no sense.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {}

/// Where and how to connect.
#[derive(Clone)]
pub struct ConnectOptions {}

impl ConnectOptions {
    /// Reads a URI or a key=value string, completed by the environment, as libpq does.
    pub fn parse(
        text: &str,
        endpoint: Endpoint,
        environment: &Environment,
    ) -> Result<Self, OptionsError> {
        let _ = (text, endpoint, environment);
        todo!()
    }

    /// A shell command whose first line of output is the password; run anew for every connection.
    pub fn set_password_command(&mut self, command: &str) {
        let _ = command;
        todo!()
    }

    /// Sets `application_name` of the connections made from now on.
    pub fn set_application_name(&mut self, name: &str) {
        let _ = name;
        todo!()
    }

    /// How long a wait for the server may last without a byte (default 300 s).
    pub fn set_reply_timeout(&mut self, timeout: Duration) {
        let _ = timeout;
        todo!()
    }

    /// Only this host of several is used from now on: the one that the first connection reached.
    pub fn pin(&mut self, peer: &super::Peer) {
        let _ = peer;
        todo!()
    }

    /// Database name.
    pub fn database(&self) -> &str {
        todo!()
    }

    /// User name.
    pub fn user(&self) -> &str {
        todo!()
    }

    /// The sslmode that holds, and whether a person said it.
    pub fn sslmode(&self) -> (SslMode, bool) {
        todo!()
    }
}

/// For people: `user@host:port/database`, without any secret.
impl fmt::Display for ConnectOptions {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}
