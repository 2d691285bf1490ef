//! A sum over rows that tells whether two sets of rows are equal, in whatever order they come.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use twox_hash::XxHash3_128;

/// Number of rows and the sum, modulo 2^128, of their XXH3-128 hashes. A sum, not an exclusive or:
/// rows that stand there twice count twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowSum {
    /// Rows.
    pub rows: u64,
    /// Bytes of the rows as COPY sends them.
    pub bytes: u64,
    #[serde(with = "hexadecimal")]
    sum: u128,
}

impl RowSum {
    /// A sum that was written down: rows, bytes and [`RowSum::digest`]; `None` when the digest is
    /// not one.
    #[must_use]
    pub fn recorded(rows: u64, bytes: u64, digest: &str) -> Option<Self> {
        let sum = u128::from_str_radix(digest, 16).ok()?;
        Some(Self { rows, bytes, sum })
    }

    /// Takes in one row.
    pub fn add(&mut self, row: &[u8]) {
        self.rows += 1;
        self.bytes += row.len() as u64;
        self.sum = self.sum.wrapping_add(XxHash3_128::oneshot(row));
    }

    /// Takes in all rows of another sum.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.bytes += other.bytes;
        self.sum = self.sum.wrapping_add(other.sum);
    }

    /// The sum in hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> String {
        format!("{:032x}", self.sum)
    }
}

/// A hash (SHA-256) over bytes that come in pieces.
#[derive(Default)]
pub struct ContentSum {
    /// Bytes.
    pub bytes: u64,
    hash: Sha256,
}

impl ContentSum {
    /// Takes in the next piece.
    pub fn add(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        self.hash.update(piece);
    }

    /// Number of bytes and hash, in hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> String {
        format!(
            "{}:{}",
            self.bytes,
            hex::encode(self.hash.clone().finalize())
        )
    }
}

impl std::fmt::Debug for ContentSum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.digest())
    }
}

mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(sum: &u128, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("{sum:032x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u128, D::Error> {
        let text = String::deserialize(from)?;
        u128::from_str_radix(&text, 16).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(rows: &[&[u8]]) -> RowSum {
        let mut sum = RowSum::default();
        rows.iter().for_each(|row| sum.add(row));
        sum
    }

    #[test]
    fn order_does_not_matter_and_duplicates_do() {
        assert_eq!(sum(&[b"a", b"b"]), sum(&[b"b", b"a"]));
        assert_ne!(sum(&[b"a", b"a"]).digest(), sum(&[b"b", b"b"]).digest());
        assert_ne!(sum(&[b"ab"]).digest(), sum(&[b"a", b"b"]).digest());
    }

    #[test]
    fn pieces_do_not_matter_and_their_order_does() {
        let content = |pieces: &[&[u8]]| {
            let mut sum = ContentSum::default();
            pieces.iter().for_each(|piece| sum.add(piece));
            sum.digest()
        };
        assert_eq!(content(&[b"ab", b"c"]), content(&[b"a", b"bc"]));
        assert_ne!(content(&[b"ab"]), content(&[b"ba"]));
    }

    #[test]
    fn a_sum_survives_being_written_down() {
        let whole = sum(&[b"a", b"b", b"c"]);
        let mut parts = sum(&[b"a"]);
        parts.merge(&sum(&[b"b", b"c"]));
        assert_eq!(parts, whole);
        assert_eq!(RowSum::recorded(3, 3, &whole.digest()), Some(whole));
        assert_eq!(RowSum::recorded(3, 3, "nonsense"), None);
    }
}
