//! TLS that is refused, missing, or not to be trusted.

use testenv::{Cluster, ClusterOptions, StandinOptions};

use crate::connect::secured;
use crate::harness::Wire9;
use crate::judged::{Judged as _, assert_untouched, planted, planted_with, with_secret};

/// The stand-in's URI with another end than `sslmode=require`.
fn said(pair: &crate::harness::Pair, parameters: &str) -> String {
    pair.standin.uri().replace("sslmode=require", parameters)
}

#[test]
fn a_source_without_tls_is_told_where_tls_is_required() {
    let pair = planted();
    let uri = format!("{}?sslmode=require", with_secret(&pair.source.uri()));
    Wire9::copy(&uri, &pair.standin.uri())
        .run()
        .fails(3, &["the source", "TLS", "does not offer it"])
        .advises(&["sslmode"]);
    assert_untouched(pair.target(), &["a", "b"]);
}

#[test]
fn a_target_without_tls_is_refused_where_nothing_was_said() {
    let pair = planted_with(StandinOptions {
        tls_offered: false,
        tls_required: false,
        ..StandinOptions::default()
    });
    let nothing_said = said(&pair, "application_name=x");
    Wire9::copy(&pair.source.uri(), &nothing_said)
        .run()
        .fails(3, &["the target", "TLS", "does not offer it"])
        .advises(&["sslmode"]);
    let unencrypted = said(&pair, "sslmode=prefer");
    Wire9::copy(&pair.source.uri(), &unencrypted)
        .run()
        .fails(4, &["DB9", "not encrypted"])
        .advises(&["sslmode=require", "--db9"]);
    assert_untouched(pair.target(), &["a", "b"]);
}

#[test]
fn a_db9_is_spoken_to_unencrypted_only_where_that_was_said() {
    let pair = planted_with(StandinOptions {
        tls_required: false,
        password_exchange: testenv::standin::PasswordExchange::Scram,
        ..StandinOptions::default()
    });
    Wire9::copy(&pair.source.uri(), &said(&pair, "sslmode=disable"))
        .run()
        .passes();
    pair.assert_equal(3);
}

#[test]
fn a_target_that_requires_tls_says_so_to_a_plain_connection() {
    let pair = planted();
    Wire9::copy(&pair.source.uri(), &said(&pair, "sslmode=disable"))
        .run()
        .fails(3, &["the target"]);
    assert_untouched(pair.target(), &["a", "b"]);
}

#[test]
fn a_certificate_of_another_authority_is_not_trusted() {
    let pair = planted();
    for mode in ["verify-ca", "verify-full"] {
        let authority = pair.standin.wrong_ca_file();
        let parameters = format!("sslmode={mode}&sslrootcert={}", authority.display());
        Wire9::copy(&pair.source.uri(), &said(&pair, &parameters))
            .run()
            .fails(3, &["the target", "TLS", "certificate"])
            .advises(&["sslrootcert"]);
    }
    let cluster = secured();
    let certificates = cluster.certificates().expect("it has TLS");
    let authority = certificates.wrong_ca.display();
    let source = format!(
        "{}?sslmode=verify-full&sslrootcert={authority}",
        cluster.uri("postgres")
    );
    Wire9::copy(&source, &pair.standin.uri())
        .run()
        .fails(3, &["the source", "TLS", "certificate"])
        .advises(&["sslrootcert"]);
    assert_untouched(pair.target(), &["a", "b"]);
}

#[test]
fn a_certificate_for_another_host_is_not_trusted_by_verify_full() {
    let options = ClusterOptions::new().tls_for(&["elsewhere.example"]);
    let cluster = Cluster::start(options).expect("a cluster starts");
    let certificates = cluster.certificates().expect("it has TLS");
    let authority = certificates.ca.display();
    let source = format!(
        "{}?sslmode=verify-full&sslrootcert={authority}",
        with_secret(&cluster.uri("postgres"))
    );
    let pair = planted();
    Wire9::copy(&source, &pair.standin.uri())
        .run()
        .fails(3, &["the source", "TLS", "127.0.0.1"])
        .advises(&["certificate"]);
}

#[test]
fn a_trusted_certificate_passes() {
    let pair = planted();
    let authority = pair.standin.ca_file();
    let parameters = format!("sslmode=verify-full&sslrootcert={}", authority.display());
    Wire9::copy(&pair.source.uri(), &said(&pair, &parameters))
        .run()
        .passes();
    pair.assert_equal(3);
}

#[test]
fn an_authority_file_that_is_missing_is_named() {
    let pair = planted();
    let parameters = "sslmode=verify-full&sslrootcert=/nonexistent/ca.pem";
    Wire9::copy(&pair.source.uri(), &said(&pair, parameters))
        .run()
        .fails(2, &["the target", "sslrootcert", "/nonexistent/ca.pem"]);
}
