//! Values of a row that agree with each other: a given name with the gender, a city with its postal
//! code. All columns that agree draw from one stream, so none needs another, and a column that is
//! added changes none of them.

use serde::{Deserialize, Serialize};

use super::realistic::Locale;
use super::{Make, RowView};
use crate::generate::parse::parse;
use crate::generate::pg_type::PgType;
use crate::generate::stream::Stream;
use crate::generate::value::Value;
use crate::world::{Given, PlacePart, Places, given};

/// One person in so many has a gender that is neither.
const NEITHER: u64 = 32;

/// Part of a person or a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Agreed {
    /// A given name.
    GivenName,
    /// A word for the gender, or a form of address.
    Gender {
        /// For women.
        female: String,
        /// For men.
        male: String,
        /// For others, if there are words for them.
        neither: Vec<String>,
    },
    /// Part of a real place.
    Place(PlacePart),
}

#[derive(Debug)]
struct Person {
    /// For women, for men, for others.
    words: [Vec<Value>; 3],
    /// Every word once.
    all: Vec<Value>,
}

#[derive(Debug)]
struct Place {
    places: Places,
    part: PlacePart,
    /// Every text once.
    all: Vec<&'static str>,
}

/// The maker of a part; `None` when the column has no room for one of its texts, or nothing is known
/// of the locale.
pub(super) fn agreed(what: &Agreed, locale: Locale, kind: &PgType) -> Option<Box<dyn Make>> {
    let text = |text: &str| parse(text, kind).filter(|_| fits(text, kind));
    let texts = |words: &[&str]| {
        words
            .iter()
            .map(|word| text(word))
            .collect::<Option<Vec<_>>>()
    };
    match what {
        Agreed::GivenName => {
            let Given { female, male } = given(locale.language())?;
            person([texts(female)?, texts(male)?, Vec::new()])
        }
        Agreed::Gender {
            female,
            male,
            neither,
        } => {
            let neither: Vec<&str> = neither.iter().map(String::as_str).collect();
            person([texts(&[female])?, texts(&[male])?, texts(&neither)?])
        }
        Agreed::Place(part) => {
            let places = Places::of(locale.countries())?;
            let mut all: Vec<&str> = places.all(*part).collect();
            all.sort_unstable();
            all.dedup();
            texts(&all)?;
            Some(Box::new(Place {
                places,
                part: *part,
                all,
            }))
        }
    }
}

fn person(words: [Vec<Value>; 3]) -> Option<Box<dyn Make>> {
    let all = words.concat();
    (!all.is_empty()).then(|| Box::new(Person { words, all }) as Box<dyn Make>)
}

fn fits(text: &str, kind: &PgType) -> bool {
    match kind {
        PgType::Text(Some(room)) | PgType::Char(room) => text.chars().count() <= *room as usize,
        PgType::Text(None) | PgType::Enum(_) => true,
        _ => false,
    }
}

impl Make for Person {
    fn size(&self) -> Option<u64> {
        Some(self.all.len() as u64)
    }

    fn draw(&self, stream: &mut Stream, _: &dyn RowView) -> Value {
        // Whatever is asked, the same is drawn in the same order.
        let gender = usize::from(stream.below(2) == 1);
        let neither = stream.below(NEITHER) == 0;
        let words = match &self.words {
            [.., others] if neither && !others.is_empty() => others,
            words => &words[gender],
        };
        let place = stream.below(words.len().max(1) as u64);
        words.get(place as usize).cloned().unwrap_or(Value::Null)
    }

    fn nth(&self, index: u64, _: &dyn RowView) -> Value {
        self.all.get(index as usize).cloned().unwrap_or(Value::Null)
    }
}

impl Make for Place {
    fn size(&self) -> Option<u64> {
        Some(self.all.len() as u64)
    }

    fn draw(&self, stream: &mut Stream, _: &dyn RowView) -> Value {
        let place = stream.below(self.places.count());
        Value::Text(self.places.part(place, self.part).into())
    }

    fn nth(&self, index: u64, _: &dyn RowView) -> Value {
        let text = self.all.get(index as usize);
        text.map_or(Value::Null, |text| Value::Text((*text).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::source::tests_support::Nothing;
    use crate::generate::stream::StreamKey;

    #[test]
    fn what_is_drawn_from_one_stream_agrees() {
        let kind = PgType::Text(None);
        let make = |what: Agreed| agreed(&what, Locale::De, &kind).unwrap();
        let name = make(Agreed::GivenName);
        let gender = make(Agreed::Gender {
            female: "w".into(),
            male: "m".into(),
            neither: Vec::new(),
        });
        let city = make(Agreed::Place(PlacePart::City));
        let country = make(Agreed::Place(PlacePart::CountryCode));
        let [people, places] = ["person _", "place _"].map(|on| StreamKey::new(5, "t", on));
        let names = given("de").unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for row in 0..500 {
            let draw =
                |make: &dyn Make, key: StreamKey| match make.draw(&mut key.row(row, 0), &Nothing) {
                    Value::Text(text) => text.into_owned(),
                    other => panic!("{other:?}"),
                };
            let (name, gender) = (draw(&*name, people), draw(&*gender, people));
            let list = if gender == "w" {
                names.female
            } else {
                names.male
            };
            assert!(list.contains(&name.as_str()), "{name} {gender}");
            let (city, country) = (draw(&*city, places), draw(&*country, places));
            assert!(city != "Wien" || country == "AT");
            seen.insert((gender, country));
        }
        assert_eq!(seen.len(), 6, "both genders in three countries");
        let narrow = PgType::Text(Some(4));
        assert!(agreed(&Agreed::GivenName, Locale::De, &narrow).is_none());
        assert!(agreed(&Agreed::GivenName, Locale::Ja, &kind).is_none());
    }
}
