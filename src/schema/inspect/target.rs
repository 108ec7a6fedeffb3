//! The target itself: whether it is empty, what the user may do there, and how much room it has.

use crate::profile::{Profile, ServerKind};
use crate::schema::finding::{Finding, Kind, Severity};

use super::Looked;

/// What stands in the target is in the way. `migrate` knows which of it is its own.
pub static NOT_EMPTY: Kind = Kind {
    id: "target-not-empty",
    severity: Severity::Blocker,
    title: "the target holds tables already",
    happens: "tables of the same name are in the way, and rows would be mixed",
    why: "a migration begins with an empty database",
    remedy: "create a new database (db9 create), or drop what is there",
};

pub(super) static MAY_NOT_CREATE: Kind = Kind {
    id: "target-may-not-create",
    severity: Severity::Blocker,
    title: "the target's user may not create schemas",
    happens: "nothing can be made there",
    why: "no CREATE privilege on the database",
    remedy: "connect as tenant.admin, or grant CREATE on the database",
};

pub(super) static CONNECTIONS: Kind = Kind {
    id: "target-connections",
    severity: Severity::Note,
    title: "few connections are free in the target",
    happens: "a copy with that many lanes may be refused connections",
    why: "the target's limit of connections, less those in use",
    remedy: "give fewer --jobs, or end other sessions there",
};

pub(super) static STATEMENT_TIMEOUT: Kind = Kind {
    id: "target-statement-timeout",
    severity: Severity::Loss,
    title: "the target's statement timeout can not be lifted",
    happens: "an index or a foreign key over a large table fails when it takes longer",
    why: "SET LOCAL statement_timeout = 0 has no effect there",
    remedy: "have the limit raised for this user for the time of the migration",
};

pub(super) static COPY_KEEPS_ROWS: Kind = Kind {
    id: "target-copy-not-rolled-back",
    severity: Severity::Blocker,
    title: "the target keeps rows of a COPY that was rolled back",
    happens: "nothing is copied, since a failed batch would leave rows behind",
    why: "the probe rolled back a COPY and found its rows",
    remedy: "load a target that rolls back COPY",
};

pub(super) static NOT_DB9: Kind = Kind {
    id: "target-not-db9",
    severity: Severity::Note,
    title: "the target is not a DB9",
    happens: "the schema is made as for a DB9, by its documents",
    why: "version() does not name a db9-server",
    remedy: "say --profile postgresql to keep everything that a PostgreSQL has",
};

pub(super) static NOT_NAMED: Kind = Kind {
    id: "target-not-named",
    severity: Severity::Note,
    title: "no target was named",
    happens: "DB9's documents decide what is a finding; they disagree in places",
    why: "a probe of the live target knows better",
    remedy: "give --db9 URI",
};

pub(super) static PROBE_NOTE: Kind = Kind {
    id: "probe-note",
    severity: Severity::Note,
    title: "what the probe of the target has noticed",
    happens: "the line says it",
    why: "the target answered otherwise than its documents say, or not at all",
    remedy: "look at the line; --profile FILE says what the probe could not find out",
};

/// Connections of a copy besides its lanes: the ledger, the heartbeat, counters.
const BESIDE_LANES: u32 = 6;

pub(super) fn find(looked: &Looked<'_>) -> Vec<Finding> {
    let Some(target) = looked.target else {
        return not_named(looked.profile);
    };
    let mut findings = Vec::new();
    if target.tables > 0 {
        findings.push(Finding::new(&NOT_EMPTY, "the target").counted(target.tables));
    }
    if target.may_create == Some(false) {
        findings.push(Finding::new(&MAY_NOT_CREATE, "the target"));
    }
    let needed = looked.jobs.saturating_add(BESIDE_LANES);
    if let Some(free) = target.connections_free.filter(|free| *free < needed) {
        let says = format!("room for {free}, {} lanes need up to {needed}", looked.jobs);
        findings.push(Finding::new(&CONNECTIONS, "the target").detail(says));
    }
    findings.extend(timeout(looked.profile));
    if Profile::yes(&looked.profile.copy_rolls_back) == Some(false) {
        findings.push(Finding::new(&COPY_KEEPS_ROWS, "the target"));
    }
    findings
}

