//! Messages of the server, framed in one growing receive buffer. No IO here.
//!
//! ```text
//!  buffer: [ consumed | frame | frame | beginning of a frame | free space ]
//!                     ^start                                 ^end
//! ```

/// The receive buffer between two messages, in bytes: large reads are what makes COPY OUT cheap.
pub(super) const BUFFER: usize = 256 * 1024;

/// Free space below which the unread rest is moved to the front before the next read, in bytes.
const LEAST_SPACE: usize = 128 * 1024;

/// A buffer that grew beyond this is given back, in bytes.
const LARGEST_KEPT: usize = 2 * BUFFER;

/// Longest message after startup, in bytes: PostgreSQL's own limit of a message.
const LONGEST: usize = 1 << 30;

/// Longest message that holds neither a row nor a text, in bytes (as in libpq).
const LONGEST_SHORT: usize = 30_000;

/// Longest message before the first ReadyForQuery, in bytes: nothing there is long.
const LONGEST_AT_STARTUP: usize = 64 * 1024;

/// Tag byte and length.
const HEADER: usize = 5;

/// The head of a message that is completely in the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// What the message is.
    pub tag: u8,
    /// Bytes of the whole message.
    size: usize,
}

/// A message, borrowed from the receive buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    /// What the message is.
    pub tag: u8,
    /// All that follows the length.
    pub body: &'a [u8],
}

/// The receive buffer.
pub(super) struct Inbound {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    at_startup: bool,
}

impl Inbound {
    pub(super) fn new() -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            end: 0,
            at_startup: true,
        }
    }

    /// From now on messages may be long.
    pub(super) fn startup_is_over(&mut self) {
        self.at_startup = false;
    }

    /// The head of the next message, if all of it is here.
    ///
    /// # Errors
    /// What the length breaks.
    pub(super) fn head(&self) -> Result<Option<Head>, String> {
        let unread = &self.buffer[self.start..self.end];
        let Some(size) = self.size_of(unread)? else {
            return Ok(None);
        };
        Ok((unread.len() >= size).then(|| Head {
            tag: unread[0],
            size,
        }))
    }

    /// Takes the message of a head that was just returned.
    pub(super) fn take(&mut self, head: Head) -> Frame<'_> {
        let body = self.start + HEADER;
        self.start += head.size;
        Frame {
            tag: head.tag,
            body: &self.buffer[body..self.start],
        }
    }

    /// The body of the message that was taken last.
    pub(super) fn taken(&self, head: Head) -> &[u8] {
        let body = self.start.saturating_sub(head.size) + HEADER;
        self.buffer.get(body..self.start).unwrap_or_default()
    }

    /// Drops what is here.
    pub(super) fn clear(&mut self) {
        self.start = self.end;
    }

    /// Takes CopyData messages as long as `into` is shorter than `limit` bytes, but at least one where
    /// one is here. Stops in front of every other message and of a length that makes no sense.
    pub(super) fn take_copy_data(&mut self, into: &mut Vec<u8>, limit: usize) {
        let unread = &self.buffer[self.start..self.end];
        let mut at = 0;
        while let Some((&[b'd', l0, l1, l2, l3], rest)) = unread[at..].split_first_chunk::<HEADER>()
        {
            // The length counts itself.
            let length = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
            let Some(payload) = length
                .checked_sub(4)
                .and_then(|payload| rest.get(..payload))
            else {
                break;
            };
            into.extend_from_slice(payload);
            at += 1 + length;
            if into.len() >= limit {
                break;
            }
        }
        self.start += at;
    }

    /// Bytes that are here and not taken.
    pub(super) fn unread(&self) -> usize {
        self.end - self.start
    }

    /// Free space for the next read.
    pub(super) fn space(&mut self) -> &mut [u8] {
        let unread = self.unread();
        if self.buffer.is_empty() || (self.buffer.len() > LARGEST_KEPT && unread <= LEAST_SPACE) {
            self.start_over();
        } else if unread == 0 {
            self.start = 0;
            self.end = 0;
        } else if self.buffer.len() - self.end < LEAST_SPACE {
            self.make_room();
        }
        &mut self.buffer[self.end..]
    }

    /// So many bytes of the space were filled.
    pub(super) fn filled(&mut self, bytes: usize) {
        self.end = (self.end + bytes).min(self.buffer.len());
    }

    /// Takes the unread rest into a buffer of the usual size: a huge message is over.
    fn start_over(&mut self) {
        let mut buffer = vec![0; BUFFER];
        let unread = &self.buffer[self.start..self.end];
        buffer[..unread.len()].copy_from_slice(unread);
        self.end = unread.len();
        self.start = 0;
        self.buffer = buffer;
    }

    /// Moves the unread rest to the front, and grows where that is not enough. Growth follows the
    /// bytes that came, never the length that a header claims.
    fn make_room(&mut self) {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() - self.end < LEAST_SPACE {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
    }

    /// Bytes of the message that begins here, as far as that is known already.
    fn size_of(&self, unread: &[u8]) -> Result<Option<usize>, String> {
        let Some((&[tag, l0, l1, l2, l3], _)) = unread.split_first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
        let longest = match tag {
            _ if self.at_startup => LONGEST_AT_STARTUP,
            b'd' | b'D' | b'T' | b'E' | b'N' | b'A' | b'V' => LONGEST,
            _ => LONGEST_SHORT,
        };
        if length < 4 || length > longest {
            let name = char::from(tag).escape_default();
            return Err(format!(
                "a message '{name}' claims a length of {length} bytes"
            ));
        }
        Ok(Some(1 + length))
    }
}

