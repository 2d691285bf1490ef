//! Rows that a person wrote, against all others: found before the run, with their places.

use std::collections::BTreeSet;

use super::draft::Draft;
use super::keys::{KeysOf, Target};
use crate::catalog::ConstraintKind;
use crate::error::{Error, Kind, Result};
use crate::generate::condition::Condition;
use crate::generate::plan::{SeedPlan, TablePlan};
use crate::generate::rows::{Keys, Rows};
use crate::generate::touched::mentioned;
use crate::generate::value::Value;

/// Rows of a table that are looked through; of larger ones the server finds what collides, after the
/// load.
const LOOKED: u64 = 200_000;

/// What written rows of one table must be beside what single rows must.
#[derive(Debug)]
pub(super) enum Must {
    /// No other row has the same of these columns.
    Differ {
        table: usize,
        constraint: String,
        columns: Vec<usize>,
        /// Those in which letter case and blanks around do not count.
        folded: Vec<usize>,
        nulls_equal: bool,
    },
    /// A row of another table has the same.
    Refer {
        table: usize,
        constraint: String,
        columns: Vec<usize>,
        to: (usize, Vec<usize>),
    },
}

/// What must hold of the rows that are written; nothing when there are none.
pub(super) fn demands(drafts: &[Draft<'_>], keys: &KeysOf<'_>) -> Vec<Must> {
    let mut all = Vec::new();
    for (table, draft) in drafts.iter().enumerate() {
        let written: BTreeSet<usize> = draft
            .plan
            .fixed
            .iter()
            .flat_map(|r| r.keys().copied())
            .collect();
        let touches = |columns: &[usize]| columns.iter().any(|column| written.contains(column));
        let exact = |name: &str| is_exact(draft, name);
        for unique in draft
            .uniques
            .iter()
            .filter(|u| touches(&u.columns) && exact(&u.name))
        {
            all.push(Must::Differ {
                table,
                constraint: unique.name.clone(),
                columns: unique.columns.clone(),
                folded: unique.folded.clone(),
                nulls_equal: unique.nulls_equal,
            });
        }
        for key in keys[table].iter().filter(|key| touches(&key.own)) {
            let Target::Planned { table: to, columns } = &key.target else {
                continue;
            };
            all.push(Must::Refer {
                table,
                constraint: key.name.to_owned(),
                columns: key.own.clone(),
                to: (*to, columns.clone()),
            });
        }
    }
    all
}

/// Whether rows break a unique exactly when they have the same of its columns: one over a part of the
/// rows, over several columns in one expression, or that excludes, is the server's to judge.
fn is_exact(draft: &Draft<'_>, name: &str) -> bool {
    let index = draft.indexes.iter().find(|index| {
        let of = index.constraint.as_ref().unwrap_or(&index.name);
        of.as_str() == name
    });
    let unique = draft.uniques.iter().find(|unique| unique.name == name);
    let excludes = draft.constraints.iter().any(|constraint| {
        constraint.name.as_str() == name && constraint.kind == ConstraintKind::Exclusion
            || constraint.definition.contains("WITHOUT OVERLAPS")
                && constraint.name.as_str() == name
    });
    let whole = index.zip(unique).is_none_or(|(index, unique)| {
        index.predicate.is_none() && index.columns.len() == unique.columns.len()
    });
    whole && !excludes
}

/// Refuses written rows that collide with others, or refer to none.
///
/// # Errors
/// [`Kind::SeedSpec`] with the place of the row.
pub(super) fn refuse(plan: &SeedPlan, demands: &[Must]) -> Result<()> {
    if demands.is_empty() {
        return Ok(());
    }
    let rows = Rows::new(plan, &Keys::new())?;
    for must in demands {
        match must {
            Must::Differ {
                table, constraint, ..
            } => {
                if let Some((row, other)) = collision(plan, &rows, must) {
                    let of = &plan.tables[*table];
                    let with = match of.places.get(other as usize) {
                        Some(place) => {
                            format!("the row in line {} has the same", place.line_column().0)
                        }
                        None => "a row that is made has the same".to_owned(),
                    };
                    return Err(wrong(
                        of,
                        row,
                        &format!("constraint \"{constraint}\": {with}"),
                    ));
                }
            }
            Must::Refer {
                table,
                constraint,
                columns,
                to,
            } => {
                let at = (*table, &columns[..]);
                if let Some(row) = orphan(plan, &rows, at, to) {
                    let parent = plan.tables[to.0].name.plain();
                    let why =
                        format!("constraint \"{constraint}\": no row of {parent} has that key");
                    return Err(wrong(&plan.tables[*table], row, &why));
                }
            }
        }
    }
    Ok(())
}

fn wrong(table: &TablePlan, row: u64, why: &str) -> Error {
    let error = Error::new(Kind::SeedSpec, format!("{}: {why}", table.name.plain()));
    placed(table, row, error)
}

/// The error with the place of the row, when a person wrote it.
pub(super) fn placed(table: &TablePlan, row: u64, error: Error) -> Error {
    match table.places.get(row as usize) {
        Some(place) => error.at(place.clone()),
        None => error,
    }
}

/// The written row that no draw can mend: all that a condition speaks of is written.
pub(super) fn breaks(table: &TablePlan, row: u64, constraint: &str) -> Option<Error> {
    let written = table.fixed.get(row as usize)?;
    let of = |condition: &&Condition| condition.name == constraint;
    let condition = table.conditions.iter().find(of)?;
    let all = mentioned(&condition.expression);
    let decided = !all.is_empty() && all.iter().all(|column| written.contains_key(column));
    decided.then(|| {
        wrong(
            table,
            row,
            &format!("the row breaks constraint \"{constraint}\""),
        )
    })
}

/// A written row, and another that has the same.
fn collision(plan: &SeedPlan, rows: &Rows, must: &Must) -> Option<(u64, u64)> {
    let Must::Differ {
        table,
        columns,
        folded,
        nulls_equal,
        ..
    } = must
    else {
        return None;
    };
    let of = &plan.tables[*table];
    if of.first > 0 || of.rows > LOOKED {
        return None;
    }
    let worker = rows.worker();
    let mut row = Vec::new();
    let mut written: Vec<(u64, Vec<Value>)> = Vec::new();
    for number in 0..of.rows {
        worker.fill(*table, number, &mut row).ok()?;
        let key = columns.iter().map(|column| {
            let value = row.get(*column).cloned().unwrap_or(Value::Null);
            if folded.contains(column) {
                plain(value)
            } else {
                value
            }
        });
        let key: Vec<Value> = key.collect();
        if !nulls_equal && key.iter().any(Value::is_null) {
            continue;
        }
        if let Some((other, _)) = written.iter().find(|(_, known)| *known == key) {
            let is_written = of.fixed.get(number as usize).is_some();
            return Some(if is_written {
                (number, *other)
            } else {
                (*other, number)
            });
        }
        if of.fixed.get(number as usize).is_some() {
            written.push((number, key));
        }
    }
    None
}

fn plain(value: Value) -> Value {
    match value {
        Value::Text(text) => Value::text(text.trim().to_lowercase()),
        other => other,
    }
}

/// A written row that refers to no row.
fn orphan(
    plan: &SeedPlan,
    rows: &Rows,
    (table, columns): (usize, &[usize]),
    (to, referenced): &(usize, Vec<usize>),
) -> Option<u64> {
    let (of, parent) = (&plan.tables[table], &plan.tables[*to]);
    if of.first > 0 || parent.first > 0 || parent.rows > LOOKED {
        return None;
    }
    let worker = rows.worker();
    let mut row = Vec::new();
    let mut open: Vec<(u64, Vec<Value>)> = Vec::new();
    for number in 0..(of.fixed.len() as u64).min(of.rows) {
        worker.fill(table, number, &mut row).ok()?;
        let key = columns
            .iter()
            .map(|c| row.get(*c).cloned().unwrap_or(Value::Null));
        let key: Vec<Value> = key.collect();
        if !key.iter().any(Value::is_null) {
            open.push((number, key));
        }
    }
    for number in 0..parent.rows {
        if open.is_empty() {
            break;
        }
        worker.fill(*to, number, &mut row).ok()?;
        open.retain(|(_, key)| {
            let mut pairs = key.iter().zip(referenced);
            !pairs.all(|(value, column)| row.get(*column) == Some(value))
        });
    }
    open.first().map(|(number, _)| *number)
}
