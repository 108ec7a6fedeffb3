//! The wire against real servers, and against scripted ones that break every rule.

mod copy;
mod fake;
mod hostile;
mod login;
mod options;
mod query;
mod tls;

use std::sync::OnceLock;

use testenv::{Auth, Cluster, ClusterOptions};
use wire9::wire::{ConnectOptions, Connection, Endpoint, Environment};

/// The options of a URI in an environment that says nothing.
fn options(uri: &str) -> ConnectOptions {
    let environment = Environment::default();
    ConnectOptions::parse(uri, Endpoint::Postgres, &environment)
        .unwrap_or_else(|e| panic!("{uri}: {e}"))
}

/// A connection to the cluster that all tests share.
async fn connected() -> Connection {
    let cluster = shared().await;
    Connection::connect(&options(&cluster.uri("postgres")))
        .await
        .unwrap()
}

/// The cluster that all tests share: trust, no TLS.
async fn shared() -> &'static Cluster {
    on_a_thread(Cluster::shared).await
}

/// A cluster with TLS, for `localhost` and `127.0.0.1`, that tests share too.
async fn secured(auth: Auth) -> &'static Cluster {
    static SECURED: [OnceLock<Cluster>; 4] = [const { OnceLock::new() }; 4];
    on_a_thread(move || {
        let start = || Cluster::start(ClusterOptions::new().auth(auth).tls()).unwrap();
        SECURED[auth as usize].get_or_init(start)
    })
    .await
}

/// Runs what blocks apart from the async runtime.
async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}
