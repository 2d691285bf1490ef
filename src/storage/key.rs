//! The key of sealed files.

use std::fmt;

use hkdf::Hkdf;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::{Error, Kind, Result};

/// Bytes of keys and salts.
pub(super) const KEY_BYTES: usize = 32;
/// Bytes of the name of a key.
pub(super) const KEY_ID: usize = 8;

/// A key of 256 bits that seals files. Each file gets a key of its own, derived from this one and a
/// random salt, so that no two files share a nonce. Never printed.
#[derive(Clone)]
pub struct SealKey {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
    id: [u8; KEY_ID],
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealKey")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

impl SealKey {
    /// Reads a key that is written as 64 hexadecimal digits.
    ///
    /// # Errors
    /// [`Kind::SealKey`] when it is not.
    pub fn parse(text: &SecretString) -> Result<Self> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        hex::decode_to_slice(text.expose_secret().trim(), bytes.as_mut_slice()).map_err(|_| {
            Error::new(
                Kind::SealKey,
                "the key of sealed files is not 64 hexadecimal digits (256 bits)",
            )
        })?;
        if bytes.iter().all(|byte| *byte == bytes[0]) {
            return Err(Error::new(
                Kind::SealKey,
                "the key of sealed files follows a pattern",
            ));
        }
        let digest = Sha256::new()
            .chain_update(b"tidegate-seal-id")
            .chain_update(bytes.as_slice())
            .finalize();
        let mut id = [0; KEY_ID];
        id.copy_from_slice(&digest[..KEY_ID]);
        Ok(Self { bytes, id })
    }

    /// By which a file tells which key opens it; tells nothing about the key.
    #[must_use]
    pub fn id(&self) -> String {
        hex::encode(self.id)
    }

    pub(super) fn id_bytes(&self) -> [u8; KEY_ID] {
        self.id
    }

    /// As [`Self::parse`] reads it.
    pub(super) fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.bytes.as_slice()))
    }

    /// A key for something else than sealing (HKDF-SHA-256, RFC 5869), such as the signature of a
    /// record; whoever holds it cannot open files.
    ///
    /// # Errors
    /// None in practice.
    pub fn derive(&self, purpose: &str) -> Result<Zeroizing<[u8; KEY_BYTES]>> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        Hkdf::<Sha256>::new(Some(b"tidegate-seal-purpose"), self.bytes.as_slice())
            .expand(purpose.as_bytes(), key.as_mut_slice())
            .map_err(|_| Error::new(Kind::Internal, "a key could not be derived"))?;
        Ok(key)
    }

    /// The key of one file (HKDF-SHA-256, RFC 5869).
    pub(super) fn of_file(&self, salt: &[u8; KEY_BYTES]) -> Result<Zeroizing<[u8; KEY_BYTES]>> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        Hkdf::<Sha256>::new(Some(salt), self.bytes.as_slice())
            .expand(b"tidegate-seal-1", key.as_mut_slice())
            .map_err(|_| Error::new(Kind::Internal, "a key could not be derived"))?;
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_256_bits_and_is_never_printed() {
        let parse = |text: &str| SealKey::parse(&SecretString::from(text));
        for wrong in [
            "",
            "00",
            &"0".repeat(64),
            &"zz".repeat(32),
            &"1f".repeat(33),
        ] {
            assert_eq!(parse(wrong).unwrap_err().kind(), Kind::SealKey, "{wrong}");
        }
        let text = "8f1d3a5c7b9e0214365870a9bcdef1023344556d77889a0b1c2d3e4f5a6b7c8d";
        let key = parse(&format!("{text}\n")).unwrap();
        assert!(!format!("{key:?}").contains("8f1d"), "{key:?}");
        assert_eq!(key.id().len(), 16);
    }
}
