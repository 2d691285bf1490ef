//! Words.

use super::{Make, RowView};
use crate::generate::pg_type::PgType;
use crate::generate::stream::{Stream, StreamKey};
use crate::generate::value::Value;

use fake::locales::{Data, EN};

#[derive(Debug)]
struct Prose {
    min: u32,
    max: u32,
    key: StreamKey,
}

/// Letters by which the n-th text differs from all others.
const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

pub(super) fn prose(min: u32, max: u32, key: StreamKey, kind: &PgType) -> Option<Box<dyn Make>> {
    let room = match kind {
        PgType::Text(room) => room.unwrap_or(u32::MAX),
        PgType::Char(room) => *room,
        PgType::Xml => u32::MAX,
        _ => return None,
    };
    let max = max.min(room);
    (min <= max && max > 0).then(|| Box::new(Prose { min, max, key }) as Box<dyn Make>)
}

/// The number to the base 36.
pub(super) fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    loop {
        digits.push(char::from(DIGITS[(number % 36) as usize]));
        number /= 36;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

impl Prose {
    fn write(&self, stream: &mut Stream, room: usize) -> String {
        let length = (stream.between(i64::from(self.min), i64::from(self.max)) as usize).min(room);
        let mut text = String::with_capacity(length);
        while text.len() < length {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(stream.pick(EN::LOREM_WORD).copied().unwrap_or("word"));
        }
        text.truncate(length);
        let kept = text.trim_end().len();
        text.truncate(kept);
        while text.len() < (self.min as usize).min(room) {
            text.push('.');
        }
        text
    }
}

/// Texts of another source in one letter case.
#[derive(Debug)]
struct Cased {
    of: Box<dyn Make>,
    upper: bool,
}

pub(super) fn cased(of: Box<dyn Make>, upper: bool) -> Box<dyn Make> {
    Box::new(Cased { of, upper })
}

impl Cased {
    fn fold(&self, value: Value) -> Value {
        match value {
            Value::Text(text) if self.upper => Value::text(text.to_uppercase()),
            Value::Text(text) => Value::text(text.to_lowercase()),
            other => other,
        }
    }
}

impl Make for Cased {
    fn size(&self) -> Option<u64> {
        self.of.size()
    }

    fn draw(&self, stream: &mut Stream, row: &dyn RowView) -> Value {
        self.fold(self.of.draw(stream, row))
    }

    fn nth(&self, index: u64, row: &dyn RowView) -> Value {
        self.fold(self.of.nth(index, row))
    }

    fn needs(&self) -> Vec<usize> {
        self.of.needs()
    }
}

impl Make for Prose {
    fn size(&self) -> Option<u64> {
        Some(36_u64.checked_pow(self.max).unwrap_or(u64::MAX))
    }

    fn draw(&self, stream: &mut Stream, _: &dyn RowView) -> Value {
        Value::text(self.write(stream, self.max as usize))
    }

    /// Words, then the number: no two end alike after their last space.
    fn nth(&self, index: u64, _: &dyn RowView) -> Value {
        let number = base36(index);
        let room = (self.max as usize).saturating_sub(number.len() + 1);
        let mut text = self.write(&mut self.key.row(index, 0), room);
        if text.is_empty() && self.max as usize > number.len() || !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&number);
        Value::text(text)
    }
}
