//! What becomes of the types of columns: through domains and arrays, by the profile and the `--map` file.

use std::collections::HashMap;

use super::builtin::{self, StandIn};
use super::kinds;
use super::spelling::{Spelling, qualified, type_key};
use crate::catalog::database::{Database, Name, UserType, UserTypeKind};
use crate::catalog::{DataType, Shape, readable};
use crate::profile::{Profile, ServerKind, TypeAnswer};
use crate::schema::convert::RoundTrip;
use crate::schema::finding::Kind;
use crate::schema::mapping::Mapping;
use crate::sql;

/// Domains over domains beyond this are a circle of a broken catalog.
const DEEPEST_DOMAIN: usize = 64;

/// All types of a database on their way into a target.
pub(in crate::schema::convert) struct TypeMap<'a> {
    profile: &'a Profile,
    mapping: &'a Mapping,
    by_oid: HashMap<u32, &'a UserType>,
    by_name: HashMap<&'a Name, &'a UserType>,
    overrides: HashMap<String, &'a str>,
    answers: HashMap<String, &'a TypeAnswer>,
}

/// A type as a column, a field or a domain declares it.
#[derive(Clone, Copy)]
pub(in crate::schema::convert) struct Declared<'d> {
    /// pg_type.oid, 0 where it is not known.
    pub(in crate::schema::convert) oid: u32,
    /// The type.
    pub(in crate::schema::convert) data_type: &'d DataType,
    /// attndims.
    pub(in crate::schema::convert) dimensions: u16,
}

/// What a type becomes.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::schema::convert) struct MappedType {
    /// In the target, SQL text.
    pub(in crate::schema::convert) sql: String,
    /// What a rollback gets back.
    pub(in crate::schema::convert) round_trip: RoundTrip,
    /// What the source has to cast a value to before it is sent.
    pub(in crate::schema::convert) cast: Option<String>,
    /// Findings, each with what is particular to it.
    pub(in crate::schema::convert) changes: Vec<(&'static Kind, String)>,
    /// Functions and operators of the source's type do not work on the target's.
    pub(in crate::schema::convert) is_foreign: bool,
    /// What a column gets from its domain.
    pub(in crate::schema::convert) carried: Carried,
}

/// What a column gets from a domain that is not created, or from an enum that becomes text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::schema::convert) struct Carried {
    /// NOT NULL.
    pub(in crate::schema::convert) not_null: bool,
    /// DEFAULT.
    pub(in crate::schema::convert) default: Option<String>,
    /// In their conditions `VALUE` stands for the column.
    pub(in crate::schema::convert) checks: Vec<CarriedCheck>,
}

/// A CHECK of a domain, or of the labels of an enum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::schema::convert) struct CarriedCheck {
    pub(in crate::schema::convert) name: String,
    /// `CHECK ((VALUE > 0))`
    pub(in crate::schema::convert) definition: String,
    /// Not NOT VALID.
    pub(in crate::schema::convert) validated: bool,
}

/// What the profile says of a type.
enum Answer {
    Taken,
    Becomes(Spelling),
    Refused,
}

impl<'a> TypeMap<'a> {
    pub(in crate::schema::convert) fn new(
        database: &'a Database,
        profile: &'a Profile,
        mapping: &'a Mapping,
    ) -> Self {
        let answers = profile.types.iter().flat_map(|fact| &fact.value);
        let types = || database.types.iter();
        let arrays = types().filter(|t| t.array_oid != 0);
        Self {
            profile,
            mapping,
            by_oid: types()
                .map(|t| (t.oid, t))
                .chain(arrays.map(|t| (t.array_oid, t)))
                .collect(),
            by_name: types().map(|t| (&t.name, t)).collect(),
            overrides: mapping
                .types
                .iter()
                .map(|(from, to)| (type_key(from), to.as_str()))
                .collect(),
            answers: answers
                .map(|(name, answer)| (Spelling::of(name).name, answer))
                .collect(),
        }
    }

    /// What a type becomes.
    pub(in crate::schema::convert) fn map(&self, declared: Declared<'_>) -> MappedType {
        self.map_below(declared, 0)
    }

