//! Numbers.

use super::{Make, RowView};
use crate::generate::distribution::Distribution;
use crate::generate::pg_type::PgType;
use crate::generate::stream::Stream;
use crate::generate::value::Value;
use crate::sql::Decimal;

#[derive(Debug)]
struct Serial {
    start: i64,
    step: i64,
    size: u64,
    kind: Form,
}

#[derive(Debug)]
struct Whole {
    min: i64,
    max: i64,
    spread: Distribution,
    kind: Form,
}

#[derive(Debug)]
struct Fraction {
    /// Bounds in units of the scale.
    min: i64,
    max: i64,
    scale: u16,
    spread: Distribution,
    float: bool,
}

/// As what a whole number goes into a column.
#[derive(Debug, Clone, Copy)]
enum Form {
    Int,
    Float,
    Text,
}

impl Form {
    fn of(kind: &PgType) -> Option<Self> {
        match kind {
            PgType::Int(_) | PgType::Numeric(_) | PgType::Money => Some(Self::Int),
            PgType::Float(_) => Some(Self::Float),
            PgType::Text(_) | PgType::Char(_) => Some(Self::Text),
            _ => None,
        }
    }

    fn value(self, number: i64) -> Value {
        match self {
            Self::Int => Value::Int(number),
            Self::Float => Value::Float(number as f64),
            Self::Text => Value::text(number.to_string()),
        }
    }
}

/// The whole numbers that a type holds.
pub(super) fn bounds(kind: &PgType) -> (i64, i64) {
    match kind {
        PgType::Int(2) => (i64::from(i16::MIN), i64::from(i16::MAX)),
        PgType::Int(4) => (i64::from(i32::MIN), i64::from(i32::MAX)),
        PgType::Numeric(Some((precision, scale))) => {
            let digits = (i32::from(*precision) - i32::from(*scale)).clamp(0, 18) as u32;
            let most = 10_i64.pow(digits) - 1;
            (-most, most)
        }
        PgType::Float(4) => (-(1 << 24), 1 << 24),
        PgType::Float(_) => (-(1 << 53), 1 << 53),
        PgType::Text(Some(length)) | PgType::Char(length) => (0, 10_i64.pow((*length).min(18)) - 1),
        _ => (i64::MIN, i64::MAX),
    }
}

pub(super) fn serial(start: i64, step: i64, kind: &PgType) -> Option<Box<dyn Make>> {
    let form = Form::of(kind)?;
    let (least, most) = bounds(kind);
    let room = match step {
        0 => return None,
        step if step > 0 => most.abs_diff(start) / step.unsigned_abs(),
        step => least.abs_diff(start) / step.unsigned_abs(),
    };
    (least <= start && start <= most).then(|| {
        Box::new(Serial {
            start,
            step,
            size: room.saturating_add(1),
            kind: form,
        }) as Box<dyn Make>
    })
}

pub(super) fn whole(
    min: i64,
    max: i64,
    spread: &Distribution,
    kind: &PgType,
) -> Option<Box<dyn Make>> {
    let (least, most) = bounds(kind);
    let (min, max) = (min.max(least), max.min(most));
    if min > max || spread.problem().is_some() {
        return None;
    }
    Some(Box::new(Whole {
        min,
        max,
        spread: spread.clone(),
        kind: Form::of(kind)?,
    }))
}

pub(super) fn decimal(
    (min, max): (f64, f64),
    scale: u16,
    spread: &Distribution,
    kind: &PgType,
) -> Option<Box<dyn Make>> {
    let unit = 10_f64.powi(i32::from(scale));
    let (least, most) = match kind {
        PgType::Numeric(Some((precision, own))) if *own >= 0 => {
            let most = 10_f64.powi(i32::from(*precision) - i32::from(*own));
            (-most + 1.0 / unit, most - 1.0 / unit)
        }
        PgType::Numeric(_) | PgType::Money | PgType::Float(_) => (-9e15 / unit, 9e15 / unit),
        _ => return None,
    };
    let bound = |value: f64| (value.clamp(least, most) * unit).round() as i64;
    let (min, max) = (bound(min), bound(max));
    if min > max || spread.problem().is_some() {
        return None;
    }
    Some(Box::new(Fraction {
        min,
        max,
        scale,
        spread: spread.clone(),
        float: matches!(kind, PgType::Float(_)),
    }))
}

impl Make for Serial {
    fn size(&self) -> Option<u64> {
        Some(self.size)
    }

    fn draw(&self, _: &mut Stream, row: &dyn RowView) -> Value {
        self.nth(row.number(), row)
    }

    fn nth(&self, index: u64, _: &dyn RowView) -> Value {
        let steps = self.step.wrapping_mul(index as i64);
        self.kind.value(self.start.wrapping_add(steps))
    }
}

impl Make for Whole {
    fn size(&self) -> Option<u64> {
        Some((self.max.wrapping_sub(self.min) as u64).saturating_add(1))
    }

    fn draw(&self, stream: &mut Stream, _: &dyn RowView) -> Value {
        self.kind
            .value(self.spread.draw_whole(stream, self.min, self.max))
    }

    fn nth(&self, index: u64, _: &dyn RowView) -> Value {
        self.kind.value(self.min.wrapping_add(index as i64))
    }
}

impl Fraction {
    fn value(&self, units: i64) -> Value {
        let decimal = Decimal {
            unscaled: i128::from(units),
            scale: self.scale,
        };
        if self.float {
            Value::Float(decimal.to_f64())
        } else {
            Value::Decimal(decimal)
        }
    }
}

impl Make for Fraction {
    fn size(&self) -> Option<u64> {
        Some((self.max.wrapping_sub(self.min) as u64).saturating_add(1))
    }

    fn draw(&self, stream: &mut Stream, _: &dyn RowView) -> Value {
        let unit = 10_f64.powi(i32::from(self.scale));
        let units = match self.spread {
            Distribution::Uniform { .. } => stream.between(self.min, self.max),
            ref spread => ((spread.draw(stream) * unit).round() as i64).clamp(self.min, self.max),
        };
        self.value(units)
    }

    fn nth(&self, index: u64, _: &dyn RowView) -> Value {
        self.value(self.min.wrapping_add(index as i64))
    }
}
