//! What an application has to change so that it reaches the target, and not the source.

use crate::cli::errors::clean;
use crate::wire::{ConnectOptions, SslMode};

/// The way to either side, without a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Connect {
    source: Side,
    target: Side,
    /// URI of the target.
    pub(super) uri: String,
    sslmode: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Side {
    user: String,
    hosts: String,
    ports: String,
    database: String,
}

impl Connect {
    pub(super) fn new(source: &ConnectOptions, target: &ConnectOptions) -> Self {
        let sslmode = word(target.sslmode().0);
        Self {
            source: Side::of(source),
            target: Side::of(target),
            uri: format!("postgresql://{target}?sslmode={sslmode}"),
            sslmode,
        }
    }

    /// A line for each part of the connection string, as it is to be and as it was.
    pub(super) fn lines(&self, is_db9: bool) -> Vec<String> {
        let (to, from) = (&self.target, &self.source);
        let only_db9 = |text: &'static str| if is_db9 { text } else { "" };
        let part = |name: &str, to: &str, form: &str, from: &str| {
            format!("{name:<8}  {}{form}  (was {})", clean(to), clean(from))
        };
        let tls = match self.sslmode {
            "disable" | "allow" | "prefer" => "",
            _ => ", never without TLS",
        };
        vec![
            format!("URI       {}", clean(&self.uri)),
            part(
                "user",
                &to.user,
                only_db9(", the form is TENANT.ROLE"),
                &from.user,
            ),
            part(
                "password",
                "the target's own",
                only_db9(", or a short-lived token"),
                "the source's",
            ),
            part("host", &to.hosts, "", &from.hosts),
            part("port", &to.ports, "", &from.ports),
            part(
                "database",
                &to.database,
                only_db9(", always"),
                &from.database,
            ),
            format!("TLS       sslmode={}{tls}", self.sslmode),
        ]
    }
}

impl Side {
    fn of(options: &ConnectOptions) -> Self {
        let (hosts, ports): (Vec<String>, Vec<String>) = options
            .hosts()
            .map(|(host, port)| (host.to_owned(), port.to_string()))
            .unzip();
        Self {
            user: options.user().to_owned(),
            hosts: hosts.join(","),
            ports: ports.join(","),
            database: options.database().to_owned(),
        }
    }
}

fn word(mode: SslMode) -> &'static str {
    match mode {
        SslMode::Disable => "disable",
        SslMode::Allow => "allow",
        SslMode::Prefer => "prefer",
        SslMode::Require => "require",
        SslMode::VerifyCa => "verify-ca",
        SslMode::VerifyFull => "verify-full",
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::wire::{Endpoint, Environment};

    /// From PostgreSQL on `source` to DB9 on `target`.
    pub(in crate::cli::migrate) fn connect() -> Connect {
        let options = |uri: &str, endpoint| {
            ConnectOptions::parse(uri, endpoint, &Environment::default()).expect("a URI")
        };
        Connect::new(
            &options("postgresql://alice:s3cret@source/shop", Endpoint::Postgres),
            &options(
                "postgresql://t1.admin:s3cret@target:5433/postgres",
                Endpoint::Db9,
            ),
        )
    }

    #[test]
    fn each_part_of_a_connection_string_is_named_as_it_is_to_be_and_as_it_was() {
        assert_eq!(
            connect().lines(true),
            [
                "URI       postgresql://t1.admin@target:5433/postgres?sslmode=require",
                "user      t1.admin, the form is TENANT.ROLE  (was alice)",
                "password  the target's own, or a short-lived token  (was the source's)",
                "host      target  (was source)",
                "port      5433  (was 5432)",
                "database  postgres, always  (was shop)",
                "TLS       sslmode=require, never without TLS",
            ]
        );
    }

    #[test]
    fn of_a_target_that_is_no_db9_nothing_is_said_that_holds_for_a_db9_alone() {
        let lines = connect().lines(false).join("\n");
        assert!(
            !lines.contains("TENANT.ROLE") && !lines.contains("always"),
            "{lines}"
        );
    }
}
