//! Columns of type `character(n)`: PostgreSQL pads their values with blanks that mean nothing
//! (<https://www.postgresql.org/docs/current/datatype-character.html>), so a mask sees a value
//! without them and its output gets them, as the server would store it.

use std::sync::Arc;

use super::compile::ColumnFacts;
use crate::masking::{FieldMask, Masked, Row, Unmaskable};

/// Wraps the mask of a column that is blank-padded; any other stays as it is.
pub(super) fn padded(mask: Arc<dyn FieldMask>, facts: &ColumnFacts) -> Arc<dyn FieldMask> {
    match facts.max_length {
        Some(length) if facts.data_type.starts_with("character(") => Arc::new(Padded {
            inner: mask,
            length: length as usize,
        }),
        _ => mask,
    }
}

#[derive(Debug)]
struct Padded {
    inner: Arc<dyn FieldMask>,
    length: usize,
}

impl FieldMask for Padded {
    fn value(&self, value: &[u8], row: &Row<'_>, out: &mut Vec<u8>) -> Result<Masked, Unmaskable> {
        let begin = out.len();
        let masked = self.inner.value(trimmed(value), row, out)?;
        Ok(self.pad(masked, begin, out))
    }

    fn null(&self, row: &Row<'_>, out: &mut Vec<u8>) -> Result<Masked, Unmaskable> {
        let begin = out.len();
        let masked = self.inner.null(row, out)?;
        Ok(self.pad(masked, begin, out))
    }

    fn sees_nulls(&self) -> bool {
        self.inner.sees_nulls()
    }
}

impl Padded {
    fn pad(&self, masked: Masked, begin: usize, out: &mut Vec<u8>) -> Masked {
        if masked == Masked::Value {
            // Continuation bytes of UTF-8 begin no character.
            let starts = out[begin..].iter().filter(|byte| **byte & 0xc0 != 0x80);
            let missing = self.length.saturating_sub(starts.count());
            out.resize(out.len() + missing, b' ');
        }
        masked
    }
}

fn trimmed(value: &[u8]) -> &[u8] {
    let end = value.iter().rposition(|byte| *byte != b' ');
    &value[..end.map_or(0, |last| last + 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Quoted;

    impl FieldMask for Quoted {
        fn value(
            &self,
            value: &[u8],
            _row: &Row<'_>,
            out: &mut Vec<u8>,
        ) -> Result<Masked, Unmaskable> {
            out.extend("é".bytes().chain(value.iter().copied()));
            Ok(Masked::Value)
        }
    }

    #[test]
    fn a_mask_sees_no_padding_and_its_output_gets_it() {
        let mask = Padded {
            inner: Arc::new(Quoted),
            length: 6,
        };
        let mut out = b"before".to_vec();
        let row = Row { fields: &[] };
        mask.apply(Some(b" ab  "), &row, &mut out).unwrap();
        assert_eq!(out, "beforeé ab  ".as_bytes());
        assert_eq!(trimmed(b"    "), b"");
    }
}
