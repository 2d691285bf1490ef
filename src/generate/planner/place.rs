//! Keeps the rows of a partitioned table within its partitions.

use super::check::take;
use super::draft::Draft;
use super::leaves;
use super::own;
use super::reading::Understood;
use super::scene::Scene;
use crate::catalog::{Catalog, PartitionStrategy, Table};
use crate::generate::fact::{Fact, Says};
use crate::generate::partition;
use crate::generate::pg_type::PgType;
use crate::generate::plan::Ask;
use crate::sql::{Token, tokens};

/// The name that facts and conditions of partitions go by.
pub(super) use crate::generate::partition::NAME;

/// Takes what the bounds of partitions say. Where that leaves rows without a partition, the server is
/// asked of each row.
pub(super) fn keep(scene: &Scene<'_>, draft: &mut Draft<'_>, table: usize) {
    let own = draft.table;
    if !own.is_partitioned() {
        return;
    }
    let checks = own::keep(scene, draft);
    let leaves = leaves::read(scene.catalog, draft, &checks);
    let bounds = bounds(scene.catalog, &[own]);
    let parts = parts(scene.catalog, own);
    let nested = parts.iter().any(|part| part.is_partitioned());
    if nested && leaves.whole {
        if let Some(understood) = leaves.understood() {
            take(draft, NAME, &bounds.join(" or "), understood);
        }
        draft.leaves = leaves.guided;
        return;
    }
    draft.leaves = leaves.guided;
    let column = key(own).and_then(|name| draft.column(&name));
    let found = column.and_then(|at| partition::says(&bounds, at, draft.kind(at)));
    let understood = found.is_some();
    if let (Some((says, expression)), Some(column)) = (found, column) {
        let read = Understood {
            expression,
            facts: says.into_iter().map(|says| (column, says)).collect(),
            orders: Vec::new(),
        };
        take(draft, NAME, &bounds.join(" or "), read);
    }
    let alone = |part: &&Table| part.is_partitioned() && !covers(scene.catalog, part);
    if covers(scene.catalog, own) || understood && !parts.iter().any(alone) {
        return;
    }
    if !understood {
        lead(draft, &bounds);
    }
    deeper(scene, draft);
    draft.asks.push(Ask {
        table,
        constraint: NAME.to_owned(),
        expression: bounds.join(" or "),
        column: None,
        partitions: true,
        redraw: Vec::new(),
    });
}

pub(super) fn parts<'a>(catalog: &'a Catalog, table: &Table) -> Vec<&'a Table> {
    let names = table.children.iter();
    names.filter_map(|name| catalog.table(name)).collect()
}

fn bounds<'a>(catalog: &'a Catalog, tables: &[&Table]) -> Vec<&'a str> {
    let parts = tables.iter().flat_map(|table| parts(catalog, table));
    parts.filter_map(|p| p.partition_bound.as_deref()).collect()
}

/// Whether every value of the key has a partition, and every partition takes what comes to it.
fn covers(catalog: &Catalog, table: &Table) -> bool {
    let parts = parts(catalog, table);
    let whole = |part: &&Table| !part.is_partitioned() || covers(catalog, part);
    let bounds: Vec<&str> = parts
        .iter()
        .filter_map(|part| part.partition_bound.as_deref())
        .collect();
    let all = match table.partition_key.as_ref().map(|key| key.strategy) {
        Some(PartitionStrategy::Hash) => partition::is_whole_hash(&bounds),
        _ => bounds.contains(&"DEFAULT"),
    };
    all && parts.iter().all(whole)
}

/// What stands between the brackets of `RANGE (a, b)`.
fn inside(table: &Table) -> Option<&str> {
    let definition = &table.partition_key.as_ref()?.definition;
    let (_, rest) = definition.split_once('(')?;
    rest.strip_suffix(')')
}

/// The column of a key of one plain column.
pub(super) fn key(table: &Table) -> Option<String> {
    Some(inside(table)?.replace('"', ""))
}

