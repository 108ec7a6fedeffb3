//! What to do about an error while a batch is written: one pure table.

use crate::wire::Error;

/// How far the batch's transaction was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// No connection yet, or BEGIN.
    Begin,
    /// COPY and its rows.
    Copy,
    /// The batch's ledger row and the lane's token.
    Ledger,
    /// COMMIT was sent.
    Commit,
}

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// Clean: nothing happened, roll back and do it again.
    Again,
    /// Clean, and a smaller batch may pass.
    Smaller,
    /// Ambiguous, or a zombie may live: move the token, then believe the ledger.
    Resolve,
    /// The same, and a smaller batch may pass.
    ResolveSmaller,
    /// Stop and say what to do.
    Final,
}

/// The table.
///
/// After a lost connection at any stage the old transaction may still live and hold the lane's row,
/// so the token is moved whenever the connection is gone, not only after COMMIT. An error that
/// answers COMMIT proves nothing on a distributed database: the ledger decides.
pub(super) fn decide(stage: Stage, error: &Error) -> Decision {
    let Some(code) = error.code() else {
        return match error {
            Error::Authentication { .. } | Error::Tls { .. } | Error::Options(_) => Decision::Final,
            _ => Decision::Resolve,
        };
    };
    let smaller = matches!(code, "54000" | "57014" | "53200" | "53400");
    match (stage, smaller) {
        (Stage::Commit, true) => Decision::ResolveSmaller,
        (Stage::Commit, false) => Decision::Resolve,
        (_, true) => Decision::Smaller,
        (_, false) => clean(stage, code),
    }
}

/// Whether the rows are at fault: their data (22), a constraint (23) or a limit on rows (54000). Constraints
/// that are deferred answer to COMMIT. Before any row is rejected for it, the ledger says what a COMMIT
/// has done.
pub(super) fn blames_rows(stage: Stage, error: &Error) -> bool {
    let Some(code) = error.code() else {
        return false;
    };
    let data = code.starts_with("22") || code.starts_with("23") || code == "54000";
    data && matches!(stage, Stage::Copy | Stage::Commit)
}

/// An error that a living connection answered before COMMIT: the transaction did not happen.
fn clean(stage: Stage, code: &str) -> Decision {
    match (code, &code[..code.len().min(2)]) {
        // A batch with this first row is in the ledger already.
        ("23505", _) if stage == Stage::Ledger => Decision::Resolve,
        ("40001" | "40P01" | "55P03" | "25P02" | "40003", _) => Decision::Again,
        // The server ends the connection, or has no room for it now.
        ("57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "53300" | "25P03" | "25P04", _)
        | (_, "08") => Decision::Resolve,
        // Unclassified internal errors are often passing on distributed engines; tries are counted.
        (_, "XX" | "53" | "58") => Decision::Again,
        _ => Decision::Final,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ServerError;

    fn server(code: &str) -> Error {
        let error = ServerError {
            code: code.to_owned(),
            ..ServerError::default()
        };
        Error::Server(Box::new(error))
    }

    #[test]
    fn every_error_of_commit_is_decided_by_the_ledger() {
        for code in ["40001", "XX000", "23505", "22P02", "57P01"] {
            assert_eq!(
                decide(Stage::Commit, &server(code)),
                Decision::Resolve,
                "{code}"
            );
        }
        assert_eq!(
            decide(Stage::Commit, &server("57014")),
            Decision::ResolveSmaller
        );
    }

    #[test]
    fn a_lost_connection_moves_the_token_at_any_stage() {
        for stage in [Stage::Begin, Stage::Copy, Stage::Ledger, Stage::Commit] {
            let lost = Error::Lost {
                peer: String::new(),
                source: std::io::Error::other("x"),
            };
            assert_eq!(decide(stage, &lost), Decision::Resolve);
        }
    }

    #[test]
    fn rows_are_blamed_for_their_data_and_for_nothing_else() {
        for code in ["22P02", "22001", "23505", "23514", "54000"] {
            assert!(blames_rows(Stage::Copy, &server(code)), "{code}");
            assert!(blames_rows(Stage::Commit, &server(code)), "{code}");
            assert!(!blames_rows(Stage::Ledger, &server(code)), "{code}");
            assert!(!blames_rows(Stage::Begin, &server(code)), "{code}");
        }
        for code in ["42501", "40001", "57014", "53100", "XX000", "0A000"] {
            assert!(!blames_rows(Stage::Copy, &server(code)), "{code}");
        }
    }

    #[test]
    fn refused_data_is_final_and_limits_are_tried_smaller() {
        for code in [
            "22P02", "23505", "23514", "42P01", "42501", "22021", "0A000",
        ] {
            assert_eq!(
                decide(Stage::Copy, &server(code)),
                Decision::Final,
                "{code}"
            );
        }
        for code in ["54000", "57014", "53200"] {
            assert_eq!(
                decide(Stage::Copy, &server(code)),
                Decision::Smaller,
                "{code}"
            );
        }
        assert_eq!(decide(Stage::Ledger, &server("23505")), Decision::Resolve);
        assert_eq!(decide(Stage::Ledger, &server("40001")), Decision::Again);
        assert_eq!(decide(Stage::Begin, &server("53300")), Decision::Resolve);
    }
}
