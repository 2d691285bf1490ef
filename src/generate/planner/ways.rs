//! The ways to fulfil conditions, as far as a table's columns can go them.

use super::draft::{Draft, Origin};
use super::reading;
use crate::generate::condition::{Way, Wish};
use crate::generate::encode::literal_text;
use crate::generate::infer;
use crate::generate::parse::parse;
use crate::generate::plan::Take;
use crate::generate::source::{Piece, Source};
use crate::generate::value::Value;

/// Lays out the ways of the conditions that single columns do not fulfil.
pub(super) fn lay(draft: &mut Draft<'_>) {
    let mut conditions = std::mem::take(&mut draft.plan.conditions);
    for condition in &mut conditions {
        if !reading::says_all(&condition.expression) {
            let ways = condition.expression.ways();
            condition.ways = ways.iter().filter_map(|way| possible(draft, way)).collect();
        }
        if condition.ways.iter().all(Vec::is_empty) {
            condition.ways.clear();
        }
    }
    draft.plan.conditions = conditions;
}

/// The way with what is left to ask of columns; `None` when one of them cannot do what it asks.
fn possible(draft: &Draft<'_>, way: &Way) -> Option<Way> {
    let mut found = Way::new();
    for (column, wish) in way {
        for column in together(draft, *column) {
            match wish {
                Wish::Null if draft.plan.columns[column].source == Source::Null => {}
                Wish::Null if may_be_null(draft, column) => found.push((column, Wish::Null)),
                Wish::NotNull if draft.plan.columns[column].source == Source::Null => return None,
                Wish::Null => return None,
                Wish::NotNull if draft.slots[column].not_null => {}
                Wish::NotNull => found.push((column, Wish::NotNull)),
                Wish::OneOf(values) => found.extend(one_of(draft, column, values)?),
                // No condition asks so.
                Wish::Between(..) => {}
            }
        }
    }
    Some(found)
}

/// The column with those of the same foreign key, which are null together.
fn together(draft: &Draft<'_>, column: usize) -> Vec<usize> {
    match draft.slots[column].origin {
        Origin::Pick(pick) => {
            let of_pick = |index: &usize| draft.slots[*index].origin == Origin::Pick(pick);
            (0..draft.slots.len()).filter(of_pick).collect()
        }
        _ => vec![column],
    }
}

/// Whether rows may leave the column empty.
pub(super) fn may_be_null(draft: &Draft<'_>, column: usize) -> bool {
    let slot = &draft.slots[column];
    let free = match slot.origin {
        Origin::Own => true,
        Origin::Pick(pick) => draft.reach[pick].nullable,
        Origin::Open | Origin::Serial => false,
    };
    let counted =
        |unique: &super::unique::Unique| unique.nulls_equal && unique.columns.contains(&column);
    let needed = draft
        .plan
        .columns
        .iter()
        .zip(&draft.slots)
        .any(|(plan, slot)| {
            slot.not_null && match &plan.source {
                Source::After {
                    pick: None,
                    column: of,
                    ..
                } => *of == column,
                Source::Template { pieces, .. } => pieces.iter().any(
                    |piece| matches!(piece, Piece::Column(of) | Piece::Plain(of) if *of == column),
                ),
                _ => false,
            }
        });
    free && !slot.not_null && !needed && !draft.uniques.iter().any(counted)
}

/// The values in the form of the column's type, those apart that other constraints forbid; `None`
/// when none is left. A key or a counted column takes none: trying must do.
fn one_of(draft: &Draft<'_>, column: usize, values: &[Value]) -> Option<Option<(usize, Wish)>> {
    let (plan, slot) = (&draft.plan.columns[column], &draft.slots[column]);
    if slot.origin != Origin::Own || plan.take != Take::Draw {
        return Some((!slot.not_null).then_some((column, Wish::NotNull)));
    }
    let typed = values.iter().filter_map(|value| {
        let mut text = String::new();
        literal_text(value, &plan.kind, &mut text)?;
        parse(&text, &plan.kind).filter(|value| infer::fulfils(&slot.facts, value))
    });
    let typed: Vec<Value> = typed.collect();
    (!typed.is_empty()).then_some(Some((column, Wish::OneOf(typed))))
}
