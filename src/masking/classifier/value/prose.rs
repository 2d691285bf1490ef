//! Personal data inside texts.

use std::sync::LazyLock;

use regex::Regex;

use super::super::tokens::folded;
use super::dictionary::{family, given};
use super::{checksum, contact, formats, secret};

/// Bytes of a text that are looked at.
const LOOKED_AT: usize = 4096;

/// Numbers with the separators of telephone numbers, accounts and cards.
static NUMBERS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?:\+|\(|\b)[0-9][0-9 ()./-]{6,22}[0-9]\b|\b[A-Z]{2}[0-9]{2}[A-Z0-9 ]{11,34}").ok()
});

fn words(text: &str) -> impl Iterator<Item = &str> {
    let end = (0..=text.len().min(LOOKED_AT))
        .rev()
        .find(|at| text.is_char_boundary(*at));
    text[..end.unwrap_or(0)]
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric() && c != '+'))
        .filter(|word| !word.is_empty())
}

/// Whether an address or a number that can be checked stands in a text.
pub(super) fn is_exact(text: &str) -> bool {
    let exact =
        |word: &str| contact::is_email(word) || formats::is_ip(word) || secret::is_token(word);
    words(text).any(exact)
        || NUMBERS.as_ref().is_some_and(|regex| {
            regex.find_iter(text).any(|found| {
                let number = found.as_str().trim();
                contact::is_phone(number) || checksum::is_card(number) || checksum::is_iban(number)
            })
        })
}

/// Whether the name of a person stands in a text.
pub(super) fn names_somebody(text: &str) -> bool {
    let words: Vec<&str> = words(text).collect();
    words.windows(2).any(is_name)
}

/// A given name followed by a family name, both with a capital; a title followed by a name.
fn is_name(pair: &[&str]) -> bool {
    let [first, last] = pair else { return false };
    let capital = |word: &str| {
        word.starts_with(char::is_uppercase) && word.chars().skip(1).any(char::is_lowercase)
    };
    if !capital(first) || !capital(last) {
        return false;
    }
    let (first, last) = (folded(first), folded(last));
    let titled = [
        "mr", "mrs", "ms", "dr", "herr", "frau", "mme", "sr", "sra", "dott",
    ]
    .contains(&first.as_str());
    family(&last) && (given(&first) || titled)
}
