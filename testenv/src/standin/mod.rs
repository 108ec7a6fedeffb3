//! The DB9 stand-in: a pgwire proxy in front of a private database that behaves as DB9 documents.
//!
//! It decides with PostgreSQL's own parser and lets the server behind it fail, so that every answer
//! and every transaction state is a server's. What it enforces is data: [`Limits`].
//!
//! ```no_run
//! use testenv::{Standin, StandinOptions};
//!
//! let standin = Standin::start(StandinOptions::default())?;
//! println!("{}", standin.uri());
//! # Ok::<(), testenv::Error>(())
//! ```

mod auth;
mod copy;
mod database;
mod judge;
mod limits;
mod log;
mod session;
mod tls;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::fault::Faults;
use crate::fault::proxy::{listen, pass_gate, runtime};
use crate::{Cluster, Database, Error};
use tls::Tls;

pub use limits::{
    Limits, NarrowTypes, PasswordExchange, Serializable, TimeoutChange, TimestampDigits,
    Undocumented,
};
pub use log::{Log, Statement};

/// What a stand-in is to be like.
#[derive(Debug, Clone)]
pub struct StandinOptions {
    /// What it enforces.
    pub limits: Limits,
    /// The password exchange.
    pub password_exchange: PasswordExchange,
    /// The first half of the user's name.
    pub tenant: String,
    /// The second half.
    pub role: String,
    /// The secret that [`Standin::uri`] holds.
    pub secret: String,
    /// How long after the start the secret is accepted; `None`: for ever. It is checked when a
    /// session starts, as connect tokens are (db9: about 10 minutes).
    pub secret_lifetime: Option<Duration>,
    /// Connections without TLS are refused (guide).
    pub tls_required: bool,
    /// TLS is offered at all.
    pub tls_offered: bool,
    /// The cluster for the private database; it must trust 127.0.0.1. `None`: the shared one.
    pub cluster: Option<Cluster>,
}

impl Default for StandinOptions {
    fn default() -> StandinOptions {
        StandinOptions {
            limits: Limits::default(),
            password_exchange: PasswordExchange::default(),
            tenant: "tenant".to_owned(),
            role: "admin".to_owned(),
            secret: "secret".to_owned(),
            secret_lifetime: None,
            tls_required: true,
            tls_offered: true,
            cluster: None,
        }
    }
}

/// A running stand-in. Dropping it closes its sessions and drops its database; where a fault of its
/// script has not happened, that is a panic.
pub struct Standin {
    runtime: Option<Runtime>,
    shared: Arc<Shared>,
    port: u16,
}

/// What all sessions of one stand-in share.
pub(crate) struct Shared {
    limits: Limits,
    password_exchange: PasswordExchange,
    user: String,
    /// Secrets, and until when each is accepted.
    secrets: Mutex<Vec<(String, Option<Instant>)>>,
    tls_required: bool,
    tls_offered: bool,
    tls: Tls,
    database: Database,
    upstream_port: u16,
    faults: Faults,
    log: Log,
}

impl Standin {
    /// Makes the private database and listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// Where the cluster does not take the database, or no port is free.
    pub fn start(options: StandinOptions) -> Result<Standin, Error> {
        let cluster = options
            .cluster
            .clone()
            .unwrap_or_else(|| Cluster::shared().clone());
        let user = format!("{}.{}", options.tenant, options.role);
        let database = database::create(&cluster, &user, &options.limits)?;
        let until = options
            .secret_lifetime
            .map(|lifetime| Instant::now() + lifetime);
        let shared = Arc::new(Shared {
            limits: options.limits,
            password_exchange: options.password_exchange,
            user,
            secrets: Mutex::new(vec![(options.secret, until)]),
            tls_required: options.tls_required,
            tls_offered: options.tls_offered,
            tls: Tls::create()?,
            database,
            upstream_port: cluster.port(),
            faults: Faults::default(),
            log: Log::default(),
        });
        let runtime = runtime()?;
        let (listener, port) = listen(&runtime)?;
        runtime.spawn(accept(listener, Arc::clone(&shared)));
        Ok(Standin {
            runtime: Some(runtime),
            shared,
            port,
        })
    }

    /// `postgresql://TENANT.ROLE:SECRET@127.0.0.1:PORT/postgres?sslmode=require`.
    pub fn uri(&self) -> String {
        let secret = self.shared.secrets()[0].0.clone();
        self.uri_with(&secret)
    }

    /// The URI with another secret. It stands there as it is: without characters that need encoding.
    pub fn uri_with(&self, secret: &str) -> String {
        let Standin { shared, port, .. } = self;
        format!(
            "postgresql://{}:{secret}@127.0.0.1:{port}/postgres?sslmode=require",
            shared.user
        )
    }

    /// Straight to the database behind it, as superuser: for the judge's SQL.
    pub fn admin_uri(&self) -> String {
        self.shared.database.uri()
    }

    /// The database behind it: for the judge's SQL.
    pub fn database(&self) -> &Database {
        &self.shared.database
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The PEM file of the authority that signed the certificate (for `localhost` and `127.0.0.1`).
    pub fn ca_file(&self) -> PathBuf {
        self.shared.tls.ca_file()
    }

    /// The PEM file of an authority that did not sign it.
    pub fn wrong_ca_file(&self) -> PathBuf {
        self.shared.tls.wrong_ca_file()
    }

    /// A new secret, accepted for `lifetime` from now when a session starts.
    pub fn issue_token(&self, lifetime: Duration) -> String {
        let token = format!("token{:032x}", rand::random::<u128>());
        self.shared
            .secrets()
            .push((token.clone(), Some(Instant::now() + lifetime)));
        token
    }

    /// The script of faults.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// What it has seen.
    pub fn log(&self) -> &Log {
        &self.shared.log
    }

    /// What it enforces.
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }
}

impl Drop for Standin {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        if !std::thread::panicking() {
            self.shared.faults.assert_used();
        }
    }
}

impl Shared {
    /// The secrets that are accepted now.
    fn valid_secrets(&self) -> Vec<String> {
        let now = Instant::now();
        let valid = |until: &Option<Instant>| until.is_none_or(|until| now < until);
        let secrets = self.secrets();
        secrets
            .iter()
            .filter(|(_, until)| valid(until))
            .map(|(secret, _)| secret.clone())
            .collect()
    }

    /// Statement timeout and idle-in-transaction timeout, scaled.
    fn timeouts(&self) -> (Duration, Duration) {
        let scale = self.limits.time_scale;
        (
            self.limits.statement_timeout.mul_f64(scale),
            self.limits.idle_in_transaction_timeout.mul_f64(scale),
        )
    }

    fn judge_limits(&self) -> judge::JudgeLimits<'_> {
        let (statement, idle) = self.timeouts();
        judge::JudgeLimits {
            limits: &self.limits,
            timeouts: (statement.as_millis(), idle.as_millis()),
        }
    }

    fn secrets(&self) -> std::sync::MutexGuard<'_, Vec<(String, Option<Instant>)>> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let connections = AtomicU64::new(0);
    loop {
        let Ok((tcp, _)) = listener.accept().await else {
            return;
        };
        let _ = tcp.set_nodelay(true);
        let connection = connections.fetch_add(1, Ordering::SeqCst) + 1;
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            if let Some(client) = pass_gate(&shared.faults, connection, tcp).await {
                // A failure here is a client or a server that went away.
                let _ = session::serve(client, shared, connection).await;
            }
        });
    }
}
