//! PgBouncer before a database, as many hosters have it.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::server::{free_port, own, temporary_folder, unprivileged_command};
use crate::{Database, Error};

/// Longer than the slowest start seen on a loaded machine.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A running PgBouncer on a free port of 127.0.0.1, which believes every user. Stopped with the value.
#[derive(Debug)]
pub struct PgBouncer {
    process: Child,
    folder: PathBuf,
    port: u16,
    database: String,
}

impl PgBouncer {
    /// Starts one before a database; `mode` is `session`, `transaction` or `statement`.
    ///
    /// # Errors
    /// Where the program is missing (root: `testenv/install` installs it), or does not start.
    pub fn start(database: &Database, mode: &str) -> Result<Self, Error> {
        let folder = temporary_folder()?;
        own(&folder)?;
        let port = free_port()?;
        let file = folder.join("pgbouncer.ini");
        let text = configuration(database.cluster().port(), port, mode);
        fs::write(&file, text).map_err(Error::io("write pgbouncer.ini"))?;
        let process = unprivileged_command("pgbouncer", &folder)?
            .arg(&file)
            .stderr(Stdio::null())
            .spawn()
            .map_err(Error::io(
                "start pgbouncer (package pgbouncer; testenv/install installs it for root)",
            ))?;
        let mut bouncer = Self {
            process,
            folder,
            port,
            database: database.name().to_owned(),
        };
        bouncer.wait_until_ready()?;
        Ok(bouncer)
    }

    /// The URI of the database through it.
    #[must_use]
    pub fn uri(&self) -> String {
        format!(
            "postgresql://postgres@127.0.0.1:{}/{}",
            self.port, self.database
        )
    }

    fn wait_until_ready(&mut self) -> Result<(), Error> {
        let begun = Instant::now();
        loop {
            let ended = self.process.try_wait();
            let ended = ended.map_err(Error::io("wait for pgbouncer"))?.is_some();
            if ended || begun.elapsed() > START_LIMIT {
                return Err(Error::Start {
                    log: "pgbouncer ended or did not answer".to_owned(),
                });
            }
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn configuration(server: u16, port: u16, mode: &str) -> String {
    format!(
        "[databases]\n\
         * = host=127.0.0.1 port={server} user=postgres\n\
         [pgbouncer]\n\
         listen_addr = 127.0.0.1\n\
         listen_port = {port}\n\
         unix_socket_dir =\n\
         auth_type = any\n\
         pool_mode = {mode}\n"
    )
}
