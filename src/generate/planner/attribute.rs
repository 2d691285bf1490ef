//! Columns that are neither keys of other rows nor counted: what they hold.

use super::counted;
use super::draft::{Draft, Origin};
use super::element;
use super::keys::Key;
use super::matching::{self, Matching};
use super::scene::Scene;
use crate::catalog::Column;
use crate::error::{Error, Kind, Result};
use crate::generate::fact::{Fact, Says};
use crate::generate::infer::{self, About, Inferred, Neighbour};
use crate::generate::pg_type::PgType;
use crate::generate::source::{Locale, Source};
use crate::generate::touched::mentioned;
use crate::sql::Ident;

/// 30 days in microseconds.
const MONTH: i64 = 30 * 86_400_000_000;

/// Numbers the rows in the columns that are made for it, keys to other rows apart.
pub(super) fn number(scene: &Scene<'_>, draft: &mut Draft<'_>, keys: &[Key<'_>]) {
    for index in 0..draft.slots.len() {
        if !keys.iter().any(|key| key.own.contains(&index)) {
            counted::count(scene, draft, index);
        }
    }
}

/// Gives each open column its source.
pub(super) fn fill(scene: &Scene<'_>, draft: &mut Draft<'_>) -> Result<()> {
    let mut patterns = Vec::new();
    for index in 0..draft.slots.len() {
        if draft.slots[index].origin == Origin::Open {
            patterns.extend(infer(scene, draft, index)?);
        }
    }
    matching::settle(scene, draft, patterns)?;
    order(draft);
    Ok(())
}

/// Times that follow each other by their names, where no condition speaks of them.
fn order(draft: &mut Draft<'_>) {
    let free = |index: &usize| {
        let slot = &draft.slots[*index];
        let time = matches!(draft.kind(*index), PgType::Date | PgType::Timestamp(_));
        let bounded = slot.facts.iter().any(|fact| fact.says != Says::NotNull);
        time && !bounded && slot.origin == Origin::Own
    };
    let places: Vec<usize> = (0..draft.slots.len()).filter(free).collect();
    let names: Vec<&str> = places
        .iter()
        .map(|index| draft.slots[*index].column.name.as_str())
        .collect();
    let mut earlier_ones = Vec::new();
    for (earlier, later) in infer::orders(&names) {
        let (earlier, later) = (places[earlier], places[later]);
        let mut conditions = draft.plan.conditions.iter();
        let said = conditions.any(|condition| {
            let all = mentioned(&condition.expression);
            all.contains(&earlier) && all.contains(&later)
        });
        if said {
            continue;
        }
        draft.orders.push((earlier, later, false));
        if earlier_ones.contains(&earlier) {
            continue;
        }
        earlier_ones.push(earlier);
        // What follows within a month stays in the past.
        if let Source::Temporal { from, to, .. } = &mut draft.plan.columns[earlier].source
            && *to - *from > 3 * MONTH
        {
            *to -= MONTH;
        }
    }
}

/// What the spec says of a column without giving its values: whose names, and the share of nulls.
fn said(scene: &Scene<'_>, draft: &Draft<'_>, index: usize) -> (Locale, Option<f64>) {
    let name = draft.slots[index].column.name.as_str();
    let table = scene.index.get(&draft.plan.name);
    let table = table.and_then(|at| scene.specs.get(*at).copied().flatten());
    let column = table.and_then(|table| table.columns.get(name));
    let locale = column
        .and_then(|column| column.locale.as_deref())
        .or_else(|| table.and_then(|table| table.locale.as_deref()))
        .or(scene.spec.locale.as_deref())
        .and_then(Locale::read);
    (
        locale.unwrap_or_default(),
        column.and_then(|column| column.nulls),
    )
}

/// Decides what a column holds, apart from the pattern that it must match, if any.
fn infer(scene: &Scene<'_>, draft: &mut Draft<'_>, index: usize) -> Result<Option<Matching>> {
    let (_, nulls) = said(scene, draft, index);
    let slot = &draft.slots[index];
    let found = found(scene, draft, index, slot.column)?;
    let pattern = Source::of_pattern(&slot.facts, draft.kind(index));
    let pattern = pattern.map(|found| {
        if is_folded(draft, index) {
            found.of_one_case()
        } else {
            found
        }
    });
    let better = element::source(scene, draft, index)?;
    let parts = element::attributes(scene, draft, index)?;
    let nulls = nulls.filter(|share| *share == 0.0 || !slot.not_null);
    let plan = &mut draft.plan.columns[index];
    plan.source = found.source;
    if let (Source::Array { element, .. }, Some(better)) = (&mut plan.source, better) {
        **element = better;
    }
    if let Source::Composite(sources) = &mut plan.source {
        for (place, better) in parts {
            if let Some(source) = sources.get_mut(place) {
                *source = better;
            }
        }
    }
    plan.nulls = nulls.unwrap_or(found.nulls);
    plan.reason = found.reason;
    draft.slots[index].origin = Origin::Own;
    let meant = found.meant;
    Ok(pattern.map(|pattern| Matching {
        column: index,
        pattern,
        meant,
    }))
}

/// Whether values that differ only in the case of letters count as equal where they must differ.
fn is_folded(draft: &Draft<'_>, index: usize) -> bool {
    let column = draft.slots[index].column;
    let mut uniques = draft.uniques.iter();
    uniques.any(|unique| {
        let own = column.data_type.ends_with("citext") && unique.columns.contains(&index);
        own || unique.folded.contains(&index)
    })
}

/// What a column would hold if it had another name, which must say something.
pub(super) fn like(
    scene: &Scene<'_>,
    draft: &Draft<'_>,
    index: usize,
    name: &str,
) -> Result<Source> {
    let mut column = draft.slots[index].column.clone();
    column.name = Ident::new(name)?;
    column.comment = None;
    // What constraints say is not the name's.
    let bare = found_as(scene, draft, (index, draft.kind(index), &[]), &column);
    if !bare.is_ok_and(|found| found.meant) {
        let kind = &column.data_type;
        let text = format!("no values of the type {kind} are known by the name \"{name}\"");
        return Err(Error::new(Kind::SeedSpec, text));
    }
    Ok(found(scene, draft, index, &column)?.source)
}

/// The texts that a name calls for, in whatever column they are; `None` when it says nothing.
pub(super) fn text(
    scene: &Scene<'_>,
    draft: &Draft<'_>,
    index: usize,
    name: &str,
) -> Option<Source> {
    let mut column = draft.slots[index].column.clone();
    column.name = Ident::new(name).ok()?;
    column.comment = None;
    column.data_type = "text".to_owned();
    let (locale, _) = said(scene, draft, index);
    let table = draft.plan.name.plain();
    let found = infer::column(&About {
        table: &table,
        column: &column,
        kind: &PgType::Text(None),
        facts: &[],
        not_null: true,
        unique: false,
        rows: draft.total(),
        neighbours: &[],
        locale,
        today: scene.options.today,
    });
    let source = found.ok()?.source;
    // Words by type are what anything may be.
    (!matches!(source, Source::Prose { .. })).then_some(source)
}

fn found(scene: &Scene<'_>, draft: &Draft<'_>, index: usize, column: &Column) -> Result<Inferred> {
    let of = (index, draft.kind(index), &draft.slots[index].facts[..]);
    found_as(scene, draft, of, column)
}

/// What a column would hold if it were of another kind and something else were said of it.
pub(super) fn found_as(
    scene: &Scene<'_>,
    draft: &Draft<'_>,
    (index, kind, facts): (usize, &PgType, &[Fact]),
    column: &Column,
) -> Result<Inferred> {
    let neighbours: Vec<Neighbour<'_>> = draft
        .slots
        .iter()
        .enumerate()
        .filter(|(place, slot)| {
            *place != index
                && matches!(draft.kind(*place), PgType::Text(_))
                && !matches!(slot.origin, Origin::Pick(_))
        })
        .map(|(place, slot)| Neighbour {
            place,
            name: slot.column.name.as_str(),
        })
        .collect();
    found_beside(scene, draft, (index, kind, facts), (column, &neighbours))
}

/// What a column holds as if it stood in a row of its own.
pub(super) fn found_alone(scene: &Scene<'_>, draft: &Draft<'_>, index: usize) -> Result<Inferred> {
    let slot = &draft.slots[index];
    let of = (index, draft.kind(index), &slot.facts[..]);
    found_beside(scene, draft, of, (slot.column, &[]))
}

fn found_beside(
    scene: &Scene<'_>,
    draft: &Draft<'_>,
    (index, kind, facts): (usize, &PgType, &[Fact]),
    (column, neighbours): (&Column, &[Neighbour<'_>]),
) -> Result<Inferred> {
    let (locale, _) = said(scene, draft, index);
    let slot = &draft.slots[index];
    let alone = draft.uniques.iter().any(|u| u.columns[..] == [index]);
    let table = draft.plan.name.plain();
    infer::column(&About {
        table: &table,
        column,
        kind,
        facts,
        not_null: slot.not_null,
        unique: alone,
        rows: draft.total(),
        neighbours,
        locale,
        today: scene.options.today,
    })
}
