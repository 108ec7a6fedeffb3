//! The fuzz target of this layer: files of rejected rows, which people edit.

use super::rejects::{Header, Record};
use super::untranslatable::escaped;

/// Any bytes as a `.copy` and as a `.jsonl`: what is read as a line is written so that it is read again, and a
/// row with escaped bytes is found at the begin of one.
pub fn rejects(data: &[u8]) {
    if let Some(at) = escaped(data) {
        assert!(
            at == 0 || data[at - 1] == b'\n',
            "{at} is no begin of a row"
        );
        assert_eq!(escaped(&data[..at]), None, "it is the first one");
        let row = &data[at..];
        assert_eq!(escaped(row), Some(0), "it is found again");
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    for line in text.lines() {
        if let Ok(record) = serde_json::from_str::<Record>(line) {
            let again = serde_json::to_string(&record).expect("names and numbers are JSON");
            assert_eq!(serde_json::from_str::<Record>(&again).ok(), Some(record));
        }
        if let Ok(header) = serde_json::from_str::<Header>(line) {
            let again = serde_json::to_string(&header).expect("names are JSON");
            assert_eq!(serde_json::from_str::<Header>(&again).ok(), Some(header));
        }
    }
}
