//! What can be wrong with connection options.

use std::path::PathBuf;

/// Options that make no sense, or a secret that can not be had. No variant holds a value that was
/// typed: it may be a misplaced password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// The text is neither a URI nor key=value.
    #[error("the connection string can not be read: {what}")]
    Syntax {
        /// What is wrong with it.
        what: &'static str,
    },
    /// A key that libpq does not know either.
    #[error("unknown connection option {key:?}{}", did_you_mean(*nearest))]
    UnknownKey {
        /// The key as typed.
        key: String,
        /// The known key that is most like it.
        nearest: Option<&'static str>,
    },
    /// A key of libpq that wire9 does not offer.
    #[error("connection option {key} is not supported: {reason}")]
    Unsupported {
        /// The key.
        key: &'static str,
        /// Why, and what to do.
        reason: &'static str,
    },
    /// A value that its key does not take.
    #[error("connection option {key} must be {expected}")]
    BadValue {
        /// The key.
        key: &'static str,
        /// What it takes.
        expected: &'static str,
    },
    /// Neither the options nor the environment name a host.
    #[error("the connection string names no host")]
    NoHost,
    /// Neither the options nor the environment name a user.
    #[error("the connection string names no user")]
    NoUser,
    /// The password command gave no password.
    #[error("the password command failed: {reason}")]
    PasswordCommand {
        /// How it failed, without its output.
        reason: String,
    },
    /// A certificate or key file can not be used.
    #[error("{key}: {} can not be used: {reason}", path.display())]
    File {
        /// The option that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest
        .map(|key| format!("; did you mean {key}?"))
        .unwrap_or_default()
}
