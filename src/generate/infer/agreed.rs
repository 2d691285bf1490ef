//! Columns that agree with others of the row by what they are: person and gender, parts of a place.

use super::about::About;
use super::name::words;
use super::rules::{self, Guess};
use crate::generate::pg_type::PgType;
use crate::generate::source::{Agreed, Source, Topic};
use crate::world::PlacePart;

/// Words for women and men that schemas list, in lower case.
const WOMEN: &[&str] = &[
    "f", "female", "woman", "w", "weiblich", "frau", "ms", "ms.", "mrs", "mrs.", "mme", "madame",
    "femme", "féminin", "feminino", "femenino", "donna", "femmina", "vrouw", "kadın",
];
const MEN: &[&str] = &[
    "m",
    "male",
    "man",
    "männlich",
    "herr",
    "mr",
    "mr.",
    "monsieur",
    "homme",
    "masculin",
    "masculino",
    "uomo",
    "maschio",
    "erkek",
];

/// The source of a column whose name says that it is part of a person or a place; `found` is the
/// phrase of its name.
pub(super) fn agreed(about: &About<'_>, topic: Topic, found: &str) -> Option<Source> {
    let name = words(about.column.name.as_str());
    let rest = rest(&name, found)?;
    let word = |text: &str| text.to_owned();
    let (of, what) = match topic {
        Topic::FirstName if !name.contains("_middle") => ("person", Agreed::GivenName),
        Topic::Gender => (
            "person",
            Agreed::Gender {
                female: word("female"),
                male: word("male"),
                neither: vec![word("other")],
            },
        ),
        Topic::Title => (
            "person",
            Agreed::Gender {
                female: word("Ms."),
                male: word("Mr."),
                neither: vec![word("Dr.")],
            },
        ),
        // Somebody's nationality is not where he lives.
        Topic::Country | Topic::CountryCode if matches!(found, "nation" | "nationality") => {
            return None;
        }
        Topic::City => ("place", Agreed::Place(PlacePart::City)),
        Topic::PostalCode => ("place", Agreed::Place(PlacePart::PostalCode)),
        Topic::State => ("place", Agreed::Place(PlacePart::Region)),
        Topic::StateCode => ("place", Agreed::Place(PlacePart::RegionCode)),
        Topic::Country => ("place", Agreed::Place(PlacePart::Country)),
        Topic::CountryCode => ("place", Agreed::Place(PlacePart::CountryCode)),
        _ => return None,
    };
    Some(Source::Agreed {
        on: format!("{of} {rest}"),
        what,
        locale: about.locale,
    })
}

/// The same for a column that lists its values: an enum, or `CHECK (sex IN ('f', 'm'))`.
pub(super) fn of_listed(about: &About<'_>, table: &str, listed: &[String]) -> Option<Source> {
    if !matches!(
        about.kind,
        PgType::Text(_) | PgType::Char(_) | PgType::Enum(_)
    ) {
        return None;
    }
    let name = words(about.column.name.as_str());
    let (found, guess) = rules::text(table, &name)?;
    if !matches!(guess, Guess::Text(Topic::Gender | Topic::Title)) {
        return None;
    }
    let rest = rest(&name, found)?;
    let known = |words: &[&str]| {
        let is = |value: &&String| words.contains(&value.to_lowercase().as_str());
        listed.iter().find(is).cloned()
    };
    let (female, male) = (known(WOMEN)?, known(MEN)?);
    let neither = listed
        .iter()
        .filter(|value| **value != female && **value != male);
    Some(Source::Agreed {
        on: format!("person {rest}"),
        what: Agreed::Gender {
            neither: neither.cloned().collect(),
            female,
            male,
        },
        locale: about.locale,
    })
}

/// The name without what it was known by: `_billing_` of `_billing_city_`.
fn rest(name: &str, found: &str) -> Option<String> {
    let phrase = format!("_{found}_");
    name.contains(&phrase)
        .then(|| name.replacen(&phrase, "_", 1))
}
