//! How the catalog is written as JSON: maps by name become lists, because JSON keys are texts.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::sql::QualifiedName;

/// An object that carries its own name.
pub(super) trait Named {
    /// The name it is filed under.
    fn key(&self) -> &QualifiedName;
}

macro_rules! named {
    ($($kind:ty),+) => {
        $(impl Named for $kind {
            fn key(&self) -> &QualifiedName {
                &self.name
            }
        })+
    };
}

named!(
    super::Table,
    super::View,
    super::object::Sequence,
    super::object::Type
);

/// Writes the values of a map as a list.
pub(super) fn serialize<T: Serialize, S: Serializer>(
    map: &BTreeMap<QualifiedName, T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(map.values())
}

/// Reads a list into a map by name.
pub(super) fn deserialize<'de, T, D>(
    deserializer: D,
) -> Result<BTreeMap<QualifiedName, T>, D::Error>
where
    T: Deserialize<'de> + Named,
    D: Deserializer<'de>,
{
    let list = Vec::<T>::deserialize(deserializer)?;
    Ok(list
        .into_iter()
        .map(|item| (item.key().clone(), item))
        .collect())
}

/// PostgreSQL's aggregates give null for nothing; here that is an empty list.
pub(super) fn null_is_empty<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Ok(Option::<Vec<T>>::deserialize(deserializer)?.unwrap_or_default())
}

/// The server has no size for what has no storage; here that is nothing.
pub(super) fn null_is_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Ok(Option::<u64>::deserialize(deserializer)?.unwrap_or_default())
}
