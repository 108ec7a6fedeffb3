//! `--max-rejects`: how many rows of a table may be rejected. Pure.

use std::fmt;
use std::str::FromStr;

/// How many rows of one table may be rejected before the run ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// So many.
    Rows(u64),
    /// So many of a hundred. Of the rows that have been read of the table so far, the batch at hand
    /// included; or of those that its statistics say it has, where these are more: one bad row at the
    /// begin of a large table is no whole percent.
    Percent(f64),
}

impl Limit {
    /// Rows that may be rejected of so many.
    pub(super) fn allows(self, rows: u64) -> u64 {
        match self {
            Self::Rows(most) => most,
            Self::Percent(percent) => (rows as f64 * percent / 100.0).floor() as u64,
        }
    }
}

/// As it is typed: `100`, `0.5%`.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(rows) => write!(f, "{rows}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WHAT: &str = "give a number of rows, or a part of them as 0.5% (0% to 100%)";
        match text.strip_suffix('%') {
            None => text.parse().map(Self::Rows).map_err(|_| WHAT.to_owned()),
            Some(number) => match number.trim().parse::<f64>() {
                Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(Self::Percent(percent)),
                _ => Err(WHAT.to_owned()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_rows_or_a_part_of_them() {
        assert_eq!("7".parse(), Ok(Limit::Rows(7)));
        assert_eq!("0.5%".parse(), Ok(Limit::Percent(0.5)));
        for text in ["", "%", "-1", "-1%", "101%", "NaN%", "x", "1.5", "1 %%"] {
            assert!(text.parse::<Limit>().is_err(), "{text}");
        }
        for text in ["7", "0.5%", "100%"] {
            assert_eq!(text.parse::<Limit>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn a_part_is_rounded_down() {
        assert_eq!(Limit::Rows(3).allows(0), 3);
        assert_eq!(Limit::Percent(0.5).allows(199), 0);
        assert_eq!(Limit::Percent(0.5).allows(200), 1);
        assert_eq!(Limit::Percent(100.0).allows(9), 9);
        assert_eq!(Limit::Percent(0.0).allows(9), 0);
    }
}
