//! JSON by value.

use serde_json::Value;

use super::number;

/// Keys in order, the last of equal ones, no white space, numbers by value.
pub(super) fn canonical(text: &[u8]) -> Option<Vec<u8>> {
    let value: Value = serde_json::from_slice(text).ok()?;
    let mut out = Vec::with_capacity(text.len());
    write(&value, &mut out)?;
    Some(out)
}

fn write(value: &Value, out: &mut Vec<u8>) -> Option<()> {
    match value {
        Value::Number(number) => {
            out.extend(number::numeric(number.to_string().as_bytes())?);
        }
        Value::Array(items) => {
            out.push(b'[');
            for item in items {
                write(item, out)?;
                out.push(b',');
            }
            out.push(b']');
        }
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            // The map is in order by itself unless some crate asks serde_json for another one.
            entries.sort_by_key(|(key, _)| *key);
            out.push(b'{');
            for (key, item) in entries {
                serde_json::to_writer(&mut *out, key).ok()?;
                out.push(b':');
                write(item, out)?;
                out.push(b',');
            }
            out.push(b'}');
        }
        plain => serde_json::to_writer(out, plain).ok()?,
    }
    Some(())
}
