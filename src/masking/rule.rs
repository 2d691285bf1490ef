//! One masking rule, as a policy writes it.

use std::collections::BTreeMap;

pub use crate::world::PlacePart;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What replaces the values of one column.
///
/// In a policy a rule is a string (`"keep"`, `"email"`), or a table with a key `mask` and options
/// (`{ mask = "shift_days", max = 30, per = "id" }`), or one of the forms with their own key
/// (`{ sql = "..." }`, `{ constant = "..." }`, `{ json = { ... }, otherwise = "redact" }`, the same
/// with `hstore` and `xml`, `{ attributes = { ... } }`, `{ when = "...", then = ..., otherwise = ... }`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rule {
    /// How.
    pub mask: Mask,
    /// Values of one domain get the same mask wherever they stand; the mask's own name by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Whether distinct values must keep distinct masks; set for columns of unique keys.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unique: bool,
    /// Another column of the row whose raw value seeds the mask, so that name, e-mail and user
    /// name of one row agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<String>,
}

/// The masks. A value that breaks the format a mask expects stops the run; it never passes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "mask", deny_unknown_fields)]
pub enum Mask {
    /// The value stays.
    Keep,
    /// Null, in every row.
    Null,
    /// One text for every row, read by the type's input function.
    Constant {
        /// The text.
        value: String,
    },
    /// An SQL expression over the row, computed by the source: `{ sql = "left(zip, 3)" }`.
    Sql {
        /// The expression.
        expression: String,
    },
    /// A neutral value of the type: `***`, 0, false, 1970-01-01, an empty array.
    Redact,
    /// A keyed hash in hexadecimal digits; distinct values get distinct hashes but for a chance
    /// that is bounded before the run.
    Hash {
        /// Hexadecimal digits, 8 to 32.
        #[serde(default = "hash_length", skip_serializing_if = "is_hash_length")]
        length: u8,
    },
    /// One to one on the values of the same form: digits stay digits, letters letters, numbers
    /// of like size; no value stays as it is.
    Permute,
    /// NIST SP 800-38G FF1 over the characters of an alphabet; others stay in place.
    Fpe {
        /// Which characters are encrypted.
        #[serde(default, skip_serializing_if = "is_default")]
        alphabet: Alphabet,
    },
    /// A given and a family name.
    PersonName {
        /// Language and country.
        #[serde(default, skip_serializing_if = "is_default")]
        locale: Locale,
    },
    /// A given name.
    FirstName {
        /// Language and country.
        #[serde(default, skip_serializing_if = "is_default")]
        locale: Locale,
    },
    /// A family name.
    LastName {
        /// Language and country.
        #[serde(default, skip_serializing_if = "is_default")]
        locale: Locale,
    },
    /// A login name, one to one.
    UserName {
        /// Language and country.
        #[serde(default, skip_serializing_if = "is_default")]
        locale: Locale,
    },
    /// An e-mail address that cannot be delivered, one to one.
    Email {
        /// Language and country of the names in it.
        #[serde(default, skip_serializing_if = "is_default")]
        locale: Locale,
        /// The domain of all addresses.
        #[serde(default = "host", skip_serializing_if = "is_host")]
        host: String,
        /// Whether addresses that differ in case only get the same mask.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        ignore_case: bool,
    },
    /// A telephone number of the same country and form, one to one.
    Phone,
    /// Street and house number.
    Address {
        /// Language and country.
        #[serde(default, skip_serializing_if = "is_default")]
        locale: Locale,
    },
    /// A city.
    City {
        /// Language and country.
        #[serde(default, skip_serializing_if = "is_default")]
        locale: Locale,
    },
    /// A postal code of the same form.
    PostalCode,
    /// `m` or `f`, `Ms.` or `Mr.`, in the form of the value: agrees with the given name of the
    /// same seed.
    Gender {
        /// Language and country.
        #[serde(default, skip_serializing_if = "is_default")]
        locale: Locale,
    },
    /// Part of a real place: city, postal code, region and country of one seed agree.
    Place {
        /// Which part.
        part: PlacePart,
        /// ISO 3166-1 alpha-2; any of the known countries by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        country: Option<String>,
    },
    /// A company.
    Company {
        /// Language and country.
        #[serde(default, skip_serializing_if = "is_default")]
        locale: Locale,
    },
    /// An address on the web under a host that does not exist, one to one.
    Url {
        /// The host of all addresses.
        #[serde(default = "host", skip_serializing_if = "is_host")]
        host: String,
    },
    /// An IP address, one to one; addresses with a common prefix keep a common prefix.
    Ip,
    /// A MAC address, one to one.
    Mac,
    /// A UUID of the same version, one to one.
    Uuid,
    /// A common user agent.
    UserAgent,
    /// A card number that passes the Luhn check, one to one; issuer and length stay.
    CardNumber,
    /// An IBAN with valid check digits, one to one; the country stays.
    Iban,
    /// A national id with valid check digits, one to one; the form stays.
    NationalId {
        /// ISO 3166-1 alpha-2, in capital letters.
        country: String,
    },
    /// A date moved by up to so many days, never 0.
    ShiftDays {
        /// Days, 1 to 36525.
        max: u32,
        /// The column whose value decides: dates of one subject move together, intervals stay.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        per: Option<String>,
    },
    /// A number moved by up to a share of itself.
    Noise {
        /// Percent of the value, above 0 to 100.
        percent: f64,
    },
    /// A number rounded down to a multiple.
    Range {
        /// The distance of two values, above 0.
        step: f64,
    },
    /// A date or time cut to its year, month, week or day.
    Truncate {
        /// To what.
        to: DatePart,
    },
    /// The first three characters of a postal code, then zeros.
    Zip3,
    /// An age, or the age that a number tells, rounded down to a band.
    AgeBand {
        /// Years.
        #[serde(default = "age_step", skip_serializing_if = "is_age_step")]
        step: u32,
        /// Ages from here on are one band (HIPAA, 45 CFR 164.514(b)(2)(i)(C): 90).
        #[serde(default = "age_top", skip_serializing_if = "is_age_top")]
        top: u32,
    },
    /// A number cut off above or below.
    TopCoding {
        /// The largest value.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<f64>,
        /// The smallest value.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<f64>,
    },
    /// Only the first and last characters stay.
    Partial {
        /// Characters that stay at the beginning.
        #[serde(default, skip_serializing_if = "is_default")]
        first: u32,
        /// Characters that stay at the end.
        #[serde(default, skip_serializing_if = "is_default")]
        last: u32,
        /// What stands for each other character.
        #[serde(default = "fill", skip_serializing_if = "is_fill")]
        fill: char,
    },
    /// Every match of a regular expression replaced; a text without a match is redacted.
    Regex {
        /// The expression, in the syntax of the crate `regex`.
        pattern: String,
        /// What stands for a match; `$1` is a group.
        replace: String,
    },
    /// A text in which e-mail addresses, telephone numbers, cards, IBANs, IP addresses, web
    /// addresses and names are replaced.
    RedactText {
        /// Columns of the row that hold names of the person whom the text is about: their words
        /// are replaced, too, wherever they stand in it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        names: Vec<String>,
    },
    /// A document: rules by path; everything else follows `otherwise`.
    Json {
        /// Rules by path: `$.phone`, `$.prefs.*`, `$.items[*].email`.
        paths: BTreeMap<String, Rule>,
        /// The rule of every leaf that no path names.
        #[serde(default = "redact")]
        otherwise: Box<Rule>,
    },
    /// An hstore: rules by key; everything else follows `otherwise`.
    Hstore {
        /// Rules by key; a key may hold `*`.
        keys: BTreeMap<String, Rule>,
        /// The rule of every value that no key names.
        #[serde(default = "redact")]
        otherwise: Box<Rule>,
    },
    /// XML: rules by path; everything else follows `otherwise`.
    Xml {
        /// Rules by path: `/person/phone`, `/person/@id`, `/orders/*/email`.
        paths: BTreeMap<String, Rule>,
        /// The rule of every text and attribute that no path names.
        #[serde(default = "redact")]
        otherwise: Box<Rule>,
    },
    /// A composite: a rule for each of its attributes.
    Attributes {
        /// Rules by attribute.
        attributes: BTreeMap<String, Rule>,
    },
    /// One rule for the rows of which a condition holds, another one for the rest.
    When {
        /// What is asked of another column of the row: `kind = 'person'`, `age < 18`,
        /// `country in ('DE', 'AT')`, `gone is null`.
        condition: String,
        /// The rule where it holds.
        then: Box<Rule>,
        /// The rule where it does not, or the column is null.
        #[serde(default = "redact")]
        otherwise: Box<Rule>,
    },
    /// A label of the enum.
    Enum,
}

