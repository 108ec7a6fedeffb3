//! The two spellings of connection strings, URI and `key=value`, read into pairs as libpq does.
//!
//! Source: <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING>. No error
//! repeats the text: it may hold a password.

use super::options_error::OptionsError;

/// Key and value, in the order of the text.
pub(super) type Pairs = Vec<(String, String)>;

/// Reads a URI or a key=value string. Keys are not checked here.
pub(super) fn parse(text: &str) -> Result<Pairs, OptionsError> {
    let text = text.trim();
    if text.contains('\0') {
        return Err(syntax("it holds a NUL byte"));
    }
    let uri = ["postgresql://", "postgres://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    match uri {
        Some(rest) => parse_uri(rest),
        None if text.starts_with("jdbc:") => Err(syntax(
            "it is a JDBC URL: write postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
        )),
        None if is_other_scheme(text) => Err(syntax(
            "its scheme is neither postgresql:// nor postgres://",
        )),
        None => parse_pairs(text),
    }
}

fn syntax(what: &'static str) -> OptionsError {
    OptionsError::Syntax { what }
}

fn is_other_scheme(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    })
}

/// `[user[:password]@][host][:port][,…][/database][?key=value[&…]]`
fn parse_uri(rest: &str) -> Result<Pairs, OptionsError> {
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    if path.contains('@') {
        return Err(syntax(
            "a '/' or '?' of the password must be written %2F or %3F",
        ));
    }
    let mut pairs = Vec::new();
    // The last '@': host names have none, and a password may have been typed as it is.
    let hosts = match authority.rsplit_once('@') {
        Some((login, hosts)) => {
            push_login(&mut pairs, login)?;
            hosts
        }
        None => authority,
    };
    push_hosts(&mut pairs, hosts)?;
    push_decoded(&mut pairs, "dbname", path.strip_prefix('/').unwrap_or(path))?;
    query
        .split('&')
        .filter(|part| !part.is_empty())
        .try_for_each(|part| push_query(&mut pairs, part))?;
    Ok(pairs)
}

fn push_login(pairs: &mut Pairs, login: &str) -> Result<(), OptionsError> {
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    push_decoded(pairs, "user", user)?;
    push_decoded(pairs, "password", password)
}

fn push_hosts(pairs: &mut Pairs, hosts: &str) -> Result<(), OptionsError> {
    let (mut names, mut ports) = (Vec::new(), Vec::new());
    for host in hosts.split(',') {
        let (name, port) = split_port(host)?;
        names.push(decode(name)?);
        ports.push(decode(port)?);
    }
    for (key, list) in [("host", names), ("port", ports)] {
        if list.iter().any(|item| !item.is_empty()) {
            pairs.push((key.to_owned(), list.join(",")));
        }
    }
    Ok(())
}

/// Splits `name:port` and `[v6]:port`.
fn split_port(host: &str) -> Result<(&str, &str), OptionsError> {
    let Some(bracketed) = host.strip_prefix('[') else {
        return Ok(host.split_once(':').unwrap_or((host, "")));
    };
    let (name, rest) = bracketed
        .split_once(']')
        .ok_or_else(|| syntax("the '[' of an IPv6 address is not closed"))?;
    match rest.strip_prefix(':') {
        Some(port) => Ok((name, port)),
        None if rest.is_empty() => Ok((name, "")),
        None => Err(syntax("something follows the ']' of an IPv6 address")),
    }
}

fn push_query(pairs: &mut Pairs, part: &str) -> Result<(), OptionsError> {
    let (key, value) = part
        .split_once('=')
        .ok_or_else(|| syntax("a part of the query after '?' is not key=value"))?;
    let (key, value) = (decode(key)?, decode(value)?);
    // JDBC's spelling, which libpq understands too.
    if key == "ssl" && value == "true" {
        pairs.push(("sslmode".into(), "require".into()));
    } else {
        pairs.push((key, value));
    }
    Ok(())
}

fn push_decoded(pairs: &mut Pairs, key: &str, text: &str) -> Result<(), OptionsError> {
    if !text.is_empty() {
        pairs.push((key.to_owned(), decode(text)?));
    }
    Ok(())
}

fn decode(text: &str) -> Result<String, OptionsError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first == b'%' {
            let (pair, tail) = rest
                .split_first_chunk::<2>()
                .ok_or_else(|| syntax("a '%' must be followed by two hexadecimal digits"))?;
            bytes.push(hex_byte(*pair)?);
            rest = tail;
        } else {
            bytes.push(first);
        }
    }
    String::from_utf8(bytes).map_err(|_| syntax("its percent-encoding is not UTF-8"))
}

fn hex_byte([high, low]: [u8; 2]) -> Result<u8, OptionsError> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    match (digit(high), digit(low)) {
        (Some(0), Some(0)) => Err(syntax("%00 is not allowed")),
        // Two hexadecimal digits always fit a byte.
        (Some(high), Some(low)) => Ok((high * 16 + low) as u8),
        _ => Err(syntax("a '%' must be followed by two hexadecimal digits")),
    }
}

