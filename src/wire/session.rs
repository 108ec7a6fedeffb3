//! What the server tells about a session: parameters, notices, the transaction's status.

use std::collections::{BTreeMap, VecDeque};

use super::frame::{Fields, Frame};
use super::server_error::ServerError;

/// ReadyForQuery's byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionStatus {
    /// `I`
    Idle,
    /// `T`
    InTransaction,
    /// `E`
    Failed,
}

/// Most notices that are kept.
const NOTICES: usize = 16;

/// Most parameters that are kept: a server reports about fifteen.
const PARAMETERS: usize = 256;

/// What the server told about the session.
#[derive(Default)]
pub(super) struct Session {
    pub parameters: BTreeMap<String, String>,
    /// Process id and secret of BackendKeyData.
    pub key: Option<(i32, i32)>,
    pub status: Option<TransactionStatus>,
    pub notices: VecDeque<ServerError>,
}

impl Session {
    /// Takes note of a message that may come at any time; says whether it was one.
    pub(super) fn take_asynchronous(&mut self, frame: Frame<'_>) -> bool {
        match frame.tag {
            b'N' => self.notice(frame.body),
            b'S' => self.parameter(frame.body),
            b'A' => {}
            _ => return false,
        }
        true
    }

    /// Reads ReadyForQuery.
    pub(super) fn ready(&mut self, body: &[u8]) -> Option<TransactionStatus> {
        self.status = match body {
            b"I" => Some(TransactionStatus::Idle),
            b"T" => Some(TransactionStatus::InTransaction),
            b"E" => Some(TransactionStatus::Failed),
            _ => None,
        };
        self.status
    }

    /// A notice that can not be read is of no interest.
    fn notice(&mut self, body: &[u8]) {
        let Some(notice) = ServerError::parse(body).filter(ServerError::is_warning_or_above) else {
            return;
        };
        if self.notices.len() == NOTICES {
            self.notices.pop_front();
        }
        self.notices.push_back(notice);
    }

    fn parameter(&mut self, body: &[u8]) {
        let mut fields = Fields::of(body);
        let (Some(name), Some(value)) = (fields.cstr(), fields.cstr()) else {
            return;
        };
        let name = String::from_utf8_lossy(name).into_owned();
        if self.parameters.len() < PARAMETERS || self.parameters.contains_key(&name) {
            self.parameters
                .insert(name, String::from_utf8_lossy(value).into_owned());
        }
    }
}
