//! One server process with its data folder, and who runs it: PostgreSQL refuses to run as root.

use std::ffi::OsStr;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::reaper::Reaper;
use crate::{Error, Installation};

/// Longer than the slowest start seen on a loaded two-core machine.
const START_LIMIT: Duration = Duration::from_secs(90);

/// Ports are free when they are chosen and may be taken a moment later.
const PORT_ATTEMPTS: u32 = 10;

/// The longest path of a temporary folder that leaves room for a socket's name: `sun_path` holds 107.
const LONGEST_FOLDER: usize = 60;

/// Where servers find programs; Debian keeps some of them out of the users' way.
const SERVER_PATH: &str = "/usr/bin:/bin:/usr/local/bin:/usr/sbin:/sbin:/usr/local/sbin";

/// How a server is told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Sessions are cut, data is written: the next start finds all in order.
    Fast,
    /// As a crash: the next start recovers from the log.
    Immediate,
}

/// A data folder and, while it runs, its server. The reaper is the last field: it goes last.
#[derive(Debug)]
pub(crate) struct Server {
    installation: Installation,
    folder: PathBuf,
    port: u16,
    process: Option<Child>,
    reaper: Reaper,
}

impl Server {
    /// Makes the folder and its data; nothing runs yet.
    pub(crate) fn initialise(installation: Installation) -> Result<Self, Error> {
        let server = Self::in_new_folder(installation)?;
        server.initdb()?;
        Ok(server)
    }

    /// Another one with a copy of the data, while this one does not run.
    pub(crate) fn copy(&self) -> Result<Self, Error> {
        let other = Self::in_new_folder(self.installation.clone())?;
        let copied = Command::new("cp")
            .arg("-a")
            .arg(self.folder.join("data"))
            .arg(&other.folder)
            .output()
            .map_err(Error::io("run cp"))?;
        succeeded("cp", &copied)?;
        Ok(other)
    }

    fn in_new_folder(installation: Installation) -> Result<Self, Error> {
        let folder = temporary_folder()?;
        let reaper = Reaper::start(&folder)?;
        own(&folder)?;
        Ok(Self {
            installation,
            folder,
            port: 0,
            process: None,
            reaper,
        })
    }

    pub(crate) fn major(&self) -> u32 {
        self.installation.major
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// Starts on a free port, or, where it has run before, on the port that it had.
    pub(crate) fn start(&mut self) -> Result<(), Error> {
        let had_port = self.port != 0;
        for _ in 0..PORT_ATTEMPTS {
            if !had_port {
                self.port = free_port()?;
            }
            match self.try_start() {
                Err(Error::Start { log }) if log.contains("Address already in use") => {}
                result => return result,
            }
        }
        Err(Error::Start {
            log: format!("no free port in {PORT_ATTEMPTS} attempts"),
        })
    }

    pub(crate) fn stop(&mut self, how: Stop) -> Result<(), Error> {
        let Some(mut process) = self.process.take() else {
            return Ok(());
        };
        signal(process.id(), if how == Stop::Fast { "INT" } else { "QUIT" })?;
        process.wait().map_err(Error::io("wait for the server"))?;
        self.reaper.watch(None)
    }

    fn initdb(&self) -> Result<(), Error> {
        let output = self
            .program("initdb")?
            .arg("-D")
            .arg(self.folder.join("data"))
            .args([
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ])
            .output()
            .map_err(Error::io("run initdb"))?;
        succeeded("initdb", &output)
    }

    fn try_start(&mut self) -> Result<(), Error> {
        let log = self.folder.join("log");
        let file = fs::File::create(&log).map_err(Error::io("create the server's log"))?;
        let process = self
            .program("postgres")?
            .arg("-D")
            .arg(self.folder.join("data"))
            .args(["-p", &self.port.to_string()])
            .arg("-k")
            .arg(&self.folder)
            .stderr(file)
            .spawn()
            .map_err(Error::io("start postgres"))?;
        self.reaper.watch(Some(process.id()))?;
        self.process = Some(process);
        self.wait_until_ready(&log)
    }

    fn wait_until_ready(&mut self, log: &Path) -> Result<(), Error> {
        let begun = Instant::now();
        while begun.elapsed() < START_LIMIT {
            if self.has_ended()? {
                self.process = None;
                self.reaper.watch(None)?;
                return Err(Error::Start { log: end_of(log) });
            }
            if self.answers() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(Error::Start {
            log: format!("not ready after {START_LIMIT:?}; {}", end_of(log)),
        })
    }

    fn has_ended(&mut self) -> Result<bool, Error> {
        let process = self
            .process
            .as_mut()
            .expect("a server that starts has a process");
        Ok(process
            .try_wait()
            .map_err(Error::io("wait for the server"))?
            .is_some())
    }

    fn answers(&self) -> bool {
        let mut config = postgres::Config::new();
        config
            .host_path(&self.folder)
            .port(self.port)
            .user("postgres")
            .dbname("postgres");
        crate::client::apart(|| config.connect(postgres::NoTls).is_ok())
    }

    /// A PostgreSQL program, run as the unprivileged user where we are root, in a process group of its
    /// own (Ctrl-C is for us) and with nothing of our environment that could lead it astray.
    fn program(&self, name: &str) -> Result<Command, Error> {
        unprivileged_command(self.installation.bin.join(name), &self.folder)
    }
}

/// A command in a folder, run as the unprivileged user where we are root.
pub(crate) fn unprivileged_command(
    program: impl AsRef<OsStr>,
    folder: &Path,
) -> Result<Command, Error> {
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs([("LC_ALL", "C"), ("TZ", "UTC"), ("PATH", SERVER_PATH)])
        .current_dir(folder)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    if let Some((user, group)) = unprivileged()? {
        command.uid(user).gid(group);
    }
    Ok(command)
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop(Stop::Immediate);
    }
}

/// Gives a file or folder to the user who runs the servers.
pub(crate) fn own(path: &Path) -> Result<(), Error> {
    if let Some((user, group)) = unprivileged()? {
        chown(path, Some(user), Some(group)).map_err(Error::io("give a file to the server"))?;
    }
    Ok(())
}

/// Whether this process is root. (`/proc/self` belongs to the effective user.)
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0)
}

