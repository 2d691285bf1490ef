//! Columns in which rows are numbered.

use super::draft::{Draft, Origin};
use super::scene::Scene;
use crate::catalog::{Catalog, Column, Sequence, Table};
use crate::generate::fact::{Fact, Says};
use crate::generate::pg_type::PgType;
use crate::generate::plan::Take;
use crate::generate::source::Source;
use crate::generate::value::Value;
use crate::sql::QualifiedName;

/// Whether rows are numbered in the column: an identity, a sequence's default, or a whole number
/// that is the primary key alone.
pub(super) fn count(scene: &Scene<'_>, draft: &mut Draft<'_>, index: usize) {
    let column = draft.slots[index].column;
    let alone = draft
        .table
        .primary_key()
        .is_some_and(|key| key.columns[..] == [column.name.clone()]);
    let whole = matches!(draft.kind(index), PgType::Int(_) | PgType::Numeric(_));
    let takes_next = column
        .default
        .as_deref()
        .is_some_and(|default| default.contains("nextval("));
    if !whole || !(alone || takes_next || column.identity.is_some()) {
        return;
    }
    let sequence = sequence(scene.catalog, draft.table, column);
    let standing = scene.standing.tables.get(&draft.plan.name);
    let highest = standing
        .filter(|_| draft.plan.first == 0)
        .and_then(|standing| standing.highest.get(&column.name));
    let sequence = sequence.filter(|sequence| sequence.increment > 0);
    let least = sequence.map_or(1, |sequence| sequence.start);
    let start = highest.map_or(least, |highest| highest.saturating_add(1).max(least));
    let own = draft.slots[index].facts.len();
    if let Some(sequence) = sequence {
        draft.slots[index].facts.extend(bounds(sequence));
    }
    let facts = &draft.slots[index].facts;
    let steps = [sequence.map_or(1, |sequence| sequence.increment), 1];
    let mut found = steps
        .into_iter()
        .filter_map(|step| counting(facts, (start, step), draft.total()));
    // What does not count up still lies within the bounds of the sequence.
    let Some((start, step)) = found.next() else {
        return;
    };
    draft.slots[index].facts.truncate(own);
    let plan = &mut draft.plan.columns[index];
    plan.source = Source::Serial { start, step };
    plan.take = Take::Draw;
    plan.reason = "counted".to_owned();
    draft.slots[index].origin = Origin::Serial;
}

/// The sequence that numbers the rows which an application adds.
fn sequence<'a>(catalog: &'a Catalog, table: &Table, column: &Column) -> Option<&'a Sequence> {
    let mut all = catalog.sequences.values();
    if column.identity.is_some() {
        return all.find(|sequence| {
            let owner = sequence.owned_by.as_ref();
            owner.is_some_and(|owner| {
                owner.identity && owner.table == table.name && owner.column == column.name
            })
        });
    }
    let (_, rest) = column.default.as_deref()?.split_once("nextval('")?;
    let (name, _) = rest.rsplit_once('\'')?;
    let name = name.replace("''", "'").replace('"', "");
    all.find(|sequence| {
        let QualifiedName { schema, name: own } = &sequence.name;
        format!("{}.{}", schema.as_str(), own.as_str()) == name
    })
}

/// What a sequence says of the numbers that it gives.
fn bounds(sequence: &Sequence) -> [Fact; 2] {
    let fact = |says| Fact {
        from: format!("sequence {}", sequence.name.plain()),
        says,
    };
    [
        fact(Says::AtLeast(Value::Int(sequence.minimum), true)),
        fact(Says::AtMost(Value::Int(sequence.maximum), true)),
    ]
}

/// First number and step of `total` numbers that constraints allow; `None` when counting does not
/// keep to them.
fn counting(facts: &[Fact], (start, every): (i64, i64), total: u64) -> Option<(i64, i64)> {
    let (mut first, mut step) = (start, every);
    for fact in facts {
        match &fact.says {
            Says::NotNull => {}
            Says::AtLeast(Value::Int(least), included) => {
                first = first.max(least.saturating_add(i64::from(!included)));
            }
            Says::MultipleOf(unit) if *unit != 0 => step = unit.saturating_abs(),
            // Counting begins behind what is forbidden.
            Says::NoneOf(values) => {
                for value in values {
                    let Value::Int(value) = value else {
                        return None;
                    };
                    first = first.max(value.saturating_add(1));
                }
            }
            Says::AtMost(Value::Int(_), _) => {}
            _ => return None,
        }
    }
    let multiples = |fact: &Fact| matches!(fact.says, Says::MultipleOf(_));
    if facts.iter().any(multiples) {
        let up = first.checked_add(step - 1)?.div_euclid(step);
        first = up.checked_mul(step)?;
    }
    let last = i64::try_from(total).ok()?.checked_sub(1)?.max(0);
    let last = first.checked_add(last.checked_mul(step)?)?;
    let within = facts.iter().all(|fact| match &fact.says {
        Says::AtMost(Value::Int(most), included) => {
            last < most.saturating_add(i64::from(*included))
        }
        _ => true,
    });
    within.then_some((first, step))
}
