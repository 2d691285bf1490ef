//! The shipped packs: names of columns and the classes they tell, and the usual rule of each class.
//! They are TOML below `masking-rules/` of this repository, embedded in the binary.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::family::Family;
use super::pattern::Pattern;
use super::words::normal;
use crate::masking::Class;

macro_rules! shipped {
    ($($name:literal),+) => {
        &[$((
            $name,
            include_str!(concat!("../../../masking-rules/", $name, ".toml")),
        )),+]
    };
}

/// The packs by name, with their text.
pub(super) const TEXTS: &[(&str, &str)] = shipped!(
    "person",
    "contact",
    "address",
    "payment",
    "health",
    "web",
    "national_ids",
    "secrets",
    "staging_safety"
);

/// The usual rules of the classes.
pub(super) const CLASSES_TEXT: &str = include_str!("../../../masking-rules/classes.toml");

/// A pack.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pack {
    #[allow(dead_code, reason = "part of the format, checked by a test")]
    version: u32,
    #[allow(dead_code, reason = "for people")]
    title: String,
    #[serde(rename = "match")]
    matches: Vec<Match>,
}

/// Names that tell one class.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Match {
    /// Names of columns after [`normal`]; may hold `*`.
    names: Vec<String>,
    /// Only in tables whose name fits one of these; in all of them when empty.
    #[serde(default)]
    tables: Vec<String>,
    /// Only for types of these families.
    types: Vec<Family>,
    /// The class.
    class: Class,
    /// A rule instead of the usual one of the class.
    rule: Option<toml::Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Classes {
    #[allow(dead_code, reason = "part of the format, checked by a test")]
    version: u32,
    classes: BTreeMap<Class, BTreeMap<Family, toml::Value>>,
}

/// The packs are part of the program: a test reads each of them, so none is skipped here.
static PACKS: LazyLock<Vec<(&'static str, Pack)>> = LazyLock::new(|| {
    TEXTS
        .iter()
        .filter_map(|(name, text)| Some((*name, toml::from_str(text).ok()?)))
        .collect()
});

static CLASSES: LazyLock<BTreeMap<Class, BTreeMap<Family, toml::Value>>> = LazyLock::new(|| {
    toml::from_str::<Classes>(CLASSES_TEXT)
        .map(|file| file.classes)
        .unwrap_or_default()
});

/// What a pack says of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Told {
    /// The pack.
    pub(super) pack: &'static str,
    /// The class.
    pub(super) class: Class,
    /// A rule instead of the usual one of the class.
    pub(super) rule: Option<&'static toml::Value>,
}

/// Names of all packs.
pub(super) fn names() -> Vec<&'static str> {
    TEXTS.iter().map(|(name, _)| *name).collect()
}

/// What the first fitting pack says of a column; `enabled` chooses the packs.
pub(super) fn tell(
    enabled: impl Fn(&str) -> bool,
    table: &str,
    column: &str,
    family: Family,
) -> Option<Told> {
    let (table, column) = (normal(table), normal(column));
    let fits = |patterns: &[String], name: &str| {
        patterns
            .iter()
            .any(|text| Pattern::new(text.as_str()).matches(name))
    };
    PACKS
        .iter()
        .filter(|(name, _)| enabled(name))
        .flat_map(|(name, pack)| pack.matches.iter().map(move |found| (*name, found)))
        .find(|(_, found)| {
            found.types.contains(&family)
                && fits(&found.names, &column)
                && (found.tables.is_empty() || fits(&found.tables, &table))
        })
        .map(|(pack, found)| Told {
            pack,
            class: found.class,
            rule: found.rule.as_ref(),
        })
}

/// The usual rule of a class for a family of types, as a policy would write it.
pub(super) fn usual(class: Class, family: Family) -> Option<&'static toml::Value> {
    CLASSES.get(&class)?.get(&family)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pack_is_valid_and_never_keeps() {
        for (name, text) in TEXTS {
            let pack: Pack = toml::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(pack.version, 1, "{name}");
            for found in &pack.matches {
                assert!(
                    !found.names.is_empty() && !found.types.is_empty(),
                    "{name}: {found:?}"
                );
                assert_ne!(found.rule, Some("keep".into()), "{name}: {found:?}");
                for family in &found.types {
                    assert!(
                        found.rule.is_some() || usual(found.class, *family).is_some(),
                        "{name}: {} has no rule for {family:?}",
                        found.class
                    );
                }
                for pattern in found.names.iter().chain(&found.tables) {
                    let plain = pattern.replace('*', "x");
                    assert_eq!(normal(&plain), plain, "{name}: {pattern}");
                }
            }
        }
        assert_eq!(PACKS.len(), TEXTS.len());
    }

    #[test]
    fn every_class_has_a_usual_rule_and_none_keeps() {
        let classes: Classes = toml::from_str(CLASSES_TEXT).unwrap();
        assert_eq!(classes.version, 1);
        for class in Class::ALL {
            assert!(CLASSES.contains_key(class), "{class}");
        }
        for rule in classes.classes.values().flat_map(BTreeMap::values) {
            assert_ne!(rule, &"keep".into());
        }
    }

    #[test]
    fn every_shipped_rule_is_a_rule() {
        let own = PACKS
            .iter()
            .flat_map(|(_, pack)| pack.matches.iter().filter_map(|m| m.rule.as_ref()));
        for value in own.chain(CLASSES.values().flat_map(BTreeMap::values)) {
            crate::masking::Rule::from_toml(value)
                .unwrap_or_else(|error| panic!("{value}: {error}"));
        }
    }

    #[test]
    fn names_tell_classes() {
        let told = |table: &str, column: &str, family| {
            tell(|_| true, table, column, family).map(|told| told.class)
        };
        use Class as C;
        use Family as F;
        for (table, column, family, class) in [
            ("users", "email", F::Text, Some(C::Email)),
            ("orders", "billingEmail", F::Text, Some(C::Email)),
            ("users", "email_verified", F::Boolean, None),
            ("users", "email_verified_at", F::Date, None),
            ("users", "first_name", F::Text, Some(C::FirstName)),
            ("customers", "name", F::Text, Some(C::PersonName)),
            ("products", "name", F::Text, None),
            ("users", "vorname", F::Text, Some(C::FirstName)),
            ("staff", "telefon", F::Text, Some(C::Phone)),
            ("users", "dob", F::Date, Some(C::BirthDate)),
            ("users", "passwordHash", F::Text, Some(C::Password)),
            ("hooks", "webhook_url", F::Text, Some(C::Url)),
            ("sessions", "ip_address", F::Inet, Some(C::IpAddress)),
            ("cards", "iban", F::Text, Some(C::Iban)),
            ("people", "ssn", F::Text, Some(C::NationalId)),
            ("people", "pesel", F::Text, Some(C::NationalId)),
            ("patients", "hiv_positive", F::Boolean, Some(C::Health)),
            ("orders", "quantity", F::Integer, None),
            ("orders", "sku", F::Text, None),
            ("orders", "created_at", F::Date, None),
            ("users", "id", F::Integer, None),
        ] {
            assert_eq!(told(table, column, family), class, "{table}.{column}");
        }
        assert_eq!(
            tell(|name| name == "payment", "users", "email", F::Text),
            None
        );
    }
}
