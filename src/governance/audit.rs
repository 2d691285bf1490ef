//! The hash chain of the audit log.
//!
//! Each entry's hash is SHA-256 over the hash of the entry before it and the canonical text of
//! the entry. The text is a list of netstrings (<https://cr.yp.to/proto/netstrings.txt>), so that
//! no two entries share one. The same text is computed by `tidegate.audit_canonical` in the
//! database, which appends; here it is only checked.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::error::{Error, Kind};

/// What is to be recorded. Place in the chain, time and hashes are added by the database.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEvent {
    /// The person or the pipeline that is answerable.
    pub actor: String,
    /// User of the operating system.
    pub os_user: String,
    /// Name of the machine that Tidegate ran on.
    pub host: String,
    /// Name of the environment.
    pub environment: String,
    /// What was done, as dotted words: `migrate.apply`, `approval.grant`.
    pub action: String,
    /// Particulars; never personal data, because the log cannot be erased.
    pub detail: serde_json::Value,
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// Place in the chain, from 1, without gaps.
    pub seq: i64,
    /// Time of the database server, in microseconds.
    pub at: DateTime<Utc>,
    /// The person or the pipeline that is answerable.
    pub actor: String,
    /// User of the operating system.
    pub os_user: String,
    /// Name of the machine that Tidegate ran on.
    pub host: String,
    /// Name of the environment.
    pub environment: String,
    /// What was done.
    pub action: String,
    /// Particulars, as the JSON text that was hashed.
    pub detail: String,
    /// Hash of the entry before.
    pub prev_hash: Hash,
    /// Hash of this entry.
    pub hash: Hash,
}

impl AuditEntry {
    /// The text that is hashed.
    #[must_use]
    pub fn canonical(&self) -> String {
        let seq = self.seq.to_string();
        let at = self.at.to_rfc3339_opts(SecondsFormat::Micros, true);
        let fields = [
            &seq,
            &at,
            &self.actor,
            &self.os_user,
            &self.host,
            &self.environment,
            &self.action,
            &self.detail,
        ];
        let mut text = String::from("tidegate-audit-1\n");
        for field in fields {
            text.push_str(&format!("{}:{field},", field.len()));
        }
        text
    }

    /// The hash that this entry must have after an entry with the hash `prev`.
    #[must_use]
    pub fn expected_hash(&self, prev: Hash) -> Hash {
        let mut digest = Sha256::new();
        digest.update(prev.0);
        digest.update(self.canonical());
        Hash(digest.finalize().into())
    }
}

/// A SHA-256 hash; prints itself as 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// What stands before the first entry.
    pub const GENESIS: Self = Self([0; 32]);

    /// From the bytes in the database.
    ///
    /// # Errors
    /// [`Kind::AuditBroken`] when they are not 32.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        bytes.try_into().map(Self).map_err(|_| {
            Error::new(
                Kind::AuditBroken,
                format!("a hash of the audit log has {} bytes, not 32", bytes.len()),
            )
        })
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for Hash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes)
            .map_err(|_| "a hash is 64 hexadecimal digits".to_owned())?;
        Ok(Self(bytes))
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Where the chain stops to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// The first entry that is not as it was written, or is not there.
    pub seq: i64,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It is not there, though later ones are.
    Missing,
    /// Its content does not give its hash.
    Edited,
    /// It does not follow from the entry before it.
    Unlinked,
    /// The log was longer: its head names this entry or a later one.
    TailCut,
    /// The head does not name the newest entry.
    Head,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seq = self.seq;
        match self.reason {
            Reason::Missing => write!(f, "entry {seq} is missing"),
            Reason::Edited => write!(
                f,
                "entry {seq} was edited: its content does not give its hash"
            ),
            Reason::Unlinked => write!(f, "entry {seq} does not follow from the entry before it"),
            Reason::TailCut => write!(f, "entry {seq} and what followed it were cut off"),
            Reason::Head => write!(
                f,
                "the head of the log does not name entry {seq}, the newest"
            ),
        }
    }
}

/// Walks a log from its first entry; holds one hash, however long the log is.
#[derive(Debug, Clone, Copy)]
pub struct Chain {
    seq: i64,
    hash: Hash,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            seq: 0,
            hash: Hash::GENESIS,
        }
    }
}

