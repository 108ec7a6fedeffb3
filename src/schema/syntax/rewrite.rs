//! The rewriting: edits of a text, token by token, so that what is not concerned stays as it is written.
//!
//! What a name is (a relation, a function, a type, a column) is told by [`Roles`] from PostgreSQL's
//! parse tree, or, without one, from the tokens around it; where those do not tell, the text is not
//! rewritten.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::NotParsed;
use super::lexer::{Kind, Lexed};
use super::type_name::{TypeKey, TypeSpan, chain, type_span};
use super::wanted::Wanted;
use crate::catalog::database::Name;
use crate::catalog::readable;
use crate::sql;

/// What names of a text are: by the byte at which they begin.
#[derive(Debug, Default)]
pub(super) struct Roles {
    pub(super) names: BTreeMap<usize, Role>,
    /// Names of WITH queries.
    pub(super) with: BTreeSet<String>,
    /// First and second parts of columns: tables may be meant.
    pub(super) qualifiers: BTreeSet<String>,
}

/// What a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "parser"), allow(dead_code))] // tokens alone do not tell them all
pub(super) enum Role {
    /// A relation.
    Relation {
        /// It could have an alias, and has none.
        bare: bool,
    },
    /// A function that is called.
    Function,
    /// A type.
    Type,
    /// A column.
    Column,
    /// A field, a label: nothing that is renamed.
    Other,
}

/// One replacement of bytes `start..end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) with: String,
}

/// Finds the edits of a text. `roles` are those of its parse tree, if there is one.
pub(super) fn edits(
    lexed: &Lexed<'_>,
    roles: Option<&Roles>,
    wanted: &Wanted,
) -> Result<Vec<Edit>, NotParsed> {
    let mut pass = Pass {
        lexed,
        roles,
        alone: roles.map_or_else(|| standing_alone(lexed), |_| HashSet::new()),
        wanted,
        edits: Vec::new(),
    };
    let mut at = 0;
    while at < lexed.tokens.len() {
        at = pass.token(at)?;
    }
    Ok(pass.edits)
}

/// The text with the edits made.
pub(super) fn apply(text: &str, mut edits: Vec<Edit>) -> Result<String, NotParsed> {
    edits.sort_by_key(|edit| (edit.start, edit.end));
    edits.dedup();
    let mut result = String::with_capacity(text.len() + 16 * edits.len());
    let mut at = 0;
    for edit in &edits {
        if edit.start < at {
            let why = format!("two things are meant at byte {}", edit.start);
            return Err(NotParsed(why));
        }
        result.push_str(&text[at..edit.start]);
        result.push_str(&edit.with);
        at = edit.end;
    }
    result.push_str(&text[at..]);
    Ok(result)
}

struct Pass<'p> {
    lexed: &'p Lexed<'p>,
    roles: Option<&'p Roles>,
    /// Without roles: names that something in the text may be called by.
    alone: HashSet<String>,
    wanted: &'p Wanted,
    edits: Vec<Edit>,
}

