//! Weighing names and values of the columns of one table.

use std::collections::BTreeMap;

use super::document::without_data_keys;
use super::evidence::by_values;
use super::facts::{ColumnName, Family};
use super::finding::Finding;
use super::names::{by_name, context, in_place};
use super::profile::Profile;
use super::table::Table;
use super::value::Kind;
use crate::masking::Class;

/// What was found about one column.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Verdict {
    /// The finding; `None` when nothing points to personal data.
    pub finding: Option<Finding>,
    /// Paths inside documents with their findings; `None` for those that seem harmless. Sorted.
    pub leaves: Vec<(String, Option<Finding>)>,
}

/// Judges the columns of one table by names and, where there is a profile, by values.
#[must_use]
pub fn judge(columns: &[ColumnName<'_>], profiles: &[Option<Profile>]) -> Vec<Verdict> {
    let table = context(columns);
    let names = by_name(columns);
    let pairs: Vec<_> = columns.iter().zip(profiles).zip(names).collect();
    let persons = pairs.iter().any(|((column, profile), name)| {
        let family = Family::of(column.data_type);
        let by_values = profile.as_ref().and_then(|p| by_values(p, family, false));
        [name.as_ref(), by_values.as_ref()]
            .into_iter()
            .flatten()
            .any(tells_of_persons)
    });
    pairs
        .into_iter()
        .map(|((column, profile), name)| match profile {
            Some(profile) if profile.values() > 0 => weigh(
                name,
                profile,
                Family::of(column.data_type),
                (persons, &table),
            ),
            _ => Verdict {
                finding: name,
                leaves: Vec::new(),
            },
        })
        .collect()
}

fn tells_of_persons(finding: &Finding) -> bool {
    finding.confidence > 0.6
        && matches!(
            finding.class,
            Class::Email
                | Class::FirstName
                | Class::LastName
                | Class::PersonName
                | Class::Phone
                | Class::NationalId
                | Class::BirthDate
                | Class::Password
        )
}

fn weigh(
    name: Option<Finding>,
    profile: &Profile,
    family: Family,
    (persons, table): (bool, &Table),
) -> Verdict {
    let leaves = judge_leaves(profile);
    let inside = leaves
        .iter()
        .filter_map(|(path, finding)| Some((path, finding.as_ref()?)))
        .max_by(|a, b| a.1.confidence.total_cmp(&b.1.confidence));
    if profile.documents > profile.values {
        let finding = match (inside, name) {
            (Some((path, leaf)), _) => {
                let class = if family == Family::Document {
                    Class::Document
                } else {
                    Class::FreeText
                };
                let count = leaves
                    .iter()
                    .filter(|(_, finding)| finding.is_some())
                    .count();
                let reason = format!(
                    "documents with {count} personal path{}: {path} is {}",
                    if count == 1 { "" } else { "s" },
                    leaf.class
                );
                Some(Finding::new(class, leaf.confidence, reason))
            }
            (None, Some(name)) if name.class == Class::Document && profile.documents >= 5 => None,
            (None, name) => name,
        };
        return Verdict { finding, leaves };
    }
    let values = by_values(profile, family, persons)
        .map(|finding| in_place(finding, table))
        .filter(Finding::is_reported);
    let finding = match (name, values) {
        (Some(name), Some(values)) => Some(both(name, values)),
        (Some(name), None) => Some(unconfirmed(name, profile)).filter(Finding::is_reported),
        (None, values) => values,
    };
    Verdict { finding, leaves }
}

/// Name and values point somewhere: together when to the same class, else the surer one, but the
/// name where it is finer than what values can tell.
fn both(name: Finding, values: Finding) -> Finding {
    use Class as C;
    if name.class == values.class {
        let confidence = 1.0 - (1.0 - name.confidence) * (1.0 - values.confidence);
        return Finding::new(
            name.class,
            confidence,
            format!("{}; {}", name.reason, values.reason),
        );
    }
    let names = [
        C::PersonName,
        C::FirstName,
        C::LastName,
        C::UserName,
        C::Company,
        C::City,
        C::Address,
    ];
    let secrets = [C::Secret, C::Password, C::DeviceId, C::PseudonymousId];
    let numbers = [
        C::NationalId,
        C::DocumentId,
        C::BankAccount,
        C::CardNumber,
        C::Phone,
        C::Health,
    ];
    let texts = [C::FreeText, C::Health, C::Sensitive, C::Biometric];
    let finer = [&names[..], &secrets, &numbers, &texts]
        .iter()
        .any(|group| group.contains(&name.class) && group.contains(&values.class));
    let dates = values.class == C::BirthDate || name.class == C::Location;
    if (finer || dates) && name.confidence >= 0.5 || name.confidence >= values.confidence {
        Finding::new(
            name.class,
            name.confidence,
            format!("{}; {}", name.reason, values.reason),
        )
    } else {
        values
    }
}

/// A name that the values do not bear out is believed less.
fn unconfirmed(name: Finding, profile: &Profile) -> Finding {
    use Class as C;
    if profile.values < 10 {
        return name;
    }
    let digits = profile.share(Kind::Digits) > 0.9;
    let few = profile.values >= 40 && profile.distinct() <= 8;
    let short = profile.words <= u64::from(profile.values) * 2;
    let against = match name.class {
        C::Email => profile.share(Kind::Email) == 0.0,
        C::Iban => profile.share(Kind::Iban) == 0.0,
        C::PersonName | C::FirstName | C::LastName => digits || few,
        C::FreeText => few && short,
        C::Url => profile.share(Kind::Url) == 0.0 && few,
        C::PseudonymousId => false,
        _ => false,
    };
    if against {
        let reason = format!(
            "{}, but none of {} sampled values bears it out",
            name.reason, profile.values
        );
        Finding::new(name.class, name.confidence * 0.5, reason)
    } else {
        name
    }
}

fn judge_leaves(profile: &Profile) -> Vec<(String, Option<Finding>)> {
    let paths: Vec<&String> = profile.leaves.keys().collect();
    let keys: Vec<&str> = paths
        .iter()
        .map(|path| {
            path.rsplit('.')
                .next()
                .unwrap_or("")
                .trim_end_matches("[*]")
        })
        .collect();
    let columns: Vec<ColumnName<'_>> = paths
        .iter()
        .zip(&keys)
        .map(|(path, key)| ColumnName {
            table: path
                .rsplit('.')
                .nth(1)
                .unwrap_or("")
                .trim_end_matches("[*]"),
            column: key,
            data_type: "text",
            comment: None,
        })
        .collect();
    let names: Vec<Option<Finding>> = columns
        .iter()
        .flat_map(|c| by_name(std::slice::from_ref(c)))
        .collect();
    let mut found: BTreeMap<String, Option<Finding>> = BTreeMap::new();
    for ((path, shown), name) in paths.iter().zip(without_data_keys(&paths)).zip(names) {
        let name = name.filter(|name| name.class != Class::PseudonymousId || name.confidence > 0.6);
        let leaf = &profile.leaves[*path];
        let verdict = weigh(name, leaf, Family::Text, (false, &Table::default()));
        let surest = |finding: &Option<Finding>| finding.as_ref().map_or(0.0, |f| f.confidence);
        let known = found.entry(shown).or_default();
        if surest(&verdict.finding) > surest(known) {
            *known = verdict.finding;
        }
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever the values are, no verdict tells one of them.
        #[test]
        fn no_verdict_tells_a_value(
            values in prop::collection::vec("[a-zA-Z0-9@.+-]{3}[a-zA-Z0-9@. +-]{6,20}[0-9]{4}", 1..40),
            table in "[a-z_]{1,12}",
            column in "[a-z_]{1,12}",
        ) {
            let (mut plain, mut inside) = (Profile::default(), Profile::default());
            for (i, value) in values.iter().enumerate() {
                plain.add(Some(value), Family::Text, i as u64);
                let json = serde_json::json!({"k": value, value.as_str(): [value, {"email": value}]});
                inside.add(Some(&json.to_string()), Family::Document, i as u64);
            }
            let name = |data_type| ColumnName { table: &table, column: &column, data_type, comment: None };
            let verdicts = judge(&[name("text"), name("jsonb")], &[Some(plain), Some(inside)]);
            let told = format!("{verdicts:?}");
            for value in &values {
                prop_assert!(!told.contains(value.as_str()), "{}", told);
            }
        }
    }
}
