//! Which findings a person has seen and accepts: `--accept` and `--accept-file`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::runs::{Error, Exit};
use crate::schema::finding;

/// Ids that an error suggests.
const SUGGESTIONS: usize = 3;

#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct AcceptArguments {
    /// Accept findings of this id, and go on: a comma-separated list; repeatable [default: none].
    #[arg(long, value_name = "ID[,ID…]", value_delimiter = ',')]
    #[arg(help_heading = "Findings")]
    accept: Vec<String>,

    /// Accept the findings whose ids are in this file, one a line, `#` begins a comment [default: none].
    #[arg(long, value_name = "FILE", help_heading = "Findings")]
    accept_file: Option<PathBuf>,
}

/// The ids that were accepted; each is one that there is.
pub(in crate::cli) fn accepted(typed: &AcceptArguments) -> Result<BTreeSet<String>, Error> {
    let known: Vec<&str> = finding::kinds().iter().map(|kind| kind.id).collect();
    let mut ids = BTreeSet::new();
    for id in typed.accept.iter().map(|id| id.trim()) {
        check("--accept", id, &known)?;
        ids.insert(id.to_owned());
    }
    if let Some(path) = &typed.accept_file {
        let text = std::fs::read_to_string(path).map_err(|e| unreadable(path, e))?;
        for (line, id) in in_file(&text) {
            check(&format!("--accept-file, line {line}"), id, &known)?;
            ids.insert(id.to_owned());
        }
    }
    Ok(ids)
}

/// The ids of an accept file and their lines, from 1.
fn in_file(text: &str) -> impl Iterator<Item = (usize, &str)> {
    // A file that was written on Windows may begin with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .enumerate()
        .filter(|(_, id)| !id.is_empty())
        .map(|(line, id)| (line + 1, id))
}

fn check(place: &str, id: &str, known: &[&str]) -> Result<(), Error> {
    if known.contains(&id) {
        return Ok(());
    }
    let near = near(id, known);
    let advice = match near.is_empty() {
        true => "give ids as `wire9 check` shows them; docs/findings.md lists them all".to_owned(),
        false => format!("did you mean {}?", near.join(" or ")),
    };
    let what = format!("{place}: there is no finding of the id {id:?}");
    Err(Error::new(Exit::Usage, what).advise(advice))
}

fn unreadable(path: &Path, cause: std::io::Error) -> Error {
    let what = format!("--accept-file {} can not be read", path.display());
    Error::new(Exit::Usage, what)
        .advise("give a text file with one id a line")
        .because(cause)
}

/// The ids that are most like a wrong one, the most like first; none where it is like none.
fn near<'a>(id: &str, known: &[&'a str]) -> Vec<&'a str> {
    // A third of the letters wrong, or a part of an id: more is another word.
    let limit = id.chars().count() / 3 + 1;
    let mut near: Vec<(usize, &str)> = known
        .iter()
        .filter_map(|&other| {
            let part = id.len() >= 4 && (other.contains(id) || id.contains(other));
            let distance = if part { 0 } else { distance(id, other) };
            (distance <= limit).then_some((distance, other))
        })
        .collect();
    near.sort_unstable();
    near.truncate(SUGGESTIONS);
    near.into_iter().map(|(_, id)| id).collect()
}

/// Letters to insert, delete or replace (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accept_file_has_an_id_a_line_and_comments() {
        let text = "\u{feff}# seen by the team\n\nrow-security   # the app checks it\r\n rules\n";
        let ids: Vec<_> = in_file(text).collect();
        assert_eq!(ids, [(3, "row-security"), (4, "rules")]);
    }

    #[test]
    fn an_id_that_there_is_not_is_a_usage_error_with_what_is_near() {
        let known = ["row-security", "rules", "large-objects"];
        let error = check("--accept", "row-securty", &known).expect_err("misspelt");
        assert_eq!(error.exit, Exit::Usage);
        assert!(error.what.contains("\"row-securty\""), "{}", error.what);
        assert_eq!(error.advice.as_deref(), Some("did you mean row-security?"));
        let error = check("--accept", "zzz", &known).expect_err("nothing near");
        assert!(error.advice.is_some_and(|a| a.contains("docs/findings.md")));
        assert!(check("--accept", "rules", &known).is_ok());
    }

    #[test]
    fn a_part_of_an_id_is_near_it() {
        assert_eq!(
            near("large", &["large-objects", "rules"]),
            ["large-objects"]
        );
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }

    #[test]
    fn a_file_that_can_not_be_read_is_a_usage_error() {
        let typed = AcceptArguments {
            accept_file: Some("/no/such/accepted.txt".into()),
            ..AcceptArguments::default()
        };
        let error = accepted(&typed).expect_err("there is no such file");
        assert_eq!(error.exit, Exit::Usage);
        assert!(error.what.contains("/no/such/accepted.txt"));
    }
}
