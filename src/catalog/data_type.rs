//! Types of columns, seen through domains and arrays.

use std::collections::{HashMap, HashSet};

/// OIDs of built-in types are part of the protocol: drivers decode by them, so they hold on every
/// server that speaks pgwire.
mod oid {
    pub(super) const NAME: u32 = 19;
    pub(super) const TEXT: u32 = 25;
    pub(super) const BPCHAR: u32 = 1042;
    pub(super) const VARCHAR: u32 = 1043;
    pub(super) const TIMESTAMP: u32 = 1114;
    pub(super) const TIMESTAMPTZ: u32 = 1184;
}

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One value.
    Scalar,
    /// An array.
    Array,
    /// A row of fields.
    Composite,
    /// A range or multirange.
    Range,
}

/// The two timestamp types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// `timestamp without time zone`
    Timestamp,
    /// `timestamp with time zone`
    Timestamptz,
}

/// The type of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataType {
    /// As SQL writes it: `timestamp(3) without time zone`, `public.birthday`.
    pub sql: String,
    /// Shape of the values.
    pub shape: Shape,
    /// pg_type.oid below all domains; of an array that of its elements.
    pub base: u32,
    /// pg_type.typname of `base`.
    pub base_name: String,
    /// The modifier that holds, from the column or from a domain; of an array that of its elements.
    pub typmod: Option<i32>,
    /// A timestamp is somewhere inside, at any depth.
    pub holds_timestamp: bool,
}

impl DataType {
    /// Which timestamp type the value is, or each element of the array is.
    pub fn moment(&self) -> Option<Moment> {
        match (self.shape, self.base) {
            (Shape::Scalar | Shape::Array, oid::TIMESTAMP) => Some(Moment::Timestamp),
            (Shape::Scalar | Shape::Array, oid::TIMESTAMPTZ) => Some(Moment::Timestamptz),
            _ => None,
        }
    }

    /// Fraction digits that a timestamp type can hold.
    pub fn fraction_digits(&self) -> u8 {
        let digits = self.typmod.and_then(|t| u8::try_from(t).ok());
        digits.map_or(6, |d| d.min(6))
    }

    /// Whether any text fits into it as it is.
    pub fn is_text(&self) -> bool {
        self.shape == Shape::Scalar
            && matches!(
                self.base,
                oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME
            )
    }

    /// `char(n)`, which pads with spaces.
    pub fn is_char(&self) -> bool {
        self.shape == Shape::Scalar && self.base == oid::BPCHAR
    }
}

/// What `pg_type` says of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeForm {
    /// A type without parts.
    Scalar,
    /// A domain over another type, which may be a domain again.
    Domain {
        /// The type below.
        base: u32,
        /// The modifier that the domain gives it, -1 for none.
        typmod: i32,
    },
    /// An array.
    Array {
        /// The type of its elements.
        element: u32,
    },
    /// A row type.
    Composite {
        /// The types of its fields.
        fields: Vec<u32>,
    },
    /// A range or multirange.
    Range {
        /// The type of its bounds.
        bound: u32,
    },
}

/// The types that columns use, and those that they are made of.
#[derive(Debug, Clone, Default)]
pub struct Types(HashMap<u32, (String, TypeForm)>);

impl Types {
    /// Adds a type.
    pub fn insert(&mut self, oid: u32, name: String, form: TypeForm) {
        self.0.insert(oid, (name, form));
    }

    /// What a column of a type with a modifier (-1 for none) holds; `sql` is the type as SQL writes it.
    pub fn resolve(&self, oid: u32, typmod: i32, sql: String) -> DataType {
        let (below, typmod) = self.below_domains(oid, typmod);
        let (shape, base, typmod) = match self.form(below) {
            TypeForm::Array { element } => {
                let (element, typmod) = self.below_domains(*element, typmod);
                (Shape::Array, element, typmod)
            }
            TypeForm::Composite { .. } => (Shape::Composite, below, typmod),
            TypeForm::Range { .. } => (Shape::Range, below, typmod),
            TypeForm::Scalar | TypeForm::Domain { .. } => (Shape::Scalar, below, typmod),
        };
        DataType {
            sql,
            shape,
            base,
            base_name: self.name(base),
            typmod: (typmod >= 0).then_some(typmod),
            holds_timestamp: self.holds_timestamp(oid, &mut HashSet::new()),
        }
    }

