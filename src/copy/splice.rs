//! Replaces the masked fields of rows and passes the others through as bytes.

use std::fmt;
use std::sync::Arc;

use super::Form;
use crate::masking::{FieldMask, Masked, Row};
use crate::sql::{begin_field, end_field, null_field, read_row};

/// What happens to the fields of a table's rows.
#[derive(Debug, Clone)]
pub struct Splicer {
    masks: Vec<Option<Arc<dyn FieldMask>>>,
    forms: Vec<Form>,
}

/// A field that could not be carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Its place among the COPY's columns.
    pub column: usize,
    /// Why, without the value.
    pub reason: &'static str,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason)
    }
}

impl Splicer {
    /// One entry a column of the COPY.
    #[must_use]
    pub fn new(masks: Vec<Option<Arc<dyn FieldMask>>>, forms: Vec<Form>) -> Self {
        Self { masks, forms }
    }

    /// Whether rows stay as they are.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.masks.iter().all(Option::is_none) && self.forms.iter().all(|f| *f == Form::Same)
    }

    /// Appends the new form of each of the whole rows in `rows` to `out`.
    ///
    /// # Errors
    /// [`Refused`]; `out` then holds part of an output.
    pub fn splice(&self, rows: &[u8], out: &mut Vec<u8>) -> Result<(), Refused> {
        let mut fields: Vec<Option<&[u8]>> = Vec::with_capacity(self.masks.len());
        let mut rest = rows;
        while !rest.is_empty() {
            fields.clear();
            read_row(&mut rest, &mut fields).ok_or(Refused {
                column: 0,
                reason: "a row is not what COPY promises",
            })?;
            self.row(&fields, out)?;
        }
        Ok(())
    }

    fn row(&self, fields: &[Option<&[u8]>], out: &mut Vec<u8>) -> Result<(), Refused> {
        out.extend(i16::try_from(fields.len()).unwrap_or(-1).to_be_bytes());
        for (column, field) in fields.iter().enumerate() {
            let place = begin_field(out);
            let mask = self.masks.get(column).and_then(Option::as_ref);
            let refused = |reason| Refused { column, reason };
            match (mask, field) {
                (Some(mask), value) if value.is_some() || mask.sees_nulls() => {
                    let masked = mask.apply(*value, &Row { fields }, out);
                    if masked.map_err(|error| refused(error.reason))? == Masked::Null {
                        null_field(out, place);
                        continue;
                    }
                }
                (_, None) => continue,
                (_, Some(value)) => match self.forms.get(column) {
                    Some(Form::Same) | None => out.extend_from_slice(value),
                    Some(form) => form
                        .write(value, out)
                        .ok_or_else(|| refused("its binary form is not that of its type"))?,
                },
            }
            end_field(out, place)
                .ok_or_else(|| refused("its mask is larger than a field may be"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::masking::Unmaskable;

    #[derive(Debug)]
    struct Reverse;

    impl FieldMask for Reverse {
        fn value(
            &self,
            value: &[u8],
            row: &Row<'_>,
            out: &mut Vec<u8>,
        ) -> Result<Masked, Unmaskable> {
            match value {
                b"bad" => {
                    out.extend(b"half");
                    Err(Unmaskable { reason: "bad" })
                }
                b"gone" => {
                    out.extend(b"half");
                    Ok(Masked::Null)
                }
                value => {
                    out.extend(value.iter().rev());
                    out.extend(row.fields[0].unwrap_or_default());
                    Ok(Masked::Value)
                }
            }
        }
    }

    fn row(fields: &[Option<&str>]) -> Vec<u8> {
        let mut data = (fields.len() as i16).to_be_bytes().to_vec();
        for field in fields {
            match field {
                None => data.extend((-1_i32).to_be_bytes()),
                Some(text) => {
                    data.extend((text.len() as i32).to_be_bytes());
                    data.extend(text.bytes());
                }
            }
        }
        data
    }

    fn splice(rows: &[Vec<u8>]) -> Result<Vec<u8>, Refused> {
        let mask: Arc<dyn FieldMask> = Arc::new(Reverse);
        let splicer = Splicer::new(vec![None, Some(mask)], vec![Form::Same, Form::Same]);
        assert!(!splicer.is_idle());
        let mut out = Vec::new();
        splicer.splice(&rows.concat(), &mut out)?;
        Ok(out)
    }

    #[test]
    fn masked_fields_change_and_others_do_not() {
        let given = [
            row(&[Some("7"), Some("abc")]),
            row(&[None, None]),
            row(&[Some("8"), Some("gone")]),
        ];
        let wanted = [
            row(&[Some("7"), Some("cba7")]),
            row(&[None, None]),
            row(&[Some("8"), None]),
        ];
        assert_eq!(splice(&given).unwrap(), wanted.concat());
    }

    #[test]
    fn a_value_that_cannot_be_masked_names_its_column() {
        let refused = splice(&[row(&[Some("7"), Some("bad")])]).unwrap_err();
        assert_eq!(refused.column, 1);
    }
}
