//! The server and the database itself.

use super::reading::Reading;
use crate::catalog::database::Server;
use crate::endpoint::error::Result;

pub(super) async fn read(reading: &mut Reading<'_>) -> Result<()> {
    let locale = match reading.version {
        170_000.. => "d.datlocprovider, d.datlocale",
        150_000.. => "d.datlocprovider, d.daticulocale",
        _ => "'c', NULL",
    };
    let sql = format!(
        "SELECT current_setting('server_version_num'), current_setting('server_version'), \
                current_database(), current_user, current_setting('server_encoding'), \
                d.datcollate, {locale}, current_setting('default_transaction_isolation') \
         FROM pg_database d WHERE d.datname = current_database()"
    );
    reading
        .each("the database's settings", &sql, |found, f| {
            let provider = f.letter(6);
            let libc = f.text(5)?;
            let collation = f.owned(7).filter(|_| provider != 'c').unwrap_or(libc);
            found.database.server = Server {
                version: f.number(0)?,
                version_text: f.text(1)?,
                database: f.text(2)?,
                user: f.text(3)?,
                encoding: f.text(4)?,
                collation_is_c: sorts_bytewise(provider, &collation),
                collation,
                default_isolation: f.text(8)?,
            };
            Ok(())
        })
        .await?;
    reading.version = reading.database.server.version;
    isolation(reading).await
}

/// Every locale of the built-in provider sorts by code point, which in UTF-8 is by byte.
fn sorts_bytewise(provider: char, locale: &str) -> bool {
    match provider {
        'b' => true,
        'c' => matches!(locale, "C" | "POSIX"),
        _ => false,
    }
}

/// The strictest level that the server, the database, a role, or both give to a session.
async fn isolation(reading: &mut Reading<'_>) -> Result<()> {
    const SQL: &str = "\
        SELECT split_part(s.setting, '=', 2) \
        FROM pg_db_role_setting r, unnest(r.setconfig) AS s(setting) \
        WHERE s.setting LIKE 'default\\_transaction\\_isolation=%' \
          AND r.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())) \
        UNION ALL \
        SELECT reset_val FROM pg_settings WHERE name = 'default_transaction_isolation'";
    reading
        .optional("the default isolation level of roles", SQL, |found, f| {
            let level = f.text(0)?.to_lowercase();
            let strictest = &mut found.database.server.default_isolation;
            if strictness(&level) > strictness(strictest) {
                *strictest = level;
            }
            Ok(())
        })
        .await
}

fn strictness(level: &str) -> usize {
    let levels = [
        "read uncommitted",
        "read committed",
        "repeatable read",
        "serializable",
    ];
    levels.iter().position(|known| *known == level).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_c_and_the_builtin_provider_sort_bytewise() {
        assert!(sorts_bytewise('c', "C") && sorts_bytewise('b', "C.UTF-8"));
        assert!(!sorts_bytewise('c', "de_DE.UTF-8") && !sorts_bytewise('i', "und"));
    }

    #[test]
    fn serializable_is_the_strictest_level() {
        assert!(strictness("serializable") > strictness("repeatable read"));
        assert!(strictness("repeatable read") > strictness("read committed"));
    }
}
