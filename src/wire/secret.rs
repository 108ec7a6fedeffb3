//! Passwords: where they come from, and that they never show.

use std::fmt;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;

use super::options_error::OptionsError;

/// How long a password command may run: a login helper asks a service of its own.
const COMMAND_DEADLINE: Duration = Duration::from_secs(60);

/// The most that is read of a password command's output, in bytes; tokens are far below it.
const COMMAND_OUTPUT: u64 = 64 * 1024;

/// A secret; its `Debug` and `Display` show nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself: only the password exchange needs it.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Runs a shell command and takes the first line of its standard output as the password; it may take
/// as long as connecting may, else a minute.
///
/// Its standard error is not read: it may repeat a secret, and only people's terminals may see it.
pub(super) async fn run_command(
    command: &str,
    connect_timeout: Option<Duration>,
) -> Result<Secret, OptionsError> {
    let refused = |reason: String| OptionsError::PasswordCommand { reason };
    let deadline = connect_timeout.unwrap_or(COMMAND_DEADLINE);
    let mut child = tokio::process::Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| refused(format!("it can not be started: {e}")))?;
    let mut output = Vec::new();
    let work = async {
        if let Some(stdout) = child.stdout.take() {
            stdout.take(COMMAND_OUTPUT).read_to_end(&mut output).await?;
        }
        child.wait().await
    };
    let status = tokio::time::timeout(deadline, work)
        .await
        .map_err(|_| refused(format!("it ran longer than {deadline:?}")))?
        .map_err(|e| refused(format!("it can not be waited for: {e}")))?;
    if !status.success() {
        return Err(refused(format!("it ended with {status}")));
    }
    first_line(&output).map_err(refused)
}

fn first_line(output: &[u8]) -> Result<Secret, String> {
    let line = output.split(|&b| b == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match std::str::from_utf8(line) {
        Ok("") => Err("the first line of its output is empty".into()),
        Ok(line) => Ok(Secret::new(line)),
        Err(_) => Err("the first line of its output is not UTF-8".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_shows() {
        let secret = Secret::new("hunter2");
        assert_eq!(
            format!("{secret} {secret:?} {:#?}", Some(&secret)).find("hunter2"),
            None
        );
    }

    #[tokio::test]
    async fn a_password_command_gives_its_first_line() {
        let secret = run_command("printf 'tok:en \\r\\nsecond'", None)
            .await
            .unwrap();
        assert_eq!(secret.reveal(), "tok:en ");
    }

    #[tokio::test]
    async fn a_failing_password_command_is_an_error_without_its_output() {
        let error = run_command("echo hunter2; echo hunter2 >&2; exit 3", None)
            .await
            .unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains("exit status: 3"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[tokio::test]
    async fn a_password_command_that_hangs_is_an_error_in_time() {
        let deadline = Some(Duration::from_millis(50));
        let error = run_command("sleep 100", deadline).await.unwrap_err();
        assert!(error.to_string().contains("longer than 50ms"), "{error}");
    }

    #[tokio::test]
    async fn a_silent_password_command_is_an_error() {
        assert!(run_command("true", None).await.is_err());
        assert!(run_command("printf '\\n'", None).await.is_err());
    }
}
