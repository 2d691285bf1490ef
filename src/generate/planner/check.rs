//! CHECK constraints and those of domains: what they say of single columns, in which order columns
//! stand, and what is left to try.

use super::draft::{Draft, Origin};
use super::ladder;
use super::overlap::{self, Bounds};
use super::partial;
use super::place;
use super::reading::{self, Understood};
use super::scene::Scene;
use crate::catalog::ConstraintKind;
use crate::generate::condition::Condition;
use crate::generate::fact::{Fact, Says};
use crate::generate::infer::Empty;
use crate::generate::parse::parse;
use crate::generate::pg_type::{ColumnType, PgType};
use crate::generate::plan::{Ask, ColumnPlan, Take};
use crate::generate::source::Source;
use crate::generate::stream::StreamKey;
use crate::generate::value::Value;

/// Microseconds of a day, and of a second.
const DAY: i64 = 86_400_000_000;
const SECOND: i64 = 1_000_000;
/// Values of a source that are tried one by one.
const FEW: u64 = 1024;

/// Reads all conditions of a table.
pub(super) fn read(scene: &Scene<'_>, draft: &mut Draft<'_>, table: usize) {
    let today = scene.options.today;
    for constraint in draft.constraints.clone().into_iter().filter(|c| c.enforced) {
        let name = constraint.name.as_str();
        match &constraint.kind {
            ConstraintKind::NotNull => {
                for column in constraint.columns.iter() {
                    if let Some(column) = draft.column(column.as_str()) {
                        draft.slots[column].not_null = true;
                    }
                }
            }
            ConstraintKind::Check { expression } => {
                match reading::read(draft, expression, None, today) {
                    Some(understood) => take(draft, name, expression, understood),
                    None => draft.asks.push(Ask {
                        table,
                        constraint: name.to_owned(),
                        expression: expression.clone(),
                        column: None,
                        partitions: false,
                        redraw: Vec::new(),
                    }),
                }
            }
            _ => {}
        }
    }
    partial::read(scene, draft, table);
    place::keep(scene, draft, table);
    for column in 0..draft.slots.len() {
        let of = ColumnType::of(scene.catalog, &draft.slots[column].column.data_type);
        for check in of.domains.iter().flat_map(|domain| &domain.checks) {
            let name = check.name.as_str();
            let expression = condition_of(&check.definition);
            match reading::read(draft, expression, Some(column), today) {
                Some(understood) => take(draft, name, expression, understood),
                None => draft.asks.push(Ask {
                    table,
                    constraint: name.to_owned(),
                    expression: expression.to_owned(),
                    column: Some(draft.plan.columns[column].name.clone()),
                    partitions: false,
                    redraw: Vec::new(),
                }),
            }
        }
    }
}

/// `CHECK ((VALUE > 0)) NOT VALID` is `(VALUE > 0)`.
pub(super) fn condition_of(definition: &str) -> &str {
    let text = definition.trim();
    let text = text.strip_suffix("NOT VALID").unwrap_or(text).trim();
    let text = text.strip_prefix("CHECK").unwrap_or(text).trim();
    let inner = text.strip_prefix('(').and_then(|t| t.strip_suffix(')'));
    inner.unwrap_or(text)
}

pub(super) fn take(draft: &mut Draft<'_>, name: &str, text: &str, understood: Understood) {
    for (column, says) in understood.facts {
        let Some(slot) = draft.slots.get_mut(column) else {
            continue;
        };
        slot.not_null |= says == Says::NotNull;
        slot.facts.push(Fact {
            from: name.to_owned(),
            says,
        });
    }
    draft.orders.extend(understood.orders);
    draft.plan.conditions.push(Condition {
        name: name.to_owned(),
        text: text.to_owned(),
        expression: understood.expression,
        ways: Vec::new(),
    });
}

/// Puts times after those that they must follow. A few numbers in an order are met by trying: of a pair
/// with the same bounds one draw in two is in order, of three one in six.
pub(super) fn chain(draft: &mut Draft<'_>, counted: &[Vec<Option<Bounds>>]) {
    for (lesser, greater, strict) in draft.orders.clone() {
        overlap::meet(draft, counted, (lesser, greater));
        let free = |column: usize| {
            let plan = &draft.plan.columns[column];
            draft.slots[column].origin == Origin::Own
                && plan.take == Take::Draw
                && matches!(plan.source, Source::Temporal { .. })
        };
        let times =
            |column: usize| matches!(draft.kind(column), PgType::Date | PgType::Timestamp(_));
        if !times(lesser) || !times(greater) || !free(greater) || follows(draft, lesser, greater) {
            continue;
        }
        let step = match draft.kind(greater) {
            PgType::Date => DAY,
            _ => SECOND,
        };
        // A time follows the date it is compared with even at its day's beginning.
        let least = if strict { step } else { 0 };
        if draft.slots[greater].not_null {
            let plan = &mut draft.plan.columns[lesser];
            if draft.slots[lesser].origin == Origin::Own && plan.source != Source::Null {
                plan.nulls = 0.0;
            }
        }
        let plan = &mut draft.plan.columns[greater];
        plan.source = Source::After {
            pick: None,
            column: lesser,
            least,
            most: 30 * DAY,
        };
        plan.reason = format!("after {}", draft.slots[lesser].column.name.as_str());
    }
    ladder::climb(draft);
}

