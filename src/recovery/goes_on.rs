//! Whether a log goes on at a place, as the header of its next record tells it.

use super::Lsn;
use super::page::{FAMILY, HEADERS, LONG, RECORD, is_little, number};

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

    const PAGE: usize = super::super::WAL_PAGE;

    /// The first page of a segment.
    fn page() -> Vec<u8> {
        let mut page = vec![1; PAGE];
        page[..2].copy_from_slice(&0xD110_u16.to_le_bytes());
        page[2..4].copy_from_slice(&2_u16.to_le_bytes());
        page[8..16].copy_from_slice(&START.0.to_le_bytes());
        page[16..20].fill(0);
        page
    }

    #[test]
    fn a_record_is_told_from_what_was_there_before() {
        let mut page = page();
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
