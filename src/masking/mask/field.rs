//! Parts of a value, as arrays, composites, ranges and hstore write them.

use crate::masking::{Masked, Unmaskable};
use crate::sql::{begin_field, end_field, null_field};

/// Appends a field that `write` fills, with its length in front; -1 and nothing for null.
///
/// # Errors
/// Those of `write`.
pub(super) fn write_field(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<Masked, Unmaskable>,
) -> Result<Masked, Unmaskable> {
    let place = begin_field(out);
    let masked = write(out)?;
    match masked {
        Masked::Null => null_field(out, place),
        Masked::Value => end_field(out, place).ok_or(Unmaskable {
            reason: "a part whose mask is larger than 2 GB",
        })?,
    }
    Ok(masked)
}
