//! Which values identify somebody, and in which forms they are sought.
//!
//! A first name, a city, a gender, an age or a date of birth occurs in every database: finding one
//! proves nothing. Such classes stay out of the filter; that their columns were masked is proven
//! by masking the source's rows again and comparing ("masks recomputed", "must differ").

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::digits;
use super::search::MIN_WORD;
use super::words::canonical;
use crate::masking::Class;

/// How a form is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FormKind {
    /// As a sequence of words.
    Words,
    /// As one word, whatever groups it is written in. Only hits are of this kind: what is sought is
    /// the same word.
    Compact,
    /// As the digits alone.
    Digits,
}

/// One form of a value that is sought.
#[derive(Debug, Clone)]
pub struct Form<'a> {
    /// How it is compared.
    pub kind: FormKind,
    /// The text; canonical only after [`Form::canonical`].
    pub text: Cow<'a, str>,
}

impl<'a> Form<'a> {
    fn words(text: impl Into<Cow<'a, str>>) -> Self {
        Self {
            kind: FormKind::Words,
            text: text.into(),
        }
    }

    fn digits(text: impl Into<Cow<'a, str>>) -> Self {
        Self {
            kind: FormKind::Digits,
            text: text.into(),
        }
    }

    /// The bytes by which a hit is confirmed; see [`super::Hit::canonical`].
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        if self.kind == FormKind::Digits {
            return digits::digits_of(self.text.as_bytes());
        }
        let words = canonical(self.text.as_bytes());
        let end = words
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b' ')
            .nth(super::search::MAX_WORDS - 1)
            .map_or(words.len(), |(at, _)| at);
        words[..end].to_vec()
    }
}

/// Whether values of a class can identify somebody by themselves. Per class, in words:
///
/// | class | enters the filter when |
/// |---|---|
/// | email | it has an @ |
/// | person-name | two words or more, six letters or more; also with the last word first |
/// | phone, card-number, bank-account | seven digits or more |
/// | iban, national-id, document-id, device-id, user-name | seven characters or more with a digit, as written and without its gaps |
/// | ip-address | public, not a network |
/// | address | three words or more with a digit |
/// | url | a path or query behind the host |
/// | password, secret | eight characters or more, not a plain word |
/// | free-text, document | e-mail addresses, IBANs, international phone numbers and cards inside |
#[must_use]
pub const fn identifies(class: Class) -> bool {
    !matches!(
        class,
        Class::FirstName
            | Class::LastName
            | Class::City
            | Class::PostalCode
            | Class::Location
            | Class::Company
            | Class::BirthDate
            | Class::Age
            | Class::Gender
            | Class::Sensitive
            | Class::CardSecurity
            | Class::Money
            | Class::Health
            | Class::UserAgent
            | Class::Biometric
            | Class::PersonalDate
            | Class::PseudonymousId
    )
}

