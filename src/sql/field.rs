//! Fields with their length in front: four bytes, -1 for null, then the value. So COPY's binary
//! format, arrays, composites, ranges and hstore write what they hold
//! (<https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format").

/// A field that is null.
pub const NULL_FIELD: [u8; 4] = (-1_i32).to_be_bytes();

/// Cuts off a number of four bytes; `None` when there are fewer.
#[inline]
pub fn read_word(rest: &mut &[u8]) -> Option<u32> {
    let (word, tail) = rest.split_first_chunk::<4>()?;
    *rest = tail;
    Some(u32::from_be_bytes(*word))
}

/// Cuts off a field; the inner `None` is null, the outer one a field that is cut short.
#[inline]
pub fn read_field<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let (length, tail) = rest.split_first_chunk::<4>()?;
    let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
        *rest = tail;
        return Some(None);
    };
    let (field, tail) = tail.split_at_checked(length)?;
    *rest = tail;
    Some(Some(field))
}

/// Cuts off a row of COPY: the number of its fields in two bytes, then the fields, which are appended
/// to `fields`. `false` at the trailer, a row of a negative number; `None` when the row is cut short.
#[inline]
pub fn read_row<'a>(rest: &mut &'a [u8], fields: &mut Vec<Option<&'a [u8]>>) -> Option<bool> {
    let (count, mut tail) = rest.split_first_chunk::<2>()?;
    let count = i16::from_be_bytes(*count);
    for _ in 0..count {
        fields.push(read_field(&mut tail)?);
    }
    *rest = tail;
    Some(count >= 0)
}

/// Begins a field, whose value is appended next; it is null until [`end_field`]. Its place.
#[inline]
pub fn begin_field(out: &mut Vec<u8>) -> usize {
    let place = out.len();
    out.extend_from_slice(&NULL_FIELD);
    place
}

/// Ends the field that began at `place`: everything behind is its value. `None` when that is 2 GB or
/// more; `out` then is as it was.
#[inline]
pub fn end_field(out: &mut [u8], place: usize) -> Option<()> {
    let length = i32::try_from(out.len().checked_sub(place + 4)?).ok()?;
    let prefix = out.get_mut(place..place + 4)?;
    prefix.copy_from_slice(&length.to_be_bytes());
    Some(())
}

/// Makes the field that began at `place` null, whatever was appended since.
#[inline]
pub fn null_field(out: &mut Vec<u8>, place: usize) {
    out.truncate(place + 4);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(row in prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..9)), 0..6)) {
            let mut out = (row.len() as i16).to_be_bytes().to_vec();
            for value in &row {
                let place = begin_field(&mut out);
                out.extend_from_slice(value.as_deref().unwrap_or(b"half"));
                match value {
                    Some(_) => end_field(&mut out, place).unwrap(),
                    None => null_field(&mut out, place),
                }
            }
            let (mut rest, mut fields) = (&out[..], Vec::new());
            prop_assert_eq!(read_row(&mut rest, &mut fields), Some(true));
            prop_assert!(rest.is_empty());
            prop_assert_eq!(fields, row.iter().map(Option::as_deref).collect::<Vec<_>>());
            let cut = &out[..out.len() - 1];
            prop_assert_eq!(read_row(&mut &cut[..], &mut Vec::new()), None);
        }
    }

    #[test]
    fn a_trailer_ends_the_rows_and_words_are_four_bytes() {
        let mut rest = &[0xff, 0xff, 0, 0, 1, 2, 3][..];
        assert_eq!(read_row(&mut rest, &mut Vec::new()), Some(false));
        assert_eq!(read_word(&mut rest), Some(0x0102));
        assert_eq!(read_word(&mut rest), None);
        assert_eq!((rest, read_field(&mut &*rest)), (&[3][..], None));
    }
}