    fn name(&self, oid: u32) -> String {
        self.0.get(&oid).map_or_else(String::new, |t| t.0.clone())
    }

    fn form(&self, oid: u32) -> &TypeForm {
        self.0.get(&oid).map_or(&TypeForm::Scalar, |t| &t.1)
    }

    /// Goes down through domains. The innermost domain's modifier holds, as in PostgreSQL's
    /// `getBaseTypeAndTypmod`. A chain longer than the map is a cycle and ends there.
    fn below_domains(&self, mut oid: u32, mut typmod: i32) -> (u32, i32) {
        for _ in 0..self.0.len() {
            let TypeForm::Domain { base, typmod: next } = self.form(oid) else {
                break;
            };
            (oid, typmod) = (*base, *next);
        }
        (oid, typmod)
    }

    fn holds_timestamp(&self, oid: u32, seen: &mut HashSet<u32>) -> bool {
        if matches!(oid, oid::TIMESTAMP | oid::TIMESTAMPTZ) {
            return true;
        }
        if !seen.insert(oid) {
            return false;
        }
        match self.form(oid) {
            TypeForm::Scalar => false,
            TypeForm::Domain { base: part, .. }
            | TypeForm::Array { element: part }
            | TypeForm::Range { bound: part } => self.holds_timestamp(*part, seen),
            TypeForm::Composite { fields } => {
                fields.iter().any(|&part| self.holds_timestamp(part, seen))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types() -> Types {
        let mut types = Types::default();
        let mut add = |oid, name: &str, form| types.insert(oid, name.to_owned(), form);
        add(25, "text", TypeForm::Scalar);
        add(1114, "timestamp", TypeForm::Scalar);
        add(1184, "timestamptz", TypeForm::Scalar);
        add(1115, "_timestamp", TypeForm::Array { element: 1114 });
        add(3910, "tstzrange", TypeForm::Range { bound: 1184 });
        let domain = |base, typmod| TypeForm::Domain { base, typmod };
        add(90_001, "inner", domain(1114, 3));
        add(90_002, "outer", domain(90_001, -1));
        add(90_003, "_outer", TypeForm::Array { element: 90_002 });
        add(90_004, "list", domain(1115, 2));
        add(90_005, "_list", TypeForm::Array { element: 90_004 });
        let fields = vec![25, 90_003];
        add(90_006, "pair", TypeForm::Composite { fields });
        add(90_007, "turning", domain(90_007, -1));
        types
    }

    fn resolve(oid: u32, typmod: i32) -> DataType {
        types().resolve(oid, typmod, String::new())
    }

    #[test]
    fn a_timestamp_is_seen_through_domains_with_its_digits() {
        let plain = resolve(1114, -1);
        assert_eq!(
            (plain.moment(), plain.fraction_digits()),
            (Some(Moment::Timestamp), 6)
        );
        let outer = resolve(90_002, -1);
        assert_eq!(
            (outer.moment(), outer.fraction_digits()),
            (Some(Moment::Timestamp), 3)
        );
        assert_eq!(outer.shape, Shape::Scalar);
    }

    #[test]
    fn an_array_shows_its_elements_type_and_digits() {
        let column = resolve(1115, 4);
        assert_eq!((column.shape, column.fraction_digits()), (Shape::Array, 4));
        let of_domains = resolve(90_003, -1);
        assert_eq!(of_domains.moment(), Some(Moment::Timestamp));
        assert_eq!(of_domains.fraction_digits(), 3);
        let domain_over_array = resolve(90_004, -1);
        assert_eq!(domain_over_array.moment(), Some(Moment::Timestamp));
        assert_eq!(domain_over_array.fraction_digits(), 2);
    }

    #[test]
    fn a_timestamp_inside_another_value_is_no_moment_but_is_held() {
        for inside in [3910, 90_005, 90_006] {
            let held = resolve(inside, -1);
            assert!(held.holds_timestamp && held.moment().is_none(), "{inside}");
        }
        assert!(!resolve(25, -1).holds_timestamp);
    }

    #[test]
    fn a_domain_over_itself_ends() {
        assert_eq!(resolve(90_007, -1).moment(), None);
    }
}
