//! Topics of values, each a grammar.

use serde::{Deserialize, Serialize};

use super::fixed;
use super::grammar::{Finish, Grammar, Part};
use super::lists::List;
use super::locale::Locale;
use crate::generate::pg_type::PgType;
use crate::generate::source::Make;
use crate::generate::source::numbered::numbered;
use crate::generate::stream::StreamKey;

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// A given name.
    FirstName,
    /// A family name.
    LastName,
    /// Both.
    FullName,
    /// `female`, `male`, `other`
    Gender,
    /// `Dr.`
    Title,
    /// `ann.smith42@example.org`
    Email,
    /// `ann.smith42`
    UserName,
    /// `+12025550123`: numbers that are set aside for fiction.
    Phone,
    /// `+9991234567890`: of a country code that is not assigned.
    PhoneMany,
    /// Street and number.
    Street,
    /// A city.
    City,
    /// Five digits.
    PostalCode,
    /// A state or province.
    State,
    /// Two letters of a state.
    StateCode,
    /// A country.
    Country,
    /// Two letters of a country (ISO 3166).
    CountryCode,
    /// A company.
    Company,
    /// `Senior Marketing Manager`
    JobTitle,
    /// A branch of business.
    Industry,
    /// A profession.
    Profession,
    /// `Small Wooden Chair`
    Product,
    /// `Garden`
    Category,
    /// `blue`
    Colour,
    /// `#a0b1c2`
    HexColour,
    /// Three letters of a currency (ISO 4217).
    Currency,
    /// Two letters of a language (ISO 639).
    Language,
    /// `en-GB`
    LanguageTag,
    /// A language by its English name.
    LanguageName,
    /// `Europe/Berlin`
    TimeZone,
    /// `https://www.example.com/dolor/amet-42`
    Url,
    /// `dolor-amet-42`
    Slug,
    /// `dolor42.example`
    Domain,
    /// An address of the private network 10.0.0.0/8.
    Address,
    /// `User-Agent` of HTTP.
    UserAgent,
    /// 64 hexadecimal digits, as SHA-256 gives.
    Hash,
    /// Letters and digits that nobody guesses.
    Token,
    /// The form of bcrypt; no password has it.
    PasswordHash,
    /// A card number for tests, with its check digit.
    CreditCard,
    /// A German account number with its check digits.
    Iban,
    /// `dolor-42.pdf`
    FileName,
    /// `/dolor/amet/42.pdf`
    FilePath,
    /// `image/png`
    MimeType,
    /// `1.4.2`
    Version,
    /// `ABC-12345`
    Code,
    /// Three words with a capital.
    Heading,
    /// A word.
    Label,
}

const HEX: &[u8] = b"0123456789abcdef";
const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const CAPITALS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";

pub(in crate::generate::source) fn known(
    topic: Topic,
    locale: Locale,
    key: StreamKey,
    kind: &PgType,
) -> Option<Box<dyn Make>> {
    let room = match kind {
        PgType::Text(room) => room.unwrap_or(u32::MAX),
        PgType::Char(room) => *room,
        _ => return None,
    };
    numbered(topic.grammar(locale).fit(room as usize)?, key)
}

fn number(from: u64, count: u64) -> Part {
    Part::Number {
        from,
        count,
        width: 0,
    }
}

fn digits(width: usize) -> Part {
    Part::Number {
        from: 0,
        count: 10_u64.pow(width.min(19) as u32),
        width,
    }
}

fn letters(alphabet: &'static [u8], length: usize) -> Part {
    Part::Letters { alphabet, length }
}

impl Topic {
    fn grammar(self, locale: Locale) -> Grammar {
        let parts = self
            .of_people(locale)
            .or_else(|| self.of_places(locale))
            .or_else(|| self.of_trade(locale))
            .or_else(|| self.of_web())
            .unwrap_or_else(|| self.of_machines());
        let finish = match self {
            Self::CreditCard => Finish::Luhn,
            Self::Iban => Finish::Iban,
            _ => Finish::None,
        };
        Grammar::new(parts).finish(finish)
    }

