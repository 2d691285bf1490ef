//! Columns that are neither keys of other rows nor counted: what they hold.

use super::draft::{Draft, Origin};
use super::keys::Key;
use super::scene::Scene;
use crate::error::Result;
use crate::generate::infer::{self, About};
use crate::generate::pg_type::PgType;
use crate::generate::plan::Take;
use crate::generate::source::Source;

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
    let slot = &draft.slots[index];
    let alone = draft.uniques.iter().any(|u| u.columns[..] == [index]);
    let table = draft.plan.name.plain();
    let found = infer::column(&About {
        table: &table,
        column: slot.column,
        kind: draft.kind(index),
        facts: &slot.facts,
        not_null: slot.not_null,
        unique: alone,
        rows: draft.total(),
        today: scene.options.today,
    })?;
    let plan = &mut draft.plan.columns[index];
    plan.source = found.source;
    plan.nulls = found.nulls;
    plan.reason = found.reason;
    draft.slots[index].origin = Origin::Own;
    Ok(())
}
