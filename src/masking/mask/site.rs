//! A rule at its column: what the families need to compile, and how they refuse.

use std::sync::Arc;

use super::compile::ColumnFacts;
use super::hstore::is_hstore;
use super::text::{OnInteger, OnText, Place, Seeder, TextMask};
use crate::error::{Error, Kind, Result};
use crate::masking::prf::Prf;
use crate::masking::{FieldMask, Mask, MaskKey, Rule, Shape, Structure};

/// How many distinct masks distinct values get.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Distinct {
    /// All: the mask is one to one.
    All,
    /// As many as so many random bits tell apart.
    Bits(u32),
    /// Fewer than there are values.
    Few,
}

/// Two of a column's values may get one mask with at most this chance.
const COLLISION: f64 = 1e-6;

/// A rule at its column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site<'a> {
    pub(super) rule: &'a Rule,
    pub(super) facts: &'a ColumnFacts,
    pub(super) key: &'a MaskKey,
}

/// What compiling gives.
pub(super) type Compiled = Result<Arc<dyn FieldMask>>;

impl Site<'_> {
    /// An error that names column and mask.
    pub(super) fn refuse(&self, why: &str, fits: &str) -> Error {
        let title = &self.facts.title;
        let message = format!("{title}: mask \"{}\" {why}", self.rule.name());
        Error::new(Kind::MaskRule, message).hint(fits.to_owned())
    }

    /// The error of a mask that has no meaning for the column's type.
    pub(super) fn unfit(&self, fits: &str) -> Error {
        let why = format!("does not work on {}", self.facts.data_type);
        let hint = format!(
            "it works on {fits}; here fit {}, or an SQL expression",
            fitting(self.facts)
        );
        self.refuse(&why, &hint)
    }

    /// The keyed function of the rule's domain.
    pub(super) fn prf(&self) -> Result<Prf> {
        let domain = self.rule.domain.as_deref();
        let purpose = format!(
            "mask/{}",
            domain.unwrap_or_else(|| default_domain(&self.rule.mask))
        );
        Ok(Prf::new(&self.key.derive(&purpose)?))
    }

    /// What seeds the mask: the value, or another column of its row.
    pub(super) fn seeder(&self) -> Result<Seeder> {
        let with = self.rule.with.as_deref();
        Ok(Seeder {
            prf: self.prf()?,
            with: with.map(|name| self.column(name)).transpose()?,
        })
    }

    /// Where a column of the row stands.
    pub(super) fn column(&self, name: &str) -> Result<usize> {
        let columns = &self.facts.columns;
        columns.place(name).ok_or_else(|| {
            let names: Vec<&str> = columns.names().iter().map(String::as_str).collect();
            let near = crate::sql::nearest(name, &names);
            let hint = near.map_or_else(
                || "name a column of the same table".to_owned(),
                |near| format!("did you mean \"{near}\"?"),
            );
            self.refuse(
                &format!("names the column \"{name}\", which its table has not"),
                &hint,
            )
        })
    }

    /// Refuses a mask that may give two values of a unique column the same mask.
    pub(super) fn prove_distinct(&self, distinct: Distinct) -> Result<()> {
        if !(self.facts.unique || self.rule.unique) {
            return Ok(());
        }
        let one_to_one = "one to one are permute, email, user_name, phone, card_number, iban, uuid, ip, mac, hash; names become so with `unique = true`";
        match distinct {
            Distinct::All => Ok(()),
            Distinct::Bits(bits) => {
                let rows = self.facts.rows.max(1) as f64;
                // The birthday bound: n^2 / 2^(bits + 1).
                let chance = rows * rows / 2.0_f64.powi(bits as i32 + 1);
                if chance <= COLLISION {
                    return Ok(());
                }
                let why = format!(
                    "has too few values for a unique column of {} rows: two would be the same with a chance of {chance:.0e}, and {COLLISION:.0e} is allowed",
                    self.facts.rows
                );
                Err(self.refuse(&why, one_to_one))
            }
            Distinct::Few => Err(self.refuse("has too few values for a unique column", one_to_one)),
        }
    }

    /// A mask of texts on a column that holds text, or digits as an integer.
    pub(super) fn on_text(&self, mask: impl TextMask + 'static, distinct: Distinct) -> Compiled {
        let place = Place {
            seeder: self.seeder()?,
            max_length: self.facts.max_length.map(|n| n as usize),
            fixed: distinct != Distinct::Few,
        };
        match self.facts.shape {
            Shape::Text if self.facts.labels.is_empty() => {
                self.prove_distinct(distinct)?;
                Ok(Arc::new(OnText { mask, place }))
            }
            Shape::Integer(bytes) if mask.keeps_digits() => {
                self.prove_distinct(distinct)?;
                Ok(Arc::new(OnInteger { mask, place, bytes }))
            }
            _ if mask.keeps_digits() => Err(self.unfit("text, integers and arrays of them")),
            _ => Err(self.unfit("text and arrays of text")),
        }
    }
}

/// Names of one person come from one domain, so that they agree under `with`.
pub(in crate::masking) const fn default_domain(mask: &Mask) -> &'static str {
    match mask {
        Mask::PersonName { .. }
        | Mask::FirstName { .. }
        | Mask::LastName { .. }
        | Mask::Gender { .. }
        | Mask::UserName { .. }
        | Mask::Email { .. } => "person",
        Mask::City { .. } | Mask::PostalCode | Mask::Address { .. } | Mask::Place { .. } => "place",
        other => other.name(),
    }
}

/// The masks that suit a column, for hints.
fn fitting(facts: &ColumnFacts) -> &'static str {
    if !facts.labels.is_empty() {
        return "keep, null, constant, enum";
    }
    match &facts.structure {
        Structure::Array(_) => return "null, redact, and the masks of its elements",
        Structure::Range(_) | Structure::Multirange(_) => {
            return "null, redact, shift_days and truncate for dates, noise, range and top_coding for numbers";
        }
        Structure::Composite(_) => {
            return "null, and a rule for each attribute: { attributes = { ... } }";
        }
        Structure::Scalar if is_hstore(&facts.data_type) => return "hstore, redact, null",
        Structure::Scalar => {}
    }
    match facts.shape {
        Shape::Text => "redact, hash, permute, partial, redact_text, names, email, phone",
        Shape::Json | Shape::Jsonb => "json, redact, constant, null",
        Shape::Integer(_) => "permute, noise, range, top_coding, age_band, constant",
        Shape::Float(_) | Shape::Numeric => "noise, range, top_coding, constant",
        Shape::Date | Shape::Timestamp => "shift_days, truncate, constant",
        Shape::Uuid => "uuid, permute, redact, constant",
        Shape::Inet => "ip, redact, constant",
        Shape::Mac => "mac, redact, constant",
        Shape::Bytes => "hash, redact, constant, null",
        Shape::Bool | Shape::Time => "redact, constant, null",
        Shape::TextArray | Shape::Other => "keep, null",
    }
}