    /// What casts to a built-in type become; `None` where they stay.
    pub(in crate::schema::convert) fn cast_of(&self, name: &str) -> Option<String> {
        let to = |sql: String| (sql != name).then_some(sql);
        if let Some(&given) = self.overrides.get(name) {
            return to(given.to_owned());
        }
        match self.answer(name) {
            Answer::Taken => None,
            Answer::Becomes(other) => to(other.name),
            Answer::Refused => {
                let stand_in = builtin::stand_in(name);
                stand_in.in_casts.then(|| self.stand_in(name).to.to_owned())
            }
        }
    }

    /// Whether a user's type is created in the target.
    pub(in crate::schema::convert) fn creates(&self, user_type: &UserType) -> bool {
        if user_type.extension.is_some() || self.is_overridden(user_type) {
            return false;
        }
        match &user_type.kind {
            UserTypeKind::Enum(_) => Profile::yes(&self.profile.enums) == Some(true),
            UserTypeKind::Domain { .. } => Profile::yes(&self.profile.domains) == Some(true),
            UserTypeKind::Composite(fields) => self.creates_composite(fields),
            UserTypeKind::Range { .. } => self.is_postgresql(),
            UserTypeKind::Base => false,
        }
    }

    /// The user's type that something is declared with; of an array that of its elements.
    #[cfg(feature = "parser")]
    pub(in crate::schema::convert) fn declared_type(
        &self,
        oid: u32,
        data_type: &DataType,
    ) -> Option<&'a UserType> {
        self.user_type(oid, &Spelling::of(&data_type.sql))
    }

    /// Whether an extension exists in the target.
    pub(in crate::schema::convert) fn has_extension(&self, name: &str) -> bool {
        match &self.profile.extensions {
            Some(listed) => listed.value.iter().any(|known| known == name),
            None => self.is_postgresql(),
        }
    }

    /// Whether the target is a PostgreSQL, which takes what is not known otherwise.
    pub(in crate::schema::convert) fn is_postgresql(&self) -> bool {
        matches!(&self.profile.server, Some(fact) if fact.value == ServerKind::Postgresql)
    }

    fn is_overridden(&self, user_type: &UserType) -> bool {
        self.overrides.contains_key(&user_type.name.quoted())
    }

    /// A field that loses digits or has to be cast can not be reached inside of a row's text.
    fn creates_composite(&self, fields: &[(String, DataType)]) -> bool {
        let whole = |data_type: &DataType| {
            let mapped = self.map(Declared {
                oid: 0,
                data_type,
                dimensions: 0,
            });
            mapped.cast.is_none()
                && !(data_type.holds_timestamp && self.profile.fraction_digits() < 6)
        };
        Profile::yes(&self.profile.composite_types) == Some(true)
            && fields.iter().all(|(_, data_type)| whole(data_type))
    }

    fn map_below(&self, declared: Declared<'_>, depth: usize) -> MappedType {
        let spelling = Spelling::of(&declared.data_type.sql);
        let mut element = self.element(&declared, &spelling, depth);
        for (_, detail) in &mut element.changes {
            if detail.is_empty() {
                *detail = format!("{} becomes {}", spelling.element, element.sql);
            }
        }
        if spelling.array {
            self.array(&declared, &spelling, element)
        } else {
            element
        }
    }

    /// What a type, or the element of an array, becomes.
    fn element(&self, declared: &Declared<'_>, spelling: &Spelling, depth: usize) -> MappedType {
        if let Some(given) = self.given(spelling) {
            return given;
        }
        match self.user_type(declared.oid, spelling) {
            Some(user_type) if depth < DEEPEST_DOMAIN => self.of_user(user_type, spelling, depth),
            Some(_) => foreign("text", &kinds::TEXT_FORM),
            None if spelling.name.contains('.') => self.unknown(declared.data_type),
            None => self.builtin(spelling),
        }
    }

    /// What the `--map` file says of a type.
    fn given(&self, spelling: &Spelling) -> Option<MappedType> {
        let &sql = self.overrides.get(&type_key(&spelling.name))?;
        let stand_in = builtin::stand_in(&spelling.name);
        let mut mapped = changed(sql, &kinds::MAPPED_TYPE);
        mapped.cast = stand_in
            .cast
            .filter(|_| !builtin::is_text(sql))
            .map(str::to_owned);
        mapped.is_foreign = !builtin::are_alike(&spelling.name, sql);
        Some(mapped)
    }

    /// The user's type that a text names; of an array that of its elements.
    pub(super) fn user_type(&self, oid: u32, spelling: &Spelling) -> Option<&'a UserType> {
        let named = || {
            let (schema, name) = qualified(&spelling.name)?;
            self.by_name.get(&Name::new(schema, name)).copied()
        };
        self.by_oid.get(&oid).copied().or_else(named)
    }

    fn of_user(&self, user_type: &'a UserType, spelling: &Spelling, depth: usize) -> MappedType {
        if let Some(extension) = &user_type.extension {
            return self.of_extension(user_type, extension, spelling, depth);
        }
        let as_is = || self.named(user_type, spelling);
        match &user_type.kind {
            _ if self.creates(user_type) => match &user_type.kind {
                UserTypeKind::Domain { .. } => self.created_domain(user_type, as_is(), depth),
                _ => as_is(),
            },
            UserTypeKind::Enum(labels) => enum_as_text(user_type, labels),
            UserTypeKind::Domain { .. } => self.below_domain(user_type, depth),
            UserTypeKind::Composite(_) => foreign("text", &kinds::COMPOSITE_AS_TEXT),
            UserTypeKind::Range { .. } | UserTypeKind::Base => foreign("text", &kinds::TEXT_FORM),
        }
    }

    fn of_extension(
        &self,
        user_type: &'a UserType,
        extension: &str,
        spelling: &Spelling,
        depth: usize,
    ) -> MappedType {
        if self.has_extension(extension) {
            return self.named(user_type, spelling);
        }
        if let UserTypeKind::Domain { .. } = user_type.kind {
            return self.below_domain(user_type, depth);
        }
        let mut mapped = foreign("text", &kinds::EXTENSION_TYPE);
        mapped.is_foreign = user_type.name.name != "citext";
        mapped
    }

    /// The same type under its name in the target.
    fn named(&self, user_type: &UserType, spelling: &Spelling) -> MappedType {
        let name = self.mapping.name(&user_type.name).quoted();
        same(format!("{name}{}", spelling.modifier_text()))
    }

    /// The domain stays; what becomes of its base type is a change of the column, too.
    fn created_domain(&self, domain: &UserType, as_is: MappedType, depth: usize) -> MappedType {
        let mut base = self.base(domain, depth);
        let is_cut = |(kind, _): &(&Kind, String)| *kind == &kinds::TIMESTAMP_DIGITS;
        if let UserTypeKind::Domain { checks, .. } = &domain.kind
            && base.changes.iter().any(is_cut)
        {
            let names = checks.iter().map(|check| readable(&check.name));
            let of = names.map(|name| format!("CHECK {name} of domain {}", domain.name));
            base.changes
                .extend(of.map(|of| (&kinds::TIMESTAMP_CHECK, of)));
        }
        MappedType {
            sql: as_is.sql,
            carried: Carried::default(),
            ..base
        }
    }

    fn base(&self, domain: &UserType, depth: usize) -> MappedType {
        let UserTypeKind::Domain { base, base_oid, .. } = &domain.kind else {
            return foreign("text", &kinds::TEXT_FORM);
        };
        let declared = Declared {
            oid: *base_oid,
            data_type: base,
            dimensions: 0,
        };
        self.map_below(declared, depth + 1)
    }

    /// The base type with what the domain demands.
    fn below_domain(&self, domain: &UserType, depth: usize) -> MappedType {
        let mut mapped = self.base(domain, depth);
        let UserTypeKind::Domain {
            not_null,
            default,
            checks,
            ..
        } = &domain.kind
        else {
            return mapped;
        };
        let detail = format!("domain {} becomes {}", domain.name, mapped.sql);
        let other = |kind: &Kind| kind != &kinds::DOMAIN_COLUMN;
        mapped.changes.retain(|(kind, _)| other(kind));
        mapped.changes.insert(0, (&kinds::DOMAIN_COLUMN, detail));
        if mapped.round_trip == RoundTrip::Exact {
            mapped.round_trip = RoundTrip::Cast;
        }
        mapped.carried.not_null |= *not_null;
        mapped.carried.default = default.clone().or(mapped.carried.default);
        let own = checks.iter().map(|check| CarriedCheck {
            name: check.name.clone(),
            definition: check.definition.clone(),
            validated: check.validated,
        });
        mapped.carried.checks.extend(own);
        mapped
    }

    /// A type that lives in a schema and is no type of a user: the row type of a table, or one of
    /// `information_schema`, which are domains.
    fn unknown(&self, data_type: &DataType) -> MappedType {
        match data_type.shape {
            Shape::Composite => foreign("text", &kinds::COMPOSITE_AS_TEXT),
            _ if data_type.base_name.is_empty() || self.by_base_name(data_type).is_none() => {
                foreign("text", &kinds::TEXT_FORM)
            }
            _ => {
                let mut mapped = self
                    .by_base_name(data_type)
                    .unwrap_or_else(|| foreign("text", &kinds::TEXT_FORM));
                mapped
                    .changes
                    .insert(0, (&kinds::DOMAIN_COLUMN, String::new()));
                mapped
            }
        }
    }

    fn by_base_name(&self, data_type: &DataType) -> Option<MappedType> {
        let spelling = Spelling::of(&data_type.base_name);
        builtin::TYPES
            .contains(&spelling.name.as_str())
            .then(|| self.builtin(&spelling))
    }

    fn builtin(&self, spelling: &Spelling) -> MappedType {
        match self.answer(&spelling.name) {
            Answer::Taken => self.kept(spelling),
            Answer::Becomes(other) => {
                let stand_in = builtin::stand_in(&spelling.name);
                if stand_in.to == other.name {
                    replaced(&stand_in, spelling)
                } else {
                    let sql = other.with_modifier(spelling);
                    changed(&sql, &kinds::ALIASED_TYPE)
                }
            }
            Answer::Refused => replaced(&self.stand_in(&spelling.name), spelling),
        }
    }

    /// The stand-in, or text where that is refused as well.
    fn stand_in(&self, name: &str) -> StandIn {
        let first = builtin::stand_in(name);
        let to = Spelling::of(first.to).name;
        if to != "text" && matches!(self.answer(&to), Answer::Refused) {
            return StandIn {
                to: "text",
                keeps_modifier: false,
                cast: None,
                kind: &kinds::TEXT_FORM,
                ..first
            };
        }
        first
    }

    /// A type that is taken: only digits may be lost.
    fn kept(&self, spelling: &Spelling) -> MappedType {
        let mut mapped = same(spelling.element.clone());
        if let Some(change) = self.lost_digits(spelling) {
            mapped.round_trip = RoundTrip::Lossy;
            mapped.changes.push(change);
        }
        mapped
    }

    fn lost_digits(&self, spelling: &Spelling) -> Option<(&'static Kind, String)> {
        let profile = self.profile;
        let (kept, kind) = match spelling.name.as_str() {
            "timestamp without time zone" => (&profile.timestamp_digits, &kinds::TIMESTAMP_DIGITS),
            "timestamp with time zone" => (&profile.timestamptz_digits, &kinds::TIMESTAMP_DIGITS),
            "time without time zone" | "time with time zone" => {
                (&profile.time_digits, &kinds::TIME_DIGITS)
            }
            "interval" => (&profile.interval_digits, &kinds::INTERVAL_DIGITS),
            "numeric" => return self.lost_numeric_digits(spelling),
            _ => return None,
        };
        let (kept, holds) = (kept.as_ref()?.value, spelling.fraction_digits());
        let detail = || {
            format!(
                "{} may hold {holds} digits, {kept} are kept",
                spelling.element
            )
        };
        (kept < holds).then(|| (kind, detail()))
    }

    fn lost_numeric_digits(&self, spelling: &Spelling) -> Option<(&'static Kind, String)> {
        /// What PostgreSQL declares at most; a target that keeps as many keeps all.
        const ALL: u32 = 1_000;
        let kept = self.profile.numeric_digits.as_ref()?.value;
        let holds = spelling.precision().map(|(precision, _)| precision);
        let lost = holds.map_or(kept < ALL, |holds| kept < holds);
        let holds = holds.map_or("any number of".to_owned(), |holds| holds.to_string());
        let detail = format!(
            "{} may hold {holds} digits, {kept} are kept",
            spelling.element
        );
        lost.then_some((&kinds::NUMERIC_DIGITS, detail))
    }

    fn array(
        &self,
        declared: &Declared<'_>,
        spelling: &Spelling,
        element: MappedType,
    ) -> MappedType {
        let deep = declared.dimensions > 1
            && Profile::yes(&self.profile.multi_dimensional_arrays) != Some(true);
        let other = element.is_foreign && !builtin::has_commas(&spelling.name);
        if deep || other {
            let mut mapped = foreign("text", &kinds::ARRAY_AS_TEXT);
            let what = if deep {
                format!("{} dimensions", declared.dimensions)
            } else {
                format!("elements of {}", spelling.name)
            };
            mapped.changes[0].1 = format!("{} becomes text: {what}", declared.data_type.sql);
            return mapped;
        }
        let mut changes = element.changes;
        if !element.carried.checks.is_empty() {
            changes.push((&kinds::DOMAIN_IN_ARRAY, String::new()));
        }
        MappedType {
            sql: format!("{}[]", element.sql),
            cast: element.cast.map(|cast| format!("{cast}[]")),
            changes,
            carried: Carried::default(),
            ..element
        }
    }

    /// What the profile says of a built-in type.
    fn answer(&self, name: &str) -> Answer {
        match self.answers.get(name) {
            Some(TypeAnswer::Accepted) => Answer::Taken,
            Some(TypeAnswer::Refused) => Answer::Refused,
            Some(TypeAnswer::Aliased(other)) => {
                let other = Spelling::of(other);
                if other.name == name {
                    Answer::Taken
                } else {
                    Answer::Becomes(other)
                }
            }
            None if self.is_postgresql() || builtin::is_granted(name) => Answer::Taken,
            None => Answer::Refused,
        }
    }
}

