//! The text of a statement, and reading of the parser's structures.

use pg_query::NodeEnum;
use pg_query::protobuf::{self, DefElem, Node, RangeVar, TypeName, a_const::Val};

use super::super::model::{Model, Pending, Place};
use crate::catalog::database::Name;
use crate::schema::syntax::lexer::Lexed;
use crate::schema::syntax::type_name::{TypeKey, type_span};

/// A statement of the dump.
#[derive(Clone, Copy)]
pub(super) struct Sql<'s> {
    pub(super) lexed: &'s Lexed<'s>,
}

/// A type as it is written.
pub(super) struct Written {
    /// With modifiers and array bounds.
    pub(super) sql: String,
    pub(super) key: TypeKey,
    pub(super) typmod: i32,
    pub(super) dimensions: u16,
}

impl<'s> Sql<'s> {
    /// The whole text.
    pub(super) fn text(&self) -> &'s str {
        self.lexed.sql.trim()
    }

    /// The token at a location of the parser.
    pub(super) fn token(&self, location: i32) -> Option<usize> {
        self.lexed.at(usize::try_from(location).ok()?)
    }

    /// The text of tokens `first..end`.
    pub(super) fn slice(&self, first: usize, end: usize) -> &'s str {
        let start = self.lexed.get(first).map(|token| token.start);
        let last = end.checked_sub(1).and_then(|last| self.lexed.get(last));
        match (start, last) {
            (Some(start), Some(last)) if start <= last.end => {
                let sql: &'s str = self.lexed.sql;
                &sql[start..last.end]
            }
            _ => "",
        }
    }

    /// The token after an item of a list: the next comma or closing parenthesis outside of others.
    pub(super) fn item_end(&self, first: usize) -> usize {
        let mut depth = 0usize;
        for at in first..self.lexed.tokens.len() {
            if self.lexed.tokens[at].kind != crate::schema::syntax::lexer::Kind::Symbol {
                continue;
            }
            match self.lexed.raw(at) {
                "(" | "[" => depth += 1,
                ")" | "]" | "," if depth == 0 => return at,
                ")" | "]" => depth -= 1,
                _ => {}
            }
        }
        self.lexed.tokens.len()
    }

    /// The first token from `from` on that is that word, outside of parentheses.
    pub(super) fn find_word(&self, from: usize, word: &str) -> Option<usize> {
        let mut depth = 0usize;
        for at in from..self.lexed.tokens.len() {
            match self.lexed.raw(at) {
                "(" | "[" => depth += 1,
                ")" | "]" => depth = depth.saturating_sub(1),
                _ if depth == 0 && self.lexed.is_word(at, word) => return Some(at),
                _ => {}
            }
        }
        None
    }

    /// The items of the list whose parenthesis opens at a token: first token and end of each.
    pub(super) fn items(&self, open: usize) -> Vec<(usize, usize)> {
        let Some(closing) = self.lexed.closing(open) else {
            return Vec::new();
        };
        let mut items = Vec::new();
        let mut first = open + 1;
        while first < closing {
            let end = self.item_end(first);
            items.push((first, end));
            first = end + 1;
        }
        items
    }

    /// A type at its place.
    pub(super) fn type_at(&self, type_name: &TypeName) -> Option<Written> {
        let first = self.token(type_name.location)?;
        let span = type_span(self.lexed, first)?;
        let end = span.array_end;
        let bounds = self.slice(span.end, end).matches('[').count();
        Some(Written {
            sql: self.slice(span.first, end).to_owned(),
            typmod: typmod(&span.key.name, &type_name.typmods),
            key: TypeKey {
                array: !type_name.array_bounds.is_empty(),
                ..span.key
            },
            dimensions: u16::try_from(bounds).unwrap_or(0),
        })
    }
}

impl Written {
    /// Notes that the type of a place is this one.
    pub(super) fn pend(&self, model: &mut Model, place: Place) {
        let pending = Pending {
            key: self.key.clone(),
            typmod: self.typmod,
        };
        model.pending.insert(place, pending);
    }
}

