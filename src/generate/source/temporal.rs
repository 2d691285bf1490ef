//! Dates and times.

use super::{Make, RowView};
use crate::generate::distribution::Distribution;
use crate::generate::pg_type::{IntervalField, PgType};
use crate::generate::stream::{Stream, StreamKey};
use crate::generate::value::Value;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// Within what PostgreSQL's timestamps and dates both hold: the years 1 and 9999.
const FIRST: i64 = -730_000 * DAY;
const LAST: i64 = 2_900_000 * DAY;

/// As what microseconds go into a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Form {
    Date,
    Time,
    Timestamp,
    Interval,
    IntervalOf(IntervalField),
}

impl Form {
    pub(super) fn of(kind: &PgType) -> Option<Self> {
        match kind {
            PgType::Date => Some(Self::Date),
            PgType::Time(_) => Some(Self::Time),
            PgType::Timestamp(_) => Some(Self::Timestamp),
            PgType::Interval => Some(Self::Interval),
            PgType::IntervalOf(field) => Some(Self::IntervalOf(*field)),
            _ => None,
        }
    }

    pub(super) fn value(self, micros: i64) -> Value {
        match self {
            Self::Date => Value::Date(micros.div_euclid(DAY) as i32),
            Self::Time => Value::Time(micros.rem_euclid(DAY)),
            Self::Timestamp => Value::Timestamp(micros),
            Self::IntervalOf(field @ (IntervalField::Year | IntervalField::Month)) => {
                Value::Interval {
                    months: (micros.div_euclid(field.micros()) as i32)
                        .saturating_mul(if field == IntervalField::Year { 12 } else { 1 }),
                    days: 0,
                    micros: 0,
                }
            }
            Self::Interval | Self::IntervalOf(_) => Value::Interval {
                months: 0,
                days: micros.div_euclid(DAY) as i32,
                micros: micros.rem_euclid(DAY),
            },
        }
    }
}

#[derive(Debug)]
struct Between {
    from: i64,
    step: i64,
    steps: u64,
    form: Form,
}

#[derive(Debug)]
struct Moments {
    days: Distribution,
    form: Form,
}

#[derive(Debug)]
struct After {
    of: (Option<usize>, usize),
    least: i64,
    most: i64,
    form: Form,
}

pub(super) fn between(from: i64, to: i64, step: i64, kind: &PgType) -> Option<Box<dyn Make>> {
    let form = Form::of(kind)?;
    let (from, step) = match form {
        Form::Date => (from, step.max(DAY)),
        Form::IntervalOf(field) => {
            let up = |micros: i64| {
                let (unit, rest) = (field.micros(), micros.rem_euclid(field.micros()));
                micros.saturating_add((unit - rest) % unit)
            };
            (up(from), up(step))
        }
        _ => (from, step),
    };
    if step <= 0 || from > to {
        return None;
    }
    Some(Box::new(Between {
        from,
        step,
        steps: to.wrapping_sub(from) as u64 / step as u64,
        form,
    }))
}

pub(super) fn moments(days: &Distribution, kind: &PgType) -> Option<Box<dyn Make>> {
    let form =
        Form::of(kind).filter(|form| !matches!(form, Form::Interval | Form::IntervalOf(_)))?;
    let days = days.clone();
    (days.problem().is_none()).then(|| Box::new(Moments { days, form }) as Box<dyn Make>)
}

pub(super) fn after(
    of: (Option<usize>, usize),
    least: i64,
    most: i64,
    kind: &PgType,
) -> Option<Box<dyn Make>> {
    let form = Form::of(kind)?;
    (least <= most).then(|| {
        Box::new(After {
            of,
            least,
            most,
            form,
        }) as Box<dyn Make>
    })
}

impl Make for Moments {
    /// Too few to count on: how many differ is not known.
    fn size(&self) -> Option<u64> {
        Some(1)
    }

    fn draw(&self, stream: &mut Stream, _: &dyn RowView) -> Value {
        let days = self.days.draw(stream);
        // Whole seconds.
        let seconds = (days * 86_400.0).round();
        let micros = (seconds as i64).saturating_mul(1_000_000);
        self.form.value(micros.clamp(FIRST, LAST))
    }

    fn nth(&self, _: u64, row: &dyn RowView) -> Value {
        self.draw(&mut StreamKey::new(0, "", "moment").row(0, 0), row)
    }
}

impl Make for Between {
    fn size(&self) -> Option<u64> {
        Some(self.steps.saturating_add(1))
    }

    fn draw(&self, stream: &mut Stream, row: &dyn RowView) -> Value {
        self.nth(stream.below(self.steps.saturating_add(1)), row)
    }

    fn nth(&self, index: u64, _: &dyn RowView) -> Value {
        let micros = self.step.wrapping_mul(index as i64);
        self.form.value(self.from.wrapping_add(micros))
    }
}

impl After {
    fn base(&self, row: &dyn RowView) -> Option<i64> {
        let value = match self.of {
            (None, column) => row.column(column).clone(),
            (Some(pick), column) => row.parent(pick, column),
        };
        // Infinity is a key that may be there; nothing is after it.
        match value {
            Value::Date(days) => Some(i64::from(days).saturating_mul(DAY).max(FIRST)),
            Value::Time(micros) | Value::Timestamp(micros) => Some(micros.max(FIRST)),
            _ => None,
        }
    }
}

impl Make for After {
    fn size(&self) -> Option<u64> {
        Some(1)
    }

    fn draw(&self, stream: &mut Stream, row: &dyn RowView) -> Value {
        let distance = stream.between(self.least, self.most);
        self.base(row).map_or(Value::Null, |base| {
            self.form.value(base.saturating_add(distance))
        })
    }

    fn nth(&self, _: u64, row: &dyn RowView) -> Value {
        self.base(row).map_or(Value::Null, |base| {
            self.form.value(base.saturating_add(self.least))
        })
    }

    fn needs(&self) -> Vec<usize> {
        match self.of {
            (None, column) => vec![column],
            (Some(_), _) => Vec::new(),
        }
    }
}
