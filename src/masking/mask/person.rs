//! People: names, user names, e-mail addresses. All draw the same given and family name from the
//! same seed, so that under one domain and one `with` column they agree.

use super::gender::is_female;
use super::lists::{Lists, ascii_lower};
use super::site::{Compiled, Distinct, Site};
use super::text::TextMask;
use crate::masking::prf::{Prf, Seed};
use crate::masking::{Locale, Unmaskable};

/// Eighty bits in sixteen characters, which make a text distinct.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token(u128);

/// Without letters and digits that are mistaken for each other.
const CHARACTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

impl Token {
    pub(super) const LENGTH: usize = 16;
    pub(super) const BITS: u32 = 80;

    pub(super) const fn of(seed: Seed) -> Self {
        Self(seed.0)
    }

    pub(super) fn write(self, out: &mut Vec<u8>) {
        for i in 0..Self::LENGTH {
            out.push(CHARACTERS[(self.0 >> (5 * i)) as usize & 31]);
        }
    }
}

/// The person that a seed stands for.
fn person(lists: &Lists, seed: Seed) -> (&'static str, &'static str) {
    let mut draws = seed.draws();
    let first = match lists.given {
        Some(names) if is_female(seed) => names.female,
        Some(names) => names.male,
        None => lists.first,
    };
    let first = draws.pick(first).unwrap_or("Anna");
    let last = draws.pick(lists.last).unwrap_or("Muster");
    (first, last)
}

/// Which parts of a name a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    First,
    Last,
}

pub(super) fn name(site: &Site<'_>, locale: Locale, part: Part) -> Compiled {
    let mask = Name {
        prf: site.prf()?,
        lists: locale.lists(),
        part,
        unique: site.rule.unique,
    };
    if !site.rule.unique {
        return site.on_text(mask, Distinct::Few);
    }
    let given = mask
        .lists
        .given
        .map_or([mask.lists.first; 2], |given| [given.female, given.male]);
    let longest = longest(&given[..1]).max(longest(&given[1..]))
        + longest(&[mask.lists.last])
        + Token::LENGTH
        + 2;
    if site
        .facts
        .max_length
        .is_some_and(|max| (max as usize) < longest)
    {
        return Err(site.refuse(
            "needs more characters than its column has to keep names distinct",
            "hash, permute",
        ));
    }
    site.on_text(mask, Distinct::Bits(Token::BITS))
}

/// The characters of one entry of each list, at most.
fn longest(lists: &[&[&str]]) -> usize {
    let longest = |list: &&[&str]| {
        list.iter()
            .map(|name| name.chars().count())
            .max()
            .unwrap_or(0)
    };
    lists.iter().map(longest).sum()
}

#[derive(Debug)]
struct Name {
    prf: Prf,
    lists: Lists,
    part: Part,
    unique: bool,
}

impl TextMask for Name {
    fn write(&self, input: &str, seed: Seed, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        let (first, last) = person(&self.lists, seed);
        match self.part {
            Part::First => out.extend_from_slice(first.as_bytes()),
            Part::Last => out.extend_from_slice(last.as_bytes()),
            Part::Whole if self.lists.family_first => {
                out.extend_from_slice(last.as_bytes());
                out.extend_from_slice(first.as_bytes());
            }
            Part::Whole => {
                out.extend_from_slice(first.as_bytes());
                out.push(b' ');
                out.extend_from_slice(last.as_bytes());
            }
        }
        if self.unique {
            out.push(b' ');
            Token::of(self.prf.seed(input.as_bytes())).write(out);
        }
        Ok(())
    }
}

pub(super) fn user_name(site: &Site<'_>, locale: Locale) -> Compiled {
    let mask = Login {
        prf: site.prf()?,
        lists: locale.lists(),
        room: room(site, 0)?,
        host: String::new(),
        ignore_case: false,
        with: site.rule.with.is_some(),
    };
    site.on_text(mask, Distinct::Bits(Token::BITS))
}

pub(super) fn email(site: &Site<'_>, locale: Locale, host: &str, ignore_case: bool) -> Compiled {
    let named = host.split('.').all(|label| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    });
    if !named || !host.contains('.') {
        return Err(site.refuse("has a `host` that is no domain", "host = \"example.com\""));
    }
    let citext = site.facts.data_type.ends_with("citext");
    let mask = Login {
        prf: site.prf()?,
        lists: locale.lists(),
        room: room(site, host.len() + 1)?,
        host: host.to_owned(),
        ignore_case: ignore_case || citext,
        with: site.rule.with.is_some(),
    };
    site.on_text(mask, Distinct::Bits(Token::BITS))
}

/// RFC 5321, section 4.5.3.1.1: octets of a local part.
const LOCAL_PART: usize = 64;

/// Characters for the names in front of the token.
fn room(site: &Site<'_>, tail: usize) -> crate::error::Result<usize> {
    let max = site.facts.max_length.map_or(usize::MAX, |max| max as usize);
    match max.checked_sub(tail + Token::LENGTH) {
        Some(room) => Ok(room.min(LOCAL_PART - Token::LENGTH)),
        None => Err(site.refuse("needs more characters than its column has", "hash, permute")),
    }
}

/// `anna.becker.k7q2m9x4t0zcab3d`, for an address `@example.com` behind it.
#[derive(Debug)]
struct Login {
    prf: Prf,
    lists: Lists,
    /// Characters for names and dots.
    room: usize,
    host: String,
    ignore_case: bool,
    /// Whether another column seeds the names.
    with: bool,
}

