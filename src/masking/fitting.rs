//! The rule for a class of personal data that surely compiles for a column. Packs, `class = "..."`
//! in a policy and the drafts of `mask scan` all take their rules from here.

use super::{Class, ColumnFacts, Mask, MaskKey, Rule, Shape, compile, default_rule};
use crate::error::Result;

/// What a rule must respect beside the column's type.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// Distinct values must keep distinct masks: the column is in a unique key, perhaps with others.
    pub key: bool,
    /// The values that a check allows, when it lists them.
    pub listed: Vec<String>,
    /// Another check speaks of the column.
    pub checked: bool,
    /// Masks that are known to refuse some value of the column, by name.
    pub refused: Vec<&'static str>,
}

/// The rule for a class on a column: the usual one ([`default_rule`]) where it compiles, else the
/// first that does of those that hide more. `None` when no mask fits: somebody has to write one.
///
/// A class never becomes "keep" here but for numbers that stand for a person and mean nothing.
#[must_use]
pub fn fitting_rule(class: Class, facts: &ColumnFacts, limits: &Limits) -> Option<Rule> {
    let usual = default_rule(class, facts.shape);
    if usual.is_keep() {
        return Some(usual);
    }
    let facts = ColumnFacts {
        unique: facts.unique || limits.key,
        ..facts.clone()
    };
    candidates(usual.mask, &facts, limits)
        .into_iter()
        .filter(|mask| !limits.refused.contains(&mask.name()))
        .map(|mask| Rule {
            unique: facts.unique && mask != Mask::Null,
            ..Rule::new(mask)
        })
        .find(|rule| check_rule(rule, &facts).is_ok())
}

/// Whether a rule can be compiled for a column; no key is needed for that.
///
/// # Errors
/// Those of [`compile`].
pub fn check_rule(rule: &Rule, facts: &ColumnFacts) -> Result<()> {
    compile(rule, facts, &MaskKey::throw_away()).map(|_| ())
}

/// From the one that keeps most of the data's use to the one that keeps nothing.
fn candidates(usual: Mask, facts: &ColumnFacts, limits: &Limits) -> Vec<Mask> {
    let hides_form = matches!(
        usual,
        Mask::Redact | Mask::RedactText { .. } | Mask::Hash { .. }
    );
    let keeps_form = matches!(
        usual,
        Mask::Phone | Mask::PostalCode | Mask::CardNumber | Mask::Iban | Mask::Ip | Mask::Mac
    );
    let mut masks = Vec::new();
    if let Some(value) = limits.listed.first().filter(|_| !facts.unique) {
        let value = value.clone();
        masks.push(Mask::Constant { value });
    }
    if limits.checked && hides_form {
        masks.push(Mask::Permute);
    }
    masks.push(usual);
    if keeps_form {
        masks.push(Mask::Permute);
    }
    if !facts.labels.is_empty() {
        masks.push(Mask::Enum);
    }
    if facts.unique {
        // One to one, on the types that have such a mask.
        masks.extend([Mask::Permute, Mask::Hash { length: 32 }]);
    }
    masks.push(Mask::Redact);
    if !facts.not_null {
        masks.push(Mask::Null);
    }
    if let Some(value) = empty_value(&facts.data_type).filter(|_| !facts.unique) {
        masks.push(Mask::Sql {
            expression: format!("{}::{}", crate::sql::literal(value), facts.data_type),
        });
    }
    masks
}

