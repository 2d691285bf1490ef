//! Places and companies.

use super::lists::Lists;
use super::permute::{decimal, permute_form};

use super::site::{Compiled, Distinct, Site};
use super::text::TextMask;
use crate::masking::prf::{Prf, Seed};
use crate::masking::{Locale, Unmaskable};
use crate::world::{self, COUNTRIES, Country, PlacePart as Part};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Address,
    City,
    Company,
}

pub(super) fn compile(site: &Site<'_>, locale: Locale, kind: Kind) -> Compiled {
    let lists = locale.lists();
    site.on_text(Invented { lists, kind }, Distinct::Few)
}

/// Names of places are made of family names and the locale's endings, so that they are fictitious.
#[derive(Debug)]
struct Invented {
    lists: Lists,
    kind: Kind,
}

impl TextMask for Invented {
    fn write(&self, _: &str, seed: Seed, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        let mut draws = seed.draws();
        let lists = &self.lists;
        let name = draws.pick(lists.last).unwrap_or("Muster").as_bytes();
        let space: &[u8] = if lists.family_first { b"" } else { b" " };
        match self.kind {
            Kind::City => {
                let end = draws.pick(lists.city_ends).unwrap_or("ville");
                out.extend_from_slice(name);
                if end.starts_with(char::is_uppercase) {
                    out.extend_from_slice(space);
                }
                out.extend_from_slice(end.as_bytes());
            }
            Kind::Company => {
                let end = draws.pick(lists.company_ends).unwrap_or("Inc");
                out.extend_from_slice(name);
                out.extend_from_slice(space);
                out.extend_from_slice(end.as_bytes());
            }
            Kind::Address => {
                let end = draws.pick(lists.street_ends).unwrap_or("Street").as_bytes();
                let mut buffer = [0; 20];
                let number = decimal(1 + draws.below(199), &mut buffer);
                let (one, two) = if lists.street_first {
                    (end, name)
                } else {
                    (name, end)
                };
                let parts: [&[u8]; 3] = if lists.number_first {
                    [number, one, two]
                } else {
                    [one, two, number]
                };
                for (i, part) in parts.into_iter().enumerate() {
                    if i > 0 {
                        out.extend_from_slice(space);
                    }
                    out.extend_from_slice(part);
                }
            }
        }
        Ok(())
    }
}

/// A real place: every part of one seed belongs to the same one.
pub(super) fn real(site: &Site<'_>, part: Part, code: Option<&str>) -> Compiled {
    let only = match code {
        None => None,
        Some(code) => {
            let known = world::country(code);
            let codes: Vec<&str> = COUNTRIES.iter().map(|country| country.code).collect();
            Some(known.ok_or_else(|| {
                site.refuse(
                    &format!("knows no places of the country \"{code}\""),
                    &format!("known are {}", codes.join(", ")),
                )
            })?)
        }
    };
    site.on_text(Real { part, only }, Distinct::Few)
}

#[derive(Debug)]
struct Real {
    part: Part,
    only: Option<&'static Country>,
}

impl TextMask for Real {
    fn may_stay(&self) -> bool {
        true
    }

    fn write(&self, _: &str, seed: Seed, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        let mut draws = seed.draws();
        let drawn = draws.below(COUNTRIES.len() as u64) as usize;
        let country = self.only.unwrap_or(&COUNTRIES[drawn]);
        let number = draws.below(country.places.len() as u64) as usize;
        out.extend_from_slice(country.part(number, self.part).as_bytes());
        Ok(())
    }
}

pub(super) fn postal_code(site: &Site<'_>) -> Compiled {
    // One to one, but a code may be seeded by another column; then it is not.
    if site.rule.with.is_some() {
        return site.on_text(Code { prf: None }, Distinct::Few);
    }
    let prf = Some(site.prf()?);
    site.on_text(Code { prf }, Distinct::All)
}

/// A code of the same form.
#[derive(Debug)]
struct Code {
    prf: Option<Prf>,
}

