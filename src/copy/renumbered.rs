//! Masked values of types that carry identifiers of types inside.

use std::sync::Arc;

use super::Form;
use crate::masking::{FieldMask, Masked, Row, Unmaskable};

/// A mask whose output becomes that of another database: arrays of enums and composites name the
/// types of their parts by numbers.
#[derive(Debug)]
pub struct Renumbered {
    mask: Arc<dyn FieldMask>,
    form: Form,
}

impl Renumbered {
    /// The mask itself, where values are alike in both databases.
    #[must_use]
    pub fn around(mask: Arc<dyn FieldMask>, form: Form) -> Arc<dyn FieldMask> {
        match form {
            Form::Same => mask,
            form => Arc::new(Self { mask, form }),
        }
    }

    fn renumber(
        &self,
        masked: Masked,
        start: usize,
        out: &mut Vec<u8>,
    ) -> Result<Masked, Unmaskable> {
        if masked == Masked::Value {
            let value = out.split_off(start);
            self.form.write(&value, out).ok_or(Unmaskable {
                reason: "its binary form is not that of its type",
            })?;
        }
        Ok(masked)
    }
}

impl FieldMask for Renumbered {
    fn value(&self, value: &[u8], row: &Row<'_>, out: &mut Vec<u8>) -> Result<Masked, Unmaskable> {
        let start = out.len();
        let masked = self.mask.value(value, row, out)?;
        self.renumber(masked, start, out)
    }

    fn null(&self, row: &Row<'_>, out: &mut Vec<u8>) -> Result<Masked, Unmaskable> {
        let start = out.len();
        let masked = self.mask.null(row, out)?;
        self.renumber(masked, start, out)
    }

    fn sees_nulls(&self) -> bool {
        self.mask.sees_nulls()
    }
}
