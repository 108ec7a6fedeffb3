//! Why an operation ended without its result, and what that means for the caller.

/// The exit codes of the program; stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything was done.
    Done = 0,
    /// A fault of the program itself.
    Internal = 1,
    /// The arguments make no sense.
    Usage = 2,
    /// Connection or authentication.
    Connection = 3,
    /// A precondition was refused; nothing was written.
    Refused = 4,
    /// A part was done: rejects, failed DDL, tables left.
    Partial = 5,
    /// Source and target do not agree.
    Mismatch = 6,
    /// Something could not be verified.
    NotVerified = 7,
    /// `check` found loss.
    Findings = 8,
    /// `check` found blockers that nobody accepted.
    Blockers = 9,
    /// Interrupted by a signal.
    Interrupted = 130,
}

/// Why an operation ended without its result. `Display` is one line without its cause; `source()` is
/// the chain.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Error {
    /// The exit code that it means.
    pub exit: Exit,
    /// What went wrong: the object and the reason; never a row value or a secret.
    pub what: String,
    /// What to do about it, one line.
    pub advice: Option<String>,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}
