//! What the process' surroundings say about connections.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use super::settings::Endpoint;

/// Where Debian and its relatives keep PostgreSQL's sockets.
const SOCKET_FOLDER: &str = "/var/run/postgresql";

/// The variables that say nothing of a server: the password file names the server on each line.
const OF_THIS_MACHINE: [&str; 2] = ["PGPASSFILE", "PGCONNECT_TIMEOUT"];

/// What the process' surroundings say: `PG*` variables, the home folder, `.pgpass`. A value, so that
/// tests need not change the process.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    home: Option<PathBuf>,
    os_user: Option<String>,
    socket_folder: Option<PathBuf>,
}

impl Environment {
    /// The environment of this process.
    pub fn of_process() -> Self {
        let variables = std::env::vars_os().filter_map(text_pair);
        let mut environment = Self::of_variables(variables);
        environment.os_user = os_user(&environment.variables);
        environment
            .variables
            .retain(|name, _| name.starts_with("PG"));
        environment.home = std::env::var_os("HOME").map(PathBuf::from);
        let folder = PathBuf::from(SOCKET_FOLDER);
        environment.socket_folder = folder.is_dir().then_some(folder);
        environment
    }

    /// An environment that holds these variables and nothing else.
    pub fn of_variables<K: Into<String>, V: Into<String>>(
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let variables = variables.into_iter().map(|(k, v)| (k.into(), v.into()));
        Self {
            variables: variables.collect(),
            ..Self::default()
        }
    }

    /// The same with a home folder, where `.pgpass` and `.postgresql/` are looked for.
    #[must_use]
    pub fn with_home(mut self, home: impl Into<PathBuf>) -> Self {
        self.home = Some(home.into());
        self
    }

    /// The same with the name of the operating system's user, the default user name.
    #[must_use]
    pub fn with_os_user(mut self, name: impl Into<String>) -> Self {
        self.os_user = Some(name.into());
        self
    }

    /// The same with a folder of unix sockets, the default host.
    #[must_use]
    pub fn with_socket_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.socket_folder = Some(folder.into());
        self
    }

    /// What of it holds for this endpoint.
    ///
    /// libpq applies `PG*` to every connection, and it knows but one. Of two endpoints they complete
    /// `--postgres` alone: whoever has set `PGPASSWORD` or `PGSSLMODE=disable` has meant a PostgreSQL,
    /// and its password must not be sent to a DB9, nor encryption be left out there. What is said of
    /// this machine and not of a server holds for both.
    pub(super) fn of(&self, endpoint: Endpoint) -> Self {
        let mut environment = self.clone();
        if endpoint == Endpoint::Db9 {
            environment
                .variables
                .retain(|name, _| OF_THIS_MACHINE.contains(&name.as_str()));
        }
        environment
    }

    /// A variable that is set and not empty.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// A file below the home folder.
    pub(super) fn at_home(&self, path: &str) -> Option<PathBuf> {
        self.home.as_ref().map(|home| home.join(path))
    }

    pub(super) fn os_user(&self) -> Option<&str> {
        self.os_user.as_deref()
    }

    pub(super) fn socket_folder(&self) -> Option<&Path> {
        self.socket_folder.as_deref()
    }
}

/// Names only: `PGPASSWORD` is among the variables.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("variables", &self.variables.keys())
            .finish()
    }
}

fn text_pair((name, value): (OsString, OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
}

/// The name in the system's user list of who runs this process; else what the shell says.
fn os_user(variables: &BTreeMap<String, String>) -> Option<String> {
    listed_user().or_else(|| {
        let said = ["USER", "LOGNAME"]
            .iter()
            .find_map(|name| variables.get(*name));
        said.filter(|name| !name.is_empty()).cloned()
    })
}

fn listed_user() -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let uid = std::fs::metadata("/proc/self").ok()?.uid().to_string();
    let list = std::fs::read_to_string("/etc/passwd").ok()?;
    list.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_value_of_a_variable() {
        let environment = Environment::of_variables([("PGPASSWORD", "hunter2")]);
        assert!(!format!("{environment:?}").contains("hunter2"));
    }

    #[test]
    fn variables_that_name_a_server_are_for_postgres_alone() {
        let names = [
            "PGHOST",
            "PGPASSWORD",
            "PGSSLMODE",
            "PGOPTIONS",
            "PGPASSFILE",
        ];
        let environment = Environment::of_variables(names.map(|name| (name, "x")));
        let kept = |endpoint| {
            let environment = environment.of(endpoint);
            names.map(|name| environment.variable(name).is_some())
        };
        assert_eq!(kept(Endpoint::Postgres), [true; 5]);
        assert_eq!(kept(Endpoint::Db9), [false, false, false, false, true]);
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let environment = Environment::of_variables([("PGHOST", "")]);
        assert_eq!(environment.variable("PGHOST"), None);
    }
}
