//! The fields of a row, and the values that they stand for.

use std::borrow::Cow;

use memchr::memchr;

/// COPY's text of NULL.
pub(super) const NULL: &[u8] = b"\\N";

/// The values of a row (its COPY text without the newline) as the server printed them; `None` is NULL.
///
/// ```
/// use wire9::copytext::values;
///
/// let row: Vec<_> = values(b"7\t\\N\ta\\tb").collect();
/// assert_eq!(row[0].as_deref(), Some(&b"7"[..]));
/// assert_eq!((&row[1], row[2].as_deref()), (&None, Some(&b"a\tb"[..])));
/// ```
pub fn values(row: &[u8]) -> impl Iterator<Item = Option<Cow<'_, [u8]>>> {
    fields(row).map(|field| (field != NULL).then(|| unescaped(field)))
}

/// The fields of a row.
pub(super) fn fields(row: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(row);
    std::iter::from_fn(move || {
        let text = rest?;
        let (field, after) = match memchr(b'\t', text) {
            Some(tab) => (&text[..tab], Some(&text[tab + 1..])),
            None => (text, None),
        };
        rest = after;
        Some(field)
    })
}

/// COPY's escapes undone: what the server printed.
pub fn unescaped(field: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'\\', field).is_none() {
        return Cow::Borrowed(field);
    }
    let mut out = Vec::with_capacity(field.len());
    let mut bytes = field.iter();
    while let Some(&byte) = bytes.next() {
        let plain = match (byte, byte == b'\\') {
            (_, false) => byte,
            (_, true) => match bytes.next() {
                Some(b'b') => 0x08,
                Some(b'f') => 0x0c,
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(b'v') => 0x0b,
                Some(&other) => other,
                None => b'\\',
            },
        };
        out.push(plain);
    }
    Cow::Owned(out)
}
