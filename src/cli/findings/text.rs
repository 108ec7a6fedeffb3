//! The findings as a report: by severity, folded by kind.

use std::fmt::Write as _;

use super::{Findings, SEVERITIES};
use crate::cli::errors::clean;
use crate::cli::units;
use crate::schema::finding::{Finding, Severity};

/// Objects of one kind that are shown.
const FIRST: usize = 10;

pub(super) fn text(findings: &Findings<'_>) -> String {
    let mut text = String::new();
    for severity in SEVERITIES {
        let kinds = findings.kinds(severity);
        if kinds.is_empty() {
            continue;
        }
        let objects = kinds.iter().map(|kind| kind.len()).sum::<usize>();
        let _ = writeln!(
            text,
            "\n{}  {} at {}: {}",
            heading(severity),
            units::counted(kinds.len() as u64, "kind"),
            units::counted(objects as u64, "object"),
            consequence(severity),
        );
        for kind in kinds {
            push_kind(&mut text, kind, findings);
        }
    }
    text
}

pub(super) fn not_checked(findings: &Findings<'_>, others: &[String]) -> String {
    let mut text = String::new();
    let words = findings.not_checked.iter();
    for what in others.iter().chain(words) {
        let _ = writeln!(text, "  {}", clean(what));
    }
    if !findings.unread().is_empty() {
        push_kind(&mut text, findings.unread(), findings);
    }
    match text.is_empty() {
        true => text,
        false => format!("\nNOT CHECKED  nobody knows what is in it\n{text}"),
    }
}

pub(super) fn summary(findings: &Findings<'_>) -> String {
    let mut said: Vec<String> = SEVERITIES
        .iter()
        .filter_map(|&severity| {
            let kinds = findings.kinds(severity);
            let accepted = kinds.iter().filter(|kind| findings.is_accepted(&kind[0]));
            let said = match kinds.len() {
                0 => return None,
                1 => format!("1 {severity}"),
                n => format!("{} {}", units::count(n as u64), plural(severity)),
            };
            Some(match accepted.count() {
                0 => said,
                n => format!("{said} ({} accepted)", units::count(n as u64)),
            })
        })
        .collect();
    if said.is_empty() {
        said.push("no findings".to_owned());
    }
    if let count @ 1.. = findings.not_checked_count() {
        said.push(format!("{} not checked", units::count(count as u64)));
    }
    said.join(", ")
}

fn push_kind(text: &mut String, kind: &[Finding], findings: &Findings<'_>) {
    let about = kind[0].kind;
    let accepted = match findings.is_accepted(&kind[0]) {
        true => " (accepted)",
        false => "",
    };
    let _ = writeln!(text, "\n  {}{accepted}: {}", about.id, about.title);
    let _ = writeln!(text, "    what: {}", about.happens);
    let _ = writeln!(text, "    why: {}", about.why);
    let _ = writeln!(text, "    do: {}", about.remedy);
    let shown = match findings.all {
        true => kind.len(),
        // One line that says "and 1 more" is as long as the object.
        false if kind.len() == FIRST + 1 => kind.len(),
        false => kind.len().min(FIRST),
    };
    for finding in &kind[..shown] {
        let _ = writeln!(text, "    - {}", object(finding));
    }
    if let Some(more @ 1..) = kind.len().checked_sub(shown) {
        let more = units::count(more as u64);
        let _ = writeln!(text, "    - and {more} more (--all shows them)");
    }
}

/// `table public.orders (1,234): what is particular to it`.
pub(super) fn object(finding: &Finding) -> String {
    let mut line = clean(&finding.object);
    if finding.count > 1 {
        let _ = write!(line, " ({})", units::count(finding.count));
    }
    if !finding.detail.is_empty() {
        let _ = write!(line, ": {}", clean(&finding.detail));
    }
    line
}

fn heading(severity: Severity) -> &'static str {
    match severity {
        Severity::Blocker => "BLOCKERS",
        Severity::Loss => "LOSSES",
        Severity::Change => "CHANGES",
        Severity::Note => "NOTES",
    }
}

fn plural(severity: Severity) -> &'static str {
    match severity {
        Severity::Blocker => "blockers",
        Severity::Loss => "losses",
        Severity::Change => "changes",
        Severity::Note => "notes",
    }
}

fn consequence(severity: Severity) -> &'static str {
    match severity {
        Severity::Blocker => "nothing is migrated before each of them is accepted (--accept ID)",
        Severity::Loss => "works, but information or protection is lost",
        Severity::Change => "rewritten, or behaves differently",
        Severity::Note => "good to know",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::findings::tests::{self as findings, findings};
    use std::collections::BTreeSet;

    fn shown(accepted: &[&str], all: bool) -> (String, String) {
        let accepted: BTreeSet<String> = accepted.iter().map(|id| (*id).to_owned()).collect();
        let list = findings();
        let findings = Findings {
            accepted: &accepted,
            all,
            ..findings::shown(&list)
        };
        (text(&findings), summary(&findings))
    }

    #[test]
    fn findings_read_like_this() {
        let (text, _) = shown(&["a-loss"], false);
        let expected = include_str!("../../../tests/golden/findings.txt");
        assert!(text == expected, "findings.txt should be:\n{text}");
    }

    #[test]
    fn many_objects_of_one_kind_are_folded_and_all_shows_them() {
        let (folded, _) = shown(&[], false);
        assert!(
            folded.contains("- and 2 more (--all shows them)"),
            "{folded}"
        );
        assert!(!folded.contains("public.t21"), "{folded}");
        let (all, _) = shown(&[], true);
        assert!(all.contains("public.t21") && !all.contains("more"), "{all}");
    }

    #[test]
    fn the_summary_counts_kinds_and_says_what_was_accepted() {
        assert_eq!(shown(&[], false).1, "1 blocker, 1 loss, 1 note");
        let accepted = shown(&["a-blocker"], false).1;
        assert_eq!(accepted, "1 blocker (1 accepted), 1 loss, 1 note");
        let none = findings::shown(&[]);
        assert_eq!(
            (none.summary(), none.text()),
            ("no findings".into(), String::new())
        );
    }

    #[test]
    fn names_can_not_forge_a_line() {
        let kind = findings()[0].kind;
        let list = [Finding::new(kind, "table a\nDONE").detail("x\u{1b}[2J")];
        let findings = findings::shown(&list);
        assert!(findings.text().contains("- table a\\nDONE: x\\u{1b}[2J\n"));
    }

    #[test]
    fn what_was_not_checked_is_no_note_and_stands_apart() {
        let mut list = findings();
        list.push(findings::unread());
        let words = ["the catalog pg_subscription".to_owned()];
        let findings = Findings {
            not_checked: &words,
            ..findings::shown(&list)
        };
        assert!(!findings.text().contains("function public.f()"));
        assert_eq!(
            findings.summary(),
            "1 blocker, 1 loss, 1 note, 2 not checked"
        );
        let text = findings.not_checked_text(&["the data".to_owned()]);
        let expected = "\nNOT CHECKED  nobody knows what is in it\n  the data\n  \
            the catalog pg_subscription\n\n  not-checked: text that could not be read\n";
        assert!(text.starts_with(expected), "{text}");
        let line = "    - function public.f(): a body in plperl is not read\n";
        assert!(text.ends_with(line), "{text}");
        assert_eq!(findings::shown(&[]).not_checked_text(&[]), "");
    }
}
