//! Verification in turns: each run opens some of the parts and goes on where the last one ended,
//! and the records of the runs prove that in the end every part had its turn.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A record of one run: the parts after `after` up to `upto`, by name and around the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// When the run ended.
    pub at: DateTime<Utc>,
    /// The last part of the run before; none when there was none.
    pub after: Option<String>,
    /// The last part that was opened.
    pub upto: String,
    /// Number of parts that were opened.
    pub parts: u64,
    /// Parts that were damaged or missing: they do not count as proven.
    pub damaged: Vec<String>,
}

/// One part that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// Its name.
    pub name: String,
    /// When its backup was complete; a run before that cannot have opened it.
    pub since: DateTime<Utc>,
}

/// How far a repository is proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Parts that the newest run to see them has opened without finding damage.
    pub proven: u64,
    /// All parts.
    pub parts: u64,
    /// The longest ago that a proven part was last opened; none when no part is proven.
    pub oldest: Option<DateTime<Utc>>,
}

impl Turn {
    fn opened(&self, part: &Sight) -> bool {
        if self.at < part.since {
            return false;
        }
        let (name, upto) = (part.name.as_str(), self.upto.as_str());
        match self.after.as_deref() {
            None => name <= upto,
            Some(after) if after < upto => name > after && name <= upto,
            Some(after) => name > after || name <= upto,
        }
    }
}

/// The next `percent` of the parts (at least one) after the part `after`, beginning again at the
/// end. `parts` must be sorted by name.
#[must_use]
pub fn next_turn<'a>(parts: &'a [Sight], after: Option<&str>, percent: u8) -> Vec<&'a Sight> {
    let wanted = parts.len().saturating_mul(usize::from(percent.min(100)));
    let wanted = wanted.div_ceil(100);
    let first = match after {
        Some(after) => parts.partition_point(|part| part.name.as_str() <= after),
        None => 0,
    };
    parts.iter().cycle().skip(first).take(wanted).collect()
}

/// The places in `turns` of the records that still say something: for each part the newest run that
/// saw it, and the newest of all, after which the next one goes on. The others can go.
#[must_use]
pub fn decisive(parts: &[Sight], turns: &[Turn]) -> BTreeSet<usize> {
    let mut order: Vec<usize> = (0..turns.len()).collect();
    order.sort_by_key(|place| std::cmp::Reverse(turns[*place].at));
    let saw = |place: usize, part: &Sight| {
        let turn = &turns[place];
        turn.damaged.contains(&part.name) || turn.opened(part)
    };
    let newest = |part: &Sight| order.iter().copied().find(|place| saw(*place, part));
    let mut keep: BTreeSet<usize> = parts.iter().filter_map(newest).collect();
    keep.extend(order.first());
    keep
}

/// What the records of all runs prove of the parts that exist.
#[must_use]
pub fn coverage(parts: &[Sight], turns: &[Turn]) -> Coverage {
    let mut turns: Vec<&Turn> = turns.iter().collect();
    turns.sort_by_key(|turn| std::cmp::Reverse(turn.at));
    // What the newest run that saw a part found is what counts.
    let newest = |part: &Sight| {
        let saw = |turn: &&&Turn| turn.damaged.contains(&part.name) || turn.opened(part);
        let turn = turns.iter().find(saw)?;
        (!turn.damaged.contains(&part.name)).then_some(turn.at)
    };
    let seen: Vec<DateTime<Utc>> = parts.iter().filter_map(newest).collect();
    Coverage {
        proven: seen.len() as u64,
        parts: parts.len() as u64,
        oldest: seen.into_iter().min(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    fn start() -> DateTime<Utc> {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    fn parts(count: usize, since: DateTime<Utc>) -> Vec<Sight> {
        let name = |i: usize| format!("{i:06}");
        (0..count)
            .map(|i| Sight {
                name: name(i),
                since,
            })
            .collect()
    }

    /// One run: its record.
    fn turn(parts: &[Sight], last: Option<&Turn>, percent: u8, at: DateTime<Utc>) -> Turn {
        let after = last.map(|turn| turn.upto.clone());
        let chosen = next_turn(parts, after.as_deref(), percent);
        Turn {
            at,
            upto: chosen.last().unwrap().name.clone(),
            parts: chosen.len() as u64,
            after,
            damaged: Vec::new(),
        }
    }

    #[test]
    fn damage_and_parts_that_came_later_are_not_proven() {
        let mut all = parts(4, start());
        let mut whole = turn(&all, None, 100, start() + TimeDelta::hours(1));
        assert_eq!(coverage(&all, std::slice::from_ref(&whole)).proven, 4);
        whole.damaged.push("000002".to_owned());
        let proven = coverage(&all, std::slice::from_ref(&whole));
        assert_eq!((proven.proven, proven.parts), (3, 4));
        let mut before = whole.clone();
        before.at = start();
        before.damaged.clear();
        let both = [before, whole.clone()];
        assert_eq!(coverage(&all, &both).proven, 3, "the newest run counts");
        all[0].since = start() + TimeDelta::hours(2);
        assert_eq!(coverage(&all, &[whole]).proven, 2);
        assert_eq!(coverage(&all, &[]).oldest, None);
    }

    proptest! {
        #[test]
        fn so_many_runs_cover_everything_and_one_less_does_not(count in 1_usize..200, percent in 1_u8..=100) {
            let all = parts(count, start());
            let per_run = (count * usize::from(percent)).div_ceil(100);
            let runs = count.div_ceil(per_run);
            let mut turns: Vec<Turn> = Vec::new();
            for run in 0..runs {
                prop_assert!(coverage(&all, &turns).proven < count as u64);
                let at = start() + TimeDelta::hours(run as i64 + 1);
                let next = turn(&all, turns.last(), percent, at);
                prop_assert_eq!(next.parts, per_run as u64);
                turns.push(next);
            }
            let proven = coverage(&all, &turns);
            prop_assert_eq!(proven.proven, count as u64);
            prop_assert!(proven.oldest.is_some());
        }
    }

    #[test]
    fn records_that_say_nothing_more_can_go_without_a_change_of_the_cover() {
        let parts = parts(7, start());
        let mut turns: Vec<Turn> = Vec::new();
        for day in 1..60 {
            let after = turns.last().map(|turn| turn.upto.clone());
            let opened = next_turn(&parts, after.as_deref(), 20);
            let damaged = if day == 57 {
                vec![opened[0].name.clone()]
            } else {
                Vec::new()
            };
            turns.push(Turn {
                at: start() + TimeDelta::days(day),
                after,
                upto: opened.last().unwrap().name.clone(),
                parts: opened.len() as u64,
                damaged,
            });
        }
        let keep = decisive(&parts, &turns);
        assert!(
            keep.len() < 8 && keep.contains(&(turns.len() - 1)),
            "{keep:?}"
        );
        let kept: Vec<Turn> = keep.iter().map(|place| turns[*place].clone()).collect();
        assert_eq!(coverage(&parts, &kept), coverage(&parts, &turns));
        // Each of them is needed.
        for without in 0..kept.len() - 1 {
            let mut fewer = kept.clone();
            fewer.remove(without);
            assert_ne!(
                coverage(&parts, &fewer),
                coverage(&parts, &turns),
                "{without}"
            );
        }
        assert!(decisive(&[], &[]).is_empty());
    }
}
