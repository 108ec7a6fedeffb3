//! Findings: what will not, or may not, survive the move. Each kind is declared once, with its stable
//! id, where it is decided, and listed in `kinds`, so that documentation and tests know them all.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How bad it is. In the order of reports: the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// `migrate` refuses unless the id is accepted by name.
    Blocker,
    /// Works, but information or protection is lost.
    Loss,
    /// Rewritten; behaves differently.
    Change,
    /// Good to know.
    Note,
}

/// Id of the kind that says that something could not be looked at. Who accepts it accepts whatever was not
/// checked.
pub const NOT_CHECKED: &str = "not-checked";

/// A kind of finding.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Stable id, `partitioned-table`: lower case words joined by `-`. Never reused for something else.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// One line without the object: `partitioned table`.
    pub title: &'static str,
    /// What becomes of the object: `its rows go into one plain table`.
    pub happens: &'static str,
    /// Why, with the document that says so: `no partitioning (DB9 guide "Migrate from PostgreSQL")`.
    pub why: &'static str,
    /// What the reader can do.
    pub remedy: &'static str,
}

/// One finding: a kind at an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind it is.
    pub kind: &'static Kind,
    /// The object, readable: `table public.orders`, `column public.orders.total`, `role app`.
    pub object: String,
    /// How many it stands for (rows, columns, partitions …); at least 1.
    pub count: u64,
    /// What is particular to this object, one line: `money becomes numeric(19,2)`; may be empty. No row
    /// value is ever in it.
    pub detail: String,
}

impl Finding {
    /// A finding that stands for one.
    pub fn new(kind: &'static Kind, object: impl Into<String>) -> Self {
        Self {
            kind,
            object: object.into(),
            count: 1,
            detail: String::new(),
        }
    }

    /// How many it stands for.
    #[must_use]
    pub fn counted(mut self, count: u64) -> Self {
        self.count = count;
        self
    }

    /// What is particular to the object.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
}

impl Kind {
    /// Whether it says that something could not be looked at, so that nobody knows what is in it: it is
    /// reported apart from what was found.
    pub fn is_not_checked(&self) -> bool {
        self.id == NOT_CHECKED
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Blocker => "blocker",
            Self::Loss => "loss",
            Self::Change => "change",
            Self::Note => "note",
        })
    }
}

/// The kinds that every part of the program can find, in order of their ids.
pub fn kinds() -> Vec<&'static Kind> {
    let lists: [&[&'static Kind]; 5] = [
        super::convert::PRE_KINDS,
        super::convert::POST_KINDS,
        super::inspect::KINDS,
        super::syntax::KINDS,
        super::deep::KINDS,
    ];
    let mut all: Vec<&Kind> = lists.concat();
    all.sort_by_key(|kind| kind.id);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_kind_says_that_something_was_not_checked_and_is_a_note() {
        let all = kinds().into_iter().filter(|kind| kind.is_not_checked());
        let severities: Vec<Severity> = all.map(|kind| kind.severity).collect();
        assert_eq!(severities, [Severity::Note]);
    }

    #[test]
    fn every_kind_has_an_id_of_its_own_and_says_everything() {
        let all = kinds();
        for pair in all.windows(2) {
            assert_ne!(pair[0].id, pair[1].id);
        }
        for kind in all {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(kind.id.chars().all(plain), "{}", kind.id);
            for text in [kind.title, kind.happens, kind.why, kind.remedy] {
                assert!(!text.is_empty(), "{}", kind.id);
            }
        }
    }
}
