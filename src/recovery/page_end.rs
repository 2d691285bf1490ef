//! How far pages of WAL surely go, as their headers tell it.

use super::Lsn;
use super::page::{ALIGNMENT, FAMILY, HEADERS, LONG, RECORD, WAL_PAGE as PAGE, is_little, number};

/// `XLP_FIRST_IS_OVERWRITE_CONTRECORD`: what came before was given up.
const GIVEN_UP: u64 = 0x0008;

/// A page with a header.
struct Page<'a> {
    text: &'a [u8],
    little: bool,
}

impl<'a> Page<'a> {
    /// The page at this place in the log; none when something else lies there.
    fn of(text: &'a [u8], address: Lsn) -> Option<Self> {
        let little = is_little(text)?;
        let page = Self { text, little };
        let fits =
            page.number(0, 2)? & 0xFF00 == u64::from(FAMILY) && page.number(8, 8)? == address.0;
        fits.then_some(page)
    }

    fn number(&self, at: usize, bytes: usize) -> Option<u64> {
        number(self.text, self.little, at, bytes)
    }

    fn header(&self) -> usize {
        let flags = self.number(2, 2).unwrap_or_default();
        HEADERS[usize::from(flags & u64::from(LONG) != 0)]
    }
}

/// A place up to which the records in `segment` are whole, as its pages tell that continue a record
/// (`xlp_rem_len`): the last one that is known without reading the records themselves. None when no
/// page tells one. Zeros at the end are taken for what was never written.
#[must_use]
pub fn whole_until(segment: &[u8], start: Lsn) -> Option<Lsn> {
    let written = segment.iter().rposition(|byte| *byte != 0)? + 1;
    let last = (written - 1) / PAGE;
    (0..=last).rev().find_map(|number| {
        let place = number * PAGE;
        let page = Page::of(segment.get(place..)?, Lsn(start.0 + place as u64))?;
        if page.number(2, 2)? & GIVEN_UP != 0 {
            return None;
        }
        let rest = usize::try_from(page.number(16, 4)?).ok()?;
        let end = match rest {
            0 => place,
            _ => place + page.header() + rest.next_multiple_of(ALIGNMENT),
        };
        (end <= written && end <= place + PAGE).then_some(Lsn(start.0 + end as u64))
    })
}

/// Whether a record begins at `place` in a page that begins at `start`: one that comes after another
/// of `since` or later. What a server used a file for before is none.
#[must_use]
pub fn goes_on(page: &[u8], start: Lsn, place: Lsn, since: Lsn) -> bool {
    let begins = || {
        let page = Page::of(page, start)?;
        let at = match usize::try_from(place.since(start)).ok()? {
            0 => page.header(),
            at => at,
        };
        let length = page.number(at, 4)?;
        // The header itself may be continued on the next page.
        let before = page.number(at + 8, 8).map_or(since, Lsn);
        Some(length >= RECORD as u64 && (since..place).contains(&before))
    };
    begins().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Lsn = Lsn(0x700_0000);

    /// Pages of which each continues a record with so many bytes; the last one has `written` bytes.
    fn pages(rests: &[u32], written: usize) -> Vec<u8> {
        let mut text = Vec::new();
        for (number, rest) in (0_u64..).zip(rests) {
            let mut page = vec![1; PAGE];
            page[..2].copy_from_slice(&0xD110_u16.to_le_bytes());
            let flags = if number == 0 { 2_u16 } else { 0 };
            page[2..4].copy_from_slice(&flags.to_le_bytes());
            let address = START.0 + number * PAGE as u64;
            page[8..16].copy_from_slice(&address.to_le_bytes());
            page[16..20].copy_from_slice(&rest.to_le_bytes());
            text.extend(page);
        }
        let end = (rests.len() - 1) * PAGE + written;
        text.truncate(end);
        text.resize(1 << 20, 0);
        text
    }

    #[test]
    fn the_last_page_that_tells_where_a_record_ended_is_found() {
        let until = |rests: &[u32], written| {
            let end = whole_until(&pages(rests, written), START);
            end.map(|end| usize::try_from(end.since(START)).unwrap())
        };
        assert_eq!(until(&[0], 100), Some(0));
        assert_eq!(until(&[30, 0], 100), Some(PAGE));
        assert_eq!(until(&[30, 61], 100), Some(PAGE + 24 + 64));
        // The record on the last page is not all there, or goes on behind it.
        assert_eq!(until(&[30, 61], 80), Some(40 + 32));
        assert_eq!(until(&[30, 8000, 60_000], 8000), Some(PAGE + 24 + 8000));
        assert_eq!(until(&[9000, 840], 100), None);
        assert_eq!(whole_until(&[0; PAGE], START), None);
        assert_eq!(whole_until(&pages(&[30], 100), Lsn(PAGE as u64)), None);
        let mut given_up = pages(&[30, 0], 100);
        given_up[PAGE + 2] |= 8;
        assert_eq!(whole_until(&given_up, START), Some(Lsn(START.0 + 72)));
    }

    #[test]
    fn a_record_is_told_from_what_was_there_before() {
        let mut page = pages(&[0], PAGE);
        page.truncate(PAGE);
        let mut at = |place: usize, length: u32, before: Lsn| {
            page[place..place + 4].copy_from_slice(&length.to_le_bytes());
            page[place + 8..place + 16].copy_from_slice(&before.0.to_le_bytes());
            page.clone()
        };
        let [since, place] = [Lsn(START.0 - 500), Lsn(START.0 + 400)];
        let next = |page: &[u8]| goes_on(page, START, place, since);
        assert!(next(&at(400, 50, Lsn(START.0 + 360))));
        assert!(!next(&at(400, 50, Lsn(START.0 - 9000))), "of another time");
        assert!(!next(&at(400, 50, place)));
        assert!(!next(&at(400, 0, Lsn(START.0 + 360))));
        let page = at(40, 50, Lsn(START.0 - 40));
        assert!(goes_on(&page, START, START, since));
        assert!(!goes_on(&page, Lsn(START.0 + PAGE as u64), place, since));
        assert!(!goes_on(&[], START, place, since));
    }
}
