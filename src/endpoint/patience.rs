//! Statements that a server may be busy with for longer than its silence is usually waited for.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::wire::{self, ConnectOptions, Connection, Reply};

/// Longer than any statement takes: what ends the wait is the server's word on its backend.
const NO_END: Duration = Duration::from_secs(30 * 86_400);

/// A statement may end while it is asked whether it is at work.
const JUST_ENDED: Duration = Duration::from_secs(2);

/// Runs a statement that may be busy for hours without a byte, as a count of a huge table is.
///
/// Each time that the reply timeout of `options` has passed in silence, the server is asked over another
/// connection whether this backend is at work (`pg_stat_activity`), and only its yes extends the wait: a
/// connection that is half open ends as soon as the statement does. A server that does not tell, or a
/// pooler that gives out process numbers of its own, leaves it at one reply timeout.
///
/// # Errors
/// As `Connection::query`; `Silent`, after which the connection is unusable.
pub async fn query_patiently(
    connection: &mut Connection,
    options: &ConnectOptions,
    sql: &str,
) -> wire::Result<Reply> {
    let silence = options.reply_timeout();
    let peer = format!("{}:{}", connection.peer().host, connection.peer().port);
    let backend = connection.backend_pid();
    connection.set_reply_timeout(NO_END);
    let answered = {
        let mut running = pin!(connection.query(sql));
        loop {
            tokio::select! {
                biased;
                answered = &mut running => break answered,
                () = sleep(silence) => {}
            }
            if !is_at_work(options, backend).await {
                let silent = |_| wire::Error::Silent {
                    peer,
                    after: silence,
                };
                break timeout(JUST_ENDED, running).await.map_err(silent)?;
            }
        }
    };
    connection.set_reply_timeout(silence);
    answered
}

/// Whether the server says so.
async fn is_at_work(options: &ConnectOptions, backend: Option<i32>) -> bool {
    let Some(backend) = backend else {
        return false;
    };
    let sql = format!(
        "SELECT 1 FROM pg_catalog.pg_stat_activity WHERE pid = {backend} AND state = 'active'"
    );
    let asked = async {
        let mut connection = Connection::connect(options).await?;
        let found = !connection.query(&sql).await?.rows.is_empty();
        connection.close().await;
        Ok::<bool, wire::Error>(found)
    };
    asked.await.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use testenv::fault::{Action, Fault, FaultProxy, Trigger};

    use super::*;
    use crate::wire::{Endpoint, Environment};

    fn options(uri: &str, silence: Duration) -> ConnectOptions {
        let options = ConnectOptions::parse(uri, Endpoint::Postgres, &Environment::default());
        let mut options = options.expect("a URI");
        options.set_reply_timeout(silence);
        options
    }

    #[tokio::test]
    async fn a_statement_that_is_at_work_is_waited_for_beyond_the_reply_timeout() {
        let uri = testenv::Cluster::shared().uri("postgres");
        let options = options(&uri, Duration::from_millis(300));
        let mut connection = Connection::connect(&options).await.expect("connects");
        let sql = "SELECT pg_sleep(1.5), 7";
        let impatient = connection.query(sql).await;
        assert!(matches!(impatient, Err(wire::Error::Silent { .. })));
        let mut connection = Connection::connect(&options).await.expect("connects");
        let reply = query_patiently(&mut connection, &options, sql).await;
        assert_eq!(reply.expect("an answer").value(1), Some("7"));
        assert!(connection.is_usable());
    }

    #[tokio::test]
    async fn a_connection_that_is_half_open_is_given_up() {
        let uri = testenv::Cluster::shared().uri("postgres");
        let proxy = FaultProxy::start(&uri).expect("the proxy starts");
        let stall = Action::StallWriting(Duration::from_secs(60));
        let faults = proxy.faults();
        faults.add(Fault::new(Trigger::query("pg_sleep"), stall));
        let options = options(proxy.uri(), Duration::from_millis(500));
        let mut connection = Connection::connect(&options).await.expect("connects");
        let sql = "SELECT pg_sleep(0.1)";
        let asked = query_patiently(&mut connection, &options, sql);
        let silent = timeout(Duration::from_secs(20), asked).await;
        let silent = silent.expect("it ends");
        assert!(matches!(silent, Err(wire::Error::Silent { .. })));
        assert!(!connection.is_usable());
    }
}
