//! Conditions that only the server evaluates: what is drawn again when a row does not fulfil one, and
//! what a person is told of them before the run.

use std::collections::BTreeSet;

use super::draft::{Draft, Origin};
use super::scene::Scene;
use crate::catalog::{ConstraintKind, Table};
use crate::generate::plan::{Ask, Parent, Take};
use crate::generate::source::Source;
use crate::generate::stream::StreamKey;
use crate::sql::{Token, tokens};

/// Completes the conditions of all tables, and notes them.
pub(super) fn settle(scene: &mut Scene<'_>, drafts: &mut [Draft<'_>]) {
    let read = read_by_others(drafts);
    for (at, read) in read.iter().enumerate() {
        if drafts[at].asks.is_empty() || drafts[at].plan.rows == 0 {
            continue;
        }
        let free = free(&drafts[at], read);
        let mut asks = std::mem::take(&mut drafts[at].asks);
        for ask in &mut asks {
            let wanted = mentioned(scene, &drafts[at], ask);
            let draft = &drafts[at];
            ask.redraw = (0..draft.slots.len())
                .filter(|column| free[*column] && closes(draft, *column, &wanted))
                .collect();
            let note = note(draft, ask);
            scene.note(note);
        }
        drafts[at].asks = asks;
    }
}

fn note(draft: &Draft<'_>, ask: &Ask) -> String {
    let name = draft.plan.name.plain();
    let what = if ask.partitions {
        "the bounds of its partitions are not understood in full".to_owned()
    } else {
        format!("constraint \"{}\" is not understood", ask.constraint)
    };
    let then = if ask.redraw.is_empty() {
        "the server is asked, and rows that it refuses are not drawn again, because keys and unique columns decide"
    } else {
        "the server is asked, and rows that it refuses are drawn again"
    };
    format!("{name}: {what}; {then}")
}

/// The columns of the table that a condition speaks of; all where none is named.
fn mentioned(scene: &Scene<'_>, draft: &Draft<'_>, ask: &Ask) -> BTreeSet<usize> {
    if let Some(column) = &ask.column {
        return draft.column(column.as_str()).into_iter().collect();
    }
    let mut found = BTreeSet::new();
    if ask.partitions {
        let mut tables: Vec<&Table> = scene.catalog.descendants(&draft.table.name);
        tables.push(draft.table);
        for key in tables.iter().filter_map(|t| t.partition_key.as_ref()) {
            words(draft, &key.definition, &mut found, 0);
        }
    } else {
        words(draft, &ask.expression, &mut found, 0);
    }
    if found.is_empty() {
        return (0..draft.slots.len()).collect();
    }
    found
}

/// The columns whose names stand in an expression, those that a generated column is made from
/// included.
fn words(draft: &Draft<'_>, text: &str, found: &mut BTreeSet<usize>, depth: u8) {
    for (token, _) in tokens(text).into_iter().flatten() {
        let Token::Word(word, _) = token else {
            continue;
        };
        if let Some(column) = draft.column(&word) {
            found.insert(column);
            continue;
        }
        let derived = draft.plan.derived.iter();
        let derived = derived.filter(|derived| derived.name.as_str() == word);
        let generated = draft.table.column(&word);
        let generated = generated.and_then(|column| column.generated.as_ref());
        let of = derived
            .map(|derived| derived.expression.as_str())
            .chain(generated.map(|generated| generated.expression.as_str()));
        // A generated column is not made from another one.
        for text in of.filter(|_| depth == 0) {
            words(draft, text, found, depth + 1);
        }
    }
}

/// Whether a column is named, or made from one that is, or shares its stream with one.
fn closes(draft: &Draft<'_>, column: usize, wanted: &BTreeSet<usize>) -> bool {
    let mut all = wanted.clone();
    loop {
        let before = all.len();
        for column in 0..draft.slots.len() {
            let shares = |other: &usize| shared(draft, column, *other);
            if needs(draft, column).iter().any(|need| all.contains(need)) || all.iter().any(shares)
            {
                all.insert(column);
            }
        }
        if all.len() == before {
            return all.contains(&column);
        }
    }
}

fn shared(draft: &Draft<'_>, one: usize, other: usize) -> bool {
    let on = |column: usize| draft.plan.columns[column].source.shared();
    on(one).is_some() && on(one) == on(other)
}

/// The columns of the row that a column is made from.
fn needs(draft: &Draft<'_>, column: usize) -> Vec<usize> {
    let plan = &draft.plan.columns[column];
    let made = plan.source.compile(&plan.kind, StreamKey::new(0, "", ""));
    made.map(|made| made.needs()).unwrap_or_default()
}

/// Columns that may be drawn again: neither they nor what is made from them decide keys, or are read by
/// other tables.
fn free(draft: &Draft<'_>, read: &BTreeSet<usize>) -> Vec<bool> {
    let count = draft.slots.len();
    let mut free: Vec<bool> = (0..count)
        .map(|column| {
            let plan = &draft.plan.columns[column];
            draft.slots[column].origin == Origin::Own
                && plan.take == Take::Draw
                && !matches!(
                    plan.source,
                    Source::Reference { .. } | Source::Serial { .. }
                )
                && !draft.slots[column].spaced
                && !read.contains(&column)
                && !is_key(draft, column)
        })
        .collect();
    loop {
        let before = free.clone();
        for (column, _) in before.iter().enumerate().filter(|(_, free)| !**free) {
            for need in needs(draft, column) {
                if let Some(free) = free.get_mut(need) {
                    *free = false;
                }
            }
            for other in (0..count).filter(|other| shared(draft, column, *other)) {
                free[other] = false;
            }
        }
        if free == before {
            return free;
        }
    }
}

/// Whether a column makes rows differ where they must.
fn is_key(draft: &Draft<'_>, column: usize) -> bool {
    let alone = |other: &usize| {
        *other != column
            && (draft.slots[*other].origin == Origin::Serial
                || draft.plan.columns[*other].source == Source::Uuid)
    };
    let unique = draft
        .uniques
        .iter()
        .any(|unique| unique.columns.contains(&column) && !unique.columns.iter().any(alone));
    let name = &draft.plan.columns[column].name;
    let excluded = draft.constraints.iter().any(|constraint| {
        constraint.kind == ConstraintKind::Exclusion && constraint.columns.contains(name)
    });
    unique || excluded
}

/// Of each table, the columns that rows of other tables, or other rows of its own, are made from.
fn read_by_others(drafts: &[Draft<'_>]) -> Vec<BTreeSet<usize>> {
    let mut read = vec![BTreeSet::new(); drafts.len()];
    for draft in drafts {
        for column in &draft.plan.columns {
            let (Source::Reference { pick, column }
            | Source::After {
                pick: Some(pick),
                column,
                ..
            }) = &column.source
            else {
                continue;
            };
            let parent = draft.plan.picks.get(*pick).map(|pick| &pick.parent);
            if let Some(Parent::Planned { table, .. }) = parent
                && let Some(of) = read.get_mut(*table)
            {
                of.insert(*column);
            }
        }
    }
    read
}
