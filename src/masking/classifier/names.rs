//! Judging columns by their names.

use super::facts::{ColumnName, Family};
use super::finding::Finding;
use super::table::{Subject, Table};
use super::tokens::tokens;
use super::vocabulary::{
    HARMLESS_TAILS, NEUTRAL_HEADS, NEUTRAL_TAILS, ORGANISATIONS, PERSONS, Phrase, THINGS, Weight,
    is_in, phrase,
};
use crate::masking::Class;

/// Words of the longest phrase.
const LONGEST: usize = 5;

/// Judges all columns of one table by names, types and comments; `None` for a column that seems to
/// hold nothing personal. The columns of a table are judged together: a `name` beside an e-mail
/// address is a person's.
#[must_use]
pub fn by_name(columns: &[ColumnName<'_>]) -> Vec<Option<Finding>> {
    let table = context(columns);
    columns
        .iter()
        .map(|column| judge(column, &table).filter(Finding::is_reported))
        .collect()
}

/// What a table is about, by its name and its columns.
pub(super) fn context(columns: &[ColumnName<'_>]) -> Table {
    let mut table = columns
        .first()
        .map_or_else(Table::default, |c| Table::of(c.table));
    let alone: Vec<_> = columns.iter().map(|column| judge(column, &table)).collect();
    let holds = |classes: &[Class]| {
        let mut found = alone.iter().flatten();
        found.any(|finding| finding.confidence > 0.6 && classes.contains(&finding.class))
    };
    let names = [Class::FirstName, Class::LastName, Class::PersonName];
    table.people_columns = holds(&names);
    table.person_columns = table.people_columns
        || holds(&[
            Class::Email,
            Class::BirthDate,
            Class::Password,
            Class::Phone,
        ]);
    table.address_columns = holds(&[Class::Address, Class::PostalCode]);
    table
}

fn judge(column: &ColumnName<'_>, table: &Table) -> Option<Finding> {
    let family = Family::of(column.data_type);
    let words = words(column.column);
    let named = match family {
        Family::Inet => Some(Finding::new(
            Class::IpAddress,
            0.85,
            "its type is a network address",
        )),
        Family::Mac => Some(Finding::new(
            Class::DeviceId,
            0.85,
            "its type is a MAC address",
        )),
        _ => by_phrase(&words, family, table),
    };
    let named = named.map(|finding| in_place(finding, table));
    named
        .filter(Finding::is_reported)
        .or_else(|| special(&words, family, table))
        .or_else(|| by_comment(column.comment?, family))
}

/// The words of a column's name; those written together are taken apart where a known word begins
/// another: `customeremail`.
fn words(name: &str) -> Vec<String> {
    let mut all = Vec::new();
    for word in tokens(name) {
        let known = phrase(&word).is_some() || is_in(PERSONS, &word);
        let parts = (3..word.len().saturating_sub(1))
            .filter(|at| !known && word.is_char_boundary(*at))
            .map(|at| word.split_at(at))
            .find(|(left, right)| {
                (is_in(PERSONS, left) || is_in(HARMLESS_TAILS, left)) && phrase(right).is_some()
            });
        match parts {
            Some((left, right)) => all.extend([left.to_owned(), right.to_owned()]),
            None => all.push(word),
        }
    }
    all
}

/// A phrase and where it stands in the name.
struct Place {
    phrase: Phrase,
    text: String,
    from: usize,
    to: usize,
}

/// The longest phrase; the last one of equally long ones, because heads come last.
fn longest(words: &[String]) -> Option<Place> {
    let mut best: Option<Place> = None;
    for from in 0..words.len() {
        for to in from + 1..=words.len().min(from + LONGEST) {
            let text = words[from..to].concat();
            let Some(phrase) = phrase(&text) else {
                continue;
            };
            let better = best.as_ref().is_none_or(|old| {
                (phrase.weight, to - from) >= (old.phrase.weight, old.to - old.from)
            });
            if better {
                best = Some(Place {
                    phrase,
                    text,
                    from,
                    to,
                });
            }
        }
    }
    best
}

fn by_phrase(words: &[String], family: Family, table: &Table) -> Option<Finding> {
    let place = longest(words)?;
    let class = place.phrase.class;
    if family == Family::Bool {
        let tells = matches!(class, Class::Health | Class::Sensitive);
        let sure = place.phrase.weight == Weight::Sure && place.to == words.len();
        return (tells && sure)
            .then(|| Finding::new(class, 0.5, format!("named \"{}\"", place.text)));
    }
    if !family.may_hold(class) {
        return None;
    }
    let (before, after) = (&words[..place.from], &words[place.to..]);
    if before
        .first()
        .is_some_and(|word| is_in(NEUTRAL_HEADS, word))
    {
        return None;
    }
    let factor = tail(after, class)?;
    let reason = |why: &str| format!("named \"{}\"{why}", place.text);
    match place.phrase.weight {
        Weight::Sure => Some(Finding::new(class, 0.9 * factor, reason(""))),
        Weight::Likely => Some(Finding::new(class, 0.7 * factor, reason(""))),
        Weight::Context => in_context(&place, before, after, table)
            .map(|(confidence, why)| Finding::new(class, confidence * factor, reason(why))),
    }
}

/// What the words after a phrase leave of it: a `status` of an e-mail address is none.
fn tail(words: &[String], class: Class) -> Option<f64> {
    let about_papers = "expiry expires expiration date issue issued issuing country place of code authority valid until";
    let mut factor = 1.0;
    for word in words {
        let paper = class == Class::DocumentId && about_papers.split(' ').any(|w| w == word);
        if paper || is_in(HARMLESS_TAILS, word) || is_in(PERSONS, word) {
            continue;
        }
        if is_in(NEUTRAL_TAILS, word) {
            return None;
        }
        factor = 0.5;
    }
    Some(factor)
}

/// How likely a phrase is that says something in some tables only.
fn in_context(
    place: &Place,
    before: &[String],
    after: &[String],
    table: &Table,
) -> Option<(f64, &'static str)> {
    use Class as C;
    let bare = before.iter().all(|word| is_in(HARMLESS_TAILS, word)) && after.is_empty();
    let owner = before.last();
    let of_person = owner.is_some_and(|word| is_in(PERSONS, word));
    let of_other = owner.is_some_and(|word| is_in(ORGANISATIONS, word) || is_in(THINGS, word));
    let persons = table.is_about_persons() && !of_other;
    let yes = |is: bool, confidence: f64, why| is.then_some((confidence, why));
    match place.phrase.class {
        C::PersonName | C::FirstName | C::LastName => yes(of_person, 0.85, " of a person")
            .or(yes(persons && bare, 0.75, " in a table about persons"))
            .or(yes(
                table.list == Some(C::PersonName) && bare,
                0.7,
                " in a list of names",
            )),
        C::FreeText if place.text.contains("file") || place.text == "originalname" => yes(
            table.uploads || table.messages,
            0.5,
            ": files of persons often bear their names",
        ),
        C::FreeText => yes(table.messages && bare, 0.6, " in a table of messages").or(yes(
            persons && bare && place.text.starts_with("desc"),
            0.45,
            " of a person",
        )),
        C::Secret => yes(table.secrets && bare, 0.6, " in a table of secrets"),
        C::Health => yes(table.medical, 0.6, " in a table about health"),
        C::City => yes(table.address_columns && bare, 0.5, " beside an address"),
        C::Money => yes(persons || of_person, 0.5, " of a person"),
        C::Company => yes(persons, 0.5, " of a person"),
        C::Url | C::Biometric => yes(persons || of_person, 0.45, " of a person"),
        _ => yes((persons && bare) || of_person, 0.5, " of a person"),
    }
}

/// The address of a school is no personal data; an e-mail address there may be somebody's.
pub(super) fn in_place(finding: Finding, table: &Table) -> Finding {
    use Class as C;
    if table.subject != Subject::Organisation {
        return finding;
    }
    match finding.class {
        C::Address | C::City | C::PostalCode | C::Location | C::Url | C::Company => {
            finding.scaled(if table.people_columns { 0.5 } else { 0.35 })
        }
        C::Phone | C::BankAccount | C::NationalId | C::DocumentId => finding.scaled(0.5),
        _ => finding,
    }
}

/// Columns whose name means something in their table alone.
fn special(words: &[String], family: Family, table: &Table) -> Option<Finding> {
    let texts = matches!(family, Family::Text | Family::TextArray);
    let all: Vec<&str> = words.iter().map(String::as_str).collect();
    if let Some(class) = table.list.filter(|class| family.may_hold(*class))
        && let ["value" | "text" | "canonical" | "number" | "address" | "name" | "data" | "local"] =
            all[..]
    {
        return Some(Finding::new(
            class,
            0.8,
            format!("in a list whose rows are of the class {class}"),
        ));
    }
    if table.messages
        && texts
        && let ["to" | "from" | "cc" | "bcc"] | ["to" | "from", "address" | "addr"] = all[..]
    {
        return Some(Finding::new(Class::Email, 0.7, "the address of a message"));
    }
    if table.searches
        && texts
        && let ["q" | "query" | "term" | "terms" | "text" | "keywords"] = all[..]
    {
        return Some(Finding::new(
            Class::FreeText,
            0.6,
            "what somebody searched for",
        ));
    }
    pseudonym(&all, family, table).or_else(|| match family {
        Family::Document if !words.iter().any(|word| is_settings(word)) => Some(Finding::new(
            Class::Document,
            0.45,
            "a document can hold anything",
        )),
        Family::Geometry if table.subject != Subject::Organisation => Some(Finding::new(
            Class::Location,
            0.5,
            "its type is a place on a map",
        )),
        _ => None,
    })
}

/// Keys that stand for a person.
fn pseudonym(words: &[&str], family: Family, table: &Table) -> Option<Finding> {
    if !family.may_hold(Class::PseudonymousId) {
        return None;
    }
    let person = |word: &str| is_in(PERSONS, word);
    let why = match words {
        ["id" | "uuid" | "guid" | "pk"] if table.subject == Subject::Person => {
            "the key of a table about persons"
        }
        [.., who, "id" | "uuid" | "guid" | "fk" | "key"] if person(who) => "refers to a person",
        [one] if one.len() > 4 && one.strip_suffix("id").is_some_and(person) => {
            "refers to a person"
        }
        _ => return None,
    };
    Some(Finding::new(Class::PseudonymousId, 0.5, why))
}

fn is_settings(word: &str) -> bool {
    const WORDS: &str = "setting settings option options config configuration configs permission permissions feature \
        features flag flags schema rules rule layout style styles theme translations i18n labels tags tag categories \
        capabilities scopes definition template stats statistics metrics counts dimensions widgets columns preferences \
        prefs registers register types checks limits pricing prices attributes_schema opening hours";
    WORDS.split_whitespace().any(|known| known == word)
}

/// A comment that speaks of personal data.
fn by_comment(comment: &str, family: Family) -> Option<Finding> {
    let words = tokens(comment);
    let joined = words.join(" ");
    let place = longest(&words)
        .filter(|place| place.phrase.weight == Weight::Sure && family.may_hold(place.phrase.class));
    let marked = [
        "pii",
        "personal data",
        "personenbezogen",
        "donnees personnelles",
        "gdpr",
        "rgpd",
        "dsgvo",
    ]
    .iter()
    .any(|mark| format!(" {joined} ").contains(&format!(" {mark} ")));
    match place {
        Some(place) if family != Family::Bool => Some(Finding::new(
            place.phrase.class,
            if marked { 0.8 } else { 0.5 },
            format!("its comment speaks of \"{}\"", place.text),
        )),
        _ => (marked && family.may_hold(Class::FreeText))
            .then(|| Finding::new(Class::FreeText, 0.6, "its comment calls it personal")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(table: &str, column: &str, data_type: &str) -> Option<Class> {
        by_name(&[ColumnName {
            table,
            column,
            data_type,
            comment: None,
        }])[0]
            .as_ref()
            .map(|finding| finding.class)
    }

    #[test]
    fn personal_columns_of_many_languages_and_applications() {
        use Class as C;
        for (table, column, wanted) in [
            ("users", "first_name", C::FirstName),
            ("kunden", "Nachname", C::LastName),
            ("clients", "date_naissance", C::BirthDate),
            ("clientes", "telefono_casa", C::Phone),
            ("kunden", "strasse", C::Address),
            ("kunden", "ort", C::City),
            ("kunden", "plz", C::PostalCode),
            ("klienci", "imie", C::FirstName),
            ("klienci", "numer_telefonu", C::Phone),
            ("anvandare", "personnummer", C::NationalId),
            ("medewerkers", "geboortedatum", C::BirthDate),
            ("dipendenti", "codice_fiscale", C::NationalId),
            ("funcionarios", "cpf", C::NationalId),
            ("employees", "ssn", C::NationalId),
            ("patients", "nhs_number", C::NationalId),
            ("staff", "nino", C::NationalId),
            ("auth_user", "password", C::Password),
            ("users", "encrypted_password", C::Password),
            ("users", "otp_secret", C::Secret),
            ("django_session", "session_key", C::Secret),
            ("user_ips", "ip", C::IpAddress),
            ("access_log", "remote_addr", C::IpAddress),
            ("sessions", "user_agent", C::UserAgent),
            ("payments", "card_last4", C::CardNumber),
            ("accounts", "iban", C::Iban),
            ("accounts", "bic", C::BankAccount),
            ("users", "avatar", C::Biometric),
            ("users", "bio", C::FreeText),
            ("customers", "name", C::PersonName),
            ("orders", "customer_name", C::PersonName),
            ("orders", "shippingAddress", C::Address),
            ("x", "customeremail", C::Email),
            ("messages", "body", C::FreeText),
            ("events", "sender", C::Email),
            ("employees", "salary", C::Money),
            ("patients", "diagnosis", C::Health),
            ("users", "religion", C::Sensitive),
            ("person", "weiblich_geschlecht", C::Gender),
            ("users", "id", C::PseudonymousId),
            ("orders", "customer_id", C::PseudonymousId),
        ] {
            assert_eq!(
                class(table, column, "text"),
                Some(wanted),
                "{table}.{column}"
            );
        }
        assert_eq!(class("log", "src", "inet"), Some(C::IpAddress));
        assert_eq!(class("audits", "changes", "jsonb"), Some(C::Document));
    }

    #[test]
    fn what_looks_alike_and_is_not_personal() {
        for (table, column, data_type) in [
            ("products", "name", "text"),
            ("film", "title", "text"),
            ("users", "created_at", "timestamp"),
            ("users", "email_verified", "boolean"),
            ("users", "email_status", "text"),
            ("users", "has_phone", "boolean"),
            ("users", "password_changed_at", "timestamptz"),
            ("users", "email_count", "int"),
            ("orders", "status", "text"),
            ("orders", "id", "bigint"),
            ("orders", "product_id", "bigint"),
            ("schools", "postcode", "text"),
            ("schools", "address_1", "text"),
            ("plans", "settings", "jsonb"),
            ("users", "email", "boolean"),
            ("teachers", "email_domain", "text"),
            ("roles", "description", "text"),
            ("files", "mime_type", "text"),
        ] {
            assert_eq!(class(table, column, data_type), None, "{table}.{column}");
        }
    }

    #[test]
    fn columns_beside_and_comments_tell() {
        let column = |column| ColumnName {
            table: "support_requests_x",
            column,
            data_type: "text",
            comment: None,
        };
        let found = by_name(&[column("name"), column("email")]);
        assert_eq!(found[0].as_ref().map(|f| f.class), Some(Class::PersonName));
        let comment = ColumnName {
            table: "t",
            column: "c1",
            data_type: "text",
            comment: Some("the customer's e-mail address"),
        };
        let found = by_name(&[comment]);
        assert_eq!(found[0].as_ref().map(|f| f.class), Some(Class::Email));
        assert!(
            found[0]
                .as_ref()
                .is_some_and(|f| f.reason.contains("comment"))
        );
    }
}
