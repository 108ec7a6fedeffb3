//! The exit codes, in words. `--help` and README show the same table; a test holds them together.

use std::fmt::Write as _;

use crate::runs::Exit;

/// Every exit code and its meaning, ascending.
pub(super) const EXIT_CODES: &[(Exit, &str)] = &[
    (Exit::Done, "done"),
    (Exit::Internal, "internal error"),
    (Exit::Usage, "usage"),
    (Exit::Connection, "connection or authentication"),
    (Exit::Refused, "precondition refused, nothing written"),
    (Exit::Partial, "partial (rejects, failed DDL, tables left)"),
    (Exit::Mismatch, "mismatch"),
    (Exit::NotVerified, "something not verified"),
    (Exit::Findings, "findings of loss (check)"),
    (Exit::Blockers, "blockers not accepted"),
    (Exit::Interrupted, "interrupted"),
];

/// The meaning of an exit code.
pub(super) fn meaning(exit: Exit) -> &'static str {
    EXIT_CODES
        .iter()
        .find(|(code, _)| *code == exit)
        .map_or("unknown", |(_, meaning)| meaning)
}

/// The end of every `--help`.
pub(super) fn help() -> String {
    let mut text = String::from("Exit codes:\n");
    for (code, meaning) in EXIT_CODES {
        let _ = writeln!(text, "  {:>3}  {meaning}", *code as u8);
    }
    text.push_str("With several, the first of 6, 5, 7 wins; of check the first of 9, 8, 7.");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    const README: &str = include_str!("../../README.md");

    /// design.md's table, word for word.
    const DESIGN: &str = "0 done · 1 internal error · 2 usage · 3 connection or authentication · \
        4 precondition refused, nothing written · 5 partial (rejects, failed DDL, tables left) · \
        6 mismatch · 7 something not verified · 8 findings of loss (check) · \
        9 blockers not accepted · 130 interrupted";

    fn listed(lines: impl Iterator<Item = String>) -> Vec<(u8, String)> {
        lines
            .filter_map(|line| {
                let (code, meaning) = line.split_once(' ')?;
                Some((code.parse().ok()?, meaning.trim().to_owned()))
            })
            .collect()
    }

    fn own() -> Vec<(u8, String)> {
        let pair = |(code, meaning): &(Exit, &str)| (*code as u8, (*meaning).to_owned());
        EXIT_CODES.iter().map(pair).collect()
    }

    /// The rows of the first `| code | meaning |` table of a Markdown text.
    fn markdown_table(text: &str) -> Vec<(u8, String)> {
        let rows = text
            .lines()
            .skip_while(|line| line.replace(' ', "") != "|code|meaning|")
            .skip(2)
            .take_while(|line| line.starts_with('|'))
            .map(|line| line.trim_matches('|').replace(" |", "").trim().to_owned());
        listed(rows)
    }

    #[test]
    fn the_design_readme_and_help_agree_on_the_exit_codes() {
        assert_eq!(listed(DESIGN.split(" · ").map(str::to_owned)), own());
        assert_eq!(markdown_table(README), own(), "README.md");
        let mut command = super::super::arguments::Arguments::command();
        let mut helps = vec![command.render_help().to_string()];
        for sub in command.get_subcommands_mut() {
            helps.push(sub.render_help().to_string());
        }
        assert!(helps.len() > 4, "the program and its commands");
        for help in helps {
            let section = help
                .split("Exit codes:\n")
                .nth(1)
                .expect("help has the section");
            let lines = section.lines().map(|line| line.trim().to_owned());
            assert_eq!(listed(lines), own(), "{help}");
        }
    }

    #[test]
    fn a_table_that_differs_would_be_seen() {
        let text = "| code | meaning |\n|---|---|\n| 0 | finished |\n\nafter\n";
        assert_eq!(markdown_table(text), vec![(0, "finished".to_owned())]);
        assert_eq!(markdown_table("no table"), vec![]);
    }

    #[test]
    fn a_code_has_one_meaning() {
        assert_eq!(meaning(Exit::Interrupted), "interrupted");
        assert!(EXIT_CODES.windows(2).all(|w| (w[0].0 as u8) < w[1].0 as u8));
    }
}
