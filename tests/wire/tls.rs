//! libpq's sslmode, channel binding and client certificates, on a real server.

use testenv::{Auth, Cluster, ClusterOptions};
use wire9::wire::{ConnectOptions, Connection, Endpoint, Environment, Error};

use crate::{fake, on_a_thread, options, secured, shared};

async fn cluster(options: ClusterOptions) -> Cluster {
    on_a_thread(move || Cluster::start(options).unwrap()).await
}

async fn connect(cluster: &Cluster, parameters: &str) -> Result<Connection, Error> {
    let uri = format!("{}?{parameters}", cluster.uri("postgres"));
    Connection::connect(&options(&uri)).await
}

#[tokio::test]
async fn each_sslmode_verifies_what_libpq_says() {
    let cluster = cluster(
        ClusterOptions::new()
            .auth(Auth::Scram)
            .tls_for(&["localhost"]),
    )
    .await;
    let certificates = cluster.certificates().unwrap();
    let (ca, wrong) = (certificates.ca.display(), certificates.wrong_ca.display());
    let own = certificates.server.display();
    for (parameters, encrypted) in [
        ("sslmode=disable".to_owned(), Some(false)),
        ("sslmode=allow".to_owned(), Some(false)),
        ("sslmode=prefer".to_owned(), Some(true)),
        (String::new(), Some(true)),
        ("sslmode=require".to_owned(), Some(true)),
        // A root file makes `require` check the chain, as in libpq.
        (format!("sslmode=require&sslrootcert={ca}"), Some(true)),
        (format!("sslmode=require&sslrootcert={wrong}"), None),
        (format!("sslmode=verify-ca&sslrootcert={ca}"), Some(true)),
        (format!("sslmode=verify-ca&sslrootcert={wrong}"), None),
        (format!("sslmode=verify-ca&sslrootcert={own}"), Some(true)),
        // The certificate is for localhost, the address is 127.0.0.1.
        (format!("sslmode=verify-full&sslrootcert={ca}"), None),
        (
            format!("sslmode=verify-full&sslrootcert={ca}&host=localhost"),
            Some(true),
        ),
        (
            format!("sslmode=verify-full&sslrootcert={own}&host=localhost"),
            Some(true),
        ),
        (format!("sslmode=verify-full&sslrootcert={own}"), None),
        (
            format!("sslmode=verify-full&sslrootcert={wrong}&host=localhost"),
            None,
        ),
        (
            format!("sslmode=verify-full&sslrootcert={ca}&host=localhost&hostaddr=127.0.0.1"),
            Some(true),
        ),
    ] {
        match connect(&cluster, &parameters).await {
            Ok(connection) => {
                assert_eq!(
                    Some(connection.peer().tls.is_some()),
                    encrypted,
                    "{parameters}"
                );
            }
            Err(error) => {
                assert_eq!(encrypted, None, "{parameters}: {error}");
                assert!(matches!(error, Error::Tls { .. }), "{parameters}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn the_reason_of_an_untrusted_certificate_is_told() {
    let cluster = cluster(ClusterOptions::new().tls_for(&["other.example"])).await;
    let certificates = cluster.certificates().unwrap();
    let wrong = format!(
        "sslmode=verify-ca&sslrootcert={}",
        certificates.wrong_ca.display()
    );
    let error = connect(&cluster, &wrong).await.unwrap_err();
    assert!(error.to_string().contains("sslrootcert"), "{error}");
    let full = format!(
        "sslmode=verify-full&sslrootcert={}",
        certificates.ca.display()
    );
    let error = connect(&cluster, &full).await.unwrap_err();
    assert!(error.to_string().contains("another host name"), "{error}");
    let error = connect(&cluster, "sslmode=verify-ca&sslrootcert=/no/such.crt")
        .await
        .unwrap_err();
    assert!(error.to_string().contains("can not be used"), "{error}");
    let error = connect(&cluster, "sslmode=verify-ca").await.unwrap_err();
    assert!(matches!(error, Error::Options(_)), "{error}");
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_it_is_required_and_taken_where_it_is_preferred() {
    let shared = shared().await;
    let error = connect(shared, "sslmode=require").await.unwrap_err();
    assert!(matches!(error, Error::Tls { .. }), "{error}");
    assert!(
        connect(shared, "sslmode=prefer")
            .await
            .unwrap()
            .peer()
            .tls
            .is_none()
    );
    let environment = Environment::default();
    let db9 = ConnectOptions::parse(&shared.uri("postgres"), Endpoint::Db9, &environment).unwrap();
    let error = Connection::connect(&db9).await.unwrap_err();
    assert!(
        matches!(error, Error::Tls { .. }),
        "a DB9 is not spoken to in the clear: {error}"
    );
}

#[tokio::test]
async fn the_other_kind_of_connection_is_tried_where_the_mode_allows_it() {
    let only_tls = cluster(
        ClusterOptions::new()
            .tls()
            .rule("hostnossl all all all reject"),
    )
    .await;
    let connection = connect(&only_tls, "sslmode=allow").await.unwrap();
    assert!(connection.peer().tls.is_some());
    assert!(
        connect(&only_tls, "sslmode=disable")
            .await
            .unwrap_err()
            .is_authentication()
    );
    let only_plain = cluster(
        ClusterOptions::new()
            .tls()
            .rule("hostssl all all all reject"),
    )
    .await;
    let connection = connect(&only_plain, "sslmode=prefer").await.unwrap();
    assert!(connection.peer().tls.is_none());
    assert!(
        connect(&only_plain, "sslmode=require")
            .await
            .unwrap_err()
            .is_authentication()
    );
}

#[tokio::test]
async fn scram_is_bound_to_the_channel_where_both_sides_can() {
    let cluster = secured(Auth::Scram).await;
    let kind = async |parameters: &str| {
        connect(cluster, parameters)
            .await
            .map(|connection| connection.peer().authentication)
    };
    assert_eq!(kind("sslmode=require").await.unwrap(), "scram-sha-256-plus");
    let required = "sslmode=require&channel_binding=require";
    assert_eq!(kind(required).await.unwrap(), "scram-sha-256-plus");
    let disabled = "sslmode=require&channel_binding=disable";
    assert_eq!(kind(disabled).await.unwrap(), "scram-sha-256");
    let error = kind("sslmode=disable&channel_binding=require")
        .await
        .unwrap_err();
    assert!(error.is_authentication(), "{error}");
}

#[tokio::test]
async fn required_channel_binding_refuses_a_weaker_exchange() {
    for auth in [Auth::Trust, Auth::Password, Auth::Md5] {
        let cluster = secured(auth).await;
        let error = connect(cluster, "sslmode=require&channel_binding=require")
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains("channel_binding"),
            "{auth:?}: {error}"
        );
    }
}

#[tokio::test]
async fn cleartext_and_md5_work_under_tls() {
    for (auth, kind) in [(Auth::Password, "password"), (Auth::Md5, "md5")] {
        let cluster = secured(auth).await;
        let connection = connect(cluster, "sslmode=require").await.unwrap();
        assert_eq!(connection.peer().authentication, kind);
        assert!(
            connection
                .peer()
                .tls
                .as_deref()
                .unwrap()
                .starts_with("TLSv1.")
        );
    }
}

#[tokio::test]
async fn a_client_certificate_lets_its_owner_in() {
    let options = ClusterOptions::new()
        .auth(Auth::Scram)
        .tls()
        .rule("hostssl all all all trust clientcert=verify-ca");
    let cluster = cluster(options).await;
    let certificates = cluster.certificates().unwrap();
    let parameters = format!(
        "sslmode=require&sslcert={}&sslkey={}",
        certificates.client.display(),
        certificates.client_key.display()
    );
    assert_eq!(
        connect(&cluster, &parameters)
            .await
            .unwrap()
            .peer()
            .authentication,
        "trust"
    );
    connect(&cluster, "sslmode=require").await.unwrap_err();
}

#[tokio::test]
async fn tls_1_2_is_spoken_where_the_server_has_no_newer_one() {
    let options = ClusterOptions::new()
        .tls()
        .setting("ssl_max_protocol_version", "TLSv1.2");
    let cluster = cluster(options).await;
    let connection = connect(&cluster, "sslmode=require").await.unwrap();
    assert_eq!(connection.peer().tls.as_deref(), Some("TLSv1.2"));
}

#[tokio::test]
async fn rows_go_both_ways_and_statements_are_cancelled_under_tls() {
    let cluster = secured(Auth::Scram).await;
    let mut connection = connect(cluster, "sslmode=require").await.unwrap();
    connection
        .query("CREATE TEMP TABLE t (id int, v text)")
        .await
        .unwrap();
    let rows: String = (0..100_000).map(|i| format!("{i}\trow {i}\n")).collect();
    let mut copy = connection.copy_in("COPY t FROM STDIN").await.unwrap();
    for frame in rows.as_bytes().chunks(200_003) {
        copy.send(frame).await.unwrap();
    }
    assert_eq!(copy.finish().await.unwrap().rows(), Some(100_000));
    let mut back = Vec::new();
    let mut copy = connection.copy_out("COPY t TO STDOUT").await.unwrap();
    while copy.read(&mut back, usize::MAX).await.unwrap() > 0 {}
    copy.finish().await.unwrap();
    assert!(back == rows.as_bytes());

    let canceller = connection.canceller();
    let cancel = async {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        canceller.cancel().await
    };
    let (outcome, cancelled) = tokio::join!(connection.query("SELECT pg_sleep(30)"), cancel);
    cancelled.unwrap();
    assert_eq!(outcome.unwrap_err().code(), Some("57014"));
}

#[tokio::test]
async fn tls_from_the_first_byte_works_and_a_common_name_counts_where_no_other_name_is() {
    for (common_name, trusted) in [
        ("localhost", true),
        ("*.localhost", false),
        ("other", false),
    ] {
        let (pem, port) = fake::serve_direct_tls(common_name).await;
        let root = std::env::temp_dir().join(format!("wire9-root-{}-{port}", std::process::id()));
        std::fs::write(&root, pem).unwrap();
        let uri = format!(
            "postgresql://u@localhost:{port}/d?hostaddr=127.0.0.1&sslmode=verify-full\
             &sslnegotiation=direct&sslrootcert={}",
            root.display()
        );
        let outcome = Connection::connect(&options(&uri)).await;
        std::fs::remove_file(&root).unwrap();
        assert_eq!(outcome.is_ok(), trusted, "{common_name}: {outcome:?}");
    }
}
