//! A tiny shell process that outlives ours and clears up after it, however it ended.
//!
//! It reads from a pipe whose other end only our process holds. End of file means that we are gone
//! (dropped, panicked, killed): it stops the server and removes the folder. It has a process group of
//! its own and ignores signals, so that Ctrl-C in the terminal does not take it along.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::Error;

/// Each line read is the process id of the server that runs now, an empty line: none.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
folder=$1 pid=
while read -r line; do pid=$line; done
if [ -n "$pid" ] && kill -s QUIT "$pid"; then
  tries=0
  # Where nobody waits for orphans the process stays as a zombie: its pid file tells the truth.
  while [ -e "$folder/data/postmaster.pid" ] && kill -s 0 "$pid"; do
    tries=$((tries + 1))
    [ "$tries" -ne 200 ] || kill -s KILL "$pid"
    [ "$tries" -lt 300 ] || break
    sleep 0.05
  done
fi
# A program that was just starting may still write into it.
tries=0
while [ -e "$folder" ] && [ "$tries" -lt 100 ]; do
  rm -rf "$folder"
  tries=$((tries + 1))
  [ ! -e "$folder" ] || sleep 0.1
done
"#;

/// The process that clears up; dropping it makes it do so and waits until it has.
#[derive(Debug)]
pub(crate) struct Reaper {
    shell: Child,
}

impl Reaper {
    pub(crate) fn start(folder: &Path) -> Result<Self, Error> {
        let shell = Command::new("sh")
            .args(["-c", SCRIPT, "wire9-testenv-reaper"])
            .arg(folder)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(Error::io("start the reaper"))?;
        Ok(Self { shell })
    }

    /// Names the server to stop at our end, if one runs.
    pub(crate) fn watch(&mut self, server: Option<u32>) -> Result<(), Error> {
        let line = server.map_or("\n".into(), |pid| format!("{pid}\n"));
        let pipe = self
            .shell
            .stdin
            .as_mut()
            .expect("the pipe is open until drop");
        pipe.write_all(line.as_bytes())
            .map_err(Error::io("write to the reaper"))
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
