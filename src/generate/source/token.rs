//! Identifiers and bytes without a meaning.

use super::{Make, RowView};
use crate::generate::permutation::Permutation;
use crate::generate::pg_type::PgType;
use crate::generate::stream::{Stream, StreamKey};
use crate::generate::value::Value;

/// Version 4 and its variant (RFC 9562, section 5.4).
const FIXED_BITS: u128 = 0x4000_8000_0000_0000_0000;
const FREE_BITS: u128 = 0xffff_ffff_ffff_0fff_3fff_ffff_ffff_ffff;

#[derive(Debug)]
struct Uuid {
    order: Permutation,
    key: StreamKey,
    text: bool,
}

#[derive(Debug)]
struct Token {
    alphabet: Vec<u8>,
    length: u32,
    order: Permutation,
}

#[derive(Debug)]
struct Bytes {
    min: u32,
    max: u32,
    key: StreamKey,
}

pub(super) fn uuid(key: StreamKey, kind: &PgType) -> Option<Box<dyn Make>> {
    let text = match kind {
        PgType::Uuid => false,
        PgType::Text(length) if length.is_none_or(|length| length >= 36) => true,
        PgType::Char(36..) => true,
        _ => return None,
    };
    Some(Box::new(Uuid {
        order: Permutation::new(key.word(), u64::MAX),
        key,
        text,
    }))
}

pub(super) fn token(
    length: u32,
    alphabet: &str,
    key: StreamKey,
    kind: &PgType,
) -> Option<Box<dyn Make>> {
    let room = match kind {
        PgType::Text(room) => room.unwrap_or(u32::MAX),
        PgType::Char(room) => *room,
        _ => return None,
    };
    let alphabet = alphabet.as_bytes().to_vec();
    let size = (alphabet.len() as u64)
        .checked_pow(length.min(room))
        .unwrap_or(u64::MAX);
    (alphabet.is_ascii() && !alphabet.is_empty() && length > 0).then(|| {
        Box::new(Token {
            length: length.min(room),
            order: Permutation::new(key.word(), size),
            alphabet,
        }) as Box<dyn Make>
    })
}

pub(super) fn bytes(min: u32, max: u32, key: StreamKey, kind: &PgType) -> Option<Box<dyn Make>> {
    (*kind == PgType::Bytes && min <= max)
        .then(|| Box::new(Bytes { min, max, key }) as Box<dyn Make>)
}

impl Uuid {
    fn value(&self, high: u64, low: u64) -> Value {
        let bits = u128::from(high) << 64 | u128::from(low);
        let bits = bits & FREE_BITS | FIXED_BITS;
        if self.text {
            let digits = format!("{bits:032x}");
            let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| &digits[range]);
            Value::text(parts.join("-"))
        } else {
            Value::Uuid(bits)
        }
    }
}

impl Make for Uuid {
    fn size(&self) -> Option<u64> {
        Some(self.order.bound())
    }

    fn draw(&self, stream: &mut Stream, _: &dyn RowView) -> Value {
        let high = stream.word();
        self.value(high, stream.word())
    }

    /// The shuffled number is the first half; the four of its bits that the version covers stand at
    /// the beginning of the second half, so that two numbers never meet.
    fn nth(&self, index: u64, _: &dyn RowView) -> Value {
        let high = self.order.at(index);
        let low = self.key.row(index, 0).word();
        self.value(high, low & !(0xf << 58) | (high >> 12 & 0xf) << 58)
    }
}

impl Token {
    fn spell(&self, mut number: u64) -> Value {
        let base = self.alphabet.len() as u64;
        let mut text = vec![0; self.length as usize];
        for place in text.iter_mut().rev() {
            *place = self.alphabet[(number % base) as usize];
            number /= base;
        }
        // The alphabet is ASCII.
        Value::text(text.into_iter().map(char::from).collect())
    }
}

impl Make for Token {
    fn size(&self) -> Option<u64> {
        Some(self.order.bound())
    }

    fn draw(&self, stream: &mut Stream, _: &dyn RowView) -> Value {
        self.spell(stream.below(self.order.bound()))
    }

    fn nth(&self, index: u64, _: &dyn RowView) -> Value {
        self.spell(self.order.at(index))
    }
}

impl Bytes {
    fn fill(&self, stream: &mut Stream) -> Vec<u8> {
        let length = stream.between(i64::from(self.min), i64::from(self.max)) as usize;
        let mut bytes = vec![0; length];
        for chunk in bytes.chunks_mut(8) {
            let word = stream.word().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        bytes
    }
}

impl Make for Bytes {
    fn size(&self) -> Option<u64> {
        Some(1_u64.checked_shl(8 * self.max.min(8)).unwrap_or(u64::MAX))
    }

    fn draw(&self, stream: &mut Stream, _: &dyn RowView) -> Value {
        Value::Bytes(self.fill(stream))
    }

    fn nth(&self, index: u64, _: &dyn RowView) -> Value {
        let mut bytes = self.fill(&mut self.key.row(index, 0));
        bytes.resize(bytes.len().max(self.max.min(8) as usize), 0);
        let number = index.to_be_bytes();
        let width = bytes.len().min(8);
        bytes[..width].copy_from_slice(&number[8 - width..]);
        Value::Bytes(bytes)
    }
}