    fn of_people(self, locale: Locale) -> Option<Vec<Part>> {
        let (first, last) = (
            Part::list(List::First, locale),
            Part::list(List::Last, locale),
        );
        let account = || {
            vec![
                Part::plain(List::First, locale),
                Part::Text("."),
                Part::plain(List::Last, locale),
                number(1, 9999),
            ]
        };
        Some(match self {
            Self::FirstName => vec![first],
            Self::LastName => vec![last],
            Self::FullName if matches!(locale, Locale::Ja | Locale::ZhCn) => {
                vec![last, Part::Text(" "), first]
            }
            Self::FullName => vec![first, Part::Text(" "), last],
            Self::Gender => vec![Part::Fixed(fixed::GENDERS)],
            Self::Title => vec![Part::Fixed(fixed::TITLES)],
            Self::UserName => account(),
            Self::Email => {
                let mut parts = account();
                parts.extend([Part::Text("@"), Part::Fixed(fixed::HOSTS)]);
                parts
            }
            Self::Phone => vec![
                Part::Text("+1"),
                Part::Fixed(fixed::AREAS),
                Part::Text("55501"),
                digits(2),
            ],
            Self::PhoneMany => vec![Part::Text("+999"), digits(10)],
            Self::Profession => vec![Part::list(List::Profession, locale)],
            Self::JobTitle => vec![
                Part::list(List::Seniority, locale),
                Part::Text(" "),
                Part::list(List::Field, locale),
                Part::Text(" "),
                Part::list(List::Position, locale),
            ],
            _ => return None,
        })
    }

    fn of_places(self, locale: Locale) -> Option<Vec<Part>> {
        let last = Part::list(List::Last, locale);
        Some(match self {
            Self::Street => match locale {
                Locale::De => vec![last, Part::Text("straße "), number(1, 199)],
                Locale::Nl => vec![last, Part::Text("straat "), number(1, 199)],
                Locale::Fr => vec![number(1, 199), Part::Text(" rue "), last],
                Locale::It => vec![Part::Text("Via "), last, Part::Text(" "), number(1, 199)],
                Locale::PtPt | Locale::PtBr => {
                    vec![Part::Text("Rua "), last, Part::Text(", "), number(1, 199)]
                }
                _ => vec![
                    number(1, 1999),
                    Part::Text(" "),
                    last,
                    Part::Text(" "),
                    Part::Fixed(fixed::STREETS),
                ],
            },
            Self::City => vec![last, Part::list(List::CitySuffix, Locale::En)],
            Self::PostalCode => vec![Part::Number {
                from: 10_000,
                count: 89_999,
                width: 5,
            }],
            Self::State => vec![Part::list(List::State, locale)],
            Self::StateCode => vec![Part::list(List::StateCode, locale)],
            Self::Country => vec![Part::list(List::Country, locale)],
            Self::CountryCode => vec![Part::list(List::CountryCode, Locale::En)],
            Self::TimeZone => vec![Part::list(List::TimeZone, Locale::En)],
            Self::Language => vec![Part::Fixed(fixed::LANGUAGES)],
            Self::LanguageTag => vec![Part::Fixed(fixed::TAGS)],
            Self::LanguageName => vec![Part::Fixed(fixed::LANGUAGE_NAMES)],
            _ => return None,
        })
    }

    fn of_trade(self, locale: Locale) -> Option<Vec<Part>> {
        Some(match self {
            Self::Company => vec![
                Part::list(List::Last, locale),
                Part::Text(" "),
                Part::list(List::CompanySuffix, locale),
            ],
            Self::Industry => vec![Part::list(List::Industry, locale)],
            Self::Product => vec![
                Part::Fixed(fixed::QUALITIES),
                Part::Text(" "),
                Part::Fixed(fixed::MATERIALS),
                Part::Text(" "),
                Part::Fixed(fixed::THINGS),
            ],
            Self::Category => vec![Part::Fixed(fixed::CATEGORIES)],
            Self::Colour => vec![Part::Fixed(fixed::COLOURS)],
            Self::Currency => vec![Part::list(List::Currency, Locale::En)],
            Self::CreditCard => vec![Part::Fixed(fixed::ISSUERS), digits(9)],
            // Bank codes with a 9 in front belong to no clearing area of the Bundesbank (they run from 1 to
            // 8): nobody has such an account.
            Self::Iban => vec![Part::Text("DE009"), digits(17)],
            Self::Code => vec![letters(CAPITALS, 3), Part::Text("-"), digits(5)],
            _ => return None,
        })
    }

    fn of_web(self) -> Option<Vec<Part>> {
        let word = || Part::plain(List::Word, Locale::En);
        let dash = || Part::Text("-");
        Some(match self {
            Self::Url => vec![
                Part::Text("https://www."),
                Part::Fixed(fixed::HOSTS),
                Part::Text("/"),
                word(),
                Part::Text("/"),
                word(),
                dash(),
                number(1, 9999),
            ],
            Self::Slug => vec![word(), dash(), word(), dash(), number(1, 99_999)],
            Self::Domain => vec![
                word(),
                dash(),
                word(),
                number(1, 9999),
                Part::Text(".example"),
            ],
            Self::Address => vec![
                Part::Text("10."),
                number(0, 256),
                Part::Text("."),
                number(0, 256),
                Part::Text("."),
                number(1, 254),
            ],
            Self::UserAgent => vec![
                Part::Fixed(fixed::BROWSERS),
                number(100, 40),
                Part::Text("."),
                number(0, 10),
            ],
            _ => return None,
        })
    }

