//! Fields with their length in front, as arrays, composites and COPY write them.

use crate::masking::{Masked, Unmaskable};

/// Appends a field that `write` fills, with its length in front; -1 and nothing for null.
///
/// # Errors
/// Those of `write`.
pub(super) fn write_field(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<Masked, Unmaskable>,
) -> Result<Masked, Unmaskable> {
    let start = out.len();
    out.extend_from_slice(&(-1_i32).to_be_bytes());
    let masked = write(out)?;
    if masked == Masked::Null {
        out.truncate(start + 4);
        return Ok(masked);
    }
    let length = i32::try_from(out.len() - start - 4).map_err(|_| Unmaskable {
        reason: "a part whose mask is larger than 2 GB",
    })?;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    Ok(masked)
}

/// Cuts off a field with its length in front; the inner `None` is null.
pub(super) fn read_field<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let (length, tail) = rest.split_first_chunk::<4>()?;
    let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
        *rest = tail;
        return Some(None);
    };
    let (field, tail) = tail.split_at_checked(length)?;
    *rest = tail;
    Some(Some(field))
}

/// Cuts off a number of four bytes.
pub(super) fn read_word(rest: &mut &[u8]) -> Option<u32> {
    let (word, tail) = rest.split_first_chunk::<4>()?;
    *rest = tail;
    Some(u32::from_be_bytes(*word))
}
