//! CancelRequest, over a connection of its own.

use std::time::Duration;

use bytes::BytesMut;
use postgres_protocol::message::frontend;

use super::dial::{self, Address};
use super::error::{Error, Result};
use super::link::Link;
use super::settings::Host;
use super::tls::{self, Tls};

/// How long the server may take to accept a CancelRequest where the options set no end.
const DEADLINE: Duration = Duration::from_secs(10);

/// Asks the server to cancel a running command, over a connection of its own (encrypted as the first).
#[derive(Clone)]
pub struct Canceller {
    pub(super) host: Host,
    /// The address that the first connection reached: another server does not know the key.
    pub(super) address: Address,
    pub(super) tls: Option<Tls>,
    pub(super) key: Option<(i32, i32)>,
    pub(super) timeout: Option<Duration>,
}

impl Canceller {
    /// Sends CancelRequest and waits until the server closes. Whether the command was still running,
    /// the server does not say.
    pub async fn cancel(&self) -> Result<()> {
        let after = self.timeout.unwrap_or(DEADLINE).min(DEADLINE);
        let silent = || Error::Silent {
            peer: self.host.to_string(),
            after,
        };
        tokio::time::timeout(after, self.ask(after))
            .await
            .map_err(|_| silent())?
    }

    async fn ask(&self, deadline: Duration) -> Result<()> {
        let peer = self.host.to_string();
        let Some((pid, secret)) = self.key else {
            let what = "it told no key to cancel commands with".to_owned();
            return Err(Error::Protocol { peer, what });
        };
        let mut stream = dial::dial(&self.address, &self.host, deadline).await?;
        if let Some(tls) = &self.tls {
            let (asked, willing) = tls.ask(stream, &self.host).await?;
            if !willing {
                return Err(tls::tls_error(
                    &self.host,
                    "refused for a CancelRequest".into(),
                ));
            }
            stream = tls.encrypt(asked, &self.host).await?;
        }
        let mut link = Link::new(stream, peer, deadline);
        let mut request = BytesMut::new();
        frontend::cancel_request(pid, secret, &mut request);
        link.outbound().extend_from_slice(&request);
        link.flush().await?;
        // The server answers by closing; some close without TLS's goodbye.
        while link.fill().await.is_ok() {
            link.inbound().clear();
        }
        Ok(())
    }
}

/// The key stays secret.
impl std::fmt::Debug for Canceller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Canceller")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
