//! Sums over the rows of a side, and what its values are for.

use std::sync::Arc;

use super::binary_rows::next_row;
use super::source::offer;
use crate::error::{Error, Kind, Result};
use crate::masking::leak::{Entry, FieldHash, MultisetSum, RowHash, RunKey, forms};
use crate::masking::{Class, FieldMask, Masked, Row};
use crate::sql::QualifiedName;

/// One side of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sums {
    /// All compared columns of each row together: the columns of a row belong to each other.
    pub(super) row: MultisetSum,
    pub(super) columns: Vec<MultisetSum>,
    /// What became of the values that are masked.
    pub(super) changed: Vec<Changed>,
}

/// What became of the values of a masked column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Changed {
    /// Values that are neither null nor empty, before and after.
    pub(super) values: u64,
    /// Those that their mask left alone although it had something to replace.
    pub(super) unchanged: u64,
    /// Texts and documents that it left alone, and in which no detector sees anything or the policy
    /// keeps parts.
    pub(super) silent: u64,
    /// Empty texts, which tell nothing and stay.
    pub(super) empty: u64,
}

impl Changed {
    fn merge(&mut self, other: &Self) {
        self.values += other.values;
        self.unchanged += other.unchanged;
        self.silent += other.silent;
        self.empty += other.empty;
    }

    fn add(&mut self, field: &Field, value: &[u8], stands: &[u8]) {
        if value.is_empty() {
            self.empty += 1;
            return;
        }
        self.values += 1;
        if value == stands {
            let silent = field.keeps_leaves || field.keeps_parts && !fires(value);
            *(if silent {
                &mut self.silent
            } else {
                &mut self.unchanged
            }) += 1;
        }
    }
}

/// Whether a text holds what has a shape of its own: the leak scan's detectors, which are others than
/// those of the masks.
fn fires(value: &[u8]) -> bool {
    let mut any = false;
    forms(
        Class::FreeText,
        &String::from_utf8_lossy(value),
        &mut |_, _| any = true,
    );
    any
}

impl Sums {
    fn of(fields: usize) -> Self {
        Self {
            row: MultisetSum::default(),
            columns: vec![MultisetSum::default(); fields],
            changed: vec![Changed::default(); fields],
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.row.merge(&other.row);
        let width = other.columns.len().max(self.columns.len());
        self.columns.resize(width, MultisetSum::default());
        self.changed.resize(width, Changed::default());
        for (total, sum) in self.columns.iter_mut().zip(&other.columns) {
            total.merge(sum);
        }
        for (total, changed) in self.changed.iter_mut().zip(&other.changed) {
            total.merge(changed);
        }
    }
}

/// A compared field.
#[derive(Debug, Clone)]
pub(super) struct Field {
    /// Its place among those that are read.
    pub(super) place: usize,
    /// Its mask; none for what is taken as it is.
    pub(super) mask: Option<Arc<dyn FieldMask>>,
    /// Whether the mask replaces parts of the value, so that a value without such a part stays.
    pub(super) keeps_parts: bool,
    /// Whether the policy keeps parts, whatever they hold.
    pub(super) keeps_leaves: bool,
}

impl Field {
    /// A field that is taken as it is.
    pub(super) fn plain(place: usize) -> Self {
        Self {
            place,
            mask: None,
            keeps_parts: false,
            keeps_leaves: false,
        }
    }
}

/// Takes the fields of a row.
pub(super) type Each<'a> = dyn FnMut(&[Option<&[u8]>]) + 'a;

/// A value that is sought in the target: its class, and the place where the source sends its text.
pub(super) type Value = (Class, usize);

/// What is computed of the rows of a side.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) table: QualifiedName,
    pub(super) keys: Arc<(RunKey, RunKey)>,
    pub(super) fields: Vec<Field>,
    pub(super) values: Vec<Value>,
}

impl Rows {
    /// Sums a batch; `each` gets the fields of every row.
    pub(super) fn sum(&self, batch: &[u8], each: &mut Each<'_>) -> Result<Sums> {
        let mut sums = Sums::of(self.fields.len());
        let (mut rest, mut raw, mut buffer) = (batch, Vec::new(), Vec::new());
        while next_row(&mut rest, &mut raw)? {
            self.add(&raw, &mut sums, &mut buffer)?;
            each(&raw);
        }
        Ok(sums)
    }

    /// Sums a batch and hashes, under `key`, the values that are sought.
    pub(super) fn sum_and_seek(&self, batch: &[u8], key: &RunKey) -> Result<(Sums, Vec<Entry>)> {
        let mut entries = Vec::new();
        let sums = self.sum(batch, &mut |raw| {
            let fields = self.values.iter();
            let fields = fields.map(|(class, place)| (*class, raw.get(*place).copied().flatten()));
            offer(fields, &mut |class, form| {
                entries.extend(Entry::of(key, class, &form));
            });
        })?;
        Ok((sums, entries))
    }

    fn add(&self, raw: &[Option<&[u8]>], sums: &mut Sums, buffer: &mut Vec<u8>) -> Result<()> {
        let keys = (&self.keys.0, &self.keys.1);
        let row = Row { fields: raw };
        let mut hash = RowHash::new(keys);
        for (i, field) in self.fields.iter().enumerate() {
            let value = raw.get(field.place).copied().flatten();
            let stands = match &field.mask {
                Some(mask) if value.is_some() || mask.sees_nulls() => {
                    buffer.clear();
                    let masked = mask.apply(value, &row, buffer);
                    let masked = masked.map_err(|why| self.unmaskable(field.place, why.reason))?;
                    (masked == Masked::Value).then_some(buffer.as_slice())
                }
                Some(_) => None,
                None => value,
            };
            if let (Some(_), Some(value), Some(stands)) = (&field.mask, value, stands) {
                sums.changed[i].add(field, value, stands);
            }
            let field = FieldHash::of(keys, stands);
            sums.columns[i].add_field(keys, field);
            hash.push(field);
        }
        sums.row.add_row(&hash);
        Ok(())
    }

    fn unmaskable(&self, place: usize, reason: &str) -> Error {
        let table = self.table.plain();
        Error::new(
            Kind::MaskValue,
            format!("{table}, column {}: {reason}", place + 1),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_text_without_anything_personal_may_stay() {
        let text = Field {
            keeps_parts: true,
            ..Field::plain(0)
        };
        let mut changed = Changed::default();
        for (value, stands) in [
            ("", ""),
            ("all is fine", "all is fine"),
            ("ask ann@corp.example", "ask ann@corp.example"),
            ("ask bob@corp.example", "ask [email]"),
        ] {
            changed.add(&text, value.as_bytes(), stands.as_bytes());
        }
        let expected = Changed {
            values: 3,
            unchanged: 1,
            silent: 1,
            empty: 1,
        };
        assert_eq!(changed, expected);
        let mut whole = Changed::default();
        whole.add(&Field::plain(0), b"all is fine", b"all is fine");
        assert_eq!((whole.unchanged, whole.silent), (1, 0));
        let kept = Field {
            keeps_leaves: true,
            ..text
        };
        let mut changed = Changed::default();
        changed.add(
            &kept,
            b"{\"to\": \"ann@corp.example\"}",
            b"{\"to\": \"ann@corp.example\"}",
        );
        assert_eq!((changed.unchanged, changed.silent), (0, 1));
    }
}
