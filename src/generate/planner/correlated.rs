//! Columns that a spec makes go up and down together: `correlates = { income = 0.7 }`.

use std::collections::BTreeMap;

use super::chosen::{error, missing};
use super::draft::{Draft, Origin};
use crate::error::Result;
use crate::generate::copula;
use crate::generate::source::Source;
use crate::generate::spec::{ColumnSpec, TableSpec};

/// What the shared stream is called: no column is. Columns of a profile share another.
const STREAM: &str = " correlates";

/// Makes the columns of a table correlate as its spec says; their own rules must be applied.
pub(super) fn relate(draft: &mut Draft<'_>, said: &TableSpec) -> Result<()> {
    let pairs = pairs(draft, said)?;
    let mut members: Vec<usize> = pairs.keys().flat_map(|(one, two)| [*one, *two]).collect();
    // In the table's order: a column that is added to it changes none before.
    members.sort_unstable();
    members.dedup();
    let at = |one: usize, two: usize| {
        if one == two {
            return 1.0;
        }
        let (one, two) = (members[one], members[two]);
        let rho = pairs.get(&(one.min(two), one.max(two)));
        // A correlation of 1 leaves nothing to the second column.
        copula::normal(rho.copied().unwrap_or_default()).clamp(-0.999, 0.999)
    };
    let Some(weights) = copula::weights(members.len(), at) else {
        let name = said.columns.iter().find(|(_, c)| !c.correlates.is_empty());
        return name.map_or(Ok(()), |(name, column)| {
            let why = "the table's correlations contradict each other: no numbers have them all; say less of one";
            Err(error(draft, name, column, why))
        });
    };
    for (column, weights) in members.into_iter().zip(weights) {
        let name = draft.plan.columns[column].name.as_str().to_owned();
        let Some(said) = said.columns.get(&name) else {
            continue;
        };
        let wrong = |why: &str| error(draft, &name, said, why);
        if draft.uniques.iter().any(|key| key.columns[..] == [column]) {
            return Err(wrong(
                "a unique column is counted, and correlates with none",
            ));
        }
        let of = ordered(&draft.plan.columns[column].source);
        let of = of.filter(|_| draft.slots[column].origin == Origin::Own);
        let of = of.ok_or_else(|| {
            wrong("what correlates is made by distribution or between, of numbers or times")
        })?;
        draft.plan.columns[column].source = Source::Ranked {
            on: STREAM.to_owned(),
            weights,
            of: Box::new(of),
        };
    }
    Ok(())
}

/// The correlations by the places of their columns, the lesser first.
fn pairs(draft: &Draft<'_>, said: &TableSpec) -> Result<BTreeMap<(usize, usize), f64>> {
    let mut pairs = BTreeMap::new();
    for (name, column) in &said.columns {
        for (other, rho) in &column.correlates {
            let wrong = |why: &str| error(draft, name, column, why);
            let place = |name: &str| draft.column(name);
            let other_place = place(other).ok_or_else(|| wrong(&missing(draft, other)))?;
            let own = place(name).ok_or_else(|| wrong(&missing(draft, name)))?;
            if own == other_place {
                return Err(wrong("a column correlates with others, not with itself"));
            }
            if !(-1.0..=1.0).contains(rho) {
                return Err(wrong("a correlation is from -1 to 1"));
            }
            if !said.columns.get(other).is_some_and(ColumnSpec::has_rule) {
                return Err(wrong(&format!(
                    "correlates with \"{other}\", which needs a rule of its own: distribution or between"
                )));
            }
            let known = pairs.insert((own.min(other_place), own.max(other_place)), *rho);
            if known.is_some_and(|known| known != *rho) {
                return Err(wrong(&format!(
                    "\"{other}\" says another correlation of the two; one of both is enough"
                )));
            }
        }
    }
    Ok(pairs)
}

/// The same source, of which greater values come of greater beginnings of its stream.
fn ordered(source: &Source) -> Option<Source> {
    let mut source = source.clone();
    match &mut source {
        Source::Whole { spread, .. } | Source::Decimal { spread, .. } => {
            *spread = spread.in_order();
        }
        Source::Moments { days } => *days = days.in_order(),
        Source::Temporal { .. } | Source::Seasonal { .. } => {}
        _ => return None,
    }
    Some(source)
}
