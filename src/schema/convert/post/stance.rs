//! What the profile says of a feature: taken, refused, or nothing at all.

use crate::profile::{Fact, Known, Profile};
use crate::schema::finding::{Kind, Severity};

/// A feature that the statement needs, and of which nobody knows whether the target has it.
pub(super) static NOT_DOCUMENTED: Kind = Kind {
    id: "may-be-refused",
    severity: Severity::Note,
    title: "statement that the target may refuse",
    happens: "it is made as it is; where the target refuses it, it is reported and the rest goes on",
    why: "neither a document nor a probe tells whether the target takes it",
    remedy: "name the target with --db9, so that it is probed",
};

/// What the profile says of a feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stance {
    /// The target takes it.
    Taken,
    /// The target does not take it; how that is known.
    Refused(Known),
    /// Nobody knows.
    Open,
}

impl Stance {
    pub(super) fn of(field: &Option<Fact<bool>>) -> Self {
        match (Profile::yes(field), field) {
            (Some(false), Some(fact)) => Self::Refused(fact.known.clone()),
            (Some(true), _) => Self::Taken,
            _ => Self::Open,
        }
    }

    pub(super) fn is_taken(&self) -> bool {
        *self == Self::Taken
    }

    pub(super) fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    /// Why the feature is not used, as the end of a sentence.
    pub(super) fn because(&self) -> String {
        match self {
            Self::Taken => "the target takes it".to_owned(),
            Self::Refused(known) => format!("the target does not take it ({known})"),
            Self::Open => "whether the target takes it is not documented".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_and_refused_are_not_the_same() {
        assert_eq!(Stance::of(&None), Stance::Open);
        let refused = Stance::of(&Some(Fact::probed(false)));
        assert!(refused.is_refused());
        assert_eq!(refused.because(), "the target does not take it (probed)");
        assert!(Stance::of(&Some(Fact::probed(true))).is_taken());
    }
}