pub(crate) fn signal(process: u32, name: &str) -> Result<(), Error> {
    let status = Command::new("sh")
        .args(["-c", r#"kill -s "$0" "$1""#, name, &process.to_string()])
        .stderr(Stdio::null())
        .status()
        .map_err(Error::io("run sh"))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Program {
        program: "kill".into(),
        output: format!("no process {process}"),
    })
}

/// User and group of `postgres`, else of `nobody`; none where we are not root.
fn unprivileged() -> Result<Option<(u32, u32)>, Error> {
    if !is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").map_err(Error::io("read /etc/passwd"))?;
    let found = ["postgres", "nobody"]
        .iter()
        .find_map(|name| ids_of(&users, name));
    let missing = || std::io::Error::other("neither user `postgres` nor `nobody` exists");
    found
        .map(Some)
        .ok_or_else(|| Error::io("choose an unprivileged user")(missing()))
}

fn ids_of(users: &str, name: &str) -> Option<(u32, u32)> {
    let line = users
        .lines()
        .find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

pub(crate) fn temporary_folder() -> Result<PathBuf, Error> {
    let usual = std::env::temp_dir();
    let parent = if usual.as_os_str().len() > LONGEST_FOLDER {
        "/tmp".into()
    } else {
        usual
    };
    let folder = tempfile::Builder::new()
        .prefix("wire9-")
        .tempdir_in(parent)
        .map_err(Error::io("make a temporary folder"))?
        .keep();
    // Others may look for the socket and the CA in it; the data folder is closed by initdb.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))
        .map_err(Error::io("open the temporary folder"))?;
    Ok(folder)
}

pub(crate) fn free_port() -> Result<u16, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::io("find a port"))?;
    Ok(listener
        .local_addr()
        .map_err(Error::io("find a port"))?
        .port())
}

fn succeeded(program: &str, output: &Output) -> Result<(), Error> {
    if output.status.success() {
        return Ok(());
    }
    let output = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(Error::Program {
        program: program.into(),
        output,
    })
}

fn end_of(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_group_are_read_from_the_user_list() {
        let users = "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65533:n:/:/bin/false\n";
        assert_eq!(ids_of(users, "nobody"), Some((65534, 65533)));
        assert_eq!(ids_of(users, "body"), None);
    }
}
