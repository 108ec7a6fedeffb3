//! When a fault happens.

use super::Place;

/// A message from the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the protocol's own names
pub enum Frontend {
    Query,
    Parse,
    Bind,
    Execute,
    Sync,
    CopyData,
    CopyDone,
    CopyFail,
    Password,
    Terminate,
}

/// A message from the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the protocol's own names
pub enum Backend {
    Authentication,
    ParameterStatus,
    BackendKeyData,
    ReadyForQuery,
    RowDescription,
    DataRow,
    CommandComplete,
    CopyInResponse,
    CopyOutResponse,
    CopyData,
    CopyDone,
    ErrorResponse,
    NoticeResponse,
}

/// What a trigger looks at.
#[derive(Debug, Clone)]
pub(super) enum Point {
    Connect,
    Frontend { tag: u8, containing: Option<String> },
    Commit { containing: Option<String> },
    Backend { tag: u8, containing: Option<String> },
    BytesFromClient(u64),
    BytesToClient(u64),
}

/// When a fault happens. Occurrences are counted over all connections that pass the filters, from
/// the moment the fault is added; one at which an earlier fault of the script happens is not counted.
#[derive(Debug, Clone)]
pub struct Trigger {
    pub(super) point: Point,
    pub(super) nth: u64,
    application: Option<String>,
    connection: Option<u64>,
}

impl Trigger {
    /// A connection is opened. ([`Trigger::application`] cannot be known yet and must not be set
    /// with [`Action::RefuseConnect`](super::Action::RefuseConnect).)
    pub fn connect() -> Trigger {
        Trigger::at(Point::Connect)
    }

    /// The client sends a message of this kind. (The stand-in's password exchange is not seen.)
    pub fn frontend(kind: Frontend) -> Trigger {
        Trigger::at(Point::Frontend {
            tag: frontend_tag(kind),
            containing: None,
        })
    }

    /// The client sends a Query whose text contains `text`.
    pub fn query(text: &str) -> Trigger {
        Trigger::at(Point::Frontend {
            tag: b'Q',
            containing: Some(text.to_owned()),
        })
    }

    /// The client sends a Query in which a statement (judged by the parse tree) is COMMIT or END.
    pub fn commit() -> Trigger {
        Trigger::at(Point::Commit { containing: None })
    }

    /// As [`Trigger::commit`], and the text of the Query contains `text`.
    pub fn commit_containing(text: &str) -> Trigger {
        Trigger::at(Point::Commit {
            containing: Some(text.to_owned()),
        })
    }

    /// The server sends a message of this kind.
    pub fn backend(kind: Backend) -> Trigger {
        Trigger::at(Point::Backend {
            tag: backend_tag(kind),
            containing: None,
        })
    }

    /// The server completes a command whose tag (`COPY 5`, `COMMIT`) contains `text`.
    pub fn command_complete(text: &str) -> Trigger {
        Trigger::at(Point::Backend {
            tag: b'C',
            containing: Some(text.to_owned()),
        })
    }

    /// The byte number `offset` (from 0) that one connection's client sends after its startup
    /// packet and password exchange with the stand-in.
    pub fn bytes_from_client(offset: u64) -> Trigger {
        Trigger::at(Point::BytesFromClient(offset))
    }

    /// The byte number `offset` (from 0) that one connection's client receives after that.
    pub fn bytes_to_client(offset: u64) -> Trigger {
        Trigger::at(Point::BytesToClient(offset))
    }

    /// The nth occurrence, counted from 1.
    pub fn nth(mut self, nth: u64) -> Trigger {
        self.nth = nth.max(1);
        self
    }

    /// Only on connections whose `application_name` contains this.
    pub fn application(mut self, pattern: &str) -> Trigger {
        self.application = Some(pattern.to_owned());
        self
    }

    /// Only on the proxy's nth connection, counted from 1.
    pub fn on_connection(mut self, number: u64) -> Trigger {
        self.connection = Some(number);
        self
    }

    fn at(point: Point) -> Trigger {
        Trigger {
            point,
            nth: 1,
            application: None,
            connection: None,
        }
    }
}

impl Trigger {
    pub(super) fn filters_pass(&self, place: &Place<'_>) -> bool {
        self.connection
            .is_none_or(|number| number == place.connection)
            && self
                .application
                .as_ref()
                .is_none_or(|name| place.application.contains(name))
    }
}

fn frontend_tag(kind: Frontend) -> u8 {
    match kind {
        Frontend::Query => b'Q',
        Frontend::Parse => b'P',
        Frontend::Bind => b'B',
        Frontend::Execute => b'E',
        Frontend::Sync => b'S',
        Frontend::CopyData => b'd',
        Frontend::CopyDone => b'c',
        Frontend::CopyFail => b'f',
        Frontend::Password => b'p',
        Frontend::Terminate => b'X',
    }
}

fn backend_tag(kind: Backend) -> u8 {
    match kind {
        Backend::Authentication => b'R',
        Backend::ParameterStatus => b'S',
        Backend::BackendKeyData => b'K',
        Backend::ReadyForQuery => b'Z',
        Backend::RowDescription => b'T',
        Backend::DataRow => b'D',
        Backend::CommandComplete => b'C',
        Backend::CopyInResponse => b'G',
        Backend::CopyOutResponse => b'H',
        Backend::CopyData => b'd',
        Backend::CopyDone => b'c',
        Backend::ErrorResponse => b'E',
        Backend::NoticeResponse => b'N',
    }
}