/// Reads the fields of a message's body; every read is checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn of(body: &'a [u8]) -> Self {
        Self(body)
    }

    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.bytes(1).map(|bytes| bytes[0])
    }

    pub(super) fn i16(&mut self) -> Option<i16> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(i16::from_be_bytes(*bytes))
    }

    pub(super) fn i32(&mut self) -> Option<i32> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(i32::from_be_bytes(*bytes))
    }

    /// A text that ends with a NUL byte, without it.
    pub(super) fn cstr(&mut self) -> Option<&'a [u8]> {
        let end = memchr::memchr(0, self.0)?;
        let text = self.bytes(end)?;
        self.bytes(1)?;
        Some(text)
    }

    /// All that is left.
    pub(super) fn rest(self) -> &'a [u8] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![tag];
        bytes.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
        bytes.extend_from_slice(body);
        bytes
    }

    fn feed(inbound: &mut Inbound, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let space = inbound.space();
            let count = space.len().min(bytes.len());
            space[..count].copy_from_slice(&bytes[..count]);
            inbound.filled(count);
            bytes = &bytes[count..];
        }
    }

    fn ready() -> Inbound {
        let mut inbound = Inbound::new();
        inbound.startup_is_over();
        inbound
    }

    #[test]
    fn messages_cut_at_any_byte_come_out_whole() {
        let bytes = [
            message(b'd', b"one"),
            message(b'C', b"COPY 1\0"),
            message(b'd', b""),
        ]
        .concat();
        for cut in 0..=bytes.len() {
            let mut inbound = ready();
            let mut seen = Vec::new();
            for part in [&bytes[..cut], &bytes[cut..]] {
                feed(&mut inbound, part);
                while let Some(head) = inbound.head().unwrap() {
                    let frame = inbound.take(head);
                    seen.push((frame.tag, frame.body.to_vec()));
                }
            }
            let expected: Vec<(u8, Vec<u8>)> = vec![
                (b'd', b"one".into()),
                (b'C', b"COPY 1\0".into()),
                (b'd', b"".into()),
            ];
            assert_eq!(seen, expected, "cut at {cut}");
        }
    }

    #[test]
    fn copy_data_stops_at_the_limit_and_in_front_of_other_messages() {
        let mut inbound = ready();
        let rows = [
            message(b'd', b"abc"),
            message(b'd', b"def"),
            message(b'd', b"ghi"),
        ]
        .concat();
        feed(&mut inbound, &[rows, message(b'c', b"")].concat());
        let mut into = b"full already".to_vec();
        inbound.take_copy_data(&mut into, 1);
        assert_eq!(into, b"full alreadyabc");
        inbound.take_copy_data(&mut into, 1000);
        assert_eq!(into, b"full alreadyabcdefghi");
        assert_eq!(inbound.head().unwrap().map(|head| head.tag), Some(b'c'));
    }

    #[test]
    fn lengths_that_make_no_sense_are_refused_before_their_bytes_come() {
        for (tag, length) in [
            (b'd', 3_u32),
            (b'd', (1 << 30) + 1),
            (b'd', u32::MAX),
            (b'Z', 30_001),
        ] {
            let mut inbound = ready();
            feed(&mut inbound, &[&[tag][..], &length.to_be_bytes()].concat());
            assert!(inbound.head().is_err(), "{tag} {length}");
            inbound.take_copy_data(&mut Vec::new(), 1);
        }
    }

    #[test]
    fn a_long_message_before_the_first_ready_for_query_is_refused() {
        let mut inbound = Inbound::new();
        feed(
            &mut inbound,
            &[&b"E"[..], &70_000_u32.to_be_bytes()].concat(),
        );
        assert!(inbound.head().is_err());
    }

    #[test]
    fn the_buffer_shrinks_back_after_a_huge_message() {
        let mut inbound = ready();
        feed(&mut inbound, &message(b'd', &vec![b'x'; 5 * BUFFER]));
        assert!(inbound.buffer.len() > 5 * BUFFER);
        let head = inbound.head().unwrap().unwrap();
        assert_eq!(inbound.take(head).body.len(), 5 * BUFFER);
        assert_eq!(inbound.space().len(), BUFFER);
    }

    #[test]
    fn a_header_alone_makes_the_buffer_not_grow() {
        let mut inbound = ready();
        feed(
            &mut inbound,
            &[&b"d"[..], &(1_u32 << 30).to_be_bytes()].concat(),
        );
        assert_eq!(inbound.head(), Ok(None));
        inbound.space();
        assert_eq!(inbound.buffer.len(), BUFFER);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), limit in 0_usize..50) {
            let mut inbound = ready();
            feed(&mut inbound, &bytes);
            let mut into = Vec::new();
            while let Ok(Some(head)) = inbound.head() {
                inbound.take_copy_data(&mut into, limit);
                if inbound.head() == Ok(Some(head)) {
                    let mut fields = Fields::of(inbound.take(head).body);
                    let _ = (fields.i16(), fields.cstr(), fields.i32(), fields.u8(), fields.bytes(limit));
                }
            }
        }
    }
}
