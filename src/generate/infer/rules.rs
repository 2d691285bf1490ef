//! What names mean: the first phrase that stands in a column's name decides.

use super::name::{phrase, phrase_end};
use crate::generate::source::Topic as T;

/// What a column is by its name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Guess {
    /// A text of a topic.
    Text(T),
    /// A year, between so many before the run's and so many before it.
    Year(i32, i32),
    /// A number between two, with digits behind the point.
    Number(f64, f64, u16),
    /// Prices: many small, few large, to a highest.
    Money(f64),
    /// One of some words.
    Words(&'static [&'static str]),
    /// Free text of so many characters.
    Prose(u32, u32),
    /// True with this share.
    Flag(f64),
    /// Days ago, from the farthest to the nearest; negative ones are yet to come.
    Ago(i64, i64),
}

use Guess::{Ago, Flag, Money, Number, Prose, Text, Words, Year};

const STATUS: &[&str] = &["active", "pending", "inactive", "archived"];
const PRIORITY: &[&str] = &["low", "normal", "high", "urgent"];
const ROLE: &[&str] = &["admin", "editor", "member", "viewer"];
const METHOD: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE"];
const PAYMENT: &[&str] = &["card", "transfer", "invoice", "cash"];
const UNIT: &[&str] = &["piece", "kg", "g", "l", "m", "box"];
const SIZE: &[&str] = &["XS", "S", "M", "L", "XL"];
const WEEKDAY: &[&str] = &[
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];
const DEPARTMENT: &[&str] = &[
    "Sales",
    "Marketing",
    "Finance",
    "Engineering",
    "Support",
    "Legal",
    "Operations",
];

/// Texts, by phrases of the column's name; specific ones first.
const TEXTS: &[(&str, Guess)] = &[
    (
        "email e_mail mail email_address correo courriel eposta emailaddress",
        Text(T::Email),
    ),
    (
        "first_name firstname given_name givenname forename fname vorname prenom nombre nome_proprio voornaam",
        Text(T::FirstName),
    ),
    (
        "last_name lastname surname family_name familyname lname nachname nom_famille apellido apellidos cognome sobrenome achternaam",
        Text(T::LastName),
    ),
    ("middle_name middlename", Text(T::FirstName)),
    (
        "user_name username login nickname nick handle screen_name benutzername screenname",
        Text(T::UserName),
    ),
    (
        "full_name fullname display_name displayname contact_name customer_name author_name owner_name recipient_name patient_name employee_name person_name",
        Text(T::FullName),
    ),
    (
        "company_name company organisation organization employer firma empresa entreprise societe azienda supplier_name vendor_name brand manufacturer",
        Text(T::Company),
    ),
    ("product_name productname item_name", Text(T::Product)),
    ("file_name filename attachment_name", Text(T::FileName)),
    (
        "country_code countrycode country_iso iso_country iso2 landcode",
        Text(T::CountryCode),
    ),
    ("state_code province_code", Text(T::StateCode)),
    (
        "currency currency_code currencycode waehrung devise moneda valuta",
        Text(T::Currency),
    ),
    ("language_name", Text(T::LanguageName)),
    ("locale lang_tag", Text(T::LanguageTag)),
    (
        "language lang language_code sprache langue idioma lingua taal",
        Text(T::Language),
    ),
    ("time_zone timezone tz zeitzone", Text(T::TimeZone)),
    ("user_agent useragent browser", Text(T::UserAgent)),
    (
        "ip ip_address ipaddress ip_addr ipaddr remote_addr client_ip",
        Text(T::Address),
    ),
    (
        "mime_type mimetype content_type media_type",
        Text(T::MimeType),
    ),
    (
        "password passwd pwd password_hash hashed_password encrypted_password password_digest passwort",
        Text(T::PasswordHash),
    ),
    (
        "credit_card creditcard card_number cardnumber pan cc_number kreditkarte",
        Text(T::CreditCard),
    ),
    ("iban", Text(T::Iban)),
    (
        "phone phone_number mobile_number fax_number telephone_number cell_number phonenumber telephone tel mobile cell cellphone fax telefon telefono handy",
        Text(T::Phone),
    ),
    (
        "sha256 sha1 md5 hash digest checksum fingerprint etag",
        Text(T::Hash),
    ),
    (
        "token api_key apikey secret access_key session_key session_token nonce salt refresh_token",
        Text(T::Token),
    ),
    (
        "street address address1 address2 address_line1 address_line2 address_line street_address strasse rue calle via straat line1 line2 adresse direccion indirizzo",
        Text(T::Street),
    ),
    (
        "city town ort stadt ville ciudad citta cidade locality municipality plaats",
        Text(T::City),
    ),
    (
        "zip zip_code zipcode postal_code postalcode postcode plz code_postal codigo_postal cap cep",
        Text(T::PostalCode),
    ),
    (
        "country land pays pais paese nation nationality",
        Text(T::Country),
    ),
    (
        "state province region bundesland provincia county district",
        Text(T::State),
    ),
    (
        "job_title jobtitle position job occupation beruf",
        Text(T::JobTitle),
    ),
    ("profession", Text(T::Profession)),
    ("industry sector branche", Text(T::Industry)),
    ("department abteilung", Words(DEPARTMENT)),
    ("gender sex geschlecht genre_personne", Text(T::Gender)),
    ("salutation honorific anrede", Text(T::Title)),
    ("hex_color color_hex hex_colour", Text(T::HexColour)),
    ("color colour farbe couleur colore kleur", Text(T::Colour)),
    (
        "url uri link href website homepage webpage web callback webhook avatar image_url photo picture",
        Text(T::Url),
    ),
    ("slug permalink", Text(T::Slug)),
    ("domain hostname host subdomain", Text(T::Domain)),
    ("path file_path filepath directory", Text(T::FilePath)),
    ("version release semver", Text(T::Version)),
    (
        "account_number account_no acct_no bank_account konto kontonummer sku code barcode ean reference ref order_number invoice_number serial_number tracking_number part_number number num nummer",
        Text(T::Code),
    ),
    (
        "category kategorie categorie categoria genre",
        Text(T::Category),
    ),
    ("status state_name zustand statut estado", Words(STATUS)),
    ("priority severity", Words(PRIORITY)),
    ("role", Words(ROLE)),
    ("http_method", Words(METHOD)),
    ("payment_method payment_type", Words(PAYMENT)),
    ("unit uom", Words(UNIT)),
    ("size", Words(SIZE)),
    ("weekday day_of_week", Words(WEEKDAY)),
    (
        "title subject headline heading caption titel titre titulo titolo",
        Text(T::Heading),
    ),
    (
        "description comment comments note notes remark remarks message body content text summary bio about review beschreibung details abstract excerpt answer question reason",
        Prose(30, 160),
    ),
    ("tag label keyword type kind", Text(T::Label)),
];

