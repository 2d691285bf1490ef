//! Sealed files: compressed, then encrypted, as a stream of bounded memory.
//!
//! A file is a header (magic, id of the key, salt) and frames; their text is one zstd stream.

use std::io::{self, Read, Write};

use super::frame::{FRAME, Frames, TAG};
use super::key::{KEY_BYTES, KEY_ID, SealKey};
use super::level::USUAL;
use crate::error::{Error, Kind, Result};

const MAGIC: &[u8; 8] = b"TGSEAL1\n";
const HEADER: usize = KEY_NAMED + KEY_BYTES;
/// Bytes of a file after which it has named its key.
pub(super) const KEY_NAMED: usize = MAGIC.len() + KEY_ID;

/// Compresses and seals what is written into it; [`Sealer::finish`] ends the file.
pub struct Sealer<W: Write>(zstd::Encoder<'static, FrameWriter<W>>);

impl<W: Write> std::fmt::Debug for Sealer<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}

impl<W: Write> Sealer<W> {
    /// Begins a file. `salt` must be random and new for each file.
    ///
    /// # Errors
    /// Those of writing.
    pub fn new(inner: W, key: &SealKey, salt: [u8; KEY_BYTES]) -> Result<Self> {
        Self::at_level(inner, key, salt, USUAL)
    }

    /// The same with a level of zstd's.
    pub(super) fn at_level(
        mut inner: W,
        key: &SealKey,
        salt: [u8; KEY_BYTES],
        level: i32,
    ) -> Result<Self> {
        inner.write_all(MAGIC)?;
        inner.write_all(&key.id_bytes())?;
        inner.write_all(&salt)?;
        let frames = Frames::new(&*key.of_file(&salt)?)?;
        let writer = FrameWriter {
            inner,
            frames,
            buffer: Vec::with_capacity(FRAME + TAG),
        };
        Ok(Self(zstd::Encoder::new(writer, level)?))
    }

    /// Seals the last frame and gives the inner writer back. A file without it does not open.
    ///
    /// # Errors
    /// Those of writing.
    pub fn finish(self) -> Result<W> {
        let mut writer = self.0.finish()?;
        writer.frame(true)?;
        Ok(writer.inner)
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

struct FrameWriter<W> {
    inner: W,
    frames: Frames,
    buffer: Vec<u8>,
}

impl<W: Write> FrameWriter<W> {
    fn frame(&mut self, last: bool) -> io::Result<()> {
        self.frames
            .seal(&mut self.buffer, last)
            .map_err(io::Error::other)?;
        self.inner.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

impl<W: Write> Write for FrameWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full frame waits: only what follows tells that it is not the last.
        if self.buffer.len() == FRAME {
            self.frame(false)?;
        }
        let part = bytes.len().min(FRAME - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..part]);
        Ok(part)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The name of the key that sealed a file, by its first [`KEY_NAMED`] bytes; none for what is no such
/// file.
pub(super) fn key_named(head: &[u8]) -> Option<[u8; KEY_ID]> {
    let id = head.strip_prefix(MAGIC)?;
    id.first_chunk().copied()
}

/// Opens a sealed file and gives its text. Text comes out before the end was seen: whoever acts on
/// it must read to the end first, or be able to take it back.
pub struct Opener<R: Read>(zstd::Decoder<'static, io::BufReader<FrameReader<R>>>);

impl<R: Read> std::fmt::Debug for Opener<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener").finish_non_exhaustive()
    }
}

impl<R: Read> Opener<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`Kind::SealBroken`] when it is no sealed file, [`Kind::SealKey`] when another key sealed it.
    pub fn new(mut inner: R, key: &SealKey) -> Result<Self> {
        let mut header = [0; HEADER];
        inner.read_exact(&mut header).map_err(|error| {
            error.downcast::<Error>().unwrap_or_else(|error| {
                Error::new(Kind::SealBroken, "a sealed file ends in its header").because(error)
            })
        })?;
        let (magic, rest) = header.split_at(MAGIC.len());
        let (id, salt) = rest.split_at(KEY_ID);
        if magic != MAGIC {
            return Err(Error::new(Kind::SealBroken, "this is not a sealed file"));
        }
        if id != key.id_bytes() {
            return Err(Error::new(
                Kind::SealKey,
                format!(
                    "the file was sealed with the key {}, not with {}",
                    hex::encode(id),
                    key.id()
                ),
            ));
        }
        let mut own = [0; KEY_BYTES];
        own.copy_from_slice(salt);
        let reader = FrameReader {
            inner,
            frames: Frames::new(&*key.of_file(&own)?)?,
            ahead: Vec::new(),
            text: Vec::new(),
            place: 0,
            ended: false,
        };
        Ok(Self(zstd::Decoder::new(reader)?))
    }
}

