//! A value, and how it is known.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

/// A value of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact<T> {
    /// The value.
    pub value: T,
    /// How it is known.
    pub known: Known,
}

impl<T> Fact<T> {
    /// What a probe of the live server has shown.
    pub fn probed(value: T) -> Self {
        Self {
            value,
            known: Known::Probed,
        }
    }

    /// What a document says; `source` names it with its date.
    pub fn documented(value: T, source: &str) -> Self {
        Self {
            value,
            known: Known::Documented(source.to_owned()),
        }
    }
}

/// How a value is known. As text: `probed`, `given`, or `documented: SOURCE, DATE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// A document says so: its name and date.
    Documented(String),
    /// A probe of the live server has shown it.
    Probed,
    /// A person says so, in `--profile FILE`.
    Given,
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Documented(source) => write!(f, "documented: {source}"),
            Self::Probed => f.write_str("probed"),
            Self::Given => f.write_str("given"),
        }
    }
}

/// The text is none of the three forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownForm;

impl FromStr for Known {
    type Err = UnknownForm;

    fn from_str(text: &str) -> Result<Self, UnknownForm> {
        match text {
            "probed" => Ok(Self::Probed),
            "given" => Ok(Self::Given),
            _ => text
                .strip_prefix("documented: ")
                .map(|source| Self::Documented(source.to_owned()))
                .ok_or(UnknownForm),
        }
    }
}

impl Serialize for Known {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Which server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServerKind {
    /// `version()` contains `db9-server`.
    Db9,
    /// `version()` starts with `PostgreSQL`.
    Postgresql,
    /// Anything else that speaks pgwire.
    Other,
}

impl ServerKind {
    /// Tells the server from the text of `version()`.
    pub fn of_version(version: &str) -> Self {
        if version.contains("db9-server") {
            Self::Db9
        } else if version.starts_with("PostgreSQL ") {
            Self::Postgresql
        } else {
            Self::Other
        }
    }
}

/// What CREATE INDEX makes of an access method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MethodAnswer {
    /// It is an index.
    Full,
    /// The statement is taken, and queries scan the table all the same.
    Scan,
    /// The statement is refused.
    Refused,
}

/// What becomes of fraction digits beyond those kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rounding {
    /// They are dropped.
    Cuts,
    /// The value is rounded: 23:59:59.9999 may become the next day.
    Rounds,
}

/// What CREATE TABLE makes of a type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TypeAnswer {
    /// The column has this type.
    Accepted,
    /// The type is refused.
    Refused,
    /// The column has another type: its name.
    Aliased(String),
}
