//! Findings as people and programs see them, and what a person has accepted: shared by every command
//! that has findings.

mod accept;
mod json;
mod text;

use std::collections::BTreeSet;

use super::errors::clean;
use crate::runs::Exit;
use crate::runs::check::Assessment;
use crate::schema::finding::{Finding, NOT_CHECKED, Severity};

pub(super) use accept::{AcceptArguments, accepted};
pub(super) use json::Json;

/// Findings and how they are to be shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Findings<'a> {
    /// All of them, the worst first, then by id and object.
    pub(super) list: &'a [Finding],
    /// Ids that a person has accepted; their findings stay in every report.
    pub(super) accepted: &'a BTreeSet<String>,
    /// What was not checked besides the findings that say so, in words for people.
    pub(super) not_checked: &'a [String],
    /// Every object is shown, and not the first few of each kind.
    pub(super) all: bool,
}

impl<'a> Findings<'a> {
    /// Those of a check.
    pub(super) fn of(assessment: &'a Assessment) -> Self {
        Self {
            list: &assessment.findings,
            accepted: &assessment.accepted,
            not_checked: &assessment.not_checked,
            all: false,
        }
    }

    /// The findings by severity, each with why and remedy; empty where there are none. What was not
    /// checked is none of them.
    pub(super) fn text(&self) -> String {
        text::text(self)
    }

    /// `2 blockers (1 accepted), 3 losses, 14 changes, 5 notes`: kinds of findings, not objects;
    /// `no findings` where there are none.
    pub(super) fn summary(&self) -> String {
        text::summary(self)
    }

    /// The same for programs.
    pub(super) fn json(&self) -> Json {
        Json::of(self)
    }

    /// What they mean for a pipeline: blockers that nobody accepted, else losses that nobody accepted, else
    /// that something was not checked, and nobody accepted that.
    pub(super) fn exit(&self) -> Exit {
        let worst = self.open().map(|finding| finding.kind.severity).min();
        match worst {
            Some(Severity::Blocker) => Exit::Blockers,
            Some(Severity::Loss) => Exit::Findings,
            _ if self.not_checked_count() > 0 && !self.accepted.contains(NOT_CHECKED) => {
                Exit::NotVerified
            }
            _ => Exit::Done,
        }
    }

    /// The ids that decide the exit code: accepted, they do not any more.
    pub(super) fn open_ids(&self) -> Vec<&'static str> {
        let severity = match self.exit() {
            Exit::Blockers => Severity::Blocker,
            Exit::Findings => Severity::Loss,
            Exit::NotVerified => return vec![NOT_CHECKED],
            _ => return Vec::new(),
        };
        let mut ids: Vec<&'static str> = self
            .open()
            .filter(|finding| finding.kind.severity == severity)
            .map(|finding| finding.kind.id)
            .collect();
        ids.dedup();
        ids
    }

    /// The part of the report about what was not checked: lines of others first, then the findings that
    /// say so; empty where everything was checked.
    pub(super) fn not_checked_text(&self, others: &[String]) -> String {
        text::not_checked(self, others)
    }

    /// What was not checked, a line each.
    pub(super) fn not_checked(&self) -> Vec<String> {
        let words = self.not_checked.iter().map(|what| clean(what));
        let found = self.unread().iter().map(text::object);
        words.chain(found).collect()
    }

    fn not_checked_count(&self) -> usize {
        self.not_checked.len() + self.unread().len()
    }

    /// The findings that say that something was not checked.
    fn unread(&self) -> &'a [Finding] {
        let list: &'a [Finding] = self.list;
        let mut kinds = list.chunk_by(|a, b| a.kind.id == b.kind.id);
        kinds
            .find(|kind| kind[0].kind.is_not_checked())
            .unwrap_or_default()
    }

    fn open(&self) -> impl Iterator<Item = &'a Finding> {
        let accepted = self.accepted;
        self.list
            .iter()
            .filter(move |finding| !accepted.contains(finding.kind.id))
    }

    fn is_accepted(&self, finding: &Finding) -> bool {
        self.accepted.contains(finding.kind.id)
    }

    /// The findings of one severity, kind by kind.
    fn kinds(&self, severity: Severity) -> Vec<&'a [Finding]> {
        let list: &'a [Finding] = self.list;
        list.chunk_by(|a, b| a.kind.id == b.kind.id)
            .filter(|kind| kind[0].kind.severity == severity && !kind[0].kind.is_not_checked())
            .collect()
    }
}

