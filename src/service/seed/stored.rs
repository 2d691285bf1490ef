//! Values that a table holds, exactly as they are: dates and times in the server's binary form, since
//! their texts (infinity, years before Christ or of five digits, `24:00`, parts of different signs)
//! are more than a person writes.

use crate::generate::{PgType, Value, parse};
use crate::sql::Ident;

/// SQL for a text of `column` that [`value`] reads.
pub(super) fn shown(column: &Ident, kind: &PgType) -> String {
    let send = match kind {
        PgType::Date => "date_send",
        PgType::Timestamp(false) => "timestamp_send",
        PgType::Timestamp(true) => "timestamptz_send",
        PgType::Time(false) => "time_send",
        PgType::Time(true) => "timetz_send",
        PgType::Interval | PgType::IntervalOf(_) => "interval_send",
        // Its own text has the currency and the separators of the database.
        PgType::Money => return format!("{column}::pg_catalog.numeric::text"),
        _ => return format!("{column}::text"),
    };
    format!("pg_catalog.encode(pg_catalog.{send}({column}), 'hex')")
}

/// The value that [`shown`] shows; `None` when it is one that has no [`Value`].
pub(super) fn value(text: &str, kind: &PgType) -> Option<Value> {
    Some(match kind {
        PgType::Date => Value::Date(day(&hex::decode(text).ok()?)?),
        PgType::Timestamp(_) => Value::Timestamp(micros(&hex::decode(text).ok()?)?),
        PgType::Time(false) => Value::Time(micros(&hex::decode(text).ok()?)?),
        PgType::Time(true) => {
            let bytes = hex::decode(text).ok()?;
            let (time, zone) = bytes.split_at_checked(8)?;
            (day(zone)? == 0).then_some(Value::Time(micros(time)?))?
        }
        PgType::Interval | PgType::IntervalOf(_) => {
            let bytes = hex::decode(text).ok()?;
            let (time, rest) = bytes.split_at_checked(8)?;
            let (days, months) = rest.split_at_checked(4)?;
            Value::Interval {
                months: day(months)?,
                days: day(days)?,
                micros: micros(time)?,
            }
        }
        _ => parse(text, kind)?,
    })
}

fn day(bytes: &[u8]) -> Option<i32> {
    Some(i32::from_be_bytes(bytes.try_into().ok()?))
}

fn micros(bytes: &[u8]) -> Option<i64> {
    Some(i64::from_be_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_what_the_server_holds() {
        for (text, kind, expected) in [
            ("7fffffff", PgType::Date, Some(Value::Date(i32::MAX))),
            (
                "8000000000000000",
                PgType::Timestamp(true),
                Some(Value::Timestamp(i64::MIN)),
            ),
            (
                "000000141dd76000",
                PgType::Time(false),
                Some(Value::Time(86_400_000_000)),
            ),
            (
                "000000000000000100000000",
                PgType::Time(true),
                Some(Value::Time(1)),
            ),
            ("000000000000000100000e10", PgType::Time(true), None),
            (
                "00000000000f4240ffffffff00000001",
                PgType::Interval,
                Some(Value::Interval {
                    months: 1,
                    days: -1,
                    micros: 1_000_000,
                }),
            ),
            ("7fff", PgType::Date, None),
            ("NaN", PgType::Numeric(None), None),
        ] {
            assert_eq!(value(text, &kind), expected, "{text}");
        }
    }
}
