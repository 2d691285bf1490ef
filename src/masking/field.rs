//! What a mask does to one field of a row.

use std::fmt;

/// The fields of one row of a table as COPY carries them, in the order of the COPY's columns:
/// bytes of the type's binary form, `None` for null. A mask that keeps columns of a row consistent
/// looks at the raw values of the others.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// The fields before masking.
    pub fields: &'a [Option<&'a [u8]>],
}

/// What became of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Masked {
    /// The new value was appended to the output.
    Value,
    /// The field becomes null; nothing was appended.
    Null,
}

/// Why a value could not be masked. Never holds the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmaskable {
    /// In a few words: `not a card number (fails the Luhn check)`.
    pub reason: &'static str,
}

/// Replaces the values of one column: a pure function of key, rule and row. Called once a value on
/// the hot path of a copy, so it allocates nothing for usual values.
pub trait FieldMask: Send + Sync + fmt::Debug {
    /// Appends the masked form of `value` (binary form of the column's [`super::Shape`], without
    /// its length) to `out`.
    ///
    /// # Errors
    /// [`Unmaskable`] for a value that breaks the format; then `out` may hold part of an output.
    fn value(&self, value: &[u8], row: &Row<'_>, out: &mut Vec<u8>) -> Result<Masked, Unmaskable>;

    /// What stands for null; null itself unless [`FieldMask::sees_nulls`].
    ///
    /// # Errors
    /// Those of [`FieldMask::value`].
    fn null(&self, _row: &Row<'_>, _out: &mut Vec<u8>) -> Result<Masked, Unmaskable> {
        Ok(Masked::Null)
    }

    /// Appends the masked form of a field.
    ///
    /// # Errors
    /// Those of [`FieldMask::value`].
    fn apply(
        &self,
        value: Option<&[u8]>,
        row: &Row<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Masked, Unmaskable> {
        match value {
            Some(value) => self.value(value, row, out),
            None => self.null(row, out),
        }
    }

    /// Whether nulls are replaced, too (a constant in a NOT NULL column, a rule over several
    /// columns). Otherwise null stays null.
    fn sees_nulls(&self) -> bool {
        false
    }
}
