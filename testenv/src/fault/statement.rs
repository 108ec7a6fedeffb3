//! Finds statements inside a query string, by PostgreSQL's own parser.

use pg_query::NodeEnum;
use pg_query::protobuf::TransactionStmtKind;

/// The byte range of the first COMMIT (or END) in `sql`; `None` also where `sql` does not parse.
pub(crate) fn find_commit(sql: &str) -> Option<std::ops::Range<usize>> {
    // The parser is slow beside a search for a word that a COMMIT cannot do without.
    let upper = sql.to_ascii_uppercase();
    if !upper.contains("COMMIT") && !upper.contains("END") {
        return None;
    }
    let parsed = pg_query::parse(sql, 0).ok()?;
    parsed.protobuf.stmts.iter().find_map(|raw| {
        let NodeEnum::TransactionStmt(statement) = raw.stmt.as_ref()?.node.as_ref()? else {
            return None;
        };
        (statement.kind() == TransactionStmtKind::TransStmtCommit)
            .then(|| range(sql, raw.stmt_location, raw.stmt_len))
    })
}

/// The byte range of a parsed statement; the parser says 0 for "until the end".
pub(crate) fn range(sql: &str, location: i32, length: i32) -> std::ops::Range<usize> {
    let start = usize::try_from(location).unwrap_or(0).min(sql.len());
    let length = usize::try_from(length).unwrap_or(0);
    let end = if length == 0 {
        sql.len()
    } else {
        (start + length).min(sql.len())
    };
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_found_among_other_statements_and_not_inside_strings() {
        let sql = "INSERT INTO t VALUES ('COMMIT'); COMMIT; SELECT 1";
        assert_eq!(
            find_commit(sql)
                .map(|range| sql[range].trim().to_owned())
                .unwrap(),
            "COMMIT"
        );
        assert!(find_commit("SELECT 'COMMIT'").is_none());
        assert!(find_commit("ROLLBACK").is_none());
        assert!(find_commit("END").is_some());
        assert!(find_commit("COMMIT AND").is_none());
    }
}
