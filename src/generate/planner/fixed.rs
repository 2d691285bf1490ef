//! Rows that a person wrote: the first ones of their tables.

use std::collections::BTreeMap;

use super::draft::{Draft, Origin};
use super::scene::Scene;
use crate::error::{Error, Kind, Result};
use crate::generate::parse::parse;
use crate::generate::source::Source;
use crate::generate::spec::FixedRow;
use crate::generate::value::Value;
use crate::sql::nearest;

/// Puts the rows of the run's scenario before all others.
pub(super) fn place(scene: &Scene<'_>, drafts: &mut [Draft<'_>]) -> Result<()> {
    let Some(name) = &scene.options.scenario else {
        return Ok(());
    };
    let Some(rows) = scene.spec.scenarios.get(name) else {
        let known: Vec<&str> = scene.spec.scenarios.keys().map(String::as_str).collect();
        let error = Error::new(Kind::SeedSpec, format!("there is no scenario \"{name}\""));
        return Err(match nearest(name, &known) {
            Some(near) => error.hint(format!("did you mean \"{near}\"?")),
            None => error.hint(format!("the scenarios are {}", known.join(", "))),
        });
    };
    for row in rows {
        let table = scene.resolve(&row.table, Kind::SeedSpec);
        let table = table.map_err(|error| error.at(row.place.clone()))?;
        let Some(index) = scene.index.get(&table.name) else {
            let message = format!("{}: the table is not seeded", row.table);
            return Err(Error::new(Kind::SeedSpec, message).at(row.place.clone()));
        };
        let fixed = read(&drafts[*index], row)?;
        let plan = &mut drafts[*index].plan;
        plan.fixed.push(fixed);
        plan.places.push(row.place.clone());
    }
    for draft in drafts {
        count_on(draft);
    }
    Ok(())
}

/// Makes room for the rows of the run's scenario.
pub(super) fn make_room(scene: &mut Scene<'_>) -> Result<()> {
    let rows = scene.options.scenario.as_ref();
    let rows = rows.and_then(|name| scene.spec.scenarios.get(name));
    let mut count = BTreeMap::new();
    for row in rows.into_iter().flatten() {
        let table = scene.resolve(&row.table, Kind::SeedSpec);
        let table = table.map_err(|error| error.at(row.place.clone()))?;
        *count.entry(&table.name).or_insert(0_u64) += 1;
    }
    for (table, rows) in count {
        if let Some(index) = scene.index.get(table) {
            let wanted = &mut scene.wanted[*index];
            wanted.rows = wanted.rows.max(rows);
        }
    }
    Ok(())
}

fn read(draft: &Draft<'_>, row: &FixedRow) -> Result<BTreeMap<usize, Option<String>>> {
    let wrong = |column: &str, why: &str| {
        let message = format!("{}.{column}: {why}", row.table);
        Error::new(Kind::SeedSpec, message).at(row.place.clone())
    };
    let mut fixed = BTreeMap::new();
    for (name, text) in &row.values {
        let column = draft.column(name);
        let column = column.ok_or_else(|| wrong(name, "there is no such column to write"))?;
        match text {
            None if draft.slots[column].not_null => {
                return Err(wrong(name, "the column is not null"));
            }
            Some(text) if parse(text, draft.kind(column)).is_none() => {
                return Err(wrong(name, "no value of the column's type"));
            }
            _ => {}
        }
        fixed.insert(column, text.clone());
    }
    Ok(fixed)
}

/// Counted columns go on after the numbers that are written.
fn count_on(draft: &mut Draft<'_>) {
    for index in 0..draft.slots.len() {
        if draft.slots[index].origin != Origin::Serial {
            continue;
        }
        let written = draft.plan.fixed.iter().filter_map(|row| row.get(&index));
        let written = written
            .flatten()
            .filter_map(|text| match parse(text, draft.kind(index)) {
                Some(Value::Int(number)) => Some(number),
                _ => None,
            });
        let highest = written.max();
        if let (Some(highest), Source::Serial { start, step: 1 }) =
            (highest, &mut draft.plan.columns[index].source)
        {
            *start = (*start).max(highest.saturating_add(1));
        }
    }
}
