//! Where the log ends in pages of which the last may not be full: behind its last whole record.
//!
//! The last byte that is not zero does not tell it. Most records of a commit end in a zero byte
//! (the highest one of a time), and a record of which only the beginning was received is of no use
//! to a recovery. What settles it is the record's own checksum.

use super::page::{ALIGNMENT, FAMILY, HEADERS, LONG, RECORD, WAL_PAGE, is_little, number};

/// `XLP_FIRST_IS_CONTRECORD`: the page begins in the middle of a record.
const CONTINUES: u16 = 0x0001;
/// Where `xl_crc` lies in it; the checksum covers what comes behind the header, then what comes
/// before itself (`ValidXLogRecord`, `src/backend/access/transam/xlogreader.c`).
pub(super) const CHECKSUM: usize = 20;
/// More than `XLogRecordMaxSize`.
const LONGEST: usize = 1 << 30;

/// Where the log ends in `pages`, which begin with a page of it: behind the last record that is
/// whole, where the next one begins or is to begin. What is not whole yet is all that may follow.
/// Bytes that are zero because nothing was written there and zeros of a record are told apart by
/// the record's checksum.
///
/// None when that cannot be told: no record ends in the pages, or they hold something else.
#[must_use]
pub fn log_end(pages: &[u8]) -> Option<usize> {
    let pages = Pages::of(pages)?;
    let mut place = pages.body(0)?;
    let mut end = None;
    let rest = pages.continued(0)?;
    if rest > 0 {
        // Its beginning is elsewhere, and with it its checksum: only what follows vouches for it.
        place = pages.consume(0, place, rest, |_| {})??;
        if place > pages.written {
            return None;
        }
        place = place.next_multiple_of(ALIGNMENT);
        end = Some(place);
    }
    loop {
        if place == pages.text.len() {
            return end;
        }
        if place.is_multiple_of(WAL_PAGE) {
            place = pages.body(place)?;
        }
        if place >= pages.written {
            return end;
        }
        match pages.record(place)? {
            Found::Whole(behind) => {
                place = behind.next_multiple_of(ALIGNMENT);
                end = Some(place);
            }
            Found::Unfinished => return end,
        }
    }
}

/// A record at a place.
enum Found {
    /// It ends here.
    Whole(usize),
    /// Not all of it is there.
    Unfinished,
}

/// Pages that belong together.
pub(super) struct Pages<'a> {
    pub(super) text: &'a [u8],
    /// Where the last byte that is not zero ends.
    pub(super) written: usize,
    pub(super) little: bool,
}

impl<'a> Pages<'a> {
    /// The pages that follow each other; in a file that was used before others come behind them.
    pub(super) fn of(text: &'a [u8]) -> Option<Self> {
        let little = is_little(text)?;
        let mut pages = Self {
            text,
            written: 0,
            little,
        };
        let first = pages.address(0)?;
        let count = (0..text.len() / WAL_PAGE)
            .take_while(|page| {
                let at = page * WAL_PAGE;
                pages.body(at).is_some() && pages.address(at) == Some(first + at as u64)
            })
            .count();
        pages.text = &text[..count * WAL_PAGE];
        let last = pages.text.iter().rposition(|byte| *byte != 0)?;
        pages.written = last + 1;
        Some(pages)
    }

    pub(super) fn number(&self, at: usize, bytes: usize) -> Option<u64> {
        number(self.text, self.little, at, bytes)
    }

    pub(super) fn address(&self, page: usize) -> Option<u64> {
        self.number(page + 8, 8)
    }

    fn flags(&self, page: usize) -> Option<u16> {
        u16::try_from(self.number(page + 2, 2)?).ok()
    }

    /// Where the content of a page begins; none when it has no header.
    pub(super) fn body(&self, page: usize) -> Option<usize> {
        let magic = self.number(page, 2)?;
        let long = self.flags(page)? & LONG != 0;
        (magic & 0xFF00 == u64::from(FAMILY)).then(|| page + HEADERS[usize::from(long)])
    }

    /// Bytes that are left of the record in whose middle the page begins.
    fn continued(&self, page: usize) -> Option<usize> {
        if self.flags(page)? & CONTINUES == 0 {
            return Some(0);
        }
        usize::try_from(self.number(page + 16, 4)?).ok()
    }

