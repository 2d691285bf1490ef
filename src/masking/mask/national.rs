//! National ids, by the layouts of [`crate::masking::checks`].

use super::site::{Compiled, Distinct, Site};
use super::text::TextMask;
use crate::masking::Unmaskable;
use crate::masking::checks::{Field, MAX_ID, NATIONAL_IDS, NationalId, national_ids_of};
use crate::masking::prf::{Permutation, Prf, Seed};

pub(super) fn compile(site: &Site<'_>, country: &str) -> Compiled {
    let kinds: Vec<Kind> = national_ids_of(country).map(Kind::of).collect();
    if kinds.is_empty() {
        let mut known: Vec<&str> = NATIONAL_IDS.iter().map(|id| id.country).collect();
        known.dedup();
        let hint = format!(
            "known are {}; permute keeps the form of any other",
            known.join(", ")
        );
        return Err(site.refuse(&format!("knows no ids of \"{country}\""), &hint));
    }
    site.on_text(
        Ids {
            prf: site.prf()?,
            kinds,
        },
        Distinct::All,
    )
}

/// One layout, its fields split into two halves of about the same size.
#[derive(Debug)]
struct Kind {
    id: &'static NationalId,
    /// Fields of the left half.
    split: usize,
    permutation: Permutation,
}

impl Kind {
    fn of(id: &'static NationalId) -> Self {
        let size = |fields: &[Field]| {
            fields
                .iter()
                .map(|f| u128::from(f.radix()))
                .product::<u128>()
        };
        let total = size(id.layout);
        let split = (0..id.layout.len())
            .find(|split| size(&id.layout[..*split]).pow(2) >= total)
            .unwrap_or(id.layout.len());
        let (left, right) = id.layout.split_at(split);
        Self {
            id,
            split,
            permutation: Permutation::new(size(left) as u64, size(right) as u64),
        }
    }

    fn rank(&self, number: &[u8]) -> Option<(u64, u64)> {
        let mut halves = (0_u64, 0_u64);
        let mut at = 0;
        for (i, field) in self.id.layout.iter().enumerate() {
            let half = if i < self.split {
                &mut halves.0
            } else {
                &mut halves.1
            };
            let rank = field.rank(number.get(at..at + field.width())?)?;
            *half = *half * u64::from(field.radix()) + u64::from(rank);
            at += field.width();
        }
        Some(halves)
    }

    fn write(&self, mut halves: (u64, u64), number: &mut [u8]) {
        let mut end = number.len();
        for (i, field) in self.id.layout.iter().enumerate().rev() {
            let half = if i < self.split {
                &mut halves.0
            } else {
                &mut halves.1
            };
            let radix = u64::from(field.radix());
            field.write(
                (*half % radix) as u32,
                &mut number[end - field.width()..end],
            );
            *half /= radix;
            end -= field.width();
        }
    }
}

#[derive(Debug)]
struct Ids {
    prf: Prf,
    kinds: Vec<Kind>,
}

/// Steps of a walk. At least one number in a hundred is valid in every layout, so that a walk gets
/// this long with a chance below 10^-40.
const STEPS: usize = 10_000;

impl Ids {
    /// Walks the permutation's cycle until it meets a valid number again (cycle walking): one to
    /// one among the valid ones.
    fn walk(&self, kind: &Kind, number: &mut [u8]) -> Option<()> {
        let mut pair = kind.rank(number)?;
        // Kept characters select the permutation.
        let mut kept = [0_u8; MAX_ID];
        let mut at = 0;
        for field in kind.id.layout {
            if *field == Field::Kept {
                kept[at] = number[at];
            }
            at += field.width();
        }
        let tweak = self.prf.seed(&kept[..at]).0 as u64;
        for _ in 0..STEPS {
            pair = kind.permutation.apply(&self.prf, tweak, pair);
            kind.write(pair, number);
            if (kind.id.complete)(number) {
                return Some(());
            }
        }
        None
    }
}

impl TextMask for Ids {
    fn uses_seed(&self) -> bool {
        false
    }

    fn write(&self, input: &str, _: Seed, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        const BAD: Unmaskable = Unmaskable {
            reason: "not a valid national id of the country",
        };
        let mut buffer = [0_u8; MAX_ID];
        let mut count = 0;
        for byte in input.bytes() {
            if byte.is_ascii_alphanumeric() {
                *buffer.get_mut(count).ok_or(BAD)? = byte.to_ascii_uppercase();
                count += 1;
            } else if !b" -./".contains(&byte) {
                return Err(BAD);
            }
        }
        let number = &mut buffer[..count];
        let kind = self
            .kinds
            .iter()
            .find(|kind| kind.id.is_valid(number))
            .ok_or(BAD)?;
        self.walk(kind, number).ok_or(BAD)?;
        let mut masked = number.iter();
        for byte in input.bytes() {
            out.push(match masked.as_slice().first() {
                Some(new) if byte.is_ascii_alphanumeric() => {
                    masked.next();
                    if byte.is_ascii_lowercase() {
                        new.to_ascii_lowercase()
                    } else {
                        *new
                    }
                }
                _ => byte,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::tests_support::{facts, key, mask, masked_in, refusal, text};
    use super::*;
    use crate::masking::checks::is_national_id;

    /// Valid numbers of a kind, made by drawing fields.
    fn samples(id: &'static NationalId, count: usize) -> HashSet<Vec<u8>> {
        let prf = Prf::new(&key().derive("samples").unwrap());
        let mut found = HashSet::new();
        let mut draws = prf.seed(id.name.as_bytes()).draws();
        while found.len() < count {
            let mut number = vec![b'0'; id.len()];
            let head: &[u8] = match id.country {
                "CH" => b"756",
                "CN" => b"11010119",
                "SE" if id.len() == 12 => b"19",
                "ZA" => b"000000000008",
                _ => b"",
            };
            number[..head.len()].copy_from_slice(head);
            let mut at = 0;
            for field in id.layout {
                if *field != Field::Kept && *field != Field::Check {
                    let rank = draws.below(u64::from(field.radix())) as u32;
                    field.write(rank, &mut number[at..at + field.width()]);
                }
                at += field.width();
            }
            if (id.complete)(&mut number) {
                found.insert(number);
            }
        }
        found
    }

    #[test]
    fn ids_of_every_kind_stay_valid_and_distinct() {
        for id in NATIONAL_IDS {
            let mask = mask(
                &format!("{{ mask = \"national_id\", country = \"{}\" }}", id.country),
                "text",
            );
            let mut seen = HashSet::new();
            for number in samples(id, 200) {
                let raw = String::from_utf8(number).unwrap();
                let out = text(&mask, &raw);
                assert!(is_national_id(id.country, &raw), "{} {raw}", id.country);
                assert!(
                    is_national_id(id.country, &out),
                    "{} {raw} {out}",
                    id.country
                );
                assert!(out != raw && seen.insert(out), "{} {raw}", id.country);
            }
        }
    }

    #[test]
    fn the_form_stays_and_bad_ids_are_refused() {
        let ssn = mask("{ mask = \"national_id\", country = \"US\" }", "text");
        let out = text(&ssn, "219-09-9999");
        assert!(out.len() == 11 && out.as_bytes()[3] == b'-' && out != "219-09-9999");
        for bad in ["000-12-3456", "219-09-999", "none", "219-09-9999 x"] {
            assert!(masked_in(&ssn, 1, bad.as_bytes()).is_err(), "{bad}");
        }
        let error = refusal(
            "{ mask = \"national_id\", country = \"ZZ\" }",
            &facts("text"),
        );
        assert!(error.contains("knows no ids of \"ZZ\""), "{error}");
    }
}
