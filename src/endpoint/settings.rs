//! The settings of transactions as data, and whether what a server shows agrees with what was set.

use super::error::{Error, Result};
use crate::sql;

/// A setting and its value, unquoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) name: &'static str,
    /// The value as `SHOW` would print it, or as SQL text where it is a list.
    pub(super) value: String,
}

impl Setting {
    pub(super) fn new(name: &'static str, value: impl Into<String>) -> Self {
        Self {
            name,
            value: value.into(),
        }
    }

    /// `SET LOCAL name = value`. A list of names is SQL text already.
    pub(super) fn statement(&self) -> String {
        if self.name == "search_path" && !self.value.is_empty() {
            format!("SET LOCAL search_path = {}", self.value)
        } else {
            format!("SET LOCAL {} = {}", self.name, sql::literal(&self.value))
        }
    }

    /// Whether the value that the server shows means what was set. Servers show durations in the unit
    /// of their choice, and DateStyle with the order that was there before.
    pub(super) fn agrees(&self, shown: &str) -> bool {
        let shown = shown.trim();
        match self.name {
            // The server cuts it to 63 bytes and replaces what is not ASCII.
            "application_name" => true,
            "search_path" => same_names(&self.value, shown),
            "DateStyle" => shown.split(',').next().map(str::trim) == Some(self.value.as_str()),
            "client_encoding" => shown
                .replace(['-', '_'], "")
                .eq_ignore_ascii_case(&self.value),
            name if name.ends_with("_timeout") => {
                let wanted = milliseconds(&self.value);
                wanted.is_some() && wanted == milliseconds(shown)
            }
            _ => shown.eq_ignore_ascii_case(&self.value),
        }
    }
}

/// What the text form of every value depends on, on both sides.
const TEXT_FORMS: [(&str, &str); 6] = [
    ("client_encoding", "UTF8"),
    ("TimeZone", "UTC"),
    ("DateStyle", "ISO"),
    ("IntervalStyle", "postgres"),
    ("extra_float_digits", "3"),
    ("bytea_output", "hex"),
];

/// The settings of a source transaction.
///
/// Timeouts are off, for a reader waits for the target as long as that takes; only locks have an end.
/// `row_security=off` turns rows that a policy would hide into an error.
pub(super) fn source(application_name: &str, server_version_num: Option<u32>) -> Vec<Setting> {
    let mut settings = text_forms();
    settings.extend(
        [
            ("search_path", ""),
            ("statement_timeout", "0"),
            ("idle_in_transaction_session_timeout", "0"),
            ("lock_timeout", "30s"),
            ("row_security", "off"),
            ("synchronize_seqscans", "off"),
            // A Gather gives rows in another order each time, and resume skips rows by number.
            ("max_parallel_workers_per_gather", "0"),
            // Plans without their usual scans look dear enough to compile: 0.1 to 0.4 s per statement.
            ("jit", "off"),
        ]
        .map(|(name, value)| Setting::new(name, value)),
    );
    if server_version_num.is_some_and(|v| v >= 170_000) {
        settings.push(Setting::new("transaction_timeout", "0"));
    }
    settings.push(Setting::new("application_name", application_name));
    settings
}

/// Settings that leave a Tid (Range) Scan as the only plan, even with a condition on other columns.
pub(super) fn only_tid_scans() -> Vec<Setting> {
    let off = [
        "enable_seqscan",
        "enable_indexscan",
        "enable_indexonlyscan",
        "enable_bitmapscan",
    ];
    let mut settings: Vec<Setting> = off.map(|name| Setting::new(name, "off")).into();
    settings.push(Setting::new("enable_tidscan", "on"));
    settings
}

/// The settings of a target transaction. `idle_ms` is how long a zombie may hold its locks.
pub(super) fn target(application_name: &str, idle_ms: u64) -> Vec<Setting> {
    let mut settings = text_forms();
    settings.extend([
        Setting::new("search_path", ""),
        Setting::new("standard_conforming_strings", "on"),
        Setting::new("statement_timeout", "0"),
        Setting::new(
            "idle_in_transaction_session_timeout",
            format!("{idle_ms}ms"),
        ),
        Setting::new("lock_timeout", "30s"),
        Setting::new("application_name", application_name),
    ]);
    settings
}

