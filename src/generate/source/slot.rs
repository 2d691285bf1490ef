//! Ranges that do not meet: one after another, as bookings of a room.

use super::{Make, RowView};
use crate::generate::pg_type::PgType;
use crate::generate::stream::{Stream, StreamKey};
use crate::generate::value::Value;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// Of what ranges are made.
#[derive(Debug, Clone, Copy)]
enum Form {
    Int,
    Date,
    Timestamp,
}

#[derive(Debug)]
struct Slot {
    from: i64,
    every: i64,
    count: u64,
    form: Form,
    key: StreamKey,
}

/// Ranges that begin at `from`, `from + every` ... and end before the next begins; `from` and
/// `every` are numbers, days or microseconds.
pub(super) fn slot(
    from: i64,
    every: i64,
    count: u64,
    key: StreamKey,
    kind: &PgType,
) -> Option<Box<dyn Make>> {
    let (PgType::Range(bound) | PgType::Multirange(bound)) = kind else {
        return None;
    };
    let form = match &**bound {
        PgType::Int(_) | PgType::Numeric(None) => Form::Int,
        PgType::Date => Form::Date,
        PgType::Timestamp(_) => Form::Timestamp,
        _ => return None,
    };
    let most = match &**bound {
        PgType::Int(4) => i64::from(i32::MAX),
        PgType::Date => 2_000_000,
        _ => i64::MAX / 2,
    };
    let room = most.checked_sub(from)?.checked_div(every)?;
    (every > 0 && room > 0).then(|| {
        Box::new(Slot {
            from,
            every,
            count: count.min(room.unsigned_abs()),
            form,
            key,
        }) as Box<dyn Make>
    })
}

impl Slot {
    fn value(&self, at: i64) -> Option<Box<Value>> {
        Some(Box::new(match self.form {
            Form::Int => Value::Int(at),
            Form::Date => Value::Date(i32::try_from(at).ok()?),
            Form::Timestamp => Value::Timestamp(at),
        }))
    }
}

impl Make for Slot {
    fn size(&self) -> Option<u64> {
        Some(self.count)
    }

    fn draw(&self, stream: &mut Stream, row: &dyn RowView) -> Value {
        self.nth(stream.below(self.count), row)
    }

    fn nth(&self, index: u64, _: &dyn RowView) -> Value {
        let from = self.from + self.every.saturating_mul(index as i64);
        // Quarters of the slot: bookings of 15 minutes to an hour.
        let quarter = (self.every / 4).max(1);
        let quarters = self.key.row(index, 0).between(1, self.every / quarter);
        Value::Range(self.value(from), self.value(from + quarter * quarters))
    }
}

/// The place of the first slot and the distance to the next, for ranges over `bound`.
pub(in crate::generate) fn usual(bound: &PgType, today: i64) -> Option<(i64, i64)> {
    match bound {
        PgType::Int(_) | PgType::Numeric(None) => Some((0, 100)),
        PgType::Date => Some((today.div_euclid(DAY), 4)),
        PgType::Timestamp(_) => Some((today.div_euclid(DAY) * DAY, DAY / 24)),
        _ => None,
    }
}
