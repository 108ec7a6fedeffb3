//! Which process works on a run, and whether it still lives.

use std::fmt;
use std::fs;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A wire9 process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Host name.
    pub host: String,
    /// What tells this host's process numbers from those of any other: boot id and PID namespace.
    pub realm: String,
    /// Process id.
    pub pid: u32,
    /// When the process started, in clock ticks since boot: process ids are used again.
    pub started: u64,
    /// Random; tells two runs of one process apart.
    pub token: String,
}

/// What can be said about another process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    /// It runs on this host.
    Alive,
    /// It ran on this host and is gone.
    Gone,
    /// It runs, or ran, where this process can not look.
    Elsewhere,
}

impl Owner {
    /// This process.
    pub fn this_process() -> Self {
        let pid = std::process::id();
        Self {
            host: read("/proc/sys/kernel/hostname").unwrap_or_else(|| "unknown".to_owned()),
            realm: realm().unwrap_or_default(),
            pid,
            started: started(pid).unwrap_or_default(),
            token: Uuid::new_v4().to_string(),
        }
    }

    /// Whether the process still lives, as far as this host can tell.
    pub fn liveness(&self) -> Liveness {
        if self.realm.is_empty() || realm().as_deref() != Some(&self.realm) {
            Liveness::Elsewhere
        } else if started(self.pid) == Some(self.started) {
            Liveness::Alive
        } else {
            Liveness::Gone
        }
    }
}

/// For people: `host wopr, process 4711`.
impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "host {}, process {}",
            self.host.escape_default(),
            self.pid
        )
    }
}

fn read(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

fn realm() -> Option<String> {
    let boot = read("/proc/sys/kernel/random/boot_id")?;
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{boot} {}", namespace.display()))
}

/// When a process started. One that was killed and whose parent has not waited for it yet is there in
/// name only: it has no connections any more.
fn started(pid: u32) -> Option<u64> {
    started_of(&read(&format!("/proc/{pid}/stat"))?)
}

/// Field 22 of `/proc/PID/stat`, unless field 3 says that it is dead; the second field is a name in
/// parentheses that may hold anything.
fn started_of(stat: &str) -> Option<u64> {
    let mut after_name = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    match after_name.next()? {
        "Z" | "X" | "x" => None,
        _ => after_name.nth(18)?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_a_finished_one_is_gone() {
        let me = Owner::this_process();
        assert_eq!(me.liveness(), Liveness::Alive);
        let mut child = std::process::Command::new("true")
            .spawn()
            .expect("true starts");
        let mut other = Owner {
            pid: child.id(),
            started: 1,
            ..me.clone()
        };
        child.wait().expect("true ends");
        assert_eq!(other.liveness(), Liveness::Gone);
        other.realm = "another boot".to_owned();
        assert_eq!(other.liveness(), Liveness::Elsewhere);
    }

    #[test]
    fn a_killed_process_that_nobody_waited_for_is_gone() {
        let mut child = std::process::Command::new("true")
            .spawn()
            .expect("true starts");
        let other = Owner {
            pid: child.id(),
            started: started(child.id()).unwrap_or(1),
            ..Owner::this_process()
        };
        while other.liveness() == Liveness::Alive {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        assert_eq!(other.liveness(), Liveness::Gone, "before it is waited for");
        child.wait().expect("true ends");
        let stat =
            |state| format!("7 (a) b) {state} 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 9 9");
        assert_eq!(started_of(&stat("S")), Some(4711));
        assert_eq!(started_of(&stat("Z")), None);
    }

    #[test]
    fn a_process_number_that_is_used_again_is_not_the_same_process() {
        let me = Owner::this_process();
        let earlier = Owner {
            started: me.started - 1,
            ..me
        };
        assert_eq!(earlier.liveness(), Liveness::Gone);
    }
}