impl Pass<'_> {
    /// Looks at one token or what begins with it; the number of the token to go on with.
    fn token(&mut self, at: usize) -> Result<usize, NotParsed> {
        let lexed = self.lexed;
        if let Some(items) = search_path(lexed, at) {
            return Ok(self.search_path(items));
        }
        if lexed.get(at).is_some_and(|t| t.kind == Kind::Text) {
            self.string(at)?;
            return Ok(at + 1);
        }
        if !lexed.is_name(at) {
            return Ok(at + 1);
        }
        let (parts, after) = chain(lexed, at);
        let selected = at > 0 && lexed.is_symbol(at - 1, ".");
        if selected {
            return Ok(after);
        }
        if parts.len() == 1 && (self.names_schema(at) || self.of_operator(at, after)) {
            if let Some(new) = self.wanted.schema(&parts[0]) {
                self.replace(at, at + 1, sql::identifier(new));
            }
            return Ok(after);
        }
        if parts.last().is_some_and(|name| name == "nextval")
            && let Some(closing) = self.nextval(after)?
        {
            return Ok(closing + 1);
        }
        match self.role(at, &parts, after)? {
            // `RETURNS TABLE (a money)`: the parser has the row as a type of that place.
            Some(Role::Type) if lexed.is_word(at, "table") => {}
            Some(Role::Type) => return self.type_name(at),
            Some(Role::Relation { bare }) => self.relation(at, &parts, after, bare)?,
            Some(Role::Function) if parts.len() == 1 => self.must_not_move(&parts[0])?,
            Some(Role::Column) => self.column(at, &parts, after),
            Some(Role::Other) => {}
            Some(Role::Function) | None => self.qualified(at, &parts),
        }
        Ok(after)
    }

    fn role(&self, at: usize, parts: &[String], after: usize) -> Result<Option<Role>, NotParsed> {
        let start = self.lexed.tokens[at].start;
        match self.roles {
            Some(roles) => Ok(roles.names.get(&start).copied()),
            None => self.role_by_tokens(at, parts, after),
        }
    }

    /// What the tokens around a name tell; an error where that is not enough.
    fn role_by_tokens(
        &self,
        at: usize,
        parts: &[String],
        after: usize,
    ) -> Result<Option<Role>, NotParsed> {
        let lexed = self.lexed;
        let literal = lexed.get(after).is_some_and(|t| t.kind == Kind::Text);
        if at > 0 && lexed.is_symbol(at - 1, "::") || cast_target(lexed, at) {
            return Ok(Some(Role::Type));
        }
        let mapped = || type_span(lexed, at).is_some_and(|span| self.mapped(&span).is_some());
        if parts.len() == 1 && literal && mapped() {
            return Ok(Some(Role::Type));
        }
        if parts.len() == 1 {
            // `a money` may define a column, or be an alias.
            let follows = at > 0 && lexed.is_name(at - 1) && !is_plain_keyword(lexed, at - 1);
            return if (follows && mapped()) || self.wanted.moves(&parts[0]) {
                Err(unclear(&parts[0]))
            } else {
                Ok(Some(Role::Other))
            };
        }
        if self.wanted.renamed(&parts[0], &parts[1]).is_some() || mapped() {
            return self.qualified_role_by_tokens(at, parts, after);
        }
        Ok(Some(Role::Other))
    }

    /// `a.b` is a table, function or type of the schema `a`, unless something in the text is called `a`.
    fn qualified_role_by_tokens(
        &self,
        at: usize,
        parts: &[String],
        after: usize,
    ) -> Result<Option<Role>, NotParsed> {
        let lexed = self.lexed;
        if self.alone.contains(&parts[0]) {
            return Err(unclear(&parts[0]));
        }
        if lexed.is_symbol(after, "(") {
            return Ok(Some(Role::Function));
        }
        let follows = at > 0 && lexed.is_name(at - 1) && !is_plain_keyword(lexed, at - 1);
        if follows && type_span(lexed, at).is_some_and(|span| self.mapped(&span).is_some()) {
            return Err(unclear(&parts[1]));
        }
        Ok(None)
    }

    /// A relation, with an alias of its old name where columns are called by that.
    fn relation(
        &mut self,
        at: usize,
        parts: &[String],
        after: usize,
        bare: bool,
    ) -> Result<(), NotParsed> {
        let [.., schema, name] = parts else {
            let known = self
                .roles
                .is_some_and(|roles| roles.with.contains(&parts[0]));
            return if known {
                Ok(())
            } else {
                self.must_not_move(&parts[0])
            };
        };
        let Some(new) = self.wanted.renamed(schema, name) else {
            return Ok(());
        };
        let called = self
            .roles
            .is_some_and(|roles| roles.qualifiers.contains(name));
        self.replace(at, after, new.quoted());
        if new.name != *name && called {
            if !bare {
                return Ok(());
            }
            let end = self.end_of_relation(at, after);
            self.insert(end, format!(" AS {}", sql::identifier(name)));
        }
        Ok(())
    }

    /// The byte after a relation in FROM: `ONLY (a.b)`, `a.b *`.
    fn end_of_relation(&self, at: usize, after: usize) -> usize {
        let lexed = self.lexed;
        let wrapped = at > 1
            && lexed.is_symbol(at - 1, "(")
            && lexed.is_word(at - 2, "only")
            && lexed.is_symbol(after, ")");
        let last = if wrapped || lexed.is_symbol(after, "*") {
            after
        } else {
            after - 1
        };
        lexed.get(last).map_or(0, |token| token.end)
    }

    /// `schema.table.column` follows its table.
    fn column(&mut self, at: usize, parts: &[String], after: usize) {
        let star = self.lexed.is_symbol(after, ".") && self.lexed.is_symbol(after + 1, "*");
        if parts.len() < 3 && !(star && parts.len() == 2) {
            return;
        }
        let Some(new) = self.wanted.renamed(&parts[0], &parts[1]) else {
            return;
        };
        // A table that gets another name keeps the old one as its alias.
        let with = if new.name == parts[1] {
            new.quoted()
        } else {
            sql::identifier(&parts[1])
        };
        self.replace(at, at + 3, with);
    }

    /// Any other qualified name: it follows its object.
    fn qualified(&mut self, at: usize, parts: &[String]) {
        if parts.len() < 2 || self.is_setting(at) {
            return;
        }
        if let Some(new) = self.wanted.renamed(&parts[0], &parts[1]) {
            self.replace(at, at + 3, new.quoted());
        }
    }

    /// `SET app.user TO …`: a setting's name.
    fn is_setting(&self, at: usize) -> bool {
        let before = at.checked_sub(1);
        before.is_some_and(|b| self.lexed.is_word(b, "set"))
            && (self.lexed.is_word(at + 3, "to") || self.lexed.is_symbol(at + 3, "="))
    }

    /// `CREATE SCHEMA a`, `GRANT … ON SCHEMA a`: where the tree is there, and `SCHEMA` is no column.
    fn names_schema(&self, at: usize) -> bool {
        let Some(roles) = self.roles else {
            return false;
        };
        let exists = at > 3 && self.lexed.is_word(at - 1, "exists");
        let before = at.checked_sub(if exists { 4 } else { 1 });
        before.is_some_and(|before| {
            let start = self.lexed.tokens[before].start;
            self.lexed.is_word(before, "schema") && !roles.names.contains_key(&start)
        })
    }

    /// `OPERATOR(a.+)`, `CREATE OPERATOR a.+`: a name before an operator that is no column's `.*`.
    fn of_operator(&self, at: usize, after: usize) -> bool {
        let operator = self.lexed.is_symbol(after, ".")
            && !self.lexed.is_name(after + 1)
            && self.lexed.get(after + 1).is_some();
        let written =
            at > 1 && self.lexed.is_symbol(at - 1, "(") && self.lexed.is_word(at - 2, "operator");
        let start = self.lexed.tokens[at].start;
        let unknown = |roles: &Roles| !roles.names.contains_key(&start);
        operator && (written || self.roles.is_some_and(unknown))
    }

    fn must_not_move(&self, name: &str) -> Result<(), NotParsed> {
        if self.wanted.moves(name) {
            let name = readable(name);
            return Err(NotParsed(format!(
                "it names {name}, which gets another name, without its schema"
            )));
        }
        Ok(())
    }

    fn type_name(&mut self, at: usize) -> Result<usize, NotParsed> {
        let Some(span) = type_span(self.lexed, at) else {
            return Ok(at + 1);
        };
        let (parts, after) = chain(self.lexed, span.first);
        if span.of_column {
            self.column_type(span.first, &parts, after)?;
            return Ok(after);
        }
        if let Some((target, whole)) = self.mapped(&span) {
            let end = if whole { span.array_end } else { span.end };
            let with = with_modifiers(self.lexed, &span, target, whole);
            self.replace(span.first, end, with);
        } else if parts.len() >= 2 {
            self.qualified(span.first, &parts);
        } else {
            self.must_not_move(&parts[0])?;
        }
        Ok(span.array_end)
    }

    /// `schema.table.column%TYPE`, `schema.table%ROWTYPE`.
    fn column_type(&mut self, at: usize, parts: &[String], after: usize) -> Result<(), NotParsed> {
        let row = self.lexed.is_word(after + 1, "rowtype");
        let qualified = parts.len() >= if row { 2 } else { 3 };
        if qualified {
            self.qualified(at, parts);
            return Ok(());
        }
        self.must_not_move(&parts[0])
    }

    /// What a type becomes, and whether its array bounds go with it.
    fn mapped(&self, span: &TypeSpan) -> Option<(&str, bool)> {
        let types = &self.wanted.types;
        let bare = span.key.schema.is_empty();
        if span.array_end > span.end {
            let key = TypeKey {
                array: true,
                ..span.key.clone()
            };
            if let Some(target) = types.get(&key) {
                return Some((target, true));
            }
        }
        if let Some(target) = types.get(&span.key) {
            return Some((target, false));
        }
        let by_name = self.wanted.bare_types.get(span.key.name.as_str());
        by_name
            .filter(|_| bare)
            .map(|target| (target.as_str(), false))
    }

    /// `nextval('s'::regclass)`: the sequence's name, without its cast where that is wanted. The number of
    /// the closing parenthesis, where it is such a call.
    fn nextval(&mut self, open: usize) -> Result<Option<usize>, NotParsed> {
        let lexed = self.lexed;
        let Some((string, closing)) = only_string(lexed, open) else {
            return Ok(None);
        };
        let Some(text) = lexed.text(string) else {
            return Ok(None);
        };
        let renamed = self.registered("regclass", &text)?;
        let plain = self.wanted.rewrites.plain_nextval && closing > open + 2;
        if plain {
            let name = renamed.unwrap_or_else(|| text.into_owned());
            self.replace(open + 1, closing, sql::literal(&name));
        } else if let Some(name) = renamed {
            self.replace(string, string + 1, sql::literal(&name));
        }
        Ok(Some(closing))
    }

    /// A string that is cast to `regclass` and the like, or taken as one.
    fn string(&mut self, at: usize) -> Result<(), NotParsed> {
        let Some(kind) = registry(self.lexed, at) else {
            return Ok(());
        };
        let Some(text) = self.lexed.text(at) else {
            return Err(NotParsed(format!("a {kind} has escapes of its own")));
        };
        if let Some(name) = self.registered(kind, &text)? {
            self.replace(at, at + 1, sql::literal(&name));
        }
        Ok(())
    }

    /// What the text of a `regclass` (…) becomes; `None` where it stays.
    fn registered(&self, kind: &str, text: &str) -> Result<Option<String>, NotParsed> {
        let Ok(inner) = Lexed::new(text) else {
            return Ok(None);
        };
        if !inner.is_name(0) {
            return Ok(None);
        }
        let (parts, after) = chain(&inner, 0);
        if kind == "regnamespace" {
            return Ok(self.wanted.schema(&parts[0]).map(sql::identifier));
        }
        if kind == "regtype"
            && let Some(span) = type_span(&inner, 0)
            && let Some((target, _)) = self.mapped(&span)
        {
            return Ok(Some(target.to_owned()));
        }
        let [schema, name] = parts.as_slice() else {
            self.must_not_move(&parts[0])?;
            return Ok(None);
        };
        let rest = inner.get(after).map_or("", |token| &text[token.start..]);
        if self.wanted.concern_of_text(rest) == super::wanted::Concern::Names {
            return Err(NotParsed(format!("a {kind} names types that change")));
        }
        let new = self.wanted.renamed(schema, name);
        Ok(new.map(|new: Name| new.quoted() + rest))
    }

    fn search_path(&mut self, (first, end): (usize, usize)) -> usize {
        let lexed = self.lexed;
        for at in first..end {
            let text = lexed.text(at);
            let name = if lexed.is_name(at) {
                Some(lexed.name(at))
            } else {
                text
            };
            if let Some(new) = name.and_then(|name| self.wanted.schema(&name)) {
                self.replace(at, at + 1, sql::identifier(new));
            }
        }
        end
    }

    /// Replaces tokens `first..end`.
    fn replace(&mut self, first: usize, end: usize, with: String) {
        let start = self.lexed.get(first).map(|token| token.start);
        let last = self.lexed.get(end - 1).map(|token| token.end);
        if let (Some(start), Some(end)) = (start, last) {
            self.edits.push(Edit { start, end, with });
        }
    }

    fn insert(&mut self, at: usize, with: String) {
        self.edits.push(Edit {
            start: at,
            end: at,
            with,
        });
    }
}

