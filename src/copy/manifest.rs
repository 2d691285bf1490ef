//! The signed statement of what a copy holds and how it was proven.

use chrono::{DateTime, Utc};
use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::RowSum;
use crate::error::{Error, Kind, Result};
use crate::masking::MaskKey;
use crate::sql::QualifiedName;

/// What the key that signs manifests is derived for.
const PURPOSE: &str = "manifest";

/// What a copy holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The run.
    pub run: String,
    /// Environment that the data comes from.
    pub from: String,
    /// The target environment.
    pub to: String,
    /// Version of Tidegate.
    pub version: String,
    /// When the copy was complete.
    pub at: DateTime<Utc>,
    /// Hash of the plan.
    pub plan: String,
    /// Hash of the policy.
    pub policy: String,
    /// Epoch of the masking key.
    pub epoch: String,
    /// Place in the source's log that the data is of.
    pub snapshot_lsn: String,
    /// Fingerprint of the schema.
    pub fingerprint: String,
    /// Each table.
    pub tables: Vec<TableRecord>,
    /// What the gate found.
    pub gate: serde_json::Value,
}

/// One table of a [`Manifest`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableRecord {
    /// Its name.
    pub table: QualifiedName,
    /// Rows and the sum over them, as the source sent them: masked columns before their mask,
    /// columns set to null or computed as such.
    pub source: RowSum,
}

/// A manifest with its signature. The text is kept as it was signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// The manifest as JSON.
    pub manifest: String,
    /// Public key, in hexadecimal digits.
    pub key: String,
    /// Signature (ed25519, RFC 8032) over the text, in hexadecimal digits.
    pub signature: String,
}

impl Signed {
    /// Signs with a key that is derived from the masking key: whoever can verify a mask can check
    /// that the manifest comes from its holder.
    ///
    /// # Errors
    /// None in practice.
    pub fn sign(statement: &impl Serialize, key: &MaskKey) -> Result<Self> {
        Self::sign_with(statement, key.derive(PURPOSE)?.bytes())
    }

    /// Signs with the key that belongs to this seed.
    ///
    /// # Errors
    /// None in practice.
    pub fn sign_with(statement: &impl Serialize, seed: &[u8; 32]) -> Result<Self> {
        let text = serde_json::to_string(statement)
            .map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
        let signing = SigningKey::from_bytes(seed);
        Ok(Self {
            signature: hex::encode(signing.sign(text.as_bytes()).to_bytes()),
            key: hex::encode(signing.verifying_key().to_bytes()),
            manifest: text,
        })
    }

    /// The public key that belongs to a masking key, in hexadecimal digits.
    ///
    /// # Errors
    /// None in practice.
    pub fn signer(key: &MaskKey) -> Result<String> {
        Ok(Self::signer_of(key.derive(PURPOSE)?.bytes()))
    }

    /// The public key that belongs to a seed, in hexadecimal digits.
    #[must_use]
    pub fn signer_of(seed: &[u8; 32]) -> String {
        hex::encode(SigningKey::from_bytes(seed).verifying_key().to_bytes())
    }

    /// The manifest, after its signature was checked; `trusted` is the key that must have signed
    /// it, else the one it names is believed, which shows damage but no forgery.
    ///
    /// # Errors
    /// [`Kind::CopyGate`] when the signature does not hold.
    pub fn verify(&self, trusted: Option<&MaskKey>) -> Result<Manifest> {
        if let Some(trusted) = trusted
            && Self::signer(trusted)? != self.key
        {
            return Err(broken("was signed by another key"));
        }
        self.statement()
    }

    /// What was signed by one of these public keys, given in hexadecimal digits.
    ///
    /// # Errors
    /// [`Kind::CopyRefused`] when another key has signed it; [`Kind::CopyGate`] when the signature
    /// does not hold.
    pub fn verify_by<T: DeserializeOwned>(&self, signers: &[String]) -> Result<T> {
        if !signers
            .iter()
            .any(|key| key.eq_ignore_ascii_case(&self.key))
        {
            return Err(Error::new(
                Kind::CopyRefused,
                format!("it was signed by {}, who is not trusted", self.key),
            )
            .hint("name the signer in [copy] signers of tidegate.toml, when its key was given to you by another way"));
        }
        self.statement()
    }

    fn statement<T: DeserializeOwned>(&self) -> Result<T> {
        let key: [u8; 32] = hex::decode(&self.key)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| broken("names no key"))?;
        let signature: [u8; 64] = hex::decode(&self.signature)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| broken("has no signature"))?;
        VerifyingKey::from_bytes(&key)
            .and_then(|key| {
                key.verify(self.manifest.as_bytes(), &Signature::from_bytes(&signature))
            })
            .map_err(|_| broken("is not the text that was signed"))?;
        serde_json::from_str(&self.manifest).map_err(|_| broken("cannot be read"))
    }
}

fn broken(what: &str) -> Error {
    Error::new(Kind::CopyGate, format!("the manifest {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(epoch: &str) -> MaskKey {
        let text = "8f1d3a5c7b9e0214365870a9bcdef1023344556d77889a0b1c2d3e4f5a6b7c8d";
        MaskKey::parse(&text.to_owned().into(), "staging", epoch).unwrap()
    }

    #[test]
    fn a_changed_manifest_does_not_hold() {
        let manifest = Manifest {
            run: "1".to_owned(),
            from: "production".to_owned(),
            to: "staging".to_owned(),
            version: "1".to_owned(),
            at: DateTime::UNIX_EPOCH,
            plan: String::new(),
            policy: String::new(),
            epoch: "1".to_owned(),
            snapshot_lsn: "0/0".to_owned(),
            fingerprint: String::new(),
            tables: Vec::new(),
            gate: serde_json::json!({"passed": true}),
        };
        let signed = Signed::sign(&manifest, &key("1")).unwrap();
        assert_eq!(signed.verify(Some(&key("1"))).unwrap(), manifest);
        assert!(signed.verify(Some(&key("2"))).is_err());
        let (own, other) = (
            Signed::signer(&key("1")).unwrap(),
            Signed::signer(&key("2")).unwrap(),
        );
        let by = |signers: &[String]| signed.verify_by::<Manifest>(signers);
        assert_eq!(by(&[other.clone(), own.to_uppercase()]).unwrap(), manifest);
        assert_eq!(by(&[other]).unwrap_err().kind(), Kind::CopyRefused);
        assert_eq!(by(&[]).unwrap_err().kind(), Kind::CopyRefused);
        let forged = Signed {
            manifest: signed.manifest.replace("true", "false"),
            ..signed
        };
        assert!(forged.verify(None).is_err());
        let broken = forged.verify_by::<Manifest>(&[own]).unwrap_err();
        assert_eq!(broken.kind(), Kind::CopyGate);
    }
}