impl TextMask for Code {
    fn write(&self, input: &str, seed: Seed, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        if !input.bytes().any(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Unmaskable {
                reason: "a postal code without digits and letters",
            });
        }
        let start = out.len();
        out.extend_from_slice(input.as_bytes());
        if let Some(prf) = &self.prf {
            permute_form(prf, 0, &mut out[start..]);
            return Ok(());
        }
        let mut draws = seed.draws();
        for byte in &mut out[start..] {
            *byte = match *byte {
                b'0'..=b'9' => b'0' + draws.below(10) as u8,
                b'A'..=b'Z' => b'A' + draws.below(26) as u8,
                b'a'..=b'z' => b'a' + draws.below(26) as u8,
                other => other,
            };
        }
        Ok(())
    }

    fn uses_seed(&self) -> bool {
        self.prf.is_none()
    }
}

pub(super) fn zip3(site: &Site<'_>) -> Compiled {
    site.on_text(Zip3, Distinct::Few)
}

/// US areas of fewer than 20,000 people by the census of 2010, whose first three digits are
/// dropped, too (45 CFR 164.514(b)(2)(i)(B); HHS guidance of 2012).
const SPARSE: [&str; 17] = [
    "036", "059", "063", "102", "203", "556", "692", "790", "821", "823", "830", "831", "878",
    "879", "884", "890", "893",
];

#[derive(Debug)]
struct Zip3;

impl TextMask for Zip3 {
    fn write(&self, input: &str, _: Seed, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        let mut kept = 0;
        let sparse = input.get(..3).is_some_and(|head| SPARSE.contains(&head));
        for character in input.chars() {
            if !character.is_alphanumeric() {
                if character == ' ' || character == '-' {
                    out.push(character as u8);
                }
            } else if kept < 3 && !sparse {
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                kept += 1;
            } else {
                out.push(b'0');
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests_support::{facts, mask, masked_in, refusal, text};
    use crate::masking::Locale;

    #[test]
    fn the_parts_of_a_row_are_of_one_place() {
        let part = |name: &str, country: &str, id: u32| {
            let rule = format!("{{ mask = \"place\", part = \"{name}\"{country}, with = \"id\" }}");
            let out = masked_in(&mask(&rule, "text"), id, b"Springfield").unwrap();
            String::from_utf8(out).unwrap()
        };
        let mut seen = std::collections::HashSet::new();
        for id in 0..300 {
            for country in ["", ", country = \"DE\""] {
                let names = [
                    "city",
                    "postal_code",
                    "region",
                    "region_code",
                    "country",
                    "country_code",
                ];
                let [city, postal_code, region, code, name, iso] =
                    names.map(|name| part(name, country, id));
                let found = crate::world::country(&iso).unwrap();
                assert_eq!(found.name, name);
                assert!(
                    found
                        .places
                        .iter()
                        .any(|place| *place == [&*city, &*postal_code, &*region, &*code])
                );
                assert!(country.is_empty() || iso == "DE");
                seen.insert(city);
            }
        }
        assert!(seen.len() > 60, "{}", seen.len());
        let rule = "{ mask = \"place\", part = \"city\", country = \"XX\" }";
        assert!(refusal(rule, &facts("text")).contains("\"XX\""));
    }

    #[test]
    fn places_of_every_locale() {
        for locale in Locale::ALL {
            let name = serde_json::to_string(locale).unwrap();
            for kind in ["address", "city", "company"] {
                let mask = mask(&format!("{{ mask = \"{kind}\", locale = {name} }}"), "text");
                let out = text(&mask, "Am Markt 1");
                assert!(out.chars().count() > 1, "{locale:?} {kind} {out}");
                assert_eq!(out, text(&mask, "Am Markt 1"));
            }
        }
        let address = text(
            &mask("{ mask = \"address\", locale = \"de_DE\" }", "text"),
            "Am Markt 1",
        );
        assert!(address.ends_with(|c: char| c.is_ascii_digit()), "{address}");
    }

    #[test]
    fn codes_keep_their_form() {
        let code = text(&mask("\"postal_code\"", "text"), "SW1A 1AA");
        assert!(code != "SW1A 1AA" && code.as_bytes()[4] == b' ' && code.len() == 8);
        let zip = mask("\"zip3\"", "text");
        for (from, to) in [
            ("94110", "94100"),
            ("94110-1234", "94100-0000"),
            ("03601", "00000"),
        ] {
            assert_eq!(text(&zip, from), to);
        }
        assert!(masked_in(&mask("\"postal_code\"", "text"), 1, "—".as_bytes()).is_err());
        let mut unique = facts("text");
        unique.unique = true;
        assert!(refusal("\"city\"", &unique).contains("too few values"));
    }
}