/// Names that stand without a dot before and after them.
fn standing_alone(lexed: &Lexed<'_>) -> HashSet<String> {
    (0..lexed.tokens.len())
        .filter(|&at| lexed.is_name(at) && !lexed.is_symbol(at + 1, "."))
        .filter(|&at| at == 0 || !lexed.is_symbol(at - 1, "."))
        .map(|at| lexed.name(at).into_owned())
        .collect()
}

fn unclear(name: &str) -> NotParsed {
    let name = readable(name);
    NotParsed(format!("its words alone do not tell what {name} is"))
}

/// The only string between the parentheses that open at a token, where nothing but casts is around it:
/// its token and that of the closing parenthesis.
fn only_string(lexed: &Lexed<'_>, open: usize) -> Option<(usize, usize)> {
    const AROUND: [&str; 9] = [
        "regclass",
        "pg_catalog",
        "text",
        "varchar",
        "character",
        "varying",
        "cast",
        "as",
        "name",
    ];
    if !lexed.is_symbol(open, "(") {
        return None;
    }
    let closing = lexed.closing(open)?;
    let mut string = None;
    for at in open + 1..closing {
        let token = lexed.get(at)?;
        match token.kind {
            Kind::Text if string.is_none() => string = Some(at),
            Kind::Symbol if matches!(lexed.raw(at), "(" | ")" | "::" | ".") => {}
            Kind::Word | Kind::Quoted if AROUND.contains(&lexed.name(at).as_ref()) => {}
            _ => return None,
        }
    }
    Some((string?, closing))
}

