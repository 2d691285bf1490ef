//! Columns that are neither keys of other rows nor counted: what they hold.

use super::draft::{Draft, Origin};
use super::keys::Key;
use super::scene::Scene;
use crate::error::{Error, Kind, Result};
use crate::generate::distribution::Distribution;
use crate::generate::pg_type::PgType;
use crate::generate::plan::Take;
use crate::generate::source::{Source, Weighted};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// Numbers the rows in the columns that are made for it, keys to other rows apart.
pub(super) fn number(scene: &Scene<'_>, draft: &mut Draft<'_>, keys: &[Key<'_>]) {
    for index in 0..draft.slots.len() {
        if !keys.iter().any(|key| key.own.contains(&index)) {
            count(scene, draft, index);
        }
    }
}

/// Gives each open column its source.
pub(super) fn fill(scene: &Scene<'_>, draft: &mut Draft<'_>) -> Result<()> {
    for index in 0..draft.slots.len() {
        if draft.slots[index].origin == Origin::Open {
            infer(scene, draft, index)?;
        }
    }
    Ok(())
}

/// Whether rows are numbered in the column: an identity, a sequence's default, or a whole number
/// that is the primary key alone.
fn count(scene: &Scene<'_>, draft: &mut Draft<'_>, index: usize) {
    let column = draft.slots[index].column;
    let alone = draft
        .table
        .primary_key()
        .is_some_and(|key| key.columns[..] == [column.name.clone()]);
    let whole = matches!(draft.kind(index), PgType::Int(_) | PgType::Numeric(_));
    let sequence = column
        .default
        .as_deref()
        .is_some_and(|default| default.contains("nextval("));
    if !whole || !(alone || sequence || column.identity.is_some()) {
        return;
    }
    let standing = scene.standing.tables.get(&draft.plan.name);
    let highest = standing
        .filter(|_| draft.plan.first == 0)
        .and_then(|standing| standing.highest.get(&column.name));
    let plan = &mut draft.plan.columns[index];
    plan.source = Source::Serial {
        start: highest.map_or(1, |highest| highest.saturating_add(1).max(1)),
        step: 1,
    };
    plan.take = Take::Draw;
    plan.reason = "counted".to_owned();
    draft.slots[index].origin = Origin::Serial;
}

fn infer(scene: &Scene<'_>, draft: &mut Draft<'_>, index: usize) -> Result<()> {
    let today = scene.options.today;
    let whole = |min, max| Source::Whole {
        min,
        max,
        spread: Distribution::Uniform {
            min: min as f64,
            max: max as f64,
        },
    };
    let source = match draft.kind(index) {
        PgType::Bool => Source::Bool { share: 0.5 },
        PgType::Int(2) => whole(0, 30_000),
        PgType::Int(_) => whole(0, 1_000_000_000),
        PgType::Float(_) | PgType::Numeric(_) | PgType::Money => Source::Decimal {
            min: 0.0,
            max: 1000.0,
            scale: match draft.kind(index) {
                PgType::Numeric(Some((_, scale))) => (*scale).max(0).unsigned_abs(),
                _ => 2,
            },
            spread: Distribution::Uniform {
                min: 0.0,
                max: 1000.0,
            },
        },
        PgType::Text(_) | PgType::Xml => Source::Prose { min: 4, max: 40 },
        PgType::Char(length) => Source::Token {
            length: *length,
            alphabet: "abcdefghijklmnopqrstuvwxyz".to_owned(),
        },
        PgType::Bytes => Source::Bytes { min: 8, max: 16 },
        PgType::Date => temporal(today.div_euclid(DAY) * DAY, DAY),
        PgType::Timestamp(_) => temporal(today, 1_000_000),
        PgType::Time(false) => Source::Temporal {
            from: 0,
            to: DAY - 1,
            step: 1_000_000,
        },
        PgType::Uuid => Source::Uuid,
        PgType::Json(_) => Source::Constant("{}".to_owned()),
        PgType::Enum(labels) => Source::Choice(
            labels
                .iter()
                .map(|label| Weighted {
                    value: label.clone(),
                    weight: 1.0,
                })
                .collect(),
        ),
        PgType::Array(..) => Source::Constant("{}".to_owned()),
        _ if !draft.slots[index].not_null => Source::Null,
        kind => {
            let (table, column) = (draft.plan.name.plain(), &draft.plan.columns[index].name);
            let message = format!("{table}.{}: no generator for {kind:?}", column.as_str());
            return Err(Error::new(Kind::SeedPlan, message));
        }
    };
    let facts = &draft.slots[index].facts;
    let source = Source::of_pattern(facts, draft.kind(index)).unwrap_or(source);
    let nullable = !draft.slots[index].not_null && source != Source::Null;
    let plan = &mut draft.plan.columns[index];
    plan.source = source;
    plan.nulls = if nullable { 0.05 } else { 0.0 };
    plan.reason = "by type".to_owned();
    draft.slots[index].origin = Origin::Own;
    Ok(())
}

/// The two years before now.
fn temporal(today: i64, step: i64) -> Source {
    Source::Temporal {
        from: today - 730 * DAY,
        to: today,
        step,
    }
}