/// In the order of reports.
const SEVERITIES: [Severity; 4] = [
    Severity::Blocker,
    Severity::Loss,
    Severity::Change,
    Severity::Note,
];

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::schema::finding::Kind;

    const BLOCKER: Kind = Kind {
        id: "a-blocker",
        severity: Severity::Blocker,
        title: "protection that is not there",
        happens: "everybody reads every row",
        why: "the target has none of it (a document)",
        remedy: "protect it in the application",
    };

    pub(in crate::cli) static BLOCKERS: Kind = BLOCKER;

    static LOSSES: Kind = Kind {
        id: "a-loss",
        severity: Severity::Loss,
        ..BLOCKER
    };

    static NOTES: Kind = Kind {
        id: "a-note",
        severity: Severity::Note,
        ..BLOCKER
    };

    static UNREAD: Kind = Kind {
        id: NOT_CHECKED,
        severity: Severity::Note,
        title: "text that could not be read",
        ..BLOCKER
    };

    /// What could not be looked at.
    pub(in crate::cli) fn unread() -> Finding {
        Finding::new(&UNREAD, "function public.f()").detail("a body in plperl is not read")
    }

    /// All of them, nobody has accepted any, and everything was checked.
    pub(in crate::cli) fn shown(list: &[Finding]) -> Findings<'_> {
        static NONE: BTreeSet<String> = BTreeSet::new();
        Findings {
            list,
            accepted: &NONE,
            not_checked: &[],
            all: false,
        }
    }

    /// A blocker at two objects, a loss at twelve, a note at one.
    pub(in crate::cli) fn findings() -> Vec<Finding> {
        let mut list = vec![
            Finding::new(&BLOCKERS, "table public.orders").detail("2 policies"),
            Finding::new(&BLOCKERS, "table public.users").counted(1_234),
        ];
        list.extend((10..22).map(|n| Finding::new(&LOSSES, format!("table public.t{n}"))));
        list.push(Finding::new(&NOTES, "the source"));
        list
    }

    fn exit_of(list: &[Finding], accepted: &[&str], not_checked: &[String]) -> Exit {
        let accepted = accepted.iter().map(|id| (*id).to_owned()).collect();
        let findings = Findings {
            accepted: &accepted,
            not_checked,
            ..shown(list)
        };
        findings.exit()
    }

    fn exit_where(accepted: &[&str]) -> Exit {
        exit_of(&findings(), accepted, &[])
    }

    #[test]
    fn the_exit_code_is_that_of_the_worst_finding_that_nobody_accepted() {
        assert_eq!(exit_where(&[]), Exit::Blockers);
        assert_eq!(exit_where(&["a-loss"]), Exit::Blockers);
        assert_eq!(exit_where(&["a-blocker"]), Exit::Findings);
        assert_eq!(exit_where(&["a-blocker", "a-loss"]), Exit::Done);
    }

    #[test]
    fn the_ids_that_decide_are_named_once_each() {
        let list = findings();
        let ids = |accepted: &[&str]| {
            let accepted = accepted.iter().map(|id| (*id).to_owned()).collect();
            let findings = Findings {
                accepted: &accepted,
                ..shown(&list)
            };
            findings.open_ids()
        };
        assert_eq!(ids(&[]), ["a-blocker"]);
        assert_eq!(ids(&["a-blocker"]), ["a-loss"]);
        assert_eq!(ids(&["a-blocker", "a-loss"]), [""; 0]);
    }

    #[test]
    fn what_was_not_checked_has_a_code_of_its_own_where_nothing_is_worse() {
        let list = |mut list: Vec<Finding>| {
            list.push(unread());
            list
        };
        assert_eq!(exit_of(&list(Vec::new()), &[], &[]), Exit::NotVerified);
        let words = ["the catalog pg_subscription".to_owned()];
        assert_eq!(exit_of(&[], &[], &words), Exit::NotVerified);
        let seen = exit_of(&list(Vec::new()), &[NOT_CHECKED], &words);
        assert_eq!(seen, Exit::Done);
        let all = list(findings());
        assert_eq!(exit_of(&all, &[], &words), Exit::Blockers);
        assert_eq!(exit_of(&all, &["a-blocker"], &words), Exit::Findings);
        let both = ["a-blocker", "a-loss"];
        assert_eq!(exit_of(&all, &both, &words), Exit::NotVerified);
    }
}
