//! Names of persons, places and companies.

use super::super::tokens::folded;
use super::dictionary::{CITIES, ends_like_a_town, family, given};

/// Words that stand before a name.
const TITLES: &[&str] = &[
    "mr", "mrs", "ms", "miss", "dr", "prof", "sir", "herr", "frau", "m", "mme", "mlle", "sr",
    "sra", "srta", "dott", "sig", "dhr", "mevr", "pan", "pani", "ing", "rev", "hr", "fru",
];
/// Words inside a family name, and after a name.
const PARTICLES: &[&str] = &[
    "van", "von", "de", "der", "den", "del", "della", "di", "da", "dos", "du", "la", "le", "af",
    "ter", "ten", "zu", "jr", "ii", "iii", "iv", "md", "phd", "dds", "dvm", "e", "y", "bin", "al",
    "el", "zur",
];

fn parts(value: &str) -> Vec<String> {
    folded(value)
        .split(|c: char| c.is_whitespace() || c == ',' || c == '.')
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether a word is written as names are: letters, hyphens, apostrophes, not in lower case.
fn is_name_like(word: &str) -> bool {
    let letters = word.trim_matches([',', '.']);
    letters.chars().any(char::is_alphabetic)
        && letters
            .chars()
            .all(|c| c.is_alphabetic() || "'’-.".contains(c))
        && !letters.starts_with(char::is_lowercase)
}

fn any_part(word: &str, test: fn(&str) -> bool) -> bool {
    test(word) || word.contains('-') && word.split('-').any(test)
}

pub(super) fn is_given_name(value: &str) -> bool {
    is_name_like(value) && any_part(&folded(value), given)
}

pub(super) fn is_family_name(value: &str) -> bool {
    is_name_like(value) && any_part(&folded(value), family)
}

/// Two to five words of which one is a given name and another may be a family name.
pub(super) fn is_full_name(value: &str) -> bool {
    let all: Vec<&str> = value.split_whitespace().collect();
    if !(2..=6).contains(&all.len()) || value.len() > 60 {
        return false;
    }
    let particle =
        |word: &&str| PARTICLES.contains(&folded(word.trim_matches([',', '.'])).as_str());
    if !all.iter().all(|word| is_name_like(word) || particle(word)) {
        return false;
    }
    let mut words = parts(value);
    words.retain(|word| !TITLES.contains(&word.as_str()) && !PARTICLES.contains(&word.as_str()));
    let titled = words.len() < all.len()
        && TITLES.contains(&parts(all[0]).first().map_or("", String::as_str));
    let (Some(first), Some(last)) = (words.first(), words.last()) else {
        return false;
    };
    if words.len() == 1 {
        return titled && (any_part(first, family) || any_part(first, given));
    }
    let forwards = any_part(first, given) && (any_part(last, family) || words.len() == 2 || titled);
    let backwards = any_part(last, given) && (any_part(first, family) || value.contains(','));
    let rest = any_part(last, family)
        && words.len() == 2
        && first.len() > 2
        && (titled || first.ends_with(['a', 'o', 'e', 'n']));
    forwards || backwards || rest && any_part(last, family)
}

/// A known city, or a name that ends or begins like those of towns.
pub(super) fn is_city(value: &str) -> bool {
    let text = folded(value.trim());
    let single = !text.contains([' ', '@', '/'])
        && is_name_like(value)
        && !value.chars().all(char::is_uppercase);
    let town = |word: &str| !family(word) && !given(word) && ends_like_a_town(word);
    CITIES.contains(text.as_str())
        || single && text.split('-').any(town)
        || begins_like_a_town(value, &text)
}

/// `North Anna`, `Port Eliseo`, `San Marco`, `Bad Aibling`.
fn begins_like_a_town(value: &str, text: &str) -> bool {
    const STARTS: &str = "north east west south new lake port san santa santo sao bad sankt saint villa nieuw oud sint groot \
        klein neu alt gross nieder ober unter ville mount fort los las la le les el den";
    let Some((first, rest)) = text.split_once(' ') else {
        return false;
    };
    let second = rest.split(' ').next().unwrap_or_default();
    value.starts_with(char::is_uppercase)
        && STARTS.split_whitespace().any(|start| start == first)
        && rest
            .chars()
            .all(|c| c.is_alphabetic() || c == ' ' || c == '-' || c == '\'')
        && (given(second) || family(second) || ends_like_a_town(second))
}

/// A legal form at the end.
pub(super) fn is_company(value: &str) -> bool {
    const FORMS: &[&str] = &[
        "gmbh",
        "ag",
        "kg",
        "ohg",
        "ug",
        "inc",
        "llc",
        "ltd",
        "limited",
        "plc",
        "corp",
        "corporation",
        "sarl",
        "sas",
        "sa",
        "srl",
        "spa",
        "bv",
        "nv",
        "sl",
        "lda",
        "ltda",
        "ab",
        "oy",
        "as",
        "zoo",
        "co",
        "group",
        "and sons",
        "sons",
    ];
    let text = folded(value).replace(['.', ','], "");
    let mut words = text.split_whitespace();
    words.next().is_some() && words.next_back().is_some_and(|last| FORMS.contains(&last))
        || text.ends_with("sp z oo")
}

pub(super) fn is_gender(value: &str) -> bool {
    const WORDS: &[&str] = &[
        "m",
        "f",
        "w",
        "d",
        "x",
        "male",
        "female",
        "man",
        "woman",
        "non-binary",
        "nonbinary",
        "diverse",
        "other",
        "mannlich",
        "weiblich",
        "divers",
        "homme",
        "femme",
        "hombre",
        "mujer",
        "masculino",
        "femenino",
        "feminino",
        "maschio",
        "femmina",
        "vrouw",
        "mezczyzna",
        "kobieta",
        "kvinna",
        "herr",
        "frau",
        "mr",
        "mrs",
        "ms",
        "miss",
        "unknown",
    ];
    WORDS.contains(&folded(value).trim_end_matches('.'))
}

/// A login made of a name: `mschmidt`, `anna.k`, `JohnDoe42`.
pub(super) fn is_user_name(value: &str) -> bool {
    let fits = (4..=32).contains(&value.len())
        && value
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        && value.chars().any(|c| c.is_ascii_lowercase());
    if !fits {
        return false;
    }
    let text = value.to_ascii_lowercase();
    let marked = text.contains(|c: char| c.is_ascii_digit() || "._".contains(c));
    let mut words = text
        .split(|c: char| !c.is_ascii_alphabetic())
        .filter(|word| word.len() >= 3);
    let named = words.any(|word| given(word) || family(word) || family(&word[1..]));
    named && (marked || !(given(&text) || family(&text)) && value == text)
}