impl Chain {
    /// Takes the next entry, in the order of `seq`.
    ///
    /// # Errors
    /// The first break of the chain.
    pub fn push(&mut self, entry: &AuditEntry) -> Result<(), Break> {
        let expected = self.seq + 1;
        let broken = |seq, reason| Err(Break { seq, reason });
        if entry.seq != expected {
            return broken(expected.min(entry.seq), Reason::Missing);
        }
        if entry.expected_hash(entry.prev_hash) != entry.hash {
            return broken(entry.seq, Reason::Edited);
        }
        if entry.prev_hash != self.hash {
            return broken(entry.seq, Reason::Unlinked);
        }
        self.seq = entry.seq;
        self.hash = entry.hash;
        Ok(())
    }

    /// Compares the end of the log with its head.
    ///
    /// # Errors
    /// The log is shorter than its head says, or the head names another hash.
    pub fn finish(self, head_seq: i64, head: Hash) -> Result<(), Break> {
        if self.seq < head_seq {
            return Err(Break {
                seq: self.seq + 1,
                reason: Reason::TailCut,
            });
        }
        if self.seq != head_seq || self.hash != head {
            return Err(Break {
                seq: self.seq,
                reason: Reason::Head,
            });
        }
        Ok(())
    }

    /// Place and hash of the newest entry taken.
    #[must_use]
    pub fn head(&self) -> (i64, Hash) {
        (self.seq, self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(length: i64) -> Vec<AuditEntry> {
        let mut prev_hash = Hash::GENESIS;
        (1..=length)
            .map(|seq| {
                let mut entry = AuditEntry {
                    seq,
                    at: DateTime::from_timestamp_micros(1_700_000_000_000_000 + seq).unwrap(),
                    actor: "Zoë".to_owned(),
                    os_user: "ci".to_owned(),
                    host: "runner-1".to_owned(),
                    environment: "production".to_owned(),
                    action: "migrate.apply".to_owned(),
                    detail: format!("{{\"n\":{seq}}}"),
                    prev_hash,
                    hash: Hash::GENESIS,
                };
                entry.hash = entry.expected_hash(prev_hash);
                prev_hash = entry.hash;
                entry
            })
            .collect()
    }

    fn verify(entries: &[AuditEntry], head: &AuditEntry) -> Result<(), Break> {
        let mut chain = Chain::default();
        for entry in entries {
            chain.push(entry)?;
        }
        chain.finish(head.seq, head.hash)
    }

    fn broken(entries: &[AuditEntry], head: &AuditEntry) -> (i64, Reason) {
        let found = verify(entries, head).unwrap_err();
        (found.seq, found.reason)
    }

    #[test]
    fn a_whole_log_holds() {
        let log = log(5);
        assert_eq!(verify(&log, &log[4]), Ok(()));
        assert_eq!(Chain::default().finish(0, Hash::GENESIS), Ok(()));
    }

    #[test]
    fn every_way_of_tampering_is_found_at_its_place() {
        let whole = log(5);
        let head = &whole[4];
        let mut edited = whole.clone();
        edited[2].actor = "Mallory".to_owned();
        assert_eq!(broken(&edited, head), (3, Reason::Edited));
        edited[2].hash = edited[2].expected_hash(edited[2].prev_hash);
        assert_eq!(broken(&edited, head), (4, Reason::Unlinked));
        let mut gap = whole.clone();
        gap.remove(1);
        assert_eq!(broken(&gap, head), (2, Reason::Missing));
        assert_eq!(broken(&whole[..3], head), (4, Reason::TailCut));
        let mut swapped = whole.clone();
        swapped.swap(1, 2);
        (swapped[1].seq, swapped[2].seq) = (2, 3);
        assert_eq!(broken(&swapped, head), (2, Reason::Edited));
        assert_eq!(broken(&whole, &whole[3]), (5, Reason::Head));
        assert_eq!(broken(&whole[1..], head), (1, Reason::Missing));
    }

    #[test]
    fn fields_cannot_flow_into_each_other() {
        let mut one = log(1).remove(0);
        let mut two = one.clone();
        (one.actor, one.os_user) = ("a,1:b".to_owned(), "c".to_owned());
        (two.actor, two.os_user) = ("a".to_owned(), "b,1:c".to_owned());
        assert_ne!(one.canonical(), two.canonical());
    }
}