/// Calls `take` for every form in which `value` is sought, with the class of what is sought; never
/// when it identifies nobody.
pub fn forms(class: Class, value: &str, take: &mut dyn FnMut(Class, Form<'_>)) {
    let value = value.trim();
    match class {
        Class::Email if value.contains('@') => take(class, Form::words(value)),
        Class::PersonName => name(value, take),
        Class::Phone | Class::CardNumber | Class::BankAccount => number(class, value, take),
        Class::Iban | Class::NationalId | Class::DocumentId | Class::DeviceId | Class::UserName => {
            id(class, value, take)
        }
        Class::IpAddress => {
            let bare = value.split('/').next().unwrap_or_default();
            if is_public(bare) {
                take(class, Form::words(bare));
            }
        }
        Class::Address => {
            let digit = value.bytes().any(|byte| byte.is_ascii_digit());
            if digit && word_count(value) >= 3 {
                take(class, Form::words(value));
            }
        }
        Class::Url => url(value, take),
        Class::Password | Class::Secret => {
            let plain = value.bytes().all(|byte| byte.is_ascii_lowercase());
            if value.len() >= 8 && !(plain && value.len() < 16) && sought(value) {
                take(class, Form::words(value));
            }
        }
        Class::FreeText | Class::Document => inside(value, take),
        _ => {}
    }
}

/// The forms of a person whose names are in two columns.
pub fn person_forms(first: &str, last: &str, take: &mut dyn FnMut(Class, Form<'_>)) {
    name(&format!("{} {}", first.trim(), last.trim()), take);
}

fn word_count(value: &str) -> usize {
    canonical(value.as_bytes())
        .split(|byte| *byte == b' ')
        .filter(|word| !word.is_empty())
        .count()
}

/// A single short word is not sought.
fn sought(value: &str) -> bool {
    let words = canonical(value.as_bytes());
    words.contains(&b' ') || words.len() >= MIN_WORD
}

fn name(value: &str, take: &mut dyn FnMut(Class, Form<'_>)) {
    let words = canonical(value.as_bytes());
    let Ok(words) = std::str::from_utf8(&words) else {
        return;
    };
    let letters = words.chars().filter(|c| c.is_alphabetic()).count();
    let Some((before, last)) = words.rsplit_once(' ') else {
        return;
    };
    if letters < 6 {
        return;
    }
    take(Class::PersonName, Form::words(words));
    take(Class::PersonName, Form::words(format!("{last} {before}")));
}

fn number(class: Class, value: &str, take: &mut dyn FnMut(Class, Form<'_>)) {
    let digits = digits::count(value.as_bytes());
    let letters = value.bytes().any(|byte| byte.is_ascii_alphabetic());
    if letters && class == Class::BankAccount {
        id(class, value, take);
    } else if (digits::MIN..=digits::MAX).contains(&digits) {
        take(class, Form::digits(value));
    }
}

fn id(class: Class, value: &str, take: &mut dyn FnMut(Class, Form<'_>)) {
    let letters = value.chars().any(char::is_alphabetic);
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    if !letters {
        if class != Class::UserName {
            let count = digits::count(value.as_bytes());
            if (digits::MIN..=digits::MAX).contains(&count) {
                take(class, Form::digits(value));
            }
        }
        return;
    }
    let length = value.chars().filter(|c| c.is_alphanumeric()).count();
    if digits == 0 || length < MIN_WORD {
        return;
    }
    take(class, Form::words(value));
    let compact: String = value.chars().filter(|c| c.is_alphanumeric()).collect();
    if compact.len() != value.len() && class != Class::UserName {
        take(class, Form::words(compact));
    }
}

fn is_public(text: &str) -> bool {
    match text.parse::<core::net::IpAddr>() {
        Ok(core::net::IpAddr::V4(ip)) => {
            !(ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_broadcast()
                || ip.is_documentation()
                || ip.is_multicast()
                || ip.octets()[0] == 0
                || ip.octets()[3] == 0)
        }
        Ok(core::net::IpAddr::V6(ip)) => {
            let first = ip.segments()[0];
            !(ip.is_loopback()
                || ip.is_unspecified()
                || first & 0xfe00 == 0xfc00
                || first >= 0xfe80)
                && text.matches(':').count() >= 4
        }
        Err(_) => false,
    }
}

fn url(value: &str, take: &mut dyn FnMut(Class, Form<'_>)) {
    let bare = value.split_once("://").map_or(value, |(_, rest)| rest);
    let bare = bare.strip_prefix("www.").unwrap_or(bare);
    let path = bare.find(['/', '?', '#']).map_or("", |at| &bare[at..]);
    if word_count(path) >= 1 && word_count(bare) >= 3 && bare.len() >= 12 {
        take(Class::Url, Form::words(bare));
    }
}

/// What a text that people write may hold: only what has a shape of its own.
fn inside(value: &str, take: &mut dyn FnMut(Class, Form<'_>)) {
    static SHAPES: LazyLock<Option<[Regex; 3]>> = LazyLock::new(|| {
        Some([
            Regex::new(r"[\w.%+-]+@[\w-]+(?:\.[\w-]+)+").ok()?,
            Regex::new(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b").ok()?,
            Regex::new(r"\+\d[\d ()./-]{7,20}\d|\b\d(?:[ -]?\d){12,18}\b").ok()?,
        ])
    });
    let Some([email, iban, digits]) = SHAPES.as_ref() else {
        return;
    };
    for found in email.find_iter(value) {
        forms(Class::Email, found.as_str(), take);
    }
    for found in iban.find_iter(value) {
        forms(Class::Iban, found.as_str(), take);
    }
    for found in digits.find_iter(value) {
        let text = found.as_str();
        if text.starts_with('+') {
            forms(Class::Phone, text, take);
        } else if luhn(text.as_bytes()) {
            forms(Class::CardNumber, text, take);
        }
    }
}

/// The check digit of payment cards (ISO/IEC 7812-1).
fn luhn(text: &[u8]) -> bool {
    let digits = text.iter().rev().filter(|byte| byte.is_ascii_digit());
    let sum: u32 = digits
        .map(|byte| u32::from(byte - b'0'))
        .enumerate()
        .map(|(i, digit)| match (i % 2, digit * 2) {
            (1, double) if double > 9 => double - 9,
            (1, double) => double,
            _ => digit,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sought_forms(class: Class, value: &str) -> Vec<String> {
        let mut all = Vec::new();
        forms(class, value, &mut |_, form| {
            all.push(String::from_utf8(form.canonical()).unwrap());
        });
        all
    }

    #[test]
    fn only_identifying_values_are_sought() {
        for (class, value, expected) in [
            (Class::Email, " Ann@Corp.Example ", vec!["ann corp example"]),
            (Class::Email, "none", vec![]),
            (
                Class::PersonName,
                "Ann Lee Miller",
                vec!["ann lee miller", "miller ann lee"],
            ),
            (Class::PersonName, "Ann", vec![]),
            (Class::PersonName, "Li Wu", vec![]),
            (Class::Phone, "+49 (30) 12-34567", vec!["49301234567"]),
            (Class::Phone, "110", vec![]),
            (
                Class::CardNumber,
                "4111 1111 1111 1111",
                vec!["4111111111111111"],
            ),
            (
                Class::Iban,
                "DE89 3704 0044",
                vec!["de89 3704 0044", "de8937040044"],
            ),
            (Class::NationalId, "123-45-6789", vec!["123456789"]),
            (Class::UserName, "admin", vec![]),
            (Class::UserName, "annmiller77", vec!["annmiller77"]),
            (Class::UserName, "1234567", vec![]),
            (Class::IpAddress, "10.0.0.7", vec![]),
            (Class::IpAddress, "84.17.3.9/32", vec!["84 17 3 9"]),
            (Class::Address, "12 Hill Road", vec!["12 hill road"]),
            (Class::Address, "Berlin", vec![]),
            (
                Class::Url,
                "https://www.social.example/annm",
                vec!["social example annm"],
            ),
            (Class::Url, "https://social.example/", vec![]),
            (Class::Secret, "password", vec![]),
            (Class::Secret, "hunter2hunter2", vec!["hunter2hunter2"]),
            (Class::City, "Berlin", vec![]),
            (Class::FirstName, "Ann", vec![]),
        ] {
            assert_eq!(sought_forms(class, value), expected, "{class} {value}");
        }
        let text = "call +49 30 1234567 or ann@corp.example, card 4111 1111 1111 1111, DE89 3704 0044 0532 0130 00, order 1234567890123";
        let found = sought_forms(Class::FreeText, text);
        for part in [
            "ann corp example",
            "49301234567",
            "4111111111111111",
            "de89370400440532013000",
        ] {
            assert!(found.contains(&part.to_owned()), "{part}: {found:?}");
        }
        assert!(!found.contains(&"1234567890123".to_owned()));
    }

    #[test]
    fn classes_without_forms_say_so() {
        for class in Class::ALL {
            let any = [
                "Ann Lee Miller 12345678",
                "ann1234567@corp.example",
                "84.17.3.9",
                "https://a.example/users/7",
                "+49 30 12345678",
            ]
            .iter()
            .any(|value| !sought_forms(*class, value).is_empty());
            assert_eq!(any, identifies(*class), "{class}");
        }
    }
}
