//! Types that users made.

use super::Name;
use crate::catalog::DataType;

/// A type that a user made.
#[derive(Debug, Clone, PartialEq)]
pub struct UserType {
    /// pg_type.oid.
    pub oid: u32,
    /// pg_type.oid of its array type, 0 for none.
    pub array_oid: u32,
    /// Its name.
    pub name: Name,
    /// What it is.
    pub kind: UserTypeKind,
    /// Name of the extension that it belongs to.
    pub extension: Option<String>,
    /// COMMENT ON it.
    pub comment: Option<String>,
}

/// What a type is.
#[derive(Debug, Clone, PartialEq)]
pub enum UserTypeKind {
    /// An enum: its labels in declaration order.
    Enum(Vec<String>),
    /// A composite type: its fields in order.
    Composite(Vec<(String, DataType)>),
    /// A domain.
    Domain {
        /// The type below it, as declared (it may be a domain again).
        base: DataType,
        /// pg_type.oid of that.
        base_oid: u32,
        /// NOT NULL.
        not_null: bool,
        /// DEFAULT.
        default: Option<String>,
        /// Collation other than the base type's own.
        collation: Option<Name>,
        /// CHECKs.
        checks: Vec<DomainCheck>,
    },
    /// A range type (its multirange type is part of it).
    Range {
        /// The type of its bounds.
        subtype: DataType,
        /// What else CREATE TYPE says, as SQL: `subtype_diff = public.seconds`.
        options: Vec<String>,
    },
    /// A base type, or a shell.
    Base,
}

/// A CHECK of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainCheck {
    /// pg_constraint.oid.
    pub oid: u32,
    /// Its name.
    pub name: String,
    /// `pg_get_constraintdef`: `CHECK ((VALUE > 0))`.
    pub definition: String,
    /// Not NOT VALID.
    pub validated: bool,
}
