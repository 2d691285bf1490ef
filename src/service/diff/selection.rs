//! Which tables are compared.

use std::collections::BTreeSet;

use super::pair::Pair;
use crate::catalog::{Catalog, Table, TableKind};
use crate::error::{Error, Kind, Result};
use crate::sql::QualifiedName;

/// What a person asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Tables; `a=b` compares `a` of the source with `b` of the target. All when empty.
    pub tables: Vec<String>,
    /// A condition on the rows of both sides.
    pub condition: Option<String>,
    /// Whether the rows that differ are to be named.
    pub deep: bool,
}

/// A catalog and the schemas in which unqualified names are looked for.
pub(super) type Place<'a> = (&'a Catalog, &'a [String]);

impl Selection {
    /// The tables meant, in the order of the arguments, or by name.
    ///
    /// # Errors
    /// [`Kind::UnknownObject`] when neither side has a table of that name.
    pub(super) fn pairs(&self, source: Place<'_>, target: Place<'_>) -> Result<Vec<Pair>> {
        let mut pairs = if self.tables.is_empty() {
            all(source.0, target.0)
        } else {
            self.tables
                .iter()
                .map(|words| named(words, source, target))
                .collect::<Result<_>>()?
        };
        for pair in &mut pairs {
            pair.source_where.clone_from(&self.condition);
            pair.target_where.clone_from(&self.condition);
        }
        Ok(pairs)
    }
}

/// Partitions are rows of their parents; foreign tables lie elsewhere.
fn is_compared(table: &&Table) -> bool {
    table.partition_of.is_none() && table.kind != TableKind::Foreign
}

fn all(source: &Catalog, target: &Catalog) -> Vec<Pair> {
    let names = |catalog: &Catalog| -> BTreeSet<QualifiedName> {
        let tables = catalog.tables.values().filter(is_compared);
        tables.map(|table| table.name.clone()).collect()
    };
    // A table may be a partition on one side and stand alone on the other.
    names(source)
        .union(&names(target))
        .map(|name| Pair::new(name.clone(), name.clone()))
        .collect()
}

fn named(words: &str, source: Place<'_>, target: Place<'_>) -> Result<Pair> {
    let find = |(catalog, path): Place<'_>, name: &str| {
        catalog.resolve(name, path).map(|table| table.name.clone())
    };
    // A name may hold `=`; then it is quoted, and is taken whole.
    if let (Some(left), Some(right)) = (find(source, words), find(target, words)) {
        return Ok(Pair::new(left, right));
    }
    if let Some((left, right)) = words.split_once('=') {
        let left = find(source, left).ok_or_else(|| unknown(source, left, "source"))?;
        let right = find(target, right).ok_or_else(|| unknown(target, right, "target"))?;
        return Ok(Pair::new(left, right));
    }
    let either = find(source, words).or_else(|| find(target, words));
    either
        .map(|name| Pair::new(name.clone(), name))
        .ok_or_else(|| unknown(source, words, "source nor the target"))
}

fn unknown((catalog, _): Place<'_>, name: &str, side: &str) -> Error {
    let neither = if side.contains("nor") { "neither " } else { "" };
    let error = Error::new(
        Kind::UnknownObject,
        if neither.is_empty() {
            format!("the {side} has no table {name}")
        } else {
            format!("neither the {side} has a table {name}")
        },
    );
    match catalog.suggest(name) {
        Some(near) => error.hint(format!("did you mean {}?", near.plain())),
        None => error,
    }
}
