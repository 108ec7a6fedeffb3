//! How a target table stands to the batches that the ledger has of it.

/// What the ledger's batches say of a target table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TargetState {
    /// They are what was committed into it.
    #[default]
    Loading,
    /// It is being made equal to a later snapshot than the one that they were read under: they say nothing
    /// of it until that is done.
    Reconciling,
    /// It was made equal to a later snapshot, and they are the sums of that snapshot's rows.
    Reconciled,
    /// `wire9 verify --repair` has changed it after the run was done: they say nothing of it.
    Repaired,
}

impl TargetState {
    /// As the ledger stores it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Reconciling => "reconciling",
            Self::Reconciled => "reconciled",
            Self::Repaired => "repaired",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        let all = [
            Self::Loading,
            Self::Reconciling,
            Self::Reconciled,
            Self::Repaired,
        ];
        all.into_iter().find(|state| state.name() == name)
    }

    /// Whether the table holds the rows of the batches.
    pub fn is_told_by_batches(self) -> bool {
        matches!(self, Self::Loading | Self::Reconciled)
    }
}