/// What a part of a key is.
enum Part {
    Column(usize),
    /// `lower(a)`, `date_trunc('month', a)`: the function, and the one column in it.
    Of(String, usize),
    Unknown,
}

/// The parts of a key, as far as they are columns of the plan.
fn key_parts(draft: &Draft<'_>, table: &Table) -> Vec<Part> {
    let all = inside(table).and_then(tokens).unwrap_or_default();
    let (mut parts, mut part, mut depth) = (Vec::new(), Vec::new(), 0_i32);
    for (token, _) in all {
        match &token {
            Token::Sign(sign) if sign == "(" => depth += 1,
            Token::Sign(sign) if sign == ")" => depth -= 1,
            Token::Sign(sign) if sign == "," && depth == 0 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(token);
    }
    parts.push(part);
    parts.iter().map(|part| one_part(draft, part)).collect()
}

fn one_part(draft: &Draft<'_>, part: &[Token]) -> Part {
    let words = part.iter().filter_map(|token| match token {
        Token::Word(word, _) => Some(word.as_str()),
        _ => None,
    });
    let words: Vec<&str> = words.collect();
    let mut columns: Vec<usize> = words.iter().filter_map(|w| draft.column(w)).collect();
    columns.dedup();
    match (&columns[..], &words[..]) {
        ([column], [first, ..]) if draft.column(first) == Some(*column) => Part::Column(*column),
        ([column], [function, ..]) => Part::Of((*function).to_owned(), *column),
        _ => Part::Unknown,
    }
}

/// Leads the draws near the partitions: what the bounds say of the first parts of the key.
fn lead(draft: &mut Draft<'_>, bounds: &[&str]) {
    let parts = key_parts(draft, draft.table);
    let kinds: Vec<Option<PgType>> = parts
        .iter()
        .map(|part| match part {
            Part::Column(column) => Some(draft.kind(*column).clone()),
            Part::Of(function, column) => match (function.as_str(), draft.kind(*column)) {
                ("lower" | "upper", kind @ PgType::Text(_)) => Some(kind.clone()),
                ("date_trunc", PgType::Date | PgType::Timestamp(_)) => {
                    Some(PgType::Timestamp(false))
                }
                _ => None,
            },
            Part::Unknown => None,
        })
        .collect();
    for (at, says) in partition::leads(bounds, &kinds) {
        let (Part::Column(column) | Part::Of(_, column)) = parts[at] else {
            continue;
        };
        let says = match draft.kind(column) {
            PgType::Date => partition::as_dates(says),
            _ => says,
        };
        say(draft, column, says);
    }
    for part in parts {
        // No range takes a null.
        let range = draft.table.partition_key.as_ref();
        let range = range.is_some_and(|key| key.strategy == PartitionStrategy::Range);
        if let (Part::Column(column) | Part::Of(_, column), true) = (part, range) {
            say(draft, column, Says::NotNull);
        }
    }
}

/// What the bounds of all partitions of partitions say together, while all are alike.
fn deeper(scene: &Scene<'_>, draft: &mut Draft<'_>) {
    let mut level = vec![draft.table];
    loop {
        level = level
            .iter()
            .flat_map(|table| parts(scene.catalog, table))
            .collect();
        let keys: Vec<Option<String>> = level.iter().map(|table| key(table)).collect();
        let Some(Some(first)) = keys.first() else {
            return;
        };
        if keys.iter().any(|key| key.as_ref() != Some(first)) {
            return;
        }
        let Some(column) = draft.column(first) else {
            return;
        };
        let bounds = bounds(scene.catalog, &level);
        if let Some((says, _)) = partition::says(&bounds, column, draft.kind(column)) {
            for says in says {
                say(draft, column, says);
            }
        }
    }
}

fn say(draft: &mut Draft<'_>, column: usize, says: Says) {
    let slot = &mut draft.slots[column];
    slot.not_null |= says == Says::NotNull;
    slot.facts.push(Fact {
        from: NAME.to_owned(),
        says,
    });
}
