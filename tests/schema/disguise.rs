//! A relay that makes a PostgreSQL look like one of another version: nothing else of it changes.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

/// What wire9 asks for a version, and what it gets in its place: of the same length, since blanks follow.
const ASKED: [(&str, &str); 2] = [
    ("current_setting('server_version_num')", "0003"),
    ("current_setting('server_version')", ".3"),
];

/// Listens on a free port, and relays each connection to the server at `port`, a PostgreSQL `from`, that
/// claims to be a PostgreSQL `to` (both of two digits). The port that it listens on.
pub(crate) fn disguised(port: u16, from: u32, to: u32) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let own = listener.local_addr().expect("it has one").port();
    let questions: Vec<(String, String)> = ASKED
        .iter()
        .map(|(asked, minor)| {
            let told = format!("'{to}{minor}'");
            let told = format!("{told:<width$}", width = asked.len());
            ((*asked).to_owned(), told)
        })
        .collect();
    let words = vec![
        (format!("PostgreSQL {from}."), format!("PostgreSQL {to}.")),
        (
            format!("server_version\0{from}."),
            format!("server_version\0{to}."),
        ),
    ];
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else {
                continue;
            };
            relay(&client, &server, questions.clone());
            relay(&server, &client, words.clone());
        }
    });
    own
}

/// Relays one direction on a thread of its own, with texts replaced by others of their length. Each is
/// sent by its writer in one piece, which a loopback keeps together.
fn relay(from: &TcpStream, to: &TcpStream, replaced: Vec<(String, String)>) {
    let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else {
        return;
    };
    thread::spawn(move || {
        let mut piece = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from.read(&mut piece) {
            for (old, new) in &replaced {
                replace(&mut piece[..length], old.as_bytes(), new.as_bytes());
            }
            if to.write_all(&piece[..length]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
}

fn replace(piece: &mut [u8], old: &[u8], new: &[u8]) {
    let places: Vec<usize> = piece
        .windows(old.len())
        .enumerate()
        .filter_map(|(at, window)| (window == old).then_some(at))
        .collect();
    for at in places {
        piece[at..at + new.len()].copy_from_slice(new);
    }
}