/// The characters that FF1 encrypts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Alphabet {
    /// 0 to 9.
    #[default]
    Digits,
    /// 0 to 9, a to z.
    Lower,
    /// 0 to 9, A to Z.
    Upper,
    /// 0 to 9, A to Z, a to z.
    Alphanumeric,
}

/// To what a date is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DatePart {
    /// January 1st.
    Year,
    /// The first of the month.
    Month,
    /// Monday.
    Week,
    /// Midnight.
    Day,
}

/// Language and country of names and places.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Locale {
    /// Arabic, Saudi Arabia.
    #[serde(rename = "ar_SA")]
    ArSa,
    /// Welsh, United Kingdom.
    #[serde(rename = "cy_GB")]
    CyGb,
    /// German, Germany.
    #[serde(rename = "de_DE")]
    DeDe,
    /// English, United States.
    #[default]
    #[serde(rename = "en_US")]
    EnUs,
    /// Persian, Iran.
    #[serde(rename = "fa_IR")]
    FaIr,
    /// French, France.
    #[serde(rename = "fr_FR")]
    FrFr,
    /// Italian, Italy.
    #[serde(rename = "it_IT")]
    ItIt,
    /// Japanese, Japan.
    #[serde(rename = "ja_JP")]
    JaJp,
    /// Dutch, Netherlands.
    #[serde(rename = "nl_NL")]
    NlNl,
    /// Portuguese, Brazil.
    #[serde(rename = "pt_BR")]
    PtBr,
    /// Portuguese, Portugal.
    #[serde(rename = "pt_PT")]
    PtPt,
    /// Turkish, Turkey.
    #[serde(rename = "tr_TR")]
    TrTr,
    /// Chinese, China.
    #[serde(rename = "zh_CN")]
    ZhCn,
    /// Chinese, Taiwan.
    #[serde(rename = "zh_TW")]
    ZhTw,
}

