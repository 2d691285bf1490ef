//! What one value alone says.

use super::value::{Kind, kinds};

/// Kinds of values that belong to a person, or to a secret. Words that are names and words too
/// (`Brown`) count: whoever asks can do without the value.
const PERSONAL: &[Kind] = &[
    Kind::Email,
    Kind::Phone,
    Kind::BarePhone,
    Kind::Card,
    Kind::Iban,
    Kind::NationalId,
    Kind::Ip,
    Kind::Mac,
    Kind::Token,
    Kind::PasswordHash,
    Kind::HexSecret,
    Kind::RandomText,
    Kind::UserAgent,
    Kind::Coordinates,
    Kind::GivenName,
    Kind::FamilyName,
    Kind::FullName,
    Kind::Street,
    Kind::PersonalProse,
    Kind::ExactProse,
];

/// Whether a value looks like a person's, whatever its column holds otherwise.
#[must_use]
pub fn looks_personal(value: &str) -> bool {
    let found = kinds(value);
    PERSONAL.iter().any(|kind| found.has(*kind)) || is_capitalised(value)
}

/// Two words or more that all begin with a capital: a name that no list knows is written so.
fn is_capitalised(value: &str) -> bool {
    let capital = |word: &str| word.chars().next().is_some_and(char::is_uppercase);
    let letters = |word: &str| word.chars().any(char::is_lowercase);
    let mut words = value.split_whitespace();
    value.split_whitespace().count() > 1 && words.all(|word| capital(word) && letters(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_people_are_told_from_states() {
        for value in [
            "ann.miller@corp.example",
            "4111 1111 1111 1111",
            "Ann Miller",
            "+49 30 901820",
        ] {
            assert!(looks_personal(value), "{value}");
        }
        for value in ["pending", "paid", "EUR", "in transit", "7"] {
            assert!(!looks_personal(value), "{value}");
        }
    }
}
