//! The masking key and what is derived from it.

use std::fmt;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::{Error, Kind, Result};

/// Bytes of a key.
const KEY_BYTES: usize = 32;

/// The master key of one environment's masks in one epoch. Never printed.
pub struct MaskKey {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
    epoch: String,
}

impl fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MaskKey")
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

impl MaskKey {
    /// Reads a key of 256 bits, written as 64 hexadecimal digits, and binds it to an environment
    /// and an epoch (HKDF-SHA-256, RFC 5869): the same key gives other masks elsewhere.
    ///
    /// # Errors
    /// [`Kind::MaskKey`] when it is shorter or longer, not hexadecimal, or patterned.
    pub fn parse(text: &SecretString, environment: &str, epoch: &str) -> Result<Self> {
        let weak = |why: &str| Error::new(Kind::MaskKey, format!("the masking key {why}"));
        let text = text.expose_secret().trim();
        let mut master = Zeroizing::new([0_u8; KEY_BYTES]);
        if text.len() != 2 * KEY_BYTES {
            return Err(weak("is not 64 hexadecimal digits (256 bits)"));
        }
        hex::decode_to_slice(text, master.as_mut_slice())
            .map_err(|_| weak("is not written in hexadecimal digits"))?;
        let mut seen = [false; 256];
        for byte in master.iter() {
            seen[usize::from(*byte)] = true;
        }
        // 32 random bytes hold fewer than 16 different ones with a chance below 2^-60.
        let step = master[1].wrapping_sub(master[0]);
        let counts_up = master
            .windows(2)
            .all(|pair| pair[1].wrapping_sub(pair[0]) == step);
        let halves = master[..16] == master[16..];
        if seen.iter().filter(|seen| **seen).count() < 16 || counts_up || halves {
            return Err(weak("follows a pattern"));
        }
        let mut bytes = Zeroizing::new([0_u8; KEY_BYTES]);
        expand(
            &master,
            &["tidegate-mask-1", environment, epoch],
            bytes.as_mut_slice(),
        )?;
        Ok(Self {
            bytes,
            epoch: epoch.to_owned(),
        })
    }

    /// A key that everybody knows. Rules are compiled under it to see whether they fit their
    /// columns; no value is ever masked with it.
    #[must_use]
    pub fn throw_away() -> Self {
        Self {
            bytes: Zeroizing::new([0; KEY_BYTES]),
            epoch: String::new(),
        }
    }

    /// The epoch, such as `2026-11`.
    #[must_use]
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The key of one purpose; values of one domain get the same masks wherever they stand.
    ///
    /// # Errors
    /// None in practice.
    pub fn derive(&self, purpose: &str) -> Result<DerivedKey> {
        let mut bytes = Zeroizing::new([0_u8; KEY_BYTES]);
        expand(&self.bytes, &["purpose", purpose], bytes.as_mut_slice())?;
        Ok(DerivedKey { bytes })
    }

    /// A short value by which two runs see whether they use the same key; tells nothing about it.
    ///
    /// # Errors
    /// None in practice.
    pub fn fingerprint(&self) -> Result<String> {
        let key = self.derive("fingerprint")?;
        Ok(hex::encode(&key.digest(b"tidegate")[..8]))
    }
}

/// A key for one purpose.
pub struct DerivedKey {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

impl fmt::Debug for DerivedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DerivedKey").finish_non_exhaustive()
    }
}

impl DerivedKey {
    /// Its bytes, for ciphers.
    #[must_use]
    pub fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.bytes
    }

    /// HMAC-SHA-256 (RFC 2104) of `value`.
    #[must_use]
    pub fn digest(&self, value: &[u8]) -> [u8; 32] {
        // A key of any length is valid for HMAC.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.bytes.as_slice()) else {
            return [0; 32];
        };
        mac.update(value);
        mac.finalize().into_bytes().into()
    }
}

/// HKDF-SHA-256; each part of the context carries its length, so that no two contexts are one.
fn expand(key: &[u8; KEY_BYTES], context: &[&str], out: &mut [u8]) -> Result<()> {
    let info: Vec<u8> = context
        .iter()
        .flat_map(|part| {
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes();
            length.into_iter().chain(part.bytes())
        })
        .collect();
    Hkdf::<Sha256>::new(None, key)
        .expand(&info, out)
        .map_err(|_| Error::new(Kind::Internal, "a key could not be derived"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "8f1d3a5c7b9e0214365870a9bcdef1023344556d77889a0b1c2d3e4f5a6b7c8d";

    fn key(text: &str, environment: &str, epoch: &str) -> Result<MaskKey> {
        MaskKey::parse(&SecretString::from(text), environment, epoch)
    }

    #[test]
    fn weak_keys_are_refused() {
        for text in [
            "",
            "password",
            &"00".repeat(32),
            &"ab".repeat(32),
            &"0123456789abcdef".repeat(4),
            &(0..32_u8).map(|i| format!("{i:02x}")).collect::<String>(),
            &"zz".repeat(32),
            &format!("{GOOD}00"),
        ] {
            let error = key(text, "staging", "1").unwrap_err();
            assert_eq!(error.kind(), Kind::MaskKey, "{text}");
            assert!(text.is_empty() || !error.to_string().contains(text));
        }
        key(GOOD, "staging", "1").unwrap();
    }

    #[test]
    fn environments_epochs_and_purposes_have_their_own_keys() {
        let digest = |environment, epoch, purpose| {
            let key = key(GOOD, environment, epoch).unwrap();
            key.derive(purpose).unwrap().digest(b"a@b.example")
        };
        let one = digest("staging", "1", "email");
        assert_eq!(one, digest("staging", "1", "email"));
        assert_ne!(one, digest("dev", "1", "email"));
        assert_ne!(one, digest("staging", "2", "email"));
        assert_ne!(one, digest("staging", "1", "phone"));
    }

    #[test]
    fn a_key_is_never_printed() {
        let key = key(GOOD, "staging", "1").unwrap();
        let shown = format!("{key:?} {:?}", key.derive("a").unwrap());
        assert!(!shown.contains("8f1d"), "{shown}");
    }
}
