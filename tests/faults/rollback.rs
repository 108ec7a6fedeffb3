//! A COMMIT that the server answers with the tag ROLLBACK and without an error, as it does after a
//! failed transaction.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use testenv::Database;

use crate::harness::{Wire9, targets};
use crate::scene::{self, Scene, each};

/// Relays to a server, and makes the nth COMMIT of all connections a ROLLBACK.
fn relay(target: &Database, nth: u64) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it has an address").port();
    let upstream = target.cluster().port();
    let commits = Arc::new(AtomicU64::new(0));
    thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.expect("it is accepted");
            let server = TcpStream::connect(("127.0.0.1", upstream)).expect("the server is there");
            let mut back = (
                server.try_clone().expect("a clone"),
                client.try_clone().expect("a clone"),
            );
            thread::spawn(move || std::io::copy(&mut back.0, &mut back.1));
            let commits = Arc::clone(&commits);
            thread::spawn(move || forward(client, server, &commits, nth));
        }
    });
    port
}

/// The startup packet has no tag; then messages come one by one.
fn forward(
    mut client: TcpStream,
    mut server: TcpStream,
    commits: &AtomicU64,
    nth: u64,
) -> Option<()> {
    let mut tag = Vec::new();
    loop {
        let mut head = vec![0; tag.len() + 4];
        client.read_exact(&mut head).ok()?;
        let length = u32::from_be_bytes(head[tag.len()..].try_into().ok()?);
        let mut body = vec![0; length as usize - 4];
        client.read_exact(&mut body).ok()?;
        let is_commit = head.first() == Some(&b'Q') && body == b"COMMIT\0";
        if is_commit && commits.fetch_add(1, Ordering::SeqCst) + 1 == nth {
            head = b"Q\0\0\0\x0d".to_vec();
            body = b"ROLLBACK\0".to_vec();
        }
        server.write_all(&[head, body].concat()).ok()?;
        tag = vec![b'Q'];
    }
}

#[test]
fn a_commit_that_is_answered_with_rollback_is_no_success() {
    let source = scene::source_on(testenv::Cluster::shared());
    // The first COMMIT enters the run, the later ones are batches'.
    each([1, 2, 5, 9], |nth| {
        let target = targets().database("rollback").expect("a database");
        target
            .execute(Scene::tables())
            .expect("the tables are made");
        let port = relay(&target, nth);
        let db9 = format!(
            "postgresql://postgres@127.0.0.1:{port}/{}?sslmode=disable",
            target.name()
        );
        Wire9::copy(&source.uri(), &db9)
            .args(&["--jobs", "2", "--max-memory", "1MiB"])
            .run()
            .ends_with(0);
        testenv::equality::assert_equal(&source.uri(), &target.uri(), 6);
    });
}
