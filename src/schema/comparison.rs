//! How the rows of a table are compared after they were loaded: which columns are compared by value.

use crate::catalog::{DataType, Shape};
use crate::copytext::{Canonical, Comparison, Form};

/// The comparison of rows whose columns have these types in the target; `keys` are places of columns.
pub fn comparison(types: &[&DataType], mut keys: Vec<usize>) -> Comparison {
    keys.sort_unstable();
    let kinds = types.iter().enumerate();
    Comparison {
        fields: types.len(),
        keys,
        canonical: kinds
            .filter_map(|(place, data_type)| Some((place, canonical(data_type)?)))
            .collect(),
        ..Comparison::default()
    }
}

/// Two servers may print the values of a type in different ways; `None`: they do not.
fn canonical(data_type: &DataType) -> Option<Canonical> {
    // OIDs of built-in types are part of the protocol.
    let form = match data_type.base {
        1700 => Form::Numeric,
        700 => Form::Float4,
        701 => Form::Float8,
        3802 => Form::Jsonb,
        1042 => Form::Padded,
        1083 | 1114 | 1184 => Form::Moment,
        _ => return None,
    };
    match data_type.shape {
        Shape::Scalar => Some(Canonical::Scalar(form)),
        Shape::Array => Some(Canonical::Array(form)),
        Shape::Composite | Shape::Range => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(base: u32, shape: Shape) -> DataType {
        DataType {
            sql: String::new(),
            shape,
            base,
            base_name: String::new(),
            typmod: None,
            holds_timestamp: false,
        }
    }

    #[test]
    fn types_that_have_two_spellings_are_compared_by_value() {
        let (text, numeric) = (of(25, Shape::Scalar), of(1700, Shape::Scalar));
        let (moments, range) = (of(1184, Shape::Array), of(1114, Shape::Range));
        let comparison = comparison(&[&text, &numeric, &moments, &range], vec![1, 0]);
        assert_eq!(comparison.keys, [0, 1]);
        assert_eq!(
            comparison.canonical,
            [
                (1, Canonical::Scalar(Form::Numeric)),
                (2, Canonical::Array(Form::Moment)),
            ]
        );
    }
}
