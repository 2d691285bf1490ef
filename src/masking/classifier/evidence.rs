//! What the values of a column say about it.

use super::facts::Family;
use super::finding::Finding;
use super::profile::Profile;
use super::value::{COUNTRIES, Kind};
use crate::masking::Class;

/// A format that values have by chance only seldom: kind, class, how sure a column is in which all
/// have it, the share that is asked for, and what the values are called.
type Format = (Kind, Class, f64, f64, &'static str);

const FORMATS: &[Format] = &[
    (Kind::Email, Class::Email, 0.98, 0.5, "e-mail addresses"),
    (
        Kind::Iban,
        Class::Iban,
        0.98,
        0.5,
        "IBANs with right check digits",
    ),
    (
        Kind::PasswordHash,
        Class::Password,
        0.98,
        0.5,
        "hashes of passwords",
    ),
    (Kind::Token, Class::Secret, 0.97, 0.5, "tokens or keys"),
    (
        Kind::Card,
        Class::CardNumber,
        0.97,
        0.8,
        "card numbers with right check digits",
    ),
    (Kind::Mac, Class::DeviceId, 0.93, 0.7, "MAC addresses"),
    (Kind::Ip, Class::IpAddress, 0.93, 0.7, "IP addresses"),
    (Kind::UserAgent, Class::UserAgent, 0.93, 0.6, "user agents"),
    (Kind::Phone, Class::Phone, 0.92, 0.6, "telephone numbers"),
    (
        Kind::FullName,
        Class::PersonName,
        0.92,
        0.4,
        "names of persons",
    ),
    (
        Kind::Street,
        Class::Address,
        0.9,
        0.4,
        "streets with numbers",
    ),
    (Kind::Coordinates, Class::Location, 0.9, 0.8, "coordinates"),
    (
        Kind::PostalCode,
        Class::PostalCode,
        0.85,
        0.8,
        "postal codes",
    ),
    (
        Kind::Expiry,
        Class::CardSecurity,
        0.7,
        0.95,
        "months of expiry",
    ),
    (Kind::Bic, Class::BankAccount, 0.8, 0.95, "BICs"),
    (Kind::BloodType, Class::Health, 0.85, 0.95, "blood types"),
    (Kind::Icd, Class::Health, 0.8, 0.9, "codes of diagnoses"),
    (Kind::City, Class::City, 0.75, 0.35, "cities"),
    (
        Kind::RandomText,
        Class::Secret,
        0.7,
        0.9,
        "random texts as keys are",
    ),
    (
        Kind::HexSecret,
        Class::Secret,
        0.55,
        0.9,
        "long hexadecimal texts",
    ),
    (
        Kind::Company,
        Class::Company,
        0.55,
        0.3,
        "companies by their legal form",
    ),
    (
        Kind::UserName,
        Class::UserName,
        0.6,
        0.4,
        "logins made of names",
    ),
];

/// Formats of which one value among many others is worth a finding.
const RARE: &[(Kind, Class, &str)] = &[
    (Kind::Email, Class::Email, "e-mail addresses"),
    (Kind::Iban, Class::Iban, "IBANs with right check digits"),
    (Kind::PasswordHash, Class::Password, "hashes of passwords"),
    (Kind::Token, Class::Secret, "tokens or keys"),
    (Kind::Phone, Class::Phone, "telephone numbers"),
];

/// The class that the values point to most; `persons` says that other columns of the table hold
/// data of persons.
pub(super) fn by_values(profile: &Profile, family: Family, persons: bool) -> Option<Finding> {
    if profile.values == 0 {
        return None;
    }
    let mut found: Vec<Finding> = FORMATS
        .iter()
        .filter(|format| family.may_hold(format.1) && fits(format.0, family))
        .filter_map(|format| by_format(profile, format))
        .collect();
    found.extend(national_id(profile, family));
    found.extend(single_name(profile));
    found.extend(prose(profile));
    found.extend(rare(profile, family));
    if persons {
        found.extend(beside_persons(profile, family));
    }
    found
        .into_iter()
        .max_by(|a, b| a.confidence.total_cmp(&b.confidence))
        .map(|finding| finding.scaled(certainty(profile.values)))
}

/// Numbers have the digits of a phone or a card by chance.
fn fits(kind: Kind, family: Family) -> bool {
    match family {
        Family::Integer | Family::Decimal => matches!(kind, Kind::Card | Kind::NationalId),
        Family::Date | Family::Time | Family::Uuid => false,
        _ => true,
    }
}

/// Few values say less.
fn certainty(values: u32) -> f64 {
    let values = f64::from(values);
    values / (values + 0.4)
}

fn said(count: u32, profile: &Profile, what: &str) -> String {
    format!("{count} of {} sampled values are {what}", profile.values)
}

fn by_format(profile: &Profile, format: &Format) -> Option<Finding> {
    let (kind, class, sure, least, what) = *format;
    let share = profile.share(kind);
    // A name or a place of which there are two values in a thousand rows is a category.
    let category = profile.values >= 50 && profile.distinct() <= 3;
    let wordy = matches!(
        kind,
        Kind::FullName | Kind::City | Kind::Company | Kind::UserName | Kind::HexSecret
    );
    (share >= least && !(category && wordy)).then(|| {
        let confidence = sure * (0.7 + 0.3 * share);
        Finding::new(class, confidence, said(profile.count(kind), profile, what))
    })
}

/// One country's check digits in nearly all values; one scheme in ten passes by chance.
fn national_id(profile: &Profile, family: Family) -> Option<Finding> {
    let (place, count) = profile
        .countries
        .iter()
        .enumerate()
        .max_by_key(|(_, count)| **count)?;
    let share = f64::from(*count) / f64::from(profile.values);
    let enough = profile.values >= 5 && profile.distinct() >= 5
        || family == Family::Text && profile.values >= 3;
    (share >= 0.85 && enough && family.may_hold(Class::NationalId)).then(|| {
        let what = format!("{} numbers with right check digits", COUNTRIES[place].0);
        Finding::new(
            Class::NationalId,
            0.95 * share,
            said(*count, profile, &what),
        )
    })
}

fn single_name(profile: &Profile) -> Option<Finding> {
    let (given, family) = (
        profile.share(Kind::GivenName),
        profile.share(Kind::FamilyName),
    );
    if profile.values >= 50 && profile.distinct() <= 5 {
        return None;
    }
    let (class, kind, share, what) = if given >= family {
        (Class::FirstName, Kind::GivenName, given, "given names")
    } else {
        (Class::LastName, Kind::FamilyName, family, "family names")
    };
    (share >= 0.35).then(|| {
        Finding::new(
            class,
            0.55 + 0.38 * share,
            said(profile.count(kind), profile, what),
        )
    })
}

/// Titles of works name persons too: names alone count where they are many, or texts are long.
fn prose(profile: &Profile) -> Option<Finding> {
    let texts = profile.count(Kind::Prose);
    let (personal, exact) = (
        profile.count(Kind::PersonalProse),
        profile.count(Kind::ExactProse),
    );
    let of_texts = |count: u32| f64::from(count) / f64::from(texts.max(1));
    let long = profile.words >= 8 * u64::from(profile.values);
    let named = of_texts(personal) >= if long { 0.02 } else { 0.15 };
    let told = profile.share(Kind::Prose) >= 0.2
        && (named && personal > 0
            || exact > 0 && of_texts(exact) >= if long { 0.002 } else { 0.05 });
    told.then(|| {
        let reason = format!(
            "{personal} of {texts} sampled texts hold names, addresses or numbers of persons"
        );
        Finding::new(Class::FreeText, 0.6 + 0.35 * of_texts(personal), reason)
    })
}

fn rare(profile: &Profile, family: Family) -> Option<Finding> {
    RARE.iter()
        .filter(|(kind, class, _)| family.may_hold(*class) && fits(*kind, family))
        .filter(|(kind, ..)| {
            let count = profile.count(*kind);
            let least = if *kind == Kind::Phone { 0.1 } else { 0.005 };
            count > 0 && profile.share(*kind) >= least
        })
        .map(|(kind, class, what)| {
            let confidence = 0.5 + 0.4 * profile.share(*kind);
            Finding::new(
                *class,
                confidence,
                said(profile.count(*kind), profile, what),
            )
        })
        .max_by(|a, b| a.confidence.total_cmp(&b.confidence))
}

/// What is not personal by itself, but beside names of persons.
fn beside_persons(profile: &Profile, family: Family) -> Option<Finding> {
    let beside = |what: &str| format!("{what}, beside columns about persons");
    let texts = matches!(family, Family::Text | Family::Other);
    if family == Family::Date || family == Family::Time || texts && profile.share(Kind::Date) > 0.9
    {
        return births(profile).then(|| {
            Finding::new(
                Class::BirthDate,
                0.7,
                beside("days over decades as dates of birth have"),
            )
        });
    }
    let all_digits = profile.share(Kind::Digits) > 0.95;
    if texts && all_digits && profile.share(Kind::BarePhone) > 0.8 {
        return Some(Finding::new(
            Class::Phone,
            0.6,
            beside("digits as of telephone numbers"),
        ));
    }
    let same_length = profile
        .lengths
        .is_some_and(|(low, high)| low == high && (4..=6).contains(&low));
    if texts && all_digits && same_length && profile.distinct() > 3 {
        return Some(Finding::new(
            Class::PostalCode,
            0.6,
            beside("digits as of postal codes"),
        ));
    }
    if profile.share(Kind::GenderWord) > 0.97 && (2..=6).contains(&profile.distinct()) {
        return Some(Finding::new(
            Class::Gender,
            0.75,
            beside("words for genders"),
        ));
    }
    if profile.share(Kind::Url) > 0.8 && profile.distinct() > 3 {
        return Some(Finding::new(
            Class::Url,
            0.5,
            beside("addresses on the web"),
        ));
    }
    let degrees = family == Family::Decimal
        && profile.largest <= 180.0
        && f64::from(profile.fine_decimals) > 0.9 * f64::from(profile.values);
    degrees.then(|| Finding::new(Class::Location, 0.6, beside("decimal degrees")))
}

/// Dates of birth lie over decades, most of them some time ago.
fn births(profile: &Profile) -> bool {
    let decades = &profile.decades;
    let dated: u32 = decades.iter().sum();
    let used = decades.iter().filter(|count| **count > 0).count();
    let before_2010: u32 = decades[..11].iter().sum();
    let future: u32 = decades[13..].iter().sum();
    let before_2000: u32 = decades[..10].iter().sum();
    dated > 0
        && future == 0
        && used >= 3.min(dated as usize)
        && f64::from(before_2010) > 0.7 * f64::from(dated)
        && f64::from(before_2000) > 0.4 * f64::from(dated)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(values: &[&str], family: Family, persons: bool) -> Option<Class> {
        let mut profile = Profile::default();
        for (i, value) in values.iter().enumerate() {
            profile.add(Some(value), family, i as u64);
        }
        by_values(&profile, family, persons)
            .filter(Finding::is_reported)
            .map(|f| f.class)
    }

    #[test]
    fn values_alone_tell_the_class() {
        use Class as C;
        for (values, class) in [
            (
                &["a@b.example", "c.d@e.example", "f@g.example"][..],
                Some(C::Email),
            ),
            (&["Maria", "Jan", "Giulia", "Xqzt"], Some(C::FirstName)),
            (&["Kowalska", "Schneider", "Rossi"], Some(C::LastName)),
            (
                &["Maria Rossi", "Jan Kowalski", "Emma Jones"],
                Some(C::PersonName),
            ),
            (&["44051401359", "02070803628", "92010112345"], None),
            (
                &["Hauptstr. 5", "Ringweg 12", "Am Markt 1"],
                Some(C::Address),
            ),
            (&["red", "green", "blue"], None),
            (&["2024-01-01", "2024-01-02"], None),
            (&["pending", "shipped", "closed"], None),
            (&["1.2.3", "2.0.1", "3.11.4"], None),
        ] {
            assert_eq!(finding(values, Family::Text, false), class, "{values:?}");
        }
        let births = [
            "1950-01-02",
            "1984-05-17",
            "1971-12-01",
            "1999-03-04",
            "2003-07-09",
        ];
        assert_eq!(finding(&births, Family::Date, true), Some(C::BirthDate));
        assert_eq!(finding(&births, Family::Date, false), None);
        let recent = ["2021-01-02", "2022-05-17", "2023-12-01"];
        assert_eq!(finding(&recent, Family::Date, true), None);
    }

    #[test]
    fn one_address_among_many_words_is_found() {
        let mut values = vec!["ordinary"; 50];
        values.push("a@b.example");
        assert_eq!(finding(&values, Family::Text, false), Some(Class::Email));
    }
}
