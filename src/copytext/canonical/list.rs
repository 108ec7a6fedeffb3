//! Arrays whose elements are compared by value.

use super::{Form, scalar};

/// The array with each element in its one form, quoted where it was.
///
/// `text` is the array as the server prints it, with COPY's escapes undone. Bounds and braces are kept
/// as they are: they count.
pub(super) fn canonical(text: &[u8], form: Form) -> Option<Vec<u8>> {
    let body = body_start(text)?;
    let mut out = text[..body].to_vec();
    let mut rest = &text[body..];
    while let Some((&byte, after)) = rest.split_first() {
        rest = match byte {
            b'{' | b'}' | b',' => {
                out.push(byte);
                after
            }
            b'"' => {
                let (element, after) = quoted(after)?;
                // Quotes are kept: "NULL" is a text, NULL is none.
                out.push(b'"');
                out.extend(length_first(&scalar(form, &element).unwrap_or(element)));
                after
            }
            _ => {
                let length = memchr::memchr2(b',', b'}', rest)?;
                let element = &rest[..length];
                // As above: what needs quotes and what does not must not look alike.
                match element {
                    b"NULL" => out.extend_from_slice(element),
                    element => {
                        out.push(b'"');
                        let plain = || element.to_vec();
                        out.extend(length_first(&scalar(form, element).unwrap_or_else(plain)));
                    }
                }
                &rest[length..]
            }
        };
    }
    Some(out)
}

/// Where the first brace is, behind the bounds.
fn body_start(text: &[u8]) -> Option<usize> {
    match text.first()? {
        b'{' => Some(0),
        b'[' => Some(memchr::memchr(b'=', text)? + 1),
        _ => None,
    }
}

/// An element behind its opening quote, without its escapes, and what follows its closing quote.
fn quoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut element = Vec::new();
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'"' => return Some((element, &text[at + 1..])),
            b'\\' => {
                element.push(*text.get(at + 1)?);
                at += 2;
            }
            byte => {
                element.push(*byte);
                at += 1;
            }
        }
    }
}

/// An element behind its length, so that no element can pretend to be two.
fn length_first(element: &[u8]) -> Vec<u8> {
    let mut out = format!("{}:", element.len()).into_bytes();
    out.extend_from_slice(element);
    out
}
