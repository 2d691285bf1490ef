//! Following personal data into columns that neither name nor format gives away.

use std::collections::HashMap;

use super::facts::Family;
use super::finding::Finding;
use super::judgement::Verdict;
use super::profile::Profile;
use crate::masking::Class;

/// Distinct values without which two columns are not compared.
const COMPARABLE: usize = 5;

/// Steps along foreign keys that refer to foreign keys.
const STEPS: usize = 8;

/// A column and what is known of it.
#[derive(Debug)]
pub struct Linked {
    /// `users.email`, for reasons.
    pub title: String,
    /// Its type.
    pub family: Family,
    /// What was found so far.
    pub verdict: Verdict,
    /// Its values, when it was sampled.
    pub profile: Option<Profile>,
}

/// Gives the class of a column to those that refer to it (`keys`: pairs of places, from and to) and
/// to those whose sampled values are mostly its values.
pub fn propagate(columns: &mut [Linked], keys: &[(usize, usize)]) {
    along_keys(columns, keys);
    by_overlap(columns);
    along_keys(columns, keys);
}

fn along_keys(columns: &mut [Linked], keys: &[(usize, usize)]) {
    for _ in 0..STEPS {
        let mut changed = false;
        for (from, to) in keys {
            let Some(target) = columns.get(*to) else {
                continue;
            };
            let Some(finding) = target.verdict.finding.clone() else {
                continue;
            };
            let title = target.title.clone();
            let Some(column) = columns.get_mut(*from) else {
                continue;
            };
            let weaker = |old: &Finding| {
                old.confidence < finding.confidence * 0.95 && old.class != finding.class
            };
            if column.verdict.finding.as_ref().is_none_or(weaker) {
                let reason = format!("refers to {title}, which is {}", finding.class);
                column.verdict.finding = Some(Finding::new(
                    finding.class,
                    finding.confidence * 0.95,
                    reason,
                ))
                .filter(Finding::is_reported);
                changed |= column.verdict.finding.is_some();
            }
        }
        if !changed {
            break;
        }
    }
}

/// Classes whose values tell one person from another; others repeat by chance.
fn identifies(class: Class) -> bool {
    use Class as C;
    matches!(
        class,
        C::Email
            | C::Phone
            | C::UserName
            | C::PersonName
            | C::FirstName
            | C::LastName
            | C::Address
            | C::NationalId
            | C::DocumentId
            | C::CardNumber
            | C::Iban
            | C::BankAccount
            | C::IpAddress
            | C::DeviceId
            | C::Secret
            | C::Password
    )
}

fn is_comparable(column: &Linked) -> bool {
    matches!(
        column.family,
        Family::Text | Family::Other | Family::TextArray | Family::Inet | Family::Mac
    )
}

fn by_overlap(columns: &mut [Linked]) {
    let mut owners: HashMap<u64, Vec<u32>> = HashMap::new();
    for (place, column) in columns.iter().enumerate() {
        let named = column.verdict.finding.as_ref();
        let source = named.is_some_and(|f| f.confidence >= 0.6 && identifies(f.class))
            && is_comparable(column);
        let Some(profile) = column
            .profile
            .as_ref()
            .filter(|p| source && p.distinct() >= COMPARABLE)
        else {
            continue;
        };
        // Places of columns: far below 2^32.
        for hash in &profile.hashes {
            owners.entry(*hash).or_default().push(place as u32);
        }
    }
    for place in 0..columns.len() {
        let column = &columns[place];
        let Some(profile) = column
            .profile
            .as_ref()
            .filter(|p| p.distinct() >= COMPARABLE)
        else {
            continue;
        };
        if column.verdict.finding.is_some() || !is_comparable(column) {
            continue;
        }
        let mut common: HashMap<u32, usize> = HashMap::new();
        for owner in profile
            .hashes
            .iter()
            .filter_map(|hash| owners.get(hash))
            .flatten()
        {
            *common.entry(*owner).or_default() += 1;
        }
        let best = common
            .into_iter()
            .max_by_key(|(owner, count)| (*count, u32::MAX - owner));
        let Some((owner, count)) = best else { continue };
        let share = count as f64 / profile.distinct() as f64;
        let source = &columns[owner as usize];
        let Some(class) = source
            .verdict
            .finding
            .as_ref()
            .map(|f| f.class)
            .filter(|_| share >= 0.3)
        else {
            continue;
        };
        let reason = format!(
            "{:.0} % of its sampled values are those of {}",
            share * 100.0,
            source.title
        );
        columns[place].verdict.finding = Some(Finding::new(class, 0.5 + 0.4 * share, reason));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(title: &str, class: Option<Class>, values: std::ops::Range<u64>) -> Linked {
        let mut profile = Profile::default();
        values.for_each(|value| profile.add(Some("x"), Family::Text, value));
        Linked {
            title: title.into(),
            family: Family::Text,
            verdict: Verdict {
                finding: class.map(|class| Finding::new(class, 0.9, "named")),
                leaves: Vec::new(),
            },
            profile: Some(profile),
        }
    }

    fn class(column: &Linked) -> Option<Class> {
        column.verdict.finding.as_ref().map(|f| f.class)
    }

    #[test]
    fn references_and_repeated_values_take_the_class() {
        let mut columns = [
            column("users.email", Some(Class::Email), 0..100),
            column("orders.who", None, 500..510),
            column("log.val", None, 20..60),
            column("log.kind", None, 900..950),
            column("items.who", None, 700..705),
        ];
        propagate(&mut columns, &[(4, 1), (1, 0)]);
        let classes: Vec<_> = columns.iter().map(class).collect();
        let email = Some(Class::Email);
        assert_eq!(classes, [email, email, email, None, email]);
    }
}
