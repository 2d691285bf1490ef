//! A second plan for a table of which some row was not found: what its conditions say of references is
//! demanded of the rows that are referred to, and references that may be null are.
//!
//! References are met by trying: a row of the parent is drawn, and looked at. Where hardly any fits, or
//! the parent is another row of the table, which is tried likewise, no try may be the good one.

use super::draft::Draft;
use super::keys::{KeysOf, Target};
use super::scene::Scene;
use crate::generate::fact::{Fact, Says};
use crate::generate::source::Source;
use crate::generate::touched::mentioned;

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