    fn of_machines(self) -> Vec<Part> {
        let word = || Part::plain(List::Word, Locale::En);
        let dash = || Part::Text("-");
        match self {
            Self::HexColour => vec![Part::Text("#"), letters(HEX, 6)],
            Self::Hash => vec![letters(HEX, 64)],
            Self::Token => vec![letters(LOWER, 32)],
            // Of a cost below 4, which bcrypt refuses: no password verifies.
            Self::PasswordHash => vec![Part::Text("$2b$00$"), letters(LOWER, 53)],
            Self::FileName => vec![
                word(),
                dash(),
                number(1, 99_999),
                Part::Fixed(fixed::EXTENSIONS),
            ],
            Self::FilePath => vec![
                Part::Text("/"),
                word(),
                Part::Text("/"),
                word(),
                Part::Text("/"),
                number(1, 99_999),
                Part::Fixed(fixed::EXTENSIONS),
            ],
            Self::MimeType => vec![Part::Fixed(fixed::MIME_TYPES)],
            Self::Version => vec![
                number(0, 10),
                Part::Text("."),
                number(0, 30),
                Part::Text("."),
                number(0, 100),
            ],
            Self::Heading => [vec![Part::Fixed(fixed::QUALITIES)]]
                .into_iter()
                .chain((0..3).map(|_| vec![Part::Text(" "), word()]))
                .flatten()
                .collect(),
            _ => vec![word()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::source::tests_support::Nothing;
    use crate::generate::value::Value;
    use std::collections::BTreeSet;

    const LOCALES: [Locale; Locale::COUNT] = [
        Locale::En,
        Locale::De,
        Locale::Fr,
        Locale::It,
        Locale::Nl,
        Locale::PtPt,
        Locale::PtBr,
        Locale::Tr,
        Locale::Ja,
        Locale::ZhCn,
        Locale::Ar,
    ];

    #[cfg(test)]
    fn all() -> Vec<Topic> {
        use Topic as F;
        vec![
            F::FirstName,
            F::LastName,
            F::FullName,
            F::Gender,
            F::Title,
            F::Email,
            F::UserName,
            F::Phone,
            F::PhoneMany,
            F::Street,
            F::City,
            F::PostalCode,
            F::State,
            F::StateCode,
            F::Country,
            F::CountryCode,
            F::Company,
            F::JobTitle,
            F::Industry,
            F::Profession,
            F::Product,
            F::Category,
            F::Colour,
            F::HexColour,
            F::Currency,
            F::Language,
            F::LanguageTag,
            F::LanguageName,
            F::TimeZone,
            F::Url,
            F::Slug,
            F::Domain,
            F::Address,
            F::UserAgent,
            F::Hash,
            F::Token,
            F::PasswordHash,
            F::CreditCard,
            F::Iban,
            F::FileName,
            F::FilePath,
            F::MimeType,
            F::Version,
            F::Code,
            F::Heading,
            F::Label,
        ]
    }

    #[test]
    fn counted_values_differ_even_without_case_and_fit() {
        let key = StreamKey::new(3, "t", "c");
        for (topic, locale) in all().into_iter().flat_map(|f| LOCALES.map(|l| (f, l))) {
            for room in [12, 30, 400] {
                let Some(make) = known(topic, locale, key, &PgType::Text(Some(room))) else {
                    assert!(room < 400, "{topic:?} {locale:?}");
                    continue;
                };
                let rows = make.size().unwrap().min(2000);
                let text = |value: Value| match value {
                    Value::Text(text) => text.into_owned(),
                    other => panic!("{other:?}"),
                };
                let texts: BTreeSet<String> = (0..rows)
                    .map(|index| text(make.nth(index, &Nothing)))
                    .chain((0..9).map(|row| text(make.draw(&mut key.row(row, 0), &Nothing))))
                    .inspect(|text| {
                        assert!(!text.is_empty() && text.chars().count() <= room as usize);
                    })
                    .map(|text| text.to_lowercase())
                    .collect();
                assert!(texts.len() as u64 >= rows, "{topic:?} {locale:?} {room}");
            }
        }
    }

    #[test]
    fn numbers_have_their_check_digits() {
        let key = StreamKey::new(3, "t", "c");
        let make = known(Topic::Iban, Locale::En, key, &PgType::Text(Some(22))).unwrap();
        let Value::Text(text) = make.nth(1, &Nothing) else {
            panic!()
        };
        let turned = format!("{}{}", &text[4..], &text[..4]);
        let rest = turned.chars().fold(0, |rest, c| {
            let value = c.to_digit(36).unwrap();
            (rest * if value > 9 { 100 } else { 10 } + value) % 97
        });
        assert_eq!(rest, 1, "{text}");
        assert_eq!(&text[4..5], "9", "{text} could be somebody's account");
    }
}