/// The profile of a PostgreSQL is what somebody asked for: there is nothing more to know.
fn not_named(profile: &Profile) -> Vec<Finding> {
    let asked = matches!(&profile.server, Some(fact) if fact.value == ServerKind::Postgresql);
    let finding = || Finding::new(&NOT_NAMED, "the target");
    (!asked).then(finding).into_iter().collect()
}

fn timeout(profile: &Profile) -> Option<Finding> {
    let limit = profile.statement_timeout_ms.as_ref()?.value;
    let lifts = Profile::yes(&profile.statement_timeout_lifts);
    (limit > 0 && lifts == Some(false)).then(|| {
        let says = format!("it ends a statement after {} s", limit / 1_000);
        Finding::new(&STATEMENT_TIMEOUT, "the target").detail(says)
    })
}

/// What a probe of the target has to say for people, before the profile that decides is known.
pub fn of_probe(probed: &Profile, notes: &[String]) -> Vec<Finding> {
    let kind = probed.server.as_ref().map(|fact| fact.value);
    let other = (kind != Some(ServerKind::Db9)).then(|| {
        let version = probed.version.as_ref();
        let version = version.map_or_else(String::new, |fact| fact.value.clone());
        Finding::new(&NOT_DB9, "the target").detail(version)
    });
    let notes = notes.iter();
    let notes = notes.map(|note| Finding::new(&PROBE_NOTE, "the target").detail(note.as_str()));
    other.into_iter().chain(notes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::database::TargetState;
    use crate::profile::Fact;
    use crate::schema::inspect::samples::{Sample, found};

    #[test]
    fn a_target_with_tables_or_without_rights_is_a_blocker() {
        let target = TargetState {
            tables: 3,
            may_create: Some(false),
            connections_free: Some(9),
        };
        let mut sample = Sample {
            target: Some(target),
            ..Sample::default()
        };
        assert_eq!(
            found(&sample, find),
            [
                "target-not-empty the target (3)",
                "target-may-not-create the target (1)",
                "target-connections the target (1): room for 9, 4 lanes need up to 10",
            ]
        );
        sample.target = Some(TargetState::default());
        assert_eq!(found(&sample, find), [""; 0]);
    }

    #[test]
    fn limits_that_stay_are_said() {
        let mut sample = Sample::default();
        sample.profile.statement_timeout_lifts = Some(Fact::probed(false));
        sample.profile.copy_rolls_back = Some(Fact::probed(false));
        assert_eq!(
            found(&sample, find),
            [
                "target-statement-timeout the target (1): it ends a statement after 60 s",
                "target-copy-not-rolled-back the target (1)",
            ]
        );
    }

    #[test]
    fn without_a_target_the_report_says_that_documents_decide() {
        let mut sample = Sample {
            target: None,
            ..Sample::default()
        };
        assert_eq!(found(&sample, find), ["target-not-named the target (1)"]);
        sample.profile = Profile::postgresql();
        assert_eq!(found(&sample, find), [""; 0]);
    }

    #[test]
    fn a_probe_tells_its_notes_and_whether_it_is_a_db9() {
        let ids = |profile: &Profile, notes: &[String]| -> Vec<&str> {
            let findings = of_probe(profile, notes);
            findings.iter().map(|finding| finding.kind.id).collect()
        };
        assert_eq!(ids(&Profile::db9_documented(), &[]), [""; 0]);
        let notes = ["a note".to_owned()];
        let ids = ids(&Profile::postgresql(), &notes);
        assert_eq!(ids, ["target-not-db9", "probe-note"]);
    }
}
