//! A client as small as can be, for tests that care about single messages: it sends what it is told,
//! and shows what comes.
#![allow(dead_code, unreachable_pub, missing_docs)] // each test file uses its own part

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use testenv::Standin;

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// One message of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub tag: char,
    pub body: Vec<u8>,
}

impl Message {
    /// The first string of the body.
    pub fn text(&self) -> String {
        let end = self
            .body
            .iter()
            .position(|&byte| byte == 0)
            .unwrap_or(self.body.len());
        String::from_utf8_lossy(&self.body[..end]).into_owned()
    }

    /// A field of an error or notice.
    pub fn field(&self, code: u8) -> String {
        let fields = self.body.split(|&byte| byte == 0);
        let found = fields
            .into_iter()
            .find(|field| field.first() == Some(&code));
        found
            .map(|field| String::from_utf8_lossy(&field[1..]).into_owned())
            .unwrap_or_default()
    }

    /// The first value of a DataRow.
    pub fn value(&self) -> String {
        let length = u32::from_be_bytes(self.body[2..6].try_into().unwrap()) as usize;
        String::from_utf8_lossy(&self.body[6..6 + length]).into_owned()
    }
}

pub struct Raw {
    stream: Box<dyn Stream>,
    pub tcp: TcpStream,
}

impl Raw {
    /// A session without TLS and without a password.
    pub fn plain(port: u16, parameters: &[(&str, &str)]) -> io::Result<Raw> {
        let tcp = TcpStream::connect(("127.0.0.1", port))?;
        let mut raw = Raw {
            stream: Box::new(tcp.try_clone()?),
            tcp,
        };
        raw.start(parameters)?;
        Ok(raw)
    }

    /// A session with a stand-in: TLS, password in the clear.
    pub fn standin(standin: &Standin) -> Raw {
        Raw::standin_as(standin, "raw").expect("connect to the stand-in")
    }

    pub fn standin_as(standin: &Standin, application: &str) -> io::Result<Raw> {
        let mut tcp = TcpStream::connect(("127.0.0.1", standin.port()))?;
        tcp.write_all(&[0, 0, 0, 8, 4, 210, 22, 47])?;
        let mut answer = [0];
        tcp.read_exact(&mut answer)?;
        assert_eq!(&answer, b"S");
        let tls = rustls::ClientConnection::new(
            Arc::new(tls_config(standin)),
            ServerName::try_from("localhost").unwrap(),
        )
        .unwrap();
        let stream = rustls::StreamOwned::new(tls, tcp.try_clone()?);
        let mut raw = Raw {
            stream: Box::new(stream),
            tcp,
        };
        raw.start(&[
            ("user", "tenant.admin"),
            ("database", "postgres"),
            ("application_name", application),
        ])?;
        Ok(raw)
    }

    fn start(&mut self, parameters: &[(&str, &str)]) -> io::Result<()> {
        self.tcp.set_read_timeout(Some(Duration::from_secs(20)))?;
        self.tcp.set_nodelay(true)?;
        let mut body = vec![0, 3, 0, 0];
        for (name, value) in parameters {
            body.extend_from_slice(format!("{name}\0{value}\0").as_bytes());
        }
        body.push(0);
        let mut packet = (body.len() as u32 + 4).to_be_bytes().to_vec();
        packet.extend(body);
        self.send(&packet)?;
        loop {
            let message = self.read()?;
            match message.tag {
                'R' if message.body == [0, 0, 0, 3] => self.send(&message_of(b'p', b"secret\0"))?,
                'E' => return Err(io::Error::other(message.field(b'C'))),
                'Z' => return Ok(()),
                _ => {}
            }
        }
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    pub fn read(&mut self) -> io::Result<Message> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head)?;
        let length = u32::from_be_bytes(head[1..].try_into().unwrap()) as usize;
        let mut body = vec![0; length - 4];
        self.stream.read_exact(&mut body)?;
        Ok(Message {
            tag: head[0] as char,
            body,
        })
    }

    /// Sends a Query and reads until the server is ready, or waits for COPY data.
    pub fn query(&mut self, sql: &str) -> io::Result<Vec<Message>> {
        self.send(&message_of(b'Q', format!("{sql}\0").as_bytes()))?;
        self.until_ready()
    }

    pub fn until_ready(&mut self) -> io::Result<Vec<Message>> {
        let mut messages = Vec::new();
        loop {
            let message = self.read()?;
            let last = matches!(message.tag, 'Z' | 'G');
            messages.push(message);
            if last {
                return Ok(messages);
            }
        }
    }

    /// COPY of `data` in one message; everything that is answered.
    pub fn copy(&mut self, sql: &str, data: &str) -> io::Result<Vec<Message>> {
        let begun = self.query(sql)?;
        if begun.last().is_some_and(|message| message.tag == 'Z') {
            return Ok(begun);
        }
        self.send(&message_of(b'd', data.as_bytes()))?;
        self.send(&message_of(b'c', b""))?;
        self.until_ready()
    }

    /// The SQLSTATE of a statement's error, or its tag.
    pub fn outcome(&mut self, sql: &str) -> String {
        outcome(&self.query(sql).expect("an answer"))
    }

    /// The first value of the first row.
    pub fn value(&mut self, sql: &str) -> String {
        let messages = self.query(sql).expect("an answer");
        let row = messages.iter().find(|message| message.tag == 'D');
        row.unwrap_or_else(|| panic!("{sql}: {}", outcome(&messages)))
            .value()
    }
}

/// The SQLSTATE of an error, or the last tag.
pub fn outcome(messages: &[Message]) -> String {
    let error = messages.iter().find(|message| message.tag == 'E');
    let tag = messages.iter().rev().find(|message| message.tag == 'C');
    match (error, tag) {
        (Some(error), _) => error.field(b'C'),
        (None, Some(tag)) => tag.text(),
        (None, None) => messages.iter().map(|message| message.tag).collect(),
    }
}

pub fn message_of(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut whole = vec![tag];
    whole.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
    whole.extend_from_slice(body);
    whole
}

fn tls_config(standin: &Standin) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(standin.ca_file()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}
