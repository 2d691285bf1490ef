//! Tablespaces that are made in WAL. A server that replays such a record links to the very path of the
//! source, whatever its base backup lies in.

use super::log_end::{CHECKSUM, Pages};
use super::page::{ALIGNMENT, RECORD, WAL_PAGE};

/// `RM_TBLSPC_ID` (`src/include/access/rmgrlist.h`).
const MANAGER: u8 = 5;
/// `xl_info` without the bits of the log itself: `XLOG_TBLSPC_CREATE` is 0.
const OPERATION: u8 = 0xF0;
/// Where `xl_prev`, `xl_info` and `xl_rmid` lie in a record's header.
const PREVIOUS: usize = 8;
const INFO: usize = 16;
const BY: usize = 17;
/// Bytes of a record: header, the head of its data, an OID and a path of at least two bytes; a path has
/// at most 1,024 (`MAXPGPATH`).
const LENGTHS: std::ops::RangeInclusive<u64> = 32..=1_100;
/// Numbers of the parts that stand before a record's data (`src/include/access/xlogrecord.h`), and bytes of
/// each with its number.
const DATA_SHORT: u8 = 255;
const DATA_LONG: u8 = 254;
const BEFORE: [(u8, usize); 2] = [(253, 3), (252, 5)];
/// A record before lies at most this far back.
const FAR: u64 = 1 << 30;

/// A tablespace that a record makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeTablespace {
    /// Where the record begins in the segment, bytes.
    pub place: usize,
    /// Where its files lie at the source; none when the record ends in the next segment.
    pub path: Option<String>,
}

/// The tablespaces that are made in a segment, but for those that lie in the data folder itself. A record
/// whose header does not lie in the segment as a whole is not seen.
#[must_use]
pub fn made_tablespaces(segment: &[u8]) -> Vec<MadeTablespace> {
    let Some(pages) = Pages::of(segment) else {
        return Vec::new();
    };
    let mut made = Vec::new();
    for page in (0..pages.written).step_by(WAL_PAGE) {
        let Some(body) = pages.body(page) else {
            break;
        };
        for place in (body..page + WAL_PAGE).step_by(ALIGNMENT) {
            if is_made(&pages, (page, place)) {
                made.extend(record(&pages, (page, place)));
            }
        }
    }
    made
}

/// Whether a header at the place may be one of such a record: nearly all places are no header at all.
fn is_made(pages: &Pages<'_>, (page, place): (usize, usize)) -> bool {
    let at = |field: usize| {
        let (here, next) = (place + field, page + WAL_PAGE);
        let there = match here < next {
            true => Some(here),
            false => pages.body(next).map(|body| body + here - next),
        };
        there.and_then(|there| pages.text.get(there).copied())
    };
    at(BY) == Some(MANAGER)
        && at(INFO).is_some_and(|info| info & OPERATION == 0)
        && (pages.number(place, 4)).is_some_and(|length| LENGTHS.contains(&length))
}

fn record(pages: &Pages<'_>, (page, place): (usize, usize)) -> Option<MadeTablespace> {
    let length = usize::try_from(pages.number(place, 4)?).ok()?;
    let mut bytes = Vec::with_capacity(length);
    let whole = pages.consume(page, place, length, |piece| bytes.extend_from_slice(piece))?;
    let number = |at: usize, count: usize| super::page::number(&bytes, pages.little, at, count);
    if whole.is_none() {
        // Its checksum covers what is not here. That it names the record before tells it from others.
        let back = pages.address(0)? + place as u64;
        let back = back.checked_sub(number(PREVIOUS, 8)?)?;
        return (1..FAR)
            .contains(&back)
            .then_some(MadeTablespace { place, path: None });
    }
    let sum = crc32c::crc32c_append(crc32c::crc32c(bytes.get(RECORD..)?), &bytes[..CHECKSUM]);
    if number(CHECKSUM, 4)? != u64::from(sum) {
        return None;
    }
    let path = path(bytes.get(RECORD..)?)?;
    let inside = path.is_empty() || path.starts_with("pg_tblspc/");
    (!inside).then_some(MadeTablespace {
        place,
        path: Some(path),
    })
}

/// The path in what follows a record's header; the data is an OID and the path with a zero behind it.
fn path(mut parts: &[u8]) -> Option<String> {
    while let Some((_, bytes)) = BEFORE
        .iter()
        .find(|(number, _)| parts.first() == Some(number))
    {
        parts = parts.get(*bytes..)?;
    }
    let data = match *parts.first()? {
        DATA_SHORT => parts.get(2..)?,
        DATA_LONG => parts.get(5..)?,
        _ => return None,
    };
    let path = data.get(4..)?.split(|byte| *byte == 0).next()?;
    Some(String::from_utf8_lossy(path).into_owned())
}

#[cfg(test)]
mod tests {
    use super::super::log_end::tests::Log;
    use super::*;

    /// What follows the header of such a record.
    fn parts(path: &str) -> Vec<u8> {
        let data = [&16_384_u32.to_ne_bytes()[..], path.as_bytes(), &[0]].concat();
        [&[DATA_SHORT, data.len() as u8][..], &data].concat()
    }

    #[test]
    fn a_path_stands_behind_what_else_a_record_says() {
        assert_eq!(path(&parts("/srv/ts")).as_deref(), Some("/srv/ts"));
        let more = [&[253, 1, 0, 252, 7, 0, 0, 0][..], &parts("/srv/ts")].concat();
        assert_eq!(path(&more).as_deref(), Some("/srv/ts"));
        assert_eq!(path(&[1, 2, 3]), None);
        assert_eq!(path(&[]), None);
    }

    #[test]
    fn records_of_others_make_no_tablespace() {
        let log = Log::of(&[parts("/srv/ts"), vec![5; 9000], vec![0; 40]]);
        assert_eq!(made_tablespaces(&log.text), []);
        assert_eq!(made_tablespaces(b"no pages"), []);
    }
}
