//! Frames of a sealed file: AES-256-GCM in the STREAM construction (Hoang, Reyhanitabar, Rogaway,
//! Vizár: "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", 2015). The nonce
//! is the number of the frame and whether it is the last, so that a frame that was left out, moved,
//! repeated or cut off at the end does not open.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::key::KEY_BYTES;
use crate::error::{Error, Kind, Result};

/// Bytes of the text of a frame, the last one excepted.
pub(super) const FRAME: usize = 256 * 1024;
/// Bytes that a frame is longer than its text.
pub(super) const TAG: usize = 16;

/// Seals or opens frames in their order.
pub(super) struct Frames {
    key: LessSafeKey,
    next: u64,
}

impl Frames {
    pub(super) fn new(key: &[u8; KEY_BYTES]) -> Result<Self> {
        let key = UnboundKey::new(&AES_256_GCM, key)
            .map_err(|_| Error::new(Kind::Internal, "the cipher refused its key"))?;
        Ok(Self {
            key: LessSafeKey::new(key),
            next: 0,
        })
    }

    fn nonce(&mut self, last: bool) -> Nonce {
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&self.next.to_be_bytes());
        nonce[11] = u8::from(last);
        // 2^64 frames of 256 kB are more than any file holds.
        self.next = self.next.wrapping_add(1);
        Nonce::assume_unique_for_key(nonce)
    }

    /// Seals `frame` in place; its tag is appended.
    pub(super) fn seal(&mut self, frame: &mut Vec<u8>, last: bool) -> Result<()> {
        let nonce = self.nonce(last);
        self.key
            .seal_in_place_append_tag(nonce, Aad::empty(), frame)
            .map_err(|_| Error::new(Kind::Internal, "a frame could not be sealed"))
    }

    /// Opens `frame` in place; its tag is taken off.
    pub(super) fn open(&mut self, frame: &mut Vec<u8>, last: bool) -> Result<()> {
        let number = self.next;
        let nonce = self.nonce(last);
        let length = self
            .key
            .open_in_place(nonce, Aad::empty(), frame)
            .map_err(|_| {
                Error::new(
                    Kind::SealBroken,
                    format!("frame {number} of a sealed file does not open"),
                )
            })?
            .len();
        frame.truncate(length);
        Ok(())
    }
}
