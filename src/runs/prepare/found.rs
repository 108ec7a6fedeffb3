//! What the probe has found, as one note of the verdict.

use crate::profile::{Fact, Profile, Rounding};

/// What decides how this run writes, and how each is known.
pub(super) fn note(profile: &Profile) -> String {
    let found = [
        digits("timestamp", &profile.timestamp_digits),
        digits("timestamptz", &profile.timestamptz_digits),
        rolls_back(&profile.copy_rolls_back),
        timeout(
            "statement",
            &profile.statement_timeout_ms,
            &profile.statement_timeout_lifts,
        ),
        timeout(
            "idle-in-transaction",
            &profile.idle_in_transaction_timeout_ms,
            &profile.idle_in_transaction_timeout_lifts,
        ),
    ];
    let found: Vec<String> = found.into_iter().flatten().collect();
    format!("the target: {}", found.join("; "))
}

/// Where more digits were asked for than the target keeps: what becomes of them is out of our hands.
pub(super) fn more_than_kept(asked: Option<u8>, profile: &Profile) -> Option<String> {
    let (asked, kept) = (asked?, profile.fraction_digits());
    let does = match profile.timestamp_rounding.as_ref().map(|fact| fact.value) {
        Some(Rounding::Rounds) => "rounds",
        Some(Rounding::Cuts) => "cuts",
        None => "changes",
    };
    (asked > kept).then(|| {
        format!(
            "--fraction-digits {asked} sends more digits than the target keeps, {kept}: it {does} \
             them, and these values are not counted"
        )
    })
}

fn digits(kind: &str, fact: &Option<Fact<u8>>) -> Option<String> {
    let Fact { value, known } = fact.as_ref()?;
    Some(format!("{kind} keeps {value} fraction digits ({known})"))
}

fn rolls_back(fact: &Option<Fact<bool>>) -> Option<String> {
    let Fact { value, known } = fact.as_ref()?;
    let does = if *value { "is" } else { "is not" };
    Some(format!("a COPY inside BEGIN {does} rolled back ({known})"))
}

fn timeout(what: &str, fact: &Option<Fact<u64>>, lifts: &Option<Fact<bool>>) -> Option<String> {
    let Fact { value, known } = fact.as_ref()?;
    let lifts = match (value, lifts.as_ref().map(|fact| fact.value)) {
        (0, _) => return Some(format!("no {what} timeout ({known})")),
        (_, Some(true)) => ", which SET changes",
        (_, Some(false)) => ", which SET does not change",
        (_, None) => "",
    };
    Some(format!("{what} timeout {value} ms ({known}){lifts}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_beyond_those_kept_are_told_with_what_becomes_of_them() {
        let profile = Profile {
            timestamp_digits: Some(Fact::probed(3)),
            timestamp_rounding: Some(Fact::probed(Rounding::Rounds)),
            ..Profile::default()
        };
        let told = more_than_kept(Some(6), &profile).expect("more than kept");
        assert!(told.contains("3: it rounds them"), "{told}");
        assert_eq!(more_than_kept(Some(3), &profile), None);
        assert_eq!(more_than_kept(None, &profile), None);
    }

    #[test]
    fn a_profile_reads_like_this() {
        let profile = Profile {
            timestamp_digits: Some(Fact::probed(3)),
            copy_rolls_back: Some(Fact::probed(true)),
            statement_timeout_ms: Some(Fact::probed(60_000)),
            statement_timeout_lifts: Some(Fact::probed(true)),
            idle_in_transaction_timeout_ms: Some(Fact::probed(0)),
            ..Profile::default()
        };
        let expected = "the target: timestamp keeps 3 fraction digits (probed); a COPY inside BEGIN \
                        is rolled back (probed); statement timeout 60000 ms (probed), which SET \
                        changes; no idle-in-transaction timeout (probed)";
        assert_eq!(note(&profile), expected);
    }
}
