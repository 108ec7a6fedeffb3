//! Whether a column's values fit into the target's type as text, and what must be done to them.

use crate::catalog::{DataType, Moment, Shape};
use crate::copytext::Transform;

use super::refusal::Unfit;

/// Fraction digits that the target keeps, 0–6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FractionDigits {
    /// Of `timestamp without time zone`.
    pub timestamp: u8,
    /// Of `timestamp with time zone`.
    pub timestamptz: u8,
}

/// What happens to values on their way from one type to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// Sent as they are.
    AsIs,
    /// Sent as they are; the target may round or cut them.
    MayNarrow,
    /// Rewritten.
    Rewritten(Transform),
}

/// The fit of a source type into a target type.
pub(super) fn fit(from: &DataType, to: &DataType, digits: FractionDigits) -> Result<Fit, Unfit> {
    if to.is_text() {
        return Ok(into_text(from, to));
    }
    match (from.moment(), to.moment()) {
        (Some(_), Some(moment)) => return between_moments(from, to, moment, digits),
        (None, _) if from.holds_timestamp => return Err(Unfit::TimestampInside),
        (None, Some(_)) if from.is_text() => return Err(Unfit::TextToTimestamp),
        _ => {}
    }
    if (from.shape == Shape::Array) != (to.shape == Shape::Array) && !from.is_text() {
        return Err(Unfit::OtherShape);
    }
    if from.shape == Shape::Scalar || from.shape == Shape::Array {
        families(from, to)?;
    }
    Ok(match () {
        () if from.is_char() => Fit::Rewritten(Transform::TrimRight),
        () if narrows(from, to) => Fit::MayNarrow,
        () => Fit::AsIs,
    })
}

fn into_text(from: &DataType, to: &DataType) -> Fit {
    if from.is_char() && !to.is_char() {
        Fit::Rewritten(Transform::TrimRight)
    } else {
        Fit::AsIs
    }
}

/// A timestamp is cut where the source can hold more digits than the target keeps.
fn between_moments(
    from: &DataType,
    to: &DataType,
    moment: Moment,
    digits: FractionDigits,
) -> Result<Fit, Unfit> {
    if from.shape != to.shape {
        return Err(Unfit::OtherShape);
    }
    let kept = match moment {
        Moment::Timestamp => digits.timestamp,
        Moment::Timestamptz => digits.timestamptz,
    };
    let digits = kept.min(to.fraction_digits());
    if digits >= from.fraction_digits() {
        return Ok(Fit::AsIs);
    }
    Ok(Fit::Rewritten(match from.shape {
        Shape::Array => Transform::CutTimestampArray { digits },
        _ => Transform::CutTimestamp { digits },
    }))
}

/// Built-in types whose values have nothing to do with those of another family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Boolean,
    Number,
    Uuid,
    Json,
    /// timestamp and timestamptz: a date and a time of day
    Moment,
    Date,
    /// time and timetz
    TimeOfDay,
    Interval,
}

impl Family {
    /// By pg_type.oid; `None` where the server shall judge.
    fn of(oid: u32) -> Option<Self> {
        match oid {
            16 => Some(Self::Boolean),
            20 | 21 | 23 | 26 | 700 | 701 | 1700 => Some(Self::Number),
            2950 => Some(Self::Uuid),
            114 | 3802 => Some(Self::Json),
            1114 | 1184 => Some(Self::Moment),
            1082 => Some(Self::Date),
            1083 | 1266 => Some(Self::TimeOfDay),
            1186 => Some(Self::Interval),
            _ => None,
        }
    }
}

/// Refuses pairs that no value survives, and those that the server takes but cuts a part off.
fn families(from: &DataType, to: &DataType) -> Result<(), Unfit> {
    let (Some(a), Some(b)) = (Family::of(from.base), Family::of(to.base)) else {
        return Ok(());
    };
    match (a, b) {
        _ if a == b && (from.base, to.base) != (1266, 1083) => Ok(()),
        (Family::Date, Family::Moment) | (Family::TimeOfDay, Family::Interval) => Ok(()),
        // 0 and 1 are booleans; other numbers the server refuses.
        (Family::Number, Family::Boolean) => Ok(()),
        (Family::Number | Family::Boolean, Family::Json) => Ok(()),
        (Family::Moment | Family::TimeOfDay, Family::Date | Family::TimeOfDay) => {
            Err(Unfit::PartDropped)
        }
        _ => Err(Unfit::OtherFamily),
    }
}

/// Whether the target's number or time type silently rounds what the source's can hold.
fn narrows(from: &DataType, to: &DataType) -> bool {
    const FLOAT4: u32 = 700;
    const FLOAT8: u32 = 701;
    const NUMERIC: u32 = 1700;
    match (from.base, to.base) {
        (FLOAT8 | NUMERIC, FLOAT4) | (NUMERIC, FLOAT8) => true,
        (20, FLOAT8 | FLOAT4) | (23, FLOAT4) => true,
        (FLOAT4 | FLOAT8, NUMERIC) => to.typmod.is_some(),
        (NUMERIC, NUMERIC) => to
            .typmod
            .is_some_and(|t| from.typmod.is_none_or(|f| scale(f) > scale(t))),
        (1083 | 1266, 1083 | 1266) => to.fraction_digits() < from.fraction_digits(),
        _ => false,
    }
}

