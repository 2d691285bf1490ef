//! What partitions demand of their rows beside their bounds: checks and NOT NULL of their own.

use super::draft::Draft;
use super::leaves::{self, Leaf, Takes, bounds};
use super::place;
use super::reading::{self, Understood};
use super::scene::Scene;
use crate::catalog::Table;
use crate::generate::condition::{Condition, Expression};
use crate::generate::fact::Says;
use crate::generate::partition::Bound;
use crate::generate::pg_type::PgType;
use crate::generate::value::Value;

/// A check that a partition has for itself.
pub(super) struct Own<'a> {
    pub(super) part: &'a Table,
    /// The check, as column by column.
    pub(super) levels: Leaf,
}

/// Reads what the partitions of a table demand. A row that lands in one must fulfil its checks; what is
/// not null in one is null in no row, because any may land there.
pub(super) fn keep<'a>(scene: &Scene<'a>, draft: &mut Draft<'_>) -> Vec<Own<'a>> {
    let mut found = Vec::new();
    let table = draft.table;
    walk(scene, draft, (table, &Leaf::new()), &mut found);
    not_null(scene, draft);
    found
}

fn walk<'a>(
    scene: &Scene<'a>,
    draft: &mut Draft<'_>,
    (table, path): (&Table, &Leaf),
    found: &mut Vec<Own<'a>>,
) {
    let parts = place::parts(scene.catalog, table);
    let texts = parts.iter().filter_map(|p| p.partition_bound.as_deref());
    let texts: Vec<&str> = texts.collect();
    let (takes, known) = bounds(draft, table, &texts);
    for part in parts {
        let level = part.partition_bound.as_deref().and_then(&takes);
        let hashed = part
            .partition_bound
            .as_deref()
            .is_some_and(|text| text.starts_with("FOR VALUES WITH"));
        if !hashed && (level.is_none() || !known) {
            continue;
        }
        let path: Leaf = path.iter().cloned().chain(level).collect();
        for constraint in part
            .constraints
            .iter()
            .filter(|c| !c.inherited && c.enforced)
        {
            let Some(text) = constraint.check() else {
                continue;
            };
            let Some(read) = reading::read(draft, text, None, scene.options.today) else {
                continue;
            };
            let levels = levels(draft, &read);
            // Many repeat the bound, to be attached without a look at the rows.
            if !levels.is_empty() && levels.iter().all(|level| path.contains(level)) {
                continue;
            }
            let elsewhere = Expression::Not(Box::new(leaves::condition(&path)));
            draft.plan.conditions.push(Condition {
                name: format!("{}.{}", part.name.name.as_str(), constraint.name.as_str()),
                text: text.to_owned(),
                expression: Expression::Or(vec![elsewhere, read.expression]),
                ways: Vec::new(),
            });
            found.push(Own { part, levels });
        }
        walk(scene, draft, (part, &path), found);
    }
}

/// A check as what it says of columns, one by one; empty when that is not all that it says.
fn levels(draft: &Draft<'_>, read: &Understood) -> Leaf {
    let mut columns: Vec<usize> = read.facts.iter().map(|(column, _)| *column).collect();
    columns.sort_unstable();
    columns.dedup();
    let bound = |column: usize| {
        let facts = read.facts.iter().filter(|(of, _)| *of == column);
        let said = facts.map(|(_, says)| says).filter(|s| **s != Says::NotNull);
        let bound = of_facts(&said.collect::<Vec<_>>(), draft.kind(column))?;
        Some((column, Takes::Only(bound)))
    };
    let found: Option<Leaf> = columns.into_iter().map(bound).collect();
    found
        .filter(|_| reading::says_all(&read.expression))
        .unwrap_or_default()
}

fn of_facts(said: &[&Says], kind: &PgType) -> Option<Bound> {
    if let [Says::OneOf(values)] = said {
        return Some(Bound::In(values.clone(), false));
    }
    let (mut low, mut high) = (None, None);
    for says in said {
        match says {
            Says::AtLeast(value, true) if low.is_none() => low = Some(value.clone()),
            Says::AtLeast(value, false) if low.is_none() => low = Some(next(value, kind)?),
            Says::AtMost(value, false) if high.is_none() => high = Some(value.clone()),
            Says::AtMost(value, true) if high.is_none() => high = Some(next(value, kind)?),
            _ => return None,
        }
    }
    (low.is_some() || high.is_some()).then_some(Bound::Between(low, high))
}

/// The least value that is greater, of types whose values can be counted.
fn next(value: &Value, kind: &PgType) -> Option<Value> {
    match (value, kind) {
        (Value::Int(value), PgType::Int(_)) => value.checked_add(1).map(Value::Int),
        (Value::Date(value), PgType::Date) => value.checked_add(1).map(Value::Date),
        (Value::Timestamp(value), PgType::Timestamp(_)) => {
            value.checked_add(1).map(Value::Timestamp)
        }
        _ => None,
    }
}

/// Keys stay as they are: what is null goes to another partition.
fn not_null(scene: &Scene<'_>, draft: &mut Draft<'_>) {
    let parts = scene.catalog.descendants(&draft.table.name);
    let tables = parts.iter().copied().chain([draft.table]);
    let keys: Vec<String> = tables.filter_map(place::key).collect();
    for part in parts {
        for column in part.columns.iter().filter(|column| column.not_null) {
            let name = column.name.as_str();
            let known = draft
                .column(name)
                .filter(|_| !keys.iter().any(|key| key == name));
            if let Some(column) = known {
                draft.slots[column].not_null = true;
            }
        }
    }
}
