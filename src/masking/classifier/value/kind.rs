//! The detectors by name, and what they say about one value.

use super::{checksum, contact, formats, national, prose, secret, words};

/// What a value can look like; one value can look like several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(in crate::masking::classifier) enum Kind {
    Email,
    Phone,
    /// Digits alone that a phone number can be.
    BarePhone,
    Card,
    Iban,
    NationalId,
    Ip,
    Mac,
    Uuid,
    Token,
    PasswordHash,
    HexSecret,
    RandomText,
    Url,
    UserAgent,
    Date,
    Coordinates,
    PostalCode,
    GivenName,
    FamilyName,
    FullName,
    City,
    Street,
    Company,
    GenderWord,
    UserName,
    Icd,
    BloodType,
    Expiry,
    Bic,
    Prose,
    /// Prose with an e-mail address, a number or a name of a person inside.
    PersonalProse,
    /// Prose with an address or a number that can be checked.
    ExactProse,
    Digits,
}

impl Kind {
    pub(in crate::masking::classifier) const COUNT: usize = Self::Digits as usize + 1;
}

/// A set of kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::masking::classifier) struct Kinds(u64);

impl Kinds {
    pub(super) fn set(&mut self, kind: Kind, is: bool) {
        self.0 |= u64::from(is) << (kind as u8);
    }

    pub(in crate::masking::classifier) fn has(self, kind: Kind) -> bool {
        self.0 >> (kind as u8) & 1 == 1
    }

    /// The positions of the kinds, for counting.
    pub(in crate::masking::classifier) fn places(self) -> impl Iterator<Item = usize> {
        (0..Kind::COUNT).filter(move |place| self.0 >> place & 1 == 1)
    }
}

/// Everything that `value` looks like.
pub(in crate::masking::classifier) fn kinds(value: &str) -> Kinds {
    let value = value.trim();
    let mut found = Kinds::default();
    if value.is_empty() {
        return found;
    }
    let words = value.split_whitespace().count();
    if words <= 1 {
        single(value, &mut found);
    }
    if words <= 8 && value.len() <= 120 {
        short(value, &mut found);
    }
    found.set(Kind::UserAgent, formats::is_user_agent(value));
    found.set(Kind::Token, secret::is_token(value));
    if words >= 4 && value.len() >= 24 {
        found.set(Kind::Prose, true);
        let certain = found.has(Kind::Iban) || found.has(Kind::Card) || found.has(Kind::Phone);
        let exact = !certain && prose::is_exact(value);
        found.set(Kind::ExactProse, exact);
        found.set(
            Kind::PersonalProse,
            exact || !certain && prose::names_somebody(value),
        );
    }
    found
}

/// Values without blanks.
fn single(value: &str, found: &mut Kinds) {
    found.set(Kind::Email, contact::is_email(value));
    found.set(Kind::Ip, formats::is_ip(value));
    found.set(Kind::Mac, formats::is_mac(value));
    found.set(Kind::Uuid, formats::is_uuid(value));
    found.set(Kind::PasswordHash, secret::is_password_hash(value));
    found.set(Kind::HexSecret, secret::is_long_hex(value));
    found.set(Kind::RandomText, secret::is_random(value));
    found.set(Kind::Url, formats::is_url(value));
    found.set(Kind::Icd, formats::is_icd(value));
    found.set(Kind::BloodType, formats::is_blood_type(value));
    found.set(Kind::Expiry, formats::is_expiry(value));
    found.set(Kind::Bic, formats::is_bic(value));
    found.set(Kind::Digits, value.bytes().all(|b| b.is_ascii_digit()));
    found.set(Kind::BarePhone, contact::is_bare_phone(value));
    found.set(Kind::UserName, words::is_user_name(value));
    found.set(Kind::GivenName, words::is_given_name(value));
    found.set(Kind::FamilyName, words::is_family_name(value));
}