impl MappedType {
    /// What the source shall compute for a column; `None`: its text as it is.
    pub(in crate::schema::convert) fn expression(&self, column: &str) -> Option<String> {
        let cast = self.cast.as_ref()?;
        Some(format!("{}::{cast}", sql::identifier(column)))
    }
}

fn same(sql: String) -> MappedType {
    MappedType {
        sql,
        round_trip: RoundTrip::Exact,
        cast: None,
        changes: Vec::new(),
        is_foreign: false,
        carried: Carried::default(),
    }
}

/// Another type whose text is the same.
fn changed(sql: &str, kind: &'static Kind) -> MappedType {
    MappedType {
        round_trip: RoundTrip::Cast,
        changes: vec![(kind, String::new())],
        ..same(sql.to_owned())
    }
}

/// Another type that has nothing but the text in common.
fn foreign(sql: &str, kind: &'static Kind) -> MappedType {
    MappedType {
        is_foreign: true,
        ..changed(sql, kind)
    }
}

fn replaced(stand_in: &StandIn, spelling: &Spelling) -> MappedType {
    let modifier = if stand_in.keeps_modifier {
        spelling.modifier_text()
    } else {
        String::new()
    };
    MappedType {
        cast: stand_in.cast.map(str::to_owned),
        is_foreign: stand_in.kind == &kinds::TEXT_FORM,
        ..changed(&format!("{}{modifier}", stand_in.to), stand_in.kind)
    }
}

fn enum_as_text(user_type: &UserType, labels: &[String]) -> MappedType {
    let mut mapped = changed("text", &kinds::ENUM_AS_TEXT);
    mapped.carried.checks = vec![CarriedCheck {
        name: format!("{}_check", user_type.name.name),
        definition: format!("CHECK ((VALUE IN ({})))", sql::literals(labels)),
        validated: true,
    }];
    mapped
}
