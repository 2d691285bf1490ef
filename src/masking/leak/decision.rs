//! What a hit means at the place where it was found.

use crate::masking::Class;

/// What a place of the copy may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    /// Nothing of the source that identifies somebody: columns that are kept and not classified,
    /// comments, bodies, names.
    Nothing,
    /// Values that the policy keeps although they are of this class: it decided so.
    Kept(Class),
    /// Masks of this class. They may meet another person's raw value by chance.
    Masked(Class),
    /// Masks that are put together from invented names: e-mail addresses, user names. They may meet
    /// a person's name by chance, too.
    Invented,
    /// What is computed from columns of the copy: materialized views, generated columns,
    /// statistics. It may hold what masked columns hold.
    Derived,
    /// What the keyed masks of this tool make, which look like digests themselves.
    Keyed(Class),
    /// Whatever it holds: the policy allows it by name.
    Allowed,
}

/// Whether masks of a class fall into the same small set as raw values: names from lists, numbers
/// permuted within their format. One person's mask is another's raw value now and then.
#[must_use]
pub const fn coincides(class: Class) -> bool {
    matches!(
        class,
        Class::PersonName
            | Class::UserName
            | Class::Phone
            | Class::Address
            | Class::CardNumber
            | Class::NationalId
            | Class::DocumentId
            | Class::BankAccount
            | Class::IpAddress
    )
}

impl Expectation {
    /// Whether what looks like a digest of a raw value may be one here. What is derived from the
    /// copy's columns is not: these are looked at themselves.
    #[must_use]
    pub fn guards_digests(self) -> bool {
        !matches!(self, Self::Keyed(_) | Self::Allowed | Self::Derived)
    }

    /// Whether a hit of `class` is no leak here.
    #[must_use]
    pub fn allows(self, class: Class) -> bool {
        match self {
            Self::Nothing | Self::Derived => false,
            Self::Allowed => true,
            Self::Kept(Class::FreeText | Class::Document) => false,
            Self::Kept(own) => {
                own == class
                    || matches!(
                        (own, class),
                        (
                            Class::Company | Class::Address,
                            Class::PersonName | Class::Address
                        )
                    )
            }
            Self::Invented => matches!(class, Class::PersonName | Class::UserName),
            Self::Masked(own) | Self::Keyed(own) => {
                coincides(class)
                    && (own == class
                        || own == Class::Document
                        || matches!(
                            (own, class),
                            (Class::FirstName | Class::LastName, Class::PersonName)
                        ))
            }
        }
    }
}

/// How many of `probes` numbers of so many digits meet one of `sought` numbers by chance at most:
/// the expectation is `probes * sought / 10^digits`; four times it, and a little more for small
/// ones. 0 when not even one in a thousand runs meets one.
#[must_use]
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate"
)]
pub fn allowed_by_chance(probes: u64, sought: u64, digits: usize) -> u64 {
    let room = 10_f64.powi(i32::try_from(digits).unwrap_or(i32::MAX));
    let expected = probes as f64 * sought as f64 / room;
    if expected < 1e-3 {
        0
    } else {
        (4.0 * expected + 4.0).ceil() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_explains_short_numbers_in_large_tables_alone() {
        assert_eq!(allowed_by_chance(1_000, 1_000, 11), 0);
        assert_eq!(allowed_by_chance(1_000_000, 1_000_000, 9), 4_004);
        assert_eq!(allowed_by_chance(3, 3, 7), 0);
        assert_eq!(allowed_by_chance(100, 100, 7), 5, "one in a thousand");
        assert_eq!(allowed_by_chance(10_000_000, 10_000_000, 19), 0);
    }

    #[test]
    fn a_mask_may_meet_its_own_class_and_no_other() {
        let names = Expectation::Masked(Class::PersonName);
        assert!(names.allows(Class::PersonName));
        assert!(!names.allows(Class::Email));
        assert!(!Expectation::Masked(Class::Email).allows(Class::Email));
        assert!(!Expectation::Masked(Class::Email).allows(Class::PersonName));
        assert!(!Expectation::Invented.allows(Class::Email));
        assert!(Expectation::Invented.allows(Class::PersonName));
        assert!(!Expectation::Masked(Class::FreeText).allows(Class::PersonName));
        assert!(!Expectation::Nothing.allows(Class::PersonName));
        assert!(Expectation::Allowed.allows(Class::Email));
        assert!(Expectation::Keyed(Class::Phone).allows(Class::Phone));
        assert!(Expectation::Masked(Class::Phone).guards_digests());
        assert!(!Expectation::Keyed(Class::Phone).guards_digests());
        assert!(Expectation::Kept(Class::Email).allows(Class::Email));
        assert!(!Expectation::Kept(Class::FreeText).allows(Class::FreeText));
        assert!(!Expectation::Kept(Class::Company).allows(Class::Email));
        assert!(Expectation::Kept(Class::Company).allows(Class::PersonName));
    }
}