impl<R: Read> Read for Opener<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(bytes)?;
        if read == 0 && !bytes.is_empty() {
            // The compressed stream may end before the file does: the last frame must open, too.
            io::copy(self.0.get_mut(), &mut io::sink())?;
        }
        Ok(read)
    }
}

struct FrameReader<R> {
    inner: R,
    frames: Frames,
    /// The sealed frame after the one at hand; only its absence tells that one is the last.
    ahead: Vec<u8>,
    text: Vec<u8>,
    place: usize,
    ended: bool,
}

impl<R: Read> FrameReader<R> {
    fn sealed_frame(&mut self, frame: &mut Vec<u8>) -> io::Result<()> {
        frame.clear();
        let limit = u64::try_from(FRAME + TAG).unwrap_or(u64::MAX);
        self.inner.by_ref().take(limit).read_to_end(frame)?;
        Ok(())
    }

    fn next_frame(&mut self) -> io::Result<()> {
        let mut ahead = std::mem::take(&mut self.ahead);
        if ahead.is_empty() {
            self.sealed_frame(&mut ahead)?;
        }
        std::mem::swap(&mut self.text, &mut ahead);
        self.sealed_frame(&mut ahead)?;
        self.ahead = ahead;
        self.ended = self.ahead.is_empty();
        self.place = 0;
        self.frames
            .open(&mut self.text, self.ended)
            .map_err(io::Error::other)
    }
}

impl<R: Read> Read for FrameReader<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        while self.place == self.text.len() {
            if self.ended {
                return Ok(0);
            }
            self.next_frame()?;
        }
        let part = bytes.len().min(self.text.len() - self.place);
        bytes[..part].copy_from_slice(&self.text[self.place..self.place + part]);
        self.place += part;
        Ok(part)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::SecretString;

    use super::*;

    fn key(last: char) -> SealKey {
        let text = format!("8f1d3a5c7b9e0214365870a9bcdef1023344556d77889a0b1c2d3e4f5a6b7c8{last}");
        SealKey::parse(&SecretString::from(text)).unwrap()
    }

    fn sealed(text: &[u8]) -> Vec<u8> {
        let mut sealer = Sealer::new(Vec::new(), &key('d'), [7; KEY_BYTES]).unwrap();
        sealer.write_all(text).unwrap();
        sealer.finish().unwrap()
    }

    fn opened(file: &[u8]) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        let opener = Opener::new(file, &key('d')).map_err(io::Error::other);
        opener?.read_to_end(&mut text)?;
        Ok(text)
    }

    /// Text that does not compress, three frames of it.
    fn long() -> Vec<u8> {
        let mut state = 1_u64;
        (0..3 * FRAME)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                state.to_be_bytes()[0]
            })
            .collect()
    }

    #[test]
    fn what_was_sealed_comes_out() {
        for text in [&b""[..], b"a", &[0; FRAME], &long()] {
            assert_eq!(opened(&sealed(text)).unwrap(), text);
        }
    }

    #[test]
    fn a_file_that_was_tampered_with_does_not_open() {
        let good = sealed(&long());
        let frame = FRAME + TAG;
        let swapped = [
            &good[..HEADER],
            &good[HEADER + frame..HEADER + 2 * frame],
            &good[HEADER..HEADER + frame],
            &good[HEADER + 2 * frame..],
        ]
        .concat();
        let without_one = [&good[..HEADER], &good[HEADER + frame..]].concat();
        let longer = [good.as_slice(), &[0]].concat();
        for (what, file) in [
            ("cut in its header", &good[..HEADER - 1]),
            ("cut after the header", &good[..HEADER]),
            ("cut after a frame", &good[..HEADER + 2 * frame]),
            ("cut by a byte", &good[..good.len() - 1]),
            ("frames swapped", &swapped),
            ("a frame left out", &without_one),
            ("something appended", &longer),
        ] {
            assert!(opened(file).is_err(), "{what}");
        }
    }

    #[test]
    fn another_key_is_named() {
        let error = Opener::new(sealed(b"a").as_slice(), &key('e')).unwrap_err();
        assert_eq!(error.kind(), Kind::SealKey);
        assert!(error.to_string().contains(&key('d').id()), "{error}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_flipped_bit_goes_unseen(text in prop::collection::vec(any::<u8>(), 0..2000), at in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let mut file = sealed(&text);
            let place = at.index(file.len());
            file[place] ^= 1 << bit;
            prop_assert!(opened(&file).is_err());
        }
    }
}
