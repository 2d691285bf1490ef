//! From bytes to 64-bit numbers that mean the same on both servers.

/// Arbitrary: two for the content of a row, two for its key.
const SEEDS: [i64; 4] = [
    0x1f83_d9ab_fb41_bd6b,
    0x3c6e_f372_fe94_f82b,
    0x5be0_cd19_137e_2179,
    0x510e_527f_ade6_82d1,
];

/// Hashes of 41 known byte strings, 0 to 40 bytes long; every path of the hash function (12 bytes at
/// a time, then the rest) is taken. Equal answers mean that two servers hash alike: PostgreSQL does
/// not promise that over major versions and byte orders.
pub const PROBE: &str = "select pg_catalog.array_agg(pg_catalog.hash_record_extended(row(\
     pg_catalog.substr(pg_catalog.sha256(pg_catalog.int4send(n)) || pg_catalog.sha256(pg_catalog.int4send(-n)), 1, n)), \
     2262283517206805867) order by n) from pg_catalog.generate_series(0, 40) as n";

/// The hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The server's own hash of bytes, when both servers give the same ([`PROBE`]).
    Native,
    /// SHA-256, cut to 64 bits; everywhere the same, about three times the cost.
    Sha256,
}

/// Which of the four independent hashes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    Row = 0,
    RowAgain = 1,
    Key = 2,
    KeyAgain = 3,
}

impl Method {
    /// The method for two servers that answered [`PROBE`] with `source` and `target`.
    #[must_use]
    pub fn choose(source: &[i64], target: &[i64]) -> Self {
        if !source.is_empty() && source == target {
            Self::Native
        } else {
            Self::Sha256
        }
    }

    /// The expression that [`Self::hash`] wants, from an expression of bytes: what is worth being
    /// computed once a row.
    pub(super) fn prepared(self, bytes: &str) -> String {
        match self {
            Self::Native => bytes.to_owned(),
            Self::Sha256 => format!("pg_catalog.sha256({bytes})"),
        }
    }

    /// A 64-bit hash of a prepared expression.
    pub(super) fn hash(self, prepared: &str, part: Part) -> String {
        match self {
            // A record of one `bytea`: the only way to that hash function that all versions offer.
            Self::Native => format!(
                "pg_catalog.hash_record_extended(row({prepared}), {})",
                SEEDS[part as usize]
            ),
            Self::Sha256 => {
                let first = 1 + 8 * part as usize;
                format!(
                    "('x' || pg_catalog.encode(pg_catalog.substr({prepared}, {first}, 8), 'hex'))::bit(64)::pg_catalog.int8"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_different_answer_means_sha256() {
        assert_eq!(Method::choose(&[1, 2], &[1, 2]), Method::Native);
        assert_eq!(Method::choose(&[1, 2], &[1, 3]), Method::Sha256);
        assert_eq!(Method::choose(&[], &[]), Method::Sha256);
    }
}
