//! The wire against real servers, and against scripted ones that break every rule.

mod copy;
mod fake;
mod hostile;
mod login;
mod options;
mod query;
mod tls;

use testenv::Cluster;
use wire9::wire::{ConnectOptions, Connection, Endpoint, Environment};

/// The options of a URI in an environment that says nothing.
fn options(uri: &str) -> ConnectOptions {
    let environment = Environment::default();
    ConnectOptions::parse(uri, Endpoint::Postgres, &environment)
        .unwrap_or_else(|e| panic!("{uri}: {e}"))
}

/// A connection to the cluster that all tests share.
async fn connected() -> Connection {
    let cluster = on_a_thread(|| Cluster::shared()).await;
    Connection::connect(&options(&cluster.uri("postgres")))
        .await
        .unwrap()
}

/// Runs what blocks apart from the async runtime.
async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}
