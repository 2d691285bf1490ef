//! Where the masking key is kept.

use super::format::{RawKey, Words};

/// Where the masking key is kept; read by a provider of secrets, never by this room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A variable of the environment.
    Env(String),
    /// A file; relative paths begin at the project's folder.
    File(String),
    /// A program and its arguments.
    Command(Vec<String>),
}

impl KeySource {
    /// Reads `key = { ... }`.
    ///
    /// # Errors
    /// A sentence, unless exactly one place is named.
    pub(super) fn of(raw: &RawKey) -> Result<Self, String> {
        match (&raw.env, &raw.file, &raw.command) {
            (Some(name), None, None) => Ok(Self::Env(name.clone())),
            (None, Some(path), None) => Ok(Self::File(path.clone())),
            (None, None, Some(Words::List(words))) if !words.is_empty() => {
                Ok(Self::Command(words.clone()))
            }
            (None, None, Some(Words::One(line))) => {
                Ok(Self::Command(vec!["sh".into(), "-c".into(), line.clone()]))
            }
            _ => Err(
                "the key needs one place: { env = \"NAME\" }, { file = \"PATH\" } or { command = [...] }"
                    .to_owned(),
            ),
        }
    }
}
