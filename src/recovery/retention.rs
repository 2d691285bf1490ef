//! Which backups are kept, and why.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use serde::Serialize;

/// How long backups are kept. A backup stays when any of the rules wants it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retention {
    /// So many of the newest.
    pub count: Option<u32>,
    /// Recovery to any moment of this last stretch of time: everything younger, and the newest one
    /// that is older, since recovery to the stretch's beginning starts from it.
    pub window: Option<TimeDelta>,
    /// The newest of each of so many days; days without a backup do not count.
    pub daily: Option<u32>,
    /// The newest of each of so many ISO weeks.
    pub weekly: Option<u32>,
    /// The newest of each of so many months.
    pub monthly: Option<u32>,
    /// The newest of each of so many years.
    pub yearly: Option<u32>,
}

/// A complete backup, as far as retention asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its id.
    pub id: String,
    /// When it was complete.
    pub ended_at: DateTime<Utc>,
    /// The backup that it is an increment of.
    pub parent: Option<String>,
}

/// What becomes of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// Its id.
    pub id: String,
    /// Why it is kept; empty when it expires.
    pub reasons: Vec<String>,
}

/// A length of time that a backup belongs to, as text.
type Period = fn(DateTime<Utc>) -> String;

impl Retention {
    /// Whether there is no rule at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Decides on every backup, newest first. The newest is always kept, and so is each parent of a
    /// backup that is kept. Without any rule everything is kept.
    #[must_use]
    pub fn decide(&self, now: DateTime<Utc>, held: &[Held]) -> Vec<Decision> {
        let mut newest_first: Vec<&Held> = held.iter().collect();
        newest_first.sort_by(|a, b| (b.ended_at, &b.id).cmp(&(a.ended_at, &a.id)));
        let mut decisions: Vec<Decision> = newest_first
            .iter()
            .map(|held| Decision {
                id: held.id.clone(),
                reasons: Vec::new(),
            })
            .collect();
        if let Some(newest) = decisions.first_mut() {
            newest.reasons.push("the newest".to_owned());
        }
        if self.is_empty() {
            for decision in &mut decisions {
                decision.reasons.push("no rule says otherwise".to_owned());
            }
        }
        let count = self.count.map_or(0, |count| count as usize);
        for decision in decisions.iter_mut().take(count) {
            decision.reasons.push(format!("one of the last {count}"));
        }
        self.keep_window(now, &newest_first, &mut decisions);
        self.keep_periods(&newest_first, &mut decisions);
        keep_parents(&newest_first, &mut decisions);
        decisions
    }

    fn keep_window(&self, now: DateTime<Utc>, held: &[&Held], decisions: &mut [Decision]) {
        let Some(begins) = self
            .window
            .and_then(|window| now.checked_sub_signed(window))
        else {
            return;
        };
        for (held, decision) in held.iter().zip(decisions) {
            decision.reasons.push("in the recovery window".to_owned());
            if held.ended_at <= begins {
                // Older ones are not needed to reach the window's beginning.
                return;
            }
        }
    }

    fn keep_periods(&self, held: &[&Held], decisions: &mut [Decision]) {
        let rules: [(Option<u32>, &str, Period); 4] = [
            (self.daily, "day", |at| at.format("%Y-%m-%d").to_string()),
            (self.weekly, "week", |at| {
                let week = at.iso_week();
                format!("{}-W{:02}", week.year(), week.week())
            }),
            (self.monthly, "month", |at| at.format("%Y-%m").to_string()),
            (self.yearly, "year", |at| at.format("%Y").to_string()),
        ];
        for (wanted, word, period) in rules {
            let mut seen = BTreeSet::new();
            for (held, decision) in held.iter().zip(decisions.iter_mut()) {
                let name = period(held.ended_at);
                if seen.len() < wanted.unwrap_or_default() as usize && seen.insert(name.clone()) {
                    decision
                        .reasons
                        .push(format!("the last of its {word}, {name}"));
                }
            }
        }
    }
}

