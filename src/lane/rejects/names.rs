//! Names of files: one stem for each `schema.table`, always the same, safe on every file system.

use crate::catalog::TableName;
use crate::copytext::Digest;

/// The longest stem in bytes: with the endings and `.new` it stays below the 255 of usual file systems.
const LONGEST: usize = 200;

/// `public.orders`; what is neither a letter, a digit, `_` nor `-` is written `%XX`, so that the point
/// between schema and name is the only one. A stem that would be too long is cut and ends with a hash of
/// the whole.
pub(super) fn stem(table: &TableName) -> String {
    let whole = format!("{}.{}", encoded(&table.schema), encoded(&table.name));
    if whole.len() <= LONGEST {
        return whole;
    }
    let mut hash = Digest::default();
    hash.add_row(whole.as_bytes());
    let hash = format!("~{:032x}", hash.sum);
    format!("{}{hash}", &whole[..LONGEST - hash.len()])
}

fn encoded(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(schema: &str, name: &str) -> String {
        stem(&TableName::new(schema, name))
    }

    #[test]
    fn a_plain_name_is_its_own_and_others_stay_within_the_folder() {
        assert_eq!(of("public", "orders"), "public.orders");
        assert_eq!(of("..", "/etc/passwd"), "%2E%2E.%2Fetc%2Fpasswd");
        assert_eq!(of("a b", "c\n%d"), "a%20b.c%0A%25d");
    }

    #[test]
    fn two_tables_never_share_a_stem() {
        assert_ne!(of("a.b", "c"), of("a", "b.c"));
        assert_ne!(of("a%2E", "b"), of("a.", "b"));
        let (one, other) = ("ä".repeat(31), format!("{}a", "ä".repeat(30)));
        assert_ne!(of(&one, &one), of(&one, &other));
    }

    #[test]
    fn a_long_name_is_cut_to_what_file_systems_take() {
        let name = "ä".repeat(31);
        let stem = of(&name, &name);
        assert_eq!(stem.len(), LONGEST);
        assert_eq!(stem, of(&name, &name), "it is always the same");
    }
}
