//! Numbers by value.

/// `numeric` as sign, digits without zeros at either end, and the exponent of the last one.
pub(super) fn numeric(text: &[u8]) -> Option<Vec<u8>> {
    if let Some(special) = special(text) {
        return Some(special.to_vec());
    }
    let (sign, unsigned) = signed(text);
    let (mantissa, exponent) = split_exponent(unsigned)?;
    let point = memchr::memchr(b'.', mantissa);
    let (whole, fraction) = match point {
        Some(at) => (&mantissa[..at], &mantissa[at + 1..]),
        None => (mantissa, &mantissa[..0]),
    };
    let digits = [whole, fraction].concat();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let Some(last) = digits.iter().rposition(|d| *d != b'0') else {
        return Some(b"0".to_vec());
    };
    let first = digits.iter().position(|d| *d != b'0')?;
    let dropped = i64::try_from(digits.len() - 1 - last).ok()?;
    let exponent = exponent
        .checked_sub(i64::try_from(fraction.len()).ok()?)?
        .checked_add(dropped)?;
    let mut form = sign.to_vec();
    form.extend_from_slice(&digits[first..=last]);
    form.extend_from_slice(format!("e{exponent}").as_bytes());
    Some(form)
}

/// `real` by its 32 bits.
pub(super) fn float4(text: &[u8]) -> Option<Vec<u8>> {
    if let Some(special) = special(text) {
        return Some(special.to_vec());
    }
    let value: f32 = plain(text)?.parse().ok()?;
    let kept = value.is_finite() && (value != 0.0 || is_zero(text));
    kept.then(|| format!("{value:e}").into_bytes())
}

/// `double precision` by its 64 bits.
pub(super) fn float8(text: &[u8]) -> Option<Vec<u8>> {
    if let Some(special) = special(text) {
        return Some(special.to_vec());
    }
    let value: f64 = plain(text)?.parse().ok()?;
    let kept = value.is_finite() && (value != 0.0 || is_zero(text));
    kept.then(|| format!("{value:e}").into_bytes())
}

/// Whether no digit before the exponent counts. A value beyond the range of its type (a target may have
/// a wider one) keeps its text: as infinity, or as zero, it would look like others.
fn is_zero(text: &[u8]) -> bool {
    let mantissa = text.split(|b| matches!(b, b'e' | b'E')).next();
    let mut digits = mantissa.unwrap_or_default().iter();
    digits.all(|b| !matches!(b, b'1'..=b'9'))
}

/// What is no number of digits, in PostgreSQL's spelling.
fn special(text: &[u8]) -> Option<&'static [u8]> {
    let (sign, word) = signed(text);
    let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    match () {
        () if is("nan") => Some(b"NaN"),
        () if (is("infinity") || is("inf")) && sign.is_empty() => Some(b"Infinity"),
        () if is("infinity") || is("inf") => Some(b"-Infinity"),
        () => None,
    }
}

/// The minus, and the rest.
fn signed(text: &[u8]) -> (&[u8], &[u8]) {
    match text.first() {
        Some(b'-') => text.split_at(1),
        Some(b'+') => (&text[..0], &text[1..]),
        _ => (&text[..0], text),
    }
}

fn split_exponent(text: &[u8]) -> Option<(&[u8], i64)> {
    match text.iter().position(|b| matches!(b, b'e' | b'E')) {
        None => Some((text, 0)),
        Some(at) => {
            let exponent = std::str::from_utf8(&text[at + 1..]).ok()?;
            Some((&text[..at], exponent.parse().ok()?))
        }
    }
}

/// Text of digits, sign, point and exponent alone: what Rust reads besides is not PostgreSQL's.
fn plain(text: &[u8]) -> Option<&str> {
    let is_part = |b: &u8| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E');
    text.iter().all(is_part).then_some(())?;
    std::str::from_utf8(text).ok()
}
