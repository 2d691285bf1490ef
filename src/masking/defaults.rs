//! The rule that a draft proposes for a class of personal data.

use std::collections::BTreeMap;

use super::{Class, Locale, Mask, Rule, Shape};

/// The rule for a class on a column of a shape. It compiles on every nullable column that is no
/// unique key; somebody who knows the data may choose a better one.
#[must_use]
pub fn default_rule(class: Class, shape: Shape) -> Rule {
    let mask = match shape {
        Shape::Text | Shape::TextArray => of_text(class),
        Shape::Integer(_) | Shape::Float(_) | Shape::Numeric => of_number(class, shape),
        Shape::Date | Shape::Timestamp => Some(Mask::ShiftDays { max: 30, per: None }),
        Shape::Json | Shape::Jsonb => Some(Mask::Json {
            paths: BTreeMap::new(),
            otherwise: Box::new(Rule::new(Mask::Redact)),
        }),
        Shape::Uuid => match class {
            Class::Password => None,
            _ => Some(Mask::Uuid),
        },
        Shape::Inet => Some(Mask::Ip),
        Shape::Mac => Some(Mask::Mac),
        Shape::Bytes => match class {
            Class::Secret | Class::DeviceId => Some(Mask::Hash { length: 32 }),
            _ => None,
        },
        Shape::Bool | Shape::Time => None,
        Shape::Other => Some(match class {
            // Most often an enum; on another type the plan is refused and asks.
            Class::Gender | Class::Sensitive => Mask::Enum,
            _ => Mask::Null,
        }),
    };
    Rule::new(mask.unwrap_or(Mask::Redact))
}

fn of_text(class: Class) -> Option<Mask> {
    let locale = Locale::default();
    let host = || "example.com".to_owned();
    Some(match class {
        Class::PersonName => Mask::PersonName { locale },
        Class::FirstName => Mask::FirstName { locale },
        Class::LastName => Mask::LastName { locale },
        Class::UserName => Mask::UserName { locale },
        Class::Email => Mask::Email {
            locale,
            host: host(),
            ignore_case: false,
        },
        Class::Phone => Mask::Phone,
        Class::Address => Mask::Address { locale },
        Class::City => Mask::City { locale },
        Class::PostalCode => Mask::PostalCode,
        Class::Company => Mask::Company { locale },
        Class::CardNumber => Mask::CardNumber,
        Class::Iban => Mask::Iban,
        // The country is not known here.
        Class::NationalId
        | Class::DocumentId
        | Class::BankAccount
        | Class::DeviceId
        | Class::PseudonymousId => Mask::Permute,
        Class::IpAddress => Mask::Ip,
        Class::UserAgent => Mask::UserAgent,
        Class::Url => Mask::Url { host: host() },
        Class::Secret => Mask::Hash { length: 32 },
        Class::FreeText | Class::Document => Mask::RedactText,
        Class::BirthDate
        | Class::PersonalDate
        | Class::Age
        | Class::Gender
        | Class::Sensitive
        | Class::CardSecurity
        | Class::Money
        | Class::Health
        | Class::Location
        | Class::Password
        | Class::Biometric => return None,
    })
}

fn of_number(class: Class, shape: Shape) -> Option<Mask> {
    let integer = matches!(shape, Shape::Integer(_));
    Some(match class {
        Class::Age => Mask::AgeBand { step: 5, top: 90 },
        Class::Money => Mask::Noise { percent: 10.0 },
        // A tenth of a degree: eleven kilometres from north to south.
        Class::Location if !integer => Mask::Range { step: 0.1 },
        Class::PseudonymousId => Mask::Keep,
        Class::Phone if integer => Mask::Phone,
        Class::CardNumber if shape == Shape::Integer(8) => Mask::CardNumber,
        Class::NationalId
        | Class::DocumentId
        | Class::BankAccount
        | Class::DeviceId
        | Class::PostalCode
            if integer =>
        {
            Mask::Permute
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::masking::compile;
    use crate::masking::mask::tests_support::{facts, key};

    #[test]
    fn every_draft_compiles_and_only_pseudonyms_are_kept() {
        for data_type in [
            "text",
            "text[]",
            "character varying(40)",
            "smallint",
            "integer",
            "bigint",
            "real",
            "double precision",
            "numeric",
            "boolean",
            "date",
            "timestamp with time zone",
            "time",
            "uuid",
            "inet",
            "macaddr",
            "bytea",
            "json",
            "jsonb",
            "point",
            "public.mood",
        ] {
            let mut facts = facts(data_type);
            if data_type == "public.mood" {
                facts.labels = vec!["sad".to_owned(), "ok".to_owned()];
            }
            for class in Class::ALL {
                let rule = default_rule(*class, facts.shape);
                assert_eq!(Rule::from_toml(&rule.to_toml()), Ok(rule.clone()));
                if data_type == "point" && matches!(rule.mask, Mask::Enum) {
                    continue;
                }
                let mask = compile(&rule, &facts, &key())
                    .unwrap_or_else(|error| panic!("{class} on {data_type}: {error}"));
                assert!(mask.is_some() || *class == Class::PseudonymousId, "{class}");
            }
        }
    }
}
