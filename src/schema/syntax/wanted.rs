//! Rewrites, prepared: which words of a text could be meant by them, so that most texts need no parser.

use std::collections::{HashMap, HashSet};

use super::Rewrites;
use super::lexer::{Kind, Lexed};
use super::type_name::{TypeKey, type_spellings};
use crate::catalog::database::Name;

/// Rewrites, and the words that they are about.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    pub(super) rewrites: Rewrites,
    /// Types that become others.
    pub(super) types: HashMap<TypeKey, String>,
    /// Types of users that become others, by their names alone, where only one has the name.
    pub(super) bare_types: HashMap<String, String>,
    /// Names that change themselves, and not only their schema: `users` for `public.users` → `app.accounts`.
    moved: HashSet<String>,
    words: HashSet<String>,
    /// Words that need quotes: looked for inside of strings as they are.
    odd_words: Vec<String>,
}

/// How far a text is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Concern {
    /// Nothing in it can be meant.
    Nothing,
    /// Only `nextval` is there to be rewritten.
    Nextval,
    /// A name or type may be meant.
    Names,
}

impl Wanted {
    pub(super) fn new(rewrites: &Rewrites) -> Self {
        let renamed = rewrites.names.iter().filter(|(from, to)| from != to);
        let mut wanted = Self {
            rewrites: rewrites.clone(),
            ..Self::default()
        };
        for (from, to) in renamed {
            wanted.word(&from.name);
            if from.name != to.name {
                wanted.moved.insert(from.name.clone());
            }
        }
        for (from, to) in &rewrites.schemas {
            if from != to {
                wanted.word(from);
            }
        }
        for (from, to) in &rewrites.types {
            wanted.mapped_type(from, to);
        }
        wanted
    }

    fn word(&mut self, word: &str) {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !word.chars().all(plain) && !self.odd_words.iter().any(|odd| odd == word) {
            self.odd_words.push(word.to_owned());
        }
        self.words.insert(word.to_owned());
    }

    fn mapped_type(&mut self, from: &str, to: &str) {
        let Some(key) = TypeKey::from_sql(from) else {
            return;
        };
        for spelling in type_spellings(&key.name) {
            let first = spelling.split(' ').next().unwrap_or(spelling);
            self.words.insert(first.to_owned());
        }
        self.word(&key.name);
        if !key.schema.is_empty() && !key.array {
            let bare = from.rsplit('.').next().unwrap_or(from);
            let twice = self.bare_types.contains_key(bare);
            if !twice {
                self.bare_types.insert(bare.to_owned(), to.to_owned());
            }
        }
        self.types.insert(key, to.to_owned());
    }

    /// Whether a name without its schema is one that gets another name.
    pub(super) fn moves(&self, bare: &str) -> bool {
        self.moved.contains(bare)
    }

    /// What a qualified name becomes; `None` where it stays.
    pub(super) fn renamed(&self, schema: &str, name: &str) -> Option<Name> {
        let old = Name::new(schema, name);
        if let Some(new) = self.rewrites.names.get(&old) {
            return (new != &old).then(|| new.clone());
        }
        let schema = self.schema(schema)?;
        Some(Name::new(schema, name))
    }

    /// What a schema becomes; `None` where it stays.
    pub(super) fn schema(&self, schema: &str) -> Option<&str> {
        let new = self.rewrites.schemas.get(schema)?;
        (new != schema).then_some(new.as_str())
    }

    /// How far a text is concerned.
    pub(super) fn concern(&self, lexed: &Lexed<'_>) -> Concern {
        let mut concern = Concern::Nothing;
        for (index, token) in lexed.tokens.iter().enumerate() {
            match token.kind {
                Kind::Word | Kind::Quoted => {
                    let name = lexed.name(index);
                    if self.words.contains(name.as_ref()) {
                        return Concern::Names;
                    }
                    if self.rewrites.plain_nextval && name == "nextval" {
                        concern = Concern::Nextval;
                    }
                }
                Kind::Text => match self.concern_of_text(lexed.raw(index)) {
                    Concern::Names => return Concern::Names,
                    Concern::Nextval => concern = Concern::Nextval,
                    Concern::Nothing => {}
                },
                _ => {}
            }
        }
        concern
    }

    /// A string may be cast to regclass, or be a body.
    pub(super) fn concern_of_text(&self, raw: &str) -> Concern {
        if self.odd_words.iter().any(|odd| raw.contains(odd.as_str())) {
            return Concern::Names;
        }
        // An escape may hide any word.
        if raw.starts_with(['E', 'e', 'U', 'u']) && raw.contains('\\') && !self.words.is_empty() {
            return Concern::Names;
        }
        let mut concern = Concern::Nothing;
        for word in raw.split(|c: char| !(c.is_alphanumeric() || c == '_')) {
            if word.is_empty() {
                continue;
            }
            let folded = word.to_ascii_lowercase();
            if self.words.contains(word) || self.words.contains(&folded) {
                return Concern::Names;
            }
            if self.rewrites.plain_nextval && folded == "nextval" {
                concern = Concern::Nextval;
            }
        }
        concern
    }
}

#[cfg(feature = "parser")]
impl Wanted {
    /// Whether a string inside of a body is concerned.
    pub(super) fn concern_of_strings(&self, body: &str) -> Result<bool, super::NotParsed> {
        let lexed = Lexed::new(body)?;
        Ok((0..lexed.tokens.len()).any(|at| {
            lexed.tokens[at].kind == Kind::Text
                && super::rewrite::registry(&lexed, at).is_none()
                && self.concern_of_text(lexed.raw(at)) == Concern::Names
        }))
    }
}
