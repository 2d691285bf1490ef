//! Exclusion constraints: ranges of one group are laid one after another.
//!
//! `EXCLUDE USING gist (room WITH =, during WITH &&)` is met like a unique constraint over `room` and
//! the place of `during` in a row of ranges that do not meet.

use super::draft::{Draft, Origin};
use super::scene::Scene;
use super::unique::Unique;
use crate::catalog::ConstraintKind;
use crate::error::Result;
use crate::generate::pg_type::PgType;
use crate::generate::plan::ColumnPlan;
use crate::generate::source::{Source, usual_slots};

/// Microseconds of an hour and of a day.
const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// One element: an expression and its operator.
#[derive(Debug, PartialEq, Eq)]
struct Element<'d> {
    expression: &'d str,
    operator: &'d str,
}

/// Adds a table's exclusion constraints to its uniques, with ranges laid out for them.
pub(super) fn lay_out(scene: &Scene<'_>, draft: &mut Draft<'_>) -> Result<()> {
    for constraint in draft.constraints.clone() {
        // Temporal keys of PostgreSQL 18; they are among the uniques already.
        if constraint.definition.contains("WITHOUT OVERLAPS")
            && let Some(period) = constraint.columns.last()
            && let Some(column) = draft.column(period.as_str())
        {
            range(scene, draft, column);
        }
        if constraint.kind != ConstraintKind::Exclusion {
            continue;
        }
        let name = constraint.name.as_str();
        let mut columns = Vec::new();
        for element in elements(&constraint.definition) {
            let column = column_of(draft, element.expression);
            match (element.operator, column) {
                ("=" | "OPERATOR(pg_catalog.=)", Some(column)) => columns.push(column),
                ("&&" | "OPERATOR(pg_catalog.&&)", Some(column)) => {
                    columns.extend(range(scene, draft, column));
                }
                ("&&" | "OPERATOR(pg_catalog.&&)", None) => {
                    columns.extend(bounds(scene, draft, element.expression));
                }
                _ => {}
            }
        }
        if columns.is_empty() {
            return Err(draft.error(name, "excludes by operators that are not understood"));
        }
        draft.uniques.push(Unique {
            name: name.to_owned(),
            columns,
            folded: Vec::new(),
            nulls_equal: false,
        });
    }
    Ok(())
}

/// A range column whose values do not meet.
fn range(scene: &Scene<'_>, draft: &mut Draft<'_>, column: usize) -> Option<usize> {
    let count = draft.total().max(8);
    let slot = &mut draft.slots[column];
    let plan = &mut draft.plan.columns[column];
    if slot.spaced {
        return Some(column);
    }
    let (PgType::Range(bound) | PgType::Multirange(bound)) = &plan.kind else {
        return None;
    };
    let (from, every) = usual_slots(bound, scene.options.today)?;
    if slot.origin != Origin::Open {
        return None;
    }
    plan.source = Source::Slot { from, every, count };
    "ranges that do not meet".clone_into(&mut plan.reason);
    slot.origin = Origin::Own;
    slot.spaced = true;
    Some(column)
}

/// The beginning of `tstzrange(beginning, end)`, with the end after it and before the next beginning.
fn bounds(scene: &Scene<'_>, draft: &mut Draft<'_>, expression: &str) -> Option<usize> {
    let open = expression.find('(')?;
    let function = expression[..open].rsplit('.').next()?;
    if !matches!(function, "tsrange" | "tstzrange" | "daterange") {
        return None;
    }
    let inner = expression[open + 1..].strip_suffix(')')?;
    let arguments = split(inner);
    let [from, to, rest @ ..] = &arguments[..] else {
        return None;
    };
    let (from, to) = (column_of(draft, from)?, column_of(draft, to)?);
    let closed = rest.first().is_some_and(|bounds| bounds.contains(']'));
    let every = match draft.kind(from) {
        PgType::Date => 8 * DAY,
        PgType::Timestamp(_) => HOUR,
        _ => return None,
    };
    let free = |column: usize| draft.slots[column].origin == Origin::Open;
    if !free(from) || !free(to) || draft.kind(from) != draft.kind(to) {
        return None;
    }
    let count = i64::try_from(draft.total().max(8)).ok()?;
    let today = scene.options.today.div_euclid(DAY) * DAY;
    let step = if every == HOUR { HOUR / 4 } else { DAY };
    let set = |plan: &mut ColumnPlan, source: Source| {
        plan.source = source;
        "ranges that do not meet".clone_into(&mut plan.reason);
    };
    set(
        &mut draft.plan.columns[from],
        Source::Temporal {
            from: today,
            to: today.checked_add(count.checked_mul(every)?)?,
            step: every,
        },
    );
    set(
        &mut draft.plan.columns[to],
        Source::After {
            pick: None,
            column: from,
            least: step,
            most: if closed { every - step } else { every },
        },
    );
    for column in [from, to] {
        draft.slots[column].origin = Origin::Own;
    }
    draft.slots[from].spaced = true;
    Some(from)
}

fn column_of(draft: &Draft<'_>, expression: &str) -> Option<usize> {
    let word = expression.trim();
    let quoted = word.strip_prefix('"').and_then(|w| w.strip_suffix('"'));
    // A class of operators may stand behind the column.
    let name = match quoted {
        Some(name) => name.replace("\"\"", "\""),
        None => word.split(' ').next()?.trim_matches('"').to_owned(),
    };
    draft.column(&name)
}

/// The elements of `EXCLUDE USING method (expression WITH operator, ...)`.
fn elements(definition: &str) -> Vec<Element<'_>> {
    let Some(open) = definition.find('(') else {
        return Vec::new();
    };
    let inner = &definition[open + 1..];
    let parts = split(inner);
    let element = |part: &'_ &str| {
        let (expression, operator) = part.rsplit_once(" WITH ")?;
        Some((expression.len(), operator.len()))
    };
    parts
        .iter()
        .filter_map(|part| {
            let (expression, operator) = element(part)?;
            Some(Element {
                expression: part[..expression].trim(),
                operator: part[part.len() - operator..].trim(),
            })
        })
        .collect()
}

/// Splits at commas outside of parentheses and quotes, up to a closing parenthesis too many.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut quote, mut from) = (0_i32, None, 0);
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(character),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') if depth == 0 => {
                parts.push(text[from..at].trim());
                return parts;
            }
            (None, ')' | ']') => depth -= 1,
            (None, ',') if depth == 0 => {
                parts.push(text[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[from..].trim());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_from_the_definition() {
        let text = "EXCLUDE USING gist (room_id WITH =, tstzrange(a, b, '[)'::text) WITH &&) WHERE ((x > 1))";
        assert_eq!(
            elements(text),
            [
                Element {
                    expression: "room_id",
                    operator: "="
                },
                Element {
                    expression: "tstzrange(a, b, '[)'::text)",
                    operator: "&&"
                },
            ]
        );
    }
}
