//! Throw-away PostgreSQL clusters: made in a temporary folder, gone with the process that asked for
//! them, however it ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::client::{apart, connect, quoted};
use crate::server::{Server, Stop, own};
use crate::tls::Certificates;
use crate::{Database, Error, Installation};

/// How clients over TCP prove who they are. Over the unix socket everybody is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Auth {
    /// No password is asked for.
    #[default]
    Trust,
    /// The password in the clear.
    Password,
    /// The MD5 exchange.
    Md5,
    /// SCRAM-SHA-256, and -PLUS where TLS is on.
    Scram,
}

/// What a cluster is to be like. The default: the newest server found, trust, no TLS.
#[derive(Debug, Clone, Default)]
pub struct ClusterOptions {
    major: Option<u32>,
    auth: Auth,
    tls_names: Option<Vec<String>>,
    settings: Vec<(String, String)>,
    rules: Vec<String>,
}

impl ClusterOptions {
    /// The default options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A certain major version, 13 to 18.
    #[must_use]
    pub fn major(mut self, major: u32) -> Self {
        self.major = Some(major);
        self
    }

    /// How clients over TCP prove who they are.
    #[must_use]
    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = auth;
        self
    }

    /// TLS is offered, with a certificate for `localhost` and `127.0.0.1`.
    #[must_use]
    pub fn tls(self) -> Self {
        self.tls_for(&["localhost", "127.0.0.1"])
    }

    /// TLS is offered, with a certificate for these names.
    #[must_use]
    pub fn tls_for(mut self, names: &[&str]) -> Self {
        self.tls_names = Some(names.iter().map(|name| (*name).to_string()).collect());
        self
    }

    /// A line of `postgresql.conf`; the value is quoted here.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// The server can have standbys: see [`Cluster::standby`].
    #[must_use]
    pub fn replicating(self) -> Self {
        self.setting("wal_level", "replica")
            .setting("max_wal_senders", "5")
    }

    /// A line of `pg_hba.conf`, before the usual ones; such as `hostnossl all all all reject`.
    #[must_use]
    pub fn rule(mut self, line: &str) -> Self {
        self.rules.push(line.into());
        self
    }
}

/// A running cluster. A clone is the same cluster; it is stopped and removed with the last of them,
/// and of its [`Database`]s.
#[derive(Debug, Clone)]
pub struct Cluster {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    server: Mutex<Server>,
    folder: PathBuf,
    port: u16,
    major: u32,
    password: Option<String>,
    certificates: Option<Certificates>,
    databases: AtomicU32,
}

impl Cluster {
    /// Makes and starts one.
    ///
    /// # Errors
    /// Where no server is found, or it does not start.
    pub fn start(options: ClusterOptions) -> Result<Self, Error> {
        let mut server = Server::initialise(Installation::find(options.major)?)?;
        let certificates = make_certificates(&server, &options)?;
        configure(&server, &options, certificates.as_ref())?;
        server.start()?;
        let password = (options.auth != Auth::Trust).then(random_password);
        let cluster = Self::around(server, password, certificates);
        cluster.set_password()?;
        Ok(cluster)
    }