/// Digits after the point of `numeric(precision, scale)`; since PostgreSQL 15 it may be negative.
fn scale(typmod: i32) -> i32 {
    const HEADER: i32 = 4;
    (((typmod - HEADER) & 0x7ff) ^ 1024) - 1024
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{TypeForm, Types};

    const THREE: FractionDigits = FractionDigits {
        timestamp: 3,
        timestamptz: 2,
    };

    fn types() -> Types {
        let mut types = Types::default();
        for oid in [
            16, 23, 25, 1042, 1043, 1082, 1083, 1114, 1184, 1266, 1700, 2950,
        ] {
            types.insert(oid, format!("t{oid}"), TypeForm::Scalar);
        }
        types.insert(1115, "_timestamp".into(), TypeForm::Array { element: 1114 });
        types.insert(
            1185,
            "_timestamptz".into(),
            TypeForm::Array { element: 1184 },
        );
        types.insert(1007, "_int4".into(), TypeForm::Array { element: 23 });
        types.insert(3908, "tsrange".into(), TypeForm::Range { bound: 1114 });
        types
    }

    fn of(from: (u32, i32), to: (u32, i32)) -> Result<Fit, Unfit> {
        let types = types();
        let resolve = |(oid, typmod)| types.resolve(oid, typmod, String::new());
        fit(&resolve(from), &resolve(to), THREE)
    }

    fn cut(digits: u8) -> Result<Fit, Unfit> {
        Ok(Fit::Rewritten(Transform::CutTimestamp { digits }))
    }

    #[test]
    fn timestamps_are_cut_to_the_smaller_of_profile_and_typmod() {
        assert_eq!(of((1114, -1), (1114, -1)), cut(3));
        assert_eq!(of((1114, -1), (1114, 1)), cut(1));
        assert_eq!(of((1114, -1), (1114, 6)), cut(3));
        assert_eq!(of((1184, -1), (1184, 0)), cut(0));
        assert_eq!(
            of((1114, -1), (1184, -1)),
            cut(2),
            "the target's type decides"
        );
        let array = Ok(Fit::Rewritten(Transform::CutTimestampArray { digits: 2 }));
        assert_eq!(of((1185, -1), (1185, -1)), array);
    }

    #[test]
    fn a_timestamp_that_holds_no_more_than_the_target_is_passed_through() {
        assert_eq!(of((1114, 3), (1114, -1)), Ok(Fit::AsIs));
        assert_eq!(of((1114, 3), (1114, 2)), cut(2));
        assert_eq!(of((1115, 0), (1115, -1)), Ok(Fit::AsIs));
    }

    #[test]
    fn text_takes_timestamps_and_ranges_and_gives_none() {
        for from in [1114, 1184, 1115, 3908] {
            assert_eq!(of((from, -1), (25, -1)), Ok(Fit::AsIs));
        }
        assert_eq!(of((25, -1), (1114, -1)), Err(Unfit::TextToTimestamp));
        assert_eq!(of((25, -1), (1115, -1)), Err(Unfit::TextToTimestamp));
        assert_eq!(of((3908, -1), (3908, -1)), Err(Unfit::TimestampInside));
    }

    #[test]
    fn padding_is_trimmed_unless_the_target_pads_too() {
        let trimmed = Ok(Fit::Rewritten(Transform::TrimRight));
        assert_eq!(of((1042, 14), (25, -1)), trimmed);
        assert_eq!(of((1042, 14), (1043, 14)), trimmed);
        assert_eq!(of((1042, 14), (1042, 14)), Ok(Fit::AsIs));
        assert_eq!(of((1042, 14), (23, -1)), trimmed);
    }

    #[test]
    fn pairs_that_can_not_work_are_refused() {
        assert_eq!(of((1114, -1), (1082, -1)), Err(Unfit::PartDropped));
        assert_eq!(of((1184, -1), (1083, -1)), Err(Unfit::PartDropped));
        assert_eq!(of((1266, -1), (1083, -1)), Err(Unfit::PartDropped));
        assert_eq!(of((1115, -1), (1114, -1)), Err(Unfit::OtherShape));
        assert_eq!(of((1007, -1), (23, -1)), Err(Unfit::OtherShape));
        assert_eq!(of((16, -1), (23, -1)), Err(Unfit::OtherFamily));
        assert_eq!(of((2950, -1), (1700, -1)), Err(Unfit::OtherFamily));
        assert_eq!(of((1082, -1), (1114, -1)), Ok(Fit::AsIs));
        assert_eq!(
            of((25, -1), (23, -1)),
            Ok(Fit::AsIs),
            "the server judges text"
        );
    }

    #[test]
    fn numbers_that_the_target_rounds_are_noted() {
        let numeric = |precision: i32, scale: i32| ((precision << 16) | (scale & 0x7ff)) + 4;
        assert_eq!(of((1700, -1), (1700, numeric(10, 2))), Ok(Fit::MayNarrow));
        assert_eq!(
            of((1700, numeric(10, 2)), (1700, numeric(12, 2))),
            Ok(Fit::AsIs)
        );
        assert_eq!(
            of((1700, numeric(10, 2)), (1700, numeric(12, -1))),
            Ok(Fit::MayNarrow)
        );
        assert_eq!(of((1083, -1), (1083, 3)), Ok(Fit::MayNarrow));
    }
}