fn keep_parents(held: &[&Held], decisions: &mut [Decision]) {
    loop {
        let needed: Vec<(String, String)> = held
            .iter()
            .zip(decisions.iter())
            .filter(|(_, decision)| !decision.reasons.is_empty())
            .filter_map(|(held, _)| Some((held.parent.clone()?, held.id.clone())))
            .collect();
        let mut changed = false;
        for (parent, child) in needed {
            let found = decisions.iter_mut().find(|decision| decision.id == parent);
            if let Some(decision) = found.filter(|decision| decision.reasons.is_empty()) {
                decision
                    .reasons
                    .push(format!("{child} is an increment of it"));
                changed = true;
            }
        }
        if !changed {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn held(text: &str) -> Held {
        Held {
            id: text.to_owned(),
            ended_at: at(text),
            parent: None,
        }
    }

    fn kept(rule: &Retention, now: &str, held: &[Held]) -> Vec<String> {
        let decisions = rule.decide(at(now), held).into_iter();
        let kept = decisions.filter(|decision| !decision.reasons.is_empty());
        kept.map(|decision| decision.id[..10].to_owned()).collect()
    }

    /// A backup at noon of each of `days` days up to 2026-03-31.
    fn daily(days: i64) -> Vec<Held> {
        (0..days)
            .map(|day| {
                let ended_at = at("2026-03-31T12:00:00Z") - TimeDelta::days(day);
                Held {
                    id: ended_at.to_rfc3339(),
                    ended_at,
                    parent: None,
                }
            })
            .collect()
    }

    #[test]
    fn generations_are_grandfather_father_and_son() {
        let rule = Retention {
            daily: Some(3),
            weekly: Some(2),
            monthly: Some(3),
            yearly: Some(2),
            ..Retention::default()
        };
        let expected = [
            "2026-03-31", // day, week, month, year
            "2026-03-30", // day
            "2026-03-29", // day, and the Sunday of the week before
            "2026-02-28", // month
            "2026-01-31", // month
            "2025-12-31", // year
        ];
        assert_eq!(kept(&rule, "2026-03-31T13:00:00Z", &daily(120)), expected);
    }

    #[test]
    fn a_window_needs_the_backup_before_it() {
        let rule = Retention {
            window: Some(TimeDelta::days(2)),
            ..Retention::default()
        };
        let expected = ["2026-03-31", "2026-03-30", "2026-03-29"];
        assert_eq!(kept(&rule, "2026-03-31T13:00:00Z", &daily(9)), expected);
        // Even when it is very old.
        let old = [held("2020-01-01T00:00:00Z"), held("2019-01-01T00:00:00Z")];
        assert_eq!(kept(&rule, "2026-03-31T13:00:00Z", &old), ["2020-01-01"]);
    }

    #[test]
    fn increments_keep_what_they_need() {
        let mut backups = daily(5);
        backups[0].parent = Some(backups[2].id.clone());
        backups[2].parent = Some(backups[4].id.clone());
        let rule = Retention {
            count: Some(1),
            ..Retention::default()
        };
        let expected = ["2026-03-31", "2026-03-29", "2026-03-27"];
        assert_eq!(kept(&rule, "2026-03-31T13:00:00Z", &backups), expected);
    }

    #[test]
    fn without_a_rule_everything_stays() {
        let rule = Retention::default();
        assert_eq!(kept(&rule, "2036-03-31T13:00:00Z", &daily(9)).len(), 9);
    }

    proptest! {
        #[test]
        fn the_newest_stays_and_more_rules_never_keep_less(
            ages in prop::collection::vec(0_i64..2000, 1..40),
            (count, daily, weekly, monthly) in (0_u32..5, 0_u32..5, 0_u32..5, 0_u32..5),
            window in 0_i64..500,
        ) {
            let now = at("2026-03-31T13:00:00Z");
            let backups: Vec<Held> = ages.iter().enumerate().map(|(i, hours)| Held {
                id: format!("{i:04}"),
                ended_at: now - TimeDelta::hours(*hours),
                parent: None,
            }).collect();
            let less = Retention { count: Some(count), daily: Some(daily), ..Retention::default() };
            let more = Retention {
                weekly: Some(weekly), monthly: Some(monthly), window: Some(TimeDelta::hours(window)),
                ..less.clone()
            };
            let [less, more] = [less, more].map(|rule| rule.decide(now, &backups));
            prop_assert!(!more[0].reasons.is_empty());
            prop_assert_eq!(more.len(), backups.len());
            for (less, more) in less.iter().zip(&more) {
                prop_assert!(less.reasons.is_empty() || !more.reasons.is_empty());
            }
            // Some backup reaches the beginning of the window, when there is one that old.
            let begins = now - TimeDelta::hours(window);
            let ended = |id: &str| backups.iter().find(|held| held.id == id).unwrap().ended_at;
            if backups.iter().any(|held| held.ended_at <= begins) {
                prop_assert!(more.iter().any(|d| !d.reasons.is_empty() && ended(&d.id) <= begins));
            }
        }
    }
}
