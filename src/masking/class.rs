//! Kinds of personal data.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What kind of personal data (or secret) a column holds. The names are written in policies, in a
/// change file's `pii =` and in the findings of `mask scan`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The whole name of a person.
    PersonName,
    /// A given name.
    FirstName,
    /// A family name.
    LastName,
    /// A name that somebody logs in or is addressed with.
    UserName,
    /// An e-mail address.
    Email,
    /// A telephone or fax number.
    Phone,
    /// Street and house number, or a whole address in one text.
    Address,
    /// A city or another place that narrows down where somebody lives.
    City,
    /// A postal code.
    PostalCode,
    /// Latitude, longitude or both.
    Location,
    /// The name of a company that may be a person's.
    Company,
    /// A date of birth.
    BirthDate,
    /// An age, in years.
    Age,
    /// Sex or gender.
    Gender,
    /// Nationality, ethnicity, religion, politics, sexuality, union membership: GDPR, article 9.
    Sensitive,
    /// The number of a payment card.
    CardNumber,
    /// A card's security code or expiry date.
    CardSecurity,
    /// An IBAN.
    Iban,
    /// Any other account number.
    BankAccount,
    /// A salary, balance or price that belongs to a person.
    Money,
    /// A national identity, social security or tax number.
    NationalId,
    /// The number of a passport, driving licence or similar paper.
    DocumentId,
    /// Diagnoses, medication, insurance: health.
    Health,
    /// An IP address.
    IpAddress,
    /// A MAC address, an IMEI, an advertising or device id.
    DeviceId,
    /// A user agent.
    UserAgent,
    /// An address on the web that may name a person.
    Url,
    /// A password or its hash.
    Password,
    /// A token, key, session or another secret.
    Secret,
    /// A picture, a signature, a fingerprint, a voice.
    Biometric,
    /// Text that people write: notes, messages, comments.
    FreeText,
    /// A document (JSON, XML, hstore) with personal data inside.
    Document,
    /// Another date that tells about a person.
    PersonalDate,
    /// A number that stands for a person and means nothing by itself.
    PseudonymousId,
}

impl Class {
    /// Every class.
    pub const ALL: &'static [Self] = &[
        Self::PersonName,
        Self::FirstName,
        Self::LastName,
        Self::UserName,
        Self::Email,
        Self::Phone,
        Self::Address,
        Self::City,
        Self::PostalCode,
        Self::Location,
        Self::Company,
        Self::BirthDate,
        Self::Age,
        Self::Gender,
        Self::Sensitive,
        Self::CardNumber,
        Self::CardSecurity,
        Self::Iban,
        Self::BankAccount,
        Self::Money,
        Self::NationalId,
        Self::DocumentId,
        Self::Health,
        Self::IpAddress,
        Self::DeviceId,
        Self::UserAgent,
        Self::Url,
        Self::Password,
        Self::Secret,
        Self::Biometric,
        Self::FreeText,
        Self::Document,
        Self::PersonalDate,
        Self::PseudonymousId,
    ];

    /// The name that is written in files: `person-name`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PersonName => "person-name",
            Self::FirstName => "first-name",
            Self::LastName => "last-name",
            Self::UserName => "user-name",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Address => "address",
            Self::City => "city",
            Self::PostalCode => "postal-code",
            Self::Location => "location",
            Self::Company => "company",
            Self::BirthDate => "birth-date",
            Self::Age => "age",
            Self::Gender => "gender",
            Self::Sensitive => "sensitive",
            Self::CardNumber => "card-number",
            Self::CardSecurity => "card-security",
            Self::Iban => "iban",
            Self::BankAccount => "bank-account",
            Self::Money => "money",
            Self::NationalId => "national-id",
            Self::DocumentId => "document-id",
            Self::Health => "health",
            Self::IpAddress => "ip-address",
            Self::DeviceId => "device-id",
            Self::UserAgent => "user-agent",
            Self::Url => "url",
            Self::Password => "password",
            Self::Secret => "secret",
            Self::Biometric => "biometric",
            Self::FreeText => "free-text",
            Self::Document => "document",
            Self::PersonalDate => "personal-date",
            Self::PseudonymousId => "pseudonymous-id",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Class {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .copied()
            .find(|class| class.name() == text)
            .ok_or_else(|| format!("\"{text}\" is not a class of personal data"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_files() {
        for class in Class::ALL {
            assert_eq!(
                serde_json::to_value(class).unwrap(),
                serde_json::json!(class.name())
            );
            assert_eq!(class.name().parse(), Ok(*class));
        }
        assert!("nonsense".parse::<Class>().is_err());
    }
}