/// `key = value key='quoted \' value'`
fn parse_pairs(text: &str) -> Result<Pairs, OptionsError> {
    let mut pairs = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (key, after) = rest
            .split_once('=')
            .ok_or_else(|| syntax("it is neither a URI nor key=value: an '=' is missing"))?;
        let key = key.trim();
        if key.is_empty() || key.contains(char::is_whitespace) {
            return Err(syntax("a key is missing before '=', or an '=' after a key"));
        }
        let (value, tail) = take_value(after.trim_start())?;
        pairs.push((key.to_owned(), value));
        rest = tail.trim_start();
    }
    Ok(pairs)
}

/// One value, quoted or not, and what follows it.
fn take_value(text: &str) -> Result<(String, &str), OptionsError> {
    let (body, quoted) = match text.strip_prefix('\'') {
        Some(body) => (body, true),
        None => (text, false),
    };
    let mut value = String::new();
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            '\'' if quoted => return Ok((value, &body[at + 1..])),
            c if !quoted && c.is_whitespace() => return Ok((value, &body[at..])),
            c => value.push(c),
        }
    }
    if quoted {
        return Err(syntax("a quote is not closed"));
    }
    Ok((value, ""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        let pairs = parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        pairs
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn uris_are_read_as_libpq_reads_them() {
        for (uri, pairs) in [
            ("postgresql://", ""),
            ("postgresql://localhost", "host=localhost"),
            ("postgres://h:5433", "host=h port=5433"),
            ("postgresql://h/db", "host=h dbname=db"),
            ("postgresql://u@h", "user=u host=h"),
            ("postgresql://u:p@h", "user=u password=p host=h"),
            ("postgresql://u:p:q@h", "user=u password=p:q host=h"),
            ("postgresql://u:p@q@h", "user=u password=p@q host=h"),
            (
                "postgresql://t.r:%20%2F%40@h:1/d?sslmode=require",
                "user=t.r password= /@ host=h port=1 dbname=d sslmode=require",
            ),
            (
                "postgresql://a:1,b:2/d?target_session_attrs=any",
                "host=a,b port=1,2 dbname=d target_session_attrs=any",
            ),
            ("postgresql://a,b:2", "host=a,b port=,2"),
            (
                "postgresql://[2001:db8::1]:9/d",
                "host=2001:db8::1 port=9 dbname=d",
            ),
            (
                "postgresql://%2Frun%2Fpg:9/d",
                "host=/run/pg port=9 dbname=d",
            ),
            ("postgresql:///d?host=/run/pg", "dbname=d host=/run/pg"),
            ("postgresql://h?ssl=true", "host=h sslmode=require"),
            ("postgresql://h?options=-c%20a%3Db", "host=h options=-c a=b"),
        ] {
            assert_eq!(shown(uri), pairs, "{uri}");
        }
    }

    #[test]
    fn pairs_are_read_as_libpq_reads_them() {
        for (text, pairs) in [
            ("", ""),
            ("host=h port=1", "host=h port=1"),
            ("  host = h  ", "host=h"),
            ("password='a b' user=u", "password=a b user=u"),
            ("password='it\\'s \\\\' user=u", "password=it's \\ user=u"),
            ("password=a\\ b", "password=a b"),
            ("password= user=u", "password=user=u"),
            ("password=''", "password="),
        ] {
            assert_eq!(shown(text), pairs, "{text}");
        }
    }

    #[test]
    fn hostile_strings_are_refused_without_repeating_them() {
        for text in [
            "postgresql://u:hunter2/x@h/d",
            "postgresql://u:hunter2%@h",
            "postgresql://u:hunter2%zz@h",
            "postgresql://u:hunter2%00@h",
            "postgresql://u:hunter2%ff@h",
            "postgresql://u:hunter2@[::1/d",
            "postgresql://u:hunter2@[::1]x/d",
            "postgresql://u:hunter2@h?sslmode",
            "mysql://u:hunter2@h",
            "jdbc:postgresql://h?password=hunter2",
            "hunter2",
            "password='hunter2",
            "password=a hunter2",
            "=hunter2",
            "a\0hunter2=",
        ] {
            let error = parse(text).expect_err(text);
            assert!(
                !format!("{error} {error:?}").contains("hunter2"),
                "{text}: {error}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,60}", uri in "[%@:/?&=,\\[\\]'\\\\a-f0-9é ]{0,40}") {
            let _ = parse(&text);
            let _ = parse(&uri);
            let _ = parse(&format!("postgresql://{uri}"));
        }

        #[test]
        fn a_quoted_value_comes_back_as_it_was(value in "[^\0]{0,30}") {
            let quoted = value.replace('\\', "\\\\").replace('\'', "\\'");
            let pairs = parse(&format!("password='{quoted}' user=u")).unwrap();
            prop_assert_eq!(&pairs[0].1, &value);
        }
    }
}