fn hash_length() -> u8 {
    32
}
fn is_hash_length(length: &u8) -> bool {
    *length == hash_length()
}
fn host() -> String {
    "example.com".to_owned()
}
fn is_host(text: &str) -> bool {
    text == "example.com"
}
fn fill() -> char {
    '*'
}
fn is_fill(character: &char) -> bool {
    *character == fill()
}
fn age_step() -> u32 {
    5
}
fn is_age_step(step: &u32) -> bool {
    *step == age_step()
}
fn age_top() -> u32 {
    90
}
fn is_age_top(top: &u32) -> bool {
    *top == age_top()
}
fn redact() -> Box<Rule> {
    Box::new(Rule::new(Mask::Redact))
}
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Rule {
    /// A mask with no more options.
    #[must_use]
    pub fn new(mask: Mask) -> Self {
        Self {
            mask,
            domain: None,
            unique: false,
            with: None,
        }
    }

    /// The rule of columns that hold nothing personal.
    #[must_use]
    pub fn keep() -> Self {
        Self::new(Mask::Keep)
    }

    /// Whether values stay as they are.
    #[must_use]
    pub fn is_keep(&self) -> bool {
        self.mask == Mask::Keep
    }

    /// The expression that the source computes instead of reading the column.
    #[must_use]
    pub fn sql(&self) -> Option<&str> {
        match &self.mask {
            Mask::Sql { expression } => Some(expression),
            _ => None,
        }
    }

    /// The mask's name, as policies write it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.mask.name()
    }
}

impl Mask {
    /// The name, as policies write it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Null => "null",
            Self::Constant { .. } => "constant",
            Self::Sql { .. } => "sql",
            Self::Redact => "redact",
            Self::Hash { .. } => "hash",
            Self::Permute => "permute",
            Self::Fpe { .. } => "fpe",
            Self::PersonName { .. } => "person_name",
            Self::FirstName { .. } => "first_name",
            Self::LastName { .. } => "last_name",
            Self::UserName { .. } => "user_name",
            Self::Email { .. } => "email",
            Self::Phone => "phone",
            Self::Address { .. } => "address",
            Self::City { .. } => "city",
            Self::PostalCode => "postal_code",
            Self::Gender { .. } => "gender",
            Self::Place { .. } => "place",
            Self::Company { .. } => "company",
            Self::Url { .. } => "url",
            Self::Ip => "ip",
            Self::Mac => "mac",
            Self::Uuid => "uuid",
            Self::UserAgent => "user_agent",
            Self::CardNumber => "card_number",
            Self::Iban => "iban",
            Self::NationalId { .. } => "national_id",
            Self::ShiftDays { .. } => "shift_days",
            Self::Noise { .. } => "noise",
            Self::Range { .. } => "range",
            Self::Truncate { .. } => "truncate",
            Self::Zip3 => "zip3",
            Self::AgeBand { .. } => "age_band",
            Self::TopCoding { .. } => "top_coding",
            Self::Partial { .. } => "partial",
            Self::Regex { .. } => "regex",
            Self::RedactText { .. } => "redact_text",
            Self::Json { .. } => "json",
            Self::Hstore { .. } => "hstore",
            Self::Xml { .. } => "xml",
            Self::Attributes { .. } => "attributes",
            Self::When { .. } => "when",
            Self::Enum => "enum",
        }
    }
}
