//! Names of database objects and the only way to print them into SQL.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Kind, Result};

/// PostgreSQL truncates longer names silently (`NAMEDATALEN - 1`); Tidegate refuses them.
pub const MAX_IDENT_BYTES: usize = 63;

/// One name: 1 to 63 bytes of UTF-8 without a zero byte. Prints itself quoted, always, so that
/// neither a keyword nor a capital letter nor a quote inside can change its meaning.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ident(String);

impl Ident {
    /// Checks `name` as it is stored in the catalog (no quotes, case kept).
    ///
    /// # Errors
    /// [`Kind::NameInvalid`] when it is empty, holds a zero byte or is longer than 63 bytes.
    pub fn new(name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        if name.is_empty() {
            return Err(Error::new(Kind::NameInvalid, "a name is empty"));
        }
        if name.contains('\0') {
            return Err(Error::new(
                Kind::NameInvalid,
                format!("the name {name:?} holds a zero byte"),
            ));
        }
        if name.len() > MAX_IDENT_BYTES {
            return Err(Error::new(
                Kind::NameInvalid,
                format!(
                    "the name \"{name}\" has {} bytes; PostgreSQL keeps {MAX_IDENT_BYTES}",
                    name.len()
                ),
            ));
        }
        Ok(Self(name))
    }

    /// Joins parts with `_` and shortens the first ones so that the result fits: derived names
    /// (indexes, constraints, triggers) keep their suffix whole.
    ///
    /// # Errors
    /// [`Kind::NameInvalid`] when the suffix alone is too long.
    pub fn derived(base: &str, suffix: &str) -> Result<Self> {
        let room = MAX_IDENT_BYTES.saturating_sub(suffix.len() + 1);
        Self::new(format!("{}_{suffix}", prefix_of(base, room)))
    }

    /// Joins parts with `_` and, where the result would not fit, shortens the last part and marks
    /// it with a hash of the whole: for names that are known by their first part.
    ///
    /// # Errors
    /// [`Kind::NameInvalid`] when the first part alone is too long.
    pub fn marked(base: &str, rest: &str) -> Result<Self> {
        let whole = format!("{base}_{rest}");
        if whole.len() <= MAX_IDENT_BYTES {
            return Self::new(whole);
        }
        let hash = hex::encode(Sha256::digest(&whole));
        let room = MAX_IDENT_BYTES.saturating_sub(base.len() + 10);
        Self::new(format!(
            "{base}_{}_{}",
            prefix_of(rest, room),
            hash.get(..8).unwrap_or_default()
        ))
    }

    /// The bare name, as the catalog stores it. For messages and bound values, never for SQL text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// As much of `text` as fits into `room` bytes without cutting a character.
fn prefix_of(text: &str, room: usize) -> &str {
    let mut cut = text.len().min(room);
    while !text.is_char_boundary(cut) {
        cut -= 1;
    }
    &text[..cut]
}

impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

impl TryFrom<String> for Ident {
    type Error = Error;

    fn try_from(name: String) -> Result<Self> {
        Self::new(name)
    }
}

impl From<Ident> for String {
    fn from(ident: Ident) -> Self {
        ident.0
    }
}

/// A name with its schema. Prints itself as `"schema"."name"`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct QualifiedName {
    /// The schema.
    pub schema: Ident,
    /// The object inside it.
    pub name: Ident,
}

impl QualifiedName {
    /// Puts the two parts together.
    #[must_use]
    pub fn new(schema: Ident, name: Ident) -> Self {
        Self { schema, name }
    }

    /// The name as people write it: the schema is left out when it is `public`, nothing is quoted.
    /// For messages only.
    #[must_use]
    pub fn plain(&self) -> String {
        if self.schema.as_str() == "public" {
            self.name.as_str().to_owned()
        } else {
            format!("{}.{}", self.schema.as_str(), self.name.as_str())
        }
    }
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn long_names_are_refused_not_truncated() {
        assert!(Ident::new("a".repeat(63)).is_ok());
        let error = Ident::new("ä".repeat(32)).unwrap_err();
        assert_eq!(error.kind(), Kind::NameInvalid);
    }

    #[test]
    fn derived_names_keep_their_suffix() {
        let ident = Ident::derived(&"ü".repeat(40), "user_id_idx").unwrap();
        assert!(ident.as_str().ends_with("_user_id_idx"));
        assert!(ident.as_str().len() <= MAX_IDENT_BYTES);
    }

    #[test]
    fn marked_names_keep_their_beginning_and_differ() {
        let one = Ident::marked("keep_0001_1", &"ü".repeat(31)).unwrap();
        let two = Ident::marked("keep_0001_1", &format!("{}x", "ü".repeat(31))).unwrap();
        assert!(one.as_str().starts_with("keep_0001_1_ü"));
        assert!(one.as_str().len() <= MAX_IDENT_BYTES && two.as_str().len() <= MAX_IDENT_BYTES);
        assert_ne!(one, two);
        assert_eq!(Ident::marked("a", "b").unwrap().as_str(), "a_b");
    }

    proptest! {
        #[test]
        fn quoting_round_trips(name in "[^\0]{1,15}") {
            let quoted = Ident::new(name.clone()).unwrap().to_string();
            prop_assert!(quoted.starts_with('"') && quoted.ends_with('"'));
            let inner = &quoted[1..quoted.len() - 1];
            prop_assert_eq!(inner.replace("\"\"", "\""), name);
            prop_assert_eq!(inner.matches('"').count() % 2, 0);
        }
    }
}