    /// A hot standby that follows this cluster, which must be [`ClusterOptions::replicating`] and is
    /// stopped for a moment: the standby begins as a copy of its folder. It has no TLS.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn standby(&self) -> Result<Self, Error> {
        let mut server = {
            let mut primary = self.server();
            primary.stop(Stop::Fast)?;
            let copy = primary.copy();
            primary.start()?;
            copy?
        };
        let data = server.folder().join("data");
        fs::write(data.join("standby.signal"), "").map_err(Error::io("write standby.signal"))?;
        let primary = format!(
            "host={} port={} user=postgres",
            self.shared.folder.display(),
            self.shared.port
        );
        let settings = [("primary_conninfo", primary.as_str()), ("ssl", "off")];
        let settings = settings.map(|(name, value)| (name.to_string(), value.to_string()));
        append(&data.join("postgresql.conf"), &lines_of(&settings))?;
        server.start()?;
        Ok(Self::around(server, self.shared.password.clone(), None))
    }

    fn around(server: Server, password: Option<String>, tls: Option<Certificates>) -> Self {
        let shared = Shared {
            folder: server.folder().to_path_buf(),
            port: server.port(),
            major: server.major(),
            server: Mutex::new(server),
            password,
            certificates: tls,
            databases: AtomicU32::new(0),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The cluster that all tests of one process share; started by the first who asks.
    ///
    /// # Panics
    /// Where it does not start: a missing server is a failed test, never a skipped one.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| match Self::start(ClusterOptions::new()) {
            Ok(cluster) => cluster,
            Err(error) => panic!("the shared cluster does not start: {error}"),
        })
    }

    /// The URI of a database over TCP, with the password where one is asked for. It says nothing of
    /// TLS.
    #[must_use]
    pub fn uri(&self, database: &str) -> String {
        let password = self
            .shared
            .password
            .as_ref()
            .map_or(String::new(), |p| format!(":{p}"));
        let database = percent_encoded(database);
        format!(
            "postgresql://postgres{password}@127.0.0.1:{}/{database}",
            self.shared.port
        )
    }

    /// The URI of a database over the unix socket; everybody is trusted there.
    #[must_use]
    pub fn socket_uri(&self, database: &str) -> String {
        let folder = percent_encoded(&self.shared.folder.to_string_lossy());
        let database = percent_encoded(database);
        format!(
            "postgresql://postgres@/{database}?host={folder}&port={}",
            self.shared.port
        )
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.shared.port
    }

    /// The major version of the server.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.shared.major
    }

    /// The password of the user `postgres`; none where everybody is trusted.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        self.shared.password.as_deref()
    }

    /// The folder that holds the data, the log and the socket.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.shared.folder
    }

    /// The certificates, where TLS is on.
    #[must_use]
    pub fn certificates(&self) -> Option<&Certificates> {
        self.shared.certificates.as_ref()
    }

    /// A fresh, empty database with a name of its own; dropped with the value.
    ///
    /// # Errors
    /// Where the server refuses it.
    pub fn database(&self, hint: &str) -> Result<Database, Error> {
        self.create_database(hint, "")
    }

    /// A copy of another database, to which nobody may be connected.
    ///
    /// # Errors
    /// Where the server refuses it.
    pub fn database_from(&self, template: &Database) -> Result<Database, Error> {
        let options = format!("TEMPLATE {}", quoted(template.name()));
        self.create_database(template.name(), &options)
    }

    /// A fresh database of another encoding, such as `SQL_ASCII`.
    ///
    /// # Errors
    /// Where the server refuses it.
    pub fn database_encoded(&self, hint: &str, encoding: &str) -> Result<Database, Error> {
        self.create_database(hint, &format!("TEMPLATE template0 ENCODING '{encoding}'"))
    }

    /// Stops the server, cutting its sessions; data stays.
    ///
    /// # Errors
    /// Where it cannot be reached by a signal.
    pub fn stop(&self) -> Result<(), Error> {
        self.server().stop(Stop::Fast)
    }

    /// Stops the server as a crash would; data stays, the next start recovers.
    ///
    /// # Errors
    /// Where it cannot be reached by a signal.
    pub fn kill(&self) -> Result<(), Error> {
        self.server().stop(Stop::Immediate)
    }

    /// Stops it if it runs, and starts it on the same port.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn restart(&self) -> Result<(), Error> {
        let mut server = self.server();
        server.stop(Stop::Fast)?;
        server.start()
    }

    /// Whether the server runs, as far as this cluster stopped or started it.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.server().is_running()
    }

    /// Runs statements in the database `postgres`, as superuser.
    ///
    /// # Errors
    /// What the server says.
    pub fn execute(&self, sql: &str) -> Result<(), Error> {
        let uri = self.socket_uri("postgres");
        apart(|| {
            let mut client = connect(&uri)?;
            client
                .batch_execute(sql)
                .map_err(Error::sql("a statement on the cluster"))
        })
    }

    fn create_database(&self, hint: &str, options: &str) -> Result<Database, Error> {
        let number = self.shared.databases.fetch_add(1, Ordering::Relaxed);
        let name = database_name(hint, number);
        self.execute(&format!("CREATE DATABASE {} {options}", quoted(&name)))?;
        Ok(Database::new(self.clone(), name))
    }

    fn set_password(&self) -> Result<(), Error> {
        match &self.shared.password {
            Some(password) => self.execute(&format!("ALTER ROLE postgres PASSWORD '{password}'")),
            None => Ok(()),
        }
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        self.shared
            .server
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_certificates(
    server: &Server,
    options: &ClusterOptions,
) -> Result<Option<Certificates>, Error> {
    let Some(names) = &options.tls_names else {
        return Ok(None);
    };
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let certificates = Certificates::create(server.folder(), &names)?;
    own(&certificates.server_key)?;
    Ok(Some(certificates))
}

/// What is lost in a crash does not matter here, time does; and nothing happens in the background.
const SETTINGS: [(&str, &str); 13] = [
    ("listen_addresses", "127.0.0.1"),
    ("max_connections", "200"),
    ("shared_buffers", "64MB"),
    ("max_wal_size", "4GB"),
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("wal_level", "minimal"),
    ("max_wal_senders", "0"),
    ("autovacuum", "off"),
    ("jit", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
];

/// Writes `postgresql.conf` and `pg_hba.conf`; of a setting that occurs twice the last one counts.
fn configure(
    server: &Server,
    options: &ClusterOptions,
    certificates: Option<&Certificates>,
) -> Result<(), Error> {
    let owned = |(name, value): (&str, &str)| (name.to_string(), value.to_string());
    let mut settings: Vec<(String, String)> = SETTINGS.map(owned).into();
    let encryption = if options.auth == Auth::Md5 {
        "md5"
    } else {
        "scram-sha-256"
    };
    settings.push(owned(("password_encryption", encryption)));
    settings.extend(certificates.map(tls_settings).into_iter().flatten());
    settings.extend(options.settings.iter().cloned());
    let data = server.folder().join("data");
    append(&data.join("postgresql.conf"), &lines_of(&settings))?;
    fs::write(data.join("pg_hba.conf"), access_rules(options))
        .map_err(Error::io("write pg_hba.conf"))
}

fn tls_settings(certificates: &Certificates) -> [(String, String); 4] {
    let file = |path: &Path| path.to_string_lossy().into_owned();
    [
        ("ssl".into(), "on".into()),
        ("ssl_ca_file".into(), file(&certificates.ca)),
        ("ssl_cert_file".into(), file(&certificates.server)),
        ("ssl_key_file".into(), file(&certificates.server_key)),
    ]
}

fn lines_of(settings: &[(String, String)]) -> String {
    let line =
        |(name, value): &(String, String)| format!("{name} = '{}'\n", value.replace('\'', "''"));
    settings.iter().map(line).collect()
}

fn access_rules(options: &ClusterOptions) -> String {
    let method = match options.auth {
        Auth::Trust => "trust",
        Auth::Password => "password",
        Auth::Md5 => "md5",
        Auth::Scram => "scram-sha-256",
    };
    let mut rules = vec![
        "local all all trust".to_string(),
        "local replication all trust".to_string(),
    ];
    rules.extend(options.rules.iter().cloned());
    rules.push(format!("host all all 127.0.0.1/32 {method}"));
    rules.push(format!("host replication all 127.0.0.1/32 {method}\n"));
    rules.join("\n")
}

fn append(path: &Path, text: &str) -> Result<(), Error> {
    let mut all = fs::read_to_string(path).map_err(Error::io("read postgresql.conf"))?;
    all.push_str(text);
    fs::write(path, all).map_err(Error::io("write postgresql.conf"))
}

fn random_password() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// The hint as far as it fits into 63 bytes and needs no quoting, and a number that makes it unique.
fn database_name(hint: &str, number: u32) -> String {
    let plain = hint
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
    let plain: String = plain.take(40).collect();
    format!("{}_{number}", plain.to_ascii_lowercase())
}

fn percent_encoded(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encode = |byte: u8| match keep(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}
