//! Columns that change files will add: the copy of the next release must not be the first to notice.

use super::decide::Decider;
use super::declared::{Declared, Fate};
use super::family::Family;
use super::pack;
use super::resolve::dropped_later;
use super::targets::Context;
use super::uncovered::Uncovered;
use crate::error::Result;

/// The columns of pending changes that nothing covers.
///
/// # Errors
/// A `pii` that is no class.
pub(super) fn find(decider: &mut Decider<'_>, context: Context<'_>) -> Result<Vec<Uncovered>> {
    let mut found: Vec<Uncovered> = Vec::new();
    for (index, declared) in context.declared.iter().enumerate() {
        let Fate::Added {
            data_type, pending, ..
        } = &declared.fate
        else {
            continue;
        };
        // A word that is no class is an error in every release.
        let classified = declared.declaration()?.is_some();
        let there = decider
            .catalog
            .resolve(&declared.table, context.search_path)
            .is_some_and(|table| table.column(declared.column.as_str()).is_some());
        if !*pending || there || classified || dropped_later(context, index) {
            continue;
        }
        if !covered(decider, declared, context)? {
            let mut column = Uncovered::new(
                short(&declared.table),
                declared.column.as_str(),
                data_type.clone(),
                false,
            );
            column.added_by = Some(declared.place.file.display().to_string());
            found.push(column);
        }
    }
    Ok(found)
}

fn covered(decider: &mut Decider<'_>, declared: &Declared, context: Context<'_>) -> Result<bool> {
    let Fate::Added {
        data_type,
        references,
        ..
    } = &declared.fate
    else {
        return Ok(true);
    };
    let (catalog, column) = (decider.catalog, declared.column.as_str());
    let table = catalog.resolve(&declared.table, context.search_path);
    if let Some(table) = table
        && (decider.targets.explicit(table, column)?.is_some()
            || decider.targets.patterned(table, column)?.is_some())
    {
        return Ok(true);
    }
    if decider.targets.covers_future(&declared.table, column) {
        return Ok(true);
    }
    if let Some((name, key)) = references.as_deref().and_then(split_reference)
        && let Some(target) = catalog.resolve(name, context.search_path)
        && let Some(key) = target.column(key)
        && decider.decide(target, key)?.is_covered()
    {
        return Ok(true);
    }
    let family = Family::of(&normal_type(data_type));
    let packs = &decider.policy.packs;
    let enabled = |name: &str| packs.iter().any(|pack| pack == name);
    Ok(family == Family::Boolean
        || pack::tell(enabled, &short(&declared.table), column, family).is_some())
}

/// `users(id) on delete cascade` as `users` and `id`.
fn split_reference(text: &str) -> Option<(&str, &str)> {
    let (table, rest) = text.split_once('(')?;
    let (column, _) = rest.split_once(')')?;
    Some((table.trim(), column.trim().trim_matches('"')))
}

/// The table without quotes, and without the schema `public`.
fn short(table: &str) -> String {
    let bare = table.replace('"', "");
    bare.strip_prefix("public.")
        .map_or(bare.clone(), str::to_owned)
}

/// The names that people give to types, as `format_type` writes them.
fn normal_type(written: &str) -> String {
    let lower = written.trim().to_lowercase();
    let (head, rest) = lower
        .split_once('(')
        .map_or((lower.as_str(), ""), |(head, rest)| (head, rest));
    let name = match head.trim() {
        "int" | "int4" | "serial" => "integer",
        "int8" | "bigserial" => "bigint",
        "int2" | "smallserial" => "smallint",
        "bool" => "boolean",
        "varchar" => "character varying",
        "char" => "character",
        "decimal" => "numeric",
        "float4" => "real",
        "float8" | "float" => "double precision",
        "timestamptz" => "timestamp with time zone",
        "timetz" => "time with time zone",
        other => other,
    };
    if rest.is_empty() {
        name.to_owned()
    } else {
        format!("{name}({rest}")
    }
}