/// Functions whose first argument is taken as the name of a relation, type, routine or schema.
const TAKE_A_NAME: [(&str, &str); 15] = [
    ("nextval", "regclass"),
    ("currval", "regclass"),
    ("setval", "regclass"),
    ("pg_get_serial_sequence", "regclass"),
    ("pg_relation_size", "regclass"),
    ("pg_table_size", "regclass"),
    ("pg_indexes_size", "regclass"),
    ("pg_total_relation_size", "regclass"),
    ("pg_relation_filenode", "regclass"),
    ("pg_sequence_last_value", "regclass"),
    ("to_regclass", "regclass"),
    ("to_regtype", "regtype"),
    ("to_regproc", "regproc"),
    ("to_regprocedure", "regprocedure"),
    ("to_regnamespace", "regnamespace"),
];

const REGISTRIES: [&str; 7] = [
    "regclass",
    "regtype",
    "regproc",
    "regprocedure",
    "regnamespace",
    "regcollation",
    "regconfig",
];

/// Which `reg…` type a string is read as, if any.
pub(super) fn registry(lexed: &Lexed<'_>, at: usize) -> Option<&'static str> {
    cast_registry(lexed, at).or_else(|| argument_registry(lexed, at))
}

/// `'…'::regclass`, `('…'::text)::regclass`, `CAST('…' AS regclass)`, `regclass '…'`.
fn cast_registry(lexed: &Lexed<'_>, at: usize) -> Option<&'static str> {
    let mut after = at + 1;
    loop {
        if lexed.is_symbol(after, ")") {
            after += 1;
        } else if lexed.is_symbol(after, "::") || lexed.is_word(after, "as") {
            let span = type_span(lexed, after + 1)?;
            if let Some(found) = registry_named(&span.key) {
                return Some(found);
            }
            after = span.array_end;
        } else {
            break;
        }
    }
    let before = at.checked_sub(1)?;
    let literal = lexed.is_name(before) && !lexed.is_word(before, "as");
    let key = TypeKey::from_sql(lexed.raw(before)).filter(|_| literal)?;
    registry_named(&key)
}

fn registry_named(key: &TypeKey) -> Option<&'static str> {
    let same = |registry: &&&str| key.schema.is_empty() && key.name == **registry;
    REGISTRIES.iter().find(same).copied()
}

fn argument_registry(lexed: &Lexed<'_>, at: usize) -> Option<&'static str> {
    let open = at.checked_sub(1)?;
    let name = at.checked_sub(2)?;
    if !lexed.is_symbol(open, "(") || !lexed.is_name(name) {
        return None;
    }
    let called = lexed.name(name);
    let found = TAKE_A_NAME.iter().find(|(function, _)| *function == called);
    found.map(|(_, registry)| *registry)
}

/// Whether a name is the type of `CAST(… AS type)`.
fn cast_target(lexed: &Lexed<'_>, at: usize) -> bool {
    let Some(before) = at.checked_sub(1).filter(|&b| lexed.is_word(b, "as")) else {
        return false;
    };
    let mut depth = 0usize;
    for index in (0..before).rev() {
        match lexed.raw(index) {
            ")" => depth += 1,
            "(" if depth == 0 => {
                return index > 0 && lexed.is_word(index - 1, "cast");
            }
            "(" => depth -= 1,
            _ => {}
        }
    }
    false
}

/// Keywords after which a name is no alias and defines nothing.
fn is_plain_keyword(lexed: &Lexed<'_>, at: usize) -> bool {
    const WORDS: [&str; 30] = [
        "select",
        "from",
        "where",
        "and",
        "or",
        "not",
        "in",
        "on",
        "using",
        "by",
        "when",
        "then",
        "else",
        "case",
        "having",
        "distinct",
        "all",
        "any",
        "is",
        "like",
        "ilike",
        "between",
        "join",
        "into",
        "update",
        "only",
        "check",
        "default",
        "return",
        "references",
    ];
    WORDS.iter().any(|word| lexed.is_word(at, word))
}

/// The items of `SET search_path TO a, 'b'` whose SET is at a token.
fn search_path(lexed: &Lexed<'_>, at: usize) -> Option<(usize, usize)> {
    let set = lexed.is_word(at, "set") && lexed.is_word(at + 1, "search_path");
    if !set || !(lexed.is_word(at + 2, "to") || lexed.is_symbol(at + 2, "=")) {
        return None;
    }
    let first = at + 3;
    let mut end = first + 1;
    while lexed.is_symbol(end, ",") {
        end += 2;
    }
    Some((first, end))
}

/// A type's replacement, with the modifiers of the old one where it takes them and has none.
fn with_modifiers(lexed: &Lexed<'_>, span: &TypeSpan, target: &str, whole: bool) -> String {
    let Some(key) = TypeKey::from_sql(target).filter(|key| !key.array && !whole) else {
        return target.to_owned();
    };
    if target.contains('(') || class_of(&key) != class_of(&span.key) || class_of(&key).is_none() {
        return target.to_owned();
    }
    let written = span.modifiers.and_then(|(open, closing)| {
        let (open, closing) = (lexed.get(open)?, lexed.get(closing)?);
        lexed.sql.get(open.start..closing.end).map(str::to_owned)
    });
    // `char` and `bit` alone are of length 1; `bpchar` and a quoted `"bit"` are of any.
    let keyword = lexed.get(span.first).is_some_and(|t| t.kind == Kind::Word);
    let one = matches!(span.key.name.as_str(), "bpchar" | "bit")
        && keyword
        && !lexed.is_word(span.first, "bpchar");
    let modifiers = written.or_else(|| one.then(|| "(1)".to_owned()));
    let Some(modifiers) = modifiers else {
        return target.to_owned();
    };
    match target.split_once(' ') {
        Some((word, zone)) if class_of(&key) == Some(Class::Moment) => {
            format!("{word}{modifiers} {zone}")
        }
        _ => format!("{target}{modifiers}"),
    }
}

/// Types whose modifiers mean the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Text,
    Bits,
    Number,
    Moment,
}

fn class_of(key: &TypeKey) -> Option<Class> {
    if !key.schema.is_empty() {
        return None;
    }
    match key.name.as_str() {
        "varchar" | "bpchar" => Some(Class::Text),
        "bit" | "varbit" => Some(Class::Bits),
        "numeric" => Some(Class::Number),
        "time" | "timetz" | "timestamp" | "timestamptz" | "interval" => Some(Class::Moment),
        _ => None,
    }
}
