//! Finds the rows in a COPY stream, whatever pieces it comes in.

use std::fmt;

use super::Wire;

/// What a binary COPY stream begins with: signature, no flags, no extension
/// (<https://www.postgresql.org/docs/current/sql-copy.html>, "File Format").
pub const HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// What a binary COPY stream ends with.
pub const TRAILER: &[u8; 2] = &[0xff, 0xff];

/// Bytes that one row may have. The driver holds a whole row in memory, twice while it grows, and so
/// does each stage behind it; a wider row is refused, before it is read, rather than let one value
/// decide how much memory a run takes. With this bound a process stays below 200 MB.
pub const MAX_ROW_BYTES: usize = 8 << 20;

/// A stream that is not COPY's, or a row that is too large.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Malformed {
    /// Not a COPY stream, for that reason.
    Broken(&'static str),
    /// A row of more than [`MAX_ROW_BYTES`].
    TooLarge,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(why) => f.write_str(why),
            Self::TooLarge => write!(f, "a row has more than {} MB", MAX_ROW_BYTES >> 20),
        }
    }
}

/// Cuts a stream into rows.
#[derive(Debug)]
pub struct Rows {
    wire: Wire,
    /// The beginning of a row whose end has not come yet.
    carry: Vec<u8>,
    begun: bool,
    ended: bool,
}

/// What stands at the beginning of some bytes.
enum Next {
    Row(usize),
    End,
    More,
}

impl Rows {
    /// At the beginning of a stream.
    #[must_use]
    pub fn new(wire: Wire) -> Self {
        Self {
            wire,
            carry: Vec::new(),
            begun: wire == Wire::Text,
            ended: false,
        }
    }

    /// Takes the next piece and hands out each row that is complete, without the stream's header
    /// and trailer.
    ///
    /// # Errors
    /// The bytes are not a COPY stream; a row is larger than [`MAX_ROW_BYTES`].
    pub fn push(&mut self, data: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), Malformed> {
        if self.carry.is_empty() {
            let used = self.take(data, &mut each)?;
            self.carry.extend_from_slice(&data[used..]);
        } else {
            let mut carry = std::mem::take(&mut self.carry);
            carry.extend_from_slice(data);
            let used = self.take(&carry, &mut each)?;
            carry.drain(..used);
            self.carry = carry;
        }
        if self.carry.len() > MAX_ROW_BYTES {
            return Err(Malformed::TooLarge);
        }
        Ok(())
    }

    /// At the end of the stream: whether it is complete.
    ///
    /// # Errors
    /// The stream broke off.
    pub fn finish(&self) -> Result<(), Malformed> {
        let whole = self.wire == Wire::Text || self.ended;
        if whole && self.carry.is_empty() {
            Ok(())
        } else {
            Err(Malformed::Broken("the stream of rows broke off"))
        }
    }

    fn take(&mut self, data: &[u8], each: &mut impl FnMut(&[u8])) -> Result<usize, Malformed> {
        let mut used = 0;
        if !self.begun {
            let Some(header) = data.get(..HEADER.len()) else {
                return Ok(0);
            };
            if header != HEADER {
                return Err(Malformed::Broken(
                    "the stream does not begin as COPY's does",
                ));
            }
            self.begun = true;
            used = HEADER.len();
        }
        while used < data.len() {
            if self.ended {
                return Err(Malformed::Broken(
                    "there are bytes after the end of the stream",
                ));
            }
            let next = match self.wire {
                Wire::Binary => binary(&data[used..])?,
                Wire::Text => text(&data[used..]),
            };
            match next {
                Next::Row(length) if length > MAX_ROW_BYTES => {
                    return Err(Malformed::TooLarge);
                }
                Next::Row(length) => {
                    each(&data[used..used + length]);
                    used += length;
                }
                Next::End => {
                    self.ended = true;
                    used += TRAILER.len();
                }
                Next::More => break,
            }
        }
        Ok(used)
    }
}

fn binary(data: &[u8]) -> Result<Next, Malformed> {
    let Some(head) = data.first_chunk::<2>() else {
        return Ok(Next::More);
    };
    let fields = i16::from_be_bytes(*head);
    if fields == -1 {
        return Ok(Next::End);
    }
    let mut at = 2;
    for _ in 0..fields {
        let Some(length) = data.get(at..).and_then(|rest| rest.first_chunk::<4>()) else {
            return Ok(Next::More);
        };
        at += 4;
        match i32::from_be_bytes(*length) {
            -1 => {}
            length => {
                let length = usize::try_from(length)
                    .map_err(|_| Malformed::Broken("a field has a negative length"))?;
                at += length;
            }
        }
    }
    Ok(if at <= data.len() {
        Next::Row(at)
    } else {
        Next::More
    })
}

/// A line; COPY writes line ends inside values as `\n`.
fn text(data: &[u8]) -> Next {
    memchr::memchr(b'\n', data).map_or(Next::More, |end| Next::Row(end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(rows: &[Vec<Option<Vec<u8>>>]) -> Vec<u8> {
        let mut data = HEADER.to_vec();
        for row in rows {
            data.extend((row.len() as i16).to_be_bytes());
            for field in row {
                match field {
                    None => data.extend((-1_i32).to_be_bytes()),
                    Some(bytes) => {
                        data.extend((bytes.len() as i32).to_be_bytes());
                        data.extend(bytes);
                    }
                }
            }
        }
        data.extend(TRAILER);
        data
    }

    proptest! {
        #[test]
        fn rows_are_found_whatever_the_pieces(
            rows in prop::collection::vec(
                prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..20)), 0..5),
                0..20,
            ),
            piece in 1_usize..50,
        ) {
            let data = encode(&rows);
            let mut parser = Rows::new(Wire::Binary);
            let mut count = 0;
            let mut all = HEADER.to_vec();
            for part in data.chunks(piece) {
                parser.push(part, |row| { count += 1; all.extend_from_slice(row); }).unwrap();
            }
            parser.finish().unwrap();
            all.extend(TRAILER);
            prop_assert_eq!(count, rows.len());
            prop_assert_eq!(all, data);
        }
    }

    #[test]
    fn broken_streams_are_refused() {
        let mut parser = Rows::new(Wire::Binary);
        assert!(parser.push(b"not a copy stream at all", |_| {}).is_err());
        let data = encode(&[vec![Some(b"abc".to_vec())]]);
        let mut parser = Rows::new(Wire::Binary);
        parser.push(&data[..data.len() - 3], |_| {}).unwrap();
        assert!(parser.finish().is_err());
        let mut parser = Rows::new(Wire::Binary);
        parser.push(&data, |_| {}).unwrap();
        assert!(parser.push(b"x", |_| {}).is_err());
    }

    #[test]
    fn lines_are_rows_in_text() {
        let mut parser = Rows::new(Wire::Text);
        let mut rows = Vec::new();
        parser
            .push(b"1\ta\n2\t", |row| rows.push(row.to_vec()))
            .unwrap();
        assert!(parser.finish().is_err());
        parser
            .push(b"b\\n\n", |row| rows.push(row.to_vec()))
            .unwrap();
        parser.finish().unwrap();
        assert_eq!(rows, [b"1\ta\n".to_vec(), b"2\tb\\n\n".to_vec()]);
    }
}
