//! Mistakes that are made on purpose, to prove that the fault matrix (`tests/matrix`) would find them.
//!
//! Only a build with the feature `planted` makes one: the one that `WIRE9_PLANTED` names. In every other
//! build the question is a constant, and the compiler leaves it out.

/// A mistake that loses or doubles rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// A batch is committed although the lane's token is another one's.
    FenceDropped,
    /// Tokens are only looked at, where they must be moved.
    TokenOnlyRead,
    /// The last chunk of a run is left out.
    LastChunkSkipped,
    /// The rows that the source says it has sent are not compared with those that arrived.
    SourceTagIgnored,
    /// The rows that the target says it has taken are not compared with those sent.
    CopyTagIgnored,
    /// A COMMIT that is answered with ROLLBACK is taken for one.
    CommitTagIgnored,
    /// A batch is committed before its ledger row is written.
    LedgerOutside,
    /// After a doubtful COMMIT the lane goes on from its own count.
    OwnCount,
}

impl Mistake {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::FenceDropped,
        Self::TokenOnlyRead,
        Self::LastChunkSkipped,
        Self::SourceTagIgnored,
        Self::CopyTagIgnored,
        Self::CommitTagIgnored,
        Self::LedgerOutside,
        Self::OwnCount,
    ];

    /// What `WIRE9_PLANTED` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::FenceDropped => "fence-dropped",
            Self::TokenOnlyRead => "token-only-read",
            Self::LastChunkSkipped => "last-chunk-skipped",
            Self::SourceTagIgnored => "source-tag-ignored",
            Self::CopyTagIgnored => "copy-tag-ignored",
            Self::CommitTagIgnored => "commit-tag-ignored",
            Self::LedgerOutside => "ledger-outside",
            Self::OwnCount => "own-count",
        }
    }

    /// Whether this process makes it.
    #[cfg(feature = "planted")]
    pub(crate) fn is_made(self) -> bool {
        std::env::var("WIRE9_PLANTED").is_ok_and(|name| name == self.name())
    }

    /// Whether this process makes it: never.
    #[cfg(not(feature = "planted"))]
    pub(crate) const fn is_made(self) -> bool {
        false
    }
}