/// A neutral value of a type that masks do not know. Arrays, hstore, ranges and their multiranges are
/// emptied by `redact`; here are those that only their name tells.
fn empty_value(data_type: &str) -> Option<&'static str> {
    if Shape::of(data_type) != Shape::Other {
        return None;
    }
    let bare = data_type.split('(').next().unwrap_or_default().trim();
    let bare = bare.rsplit('.').next().unwrap_or(bare).trim_matches('"');
    Some(match bare {
        "tsvector" | "ltree" | "bit varying" | "tsquery" => "",
        "interval" | "money" | "pg_lsn" | "oid" => "0",
        "time with time zone" => "00:00:00+00",
        "point" => "(0,0)",
        "box" => "(0,0),(0,0)",
        "circle" => "<(0,0),0>",
        "lseg" | "path" => "[(0,0),(0,0)]",
        "line" => "{1,0,0}",
        "polygon" => "((0,0))",
        name if name.ends_with("multirange") => "{}",
        name if name.ends_with("range") => "empty",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::masking::mask::tests_support::facts;

    fn name(class: Class, facts: &ColumnFacts) -> Option<&'static str> {
        fitting_rule(class, facts, &Limits::default()).map(|rule| rule.mask.name())
    }

    #[test]
    fn checks_and_values_that_a_mask_refuses_lead_to_another_mask() {
        let text = facts("text");
        let with = |limits: Limits| fitting_rule(Class::Gender, &text, &limits).unwrap();
        let constant = Mask::Constant {
            value: "f".to_owned(),
        };
        let listed = vec!["f".to_owned(), "m".to_owned()];
        let limits = Limits {
            listed,
            ..Limits::default()
        };
        assert_eq!(with(limits.clone()), Rule::new(constant));
        let key = Limits {
            key: true,
            ..limits
        };
        assert_eq!(with(key).mask, Mask::Permute);
        let checked = Limits {
            checked: true,
            ..Limits::default()
        };
        assert_eq!(with(checked).mask, Mask::Permute);
        for (refused, expected) in [
            (vec![], "phone"),
            (vec!["phone"], "permute"),
            (vec!["phone", "permute"], "redact"),
        ] {
            let limits = Limits {
                refused,
                ..Limits::default()
            };
            let rule = fitting_rule(Class::Phone, &text, &limits).unwrap();
            assert_eq!(rule.mask.name(), expected);
        }
    }

    #[test]
    fn personal_data_in_a_column_that_refuses_null_and_in_keys_is_masked() {
        let labels = vec!["m".to_owned(), "f".to_owned()];
        for (class, data_type, not_null, unique, expected) in [
            (Class::Email, "text", true, true, Some("email")),
            (Class::Health, "text", true, false, Some("redact")),
            (Class::Health, "text", true, true, Some("permute")),
            (Class::Password, "text", false, true, Some("permute")),
            (Class::Biometric, "bytea", true, false, Some("redact")),
            (Class::Biometric, "bytea", true, true, Some("hash")),
            (Class::BirthDate, "date", true, true, Some("shift_days")),
            (Class::Gender, "public.sex", true, false, Some("enum")),
            (Class::Gender, "public.sex", true, true, Some("enum")),
            (Class::Location, "point", true, false, Some("sql")),
            (Class::Location, "point", false, false, Some("null")),
            (Class::Health, "integer[]", true, false, Some("redact")),
            (Class::Health, "numeric", true, true, None),
            (Class::PseudonymousId, "bigint", true, true, Some("keep")),
            (Class::PseudonymousId, "text", true, true, Some("permute")),
        ] {
            let mut facts = facts(data_type);
            (facts.not_null, facts.unique) = (not_null, unique);
            if data_type == "public.sex" {
                facts.labels.clone_from(&labels);
            }
            assert_eq!(name(class, &facts), expected, "{class} on {data_type}");
        }
    }

    #[test]
    fn every_class_has_a_rule_for_every_type_that_is_no_key() {
        for data_type in [
            "text",
            "text[]",
            "smallint",
            "real",
            "numeric",
            "boolean",
            "date",
            "time",
            "uuid",
            "inet",
            "macaddr",
            "bytea",
            "json",
            "jsonb",
            "xml",
            "point",
            "interval",
            "daterange",
            "integer[]",
            "tsvector",
            "public.hstore",
            "public.mood",
        ] {
            let mut facts = facts(data_type);
            facts.not_null = true;
            if data_type == "public.mood" {
                facts.labels = vec!["sad".to_owned(), "ok".to_owned()];
            }
            for class in Class::ALL {
                let rule = fitting_rule(*class, &facts, &Limits::default());
                let rule = rule.unwrap_or_else(|| panic!("{class} on {data_type}"));
                assert!(
                    !rule.is_keep() || *class == Class::PseudonymousId,
                    "{class} on {data_type}"
                );
                assert_eq!(Rule::from_toml(&rule.to_toml()), Ok(rule));
            }
        }
    }
}