    /// Gives the next `bytes` of a record to `each`, from `place` on over the headers of further
    /// pages; where they end. `Some(None)` when the pages end before, none when they do not fit.
    pub(super) fn consume(
        &self,
        page: usize,
        mut place: usize,
        bytes: usize,
        mut each: impl FnMut(&[u8]),
    ) -> Option<Option<usize>> {
        let (mut page, mut left) = (page, bytes);
        loop {
            let take = left.min(page + WAL_PAGE - place);
            each(self.text.get(place..place + take)?);
            left -= take;
            if left == 0 {
                return Some(Some(place + take));
            }
            page += WAL_PAGE;
            if page >= self.text.len() {
                return Some(None);
            }
            if self.continued(page)? != left {
                // The header itself may not be whole.
                return (self.written < page + HEADERS[1]).then_some(None);
            }
            place = self.body(page)?;
        }
    }

    /// The record at `place`; none when there is something else.
    fn record(&self, place: usize) -> Option<Found> {
        let length = usize::try_from(self.number(place, 4)?).ok()?;
        if !(RECORD..=LONGEST).contains(&length) {
            // Of the length itself a byte may be missing.
            return (self.written < place + 4).then_some(Found::Unfinished);
        }
        let (mut header, mut known) = ([0; RECORD], 0);
        let mut sum = 0;
        let page = place / WAL_PAGE * WAL_PAGE;
        let behind = self.consume(page, place, length, |piece| {
            let take = piece.len().min(RECORD - known);
            header[known..known + take].copy_from_slice(&piece[..take]);
            known += take;
            sum = crc32c::crc32c_append(sum, &piece[take..]);
        })?;
        let Some(behind) = behind else {
            return Some(Found::Unfinished);
        };
        let sum = crc32c::crc32c_append(sum, &header[..CHECKSUM]);
        let told = header[CHECKSUM..].first_chunk::<4>()?;
        let told = if self.little {
            u32::from_le_bytes(*told)
        } else {
            u32::from_be_bytes(*told)
        };
        if sum == told {
            Some(Found::Whole(behind))
        } else {
            // A record that is all there and does not fit its checksum is damaged.
            (behind > self.written).then_some(Found::Unfinished)
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    const FROM: u64 = 0x0300_0000;

    /// A log as a server of the same byte order writes it: records with this content, and where
    /// each ends, aligned.
    pub(crate) struct Log {
        pub(crate) text: Vec<u8>,
        pub(crate) ends: Vec<usize>,
    }

    impl Log {
        pub(crate) fn of(contents: &[Vec<u8>]) -> Self {
            let mut log = Self {
                text: Vec::new(),
                ends: Vec::new(),
            };
            for content in contents {
                log.add(content);
            }
            let pages = log.text.len().next_multiple_of(WAL_PAGE);
            log.text.resize(pages, 0);
            log
        }

        fn add(&mut self, content: &[u8]) {
            let mut record = vec![0; RECORD];
            let length = u32::try_from(RECORD + content.len()).unwrap();
            record[..4].copy_from_slice(&length.to_le_bytes());
            record[16] = 7;
            let sum = crc32c::crc32c_append(crc32c::crc32c(content), &record[..CHECKSUM]);
            record[CHECKSUM..].copy_from_slice(&sum.to_le_bytes());
            record.extend(content);
            let mut left = record.as_slice();
            while !left.is_empty() {
                if self.text.len().is_multiple_of(WAL_PAGE) {
                    let rest = if left.len() == record.len() {
                        0
                    } else {
                        left.len()
                    };
                    self.header(rest);
                }
                let room = WAL_PAGE - self.text.len() % WAL_PAGE;
                let (now, later) = left.split_at(room.min(left.len()));
                self.text.extend(now);
                left = later;
            }
            let end = self.text.len().next_multiple_of(ALIGNMENT);
            self.text.resize(end, 0);
            self.ends.push(end);
        }

        fn header(&mut self, rest: usize) {
            let long = self.text.is_empty();
            let flags = (u16::from(rest > 0) * CONTINUES) | (u16::from(long) * LONG);
            let mut header = vec![0; HEADERS[usize::from(long)]];
            header[..2].copy_from_slice(&0xD110_u16.to_le_bytes());
            header[2..4].copy_from_slice(&flags.to_le_bytes());
            header[4] = 1;
            let address = FROM + self.text.len() as u64;
            header[8..16].copy_from_slice(&address.to_le_bytes());
            header[16..20].copy_from_slice(&u32::try_from(rest).unwrap().to_le_bytes());
            if long {
                header[24] = 7;
                header[32..36].copy_from_slice(&(1_u32 << 20).to_le_bytes());
                header[36..40].copy_from_slice(&8192_u32.to_le_bytes());
            }
            self.text.extend(header);
        }
    }

    #[test]
    fn zeros_at_the_end_of_a_record_belong_to_it() {
        // A commit: its last byte is the highest one of a time.
        let log = Log::of(&[vec![1; 100], vec![9, 8, 7, 6, 5, 4, 3, 0]]);
        assert_eq!(log_end(&log.text), Some(log.ends[1]));
        let written = log.text.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        assert!(written < log.ends[1], "{written}");
        let log = Log::of(&[vec![1; 100], vec![0; 5000]]);
        assert_eq!(log_end(&log.text), Some(log.ends[1]));
    }

    #[test]
    fn a_record_that_is_not_whole_yet_is_not_told() {
        let log = Log::of(&[vec![1; 100], vec![2; 20_000], vec![3; 50]]);
        for cut in log.ends[0] + 1..=log.ends[1] {
            let mut text = log.text.clone();
            text[cut..].fill(0);
            text.truncate(cut.next_multiple_of(WAL_PAGE));
            let end = log_end(&text);
            let whole = cut >= log.ends[1];
            assert_eq!(end, Some(log.ends[usize::from(whole)]), "{cut}");
        }
    }

    #[test]
    fn pages_of_an_earlier_use_of_the_file_come_behind_the_end() {
        let log = Log::of(&[vec![1; 100], vec![2; 9000]]);
        let old = Log::of(&vec![vec![4; 200]; 200]);
        let mut text = old.text.clone();
        text[..log.text.len()].copy_from_slice(&log.text);
        for page in text[log.text.len()..].chunks_mut(WAL_PAGE) {
            page[11] = 1;
        }
        assert_eq!(log_end(&text), Some(log.ends[1]));
    }

    #[test]
    fn what_is_no_log_or_damaged_is_not_judged() {
        assert_eq!(log_end(&[]), None);
        assert_eq!(log_end(&[0; WAL_PAGE]), None);
        assert_eq!(log_end(&[7; 2 * WAL_PAGE]), None);
        let log = Log::of(&[vec![1; 100], vec![2; 100], vec![3; 100]]);
        let mut damaged = log.text.clone();
        damaged[log.ends[0] + 50] ^= 1;
        assert_eq!(log_end(&damaged), None);
        // A length of zero with something behind it.
        let mut hollow = log.text;
        hollow[log.ends[0]..log.ends[0] + 4].fill(0);
        assert_eq!(log_end(&hollow), None);
    }

    #[test]
    fn a_page_in_the_middle_of_the_log_is_read_from_its_first_record_on() {
        let log = Log::of(&[vec![1; 100], vec![2; 20_000], vec![3; 50], vec![0; 9]]);
        assert_eq!(
            log_end(&log.text[2 * WAL_PAGE..]),
            Some(log.ends[3] - 2 * WAL_PAGE)
        );
        // Nothing but the middle of a record.
        assert_eq!(log_end(&log.text[WAL_PAGE..2 * WAL_PAGE]), None);
        // The end of one that may be zeros, or not there yet: its checksum is on another page.
        let mut open = log.text.clone();
        open[log.ends[1] - 8..].fill(0);
        assert_eq!(log_end(&open[2 * WAL_PAGE..]), None);
    }

    proptest! {
        #[test]
        fn a_log_that_is_cut_anywhere_ends_with_its_last_whole_record(
            sizes in prop::collection::vec((0_usize..12_000, 0_u8..3), 1..12),
            share in 0.0..1.0,
        ) {
            let contents: Vec<Vec<u8>> =
                sizes.iter().map(|(size, byte)| vec![*byte; *size]).collect();
            let log = Log::of(&contents);
            let last = *log.ends.last().unwrap();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
            let cut = (share * last as f64) as usize;
            let mut text = log.text.clone();
            text[cut..].fill(0);
            text.truncate(cut.next_multiple_of(WAL_PAGE));
            let told = log_end(&text);
            let sure = log.ends.iter().rev().find(|end| **end <= cut).copied();
            // Zeros that were cut off come back as zeros, so a record may be whole without them.
            prop_assert!(told >= sure || told.is_none() && sure.is_none(), "{told:?} {sure:?}");
            if let Some(told) = told {
                prop_assert_eq!(&text[..told.min(text.len())], &log.text[..told]);
                prop_assert!(log.ends.contains(&told));
            }
        }
    }
}
