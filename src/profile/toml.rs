//! Profiles as TOML: what `wire9 probe` prints and `--profile FILE` reads.
//!
//! A field is `name = VALUE` (a person says so) or `name = { value = VALUE, known = "probed" }`.

use std::fmt::Write as _;

use serde::Serialize;
use toml::{Table, Value};

use super::{Fact, Known, Profile};

/// What is wrong with a profile's text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// It is not TOML.
    #[error("the profile is not TOML")]
    Syntax(#[source] toml::de::Error),
    /// It has fields that no profile has.
    #[error("a profile has no field {}; `wire9 probe` prints those that it has", names.join(", "))]
    UnknownFields {
        /// All of their names.
        names: Vec<String>,
    },
    /// A value is not what the field holds.
    #[error("field {name} of the profile has a value of the wrong form")]
    Value {
        /// The field.
        name: String,
        /// What was expected.
        source: toml::de::Error,
    },
    /// `known` is none of its forms.
    #[error(
        "`known` of field {name} must be \"probed\", \"given\" or \"documented: SOURCE, DATE\""
    )]
    Known {
        /// The field.
        name: String,
    },
}

/// One field of a profile on its way to TOML.
pub(super) struct Field {
    name: &'static str,
    doc: String,
    known: Option<(Value, Known)>,
}

impl Field {
    pub(super) fn new<T: Serialize>(
        name: &'static str,
        doc: &[&str],
        fact: Option<&Fact<T>>,
    ) -> Self {
        let known = fact.and_then(|f| Some((Value::try_from(&f.value).ok()?, f.known.clone())));
        Self {
            name,
            doc: doc.join("\n#"),
            known,
        }
    }

    fn line(&self) -> String {
        match &self.known {
            Some((value, known)) => {
                let known = Value::String(known.to_string());
                format!("{} = {{ value = {value}, known = {known} }}", self.name)
            }
            None => format!("# {} is not known", self.name),
        }
    }
}

impl Profile {
    /// The profile as TOML, each field with its documentation.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        for field in self.fields() {
            let _ = write!(text, "#{}\n{}\n\n", field.doc, field.line());
        }
        text
    }

    /// Reads a profile. Fields that are not named stay open.
    ///
    /// # Errors
    /// Text that is no TOML, unknown fields (all are named), values of the wrong form.
    pub fn from_toml(text: &str) -> Result<Self, ProfileError> {
        let mut profile = Self::default();
        let mut unknown = Vec::new();
        for (name, value) in text.parse::<Table>().map_err(ProfileError::Syntax)? {
            let (value, known) = split(&name, value)?;
            match profile.set(&name, value, known) {
                Ok(true) => {}
                Ok(false) => unknown.push(name),
                Err(source) => return Err(ProfileError::Value { name, source }),
            }
        }
        if unknown.is_empty() {
            Ok(profile)
        } else {
            Err(ProfileError::UnknownFields { names: unknown })
        }
    }
}

/// The value of a field and how it is known: a bare value was given by a person.
fn split(name: &str, value: Value) -> Result<(Value, Known), ProfileError> {
    match value {
        Value::Table(mut table) if table.contains_key("value") && table.len() <= 2 => {
            let known = match table.remove("known") {
                None => Known::Given,
                Some(Value::String(text)) => text.parse().map_err(|_| bad_known(name))?,
                Some(_) => return Err(bad_known(name)),
            };
            let value = table.remove("value").ok_or_else(|| bad_known(name))?;
            Ok((value, known))
        }
        value => Ok((value, Known::Given)),
    }
}

fn bad_known(name: &str) -> ProfileError {
    ProfileError::Known {
        name: name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{ServerKind, TypeAnswer};

    #[test]
    fn a_profile_survives_toml() {
        let mut profile = Profile::db9_documented();
        profile.timestamp_digits = Some(Fact::probed(6));
        profile.version = Some(Fact::probed("say \"x\"\nnext".to_owned()));
        profile.types = Some(Fact::probed(
            [
                (
                    "smallint".to_owned(),
                    TypeAnswer::Aliased("integer".to_owned()),
                ),
                ("double precision".to_owned(), TypeAnswer::Accepted),
            ]
            .into(),
        ));
        for profile in [profile, Profile::default(), Profile::postgresql()] {
            let text = profile.to_toml();
            assert_eq!(Profile::from_toml(&text).expect(&text), profile, "{text}");
        }
    }

    #[test]
    fn a_bare_value_is_given_by_a_person_and_overrides_that_field_alone() {
        let given = Profile::from_toml("timestamp_digits = 6\nserver = \"postgresql\"\n").unwrap();
        assert_eq!(
            given.timestamp_digits,
            Some(Fact {
                value: 6,
                known: Known::Given
            })
        );
        let mut profile = Profile::db9_documented();
        profile.overlay(given);
        assert_eq!(profile.server.unwrap().value, ServerKind::Postgresql);
        assert_eq!(profile.timestamptz_digits.unwrap().value, 3);
    }

    #[test]
    fn every_unknown_field_is_named() {
        let error = Profile::from_toml("timestmap_digits = 3\nfoo = 1\nbc = true").unwrap_err();
        assert!(
            error.to_string().contains("foo, timestmap_digits"),
            "{error}"
        );
    }

    #[test]
    fn a_value_of_the_wrong_form_names_its_field() {
        for text in ["bc = 3", "max_connections = -1", "server = \"oracle\""] {
            let error = Profile::from_toml(text).unwrap_err().to_string();
            let field = text.split(' ').next().unwrap();
            assert!(error.contains(field), "{error}");
        }
        let error = Profile::from_toml("bc = { value = true, known = \"guessed\" }").unwrap_err();
        assert!(matches!(error, ProfileError::Known { .. }));
    }
}
