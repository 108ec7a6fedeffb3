//! `.pgpass`: `host:port:database:user:password` lines, as libpq reads them.
//!
//! Source: <https://www.postgresql.org/docs/current/libpq-pgpass.html>.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::secret::Secret;

/// Whom a line must fit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Login<'a> {
    /// Host name, or the socket's folder.
    pub host: &'a str,
    /// TCP port.
    pub port: u16,
    /// Database name.
    pub database: &'a str,
    /// User name.
    pub user: &'a str,
}

/// What a password file has for a login.
#[derive(Debug)]
pub(super) enum Found {
    /// The password.
    Password(Secret),
    /// Nothing; the reason is worth telling where the password is missing then.
    Nothing(Option<String>),
}

/// Looks a password up. A file that others may read is not used, as libpq does.
pub(super) async fn look_up(path: &Path, login: Login<'_>) -> Found {
    let Ok(metadata) = tokio::fs::metadata(path).await else {
        return Found::Nothing(None);
    };
    let shown = path.display();
    if !metadata.is_file() {
        return Found::Nothing(Some(format!("{shown} is not a plain file")));
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        let reason = "was not used, because others may read it: chmod 600 it";
        return Found::Nothing(Some(format!("{shown} {reason}")));
    }
    match tokio::fs::read_to_string(path).await {
        Ok(text) => match find(&text, login) {
            Some(password) => Found::Password(password),
            None => Found::Nothing(Some(format!("{shown} has no line for it"))),
        },
        Err(e) => Found::Nothing(Some(format!("{shown} can not be read: {}", e.kind()))),
    }
}

/// The password of the first line that fits.
pub(super) fn find(text: &str, login: Login<'_>) -> Option<Secret> {
    let port = login.port.to_string();
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .find_map(|line| {
            let (fields, password) = split(line.trim_end_matches('\r'))?;
            let fits = host_fits(&fields[0], login.host)
                && [
                    (&fields[1], port.as_str()),
                    (&fields[2], login.database),
                    (&fields[3], login.user),
                ]
                .iter()
                .all(|(field, value)| field.as_str() == "*" || unescape(field) == *value);
            (fits && !password.is_empty()).then(|| Secret::new(unescape(password)))
        })
}

/// `localhost` stands for sockets too, as in libpq.
fn host_fits(field: &str, host: &str) -> bool {
    let name = unescape(field);
    field == "*" || name == host || (host.starts_with('/') && name == "localhost")
}

/// The first four fields, still escaped, and the rest up to a fifth colon.
fn split(line: &str) -> Option<([String; 4], &str)> {
    let mut fields: [String; 4] = Default::default();
    let mut rest = line;
    for field in &mut fields {
        let end = unescaped_colon(rest)?;
        *field = rest[..end].to_owned();
        rest = &rest[end + 1..];
    }
    let end = unescaped_colon(rest).unwrap_or(rest.len());
    Some((fields, &rest[..end]))
}

fn unescaped_colon(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let found = byte == b':' && !escaped;
        escaped = byte == b'\\' && !escaped;
        found
    })
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let literal = if c == '\\' { chars.next() } else { Some(c) };
        plain.extend(literal);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str, host: &str) -> Option<String> {
        let login = Login {
            host,
            port: 5432,
            database: "shop",
            user: "ann",
        };
        find(text, login).map(|secret| secret.reveal().to_owned())
    }

    #[test]
    fn the_first_line_that_fits_wins() {
        let text = "# h:5432:shop:ann:comment\nh:5433:shop:ann:port\nh:*:shop:bob:user\n\
                    h:5432:shop:ann:first\n*:*:*:*:last\n";
        assert_eq!(password(text, "h").as_deref(), Some("first"));
        assert_eq!(password(text, "other").as_deref(), Some("last"));
    }

    #[test]
    fn escapes_hold_colons_and_backslashes() {
        assert_eq!(
            password("\\:\\:1:*:*:ann:a\\:b\\\\c", "::1").as_deref(),
            Some("a:b\\c")
        );
        assert_eq!(password("h:*:*:ann:a:ignored", "h").as_deref(), Some("a"));
    }

    #[test]
    fn an_escaped_star_is_a_star_and_not_a_wildcard() {
        assert_eq!(password("\\*:*:*:*:secret", "h"), None);
        assert_eq!(password("\\*:*:*:*:secret", "*").as_deref(), Some("secret"));
    }

    #[test]
    fn localhost_stands_for_a_socket_folder() {
        assert_eq!(
            password("localhost:*:*:*:s", "/run/pg").as_deref(),
            Some("s")
        );
    }

    #[test]
    fn broken_lines_are_passed_over() {
        assert_eq!(
            password("h\n:::\nh:5432:shop:ann:\nh:5432:shop:ann:ok\\", "h").as_deref(),
            Some("ok")
        );
    }

    #[tokio::test]
    async fn a_file_that_others_may_read_is_not_used_and_the_reason_is_told() {
        let path = std::env::temp_dir().join(format!("wire9-passfile-{}", std::process::id()));
        std::fs::write(&path, "*:*:*:*:hunter2\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let login = Login {
            host: "h",
            port: 1,
            database: "d",
            user: "u",
        };
        let open = look_up(&path, login).await;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let closed = look_up(&path, login).await;
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(open, Found::Nothing(Some(reason)) if reason.contains("chmod 600")));
        assert!(matches!(closed, Found::Password(p) if p.reveal() == "hunter2"));
    }
}
