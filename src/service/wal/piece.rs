//! What is new of a segment that another process is writing.
//!
//! A read that runs beside a write can see a page as it was and the next one as it is. What was
//! passed over would never be looked at again, so everything is read twice: the first read finds
//! how far the writer has come, the second takes what lies before that place.

use std::io::Result;

use crate::recovery::{WAL_PAGE, log_end};
use crate::storage::room;

/// Pieces begin with a page, since the last one is written more than once.
pub(super) const PAGE: usize = WAL_PAGE;
/// The longest piece, which is in memory at once.
pub(super) const LONGEST: usize = 32 << 20;
/// Bytes that are read at once while the end is looked for.
const CHUNK: usize = 32 * PAGE;
/// How often the last page is read until it holds still.
const TRIES: usize = 4;

/// Reads from the page at `from` up to the end of the log: behind the last whole record, whose last
/// bytes may be zeros. Where records do not tell it (the longest piece is full, one record is longer
/// than all of it), up to the last byte that is not zero. Nothing when nothing is written, or when
/// the last page does not hold still. `read` gives at most so many bytes at a place.
///
/// # Errors
/// Those of `read`.
pub(super) fn settled(
    mut read: impl FnMut(u64, usize) -> Result<Vec<u8>>,
    from: u64,
) -> Result<Vec<u8>> {
    let mut seen = run(&mut read, from)?;
    if seen.is_empty() {
        return Ok(seen);
    }
    let last = (seen.len() - 1) / PAGE * PAGE;
    for _ in 0..TRIES {
        let again = read(from, seen.len())?;
        if again.get(last..) == seen.get(last..) {
            return Ok(ended(again));
        }
        if again.len() != seen.len() {
            break;
        }
        seen = again;
    }
    Ok(Vec::new())
}

/// Without what comes behind the end of the log.
fn ended(mut pages: Vec<u8>) -> Vec<u8> {
    let told = (pages.len() < LONGEST).then(|| log_end(&pages)).flatten();
    let end = told.unwrap_or_else(|| {
        let last = pages.iter().rposition(|byte| *byte != 0);
        last.map_or(0, |last| last + 1)
    });
    pages.truncate(end);
    pages
}

/// The pages up to the first one that is empty. Every page that was written has a header, so an
/// empty one is the end, or not there yet.
fn run(read: &mut impl FnMut(u64, usize) -> Result<Vec<u8>>, from: u64) -> Result<Vec<u8>> {
    let mut seen = room(LONGEST);
    while seen.len() < LONGEST {
        let chunk = read(from + seen.len() as u64, CHUNK)?;
        let pages = chunk
            .chunks(PAGE)
            .take_while(|page| page.iter().any(|byte| *byte != 0))
            .map(<[u8]>::len)
            .sum();
        seen.extend_from_slice(&chunk[..pages]);
        if pages < CHUNK {
            break;
        }
    }
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recovery::log_end_tests::Log;

    #[test]
    fn a_piece_ends_behind_the_last_whole_record() {
        let log = Log::of(&[vec![1; 100], vec![2; 9000], vec![3, 0, 0, 0, 0, 0, 0, 0]]);
        let mut content = log.text.clone();
        content.resize(1 << 20, 0);
        let read = |from, length| Ok(part(&content, from, length));
        assert_eq!(settled(read, 0).unwrap().len(), log.ends[2]);
        let tail = settled(read, PAGE as u64).unwrap();
        assert_eq!(tail.len(), log.ends[2] - PAGE);
        // Half of a record more says nothing to a recovery.
        content[log.ends[1] + 4..].fill(0);
        let read = |from, length| Ok(part(&content, from, length));
        assert_eq!(settled(read, 0).unwrap().len(), log.ends[1]);
    }

    fn pages(count: usize) -> Vec<u8> {
        let mut content: Vec<u8> = (0..count * PAGE).map(|at| (at % 251 + 1) as u8).collect();
        content.resize(1 << 20, 0);
        content
    }

    fn part(content: &[u8], from: u64, length: usize) -> Vec<u8> {
        let from = usize::try_from(from).unwrap().min(content.len());
        content[from..content.len().min(from + length)].to_vec()
    }

    #[test]
    fn the_new_pages_are_read_to_their_last_byte() {
        let content = pages(40);
        let read = |from, length| Ok(part(&content, from, length));
        assert!(settled(read, 0).unwrap() == content[..40 * PAGE]);
        let tail = settled(read, 39 * PAGE as u64).unwrap();
        assert!(tail == content[39 * PAGE..40 * PAGE]);
        assert!(settled(read, 40 * PAGE as u64).unwrap().is_empty());
        let full = vec![1; 1 << 20];
        let read = |from, length| Ok(part(&full, from, length));
        assert_eq!(settled(read, 0).unwrap().len(), 1 << 20);
    }

    #[test]
    fn a_page_that_is_not_there_yet_is_never_passed_over() {
        // The writer was between the pages 5 and 6 when the first read went by.
        let whole = pages(8);
        let mut torn = whole.clone();
        torn[5 * PAGE..6 * PAGE].fill(0);
        let mut reads = 0;
        let piece = settled(
            |from, length| {
                reads += 1;
                Ok(part(if reads == 1 { &torn } else { &whole }, from, length))
            },
            0,
        );
        assert!(piece.unwrap() == whole[..5 * PAGE]);
    }

    #[test]
    fn half_a_page_is_completed_by_the_second_read() {
        let whole = pages(8);
        let mut torn = whole.clone();
        torn[5 * PAGE + 100..6 * PAGE].fill(0);
        let mut reads = 0;
        let piece = settled(
            |from, length| {
                reads += 1;
                Ok(part(if reads == 1 { &torn } else { &whole }, from, length))
            },
            0,
        );
        assert!(piece.unwrap() == whole[..8 * PAGE]);
    }

    #[test]
    fn a_last_page_that_is_being_written_is_waited_for() {
        let whole = pages(8);
        let mut torn = whole.clone();
        torn[7 * PAGE + 10..7 * PAGE + 20].fill(0);
        let mut reads = 0;
        let read = |from, length| {
            reads += 1;
            Ok(part(if reads == 1 { &torn } else { &whole }, from, length))
        };
        assert!(settled(read, 0).unwrap() == whole[..8 * PAGE]);
        let mut value = 0;
        let never = |from, length| {
            value += 1;
            let mut content = whole.clone();
            content[7 * PAGE + 10] = value;
            Ok(part(&content, from, length))
        };
        assert!(settled(never, 0).unwrap().is_empty());
    }
}
