//! How hard a text is to be compressed. Compressing costs most where it gains nothing: bytes that do
//! not compress (images, encrypted columns, what TOAST has compressed already) pass zstd's level 3 at a
//! quarter of the speed of its fastest level, and come out as long.

use crate::error::Result;

/// A level that keeps up with a disk on one core.
pub(super) const USUAL: i32 = 3;
/// The fastest level: what does not compress is let through.
const FASTEST: i32 = -1;
/// The sample is compressed at the least level that looks for repetitions with care.
const SAMPLE_LEVEL: i32 = 1;
/// Places of a text that are looked at, evenly spread, and bytes of each: a page of a table.
const PLACES: usize = 16;
const PLACE: usize = 8192;

/// The level for a text: the fastest when a sample of it shrinks by less than a tenth.
///
/// # Errors
/// Those of compressing.
pub(super) fn level(text: &[u8]) -> Result<i32> {
    if text.len() < 2 * PLACES * PLACE {
        return Ok(USUAL);
    }
    let stride = text.len() / PLACES;
    let places = text.chunks_exact(stride).take(PLACES);
    let sample: Vec<u8> = places.flat_map(|place| &place[..PLACE]).copied().collect();
    let compressed = zstd::bulk::compress(&sample, SAMPLE_LEVEL)?;
    let shrinks = compressed.len() < sample.len() - sample.len() / 10;
    Ok(if shrinks { USUAL } else { FASTEST })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that do not compress.
    fn noise(bytes: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let next = |_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state.to_be_bytes()[0]
        };
        (0..bytes).map(next).collect()
    }

    #[test]
    fn only_what_does_not_compress_anywhere_is_let_through() {
        let (long, short) = (2 << 20, 2 * PLACES * PLACE - 1);
        assert_eq!(level(&noise(long)).unwrap(), FASTEST);
        assert_eq!(level(&vec![b'a'; long]).unwrap(), USUAL);
        assert_eq!(level(&[]).unwrap(), USUAL);
        assert_eq!(level(&noise(short)).unwrap(), USUAL, "too short to matter");
        // A quarter of it, wherever it lies, is worth the time.
        for begins in [0, long / 3, long * 3 / 4] {
            let mut text = noise(long);
            text[begins..][..long / 4].fill(0);
            assert_eq!(level(&text).unwrap(), USUAL, "from {begins}");
        }
    }
}
