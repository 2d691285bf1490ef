//! Decimal numbers and the binary form of `numeric` (`numeric_send`): number of digits, weight of the first, sign,
//! scale, then digits to the base 10000.

use serde::{Deserialize, Serialize};

/// A decimal number: `unscaled / 10^scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decimal {
    /// All digits, as one whole number.
    pub unscaled: i128,
    /// Digits behind the point.
    pub scale: u16,
}

const NEGATIVE: u16 = 0x4000;

impl Decimal {
    /// Reads the binary form; `None` for NaN, infinity and numbers of more than 38 digits.
    #[must_use]
    pub fn read(value: &[u8]) -> Option<Self> {
        let word = |i: usize| {
            Some(u16::from_be_bytes(
                value.get(2 * i..2 * i + 2)?.try_into().ok()?,
            ))
        };
        let (count, weight, sign, scale) = (word(0)?, word(1)? as i16, word(2)?, word(3)?);
        if sign != 0 && sign != NEGATIVE || value.len() != 8 + 2 * usize::from(count) {
            return None;
        }
        let groups = scale.div_ceil(4);
        let mut sum = 0_i128;
        for place in (-i32::from(groups)..=i32::from(weight).max(-1)).rev() {
            let index = i32::from(weight) - place;
            let digit = match usize::try_from(index) {
                Ok(i) if i < usize::from(count) => word(4 + i)?,
                _ => 0,
            };
            sum = sum.checked_mul(10_000)?.checked_add(i128::from(digit))?;
        }
        sum /= 10_i128.checked_pow(u32::from(groups * 4 - scale))?;
        let unscaled = if sign == NEGATIVE { -sum } else { sum };
        Some(Self { unscaled, scale })
    }

    /// Appends the binary form; `None` when it would overflow 38 digits.
    pub fn write(self, out: &mut Vec<u8>) -> Option<()> {
        let groups = self.scale.div_ceil(4);
        let shift = 10_i128.checked_pow(u32::from(groups * 4 - self.scale))?;
        let mut rest = self.unscaled.checked_mul(shift)?.unsigned_abs();
        let mut digits = [0_u16; 10];
        let mut count = 0;
        while rest > 0 {
            digits[count] = (rest % 10_000) as u16;
            rest /= 10_000;
            count += 1;
        }
        let weight = count as i32 - 1 - i32::from(groups);
        let trailing = digits[..count]
            .iter()
            .take_while(|digit| **digit == 0)
            .count();
        let kept = &digits[trailing..count];
        let weight = if kept.is_empty() { 0 } else { weight as i16 };
        let sign = if self.unscaled < 0 { NEGATIVE } else { 0 };
        out.extend_from_slice(&(kept.len() as u16).to_be_bytes());
        out.extend_from_slice(&weight.to_be_bytes());
        out.extend_from_slice(&sign.to_be_bytes());
        out.extend_from_slice(&self.scale.to_be_bytes());
        for digit in kept.iter().rev() {
            out.extend_from_slice(&digit.to_be_bytes());
        }
        Some(())
    }

    /// Reads `-12.50`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() {
            return None;
        }
        let mut sum = 0_i128;
        for byte in whole.bytes().chain(fraction.bytes()) {
            let digit = byte.is_ascii_digit().then(|| i128::from(byte - b'0'))?;
            sum = sum.checked_mul(10)?.checked_add(digit)?;
        }
        Some(Self {
            unscaled: sign * sum,
            scale: u16::try_from(fraction.len()).ok()?,
        })
    }

    /// How two numbers compare, whatever their scales.
    #[must_use]
    pub fn compare(self, other: Self) -> std::cmp::Ordering {
        let at = |number: Self, scale: u16| {
            let missing = u32::from(scale - number.scale);
            number.unscaled.checked_mul(10_i128.checked_pow(missing)?)
        };
        let scale = self.scale.max(other.scale);
        match (at(self, scale), at(other, scale)) {
            (Some(one), Some(two)) => one.cmp(&two),
            _ => self.to_f64().total_cmp(&other.to_f64()),
        }
    }

    /// The number, as near as a float comes.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.unscaled as f64 / 10_f64.powi(i32::from(self.scale))
    }

    /// The nearest number of a scale; `None` when it has too many digits.
    #[must_use]
    pub fn of_f64(number: f64, scale: u16) -> Option<Self> {
        let unscaled = (number * 10_f64.powi(i32::from(scale))).round();
        (unscaled.abs() < 1e37).then_some(Self {
            unscaled: unscaled as i128,
            scale,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As `numeric_send` gives them; tests/it/mask_wire.rs asks a server.
    #[test]
    fn forms_of_the_server() {
        for (text, hex) in [
            ("0", "0000000000000000"),
            ("0.00", "0000000000000002"),
            ("1", "00010000000000000001"),
            ("-12.50", "0002000040000002000c1388"),
            ("10000", "00010001000000000001"),
            ("12345678.9", "000300010000000104d2162e2328"),
            ("0.0001", "0001ffff000000040001"),
        ] {
            let bytes = hex::decode(hex).unwrap();
            let decimal = Decimal::parse(text).unwrap();
            assert_eq!(Decimal::read(&bytes), Some(decimal), "{text}");
            let mut out = Vec::new();
            decimal.write(&mut out).unwrap();
            assert_eq!(out, bytes, "{text}");
        }
        for hex in [
            "00000000c0000000",
            "00000000d0000020",
            "00000000f0000020",
            "00",
        ] {
            assert_eq!(Decimal::read(&hex::decode(hex).unwrap()), None);
        }
    }

    proptest! {
        #[test]
        fn reading_undoes_writing(unscaled in -10_i128.pow(33)..10_i128.pow(33), scale in 0_u16..30) {
            let decimal = Decimal { unscaled, scale };
            let mut out = Vec::new();
            decimal.write(&mut out).unwrap();
            prop_assert_eq!(Decimal::read(&out), Some(decimal));
        }
    }
}
