//! Framing of pgwire v3, as little as a proxy needs: find whole messages, read the few fields that
//! triggers look at, and write the few messages that faults make up.
//!
//! Every message is one tag byte, then its length (which counts itself, not the tag), then the body.

use std::borrow::Cow;

/// The largest message accepted, bytes: PostgreSQL's own limit (`PQ_LARGE_MESSAGE_LIMIT`).
const LARGEST_MESSAGE: usize = 0x3fff_ffff;

/// One whole message.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'a> {
    whole: &'a [u8],
}

/// A length field that cannot be right.
#[derive(Debug, thiserror::Error)]
#[error("message of tag {tag:#04x} claims {length} bytes")]
pub(crate) struct Malformed {
    tag: u8,
    length: usize,
}

impl<'a> Frame<'a> {
    /// The first message in `buffer`, or `None` until all of it has arrived.
    pub(crate) fn first(buffer: &'a [u8]) -> Result<Option<Frame<'a>>, Malformed> {
        let Some(&[tag, a, b, c, d]) = buffer.first_chunk::<5>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if !(4..=LARGEST_MESSAGE).contains(&length) {
            return Err(Malformed { tag, length });
        }
        Ok(buffer.get(..=length).map(|whole| Frame { whole }))
    }

    pub(crate) fn tag(self) -> u8 {
        self.whole[0]
    }

    /// Tag, length and body.
    pub(crate) fn whole(self) -> &'a [u8] {
        self.whole
    }

    pub(crate) fn body(self) -> &'a [u8] {
        &self.whole[5..]
    }

    /// The first string of the body: the text of a Query, the tag of a CommandComplete.
    pub(crate) fn text(self) -> Cow<'a, str> {
        String::from_utf8_lossy(c_string(self.body()).0)
    }

    /// The statement text of a Query or Parse.
    pub(crate) fn statement(self) -> Option<Cow<'a, str>> {
        match self.tag() {
            b'Q' => Some(self.text()),
            b'P' => Some(String::from_utf8_lossy(c_string(c_string(self.body()).1).0)),
            _ => None,
        }
    }

    /// Name and value of a ParameterStatus.
    pub(crate) fn parameter(self) -> (Cow<'a, str>, Cow<'a, str>) {
        let (name, rest) = c_string(self.body());
        (
            String::from_utf8_lossy(name),
            String::from_utf8_lossy(c_string(rest).0),
        )
    }

    /// One field of an ErrorResponse or NoticeResponse: `C` the SQLSTATE, `M` the message.
    pub(crate) fn field(self, code: u8) -> Option<Cow<'a, str>> {
        let mut rest = self.body();
        while let Some((&kind, after)) = rest.split_first() {
            if kind == 0 {
                return None;
            }
            let (value, next) = c_string(after);
            if kind == code {
                return Some(String::from_utf8_lossy(value));
            }
            rest = next;
        }
        None
    }
}

/// The string before the first NUL, and what follows it.
pub(crate) fn c_string(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|&byte| byte == 0) {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[]),
    }
}

/// The pairs of a startup packet's body, after the protocol version.
pub(crate) fn startup_parameters(mut body: &[u8]) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    while body.first().is_some_and(|&byte| byte != 0) {
        let (name, rest) = c_string(body);
        let (value, rest) = c_string(rest);
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        pairs.push((text(name), text(value)));
        body = rest;
    }
    pairs
}

/// A startup packet of protocol 3.0.
pub(crate) fn startup(parameters: &[(String, String)]) -> Vec<u8> {
    let mut body = 196_608u32.to_be_bytes().to_vec();
    for (name, value) in parameters {
        push_string(&mut body, name);
        push_string(&mut body, value);
    }
    body.push(0);
    let mut packet = (body.len() as u32 + 4).to_be_bytes().to_vec();
    packet.append(&mut body);
    packet
}

/// A message of any kind.
pub(crate) fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(body.len() + 5);
    push_message(&mut whole, tag, body);
    whole
}

/// Appends a message of any kind.
pub(crate) fn push_message(out: &mut Vec<u8>, tag: u8, body: &[u8]) {
    out.push(tag);
    out.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
    out.extend_from_slice(body);
}

pub(crate) fn query(sql: &str) -> Vec<u8> {
    message(b'Q', &[sql.as_bytes(), &[0]].concat())
}

pub(crate) fn copy_fail(reason: &str) -> Vec<u8> {
    message(b'f', &[reason.as_bytes(), &[0]].concat())
}

pub(crate) fn command_complete(tag: &str) -> Vec<u8> {
    message(b'C', &[tag.as_bytes(), &[0]].concat())
}

pub(crate) fn parameter_status(name: &str, value: &str) -> Vec<u8> {
    let mut body = Vec::new();
    push_string(&mut body, name);
    push_string(&mut body, value);
    message(b'S', &body)
}

/// An ErrorResponse; `severity` is `ERROR` or `FATAL`.
pub(crate) fn error(severity: &str, sqlstate: &str, text: &str) -> Vec<u8> {
    message(b'E', &report(severity, sqlstate, text))
}

/// A NoticeResponse; `severity` is `NOTICE` or `WARNING`.
pub(crate) fn notice(severity: &str, sqlstate: &str, text: &str) -> Vec<u8> {
    message(b'N', &report(severity, sqlstate, text))
}

pub(crate) fn push_string(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
    out.push(0);
}

fn report(severity: &str, sqlstate: &str, text: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for (field, value) in [
        (b'S', severity),
        (b'V', severity),
        (b'C', sqlstate),
        (b'M', text),
    ] {
        body.push(field);
        push_string(&mut body, value);
    }
    body.push(0);
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_found_only_when_all_of_it_has_arrived() {
        let whole = query("SELECT 1");
        for end in 0..whole.len() {
            assert!(Frame::first(&whole[..end]).unwrap().is_none());
        }
        let frame = Frame::first(&whole).unwrap().unwrap();
        assert_eq!((frame.tag(), frame.text().as_ref()), (b'Q', "SELECT 1"));
    }

    #[test]
    fn a_length_below_four_or_above_a_gigabyte_is_malformed() {
        assert!(Frame::first(&[b'Q', 0, 0, 0, 3]).is_err());
        assert!(Frame::first(&[b'Q', 0x7f, 0, 0, 3]).is_err());
    }

    #[test]
    fn fields_of_an_error_are_read_back() {
        let whole = error("ERROR", "40001", "try again");
        let frame = Frame::first(&whole).unwrap().unwrap();
        assert_eq!(frame.field(b'C').as_deref(), Some("40001"));
        assert_eq!(frame.field(b'M').as_deref(), Some("try again"));
        assert_eq!(frame.field(b'D'), None);
    }

    #[test]
    fn startup_parameters_survive_the_round_trip() {
        let pairs = vec![
            ("user".to_owned(), "a.b".to_owned()),
            ("database".into(), "d".into()),
        ];
        assert_eq!(startup_parameters(&startup(&pairs)[8..]), pairs);
    }
}
