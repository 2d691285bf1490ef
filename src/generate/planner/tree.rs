//! References of a table to itself as a spec wants them: `tree = { roots, children, depth }`.

use super::draft::{Draft, Origin};
use super::scene::Scene;
use crate::generate::plan::How;
use crate::generate::spec::TreeRule;
use crate::generate::stream::StreamKey;
use crate::generate::tree::Tree;

/// Makes the pick one of trees; the error says what is wrong in words.
pub(super) fn apply(
    (scene, table): (&Scene<'_>, usize),
    draft: &mut Draft<'_>,
    pick: usize,
    (rule, nulls): (&TreeRule, Option<f64>),
) -> Result<(), &'static str> {
    let plan = &draft.plan.picks[pick];
    if plan.how != How::Earlier {
        return Err(
            "tree is for a reference of a table to itself that shares no column with another",
        );
    }
    if nulls.is_some() {
        return Err("nulls does not go with tree: the roots alone refer to nothing");
    }
    // The stream of the pick, as the rows will draw it.
    let purpose = format!("-> {}", plan.serves.join(" "));
    let key = StreamKey::new(scene.seed(), &scene.tables[table].name.plain(), &purpose);
    let form = (rule.roots, &rule.children, rule.depth);
    draft.reach[pick].largest = Tree::new(key, form, draft.total()).largest();
    let plan = &mut draft.plan.picks[pick];
    plan.nulls = 0.0;
    plan.how = How::Tree {
        roots: rule.roots,
        children: rule.children.clone(),
        depth: rule.depth,
        looped: !draft.reach[pick].nullable,
        of: None,
    };
    for (plan, slot) in draft.plan.columns.iter_mut().zip(&draft.slots) {
        if slot.origin == Origin::Pick(pick) {
            plan.reason = format!("{}: a tree, as the spec says", plan.reason);
        }
    }
    Ok(())
}