fn text_forms() -> Vec<Setting> {
    TEXT_FORMS
        .map(|(name, value)| Setting::new(name, value))
        .into()
}

/// A duration as servers show it, in milliseconds: `30s`, `2min`, `500 ms`, `0`; without a unit it
/// is milliseconds.
pub(super) fn milliseconds(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text.get(..digits)?.parse().ok()?;
    let unit = match text.get(digits..)?.trim() {
        "" | "ms" => 1,
        "us" => return Some(number / 1_000),
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(unit)
}

/// Reads a list of schema names as SQL spells it, and quotes each.
///
/// # Errors
/// `Refused` where it is no such list.
pub(super) fn quoted_names(list: &str) -> Result<String> {
    let names = names(list).ok_or_else(|| Error::Refused {
        what: format!(
            "the search path is no list of schema names ({} bytes)",
            list.len()
        ),
        remedy: "separate names by commas, and put those with capitals or spaces in double quotes"
            .to_owned(),
    })?;
    Ok(sql::identifiers(&names))
}

fn same_names(a: &str, b: &str) -> bool {
    matches!((names(a), names(b)), (Some(a), Some(b)) if a == b)
}

/// The names of a list, unquoted; bare ones in lower case. An empty list and `""` are no names.
fn names(list: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = list.trim();
    while !rest.is_empty() {
        let (name, after) = name(rest)?;
        if !name.is_empty() {
            names.push(name);
        }
        rest = after.trim_start();
        match rest.strip_prefix(',') {
            Some(more) if !more.trim().is_empty() => rest = more.trim_start(),
            None if rest.is_empty() => {}
            _ => return None,
        }
    }
    Some(names)
}

/// The first name of a list, and what follows it.
fn name(list: &str) -> Option<(String, &str)> {
    if let Some(mut rest) = list.strip_prefix('"') {
        let mut name = String::new();
        loop {
            let end = rest.find('"')?;
            name.push_str(&rest[..end]);
            rest = &rest[end + 1..];
            match rest.strip_prefix('"') {
                Some(more) => {
                    name.push('"');
                    rest = more;
                }
                None => return Some((name, rest)),
            }
        }
    }
    let end = list
        .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
        .unwrap_or(list.len());
    let (bare, rest) = list.split_at(end);
    let starts_well = bare.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '$');
    starts_well.then(|| (bare.to_lowercase(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_agree_in_any_unit() {
        let set = Setting::new("lock_timeout", "30s");
        for shown in ["30s", "30000", "30000ms", "30 s"] {
            assert!(set.agrees(shown), "{shown}");
        }
        for shown in ["30", "0", "30min", "", "soon", "99999999999999999999s"] {
            assert!(!set.agrees(shown), "{shown}");
        }
        assert!(Setting::new("statement_timeout", "0").agrees("0"));
        assert!(Setting::new("idle_in_transaction_session_timeout", "120000ms").agrees("2min"));
    }

    #[test]
    fn an_empty_search_path_agrees_with_its_two_spellings_alone() {
        let set = Setting::new("search_path", "");
        assert_eq!(set.statement(), "SET LOCAL search_path = ''");
        assert!(set.agrees("") && set.agrees("\"\""));
        assert!(!set.agrees("public") && !set.agrees("\"$user\", public"));
    }

    #[test]
    fn a_search_path_is_quoted_anew_and_agrees_with_what_the_server_shows() {
        let quoted = quoted_names("Public, \"My \"\"x\"").unwrap();
        assert_eq!(quoted, "\"public\", \"My \"\"x\"");
        let set = Setting::new("search_path", quoted);
        assert!(set.agrees("public, \"My \"\"x\""));
        assert!(!set.agrees("public"));
        for wrong in ["a;b", "a b", "'a'", "a,", ",a", "\"a", "1a"] {
            assert!(quoted_names(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn date_style_agrees_whatever_the_order_of_day_and_month() {
        let set = Setting::new("DateStyle", "ISO");
        assert!(set.agrees("ISO, DMY") && set.agrees("ISO"));
        assert!(!set.agrees("German, DMY"));
        assert!(Setting::new("client_encoding", "UTF8").agrees("utf-8"));
        assert!(!Setting::new("client_encoding", "UTF8").agrees("LATIN1"));
    }
}
