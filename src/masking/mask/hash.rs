//! Keyed hashes.

use std::sync::Arc;

use super::site::{Compiled, Distinct, Site};
use super::text::TextMask;
use crate::masking::prf::{Prf, Seed};
use crate::masking::{FieldMask, Masked, Row, Shape, Unmaskable};

pub(super) fn compile(site: &Site<'_>, length: u8) -> Compiled {
    if !(8..=32).contains(&length) {
        return Err(site.refuse("has a length that is not 8 to 32", "leave it out: 32"));
    }
    let limit = site
        .facts
        .max_length
        .map_or(usize::from(length), |n| n as usize);
    let length = usize::from(length).min(limit);
    let distinct = Distinct::Bits(length as u32 * 4);
    if site.facts.shape == Shape::Bytes {
        site.prove_distinct(Distinct::Bits(128))?;
        let prf = site.prf()?;
        return Ok(Arc::new(BytesHash { prf }));
    }
    site.on_text(
        Hash {
            prf: site.prf()?,
            length,
        },
        distinct,
    )
}

#[derive(Debug)]
struct Hash {
    prf: Prf,
    length: usize,
}

const HEX: &[u8; 16] = b"0123456789abcdef";

impl TextMask for Hash {
    fn uses_seed(&self) -> bool {
        false
    }

    fn write(&self, input: &str, _: Seed, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        let mut bits = self.prf.seed(input.as_bytes()).0;
        for _ in 0..self.length {
            out.push(HEX[(bits >> 124) as usize]);
            bits <<= 4;
        }
        Ok(())
    }
}

/// Sixteen bytes for any bytes.
#[derive(Debug)]
struct BytesHash {
    prf: Prf,
}

impl FieldMask for BytesHash {
    fn value(&self, value: &[u8], _: &Row<'_>, out: &mut Vec<u8>) -> Result<Masked, Unmaskable> {
        out.extend_from_slice(&self.prf.seed(value).0.to_be_bytes());
        Ok(Masked::Value)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests_support::{facts, mask, masked, refusal, text};

    #[test]
    fn tokens_are_hexadecimal_and_fit() {
        let long = text(&mask("\"hash\"", "text"), "a@b.example");
        assert!(long.len() == 32 && long.bytes().all(|b| b.is_ascii_hexdigit()));
        let short = text(&mask("\"hash\"", "character varying(12)"), "a@b.example");
        assert_eq!(short, long[..12]);
        assert_eq!(masked(&mask("\"hash\"", "bytea"), b"photo").len(), 16);
        let mut unique = facts("character varying(8)");
        unique.unique = true;
        unique.rows = 1_000_000;
        assert!(refusal("\"hash\"", &unique).contains("too few values"));
        assert!(refusal("\"hash\"", &facts("integer")).contains("does not work on integer"));
    }
}
