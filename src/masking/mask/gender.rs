//! Gender and forms of address that agree with the given name: both are read from one seed, so
//! under one domain and one `with` column a row says `Ms.`, `f` and `Laura`, or `Mr.`, `m` and
//! `Peter`. The form stays: a letter stays a letter, a title a title, in its case and language.

use std::collections::HashMap;
use std::sync::Arc;

use super::given::given;
use super::site::{Compiled, Distinct, Site};
use super::text::TextMask;
use crate::masking::prf::Seed;
use crate::masking::{FieldMask, Locale, Masked, Row, Unmaskable};

/// Whether the person of a seed is a woman.
pub(super) const fn is_female(seed: Seed) -> bool {
    seed.0 >> 127 == 1
}

/// What a word for a gender is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Letter,
    Word,
    Title,
}

/// A word for men and its counterpart for women.
type Pair = (Form, &'static str, &'static str);

const ENGLISH: &[Pair] = &[
    (Form::Letter, "m", "f"),
    (Form::Word, "male", "female"),
    (Form::Word, "man", "woman"),
    (Form::Word, "boy", "girl"),
    (Form::Title, "mr.", "ms."),
    (Form::Title, "mr.", "mrs."),
    (Form::Title, "mr", "ms"),
    (Form::Title, "mr", "mrs"),
    (Form::Title, "mr", "miss"),
    (Form::Title, "sir", "madam"),
];
const GERMAN: &[Pair] = &[
    (Form::Letter, "m", "w"),
    (Form::Word, "männlich", "weiblich"),
    // "Frau" is a title far more often than a word.
    (Form::Title, "herr", "frau"),
    (Form::Word, "mann", "frau"),
    (Form::Title, "hr.", "fr."),
];
const FRENCH: &[Pair] = &[
    (Form::Letter, "h", "f"),
    (Form::Word, "homme", "femme"),
    (Form::Word, "masculin", "féminin"),
    (Form::Title, "m.", "mme"),
    (Form::Title, "monsieur", "madame"),
    (Form::Title, "m.", "mlle"),
];
const ITALIAN: &[Pair] = &[
    (Form::Word, "maschio", "femmina"),
    (Form::Word, "uomo", "donna"),
    (Form::Title, "sig.", "sig.ra"),
    (Form::Title, "signor", "signora"),
];
const DUTCH: &[Pair] = &[
    (Form::Letter, "m", "v"),
    (Form::Word, "man", "vrouw"),
    (Form::Word, "mannelijk", "vrouwelijk"),
    (Form::Title, "dhr.", "mevr."),
    (Form::Title, "dhr", "mevr"),
];
const PORTUGUESE: &[Pair] = &[
    (Form::Word, "masculino", "feminino"),
    (Form::Word, "homem", "mulher"),
    (Form::Title, "sr.", "sra."),
    (Form::Title, "sr", "sra"),
    (Form::Title, "senhor", "senhora"),
];
const TURKISH: &[Pair] = &[
    (Form::Letter, "e", "k"),
    (Form::Word, "erkek", "kadın"),
    (Form::Title, "bay", "bayan"),
];

/// Words for neither, or that do not say; which one stood there is personal, too.
const OTHER: &[(Form, &str)] = &[
    (Form::Letter, "d"),
    (Form::Letter, "x"),
    (Form::Letter, "n"),
    (Form::Letter, "o"),
    (Form::Letter, "u"),
    (Form::Word, "divers"),
    (Form::Word, "diverse"),
    (Form::Word, "other"),
    (Form::Word, "unknown"),
    (Form::Word, "neutral"),
    (Form::Word, "none"),
    (Form::Word, "nonbinary"),
    (Form::Word, "non-binary"),
    (Form::Title, "mx"),
    (Form::Title, "mx."),
    (Form::Title, "dr"),
    (Form::Title, "dr."),
    (Form::Title, "prof"),
    (Form::Title, "prof."),
];

const fn pairs(locale: Locale) -> &'static [Pair] {
    match locale {
        Locale::DeDe => GERMAN,
        Locale::FrFr => FRENCH,
        Locale::ItIt => ITALIAN,
        Locale::NlNl => DUTCH,
        Locale::PtBr | Locale::PtPt => PORTUGUESE,
        Locale::TrTr => TURKISH,
        _ => ENGLISH,
    }
}

