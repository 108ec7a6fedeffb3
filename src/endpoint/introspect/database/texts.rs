//! Texts that `pg_get_…` functions print. They raise on corrupt objects, and some lock the tables that an
//! object names: so they are asked for in statements of their own, in ranges of OIDs, of which one that is
//! refused is halved until the object is found that the server can not print.

use std::collections::HashMap;

use super::super::answer::guarded;
use super::reading::Reading;
use crate::endpoint::error::Result;

/// Objects per statement where printing takes no lock.
pub(super) const MANY: usize = 5_000;

/// Objects per statement where printing locks the tables that they name: all of them stay locked until the
/// statement ends, and a server has room for 6,400 locks.
pub(super) const LOCKING: usize = 200;

/// Texts by OID and part (a column's number, or 0), and why others are missing.
#[derive(Default)]
pub(super) struct Texts {
    found: HashMap<(u32, i32), String>,
    refused: HashMap<u32, String>,
}

impl Texts {
    /// Takes a text.
    pub(super) fn take(&mut self, oid: u32, part: i32) -> Option<String> {
        self.found.remove(&(oid, part))
    }
}

impl Reading<'_> {
    /// Asks for the texts of objects. The statement answers OID, part and text, and holds `{range}` where
    /// it compares the OID.
    pub(super) async fn texts(
        &mut self,
        what: &str,
        mut objects: Vec<u32>,
        sql: &str,
        at_once: usize,
    ) -> Result<Texts> {
        objects.sort_unstable();
        let mut texts = Texts::default();
        let mut open: Vec<&[u32]> = objects.chunks(at_once).rev().collect();
        while let Some(some) = open.pop() {
            let (Some(first), Some(last)) = (some.first(), some.last()) else {
                continue;
            };
            let sql = sql.replace("{range}", &format!("BETWEEN {first} AND {last}"));
            let mut found = Vec::new();
            let answer = guarded(self.connection, what, &sql, self.patience, |f| {
                if let Some(text) = f.owned(2) {
                    found.push(((f.number(0)?, f.number(1)?), text));
                }
                Ok(())
            });
            match answer.await? {
                Ok(()) => texts.found.extend(found),
                Err(refusal) => {
                    self.patience.after(&refusal);
                    if some.len() == 1 {
                        texts.refused.insert(*first, refusal.to_string());
                    } else {
                        open.extend([&some[some.len() / 2..], &some[..some.len() / 2]]);
                    }
                }
            }
        }
        Ok(texts)
    }

    /// Takes a text that must be there; a missing one is noted with the object's name.
    pub(super) fn text(
        &mut self,
        texts: &mut Texts,
        (oid, part): (u32, i32),
        named: impl FnOnce() -> String,
    ) -> Option<String> {
        let found = texts.take(oid, part);
        if found.is_none() {
            let why = texts.refused.get(&oid);
            let why = why.map_or("it was dropped meanwhile, or its entry is broken", |why| {
                why
            });
            let note = format!("the definition of {} could not be read: {why}", named());
            self.note(note);
        }
        found
    }
}
