//! The header of a segment's first page, which says whose WAL it is and where it belongs.

use super::{Lsn, Segment};

/// `XLOG_BLCKSZ`: bytes of a page of WAL.
pub const WAL_PAGE: usize = 8192;
/// Bytes of a page's short header and of its long one.
pub(super) const HEADERS: [usize; 2] = [24, HEADER];
/// Bytes of the long header.
const HEADER: usize = 40;
/// `XLP_LONG_HEADER`: the flag of the long header.
pub(super) const LONG: u16 = 0x0002;
/// `SizeOfXLogRecord`.
pub(super) const RECORD: usize = 24;
/// `MAXIMUM_ALIGNOF`: records begin at multiples of it.
pub(super) const ALIGNMENT: usize = 8;
/// `XLOG_PAGE_MAGIC` of PostgreSQL 14; it has grown with each major version.
const OLDEST: u16 = 0xD10D;
/// The byte that all of them begin with.
pub(super) const FAMILY: u16 = 0xD100;
/// Smallest and largest segment that `initdb` makes.
const SIZES: std::ops::RangeInclusive<u32> = SMALLEST_SEGMENT..=1 << 30;
/// The smallest of them. Its segments have the most numbers, so a file name that is one of any
/// size is one of this size, too.
pub const SMALLEST_SEGMENT: u32 = 1 << 20;

/// Whether what begins with these bytes was written with the lowest byte of a number first.
pub(super) fn is_little(text: &[u8]) -> Option<bool> {
    Some(u16::from_le_bytes([*text.first()?, *text.get(1)?]) & 0xFF00 == FAMILY)
}

/// The number of so many bytes at a place; none behind the end.
pub(super) fn number(text: &[u8], little: bool, at: usize, bytes: usize) -> Option<u64> {
    let field = text.get(at..at + bytes)?;
    let one = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    Some(if little {
        field.iter().rev().fold(0, one)
    } else {
        field.iter().fold(0, one)
    })
}

/// The long header of a page of WAL (`XLogLongPageHeaderData` of PostgreSQL,
/// `src/include/access/xlog_internal.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageHeader {
    /// The timeline that the page was written on.
    pub timeline: u32,
    /// Where the page begins.
    pub address: Lsn,
    /// The cluster's system identifier.
    pub system_identifier: u64,
    /// Size of a segment.
    pub segment_bytes: u32,
}

/// Whether a cluster can have segments of this size: a power of two from 1 MiB to 1 GiB.
#[must_use]
pub fn is_segment_size(bytes: u32) -> bool {
    SIZES.contains(&bytes) && bytes.is_power_of_two()
}

impl PageHeader {
    /// Bytes that are read of it.
    pub const BYTES: usize = HEADER;

    /// Reads the beginning of a segment, in the byte order that it was written in.
    ///
    /// # Errors
    /// A few words that say why it is none.
    pub fn parse(content: &[u8]) -> Result<Self, String> {
        let header: &[u8; HEADER] = content
            .first_chunk()
            .ok_or_else(|| "it is too short for a page header".to_owned())?;
        let little = is_little(header).unwrap_or_default();
        let number = |place, bytes| number(header, little, place, bytes).unwrap_or_default();
        let half = |place| u16::try_from(number(place, 2)).unwrap_or_default();
        let word = |place| u32::try_from(number(place, 4)).unwrap_or_default();
        let magic = half(0);
        if magic & 0xFF00 != FAMILY || magic < OLDEST {
            return Err(format!("its first page has the magic number {magic:04X}"));
        }
        if half(2) & LONG == 0 {
            return Err("its first page has no long header".to_owned());
        }
        Ok(Self {
            timeline: word(4),
            address: Lsn(number(8, 8)),
            system_identifier: number(24, 8),
            segment_bytes: word(32),
        })
    }

    /// Why a file with this header is not that segment of `bytes` bytes; none when it is.
    #[must_use]
    pub fn objection(&self, segment: Segment, bytes: u32) -> Option<String> {
        if self.segment_bytes != bytes {
            return Some(format!(
                "it has {bytes} bytes, but says that segments have {}",
                self.segment_bytes
            ));
        }
        let start = segment.start(bytes);
        if self.address != start {
            return Some(format!(
                "it says that it begins at {}, not at {start}",
                self.address
            ));
        }
        // The first segment of a timeline begins with what was copied from its parent.
        (self.timeline == 0 || self.timeline > segment.timeline).then(|| {
            format!(
                "it says that it is of timeline {}, not {}",
                self.timeline, segment.timeline
            )
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const MB: u32 = 1 << 20;

    /// A segment with a header and nothing else.
    pub(crate) fn segment(segment: Segment, bytes: u32, system_identifier: u64) -> Vec<u8> {
        let mut content = vec![0; bytes as usize];
        content[..2].copy_from_slice(&0xD110_u16.to_le_bytes());
        content[2..4].copy_from_slice(&LONG.to_le_bytes());
        content[4..8].copy_from_slice(&segment.timeline.to_le_bytes());
        content[8..16].copy_from_slice(&segment.start(bytes).0.to_le_bytes());
        content[24..32].copy_from_slice(&system_identifier.to_le_bytes());
        content[32..36].copy_from_slice(&bytes.to_le_bytes());
        content[36..40].copy_from_slice(&8192_u32.to_le_bytes());
        content
    }

    const THIRD: Segment = Segment {
        timeline: 2,
        number: 3,
    };

    #[test]
    fn a_header_says_whose_it_is_and_where_it_belongs() {
        let content = segment(THIRD, MB, 7);
        let header = PageHeader::parse(&content).unwrap();
        assert_eq!(header.system_identifier, 7);
        assert_eq!(header.address, Lsn(3 << 20));
        assert_eq!(header.objection(THIRD, MB), None);
        let child = Segment {
            timeline: 3,
            ..THIRD
        };
        assert_eq!(header.objection(child, MB), None);
        let parent = Segment {
            timeline: 1,
            ..THIRD
        };
        for (segment, bytes, words) in [
            (parent, MB, "timeline 2"),
            (THIRD.next(), MB, "begins at 0/300000"),
            (THIRD, 2 * MB, "segments have 1048576"),
        ] {
            let why = header.objection(segment, bytes).unwrap();
            assert!(why.contains(words), "{why}");
        }
    }

    #[test]
    fn both_byte_orders_are_read() {
        let mut content = segment(THIRD, MB, 7);
        for field in [0..2, 2..4, 4..8, 8..16, 24..32, 32..36, 36..40] {
            content[field].reverse();
        }
        let header = PageHeader::parse(&content).unwrap();
        assert_eq!(header.objection(THIRD, MB), None);
        assert_eq!(header.system_identifier, 7);
    }

    #[test]
    fn what_is_no_first_page_is_told() {
        let good = segment(THIRD, MB, 7);
        let with = |place: usize, byte: u8| {
            let mut content = good.clone();
            content[place] = byte;
            PageHeader::parse(&content).unwrap_err()
        };
        assert!(with(0, 0x0C).contains("D10C"));
        assert!(with(1, 0).contains("magic"));
        assert!(with(2, 0).contains("long header"));
        assert!(PageHeader::parse(&good[..39]).is_err());
        assert!(PageHeader::parse(&vec![0; 8192]).is_err());
        assert!(is_segment_size(MB) && is_segment_size(1 << 30));
        for wrong in [0, 1, MB / 2, MB + 1, 3 * MB, 1 << 31] {
            assert!(!is_segment_size(wrong), "{wrong}");
        }
    }
}
