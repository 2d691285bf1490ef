//! Arrays: each element is masked as a value of its own type. Number of dimensions, lengths, lower
//! bounds and null elements stay.
//!
//! Binary form (`array_send`): number of dimensions, a flag for nulls, the element's type, then per
//! dimension its length and lower bound, then the elements with their lengths.

use std::sync::Arc;

use super::compile::compile as compile_rule;
use super::field::write_field;
use super::site::{Compiled, Site};
use crate::masking::{FieldMask, Mask, Masked, Part, Row, Unmaskable};
use crate::sql::{read_field, read_word};

/// The mask of an array's elements; `None` for masks that replace an array as a whole.
pub(super) fn compile(site: &Site<'_>, element: &Part) -> Option<Compiled> {
    if matches!(
        site.rule.mask,
        Mask::Null | Mask::Redact | Mask::Constant { .. } | Mask::When { .. }
    ) {
        return None;
    }
    let facts = site.facts.part(element, "[]");
    Some(match compile_rule(site.rule, &facts, site.key) {
        Ok(Some(inner)) => Ok(Arc::new(Elements { inner })),
        Ok(None) => Err(site.unfit("whole values")),
        Err(error) => Err(error),
    })
}

#[derive(Debug)]
struct Elements {
    inner: Arc<dyn FieldMask>,
}

pub(super) const BAD: Unmaskable = Unmaskable {
    reason: "an array whose binary form is broken",
};

/// PostgreSQL's limit (`MAXDIM`).
const DIMENSIONS: usize = 6;

impl FieldMask for Elements {
    fn value(&self, value: &[u8], row: &Row<'_>, out: &mut Vec<u8>) -> Result<Masked, Unmaskable> {
        let dimensions = read_word(&mut &*value).ok_or(BAD)? as usize;
        let header = 12 + dimensions.min(DIMENSIONS) * 8;
        let (head, mut rest) = value.split_at_checked(header).ok_or(BAD)?;
        let start = out.len();
        out.extend_from_slice(head);
        let mut nulls = 0;
        while !rest.is_empty() {
            let element = read_field(&mut rest).ok_or(BAD)?;
            let masked = write_field(out, |out| match element {
                Some(element) => self.inner.value(element, row, out),
                None => Ok(Masked::Null),
            })?;
            if masked == Masked::Null {
                nulls = 1;
            }
        }
        out[start + 7] = nulls;
        Ok(Masked::Value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests_support::{facts, mask, masked, masked_in, refusal};

    /// An array of these elements in one dimension that begins at `lower`.
    fn array(element: u32, lower: i32, items: &[Option<Vec<u8>>]) -> Vec<u8> {
        let nulls = u32::from(items.iter().any(Option::is_none));
        let mut bytes = Vec::new();
        for word in [1, nulls, element, items.len() as u32, lower as u32] {
            bytes.extend(word.to_be_bytes());
        }
        for item in items {
            match item {
                None => bytes.extend((-1_i32).to_be_bytes()),
                Some(item) => {
                    bytes.extend((item.len() as u32).to_be_bytes());
                    bytes.extend(item);
                }
            }
        }
        bytes
    }

    proptest! {
        #[test]
        fn elements_are_masked_like_values_and_all_else_stays(
            items in prop::collection::vec(prop::option::of(any::<i32>()), 1..9), lower: i32,
        ) {
            let bytes = |items: &[Option<i32>]| -> Vec<_> {
                items.iter().map(|item| item.map(|n| n.to_be_bytes().to_vec())).collect()
            };
            for (rule, data_type) in [("\"permute\"", "integer"), ("{ mask = \"shift_days\", max = 30, per = \"id\" }", "date")] {
                let items: Vec<_> = items.iter().map(|n| n.map(|n| n >> 12)).collect();
                let one = mask(rule, data_type);
                let wanted: Vec<_> = bytes(&items).iter().map(|item| item.as_deref().map(|item| masked(&one, item))).collect();
                let many = mask(rule, &format!("{data_type}[]"));
                let out = masked(&many, &array(23, lower, &bytes(&items)));
                prop_assert_eq!(out, array(23, lower, &wanted));
            }
        }
    }

    #[test]
    fn broken_arrays_and_elements_stop_the_run() {
        let uuids = mask("\"uuid\"", "uuid[]");
        assert!(masked_in(&uuids, 1, &array(2950, 1, &[Some(vec![1; 15])])).is_err());
        let mut cut = array(2950, 1, &[Some(vec![1; 16])]);
        cut.pop();
        assert!(masked_in(&uuids, 1, &cut).is_err());
        assert!(masked_in(&uuids, 1, &[0, 0]).is_err());
        // No elements, no dimensions.
        let empty = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11, 134];
        assert_eq!(masked(&uuids, &empty), empty);
        assert_eq!(
            masked(&mask("\"redact\"", "date[]"), &array(1082, 1, &[None])),
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 58]
        );
        assert!(refusal("\"email\"", &facts("integer[]")).contains("t.c[]"));
    }
}
