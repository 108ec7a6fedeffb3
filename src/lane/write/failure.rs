//! Why a transaction of the target failed, and the questions that are asked of it.

use crate::endpoint::Error as EndpointError;
use crate::wire;

use super::super::decide::{Decision, Stage, blames_rows, decide};
use super::super::pace::Heard;
use super::super::read::chain;

/// A single row that has met the target's statement timeout so often is not tried again.
const TOO_SLOW: u32 = 5;

/// Why a transaction of the target failed.
pub(super) struct Failure {
    pub(super) stage: Stage,
    pub(super) cause: Cause,
}

pub(super) enum Cause {
    Wire(wire::Error),
    Endpoint(EndpointError),
    /// COPY's tag is not the rows sent.
    Taken(String),
    /// A ledger statement's tag is not what it must be: another process owns the lane.
    Fence,
    /// COMMIT was answered with another tag: `ROLLBACK`.
    NotCommitted,
}

impl Failure {
    pub(super) fn heard(&self) -> Heard {
        match &self.cause {
            Cause::Wire(error) => Heard::of(Some(error)),
            Cause::Endpoint(error) if error.wire().is_some() => Heard::of(error.wire()),
            _ => Heard::Refusal,
        }
    }

    /// Whether this much is too much, however often it is tried: the server says so, or what has timed
    /// out `tries` times will do so again.
    pub(super) fn is_limit(&self, tries: u32) -> bool {
        match &self.cause {
            Cause::Wire(error) => match error.code() {
                Some("54000") => true,
                Some("57014") => tries >= TOO_SLOW,
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether a key of the rows is in the table already.
    pub(super) fn is_duplicate(&self) -> bool {
        match &self.cause {
            Cause::Wire(error) => self.stage == Stage::Copy && error.code() == Some("23505"),
            _ => false,
        }
    }

    /// The server's refusal, where the rows are at fault.
    pub(super) fn blame(&self) -> Option<&wire::Error> {
        match &self.cause {
            Cause::Wire(error) if blames_rows(self.stage, error) => Some(error),
            _ => None,
        }
    }

    pub(super) fn decision(&self) -> Decision {
        match &self.cause {
            Cause::Wire(error) => decide(self.stage, error),
            // The session could not be set up as it must be: tries are counted.
            Cause::Endpoint(error) => error
                .wire()
                .map(|e| decide(self.stage, e))
                .filter(|d| *d != Decision::Final)
                .unwrap_or(Decision::Again),
            Cause::Taken(_) | Cause::Fence => Decision::Final,
            Cause::NotCommitted => Decision::Resolve,
        }
    }

    pub(super) fn in_words(&self) -> String {
        match &self.cause {
            Cause::Wire(error) => chain(error),
            Cause::Endpoint(error) => chain(error),
            Cause::Taken(tag) => format!("the target answered {tag}"),
            Cause::Fence => "the lane has another owner".to_owned(),
            Cause::NotCommitted => "COMMIT was answered with ROLLBACK".to_owned(),
        }
    }
}

impl Failure {
    pub(super) fn into_endpoint_error(self) -> EndpointError {
        let words = self.in_words();
        match self.cause {
            Cause::Endpoint(error) => error,
            Cause::Wire(source) => EndpointError::Wire {
                doing: "deciding a doubtful COMMIT".to_owned(),
                source,
            },
            _ => EndpointError::Unexpected { what: words },
        }
    }
}

/// Too large or too slow for the target, whatever else is tried.
pub(super) fn meets_limit(error: &wire::Error) -> bool {
    matches!(error.code(), Some("54000" | "57014"))
}
