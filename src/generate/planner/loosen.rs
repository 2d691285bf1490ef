//! A second plan for a table of which some row was not found: what its conditions say of references is
//! demanded of the rows that are referred to, and references that may be null are.
//!
//! References are met by trying: a row of the parent is drawn, and looked at. Where hardly any fits, or
//! the parent is another row of the table, which is tried likewise, no try may be the good one.

use super::draft::{Draft, Origin};
use super::keys::{KeysOf, Target};
use super::scene::Scene;
use crate::generate::condition::Expression;
use crate::generate::distribution::Distribution;
use crate::generate::fact::{Fact, Says};
use crate::generate::plan::Take;
use crate::generate::source::Source;
use crate::generate::touched::mentioned;

/// Numbers that are small mostly: half of them below 5, one in a hundred above 160.
const SMALL: Distribution = Distribution::LogNormal {
    median: 5.0,
    sigma: 1.5,
};

/// Demands of the keys of parents what loosened tables say of their references to them, as far as these
/// are not null.
pub(super) fn hold(scene: &Scene<'_>, drafts: &mut [Draft<'_>], all: &KeysOf<'_>) {
    for table in (0..drafts.len()).filter(|table| scene.loose[*table]) {
        for key in &all[table] {
            let Target::Planned { table: to, columns } = &key.target else {
                continue;
            };
            for (own, column) in key.own.iter().zip(columns) {
                let slot = &drafts[table].slots[*own];
                if !slot.not_null {
                    continue;
                }
                let said = slot.facts.iter().filter(|fact| fact.says != Says::NotNull);
                let said: Vec<Fact> = said.cloned().collect();
                for fact in said {
                    let known = &mut drafts[*to].slots[*column].facts;
                    if !known.contains(&fact) {
                        known.push(fact);
                    }
                }
            }
        }
    }
}

/// Lets numbers of a loosened table that conditions calculate with, and of which nothing is known but
/// their type, be small mostly: sums and products of large ones leave what is allowed.
pub(super) fn lower(scene: &Scene<'_>, draft: &mut Draft<'_>, table: usize) {
    if !scene.loose[table] {
        return;
    }
    let conditions = draft.plan.conditions.iter();
    let counted = conditions.filter(|condition| calculates(&condition.expression));
    let columns: Vec<usize> = counted.flat_map(|c| mentioned(&c.expression)).collect();
    for column in columns {
        let plan = &mut draft.plan.columns[column];
        let free = draft.slots[column].origin == Origin::Own && plan.take == Take::Draw;
        if let (true, Source::Whole { min, max, spread }) = (free, &mut plan.source)
            && *min <= 1
            && *max >= 100
        {
            *spread = SMALL;
        }
    }
}

/// Whether a condition adds or multiplies anywhere.
fn calculates(expression: &Expression) -> bool {
    match expression {
        Expression::Arithmetic(..) => true,
        Expression::And(parts) | Expression::Or(parts) | Expression::Call(_, parts) => {
            parts.iter().any(calculates)
        }
        Expression::Not(inner) | Expression::IsNull(inner) | Expression::Is(inner, _) => {
            calculates(inner)
        }
        Expression::Compare(_, left, right) | Expression::Distinct(left, right) => {
            calculates(left) || calculates(right)
        }
        Expression::Among(_, left, items, _) => calculates(left) || items.iter().any(calculates),
        _ => false,
    }
}

/// Makes references of a loosened table null where they may be and a condition speaks of them; a spec
/// that speaks of them wins.
pub(super) fn let_go(scene: &mut Scene<'_>, draft: &mut Draft<'_>, table: usize) {
    if !scene.loose[table] {
        return;
    }
    let conditions = draft.plan.conditions.iter();
    let spoken: Vec<usize> = conditions
        .flat_map(|condition| mentioned(&condition.expression))
        .collect();
    for pick in 0..draft.plan.picks.len() {
        let of_pick = |column: &usize| {
            let source = &draft.plan.columns[*column].source;
            matches!(source, Source::Reference { pick: of, .. } if *of == pick)
        };
        let mut columns = (0..draft.slots.len()).filter(of_pick);
        let asked = columns.clone().any(|column| {
            let name = draft.plan.columns[column].name.as_str();
            let said = scene.specs[table].and_then(|said| said.columns.get(name));
            said.is_some_and(|said| !said.learned)
        });
        if asked || !draft.reach[pick].nullable || !columns.any(|column| spoken.contains(&column)) {
            continue;
        }
        let pick = &mut draft.plan.picks[pick];
        pick.nulls = 1.0;
        scene.note(format!(
            "{}: \"{}\" refers to nothing, because no row was found that fulfils the conditions on it",
            draft.plan.name.plain(),
            pick.serves.join("\", \"")
        ));
    }
}
