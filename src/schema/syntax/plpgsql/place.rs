//! Where the SQL texts that the parser tells stand in their body: it does not say.
//!
//! A text is found by its tokens. They are those of the body, but that an INTO clause is cut out of
//! it, and that PERFORM is told as SELECT. Where the same tokens stand in several places, the same edits are right in all of them, or two
//! texts disagree about a place, and the body is not rewritten.

use super::super::NotParsed;
use super::super::lexer::{Kind, Lexed};
use super::super::rewrite::{self, Edit, Role, Roles};
use super::super::wanted::{Concern, Wanted};
use super::declared::declared;

/// The tokens of a body, and which of them are part of an SQL text.
pub(super) struct Covered<'b> {
    body: &'b Lexed<'b>,
    is_sql: Vec<bool>,
    /// Per token that an SQL text covers: what each text says about it.
    said: Vec<Option<Option<Edit>>>,
}

impl<'b> Covered<'b> {
    pub(super) fn new(body: &'b Lexed<'b>) -> Self {
        Self {
            body,
            is_sql: vec![false; body.tokens.len()],
            said: vec![None; body.tokens.len()],
        }
    }

    /// Finds a text, and adds its edits in terms of the body.
    pub(super) fn add(
        &mut self,
        sql: &str,
        found: &[Edit],
        edits: &mut Vec<Edit>,
    ) -> Result<(), NotParsed> {
        let text = Lexed::new(sql)?;
        if text.tokens.is_empty() {
            return Ok(());
        }
        let mut matches = self.places(&text).peekable();
        if matches.peek().is_none() {
            if found.is_empty() {
                return Ok(());
            }
            return Err(NotParsed(
                "a statement of its body is not found again".to_owned(),
            ));
        }
        for place in matches.collect::<Vec<_>>() {
            self.cover(&text, &place, found, edits)?;
        }
        Ok(())
    }

    /// All places of a text: the body's token for each of its tokens.
    fn places(&self, text: &Lexed<'_>) -> impl Iterator<Item = Vec<usize>> {
        let starts = 0..self.body.tokens.len();
        starts.filter_map(|start| self.matching(text, start))
    }

    fn matching(&self, text: &Lexed<'_>, start: usize) -> Option<Vec<usize>> {
        let same = |at: usize, inner: usize| {
            let same = at < self.body.tokens.len() && self.body.raw(at) == text.raw(inner);
            // The parser tells PERFORM as the SELECT that it is.
            let perform = inner == 0 && self.body.is_word(at, "perform");
            same || (perform && text.is_word(0, "select"))
        };
        let mut place = Vec::with_capacity(text.tokens.len());
        let mut at = start;
        let mut cut = false;
        for inner in 0..text.tokens.len() {
            if !same(at, inner) || (!cut && self.is_into(at, text, inner)) {
                if cut || inner == 0 || !self.body.is_word(at, "into") {
                    return None;
                }
                cut = true;
                at = (at..self.body.tokens.len())
                    .take_while(|&next| !self.body.is_symbol(next, ";"))
                    .find(|&next| same(next, inner))?;
            }
            place.push(at);
            at += 1;
        }
        Some(place)
    }

    /// An INTO in the body where the text goes on otherwise.
    fn is_into(&self, at: usize, text: &Lexed<'_>, inner: usize) -> bool {
        self.body.is_word(at, "into") && !text.is_word(inner, "into")
    }

    fn cover(
        &mut self,
        text: &Lexed<'_>,
        place: &[usize],
        found: &[Edit],
        edits: &mut Vec<Edit>,
    ) -> Result<(), NotParsed> {
        for (inner, &at) in place.iter().enumerate() {
            let token = text.tokens[inner];
            let touching = found
                .iter()
                .find(|edit| edit.start <= token.start && token.end <= edit.end);
            let moved = match touching {
                Some(edit) => Some(self.moved(text, place, edit)?),
                None => None,
            };
            self.is_sql[at] = true;
            match &self.said[at] {
                Some(before) if *before != moved => {
                    let why = "two statements of its body disagree about a name";
                    return Err(NotParsed(why.to_owned()));
                }
                _ => self.said[at] = Some(moved.clone()),
            }
            edits.extend(moved);
        }
        let inserted = found.iter().filter(|edit| edit.start == edit.end);
        for edit in inserted {
            edits.push(self.moved(text, place, edit)?);
        }
        Ok(())
    }

    /// An edit of a text in terms of the body.
    fn moved(&self, text: &Lexed<'_>, place: &[usize], edit: &Edit) -> Result<Edit, NotParsed> {
        let lost = || NotParsed("a name of its body is not found again".to_owned());
        let end_of = |byte: usize| {
            let inner = text.tokens.iter().position(|t| t.end == byte)?;
            Some(self.body.tokens[*place.get(inner)?].end)
        };
        let start_of = |byte: usize| {
            let inner = text.at(byte)?;
            Some(self.body.tokens[*place.get(inner)?].start)
        };
        let end = end_of(edit.end).ok_or_else(lost)?;
        let start = if edit.start == edit.end {
            end
        } else {
            start_of(edit.start).ok_or_else(lost)?
        };
        Ok(Edit {
            start,
            end,
            with: edit.with.clone(),
        })
    }

    /// The edits of what is no SQL text: the types of declarations.
    pub(super) fn edits_between(&self, wanted: &Wanted) -> Result<Vec<Edit>, NotParsed> {
        let mut roles = Roles::default();
        let mut types = Vec::new();
        for (_, span) in declared(self.body) {
            if let Some(token) = self.body.get(span.first) {
                roles.names.insert(token.start, Role::Type);
            }
            types.push(span.first..span.array_end.max(span.first + 1));
        }
        for (at, token) in self.body.tokens.iter().enumerate() {
            let declared = types.iter().any(|range| range.contains(&at));
            if declared || self.is_sql[at] {
                continue;
            }
            self.must_be_clear(at, token.kind, wanted)?;
            roles.names.insert(token.start, Role::Other);
        }
        let all = rewrite::edits(self.body, Some(&roles), wanted)?;
        let in_sql = |edit: &Edit| {
            let at = self.body.at(edit.start);
            at.is_some_and(|at| self.is_sql[at] && !types.iter().any(|range| range.contains(&at)))
        };
        Ok(all.into_iter().filter(|edit| !in_sql(edit)).collect())
    }

    /// Outside of SQL texts and types nothing may be meant by a replacement: a qualified name there is one
    /// that was not understood.
    fn must_be_clear(&self, at: usize, kind: Kind, wanted: &Wanted) -> Result<(), NotParsed> {
        let qualified = matches!(kind, Kind::Word | Kind::Quoted)
            && self.body.is_symbol(at + 1, ".")
            && self.body.is_name(at + 2);
        if !qualified {
            return Ok(());
        }
        let (schema, name) = (self.body.name(at), self.body.name(at + 2));
        if wanted.renamed(&schema, &name).is_some() && wanted.concern(self.body) == Concern::Names {
            return Err(NotParsed("a name of its body is not understood".to_owned()));
        }
        Ok(())
    }
}