/// Whose a plain `name` is, by phrases of the table's name.
const OWNERS: &[(&str, Guess)] = &[
    (
        "user users customer customers person people persons employee employees author authors contact contacts member members patient patients student students client clients staff teacher teachers doctor doctors driver drivers actor actors guest guests account accounts profile profiles kunde kunden",
        Text(T::FullName),
    ),
    (
        "company companies organization organizations organisation organisations supplier suppliers vendor vendors brand brands tenant tenants manufacturer manufacturers firm firms shop shops store stores",
        Text(T::Company),
    ),
    (
        "product products item items article articles good goods",
        Text(T::Product),
    ),
    ("city cities town towns", Text(T::City)),
    ("country countries", Text(T::Country)),
    (
        "state states region regions province provinces",
        Text(T::State),
    ),
    ("category categories genre genres", Text(T::Category)),
    ("tag tags label labels keyword keywords", Text(T::Label)),
    ("language languages", Text(T::LanguageName)),
    ("color colors colour colours", Text(T::Colour)),
    (
        "file files document documents attachment attachments image images",
        Text(T::FileName),
    ),
    ("department departments", Words(DEPARTMENT)),
    ("role roles", Words(ROLE)),
];

/// Numbers, by phrases of the column's name.
const NUMBERS: &[(&str, Guess)] = &[
    ("latitude lat", Number(-89.0, 89.0, 6)),
    ("longitude lng lon long", Number(-179.0, 179.0, 6)),
    (
        "percent percentage pct progress prozent completion",
        Number(0.0, 100.0, 2),
    ),
    (
        "tax_rate vat discount_rate commission interest_rate probability ratio rate share confidence",
        Number(0.0, 1.0, 4),
    ),
    ("battery battery_level humidity", Number(0.0, 100.0, 0)),
    ("heart_rate heartrate pulse bpm", Number(48.0, 140.0, 0)),
    ("rating stars", Number(1.0, 5.0, 1)),
    ("score points", Number(0.0, 100.0, 1)),
    ("salary income wage gehalt", Number(24_000.0, 160_000.0, 2)),
    (
        "price unit_price cost preis prix precio prezzo amount total subtotal sum fee tax discount paid revenue betrag montant importe balance budget shipping_cost",
        Money(2000.0),
    ),
    (
        "base_rate hourly_rate daily_rate day_rate room_rate nightly_rate weekly_rate monthly_rate",
        Money(500.0),
    ),
    (
        "annual_revenue yearly_revenue annual_turnover turnover",
        Number(50_000.0, 50_000_000.0, 0),
    ),
    ("adults", Number(1.0, 4.0, 0)),
    ("children kids infants babies", Number(0.0, 3.0, 0)),
    (
        "guests persons passengers participants attendees party_size",
        Number(1.0, 8.0, 0),
    ),
    ("floor floors storey stories", Number(0.0, 20.0, 0)),
    ("rooms bedrooms bathrooms beds", Number(1.0, 6.0, 0)),
    (
        "employees number_of_employees employee_count headcount staff_count",
        Number(1.0, 5000.0, 0),
    ),
    ("reputation karma", Number(0.0, 10_000.0, 0)),
    (
        "quantity qty menge quantite cantidad stock inventory count items pieces",
        Number(1.0, 50.0, 0),
    ),
    ("age alter edad", Number(18.0, 90.0, 0)),
    ("birth_year", Year(85, 19)),
    ("year jahr annee anno", Year(35, 0)),
    ("month monat mois", Number(1.0, 12.0, 0)),
    ("day", Number(1.0, 28.0, 0)),
    ("hour", Number(0.0, 23.0, 0)),
    ("minute minutes", Number(0.0, 59.0, 0)),
    ("duration seconds elapsed", Number(1.0, 7200.0, 0)),
    ("temperature temp celsius", Number(-20.0, 40.0, 1)),
    ("weight gewicht poids peso mass", Number(0.1, 100.0, 2)),
    (
        "height width length depth hoehe breite",
        Number(1.0, 250.0, 1),
    ),
    ("distance km", Number(1.0, 1000.0, 1)),
    ("size bytes file_size", Number(1.0, 10_000_000.0, 0)),
    ("port", Number(1024.0, 65_535.0, 0)),
    ("priority level rank", Number(1.0, 5.0, 0)),
    (
        "position sort_order ordinal sequence seq display_order",
        Number(1.0, 100.0, 0),
    ),
    ("version revision", Number(1.0, 20.0, 0)),
    (
        "views likes clicks visits downloads followers",
        Number(0.0, 10_000.0, 0),
    ),
    ("retries attempts retry_count", Number(0.0, 5.0, 0)),
    ("status_code", Number(200.0, 599.0, 0)),
    ("capacity seats", Number(1.0, 500.0, 0)),
];