impl Login {
    /// The seed of the value itself, in lower case where case does not count.
    fn own(&self, input: &str) -> Seed {
        if !self.ignore_case || !input.chars().any(char::is_uppercase) {
            return self.prf.seed(input.as_bytes());
        }
        self.prf.seed(input.to_lowercase().as_bytes())
    }
}

impl TextMask for Login {
    fn write(&self, input: &str, seed: Seed, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        // Without a `with` column the seed is the value's own, in its own case.
        let (own, seed) = match (self.with, self.ignore_case) {
            (false, false) => (seed, seed),
            (false, true) => (self.own(input), self.own(input)),
            (true, _) => (self.own(input), seed),
        };
        let (first, last) = person(&self.lists, seed);
        let start = out.len();
        for name in [first, last] {
            let before = out.len();
            ascii_lower(name, out);
            if out.len() == before {
                continue;
            }
            out.push(b'.');
            if out.len() - start > self.room {
                out.truncate(before);
            }
        }
        Token::of(own).write(out);
        if !self.host.is_empty() {
            out.push(b'@');
            out.extend_from_slice(self.host.as_bytes());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::super::tests_support::{facts, key, mask, masked_in, refusal, rule, text};
    use super::*;
    use crate::masking::compile;

    #[test]
    fn a_person_agrees_over_the_columns_of_a_row() {
        let of = |rule: &str, id, value: &str| {
            String::from_utf8(masked_in(&mask(rule, "text"), id, value.as_bytes()).unwrap())
                .unwrap()
        };
        for id in 0..50 {
            let with =
                |name: &str| format!("{{ mask = \"{name}\", locale = \"it_IT\", with = \"id\" }}");
            let first = of(&with("first_name"), id, "Ada");
            let last = of(&with("last_name"), id, "Lovelace");
            let whole = of(&with("person_name"), id, "Ada Lovelace");
            assert_eq!(whole, format!("{first} {last}"));
            let mut local = Vec::new();
            ascii_lower(&first, &mut local);
            local.push(b'.');
            ascii_lower(&last, &mut local);
            let local = String::from_utf8(local).unwrap();
            assert!(of(&with("email"), id, "ada@l.example").starts_with(&local));
            assert!(of(&with("user_name"), id, "ada").starts_with(&local));
        }
    }

    #[test]
    fn same_value_same_mask_in_every_table_and_another_key_another_mask() {
        let email = "{ mask = \"email\", domain = \"person\", unique = true }";
        assert_eq!(
            text(&mask(email, "text"), "a@b.example"),
            text(&mask("\"email\"", "text"), "a@b.example")
        );
        let other = "{ mask = \"email\", domain = \"staff\" }";
        assert_ne!(
            text(&mask(email, "text"), "a@b.example"),
            text(&mask(other, "text"), "a@b.example")
        );
        let citext = mask("\"email\"", "public.citext");
        assert_eq!(text(&citext, "A@b.example"), text(&citext, "a@b.EXAMPLE"));
        assert_ne!(
            text(&mask("\"email\"", "text"), "A@b.example"),
            text(&mask("\"email\"", "text"), "a@b.example")
        );
    }

    #[test]
    fn a_hundred_thousand_addresses_are_distinct_and_undeliverable() {
        let mask = mask("\"email\"", "character varying(60)");
        let mut seen = HashSet::new();
        for i in 0..100_000 {
            let address = text(&mask, &format!("user{i}@shop.example"));
            assert!(address.ends_with("@example.com") && address.len() <= 60);
            assert!(seen.insert(address));
        }
    }

    #[test]
    fn unique_columns_are_proven() {
        let mut facts = facts("text");
        facts.unique = true;
        facts.rows = 10_000_000;
        assert!(refusal("\"person_name\"", &facts).contains("too few values"));
        for name in ["email", "user_name"] {
            compile(&rule(&format!("\"{name}\"")), &facts, &key()).unwrap();
        }
        compile(
            &rule("{ mask = \"person_name\", unique = true }"),
            &facts,
            &key(),
        )
        .unwrap();
        facts.max_length = Some(20);
        assert!(refusal("\"email\"", &facts).contains("more characters"));
        assert!(refusal("{ mask = \"person_name\", unique = true }", &facts).contains("distinct"));
        facts.max_length = None;
        assert!(refusal("{ mask = \"email\", host = \"localhost\" }", &facts).contains("domain"));
    }

    proptest! {
        #[test]
        fn names_of_every_locale_fit_and_differ(value in "\\PC{4,30}", max in 4_u32..30, n in 0_usize..14) {
            let locale = serde_json::to_string(&Locale::ALL[n]).unwrap();
            let mut facts = facts("character varying(1)");
            facts.max_length = Some(max);
            for name in ["person_name", "first_name", "last_name"] {
                let rule = rule(&format!("{{ mask = \"{name}\", locale = {locale} }}"));
                let mask = compile(&rule, &facts, &key()).unwrap().unwrap();
                let out = text(&mask, &value);
                prop_assert!(out.chars().count() <= max as usize && !out.is_empty());
                prop_assert_ne!(&out, &value);
                prop_assert_eq!(out, text(&mask, &value));
            }
        }
    }
}