/// Values of a few words at most.
fn short(value: &str, found: &mut Kinds) {
    found.set(Kind::Iban, checksum::is_iban(value));
    found.set(Kind::Card, checksum::is_card(value));
    let national = national::national(value).next().is_some();
    found.set(Kind::NationalId, national);
    found.set(Kind::Date, formats::year(value).is_some());
    let formatted = value.bytes().any(|b| !b.is_ascii_digit()) && national;
    found.set(
        Kind::Phone,
        !formatted && contact::is_phone(value) && !found.has(Kind::Card),
    );
    found.set(Kind::Coordinates, formats::is_coordinates(value));
    found.set(Kind::PostalCode, formats::is_postal_code(value));
    found.set(Kind::FullName, words::is_full_name(value));
    found.set(Kind::City, words::is_city(value));
    found.set(Kind::Street, contact::is_street(value));
    found.set(Kind::Company, words::is_company(value));
    found.set(Kind::GenderWord, words::is_gender(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_look_like_what_they_are() {
        for (value, kind) in [
            ("ada.lovelace@example.org", Kind::Email),
            ("+49 30 901820", Kind::Phone),
            ("(555) 010-4477", Kind::Phone),
            ("06 12 34 56 78", Kind::Phone),
            ("4111 1111 1111 1111", Kind::Card),
            ("DE89 3704 0044 0532 0130 00", Kind::Iban),
            ("2001:db8::1", Kind::Ip),
            ("00:1b:44:11:3a:b7", Kind::Mac),
            (
                "$2b$12$KIXQ4S0.Yv1mJ5dGxF1Fz.6s7kq0pV0y9C7Q8Yc2mJX1m1Q7wFZ6e",
                Kind::PasswordHash,
            ),
            ("Hauptstraße 12a", Kind::Street),
            ("221B Baker Street", Kind::Street),
            ("12 rue de la Paix", Kind::Street),
            ("Calle Mayor 5", Kind::Street),
            ("ul. Długa 7", Kind::Street),
            ("SW1A 1AA", Kind::PostalCode),
            ("Maria Schmidt", Kind::FullName),
            ("Dr. Anna Kowalska", Kind::FullName),
            ("García, José", Kind::FullName),
            ("Berlin", Kind::City),
            ("Maria", Kind::GivenName),
            ("Schmidt", Kind::FamilyName),
            ("maria.schmidt82", Kind::UserName),
            ("Acme GmbH", Kind::Company),
            ("52.5200, 13.4050", Kind::Coordinates),
            ("1984-05-17", Kind::Date),
            ("E11.9", Kind::Icd),
            ("DEUTDEFF500", Kind::Bic),
            (
                "Please call Maria Schmidt about the delivery.",
                Kind::PersonalProse,
            ),
            (
                "The customer wrote from a.b@example.com twice",
                Kind::PersonalProse,
            ),
        ] {
            assert!(kinds(value).has(kind), "{value} is {kind:?}");
        }
    }

    #[test]
    fn and_not_what_they_are_not() {
        for (value, kind) in [
            ("a@b", Kind::Email),
            ("2024-01-15", Kind::Phone),
            ("192.168.0.1", Kind::Phone),
            ("978-3-16-148410-0", Kind::Phone),
            ("2024-000123", Kind::Phone),
            ("19.99", Kind::Phone),
            ("4111 1111 1111 1112", Kind::Card),
            ("DE89 3704 0044 0532 0130 01", Kind::Iban),
            ("Garden Chair", Kind::FullName),
            ("Wireless Mouse Black", Kind::FullName),
            ("blue", Kind::GivenName),
            ("ACTIVE", Kind::City),
            ("The parcel was left at the door", Kind::PersonalProse),
            ("pending", Kind::UserName),
            ("EUR", Kind::Bic),
            ("12345", Kind::NationalId),
        ] {
            assert!(!kinds(value).has(kind), "{value} is no {kind:?}");
        }
    }
}
