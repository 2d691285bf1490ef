//! Rows of COPY's binary format
//! (<https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format").

use crate::error::{Error, Kind, Result};
use crate::sql::{read_row, read_word};

/// What a stream begins with, before flags and the length of an extension.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// The first message without the header.
pub(super) fn without_header(message: &[u8]) -> Result<&[u8]> {
    let rest = message.strip_prefix(SIGNATURE).ok_or_else(malformed)?;
    let (_flags, mut rest) = rest.split_at_checked(4).ok_or_else(malformed)?;
    let length = read_word(&mut rest).ok_or_else(malformed)?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    rest.get(length..).ok_or_else(malformed)
}

/// Cuts the next row off and its fields into `fields`; `false` at the end of the bytes or at the
/// trailer.
pub(super) fn next_row<'a>(
    rest: &mut &'a [u8],
    fields: &mut Vec<Option<&'a [u8]>>,
) -> Result<bool> {
    fields.clear();
    if rest.is_empty() {
        return Ok(false);
    }
    let more = read_row(rest, fields).ok_or_else(malformed)?;
    if !more {
        *rest = &[];
    }
    Ok(more)
}

fn malformed() -> Error {
    Error::new(Kind::CopySource, "rows came in an unexpected form")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_cut_into_rows() {
        let mut stream = SIGNATURE.to_vec();
        stream.extend([0; 8]);
        stream.extend([0, 2, 0, 0, 0, 2, b'a', b'b', 0xff, 0xff, 0xff, 0xff]);
        stream.extend([0, 1, 0, 0, 0, 0]);
        stream.extend([0xff, 0xff]);
        let mut rest = without_header(&stream).unwrap();
        let mut fields = Vec::new();
        assert!(next_row(&mut rest, &mut fields).unwrap());
        assert_eq!(fields, [Some(b"ab".as_slice()), None]);
        assert!(next_row(&mut rest, &mut fields).unwrap());
        assert_eq!(fields, [Some(b"".as_slice())]);
        assert!(!next_row(&mut rest, &mut fields).unwrap());
        let mut cut = &[0_u8, 1, 0, 0, 0, 9, 1][..];
        assert!(next_row(&mut cut, &mut fields).is_err());
        assert!(without_header(b"PGCOPY").is_err());
    }
}