/// The pairs by each of their words, of the locale first, then of any language; words for neither
/// have the usual pair of their form.
#[derive(Debug)]
struct Words(HashMap<&'static str, (&'static str, &'static str)>);

impl Words {
    fn of(locale: Locale) -> Self {
        let own = pairs(locale);
        let any = [
            own, ENGLISH, GERMAN, FRENCH, ITALIAN, DUTCH, PORTUGUESE, TURKISH,
        ];
        let mut words = HashMap::new();
        for (_, male, female) in any.into_iter().flatten() {
            for word in [*male, *female] {
                words.entry(word).or_insert((*male, *female));
            }
        }
        for (form, word) in OTHER {
            let mut usual = own.iter().chain(ENGLISH);
            if let Some((_, male, female)) = usual.find(|(other, ..)| other == form) {
                words.entry(*word).or_insert((*male, *female));
            }
        }
        Self(words)
    }

    /// The words for men and women that a word belongs to, in whatever case.
    fn pair(&self, word: &str) -> Option<(&'static str, &'static str)> {
        let word = word.trim();
        let known = self.0.get(word);
        known
            .or_else(|| self.0.get(word.to_lowercase().as_str()))
            .copied()
    }
}

pub(super) fn compile(site: &Site<'_>, locale: Locale) -> Compiled {
    if given(locale).is_none() {
        return Err(site.refuse(
            "knows no given names by gender in this locale, so that they could not agree",
            "en_US, de_DE, fr_FR, it_IT, nl_NL, pt_BR, pt_PT and tr_TR have them; enum, redact and constant fit as well",
        ));
    }
    let words = Words::of(locale);
    if site.facts.labels.is_empty() {
        return site.on_text(Gender { words }, Distinct::Few);
    }
    site.prove_distinct(Distinct::Few)?;
    let labels = &site.facts.labels;
    let both = labels.iter().find_map(|label| {
        let (male, female) = words.pair(label)?;
        let find = |word: &str| labels.iter().find(|label| label.to_lowercase() == word);
        Some((find(male)?.as_bytes(), find(female)?.as_bytes()))
    });
    let Some((male, female)) = both else {
        return Err(site.refuse(
            "finds no pair of words for men and women among the labels",
            "enum takes any of them",
        ));
    };
    Ok(Arc::new(Labels {
        seeder: site.seeder()?,
        male: male.into(),
        female: female.into(),
    }))
}

#[derive(Debug)]
struct Gender {
    words: Words,
}

impl TextMask for Gender {
    fn may_stay(&self) -> bool {
        true
    }

    fn write(&self, input: &str, seed: Seed, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        let (male, female) = self.words.pair(input).ok_or(Unmaskable {
            reason: "no known word for a gender and no known form of address",
        })?;
        let word = if is_female(seed) { female } else { male };
        let mut letters = input.trim().chars();
        let first = letters.next().is_some_and(char::is_uppercase);
        let rest = letters.clone().any(char::is_uppercase);
        if first && (rest || letters.next().is_none()) {
            out.extend_from_slice(word.to_uppercase().as_bytes());
            return Ok(());
        }
        for (at, letter) in word.chars().enumerate() {
            let shown = match at {
                0 if first => letter.to_uppercase().next().unwrap_or(letter),
                _ => letter,
            };
            out.extend_from_slice(shown.encode_utf8(&mut [0; 4]).as_bytes());
        }
        Ok(())
    }
}

/// A label of an enum.
#[derive(Debug)]
struct Labels {
    seeder: super::text::Seeder,
    male: Box<[u8]>,
    female: Box<[u8]>,
}

impl FieldMask for Labels {
    fn value(&self, value: &[u8], row: &Row<'_>, out: &mut Vec<u8>) -> Result<Masked, Unmaskable> {
        let female = is_female(self.seeder.seed(value, row));
        out.extend_from_slice(if female { &self.female } else { &self.male });
        Ok(Masked::Value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests_support::{facts, key, mask, masked_in, refusal, rule};
    use super::*;
    use crate::masking::compile;

    fn told(rule: &str, id: u32, value: &str) -> String {
        String::from_utf8(masked_in(&mask(rule, "text"), id, value.as_bytes()).unwrap()).unwrap()
    }

    proptest! {
        #[test]
        fn name_gender_and_title_of_a_row_agree(id: u32, n in 0_usize..14) {
            let locale = Locale::ALL[n];
            let Some(names) = given(locale) else { return Ok(()) };
            let locale_name = serde_json::to_string(&locale).unwrap();
            let with = |mask: &str| format!("{{ mask = \"{mask}\", locale = {locale_name}, with = \"id\" }}");
            let first = told(&with("first_name"), id, "Xyz");
            let female = names.female.contains(&first.as_str());
            prop_assert!(female != names.male.contains(&first.as_str()));
            for word in pairs(locale).iter().flat_map(|(_, m, f)| [*m, *f]) {
                let out = told(&with("gender"), id, word);
                let fits = |(_, m, f): &Pair| {
                    [*m, *f].contains(&word) && out == if female { *f } else { *m }
                };
                prop_assert!(pairs(locale).iter().any(fits), "{} {}", word, out);
            }
            prop_assert!(told(&with("person_name"), id, "Xyz").starts_with(&first));
        }
    }

    #[test]
    fn forms_stay_and_other_words_are_refused() {
        let forms = |value: &str| -> std::collections::BTreeSet<String> {
            (0..64)
                .map(|id| told("{ mask = \"gender\", with = \"id\" }", id, value))
                .collect()
        };
        let set = |words: [&str; 2]| words.map(str::to_owned).into();
        assert_eq!(forms("F"), set(["F", "M"]));
        assert_eq!(forms("other"), set(["female", "male"]));
        assert_eq!(forms("Dr."), set(["Mr.", "Ms."]));
        assert_eq!(forms("MRS"), set(["MR", "MRS"]));
        assert_eq!(forms("Frau"), set(["Frau", "Herr"]));
        let mask = mask("\"gender\"", "text");
        assert!(masked_in(&mask, 1, b"Anna").is_err());
        let japanese = "{ mask = \"gender\", locale = \"ja_JP\" }";
        assert!(refusal(japanese, &facts("text")).contains("could not agree"));
        let mut sex = facts("public.sex");
        sex.labels = ["Female", "Male", "X"].map(str::to_owned).to_vec();
        let by_id = rule("{ mask = \"gender\", with = \"id\" }");
        let labels = compile(&by_id, &sex, &key()).unwrap().unwrap();
        for id in 0..50 {
            let label = masked_in(&labels, id, b"X").unwrap();
            let word = told("{ mask = \"gender\", with = \"id\" }", id, "x");
            assert_eq!(label == b"Female", word == "f");
        }
        sex.labels = vec!["sad".to_owned()];
        assert!(refusal("\"gender\"", &sex).contains("no pair"));
    }
}
