//! Which change is in which phase in which release, and which app releases work with it.

use serde::Serialize;

use super::{Change, Phase, Release};

/// The calendar of all changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Calendar {
    /// The releases, in order.
    pub releases: Vec<Release>,
    /// One row a change.
    pub changes: Vec<CalendarRow>,
    /// For each release, the app releases that work once its phases have run.
    pub works_with: Vec<Vec<Release>>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CalendarRow {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// For each release, the phases that run.
    pub phases: Vec<Vec<Phase>>,
}

impl Calendar {
    /// The calendar over `releases`; over all that the changes name when it is empty.
    #[must_use]
    pub fn of(changes: &[Change], releases: Vec<Release>) -> Self {
        let named = super::releases(changes);
        let releases = if releases.is_empty() {
            named.clone()
        } else {
            releases
        };
        let rows = changes
            .iter()
            .map(|change| CalendarRow {
                id: change.id.clone(),
                title: change.title.clone(),
                phases: releases
                    .iter()
                    .map(|release| {
                        change
                            .phases()
                            .filter(|phase| change.schedule.release(*phase) == release)
                            .collect()
                    })
                    .collect(),
            })
            .collect();
        let mut apps = named;
        apps.extend(releases.iter().cloned());
        apps.sort();
        apps.dedup();
        let works_with = releases
            .iter()
            .map(|release| works_with(changes, &apps, release))
            .collect();
        Self {
            releases,
            changes: rows,
            works_with,
        }
    }
}

/// App releases that work with the schema after `release` was applied: the release itself (its
/// expand is there) and those before it that need nothing that was contracted.
fn works_with(changes: &[Change], apps: &[Release], release: &Release) -> Vec<Release> {
    let needed = changes
        .iter()
        .filter(|change| change.phases().any(|phase| phase == Phase::Contract))
        .filter(|change| change.schedule.contract <= *release)
        .map(|change| &change.schedule.enforce)
        .max();
    let before = apps
        .iter()
        .rev()
        .filter(|app| *app < release && needed.is_none_or(|needed| *app >= needed));
    let mut works: Vec<Release> = before.take(1).cloned().collect();
    works.push(release.clone());
    works
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contract_ends_the_life_of_the_release_before_enforce() {
        let text = "version = 1\n[schedule]\nexpand = \"2.1.0\"\n[[operation]]\nkind = \"replace_column\"\n\
            table = \"t\"\nfrom = \"a\"\nto = { name = \"b\", type = \"int\", not_null = true }\nup = \"a\"\ndown = \"b\"\n";
        let change =
            super::super::parse_change(std::path::Path::new("0001_x.toml"), text, None).unwrap();
        let calendar = Calendar::of(&[change], Vec::new());
        let names: Vec<Vec<String>> = calendar
            .works_with
            .iter()
            .map(|works| works.iter().map(ToString::to_string).collect())
            .collect();
        assert_eq!(
            names,
            [
                vec!["2.1.0"],
                vec!["2.1.0", "2.2.0"],
                vec!["2.2.0", "2.3.0"]
            ]
        );
        assert_eq!(
            calendar.changes[0].phases[0],
            [Phase::Expand, Phase::Backfill]
        );
    }
}