/// Whether `column` is made from `from`, at any distance, or is it.
fn follows(draft: &Draft<'_>, column: usize, from: usize) -> bool {
    let mut at = column;
    for _ in 0..=draft.slots.len() {
        if at == from {
            return true;
        }
        match draft.plan.columns[at].source {
            Source::After {
                pick: None, column, ..
            } => at = column,
            _ => return false,
        }
    }
    true
}

/// Leaves out the conditions that the sources guarantee.
pub(super) fn prove(draft: &mut Draft<'_>) {
    let conditions = std::mem::take(&mut draft.plan.conditions);
    let ways = conditions.iter().flat_map(|condition| &condition.ways);
    let asked: Vec<usize> = ways.flatten().map(|(column, _)| *column).collect();
    let kept = conditions.into_iter().filter(|condition| {
        let mentioned = crate::generate::touched::mentioned(&condition.expression);
        let [column] = mentioned.iter().copied().collect::<Vec<_>>()[..] else {
            return true;
        };
        // A way may ask of a column what its source does not give.
        asked.contains(&column) || !is_proven(draft, column, condition)
    });
    let kept: Vec<Condition> = kept.collect();
    draft.plan.conditions = kept;
}

/// Whether each value that the column's source can give fulfils the condition.
fn is_proven(draft: &Draft<'_>, column: usize, condition: &Condition) -> bool {
    let plan = &draft.plan.columns[column];
    let mut row = vec![Value::Null; draft.plan.columns.len()];
    let mut fulfils = |value: Value| {
        row[column] = value;
        condition.expression.holds(&row) != crate::generate::condition::Truth::False
    };
    if !draft.plan.fixed.is_empty() || plan.nulls > 0.0 && !fulfils(Value::Null) {
        return false;
    }
    let values: Vec<Option<Value>> = match &plan.source {
        Source::Choice(values) => values.iter().map(|v| parse(&v.value, &plan.kind)).collect(),
        Source::Constant(text) => vec![parse(text, &plan.kind)],
        Source::Null => vec![Some(Value::Null)],
        Source::Bool { .. } => vec![Some(Value::Bool(true)), Some(Value::Bool(false))],
        // Whole numbers are dense: bounds that hold at both ends hold between them, when the
        // condition is one of bounds.
        Source::Whole { min, max, .. } if only_bounds(draft, column, condition) => {
            vec![Some(Value::Int(*min)), Some(Value::Int(*max))]
        }
        Source::Agreed { .. } => match few(plan) {
            Some(values) => values.into_iter().map(Some).collect(),
            None => return false,
        },
        Source::Serial { start, step } if only_bounds(draft, column, condition) => {
            let last = i64::try_from(draft.total())
                .ok()
                .map(|total| start + step * total);
            vec![Some(Value::Int(*start)), last.map(Value::Int)]
        }
        _ => return false,
    };
    values
        .into_iter()
        .all(|value| value.is_some_and(&mut fulfils))
}

/// All values of a column's source; `None` when they are many, or not known.
fn few(plan: &ColumnPlan) -> Option<Vec<Value>> {
    let made = plan.source.compile(&plan.kind, StreamKey::new(0, "", ""));
    let made = made.ok()?;
    let size = made.size().filter(|size| *size <= FEW)?;
    Some((0..size).map(|index| made.nth(index, &Empty)).collect())
}

/// Whether the condition says no more than that the column lies between bounds.
fn only_bounds(draft: &Draft<'_>, column: usize, condition: &Condition) -> bool {
    let whole = reading::says_all(&condition.expression);
    let mut said = draft.slots[column]
        .facts
        .iter()
        .filter(|fact| fact.from == condition.name);
    whole
        && said.all(|fact| {
            matches!(
                fact.says,
                Says::AtLeast(..) | Says::AtMost(..) | Says::NotNull
            )
        })
}