/// `pg_attribute.atttypmod` from written modifiers.
fn typmod(name: &str, modifiers: &[Node]) -> i32 {
    let numbers: Vec<i32> = modifiers.iter().filter_map(integer).collect();
    match (name, numbers.as_slice()) {
        ("varchar" | "bpchar", [length]) => length.saturating_add(4),
        ("numeric", [precision]) => (precision << 16) + 4,
        ("numeric", [precision, scale]) => ((precision << 16) | (scale & 0x7ff)) + 4,
        ("interval", [fields]) => (fields << 16) | 0xffff,
        ("interval", [fields, precision]) => (fields << 16) | precision,
        (_, [one]) => *one,
        _ => -1,
    }
}

/// A number of a node, if it is one.
pub(super) fn integer(node: &Node) -> Option<i32> {
    match node.node.as_ref()? {
        NodeEnum::Integer(number) => Some(number.ival),
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            Val::Ival(number) => Some(number.ival),
            _ => None,
        },
        _ => None,
    }
}

/// A list of String nodes.
pub(super) fn strings(nodes: &[Node]) -> Vec<&str> {
    nodes.iter().filter_map(string).collect()
}

/// The value of a String node.
pub(super) fn string(node: &Node) -> Option<&str> {
    match node.node.as_ref()? {
        NodeEnum::String(string) => Some(&string.sval),
        _ => None,
    }
}

/// The string constants of a list.
pub(super) fn constants(nodes: &[Node]) -> Vec<String> {
    nodes.iter().filter_map(constant).collect()
}

/// A constant as text.
pub(super) fn constant(node: &Node) -> Option<String> {
    match node.node.as_ref()? {
        NodeEnum::String(string) => Some(string.sval.clone()),
        NodeEnum::Integer(number) => Some(number.ival.to_string()),
        NodeEnum::Float(number) => Some(number.fval.clone()),
        NodeEnum::Boolean(truth) => Some(truth.boolval.to_string()),
        NodeEnum::TypeCast(cast) => constant(cast.arg.as_ref()?),
        NodeEnum::TypeName(name) => strings(&name.names).last().map(|s| (*s).to_owned()),
        NodeEnum::List(list) => Some(strings(&list.items).join(".")),
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            Val::Sval(string) => Some(string.sval.clone()),
            Val::Ival(number) => Some(number.ival.to_string()),
            Val::Fval(number) => Some(number.fval.clone()),
            Val::Boolval(truth) => Some(truth.boolval.to_string()),
            Val::Bsval(_) => None,
        },
        _ => None,
    }
}

/// The options of a statement.
pub(super) fn options(nodes: &[Node]) -> impl Iterator<Item = &DefElem> {
    nodes.iter().filter_map(|node| match node.node.as_ref()? {
        NodeEnum::DefElem(element) => Some(element.as_ref()),
        _ => None,
    })
}

/// The option of that name, as text.
pub(super) fn option(nodes: &[Node], name: &str) -> Option<String> {
    let element = options(nodes).find(|o| o.defname == name)?;
    element.arg.as_deref().and_then(constant)
}

/// Storage parameters: `fillfactor=70`.
pub(super) fn parameters(nodes: &[Node]) -> Vec<String> {
    options(nodes)
        .map(|option| {
            let value = option.arg.as_deref().and_then(constant);
            format!(
                "{}={}",
                option.defname,
                value.unwrap_or_else(|| "true".to_owned())
            )
        })
        .collect()
}

/// The name of a relation.
pub(super) fn relation_name(model: &Model, relation: Option<&RangeVar>) -> Option<Name> {
    let relation = relation?;
    Some(if relation.schemaname.is_empty() {
        model.name(&[&relation.relname])
    } else {
        Name::new(&relation.schemaname, &relation.relname)
    })
}

/// The name of a role.
pub(super) fn role(spec: Option<&protobuf::RoleSpec>) -> String {
    match spec {
        Some(spec) if spec.roletype() == protobuf::RoleSpecType::RolespecPublic => {
            "PUBLIC".to_owned()
        }
        Some(spec) => spec.rolename.clone(),
        None => String::new(),
    }
}
