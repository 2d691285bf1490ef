//! Masks that hold rules of their own, and what follows from those.

use super::{Class, Mask, Rule};

impl Mask {
    /// The rules inside of the mask, one level down: those of paths, keys or attributes in their
    /// order, then `then` and `otherwise`.
    pub fn inner(&self) -> impl Iterator<Item = &Rule> {
        let (named, then, otherwise) = match self {
            Self::Json {
                paths: rules,
                otherwise,
            }
            | Self::Xml {
                paths: rules,
                otherwise,
            }
            | Self::Hstore {
                keys: rules,
                otherwise,
            } => (Some(rules), None, Some(otherwise)),
            Self::Attributes { attributes } => (Some(attributes), None, None),
            Self::When {
                then, otherwise, ..
            } => (None, Some(then), Some(otherwise)),
            _ => (None, None, None),
        };
        let named = named.into_iter().flat_map(|rules| rules.values());
        named.chain(then.into_iter().chain(otherwise).map(Box::as_ref))
    }

    /// Whether the mask lets parts of a value stay, so that a whole value may stay as it is.
    #[must_use]
    pub fn keeps_parts(&self) -> bool {
        // A composite may have no attributes.
        matches!(self, Self::RedactText { .. } | Self::Attributes { .. })
            || self.inner().next().is_some()
    }

    /// Whether parts of a value are kept by the policy, whatever they hold.
    #[must_use]
    pub fn keeps_leaves(&self) -> bool {
        match self {
            Self::Json { .. } => self.inner().any(Rule::is_keep),
            Self::RedactText { .. } => false,
            _ => self.keeps_parts(),
        }
    }

    /// The class of data that the mask tells: `email`, `card_number`, `redact_text`; under a
    /// condition that of the first branch which tells one.
    #[must_use]
    pub fn class(&self) -> Option<Class> {
        match self {
            Self::Json { .. } | Self::Xml { .. } | Self::Hstore { .. } => Some(Class::Document),
            Self::When { .. } => self.inner().find_map(|rule| rule.mask.class()),
            Self::RedactText { .. } => Some(Class::FreeText),
            Self::Ip => Some(Class::IpAddress),
            Self::Mac => Some(Class::DeviceId),
            other => other.name().replace('_', "-").parse().ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::masking::Class;
    use crate::masking::mask::tests_support::rule;

    #[test]
    fn masks_tell_a_class_and_what_they_keep() {
        for (text, class, parts, leaves) in [
            (r#""email""#, Some(Class::Email), false, false),
            (r#""card_number""#, Some(Class::CardNumber), false, false),
            (r#""mac""#, Some(Class::DeviceId), false, false),
            (r#""redact_text""#, Some(Class::FreeText), true, false),
            (r#""redact""#, None, false, false),
            (r#""keep""#, None, false, false),
            (r"{ json = {} }", Some(Class::Document), true, false),
            (
                r#"{ json = { "$.a" = "keep" } }"#,
                Some(Class::Document),
                true,
                true,
            ),
            (
                r#"{ json = {}, otherwise = "keep" }"#,
                Some(Class::Document),
                true,
                true,
            ),
            (r"{ xml = {} }", Some(Class::Document), true, true),
            (r"{ hstore = {} }", Some(Class::Document), true, true),
            (r"{ attributes = {} }", None, true, true),
            (r#"{ street = "address" }"#, None, true, true),
            (
                r#"{ when = "a = 1", then = "keep", otherwise = "phone" }"#,
                Some(Class::Phone),
                true,
                true,
            ),
            (
                r#"{ when = "a = 1", then = "ip", otherwise = "phone" }"#,
                Some(Class::IpAddress),
                true,
                true,
            ),
            (r#"{ when = "a = 1", then = "keep" }"#, None, true, true),
        ] {
            let mask = rule(text).mask;
            let told = (mask.class(), mask.keeps_parts(), mask.keeps_leaves());
            assert_eq!(told, (class, parts, leaves), "{text}");
        }
    }
}