/// Dates and times, by phrases of the column's name.
const TIMES: &[(&str, Guess)] = &[
    (
        "birth birthday birth_date birthdate date_of_birth dob born geburtsdatum naissance nacimiento",
        Ago(75 * 365, 18 * 365),
    ),
    ("hire_date hired joined_at joined", Ago(10 * 365, 0)),
    (
        "expires expires_at expiry expiration expire valid_until valid_to due due_date due_at deadline scheduled scheduled_at next_run renewal",
        Ago(-1, -365),
    ),
];

/// Shares of true.
const FLAGS: &[(&str, Guess)] = &[
    (
        "deleted archived blocked banned suspended locked spam test hidden is_deleted disabled",
        Flag(0.05),
    ),
    ("admin is_admin superuser staff featured premium", Flag(0.1)),
    (
        "active enabled verified confirmed visible published available valid is_active",
        Flag(0.85),
    ),
];

/// A phrase and what it means.
pub(super) type Found = Option<(&'static str, Guess)>;

/// The rule whose phrase ends last, for the head of a name is at its end; of those the longest phrase,
/// then the first rule.
fn of(rules: &'static [(&'static str, Guess)], words: &str) -> Found {
    let mut best = ((0, 0), None);
    for (phrases, guess) in rules {
        for one in phrases.split(' ') {
            let Some(end) = phrase_end(words, one) else {
                continue;
            };
            let score = (end, one.len());
            if score > best.0 {
                best = (score, Some((one, *guess)));
            }
        }
    }
    best.1
}

/// Last words of names that speak of a thing and do not hold it: `email_verified_by`, `phone_type`.
const ABOUT: &str = "by verified confirmed enabled disabled notifications type count hash id at on";

/// What a text column of that name is, in a table of that name.
pub(super) fn text(table: &str, words: &str) -> Found {
    let found = of(TEXTS, words);
    if let Some((one, _)) = found
        && phrase_end(words, one).is_some_and(|end| {
            phrase(&words[end..], ABOUT).is_some_and(|last| words.ends_with(&format!("_{last}_")))
        })
    {
        return None;
    }
    found.or_else(|| {
        let name = phrase(words, "name naam nom nome")?;
        let topic = of(OWNERS, table).map_or(Text(T::Heading), |(_, guess)| guess);
        Some((name, topic))
    })
}

/// What a column of numbers is.
pub(super) fn number(words: &str) -> Found {
    of(NUMBERS, words)
}

/// What a column of dates or times is.
pub(super) fn time(words: &str) -> Found {
    of(TIMES, words)
}

/// What a column of truth values is.
pub(super) fn flag(words: &str) -> Found {
    of(FLAGS, words)
}
