//! The keys of connection options: those that are understood, those that are refused, and the nearest
//! one to a misspelling.

use super::options_error::OptionsError;

/// Every key that is understood, with the variable that completes it.
pub(super) const KEYS: &[(&str, &str)] = &[
    ("host", "PGHOST"),
    ("hostaddr", "PGHOSTADDR"),
    ("port", "PGPORT"),
    ("dbname", "PGDATABASE"),
    ("user", "PGUSER"),
    ("password", "PGPASSWORD"),
    ("passfile", "PGPASSFILE"),
    ("channel_binding", "PGCHANNELBINDING"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("client_encoding", "PGCLIENTENCODING"),
    ("options", "PGOPTIONS"),
    ("application_name", "PGAPPNAME"),
    ("fallback_application_name", ""),
    ("keepalives", ""),
    ("keepalives_idle", ""),
    ("keepalives_interval", ""),
    ("keepalives_count", ""),
    ("tcp_user_timeout", ""),
    ("sslmode", "PGSSLMODE"),
    ("sslnegotiation", "PGSSLNEGOTIATION"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
    // Taken and without effect here, because every value is what wire9 does anyway.
    ("sslcompression", ""),
    ("sslsni", ""),
    ("gssencmode", ""),
    ("krbsrvname", ""),
    ("gsslib", ""),
];

/// Keys of libpq that would change what happens if they were ignored.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("service", "write the options of the service out"),
    ("servicefile", "write the options of the service out"),
    ("replication", "wire9 makes ordinary connections"),
    ("sslpassword", "decrypt the client key first (openssl pkey)"),
    ("sslcrl", "revocation lists are not checked"),
    ("sslcrldir", "revocation lists are not checked"),
    ("sslcertmode", "leave sslcert out to send no certificate"),
    ("ssl_min_protocol_version", "TLS 1.2 and 1.3 are spoken"),
    ("ssl_max_protocol_version", "TLS 1.2 and 1.3 are spoken"),
    (
        "require_auth",
        "use channel_binding=require or sslmode=verify-full",
    ),
    ("requirepeer", "the owner of a socket is not checked"),
    ("load_balance_hosts", "hosts are tried in their order"),
    ("gssdelegation", "GSSAPI is not spoken"),
    ("min_protocol_version", "protocol 3.0 is spoken"),
    ("max_protocol_version", "protocol 3.0 is spoken"),
    ("scram_client_key", "give the password"),
    ("scram_server_key", "give the password"),
];

/// The key as it is known here.
///
/// # Errors
/// A key that is refused or unknown.
pub(super) fn known(key: &str) -> Result<&'static str, OptionsError> {
    if let Some((known, _)) = KEYS.iter().find(|(known, _)| *known == key) {
        return Ok(known);
    }
    if let Some(&(key, reason)) = UNSUPPORTED.iter().find(|(known, _)| *known == key) {
        return Err(OptionsError::Unsupported { key, reason });
    }
    Err(OptionsError::UnknownKey {
        key: shortened(key),
        nearest: nearest(key),
    })
}

/// A very long "key" is likely something else.
fn shortened(key: &str) -> String {
    key.chars().take(LONGEST_KEY).collect()
}

const LONGEST_KEY: usize = 40;

fn nearest(key: &str) -> Option<&'static str> {
    let key = shortened(&key.to_ascii_lowercase());
    let (distance, known) = KEYS
        .iter()
        .map(|(known, _)| (edit_distance(&key, known), *known))
        .min()?;
    (distance <= 1 + known.len() / 4).then_some(known)
}

/// Levenshtein's distance.
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.chars().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}
